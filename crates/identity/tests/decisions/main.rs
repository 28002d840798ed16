//! Decisions, as Google's documentation says they come out.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use identity::{Access, Decision, Member, Reasoner, ResourceName, State, Timestamp};
use serde_json::json;

const TRAINER: &str = "serviceAccount:trainer@acme.iam.gserviceaccount.com";
const POD: &str = "serviceAccount:acme.svc.id.goog[ml/trainer]";
const GITHUB: &str =
    "principal://iam.googleapis.com/projects/17/locations/global/workloadIdentityPools/github/subject/repo:acme/iris";

/// What `inventory.json` grants, with custom roles, deny policies and groups.
fn state() -> State {
    let mut state = State::default();
    let read = |state: &mut State, document: serde_json::Value, on: Option<&ResourceName>| {
        let source = yaml::Sources::new().add("grants.json", document.to_string());
        state.read(&source, on).unwrap();
    };
    read(
        &mut state,
        serde_json::from_str(include_str!("inventory.json")).unwrap(),
        None,
    );
    read(
        &mut state,
        serde_json::from_str(include_str!("conditions.json")).unwrap(),
        None,
    );
    read(
        &mut state,
        serde_json::from_str(include_str!("pages.json")).unwrap(),
        None,
    );
    let role = json!({"name": "projects/acme/roles/reader", "includedPermissions": ["storage.objects.get"]});
    read(&mut state, role, None);
    let role = json!({"name": "organizations/1/roles/auditor", "includedPermissions": [
        "resourcemanager.projects.getIamPolicy", "resourcemanager.organizations.getIamPolicy", "storage.buckets.getIamPolicy"]});
    read(&mut state, role, None);
    let denials = [
        (
            "folders/3",
            json!({"deniedPrincipals": ["principalSet://goog/public:all"],
            "exceptionPrincipals": ["principal://goog/subject/boss@acme.com", "principalSet://goog/group/admins@acme.com"],
            "deniedPermissions": ["storage.googleapis.com/buckets.delete"]}),
        ),
        (
            "projects/acme",
            json!({"deniedPrincipals": ["principalSet://goog/group/suspects@acme.com"],
            "exceptionPrincipals": ["principal://goog/subject/spared@acme.com"],
            "deniedPermissions": ["secretmanager.googleapis.com/*.*"],
            "exceptionPermissions": ["secretmanager.googleapis.com/secrets.list"]}),
        ),
        (
            "projects/17",
            json!({"deniedPrincipals": ["principal://iam.googleapis.com/projects/-/serviceAccounts/trainer@acme.iam.gserviceaccount.com"],
            "deniedPermissions": ["aiplatform.googleapis.com/*.delete"]}),
        ),
        (
            "projects/acme",
            json!({"deniedPrincipals": ["principal://goog/subject/denied@acme.com"],
            "deniedPermissions": ["iam.googleapis.com/serviceAccounts.getAccessToken"]}),
        ),
        (
            "projects/acme",
            json!({"deniedPrincipals": ["principal://goog/subject/shut@acme.com"],
            "deniedPermissions": ["iam.googleapis.com/serviceAccounts.getAccessToken", "iam.googleapis.com/serviceAccounts.signJwt",
                "iam.googleapis.com/serviceAccounts.signBlob", "iam.googleapis.com/serviceAccounts.implicitDelegation"]}),
        ),
        (
            "projects/acme",
            json!({"deniedPrincipals": ["principalSet://iam.googleapis.com/projects/17/locations/global/workloadIdentityPools/acme.svc.id.goog/namespace/ml"],
            "deniedPermissions": ["iam.googleapis.com/serviceAccounts.implicitDelegation"]}),
        ),
        (
            "folders/4",
            json!({"deniedPrincipals": ["principal://goog/subject/audit@acme.com"],
            "deniedPermissions": ["cloudresourcemanager.googleapis.com/projects.update"]}),
        ),
        (
            "folders/4",
            json!({"deniedPrincipals": ["principalSet://goog/public:all"],
            "deniedPermissions": ["storage.googleapis.com/*.create"],
            "denialCondition": {"title": "tag", "expression": "resource.matchTag('1/env', 'prod')"}}),
        ),
        (
            "projects/lab",
            json!({"deniedPrincipals": ["principalSet://goog/cloudIdentityCustomerId/C01"],
            "deniedPermissions": ["storage.googleapis.com/buckets.update"]}),
        ),
        (
            "projects/shop",
            json!({"deniedPrincipals": ["principal://goog/subject/denied-create@c.com"],
            "deniedPermissions": ["storage.googleapis.com/objects.create"]}),
        ),
        (
            "projects/shop",
            json!({"deniedPrincipals": ["principal://goog/subject/no-vertex@c.com"],
            "deniedPermissions": ["aiplatform.googleapis.com/*.*"],
            "exceptionPermissions": ["aiplatform.googleapis.com/endpoints.predict"]}),
        ),
        (
            "projects/20",
            json!({"deniedPrincipals": ["principalSet://iam.googleapis.com/projects/20/locations/global/workloadIdentityPools/ci/*"],
            "exceptionPrincipals": ["principal://iam.googleapis.com/projects/20/locations/global/workloadIdentityPools/ci/subject/release"],
            "deniedPermissions": ["artifactregistry.googleapis.com/repositories.downloadArtifacts"]}),
        ),
        (
            "folders/5",
            json!({"deniedPrincipals": ["principalSet://goog/public:all"],
            "exceptionPrincipals": ["principalSet://goog/group/nested@acme.com"],
            "deniedPermissions": ["storage.googleapis.com/*.update"]}),
        ),
        (
            "projects/shop",
            json!({"deniedPrincipals": ["principal://goog/subject/was-denied@c.com"],
            "deniedPermissions": ["storage.googleapis.com/objects.get"],
            "denialCondition": {"title": "until", "expression": "request.time < timestamp('2026-01-01T00:00:00Z')"}}),
        ),
        (
            "projects/shop",
            json!({"deniedPrincipals": ["principal://goog/subject/is-denied@c.com"],
            "deniedPermissions": ["storage.googleapis.com/objects.get"],
            "denialCondition": {"title": "until", "expression": "request.time < timestamp('2027-01-01T00:00:00Z')"}}),
        ),
        (
            "projects/shop",
            json!({"deniedPrincipals": ["principal://goog/subject/spared-once@c.com"],
            "exceptionPrincipals": ["principal://goog/subject/spared-once@c.com"],
            "deniedPermissions": ["storage.googleapis.com/objects.*"]}),
        ),
        (
            "folders/5",
            json!({"deniedPrincipals": ["principal://goog/subject/spared-once@c.com"],
            "deniedPermissions": ["storage.googleapis.com/objects.get"]}),
        ),
    ];
    for (on, rule) in denials {
        let on = ResourceName::parse(on).unwrap();
        read(&mut state, json!({"rules": [{"denyRule": rule}]}), Some(&on));
    }
    let group = |members: &[&str]| {
        members
            .iter()
            .map(|text| text.parse().unwrap())
            .collect::<Vec<Member>>()
    };
    for (name, members) in [
        (
            "readers@acme.com",
            &[
                "group:team@acme.com",
                "serviceAccount:grouped@acme.iam.gserviceaccount.com",
            ][..],
        ),
        ("team@acme.com", &["user:ann@acme.com", "group:inner@acme.com"]),
        // Groups in a circle.
        ("inner@acme.com", &["user:cy@acme.com", "group:readers@acme.com"]),
        ("viewers@acme.com", &["user:vi@acme.com"]),
        ("admins@acme.com", &["user:adam@acme.com"]),
        ("eng@acme.com", &["group:nested@acme.com", "group:oncall@acme.com"]),
        ("nested@acme.com", &["user:eva@acme.com"]),
        ("oncall@acme.com", &["user:otto@acme.com"]),
        ("suspects@acme.com", &["user:bad@acme.com", "user:spared@acme.com"]),
    ] {
        state.groups.insert(name.to_owned(), group(members));
    }
    state
}

