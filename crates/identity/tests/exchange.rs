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
