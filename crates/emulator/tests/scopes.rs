//! Tokens with few scopes: what they open, and what they are refused with.

use emulator::Iam;
use serde_json::{Value as Json, json};

use crate::cloud::{Cloud, granted};

const TRAINER: &str = "trainer@acme-dev.iam.gserviceaccount.com";
const SCOPE: &str = "https://www.googleapis.com/auth/";

/// A cloud in which Ann may be an account that may do everything that is asked here.
fn cloud(iam: Iam) -> Cloud {
    let account = format!("serviceAccount:{TRAINER}");
    let roles = [
        "roles/aiplatform.admin",
        "roles/storage.admin",
        "roles/logging.admin",
        "roles/iam.serviceAccountAdmin",
        "roles/iam.serviceAccountTokenCreator",
        "roles/iam.workloadIdentityPoolAdmin",
        "roles/resourcemanager.projectIamAdmin",
    ];
    let mut bindings: Vec<Json> = roles
        .iter()
        .map(|role| json!({"role": role, "members": [account]}))
        .collect();
    bindings.push(json!({"role": "roles/iam.serviceAccountTokenCreator", "members": ["user:ann@acme.com"]}));
    Cloud::new(iam, granted(&[("projects/acme-dev", json!({"bindings": bindings}))]))
}

/// A token of the account with some scopes.
fn token(cloud: &Cloud, scopes: &[&str]) -> String {
    let scopes: Vec<String> = scopes.iter().map(|scope| format!("{SCOPE}{scope}")).collect();
    let path = format!("/v1/projects/-/serviceAccounts/{TRAINER}:generateAccessToken");
    let (code, body) = cloud.post(&path, "ann", json!({"scope": scopes}));
    assert_eq!(code, 200, "{body}");
    body["accessToken"].as_str().unwrap().to_owned()
}

/// Calls, and which scopes open them beside cloud-platform.
const CALLS: [(&str, &str, &[&str]); 27] = [
    (
        "GET",
        "/storage/v1/b?project=acme-dev",
        &[
            "devstorage.read_only",
            "devstorage.read_write",
            "devstorage.full_control",
            "cloud-platform.read-only",
        ],
    ),
    (
        "GET",
        "/storage/v1/b/iris/o",
        &[
            "devstorage.read_only",
            "devstorage.read_write",
            "devstorage.full_control",
            "cloud-platform.read-only",
        ],
    ),
    (
        "GET",
        "/storage/v1/b/iris/o/a%2Fb:c",
        &[
            "devstorage.read_only",
            "devstorage.read_write",
            "devstorage.full_control",
            "cloud-platform.read-only",
        ],
    ),
    (
        "GET",
        "/download/storage/v1/b/iris/o/a?alt=media",
        &[
            "devstorage.read_only",
            "devstorage.read_write",
            "devstorage.full_control",
            "cloud-platform.read-only",
        ],
    ),
    (
        "POST",
        "/storage/v1/b?project=acme-dev",
        &["devstorage.read_write", "devstorage.full_control"],
    ),
    (
        "POST",
        "/upload/storage/v1/b/iris/o?uploadType=media&name=x",
        &["devstorage.read_write", "devstorage.full_control"],
    ),
    (
        "POST",
        "/resumable/upload/storage/v1/b/iris/o?uploadType=resumable&name=x",
        &["devstorage.read_write", "devstorage.full_control"],
    ),
    (
        "DELETE",
        "/storage/v1/b/iris/o/x",
        &["devstorage.read_write", "devstorage.full_control"],
    ),
    (
        "POST",
        "/storage/v1/b/iris/o/x/compose",
        &["devstorage.read_write", "devstorage.full_control"],
    ),
    ("PATCH", "/storage/v1/b/iris/o/x", &["devstorage.full_control"]),
    ("PATCH", "/storage/v1/b/iris", &["devstorage.full_control"]),
    ("GET", "/storage/v1/b/iris/iam", &["devstorage.full_control"]),
    ("PUT", "/storage/v1/b/iris/iam", &["devstorage.full_control"]),
    ("POST", "/v2/entries:write", &["logging.write", "logging.admin"]),
    (
        "POST",
        "/v2/entries:list",
        &["logging.read", "logging.admin", "cloud-platform.read-only"],
    ),
    ("GET", "/v1/projects/acme-dev", &["cloud-platform.read-only"]),
    (
        "POST",
        "/v1/projects/acme-dev:getIamPolicy",
        &["cloud-platform.read-only"],
    ),
    ("POST", "/v3/projects/acme-dev:setIamPolicy", &[]),
    ("GET", "/v1/projects/acme-dev/serviceAccounts", &["iam"]),
    ("POST", "/v1/projects/acme-dev/serviceAccounts", &["iam"]),
    (
        "GET",
        "/v1/projects/acme-dev/locations/global/workloadIdentityPools",
        &["iam"],
    ),
    (
        "POST",
        "/v1/projects/-/serviceAccounts/trainer@acme-dev.iam.gserviceaccount.com:generateAccessToken",
        &["iam"],
    ),
    (
        "POST",
        "/v1/projects/-/serviceAccounts/trainer@acme-dev.iam.gserviceaccount.com:generateIdToken",
        &["iam"],
    ),
    ("POST", "/v1/projects/acme-dev/locations/europe-west4/customJobs", &[]),
    (
        "GET",
        "/v1/projects/acme-dev/locations/europe-west4/customJobs",
        &["aiplatform"],
    ),
    (
        "GET",
        "/v1beta1/projects/acme-dev/locations/europe-west4/customJobs/7",
        &[],
    ),
    (
        "GET",
        "/ui/projects/acme-dev/locations/europe-west4/models/7",
        &["aiplatform"],
    ),
];

