//! What matters for a question gives the answer that all facts give: over generated platforms, over the inventory of
//! the decisions, over documents long enough to be read in parts, and over documents that make no sense.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use identity::{Access, Documents, Member, Reasoner, ResourceName, State};
use proptest::prelude::*;
use serde_json::{Value, json};
use yaml::{Source, Sources};

const PERMISSIONS: [&str; 4] = [
    "storage.objects.get",
    "iam.serviceAccounts.getAccessToken",
    "secretmanager.versions.access",
    "resourcemanager.projects.get",
];

const ROLES: [&str; 11] = [
    "roles/storage.objectViewer",
    "roles/storage.objectViewer",
    "roles/iam.workloadIdentityUser",
    "roles/iam.workloadIdentityUser",
    "roles/iam.serviceAccountTokenCreator",
    "roles/secretmanager.secretAccessor",
    "roles/viewer",
    "roles/nobody.knows",
    "projects/acme/roles/actor",
    "roles/iam.serviceAccountUser",
    "roles/browser",
];

const POOL: &str = "iam.googleapis.com/projects/17/locations/global/workloadIdentityPools";

fn members() -> Vec<String> {
    let mut members: Vec<String> = (0..6)
        .map(|at| format!("serviceAccount:a{at}@acme.iam.gserviceaccount.com"))
        .collect();
    members.extend((0..3).map(|at| format!("serviceAccount:acme.svc.id.goog[ml/trainer{at}]")));
    members.extend([
        format!("principal://{POOL}/acme.svc.id.goog/subject/ns/ml/sa/trainer1"),
        format!("principalSet://{POOL}/acme.svc.id.goog/namespace/ml"),
        format!("principal://{POOL}/github/subject/repo:acme/iris"),
        format!("principalSet://{POOL}/github/attribute.repository/acme/iris"),
        format!("principalSet://{POOL}/github/*"),
        "user:Ann@acme.com".to_owned(),
        "user:bob@acme.com".to_owned(),
        "group:ML@acme.com".to_owned(),
        "domain:acme.com".to_owned(),
        "allUsers".to_owned(),
        "principalSet://goog/public:all".to_owned(),
        "projectViewer:acme".to_owned(),
        "principalSet://cloudresourcemanager.googleapis.com/projects/17/type/ServiceAccount".to_owned(),
        "deleted:user:ann@acme.com?uid=1".to_owned(),
        "robot:x".to_owned(),
    ]);
    members
}

/// Resources as the inventory of assets names them.
fn resources() -> Vec<String> {
    let mut resources: Vec<String> = (0..6)
        .map(|at| format!("//iam.googleapis.com/projects/acme/serviceAccounts/A{at}@acme.iam.gserviceaccount.com"))
        .collect();
    resources.extend(
        [
            "//storage.googleapis.com/models",
            "//storage.googleapis.com/data",
            "//cloudresourcemanager.googleapis.com/projects/acme",
            "//cloudresourcemanager.googleapis.com/folders/3",
            "//cloudresourcemanager.googleapis.com/organizations/1",
            "//secretmanager.googleapis.com/projects/17/secrets/token",
        ]
        .map(str::to_owned),
    );
    resources
}

/// Policies, as numbers of resources, each with bindings of numbers of roles, members and conditions.
type Policies = Vec<(usize, Vec<(usize, Vec<usize>, usize)>)>;

fn policies() -> impl Strategy<Value = Policies> {
    let binding = (
        0..ROLES.len(),
        prop::collection::vec(0..members().len(), 1..3),
        0..8_usize,
    );
    let policy = (0..resources().len(), prop::collection::vec(binding, 0..4));
    prop::collection::vec(policy, 0..14)
}

