//! Who calls, and what is answered to whom nobody knows.

use emulator::Iam;
use serde_json::json;

use crate::cloud::{Cloud, granted};

fn owned() -> Cloud {
    let policy = json!({"bindings": [
        {"role": "roles/iam.serviceAccountAdmin", "members": ["user:ann@acme.com"]},
        {"role": "roles/logging.admin", "members": ["user:ann@acme.com"]},
    ]});
    Cloud::new(Iam::Enforce, granted(&[("projects/acme-dev", policy)]))
}

#[test]
fn a_call_without_a_permission_gets_the_error_of_google() {
    let cloud = owned();
    let path = "/v1/projects/acme-dev/serviceAccounts";
    let (code, body) = cloud.call("GET", path, None, None);
    assert_eq!((code, &body["error"]["status"]), (401, &json!("UNAUTHENTICATED")));
    let (code, body) = cloud.get(path, "a token that nobody made");
    assert_eq!((code, &body["error"]["status"]), (401, &json!("UNAUTHENTICATED")));
    let (code, body) = cloud.get(path, "bob");
    let error = &body["error"];
    assert_eq!((code, &error["status"]), (403, &json!("PERMISSION_DENIED")));
    assert_eq!(error["details"][0]["reason"], "IAM_PERMISSION_DENIED");
    assert_eq!(
        error["details"][0]["metadata"]["permission"],
        "iam.serviceAccounts.list"
    );
    let (code, _) = cloud.get(path, "ann");
    assert_eq!(code, 200);
}

#[test]
fn what_was_acknowledged_is_there_after_a_new_start() {
    let cloud = owned();
    let path = "/v1/projects/acme-dev/serviceAccounts";
    let (code, made) = cloud.post(path, "ann", json!({"accountId": "trainer"}));
    assert_eq!(code, 200, "{made}");
    let (code, again) = cloud.post(path, "ann", json!({"accountId": "trainer"}));
    assert_eq!((code, &again["error"]["status"]), (409, &json!("ALREADY_EXISTS")));
    let policy = json!({"bindings": [{"role": "roles/iam.serviceAccountAdmin", "members": ["user:bob@acme.com"]}]});
    let on = format!("{path}/trainer@acme-dev.iam.gserviceaccount.com");
    let (code, _) = cloud.post(&format!("{on}:setIamPolicy"), "ann", json!({"policy": policy}));
    assert_eq!(code, 200);
    let directory = cloud.stop();
    let cloud = Cloud::at(directory, Iam::Enforce, granted(&[]));
    let (code, found) = cloud.get(&on, "bob");
    assert_eq!((code, &found["uniqueId"]), (200, &made["uniqueId"]));
    let (code, _) = cloud.get(&on, "ann");
    assert_eq!(code, 403, "what she had came from elsewhere");
}

#[test]
fn faults_come_when_they_are_asked_for() {
    let cloud = owned();
    let fault = json!({"path": "serviceAccounts", "effect": "unavailable"});
    assert_eq!(cloud.post("/emulator/faults", "", fault).0, 201);
    let path = "/v1/projects/acme-dev/serviceAccounts";
    let (code, body) = cloud.get(path, "ann");
    assert_eq!((code, &body["error"]["status"]), (503, &json!("UNAVAILABLE")));
    assert_eq!(cloud.get(path, "ann").0, 200);
    let fault = json!({"effect": "expiredToken"});
    assert_eq!(cloud.post("/emulator/faults", "", fault).0, 201);
    assert_eq!(cloud.get(path, "ann").0, 401);
    let (code, body) = cloud.post("/emulator/faults", "", json!({"effect": "fire"}));
    assert_eq!((code, &body["error"]["status"]), (400, &json!("INVALID_ARGUMENT")));
}

#[test]
fn entries_are_written_and_found() {
    let cloud = owned();
    let entries: Vec<_> = (0..120)
        .map(|number| json!({"textPayload": format!("step {number}"), "severity": if number % 2 == 0 { "INFO" } else { "ERROR" }}))
        .collect();
    let body = json!({
        "logName": "projects/acme-dev/logs/train",
        "resource": {"type": "ml_job", "labels": {"job_id": "7"}},
        "entries": entries,
    });
    assert_eq!(cloud.post("/v2/entries:write", "bob", body.clone()).0, 403);
    assert_eq!(cloud.post("/v2/entries:write", "ann", body).0, 200);
    let mut token = String::new();
    let mut found = Vec::new();
    loop {
        let filter = r#"resource.labels.job_id="7" AND severity>=WARNING"#;
        let request = json!({"resourceNames": ["projects/acme-dev"], "filter": filter, "pageToken": token});
        let (code, page) = cloud.post("/v2/entries:list", "ann", request);
        assert_eq!(code, 200, "{page}");
        found.extend(
            page["entries"]
                .as_array()
                .unwrap()
                .iter()
                .map(|entry| entry["textPayload"].as_str().unwrap().to_owned()),
        );
        match page["nextPageToken"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => break,
        }
    }
    let expected: Vec<String> = (0..120)
        .filter(|number| number % 2 == 1)
        .map(|number| format!("step {number}"))
        .collect();
    assert_eq!(found, expected);
}
