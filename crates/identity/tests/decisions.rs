//! Decisions, as Google's documentation says they come out.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use identity::{Access, Decision, Member, Reasoner, ResourceName, State, Timestamp};
use serde_json::json;

const TRAINER: &str = "serviceAccount:trainer@acme.iam.gserviceaccount.com";
const POD: &str = "serviceAccount:acme.svc.id.goog[ml/trainer]";
const REPOSITORY: &str =
    "principal://iam.googleapis.com/projects/17/locations/global/workloadIdentityPools/github/subject/repo:acme/iris";

/// A project `acme` (number 17) in folder 3 of organization 1, with two buckets and a service account.
fn state() -> State {
    let mut state = State::default();
    let inventory = json!([
        {"resource": "//cloudresourcemanager.googleapis.com/organizations/1", "organization": "organizations/1", "policy": {"bindings": [
            {"role": "roles/logging.viewer", "members": ["domain:acme.com"]}]}},
        {"resource": "//cloudresourcemanager.googleapis.com/folders/3", "folders": ["folders/3"], "organization": "organizations/1", "policy": {"bindings": [
            {"role": "roles/storage.objectViewer", "members": ["group:readers@acme.com"]}]}},
        {"resource": "//cloudresourcemanager.googleapis.com/projects/acme", "project": "projects/17", "folders": ["folders/3"], "organization": "organizations/1", "policy": {"bindings": [
            {"role": "roles/aiplatform.user", "members": [TRAINER]},
            {"role": "roles/editor", "members": ["user:old@acme.com"]},
            {"role": "projects/acme/roles/reader", "members": ["user:custom@acme.com"]},
            {"role": "roles/storage.objectUser", "members": ["user:office@acme.com"], "condition": {"title": "hours", "expression": "request.time.getHours('UTC') >= 9 && request.time.getHours('UTC') < 17"}}]}},
        {"resource": "//storage.googleapis.com/models", "project": "projects/17", "folders": ["folders/3"], "organization": "organizations/1", "policy": {"bindings": [
            {"role": "roles/storage.objectUser", "members": [TRAINER], "condition": {"title": "iris only", "expression": "resource.name.startsWith('projects/_/buckets/models/objects/iris/')"}},
            {"role": "roles/storage.objectViewer", "members": ["principalSet://iam.googleapis.com/projects/17/locations/global/workloadIdentityPools/github/attribute.repository/acme/iris"]}]}},
        {"resource": "//storage.googleapis.com/public", "project": "projects/17", "policy": {"bindings": [
            {"role": "roles/storage.objectViewer", "members": ["allUsers"]}]}},
        {"resource": "//iam.googleapis.com/projects/acme/serviceAccounts/trainer@acme.iam.gserviceaccount.com", "project": "projects/17", "policy": {"bindings": [
            {"role": "roles/iam.workloadIdentityUser", "members": [POD]},
            {"role": "roles/iam.serviceAccountUser", "members": ["principalSet://iam.googleapis.com/projects/17/locations/global/workloadIdentityPools/acme.svc.id.goog/namespace/ml"]}]}}
    ]);
    let read = |state: &mut State, document: serde_json::Value, on: Option<&ResourceName>| {
        let source = yaml::Sources::new().add("grants.json", document.to_string());
        state.read(&source, on).unwrap();
    };
    read(&mut state, inventory, None);
    let role = json!({"name": "projects/acme/roles/reader", "includedPermissions": ["storage.objects.get"]});
    read(&mut state, role, None);
    let denial = json!({"rules": [{"denyRule": {
        "deniedPrincipals": ["principalSet://goog/public:all"], "exceptionPrincipals": ["principal://goog/subject/boss@acme.com"],
        "deniedPermissions": ["storage.googleapis.com/buckets.delete"]}}]});
    let folder = ResourceName::parse("folders/3").unwrap();
    read(&mut state, denial, Some(&folder));
    let group = |members: &[&str]| {
        members
            .iter()
            .map(|text| text.parse().unwrap())
            .collect::<Vec<Member>>()
    };
    state
        .groups
        .insert("readers@acme.com".to_owned(), group(&["group:team@acme.com"]));
    state.groups.insert(
        "team@acme.com".to_owned(),
        group(&["user:ann@acme.com", "group:readers@acme.com"]),
    );
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
        Decision::Denied { .. } => "denied",
        Decision::Missed(_) => "missed",
        Decision::Unknown(_) => "unknown",
    }
}

