//! Terraform's JSON.

use identity::{State, StateError};
use serde_json::{Value, json};
use yaml::Sources;

use crate::facts;

fn read(text: &str) -> Result<Vec<String>, StateError> {
    let sources = Sources::new();
    let source = sources.add("terraform.json", text.to_owned());
    let mut state = State::default();
    state.read(&source, None)?;
    Ok(facts(&state, &sources))
}

/// A state as `terraform show -json` prints it, with one resource in it.
fn shown(kind: &str, values: &Value) -> String {
    let resource =
        json!({"address": format!("{kind}.it"), "mode": "managed", "type": kind, "name": "it", "values": values});
    json!({"format_version": "1.0", "values": {"root_module": {"resources": [resource]}}}).to_string()
}

/// What the provider keeps in the state for each kind of resource
/// (<https://registry.terraform.io/providers/hashicorp/google/latest/docs>).
#[test]
fn kinds_of_resources() {
    let ann = "user:ann@acme.com";
    let table = [
        (
            "google_project_iam_member",
            json!({"project": "acme", "role": "roles/aiplatform.user", "member": ann, "condition": [], "etag": "BwX=", "id": "acme/roles/aiplatform.user/user:ann@acme.com"}),
            "1: roles/aiplatform.user to user:ann@acme.com on //cloudresourcemanager.googleapis.com/projects/acme",
        ),
        (
            "google_folder_iam_binding",
            json!({"folder": "folders/3", "role": "roles/viewer", "members": [ann, "group:ml@acme.com"]}),
            "1: roles/viewer to user:ann@acme.com group:ml@acme.com on //cloudresourcemanager.googleapis.com/folders/3",
        ),
        (
            "google_organization_iam_member",
            json!({"org_id": "1", "role": "roles/viewer", "member": ann,
                "condition": [{"title": "soon", "description": "", "expression": "request.time < timestamp('2027-01-01T00:00:00Z')"}]}),
            "1: roles/viewer to user:ann@acme.com on //cloudresourcemanager.googleapis.com/organizations/1 if soon: request.time < timestamp('2027-01-01T00:00:00Z')",
        ),
        (
            "google_organization_iam_policy",
            json!({"org_id": "1", "policy_data": json!({"bindings": [{"role": "roles/owner", "members": [ann]}]}).to_string()}),
            "1: roles/owner to user:ann@acme.com on //cloudresourcemanager.googleapis.com/organizations/1",
        ),
        (
            "google_storage_bucket_iam_member",
            json!({"bucket": "b/models", "role": "roles/storage.objectUser", "member": ann}),
            "1: roles/storage.objectUser to user:ann@acme.com on //storage.googleapis.com/projects/_/buckets/models",
        ),
        (
            "google_service_account_iam_member",
            json!({"service_account_id": "projects/acme/serviceAccounts/t@acme.iam.gserviceaccount.com",
                "role": "roles/iam.workloadIdentityUser", "member": "serviceAccount:acme.svc.id.goog[ml/t]"}),
            "1: roles/iam.workloadIdentityUser to serviceAccount:acme.svc.id.goog[ml/t] on //iam.googleapis.com/projects/acme/serviceAccounts/t@acme.iam.gserviceaccount.com",
        ),
        (
            "google_secret_manager_secret_iam_member",
            json!({"project": "acme", "secret_id": "projects/acme/secrets/token", "role": "roles/secretmanager.secretAccessor", "member": ann}),
            "1: roles/secretmanager.secretAccessor to user:ann@acme.com on //secretmanager.googleapis.com/projects/acme/secrets/token",
        ),
        (
            "google_secret_manager_regional_secret_iam_member",
            json!({"project": "acme", "location": "europe-west4", "secret_id": "token", "role": "roles/secretmanager.secretAccessor", "member": ann}),
            "1: roles/secretmanager.secretAccessor to user:ann@acme.com on //secretmanager.googleapis.com/projects/acme/locations/europe-west4/secrets/token",
        ),
        (
            "google_artifact_registry_repository_iam_member",
            json!({"project": "acme", "location": "europe", "repository": "projects/acme/locations/europe/repositories/images", "role": "roles/artifactregistry.reader", "member": ann}),
            "1: roles/artifactregistry.reader to user:ann@acme.com on //artifactregistry.googleapis.com/projects/acme/locations/europe/repositories/images",
        ),
        (
            "google_pubsub_topic_iam_member",
            json!({"project": "acme", "topic": "projects/acme/topics/runs", "role": "roles/pubsub.publisher", "member": ann}),
            "1: roles/pubsub.publisher to user:ann@acme.com on //pubsub.googleapis.com/projects/acme/topics/runs",
        ),
        (
            "google_pubsub_subscription_iam_member",
            json!({"project": "acme", "subscription": "runs", "role": "roles/pubsub.subscriber", "member": ann}),
            "1: roles/pubsub.subscriber to user:ann@acme.com on //pubsub.googleapis.com/projects/acme/subscriptions/runs",
        ),
        (
            "google_bigquery_dataset_iam_member",
            json!({"project": "acme", "dataset_id": "features", "role": "roles/bigquery.dataViewer", "member": ann}),
            "1: roles/bigquery.dataViewer to user:ann@acme.com on //bigquery.googleapis.com/projects/acme/datasets/features",
        ),
        (
            "google_kms_crypto_key_iam_member",
            json!({"crypto_key_id": "acme/europe/ring/key", "role": "roles/cloudkms.cryptoKeyDecrypter", "member": ann}),
            "1: roles/cloudkms.cryptoKeyDecrypter to user:ann@acme.com on //cloudkms.googleapis.com/projects/acme/locations/europe/keyRings/ring/cryptoKeys/key",
        ),
        (
            "google_kms_key_ring_iam_member",
            json!({"key_ring_id": "projects/acme/locations/europe/keyRings/ring", "role": "roles/cloudkms.admin", "member": ann}),
            "1: roles/cloudkms.admin to user:ann@acme.com on //cloudkms.googleapis.com/projects/acme/locations/europe/keyRings/ring",
        ),
        (
            "google_project_iam_custom_role",
            json!({"project": "acme", "role_id": "reader", "permissions": ["storage.objects.get", "storage.buckets.get"], "deleted": false}),
            "projects/acme/roles/reader has storage.buckets.get storage.objects.get",
        ),
        (
            "google_organization_iam_custom_role",
            json!({"org_id": "1", "role_id": "reader", "permissions": ["storage.objects.get"]}),
            "organizations/1/roles/reader has storage.objects.get",
        ),
        (
            "google_iam_workload_identity_pool_provider",
            json!({"project": "acme", "name": "projects/17/locations/global/workloadIdentityPools/ci/providers/github",
                "workload_identity_pool_id": "ci", "workload_identity_pool_provider_id": "github", "disabled": false,
                "attribute_condition": "assertion.repository_owner == 'acme'", "attribute_mapping": {"google.subject": "assertion.sub"},
                "oidc": [{"issuer_uri": "https://token.actions.githubusercontent.com", "allowed_audiences": ["acme"], "jwks_json": ""}], "aws": [], "saml": []}),
            "1: github of iam.googleapis.com/projects/17/locations/global/workloadIdentityPools/ci trusts https://token.actions.githubusercontent.com for acme as [(\"google.subject\", \"assertion.sub\")] if assertion.repository_owner == 'acme'",
        ),
        (
            "google_service_account_key",
            json!({"service_account_id": "projects/acme/serviceAccounts/T@acme.iam.gserviceaccount.com", "private_key": "c2VjcmV0",
                "name": "projects/acme/serviceAccounts/t@acme.iam.gserviceaccount.com/keys/4f1c"}),
            "1: key 4f1c of t@acme.iam.gserviceaccount.com",
        ),
        (
            "google_iam_deny_policy",
            json!({"parent": "cloudresourcemanager.googleapis.com%2Fprojects%2Facme", "name": "p", "rules": [{"description": "", "deny_rule": [{
                "denied_principals": ["principalSet://goog/public:all"], "exception_principals": ["principal://goog/subject/boss@acme.com"],
                "denied_permissions": ["storage.googleapis.com/*"], "exception_permissions": ["storage.googleapis.com/objects.get"],
                "denial_condition": [{"title": "t", "expression": "!resource.matchTag('1/env', 'test')"}]}]}]}),
            "1: storage.googleapis.com/* but storage.googleapis.com/objects.get denied to allUsers but user:boss@acme.com on //cloudresourcemanager.googleapis.com/projects/acme if t: !resource.matchTag('1/env', 'test')",
        ),
        (
            "google_folder",
            json!({"name": "folders/3", "parent": "organizations/1", "display_name": "ml"}),
            "//cloudresourcemanager.googleapis.com/folders/3 in //cloudresourcemanager.googleapis.com/organizations/1",
        ),
        (
            "google_storage_bucket",
            json!({"name": "models", "project": "acme"}),
            "//storage.googleapis.com/projects/_/buckets/models in //cloudresourcemanager.googleapis.com/projects/acme",
        ),
        (
            "google_service_account",
            json!({"account_id": "t", "project": "acme", "email": "t@acme.iam.gserviceaccount.com"}),
            "//iam.googleapis.com/projects/acme/serviceAccounts/t@acme.iam.gserviceaccount.com is there",
        ),
        (
            "google_cloud_run_v2_service_iam_member",
            json!({"name": "s", "role": "roles/run.invoker", "member": "allUsers"}),
            "1: ? google_cloud_run_v2_service_iam_member.it: grants on a google_cloud_run_v2_service are not read",
        ),
    ];
    for (kind, values, expected) in table {
        assert_eq!(read(&shown(kind, &values)).unwrap(), [expected], "{kind}");
    }
    for (kind, values) in [
        ("google_compute_instance", json!({"name": "x"})),
        (
            "google_project_iam_audit_config",
            json!({"project": "acme", "service": "allServices"}),
        ),
        (
            "google_project_iam_custom_role",
            json!({"project": "acme", "role_id": "old", "deleted": true}),
        ),
        ("aws_iam_role", json!({})),
    ] {
        assert!(read(&shown(kind, &values)).unwrap().is_empty(), "{kind}");
    }
}