fn inventory(policies: &Policies) -> Value {
    let (members, resources) = (members(), resources());
    let results = policies.iter().map(|(resource, bindings)| {
        let bindings = bindings.iter().map(|(role, who, condition)| {
            let who: Vec<&str> = who.iter().map(|at| members[*at].as_str()).collect();
            let mut binding = json!({"role": ROLES[*role], "members": who});
            let expression = match condition {
                0 => "false",
                1 => "resource.name.startsWith('projects/_/buckets/models')",
                2 => "resource.matchTag('1/env', 'prod')",
                _ => return binding,
            };
            binding["condition"] = json!({"title": "t", "expression": expression});
            binding
        });
        let mut result = json!({"resource": resources[*resource], "organization": "organizations/1",
            "policy": {"bindings": bindings.collect::<Vec<_>>()}});
        if !resources[*resource].contains("folders/") && !resources[*resource].contains("organizations/") {
            result["project"] = json!("projects/17");
            result["folders"] = json!(["folders/3"]);
        }
        result
    });
    Value::Array(results.collect())
}

fn source(document: String) -> Arc<Source> {
    Sources::new().add("grants.json", document)
}

/// Documents as they are read for all facts, and again for a question each time.
fn agree(sources: &[(Arc<Source>, Option<ResourceName>)], extra: &State) {
    let mut whole = State::default();
    for (source, on) in sources {
        whole.read(source, on.as_ref()).unwrap();
    }
    whole.merge(extra.clone());
    let documents = || {
        let mut documents = Documents::default();
        for (source, on) in sources {
            documents.read(source, on.as_ref()).unwrap();
        }
        documents.add(extra.clone());
        documents
    };
    let all = documents().whole();
    assert_eq!(format!("{:?}", all.policies), format!("{:?}", whole.policies));
    let reasoner = Reasoner::new(&whole);
    let attributes = [("attribute.repository".to_owned(), "acme/iris".to_owned())];
    let resources = ["gs://models/iris", "projects/acme", "a1@acme.iam.gserviceaccount.com"];
    let secret = "//secretmanager.googleapis.com/projects/acme/secrets/token/versions/1";
    for resource in resources.iter().chain([&secret]) {
        let resource = ResourceName::parse(resource).unwrap();
        for permission in PERMISSIONS {
            let state = documents().on(&resource);
            assert_eq!(
                Reasoner::new(&state).who_can(permission, &resource, None),
                reasoner.who_can(permission, &resource, None)
            );
        }
        for member in members().iter().chain([&"user:an@acme.com".to_owned()]) {
            let Ok(subject) = member.parse::<Member>();
            let ask = |permission| Access {
                subject: &subject,
                attributes: &attributes,
                permission,
                resource: &resource,
                time: None,
            };
            let state = documents().about(&PERMISSIONS.map(ask));
            let picked = Reasoner::new(&state);
            for permission in PERMISSIONS {
                let (access, name) = (ask(permission), resource.short());
                assert_eq!(
                    picked.explain(&access),
                    reasoner.explain(&access),
                    "{member} {permission} {name}"
                );
            }
        }
    }
}

/// Groups, a custom role with which others are acted as, and a denial.
fn extra() -> State {
    let mut state = State::default();
    let role = json!({"name": "projects/acme/roles/actor", "includedPermissions": [PERMISSIONS[1]]});
    state.read(&source(role.to_string()), None).unwrap();
    let denial = json!({"rules": [{"denyRule": {"deniedPrincipals": ["principal://goog/subject/bob@acme.com"],
        "deniedPermissions": ["iam.googleapis.com/serviceAccounts.getAccessToken"]}}]});
    let acme = ResourceName::project("acme");
    state.read(&source(denial.to_string()), Some(&acme)).unwrap();
    let Ok(ann) = "user:ann@acme.com".parse::<Member>();
    state.groups.insert("ml@acme.com".to_owned(), vec![ann]);
    state
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn generated_platforms(first in policies(), second in policies(), alone in policies()) {
        let mut sources = vec![(source(inventory(&first).to_string()), None)];
        for policy in inventory(&alone).as_array().unwrap() {
            let on = ResourceName::parse(policy["resource"].as_str().unwrap()).unwrap();
            sources.push((source(policy["policy"].to_string()), Some(on)));
        }
        sources.push((source(serde_json::to_string_pretty(&inventory(&second)).unwrap()), None));
        agree(&sources, &extra());
    }
}