#[test]
fn scopes_open_what_the_discovery_documents_say() {
    let cloud = cloud(Iam::Enforce);
    let all = [
        "cloud-platform",
        "cloud-platform.read-only",
        "devstorage.read_only",
        "devstorage.read_write",
        "devstorage.full_control",
        "logging.read",
        "logging.write",
        "logging.admin",
        "iam",
        "aiplatform",
        "userinfo.email",
    ];
    let tokens = all.map(|scope| (scope, token(&cloud, &[scope])));
    let mut wrong = Vec::new();
    for (method, path, open) in CALLS {
        for (scope, token) in &tokens {
            let body = (method != "GET" && method != "DELETE").then(|| json!({}));
            let (_, challenge, answer) = cloud.challenged(method, path, Some(token), body);
            let is_refused = challenge.contains("insufficient_scope");
            let is_open = *scope == "cloud-platform" || open.contains(scope);
            if is_refused == is_open {
                wrong.push(format!("{method} {path} with {scope}: {answer}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_refusal_is_that_of_google() {
    let cloud = cloud(Iam::Enforce);
    let token = token(&cloud, &["logging.read", "devstorage.read_only"]);
    let path = "/v1/projects/acme-dev/locations/europe-west4/customJobs";
    let (code, challenge, body) = cloud.challenged("POST", path, Some(&token), Some(json!({})));
    assert_eq!(code, 403);
    assert_eq!(
        challenge,
        format!(
            "Bearer realm=\"https://accounts.google.com/\", error=\"insufficient_scope\", scope=\"{SCOPE}cloud-platform\""
        )
    );
    let expected = json!({"error": {
        "code": 403,
        "message": "Request had insufficient authentication scopes.",
        "status": "PERMISSION_DENIED",
        "details": [{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "domain": "googleapis.com",
            "metadata": {
                "service": "aiplatform.googleapis.com",
                "method": "google.cloud.aiplatform.v1.JobService.CreateCustomJob",
            },
        }],
    }});
    assert_eq!(body, expected);
    let (code, challenge, body) =
        cloud.challenged("POST", "/storage/v1/b?project=acme-dev", Some(&token), Some(json!({})));
    assert_eq!(code, 403);
    assert!(challenge.contains("devstorage.read_write"), "{challenge}");
    let message = "Provided scope(s) are not authorized";
    let reason = json!({"message": message, "domain": "global", "reason": "forbidden"});
    assert_eq!(
        body,
        json!({"error": {"code": 403, "message": message, "errors": [reason]}})
    );
    let (code, challenge, _) = cloud.challenged("GET", path, None, None);
    assert_eq!(
        (code, challenge.as_str()),
        (401, "Bearer realm=\"https://accounts.google.com/\"")
    );
}

#[test]
fn the_metadata_server_gives_the_scopes_that_are_asked_for() {
    let cloud = cloud(Iam::Enforce);
    let of = |query: &str| {
        let path = format!("/computeMetadata/v1/instance/service-accounts/default/token{query}");
        let (code, body) = cloud.call("GET", &path, None, None);
        assert_eq!(code, 200, "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    };
    let jobs = "/v1/projects/acme-dev/locations/europe-west4/customJobs";
    let buckets = "/storage/v1/b?project=acme-dev";
    assert_eq!(cloud.get(jobs, &of("")).0, 200, "all of it where nothing is asked for");
    let narrow = of(&format!("?scopes={SCOPE}devstorage.read_only,{SCOPE}logging.write"));
    assert_eq!(cloud.get(jobs, &narrow).0, 403);
    assert_eq!(cloud.get(buckets, &narrow).0, 200);
    let entry = json!({"logName": "projects/acme-dev/logs/x", "entries": [{"textPayload": "a"}]});
    assert_eq!(cloud.post("/v2/entries:write", &narrow, entry).0, 200);
    assert_eq!(
        cloud
            .post(
                "/v2/entries:list",
                &narrow,
                json!({"resourceNames": ["projects/acme-dev"]})
            )
            .0,
        403
    );
}

#[test]
fn scopes_are_looked_at_only_where_iam_is_enforced() {
    let cloud = cloud(Iam::Log);
    let token = token(&cloud, &["logging.read"]);
    assert_eq!(cloud.get("/storage/v1/b?project=acme-dev", &token).0, 200);
}