#[test]
fn a_state_file_with_modules_and_indexes() {
    let text = r#"{
  "version": 4,
  "terraform_version": "1.11.4",
  "serial": 7,
  "lineage": "8836e147-b7a2-09cd-d4d7-23e2aeb7820c",
  "outputs": {},
  "resources": [
    {"mode": "data", "type": "google_project", "name": "this", "provider": "p", "instances": [
      {"schema_version": 0, "attributes": {"project_id": "acme", "number": "17", "folder_id": "3", "org_id": ""}}]},
    {"mode": "data", "type": "google_iam_policy", "name": "ignored", "provider": "p", "instances": [{"attributes": {}}]},
    {"module": "module.ml[\"eu\"]", "mode": "managed", "type": "google_project_iam_member", "name": "users", "provider": "p", "instances": [
      {"index_key": "user:ann@acme.com", "schema_version": 0,
        "attributes": {"project": "acme", "role": "roles/aiplatform.user", "member": "user:ann@acme.com", "condition": []}},
      {"index_key": "user:bob@acme.com", "schema_version": 0,
        "attributes": {"project": "acme", "role": "roles/aiplatform.user", "member": "user:bob@acme.com", "condition": []}}
    ]},
    {"mode": "managed", "type": "google_iam_workload_identity_pool_provider", "name": "ci", "provider": "p", "instances": [
      {"attributes": {"project": "acme", "workload_identity_pool_id": "ci", "workload_identity_pool_provider_id": "github", "attribute_mapping": null, "oidc": []}}]}
  ],
  "check_results": null
}"#;
    let on = "//cloudresourcemanager.googleapis.com/projects/acme";
    assert_eq!(
        read(text).unwrap(),
        [
            format!("12: roles/aiplatform.user to user:ann@acme.com on {on}"),
            format!("14: roles/aiplatform.user to user:bob@acme.com on {on}"),
            format!("{on} in //cloudresourcemanager.googleapis.com/folders/3"),
            "acme is project 17".to_owned(),
            "18: github of iam.googleapis.com/projects/17/locations/global/workloadIdentityPools/ci trusts - for  as [] if -"
                .to_owned(),
        ]
    );
}

