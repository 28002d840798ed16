//! Planted secrets do not come out.

use serde_json::json;

use super::*;

fn cleaned(declared: &[&str], mut value: Value) -> Value {
    Secrets::declared(declared.iter().map(|secret| (*secret).to_owned())).clean(&mut value);
    value
}

#[test]
fn answers_keep_what_is_no_secret() {
    let answer = json!({
        "name": "projects/acme/locations/europe-west4/customJobs/123456789012",
        "etag": "BwYx/0K8tQs=",
        "nextPageToken": "CiAKGjBpNDd2Nmp2Zml2cXRwYjBpOXA",
        "secret": "projects/acme/secrets/db/versions/3",
        "createTime": "2026-11-22T02:00:00.123456Z",
        "bindings": [{"role": "roles/iam.serviceAccountTokenCreator", "members": ["serviceAccount:a@acme.iam.gserviceaccount.com"]}],
        "digest": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "message": "Permission 'aiplatform.customJobs.create' denied on resource (or it may not exist).",
        "unicode": "naïve – 日本語 %", "count": 12, "share": 0.25, "labels": {"a+b": "c"}, "done": true, "none": null,
        "url": "https://europe-west4-aiplatform.googleapis.com/v1/projects/acme?alt=json"
    });
    assert_eq!(cleaned(&["hunter2hunter2"], answer.clone()), answer);
}

#[test]
fn integers_that_are_no_doubles_become_texts() {
    let value = cleaned(
        &[],
        json!({"a": 9007199254740993_i64, "b": u64::MAX, "c": -9007199254740993_i64, "d": 9007199254740992_i64}),
    );
    assert_eq!(
        value,
        json!({"a": "9007199254740993", "b": "18446744073709551615", "c": "-9007199254740993", "d": 9007199254740992_i64})
    );
}

#[test]
fn fields_that_hold_secrets_are_known_by_name() {
    let value = json!({
        "privateKeyData": "AAAA", "keyString": "k", "payload": {"data": "aHVudGVyMg==", "dataCrc32c": "1"},
        "accessToken": ["x"], "clientSecret": {"a": "b"}, "X-Api-Key": "v",
        "env": [{"name": "DB_PASSWORD", "value": "x"}, {"name": "REGION", "value": "eu"}],
        "object": {"kind": "Secret", "metadata": {"name": "db"}, "data": {"a": "b"}, "stringData": {"c": "d"}}
    });
    assert_eq!(
        cleaned(&[], value),
        json!({
            "privateKeyData": "[removed]", "keyString": "[removed]", "payload": {"data": "[removed]", "dataCrc32c": "1"},
            "accessToken": "[removed]", "clientSecret": "[removed]", "X-Api-Key": "[removed]",
            "env": [{"name": "DB_PASSWORD", "value": "[removed]"}, {"name": "REGION", "value": "eu"}],
            "object": {"kind": "Secret", "metadata": {"name": "db"}, "data": "[removed]", "stringData": "[removed]"}
        })
    );
}

#[test]
fn texts_lose_their_secrets_and_nothing_else() {
    let value = json!({"message": "the token ya29.c.AbCdEfGh is old", "url": "x?name=hunter2hunter2&b=1", "hunter2hunter2": 1,
        "json": "{\"password\":\"x\",\"user\":\"ann\"}", "pin": 123456, "short": "abc", "not short": "abcd"});
    assert_eq!(
        cleaned(&["hunter2hunter2", "123456", "abc"], value),
        json!({"message": "the token [removed: a Google access token] is old", "url": "x?name=[removed]&b=1", "[removed]": 1,
            "json": "{\"password\":\"[removed]\",\"user\":\"ann\"}", "pin": "[removed]", "short": "[removed]", "not short": "abcd"})
    );
}