#[test]
fn decisions_are_those_of_the_documentation() {
    let state = state();
    let iris = "gs://models/iris/model.pkl";
    let repository = [("attribute.repository", "acme/iris")];
    let account = "trainer@acme.iam.gserviceaccount.com";
    type Row<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)], &'static str);
    let table: &[Row<'_>] = &[
        // On the resource itself, under a condition on its name.
        (TRAINER, "storage.objects.create", iris, &[], "granted"),
        (
            TRAINER,
            "storage.objects.create",
            "gs://models/other/model.pkl",
            &[],
            "missed",
        ),
        (TRAINER, "storage.objects.create", "gs://public/x", &[], "missed"),
        // Inherited from the project, the folder, the organization.
        (TRAINER, "aiplatform.customJobs.create", "projects/acme", &[], "granted"),
        (
            TRAINER,
            "aiplatform.endpoints.predict",
            "//aiplatform.googleapis.com/projects/17/locations/europe-west4/endpoints/7",
            &[],
            "granted",
        ),
        (TRAINER, "aiplatform.customJobs.create", "projects/other", &[], "missed"),
        ("user:ann@acme.com", "storage.objects.get", iris, &[], "granted"),
        ("user:ann@acme.com", "storage.objects.create", iris, &[], "missed"),
        (
            "user:someone@acme.com",
            "logging.logEntries.list",
            "projects/acme",
            &[],
            "granted",
        ),
        (
            "user:someone@other.com",
            "logging.logEntries.list",
            "projects/acme",
            &[],
            "missed",
        ),
        // Everybody.
        (
            "user:stranger@example.com",
            "storage.objects.get",
            "gs://public/x",
            &[],
            "granted",
        ),
        (REPOSITORY, "storage.objects.get", "gs://public/x", &[], "granted"),
        // Links: who may act as whom.
        (POD, "iam.serviceAccounts.getAccessToken", account, &[], "granted"),
        (
            "serviceAccount:acme.svc.id.goog[other/trainer]",
            "iam.serviceAccounts.getAccessToken",
            account,
            &[],
            "missed",
        ),
        (
            "serviceAccount:other.svc.id.goog[ml/trainer]",
            "iam.serviceAccounts.getAccessToken",
            account,
            &[],
            "missed",
        ),
        (
            "serviceAccount:acme.svc.id.goog[ml/other]",
            "iam.serviceAccounts.actAs",
            account,
            &[],
            "granted",
        ),
        (POD, "storage.objects.create", iris, &[], "missed"),
        // Federation: the mapped attribute decides.
        (REPOSITORY, "storage.objects.get", iris, &repository, "granted"),
        (
            REPOSITORY,
            "storage.objects.get",
            iris,
            &[("attribute.repository", "acme/other")],
            "missed",
        ),
        (REPOSITORY, "storage.objects.get", iris, &[], "missed"),
        // Custom roles, basic roles.
        ("user:custom@acme.com", "storage.objects.get", iris, &[], "granted"),
        ("user:custom@acme.com", "storage.objects.list", iris, &[], "missed"),
        ("user:old@acme.com", "storage.objects.get", iris, &[], "unknown"),
        // A condition on the time: it is six in the evening.
        ("user:office@acme.com", "storage.objects.get", iris, &[], "missed"),
        // A denial above the project, with an exception.
        (
            "user:ann@acme.com",
            "storage.buckets.delete",
            "gs://models",
            &[],
            "denied",
        ),
        (
            "user:boss@acme.com",
            "storage.buckets.delete",
            "gs://models",
            &[],
            "missed",
        ),
    ];
    for (subject, permission, resource, attributes, expected) in table {
        let decision = decide(&state, subject, permission, resource, attributes);
        assert_eq!(
            word(&decision),
            *expected,
            "{subject} {permission} {resource}: {decision:?}"
        );
    }
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
