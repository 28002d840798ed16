//! What providers make of tokens: the mappings and conditions that Google documents for each sort of issuer
//! (<https://cloud.google.com/iam/docs/workload-identity-federation>).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use identity::{Exchange, Member, Pool, Provider, State, claims_of_account};
use serde_json::json;
use yaml::Mark;

const NAME: &str = "//iam.googleapis.com/projects/17/locations/global/workloadIdentityPools/pool/providers/provider";

fn provider(issuer: Option<&str>, mapping: &[(&str, &str)], condition: Option<&str>) -> Provider {
    let (pool, id) = Pool::parse(NAME).unwrap();
    let mapping = mapping.iter();
    Provider {
        pool,
        id: id.unwrap(),
        issuer: issuer.map(str::to_owned),
        audiences: Vec::new(),
        mapping: mapping
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect(),
        condition: condition.map(str::to_owned),
        mark: Mark::NONE,
    }
}

/// The subject and the attributes, or what is said in their place.
fn exchanged(provider: &Provider, claims: &serde_json::Value) -> String {
    match provider.exchange(claims, &State::default()) {
        Exchange::Principal(principal) => {
            let Member::Federated { pool, subject } = &principal.member else {
                panic!("{principal:?}");
            };
            assert_eq!(*pool, provider.pool);
            let attributes = principal.attributes.iter();
            let attributes: Vec<String> = attributes.map(|(name, value)| format!(" {name}={value}")).collect();
            format!("{subject}{}", attributes.concat())
        }
        Exchange::Refused(why) => format!("refused: {why}"),
        Exchange::Unknown(why) => format!("unknown: {why}"),
    }
}

fn with_audience(mut claims: serde_json::Value) -> serde_json::Value {
    claims["aud"] = format!("https:{NAME}").into();
    claims
}

const GITHUB: &str = "https://token.actions.githubusercontent.com";
const GITLAB: &str = "https://gitlab.com";
const TERRAFORM: &str = "https://app.terraform.io";
const AZURE: &str = "https://sts.windows.net/tenant/";

#[test]
fn github() {
    let claims = with_audience(json!({
        "iss": GITHUB,
        "sub": "repo:acme/iris:ref:refs/heads/main",
        "repository": "acme/iris",
        "repository_owner": "acme",
        "repository_owner_id": "71",
        "actor": "ann",
        "ref": "refs/heads/main",
        "ref_type": "branch",
    }));
    let mapping: &[(&str, &str)] = &[
        ("google.subject", "assertion.sub"),
        ("attribute.actor", "assertion.actor"),
        ("attribute.repository", "assertion.repository"),
        ("attribute.owner", "assertion.repository_owner"),
    ];
    let all =
        "repo:acme/iris:ref:refs/heads/main attribute.actor=ann attribute.repository=acme/iris attribute.owner=acme";
    let table = [
        ("assertion.repository_owner == 'acme'", true),
        (
            "assertion.repository_owner_id=='71' && assertion.ref=='refs/heads/main' && assertion.ref_type=='branch'",
            true,
        ),
        ("attribute.repository.startsWith('acme/')", true),
        ("assertion.repository in ['acme/iris', 'acme/rose']", true),
        ("google.subject.matches('^repo:acme/.*$')", true),
        ("assertion.repository_owner == 'evil'", false),
        ("assertion.ref == 'refs/heads/dev'", false),
    ];
    for (condition, holds) in table {
        let provider = provider(Some(GITHUB), mapping, Some(condition));
        let expected = match holds {
            true => all.to_owned(),
            false => format!("refused: the condition of provider does not hold: {condition}"),
        };
        assert_eq!(exchanged(&provider, &claims), expected, "{condition}");
    }
}