/// A plan that adds one member, keeps one and removes one, with one that is not known yet.
fn plan() -> String {
    let member = |name: &str, member: Value| {
        json!({"address": format!("google_project_iam_member.{name}"), "mode": "managed", "type": "google_project_iam_member",
            "name": name, "values": {"project": "acme", "role": "roles/viewer", "member": member, "condition": []}})
    };
    let mut later = member("later", Value::Null);
    later["values"].as_object_mut().unwrap().remove("member");
    let binding = json!({"address": "module.m.google_folder_iam_binding.b", "mode": "managed", "type": "google_folder_iam_binding",
        "name": "b", "values": {"folder": "3", "role": "roles/viewer", "members": ["user:a@acme.com", null]}});
    json!({
        "format_version": "1.2", "terraform_version": "1.11.4",
        "planned_values": {"root_module": {
            "resources": [member("kept", json!("user:kept@acme.com")), member("new", json!("user:new@acme.com")), later],
            "child_modules": [{"address": "module.m", "resources": [binding]}]}},
        "resource_changes": [{"address": "google_project_iam_member.new"}],
        "prior_state": {"format_version": "1.0", "values": {"root_module": {
            "resources": [member("kept", json!("user:kept@acme.com")), member("gone", json!("user:gone@acme.com"))]}}}
    })
    .to_string()
}