fn decide(state: &State, subject: &str, permission: &str, resource: &str, attributes: &[(&str, &str)]) -> Decision {
    let attributes: Vec<(String, String)> = attributes
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Reasoner::new(state).decide(&Access {
        subject: &subject.parse().unwrap(),
        attributes: &attributes,
        permission,
        resource: &ResourceName::parse(resource).unwrap(),
        time: Timestamp::parse("2026-11-21T18:00:00Z"),
    })
}

fn word(decision: &Decision) -> &'static str {
    match decision {
        Decision::Granted(_) => "granted",
        Decision::Denied { .. } | Decision::Disabled(_) => "denied",
        Decision::Missed(_) => "missed",
        Decision::Unknown(_) => "unknown",
    }
}

#[test]
fn decisions_are_those_of_the_documentation() {
    let state = state();
    let subjects = [
        ("trainer", TRAINER),
        ("pod", POD),
        ("github", GITHUB),
        (
            "ci",
            "principal://iam.googleapis.com/projects/20/locations/global/workloadIdentityPools/ci/subject/repo:acme/shop",
        ),
        (
            "github-main",
            "principal://iam.googleapis.com/projects/17/locations/global/workloadIdentityPools/github/subject/repo:acme/iris:ref:refs/heads/main",
        ),
        (
            "staff",
            "principal://iam.googleapis.com/locations/global/workforcePools/staff/subject/ann@acme.com",
        ),
    ];
    let mut rows = 0;
    let mut wrong = Vec::new();
    let tables = [
        ("table.txt", include_str!("table.txt")),
        ("table_more.txt", include_str!("table_more.txt")),
        ("table_pages.txt", include_str!("table_pages.txt")),
    ];
    let lines = tables
        .iter()
        .flat_map(|(name, text)| text.lines().enumerate().map(move |(at, line)| (name, at, line)));
    for (name, at, line) in lines {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        rows += 1;
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [subject, permission, resource, expected, attributes @ ..] = &columns[..] else {
            panic!("{name}:{}: {line}", at + 1);
        };
        let subject = subjects
            .iter()
            .find(|(name, _)| name == subject)
            .map_or(*subject, |(_, full)| full);
        let attributes = attributes.iter().flat_map(|text| text.split_whitespace());
        let attributes: Vec<(&str, &str)> = attributes.map(|pair| pair.split_once('=').unwrap()).collect();
        let decision = decide(&state, subject, permission, resource, &attributes);
        if word(&decision) != *expected {
            wrong.push(format!("{name}:{}: {line}\n  {decision:?}", at + 1));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows >= 400, "{rows}");
}

/// A chain of three accounts, as impersonation is documented
/// (<https://cloud.google.com/iam/docs/service-account-impersonation>), and what breaks it.
#[test]
fn chains_of_impersonation() {
    let state = state();
    let reasoner = Reasoner::new(&state);
    let explain = |subject: &str, attributes: &[(String, String)], resource: &str| {
        let explanation = reasoner.explain(&Access {
            subject: &subject.parse().unwrap(),
            attributes,
            permission: "storage.objects.get",
            resource: &ResourceName::parse(resource).unwrap(),
            time: None,
        });
        let links: Vec<String> = explanation.links.iter().map(|link| link.account.to_string()).collect();
        (links, word(&explanation.decision))
    };
    let account = |name: &str| format!("serviceAccount:{name}@acme.iam.gserviceaccount.com");
    let chain = vec![account("first"), account("second"), account("third")];
    let end = "gs://end-of-chain/x";
    assert_eq!(explain("user:chain@acme.com", &[], end), (chain.clone(), "granted"));
    let repository = [("attribute.repository".to_owned(), "acme/iris".to_owned())];
    assert_eq!(explain(GITHUB, &repository, end), (chain, "granted"));
    // Who may take the token of every account takes the shortest way.
    assert_eq!(
        explain("user:root@acme.com", &[], end),
        (vec![account("third")], "granted")
    );
    // To act as an account is not to take its token.
    assert_eq!(explain("user:only-acts@acme.com", &[], end), (Vec::new(), "missed"));
    // What a provider says is said of the one who signed in: without it there is no first link.
    assert_eq!(explain(GITHUB, &[], end), (Vec::new(), "missed"));
    // The token of the first link is denied, but not to sign for it, which is as good
    // (https://cloud.google.com/iam/docs/service-account-permissions#concentric-permissions).
    let chain = vec![account("first"), account("second"), account("third")];
    assert_eq!(explain("user:denied@acme.com", &[], end), (chain, "granted"));
    // All ways are denied.
    assert_eq!(explain("user:shut@acme.com", &[], end), (Vec::new(), "missed"));
}

/// Custom roles of one permission each, in a chain from `first` to `third`: what is enough for a token
/// (<https://cloud.google.com/iam/docs/service-account-permissions#common-scenarios>).
#[test]
fn single_permissions_on_accounts() {
    let account = |name: &str| format!("serviceAccount:{name}@acme.iam.gserviceaccount.com");
    let outcome = |first: &[&str], second: &[&str]| {
        let mut state = State::default();
        let mut read = |document: serde_json::Value, on: Option<&str>| {
            let source = yaml::Sources::new().add("grants.json", document.to_string());
            let on = on.map(|on| ResourceName::parse(on).unwrap());
            state.read(&source, on.as_ref()).unwrap();
        };
        for (name, permissions) in [("first", first), ("second", second)] {
            let permissions: Vec<String> = permissions
                .iter()
                .map(|it| format!("iam.serviceAccounts.{it}"))
                .collect();
            let role = json!({"name": format!("projects/acme/roles/{name}"), "includedPermissions": permissions});
            read(role, None);
        }
        let policy = |role: &str, member: &str| json!({"bindings": [{"role": role, "members": [member]}]});
        read(
            policy("projects/acme/roles/first", &account("first")),
            Some("second@acme.iam.gserviceaccount.com"),
        );
        read(
            policy("projects/acme/roles/second", &account("second")),
            Some("third@acme.iam.gserviceaccount.com"),
        );
        read(
            policy("roles/storage.objectViewer", &account("third")),
            Some("gs://end"),
        );
        let explanation = Reasoner::new(&state).explain(&Access {
            subject: &account("first").parse().unwrap(),
            attributes: &[],
            permission: "storage.objects.get",
            resource: &ResourceName::parse("gs://end/x").unwrap(),
            time: None,
        });
        let links = explanation.links.iter().map(|link| {
            let permission = link.permission.trim_start_matches("iam.serviceAccounts.");
            format!("{:?} by {permission}", link.acting)
        });
        let links: Vec<String> = links.collect();
        match word(&explanation.decision) {
            "granted" => links.join(", "),
            other => other.to_owned(),
        }
    };
    let table: &[(&[&str], &[&str], &str)] = &[
        (
            &["getAccessToken"],
            &["getAccessToken"],
            "Token by getAccessToken, Token by getAccessToken",
        ),
        // Who signs as an account gets its token.
        (&["signJwt"], &["signBlob"], "Token by signJwt, Token by signBlob"),
        // A gets the token of C, where A may delegate to B and B may get the token of C; B is not acted as.
        (
            &["implicitDelegation"],
            &["getAccessToken"],
            "Delegation by implicitDelegation, Token by getAccessToken",
        ),
        (&["implicitDelegation"], &["signJwt"], "missed"),
        (&["implicitDelegation"], &["implicitDelegation"], "missed"),
        (&["getAccessToken"], &["implicitDelegation"], "missed"),
        // A token that says who one is gives nothing with Google's APIs; to launch as an account is no token.
        (&["getOpenIdToken"], &["getAccessToken"], "missed"),
        (&["getAccessToken"], &["getOpenIdToken"], "missed"),
        (&["actAs"], &["getAccessToken"], "missed"),
        (&["get", "list", "setIamPolicy"], &["getAccessToken"], "missed"),
        (
            &["implicitDelegation", "signBlob"],
            &["getAccessToken"],
            "Token by signBlob, Token by getAccessToken",
        ),
    ];
    for (first, second, expected) in table {
        assert_eq!(outcome(first, second), *expected, "{first:?} {second:?}");
    }
}

/// A disabled account has nothing, whoever acts as it
/// (<https://cloud.google.com/iam/docs/service-accounts-disable-enable>).
#[test]
fn disabled_accounts() {
    let mut state = state();
    let off = json!([{"email": "Third@acme.iam.gserviceaccount.com", "uniqueId": "1", "disabled": true},
        {"email": "first@acme.iam.gserviceaccount.com", "uniqueId": "2"}]);
    let source = yaml::Sources::new().add("accounts.json", off.to_string());
    state.read(&source, None).unwrap();
    let third: Member = "serviceAccount:third@acme.iam.gserviceaccount.com".parse().unwrap();
    let end = "gs://end-of-chain/x";
    let own = decide(&state, &third.to_string(), "storage.objects.get", end, &[]);
    assert_eq!(own, Decision::Disabled(third.clone()));
    let chain = Reasoner::new(&state).explain(&Access {
        subject: &"user:root@acme.com".parse().unwrap(),
        attributes: &[],
        permission: "storage.objects.get",
        resource: &ResourceName::parse(end).unwrap(),
        time: None,
    });
    assert_ne!(word(&chain.decision), "granted");
    let linked = Reasoner::new(&state).explain(&Access {
        subject: &"serviceAccount:second@acme.iam.gserviceaccount.com".parse().unwrap(),
        attributes: &[],
        permission: "storage.objects.get",
        resource: &ResourceName::parse(end).unwrap(),
        time: None,
    });
    assert_eq!(linked.decision, Decision::Disabled(third.clone()));
    assert_eq!(linked.links.last().map(|link| &link.account), Some(&third));
    assert_eq!(linked.missing, None);
}

/// All service accounts of a project, a folder or an organization
/// (<https://cloud.google.com/iam/docs/principal-identifiers#allow>).
#[test]
fn accounts_of_containers() {
    let mut state = state();
    let set =
        |container: &str| format!("principalSet://cloudresourcemanager.googleapis.com/{container}/type/ServiceAccount");
    let roles = [
        ("projects/17", "roles/storage.objectCreator"),
        ("folders/3", "roles/storage.objectViewer"),
        ("projects/99", "roles/storage.legacyBucketReader"),
    ];
    let bindings = roles.map(|(container, role)| json!({"role": role, "members": [set(container)]}));
    let source = yaml::Sources::new().add("policy.json", json!({"bindings": bindings}).to_string());
    state
        .read(&source, Some(&ResourceName::parse("gs://sets").unwrap()))
        .unwrap();
    state
        .parents
        .push((ResourceName::bucket("sets"), ResourceName::project("other")));
    let table = [
        (
            "serviceAccount:any@acme.iam.gserviceaccount.com",
            "storage.objects.create",
            "granted",
        ),
        (
            "serviceAccount:17-compute@developer.gserviceaccount.com",
            "storage.objects.create",
            "granted",
        ),
        (
            "serviceAccount:acme@appspot.gserviceaccount.com",
            "storage.objects.create",
            "granted",
        ),
        (
            "serviceAccount:any@lab.iam.gserviceaccount.com",
            "storage.objects.create",
            "missed",
        ),
        (
            "serviceAccount:service-17@gcp-sa-aiplatform.iam.gserviceaccount.com",
            "storage.objects.create",
            "missed",
        ),
        ("user:ann@acme.com", "storage.objects.create", "missed"),
        (POD, "storage.objects.create", "missed"),
        // The project lab is in a folder of the folder.
        (
            "serviceAccount:any@lab.iam.gserviceaccount.com",
            "storage.objects.get",
            "granted",
        ),
        (
            "serviceAccount:any@other.iam.gserviceaccount.com",
            "storage.objects.get",
            "missed",
        ),
        // Which project has a number that nobody says, is not known.
        (
            "serviceAccount:any@acme.iam.gserviceaccount.com",
            "storage.buckets.get",
            "unknown",
        ),
        ("user:bob@acme.com", "storage.buckets.get", "missed"),
    ];
    for (subject, permission, expected) in table {
        let decision = decide(&state, subject, permission, "gs://sets/x", &[]);
        assert_eq!(word(&decision), expected, "{subject} {permission}: {decision:?}");
    }
}

/// A bucket whose project nobody says may be in any: what is granted there may count.
#[test]
fn buckets_of_unknown_projects() {
    let mut state = State::default();
    let policy = json!({"bindings": [{"role": "roles/storage.admin", "members": ["user:ann@acme.com"]},
        {"role": "roles/storage.objectViewer", "members": ["user:never@acme.com"],
            "condition": {"title": "t", "expression": "resource.name.startsWith('projects/_/buckets/other')"}}]});
    let source = yaml::Sources::new().add("policy.json", policy.to_string());
    let acme = ResourceName::project("acme");
    state.read(&source, Some(&acme)).unwrap();
    let ask = |state: &State, subject: &str| decide(state, subject, "storage.objects.get", "gs://models/x", &[]);
    let why = "ann@acme.com has roles/storage.admin on projects/acme, and whether gs://models is there is not known";
    assert_eq!(
        ask(&state, "user:ann@acme.com"),
        Decision::Unknown(vec![why.to_owned()])
    );
    assert_eq!(word(&ask(&state, "user:bob@acme.com")), "missed");
    assert_eq!(word(&ask(&state, "user:never@acme.com")), "missed");
    state
        .parents
        .push((ResourceName::bucket("models"), ResourceName::project("other")));
    assert_eq!(word(&ask(&state, "user:ann@acme.com")), "missed");
    state.parents[0].1 = acme;
    assert_eq!(word(&ask(&state, "user:ann@acme.com")), "granted");
    // The inventory says the number of the project, and nobody whose it is.
    state.parents[0].1 = ResourceName::project("17");
    assert_eq!(word(&ask(&state, "user:ann@acme.com")), "unknown");
    state.project_numbers.insert("17".to_owned(), "other".to_owned());
    assert_eq!(word(&ask(&state, "user:ann@acme.com")), "missed");
}

#[test]
fn a_miss_names_what_is_near() {
    let state = state();
    let misspelt = decide(
        &state,
        "serviceAccount:acme.svc.id.goog[ml/trainr]",
        "iam.serviceAccounts.getAccessToken",
        "trainer@acme.iam.gserviceaccount.com",
        &[],
    );
    let Decision::Missed(missed) = misspelt else {
        panic!("{misspelt:?}");
    };
    assert!(matches!(&missed.near[..], [identity::NearMiss::Spelling(grant)] if grant.member.to_string() == POD));
    let other = decide(
        &state,
        TRAINER,
        "storage.objects.create",
        "gs://models/other/model.pkl",
        &[],
    );
    assert!(
        matches!(other, Decision::Missed(missed) if matches!(&missed.near[..], [identity::NearMiss::Condition(_)]))
    );
}

#[test]
fn without_a_time_a_condition_on_it_is_unknown() {
    let state = state();
    let subject = "user:office@acme.com".parse().unwrap();
    let resource = ResourceName::parse("gs://models/x").unwrap();
    let access = Access {
        subject: &subject,
        attributes: &[],
        permission: "storage.objects.get",
        resource: &resource,
        time: None,
    };
    assert!(
        matches!(Reasoner::new(&state).decide(&access), Decision::Unknown(why) if why[0].contains("no such key: time"))
    );
}