#[test]
fn gitlab_terraform_and_azure() {
    let gitlab = with_audience(json!({
        "iss": GITLAB,
        "sub": "project_path:acme/iris:ref_type:branch:ref:main",
        "namespace_id": "72", "namespace_path": "acme", "project_id": "20", "project_path": "acme/iris",
        "ref": "main", "user_login": "ann",
    }));
    let terraform = with_audience(json!({
        "iss": TERRAFORM,
        "sub": "organization:acme:project:ml:workspace:iris:run_phase:apply",
        "terraform_organization_id": "org-1", "terraform_workspace_id": "ws-1", "terraform_run_phase": "apply",
    }));
    let azure = with_audience(json!({
        "iss": AZURE, "sub": "sp-1", "oid": "8bb39bdb", "tid": "tenant", "appid": "app-1", "groups": ["g-1", "g-2"],
    }));
    type Mapping<'m> = &'m [(&'m str, &'m str)];
    let table: &[(&str, &serde_json::Value, Mapping<'_>, &str, &str)] = &[
        (
            GITLAB,
            &gitlab,
            &[("google.subject", "assertion.sub")],
            "assertion.namespace_id == '72'",
            "project_path:acme/iris:ref_type:branch:ref:main",
        ),
        (
            GITLAB,
            &gitlab,
            &[
                (
                    "google.subject",
                    "'gitlab::' + assertion.project_id + '::' + assertion.ref",
                ),
                ("attribute.path", "assertion.project_path.split('/')[0]"),
            ],
            "assertion.namespace_path.startsWith('acme')",
            "gitlab::20::main attribute.path=acme",
        ),
        (
            GITLAB,
            &gitlab,
            &[("google.subject", "assertion.sub")],
            "assertion.namespace_id == '73'",
            "refused: the condition of provider does not hold: assertion.namespace_id == '73'",
        ),
        (
            TERRAFORM,
            &terraform,
            &[
                ("google.subject", "assertion.terraform_workspace_id"),
                ("attribute.phase", "assertion.terraform_run_phase"),
            ],
            "assertion.sub.startsWith('organization:acme:project:ml:workspace:iris')",
            "ws-1 attribute.phase=apply",
        ),
        (
            AZURE,
            &azure,
            &[
                ("google.subject", "assertion.sub"),
                ("google.groups", "assertion.groups"),
            ],
            "'g-1' in google.groups",
            "sp-1 google.groups=g-1 google.groups=g-2",
        ),
        (
            AZURE,
            &azure,
            &[
                ("google.subject", "'azure::' + assertion.tid + '::' + assertion.sub"),
                (
                    "attribute.workload",
                    "{'8bb39bdb': 'training', 'cdefa8bd': 'serving'}[assertion.oid]",
                ),
            ],
            "google.subject in ['azure::tenant::sp-1']",
            "azure::tenant::sp-1 attribute.workload=training",
        ),
        (
            AZURE,
            &azure,
            &[("google.subject", "has(assertion.upn) ? assertion.upn : assertion.sub")],
            "assertion.appid == 'app-1'",
            "sp-1",
        ),
    ];
    for (issuer, claims, mapping, condition, expected) in table {
        let provider = provider(Some(issuer), mapping, Some(condition));
        assert_eq!(exchanged(&provider, claims), *expected, "{condition}");
    }
}

#[test]
fn amazon() {
    let claims = json!({
        "account": "123456789012",
        "arn": "arn:aws:sts::123456789012:assumed-role/trainer/i-0abc",
        "userid": "AROA:i-0abc",
    });
    let of_user = json!({"account": "1", "arn": "arn:aws:iam::1:user/ann", "userid": "AIDA"});
    let none = provider(None, &[], None);
    let role = "arn:aws:sts::123456789012:assumed-role/trainer";
    let expected = format!("{role}/i-0abc attribute.aws_role={role}");
    assert_eq!(exchanged(&none, &claims), expected);
    assert_eq!(
        exchanged(&none, &of_user),
        "arn:aws:iam::1:user/ann attribute.aws_role=arn:aws:iam::1:user/ann"
    );
    let instance = "assertion.arn.extract('assumed-role/{role_and_session}').extract('/{session}')";
    let mapping: &[(&str, &str)] = &[
        ("google.subject", "assertion.arn"),
        ("attribute.account", "assertion.account"),
        ("attribute.aws_ec2_instance", instance),
    ];
    let condition =
        "attribute.account == '123456789012' && assertion.arn.startsWith('arn:aws:sts::123456789012:assumed-role/')";
    let own = provider(None, mapping, Some(condition));
    assert_eq!(
        exchanged(&own, &claims),
        format!("{role}/i-0abc attribute.account=123456789012 attribute.aws_ec2_instance=i-0abc")
    );
    assert!(exchanged(&own, &of_user).starts_with("refused: "));
}

const CLUSTER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC";

#[test]
fn service_accounts_of_clusters() {
    let mapping: &[(&str, &str)] = &[
        ("google.subject", "assertion.sub"),
        ("attribute.namespace", "assertion['kubernetes.io']['namespace']"),
        (
            "attribute.service_account_name",
            "assertion['kubernetes.io']['serviceaccount']['name']",
        ),
        ("attribute.pod", "assertion['kubernetes.io']['pod']['name']"),
    ];
    let of = |condition: &str| provider(Some(CLUSTER), mapping, Some(condition));
    let audience = format!("https:{NAME}");
    let claims = claims_of_account(Some(CLUSTER), &audience, "ml", "trainer");
    let whole = "system:serviceaccount:ml:trainer attribute.namespace=ml attribute.service_account_name=trainer";
    // The name of a pod is not known before there is one.
    let table = [
        ("assertion['kubernetes.io']['namespace'] in ['ml', 'batch']", whole),
        ("attribute.namespace == 'ml'", whole),
        ("assertion.sub == 'system:serviceaccount:ml:trainer'", whole),
    ];
    for (condition, expected) in table {
        assert_eq!(exchanged(&of(condition), &claims), expected, "{condition}");
    }
    let other = of("attribute.namespace == 'web'");
    assert!(exchanged(&other, &claims).starts_with("refused: the condition of provider"));
    let by_pod = of("attribute.pod.startsWith('trainer-')");
    assert!(exchanged(&by_pod, &claims).starts_with("unknown: whether the condition of provider holds"));
    let malformed = of("attribute.pod ==");
    assert!(exchanged(&malformed, &claims).contains("malformed"));
}

#[test]
fn issuer_and_audience_must_fit() {
    let mapping: &[(&str, &str)] = &[("google.subject", "assertion.sub")];
    let mut own = provider(Some(CLUSTER), mapping, None);
    let claims = |issuer: &str, audience: &str| claims_of_account(Some(issuer), audience, "ml", "trainer");
    let name = NAME.trim_start_matches("//");
    let is_taken =
        |provider: &Provider, audience: &str| !exchanged(provider, &claims(CLUSTER, audience)).contains("refused");
    assert!(is_taken(&own, &format!("https:{NAME}")));
    assert!(is_taken(&own, NAME));
    assert_eq!(
        exchanged(&own, &claims(CLUSTER, "sts.amazonaws.com")),
        format!("refused: it is for sts.amazonaws.com, and the provider provider takes tokens for https://{name}")
    );
    assert_eq!(
        exchanged(&own, &claims("https://other", NAME)),
        format!("refused: https://other signs it, and the provider provider trusts {CLUSTER}")
    );
    own.audiences = vec!["gcp".to_owned()];
    assert!(is_taken(&own, "gcp"));
    assert!(!is_taken(&own, NAME), "its own name is not among them");
    let long = provider(
        Some(CLUSTER),
        &[(
            "google.subject",
            "assertion.sub + assertion.sub + assertion.sub + assertion.sub + assertion.sub",
        )],
        None,
    );
    assert_eq!(
        exchanged(&long, &claims(CLUSTER, NAME)),
        "refused: its google.subject has 160 bytes, and 127 are allowed"
    );
    let none = provider(Some(CLUSTER), &[("attribute.x", "assertion.sub")], None);
    assert_eq!(
        exchanged(&none, &claims(CLUSTER, NAME)),
        "refused: the provider provider maps nothing to google.subject"
    );
}

/// Claims, a mapping, a condition, and what comes of them.
type Row<'r> = (
    &'r serde_json::Value,
    &'r [(&'r str, &'r str)],
    Option<&'r str>,
    &'r str,
);