#[test]
fn a_plan_gives_what_holds_after_it() {
    let on = "//cloudresourcemanager.googleapis.com/projects/acme";
    assert_eq!(
        read(&plan()).unwrap(),
        [
            format!("1: roles/viewer to user:kept@acme.com on {on}"),
            format!("1: roles/viewer to user:new@acme.com on {on}"),
            "1: ? google_project_iam_member.later: member is known when the plan is applied, not before".to_owned(),
            "1: ? module.m.google_folder_iam_binding.b: members is known when the plan is applied, not before"
                .to_owned(),
        ]
    );
}

#[test]
fn a_plan_gives_what_held_before_it() {
    let sources = Sources::new();
    let mut state = State::default();
    state.read_before(&sources.add("plan.json", plan())).unwrap();
    let on = "//cloudresourcemanager.googleapis.com/projects/acme";
    assert_eq!(
        facts(&state, &sources),
        [
            format!("1: roles/viewer to user:kept@acme.com on {on}"),
            format!("1: roles/viewer to user:gone@acme.com on {on}"),
        ]
    );
}

/// `terraform plan -refresh-only` has no planned values: what held before holds after.
#[test]
fn a_plan_that_changes_nothing() {
    let mut document: Value = serde_json::from_str(&plan()).unwrap();
    document["planned_values"] = json!({"root_module": {}});
    assert!(read(&document.to_string()).unwrap().is_empty(), "a plan to destroy all");
    document.as_object_mut().unwrap().remove("resource_changes");
    assert_eq!(read(&document.to_string()).unwrap().len(), 2);
}

#[test]
fn what_is_malformed_names_its_address() {
    let error = |text: &str| read(text).unwrap_err().to_string();
    let table = [
        (
            shown(
                "google_project_iam_member",
                &json!({"project": "acme", "member": "user:a@b.c"}),
            ),
            "google_project_iam_member.it: role is missing",
        ),
        (
            shown(
                "google_project_iam_binding",
                &json!({"project": "acme", "role": "roles/viewer", "members": "user:a@b.c"}),
            ),
            "google_project_iam_binding.it: members is no list of texts",
        ),
        (
            shown(
                "google_project_iam_policy",
                &json!({"project": "acme", "policy_data": "{"}),
            ),
            "google_project_iam_policy.it: policy_data: not a policy: EOF while parsing an object at line 1 column 1",
        ),
        (
            shown(
                "google_project_iam_member",
                &json!({"project": "acme", "role": 1, "member": "user:a@b.c"}),
            ),
            "google_project_iam_member.it: role is no text",
        ),
        (
            json!({"version": 3, "terraform_version": "0.11.0", "lineage": "x", "modules": []}).to_string(),
            "it is Terraform's JSON of version 3; 4 of a state file and 1 of `terraform show -json` are known",
        ),
        (
            json!({"format_version": "2.0"}).to_string(),
            "it is Terraform's JSON of version 2.0; 4 of a state file and 1 of `terraform show -json` are known",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(error(&text), expected, "{text}");
    }
    assert!(
        read(r#"{"format_version": "1.0"}"#).unwrap().is_empty(),
        "an empty state"
    );
}
