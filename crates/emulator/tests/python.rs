//! The tests in `tests/python`, run with the clients that Google publishes.

use std::path::Path;
use std::process::Command;

use emulator::Iam;
use serde_json::json;

use crate::cloud::{Cloud, granted, python};

/// Runs one file of them against a cloud.
fn run(file: &str) {
    let Some(python) = python() else {
        eprintln!("skipped: no Python with the clients in target/test-python");
        return;
    };
    let owner = json!({"bindings": [
        {"role": "roles/iam.workloadIdentityPoolAdmin", "members": ["user:ann@acme.com"]},
        {"role": "roles/iam.serviceAccountAdmin", "members": ["user:ann@acme.com"]},
        {"role": "roles/resourcemanager.projectIamAdmin", "members": ["user:ann@acme.com"]},
        {"role": "roles/aiplatform.admin", "members": ["user:ann@acme.com"]},
        {"role": "roles/storage.admin", "members": ["user:ann@acme.com"]},
        {"role": "roles/logging.admin", "members": ["user:ann@acme.com"]},
        {"role": "roles/aiplatform.user", "members": ["user:cleo@acme.com"]},
        {"role": "roles/iam.serviceAccountUser", "members": ["user:ann@acme.com"]},
        {"role": "roles/aiplatform.user", "members": ["serviceAccount:trainer@acme-dev.iam.gserviceaccount.com"]},
        {"role": "roles/storage.objectAdmin", "members": ["serviceAccount:trainer@acme-dev.iam.gserviceaccount.com"]},
    ]});
    let cloud = Cloud::new(Iam::Enforce, granted(&[("projects/acme-dev", owner)]));
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
    let host = cloud.url.trim_start_matches("http://").to_owned();
    let output = Command::new(python)
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider", file])
        .current_dir(tests)
        .env("CLOUD_URL", &cloud.url)
        .env("STORAGE_EMULATOR_HOST", &cloud.url)
        .env("GCE_METADATA_HOST", &host)
        .env("GCE_METADATA_IP", &host)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NO_GCE_CHECK", "false")
        .env_remove("GOOGLE_APPLICATION_CREDENTIALS")
        .env_remove("HTTP_PROXY")
        .env_remove("HTTPS_PROXY")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{file}:\n{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn google_auth() {
    run("test_auth.py");
}

#[test]
fn google_cloud_storage() {
    run("test_storage.py");
}

#[test]
fn vertex_jobs() {
    run("test_jobs.py");
}

#[test]
fn vertex_pipelines() {
    run("test_pipelines.py");
}

#[test]
fn vertex_schedules() {
    run("test_schedules.py");
}

#[test]
fn vertex_python_packages() {
    run("test_packages.py");
}

#[test]
fn vertex_models_and_endpoints() {
    run("test_models.py");
}