fn check(issuer: Option<&str>, rows: &[Row<'_>]) {
    for (claims, mapping, condition, expected) in rows {
        let provider = provider(issuer, mapping, *condition);
        assert_eq!(exchanged(&provider, claims), *expected, "{mapping:?} {condition:?}");
    }
}

/// The examples of <https://cloud.google.com/iam/docs/workload-identity-federation#mapping>.
#[test]
fn examples_of_the_overview() {
    let claims = json!({
        "sub": "me", "aud": "us", "email": "ann@acme.com", "department": ["ml", "research"],
        "workload_id": "55d36609-9bcf-48e0-a366-a3cf19027d2a",
    });
    let on_profile = json!({"arn": "arn:aws:iam::123456789012:instance-profile/Production"});
    let on_role = json!({"arn": "arn:aws:sts::123456789012:assumed-role/ec2-my-role/i-0"});
    let names = "{\"8bb39bdb-1cc5-4447-b7db-a19e920eb111\": \"Workload1\", \
                 \"55d36609-9bcf-48e0-a366-a3cf19027d2a\": \"Workload2\"}[assertion.workload_id]";
    let environment = "assertion.arn.contains(\":instance-profile/Production\") ? \"prod\" : \"test\"";
    let role = "assertion.arn.contains('assumed-role') ? assertion.arn.extract('{account_arn}assumed-role/') + \
                'assumed-role/' + assertion.arn.extract('assumed-role/{role_name}/') : assertion.arn";
    let subject = ("google.subject", "assertion.sub");
    let arn = ("google.subject", "assertion.arn");
    let by_role = "attribute.aws_role == \"arn:aws:sts::123456789012:assumed-role/ec2-my-role\"";
    check(
        None,
        &[
            (&claims, &[subject], None, "me"),
            (
                &claims,
                &[(
                    "google.subject",
                    "'myprovider::' + assertion.aud + '::' + assertion.sub",
                )],
                None,
                "myprovider::us::me",
            ),
            (
                &claims,
                &[subject, ("attribute.my_display_name", names)],
                None,
                "me attribute.my_display_name=Workload2",
            ),
            (
                &claims,
                &[subject, ("attribute.username", "assertion.email.split(\"@\")[0]")],
                Some("attribute.username == 'ann'"),
                "me attribute.username=ann",
            ),
            (
                &claims,
                &[subject, ("attribute.department", "assertion.department.join(\".\")")],
                Some("attribute.department.startsWith('ml.')"),
                "me attribute.department=ml.research",
            ),
            (
                &on_profile,
                &[arn, ("attribute.environment", environment)],
                None,
                "arn:aws:iam::123456789012:instance-profile/Production attribute.environment=prod",
            ),
            (
                &on_role,
                &[arn, ("attribute.environment", environment)],
                Some("attribute.environment == 'prod'"),
                "refused: the condition of provider does not hold: attribute.environment == 'prod'",
            ),
            (
                &on_role,
                &[arn, ("attribute.aws_role", role)],
                Some(by_role),
                "arn:aws:sts::123456789012:assumed-role/ec2-my-role/i-0 \
                 attribute.aws_role=arn:aws:sts::123456789012:assumed-role/ec2-my-role",
            ),
            (
                &on_profile,
                &[arn, ("attribute.aws_role", role)],
                None,
                "arn:aws:iam::123456789012:instance-profile/Production \
                 attribute.aws_role=arn:aws:iam::123456789012:instance-profile/Production",
            ),
            // What a mapping gives that is no text is no subject.
            (
                &claims,
                &[("google.subject", "(assertion.sub=='me')")],
                None,
                "refused: its google.subject is no text",
            ),
        ],
    );
}

/// The examples of <https://cloud.google.com/iam/docs/workload-identity-federation-with-other-clouds>.
#[test]
fn examples_of_other_clouds() {
    let instance = json!({
        "account": "123456789000", "userid": "AROA:i-00000000000000000",
        "arn": "arn:aws:sts::123456789000:assumed-role/ec2-my-role/i-00000000000000000",
    });
    let user = json!({"account": "123456789000", "arn": "arn:aws:iam::123456789000:user/ann"});
    let mapping: &[(&str, &str)] = &[
        ("google.subject", "assertion.arn"),
        ("attribute.account", "assertion.account"),
        ("attribute.aws_role", "assertion.arn.extract('assumed-role/{role}/')"),
        (
            "attribute.aws_ec2_instance",
            "assertion.arn.extract('assumed-role/{role_and_session}').extract('/{session}')",
        ),
    ];
    let roles_only = "assertion.arn.startsWith('arn:aws:sts::123456789000:assumed-role/')";
    check(
        None,
        &[
            (
                &instance,
                mapping,
                Some(roles_only),
                "arn:aws:sts::123456789000:assumed-role/ec2-my-role/i-00000000000000000 attribute.account=123456789000 \
                 attribute.aws_role=ec2-my-role attribute.aws_ec2_instance=i-00000000000000000",
            ),
            (
                &user,
                mapping,
                Some(roles_only),
                "refused: the condition of provider does not hold: \
                 assertion.arn.startsWith('arn:aws:sts::123456789000:assumed-role/')",
            ),
        ],
    );
    let tenant = "https://sts.windows.net/00000000-1111-2222-3333-444444444444";
    let azure = json!({
        // Tokens have the slash that the documented provider has not.
        "iss": format!("{tenant}/"), "aud": "api://my-app", "sub": "/eid1/c/pub/t/00aa/a/11bb", "oid": "11bb",
        "tid": "00000000-1111-2222-3333-444444444444", "groups": ["e968c2ef-047c-498d-8d79-16ca1b61e77e"],
    });
    let mut provider = provider(Some(tenant), &[], None);
    provider.audiences = vec!["api://my-app".to_owned()];
    let rows = [
        (
            vec![
                ("google.subject", "assertion.sub"),
                ("google.groups", "assertion.groups"),
            ],
            "/eid1/c/pub/t/00aa/a/11bb google.groups=e968c2ef-047c-498d-8d79-16ca1b61e77e",
        ),
        (
            vec![("google.subject", "assertion.sub.extract('/eid1/c/pub/t/{sub_claim}')")],
            "00aa/a/11bb",
        ),
    ];
    for (mapping, expected) in rows {
        let mapping = mapping.iter();
        provider.mapping = mapping
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect();
        provider.condition = Some("\"e968c2ef-047c-498d-8d79-16ca1b61e77e\" in assertion.groups".to_owned());
        assert_eq!(exchanged(&provider, &azure), expected);
    }
    provider.condition = Some("'another' in assertion.groups".to_owned());
    assert!(exchanged(&provider, &azure).starts_with("refused: the condition"));
    provider.audiences = vec!["api://another".to_owned()];
    assert!(exchanged(&provider, &azure).starts_with("refused: it is for api://my-app"));
}

/// The examples of <https://cloud.google.com/iam/docs/workload-identity-federation-with-deployment-pipelines>.
#[test]
fn examples_of_deployment_pipelines() {
    let subject: &[(&str, &str)] = &[("google.subject", "assertion.sub")];
    // The page writes this issuer with a slash, the tokens have none.
    let slashed = "https://token.actions.githubusercontent.com/";
    let workflow = with_audience(json!({
        "iss": GITHUB, "sub": "repo:google/guava:ref:refs/heads/main", "repository": "google/guava",
        "repository_id": "20300177", "repository_owner": "google", "repository_owner_id": "1342004",
        "ref": "refs/heads/main",
    }));
    let on_main = "assertion.repository_owner=='google' && assertion.ref=='refs/heads/main'";
    let on_dev = "assertion.repository_owner=='google' && assertion.ref=='refs/heads/dev'";
    let guava = "repo:google/guava:ref:refs/heads/main";
    let refused = |condition: &str| format!("refused: the condition of provider does not hold: {condition}");
    check(
        Some(slashed),
        &[
            (&workflow, subject, Some("assertion.repository_owner=='google'"), guava),
            (
                &workflow,
                subject,
                Some("assertion.repository_owner_id=='1342004'"),
                guava,
            ),
            (&workflow, subject, Some(on_main), guava),
            (&workflow, subject, Some(on_dev), &refused(on_dev)),
        ],
    );
    let job = with_audience(json!({
        "iss": GITLAB, "sub": "project_path:groupname/projectname:ref_type:branch:ref:main",
        "namespace_id": "7", "project_id": "8", "user_id": "9", "environment": "production", "ref_path": "refs/heads/main",
    }));
    let by_ids: &[(&str, &str)] = &[
        ("google.subject", "assertion.sub"),
        ("attribute.project_id", "assertion.project_id"),
        ("attribute.namespace_id", "assertion.namespace_id"),
    ];
    let of_job = "project_path:groupname/projectname:ref_type:branch:ref:main attribute.project_id=8 \
                  attribute.namespace_id=7";
    let staging = "assertion.namespace_id=='7' && assertion.environment=='staging'";
    check(
        Some(GITLAB),
        &[
            (&job, by_ids, Some("assertion.namespace_id=='7'"), of_job),
            (
                &job,
                by_ids,
                Some("assertion.namespace_id=='7' && assertion.environment=='production'"),
                of_job,
            ),
            (&job, by_ids, Some(staging), &refused(staging)),
        ],
    );
    let run = with_audience(json!({
        "iss": TERRAFORM, "sub": "organization:example-org:workspace:example-workspace:run_phase:apply",
        "terraform_organization_id": "org-1", "terraform_workspace_id": "ws-1",
    }));
    let by_workspace: &[(&str, &str)] = &[("google.subject", "assertion.terraform_workspace_id")];
    let both = "assertion.terraform_organization_id=='org-1' && assertion.terraform_workspace_id=='ws-1'";
    let other = "assertion.terraform_organization_id=='org-2'";
    check(
        Some(TERRAFORM),
        &[
            (
                &run,
                by_workspace,
                Some("assertion.terraform_organization_id=='org-1'"),
                "ws-1",
            ),
            (&run, by_workspace, Some(both), "ws-1"),
            (&run, by_workspace, Some(other), &refused(other)),
        ],
    );
    let devops = json!({
        "iss": "https://login.microsoftonline.com/tenant/v2.0", "aud": "fb60f99c-7a34-4190-8149-302f77469936",
        "sub": "/eid1/c/pub/t/1/a/2/sc/3/4", "oid": "object-1",
    });
    let mut of_devops = provider(
        Some("https://login.microsoftonline.com/tenant/v2.0"),
        subject,
        Some("assertion.oid=='object-1'"),
    );
    of_devops.audiences = vec!["fb60f99c-7a34-4190-8149-302f77469936".to_owned()];
    assert_eq!(exchanged(&of_devops, &devops), "/eid1/c/pub/t/1/a/2/sc/3/4");
}

/// The examples of <https://cloud.google.com/iam/docs/workload-identity-federation-with-active-directory> and
/// <https://cloud.google.com/iam/docs/workload-identity-federation-with-x509-certificates>.
#[test]
fn examples_of_assertions_and_certificates() {
    let windows = "http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/windows";
    let application = json!({"appid": "client-1", "authmethod": windows});
    let by_application: &[(&str, &str)] = &[("google.subject", "assertion.appid")];
    let is_windows = format!("assertion.authmethod=='{windows}'");
    let saml = json!({"subject": "ann@acme.com", "attributes": {
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/groupsid": ["S-1-5-6", "S-1-5-7"],
        "http://schemas.microsoft.com/2014/09/requestcontext/claims/userip": ["98.11.12.13"],
        "costcenter": ["ml"],
    }});
    let by_name: &[(&str, &str)] = &[
        ("google.subject", "assertion.subject"),
        (
            "google.groups",
            "assertion.attributes['http://schemas.microsoft.com/ws/2008/06/identity/claims/groupsid']",
        ),
        (
            "attribute.userip",
            "assertion.attributes['http://schemas.microsoft.com/2014/09/requestcontext/claims/userip'][0]",
        ),
        ("attribute.costcenter", "assertion.attributes.costcenter[0]"),
    ];
    let of_ann = "ann@acme.com google.groups=S-1-5-6 google.groups=S-1-5-7 attribute.userip=98.11.12.13 \
                  attribute.costcenter=ml";
    let certificate = json!({
        "serialNumberHex": "0a", "sha256Fingerprint": "Zm9v",
        "subject": {"dn": {"cn": "trainer", "o": "acme", "ou": "ml"}}, "issuer": {"dn": {"cn": "ca", "o": "acme"}},
        "san": {"dns": "trainer.acme.com", "uri": "spiffe://example/path"},
    });
    let by_common_name: &[(&str, &str)] = &[("google.subject", "assertion.subject.dn.cn")];
    check(
        None,
        &[
            (&application, by_application, Some(&is_windows), "client-1"),
            (
                &application,
                by_application,
                Some("assertion.authmethod=='password'"),
                "refused: the condition of provider does not hold: assertion.authmethod=='password'",
            ),
            (&saml, by_name, Some("\"S-1-5-6\" in google.groups"), of_ann),
            (&saml, by_name, Some("attribute.userip.startsWith('98.11.12.')"), of_ann),
            (
                &saml,
                by_name,
                Some("\"S-1-5-8\" in google.groups"),
                "refused: the condition of provider does not hold: \"S-1-5-8\" in google.groups",
            ),
            (&certificate, by_common_name, None, "trainer"),
            (
                &certificate,
                by_common_name,
                Some("assertion.san.uri==\"spiffe://example/path\""),
                "trainer",
            ),
            (
                &certificate,
                by_common_name,
                Some("assertion.san.uri==\"spiffe://example/other\""),
                "refused: the condition of provider does not hold: assertion.san.uri==\"spiffe://example/other\"",
            ),
            (
                &certificate,
                &[
                    ("google.subject", "assertion.san.uri.extract('spiffe://example/{id}')"),
                    ("attribute.fingerprint", "assertion.sha256Fingerprint"),
                ],
                None,
                "path attribute.fingerprint=Zm9v",
            ),
        ],
    );
}