#[test]
fn the_inventory_of_the_decisions() {
    let inventory = include_str!("decisions/inventory.json").to_owned();
    let conditions = include_str!("decisions/conditions.json").to_owned();
    agree(&[(source(inventory), None), (source(conditions), None)], &extra());
}

/// A document of so many results that it is read in parts. Between them stand objects like theirs.
fn long() -> Value {
    let results = (0..9000).map(|at| {
        json!({"resource": format!("//storage.googleapis.com/bucket-{at}"), "project": "projects/17",
            "note": [1, {"resource": "//storage.googleapis.com/none", "policy": {"bindings": []}}],
            "policy": {"bindings": [{"role": ROLES[at % 2], "members": [format!("user:u{}@acme.com", at % 7)],
                "condition": {"title": "a brace } and a quote \", {", "expression": "true"}}]}})
    });
    Value::Array(results.collect())
}

#[test]
fn long_documents_are_whole() {
    for text in [long().to_string(), serde_json::to_string_pretty(&long()).unwrap()] {
        assert!(text.len() > 2_000_000);
        let mut state = State::default();
        state.read(&source(text.clone()), None).unwrap();
        let names: Vec<&str> = state.policies.iter().map(|(name, _)| name.as_str()).collect();
        let expected = (0..9000).map(|at| format!("//storage.googleapis.com/projects/_/buckets/bucket-{at}"));
        assert_eq!(names, expected.collect::<Vec<_>>());
        let mut documents = Documents::default();
        documents.read(&source(text), None).unwrap();
        let on = ResourceName::parse("gs://bucket-8123/x").unwrap();
        let state = documents.on(&on);
        assert_eq!(state.policies.len(), 1, "nothing else matters");
        let who = Reasoner::new(&state).who_can("storage.objects.get", &on, None);
        assert_eq!(who.len(), 1);
        assert_eq!(who[0].0, Member::User(format!("u{}@acme.com", 8123 % 7)));
    }
}

#[test]
fn what_is_wrong_anywhere_is_said() {
    let wrong = |at: usize, change: &dyn Fn(&mut Value)| {
        let mut document = long();
        change(&mut document[at]);
        document.to_string()
    };
    let version = |value: &mut Value| value["policy"]["version"] = json!(2);
    let members = |value: &mut Value| value["policy"]["bindings"][0]["members"] = json!([7]);
    let list = |value: &mut Value| value["policy"] = json!([1, []]);
    let name = |value: &mut Value| value["resource"] = json!("bucket");
    let project = |value: &mut Value| value["project"] = json!("17");
    let whole = long().to_string();
    let table = [
        (
            wrong(8999, &version),
            "the grants on //storage.googleapis.com/projects/_/buckets/bucket-8999: the policy has version 2",
        ),
        (
            wrong(4000, &members),
            "the grants on //storage.googleapis.com/projects/_/buckets/bucket-4000: not a policy: invalid type: integer `7`",
        ),
        (
            wrong(5, &list),
            "the grants on //storage.googleapis.com/projects/_/buckets/bucket-5: not a policy: an object is needed",
        ),
        (wrong(6000, &name), "\"bucket\" is no name"),
        (wrong(6000, &project), "\"17\" is no name"),
        (whole[..whole.len() - 1].to_owned(), "it is not JSON: EOF"),
        (format!("{whole}]"), "it is not JSON: trailing characters"),
        (
            format!("{},]", &whole[..whole.len() - 1]),
            "it is not JSON: trailing comma",
        ),
        (format!("[{}", &whole[whole.len() / 2..]), "it is not JSON"),
        (
            format!("[{},7]", &whole[1..whole.len() - 1]),
            "it is none of the documents that are read",
        ),
    ];
    for (text, message) in table {
        let source = source(text);
        let of_all = State::default().read(&source, None).unwrap_err().to_string();
        let of_one = Documents::default().read(&source, None).unwrap_err().to_string();
        assert!(of_all.starts_with(message), "{of_all}");
        assert_eq!(of_one, of_all);
    }
}
