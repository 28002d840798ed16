//! Jobs in containers, where a runtime and an image are named: `TERRACE_TEST_RUNTIME` is `docker` or `podman`, and
//! `TERRACE_TEST_IMAGE` an image with a shell.

use std::time::{Duration, Instant};

use emulator::ContainerRuntime;
use serde_json::{Value as Json, json};

use crate::cloud::Cloud;

const JOBS: &str = "/v1/projects/acme-dev/locations/europe-west4/customJobs";

struct Place {
    cloud: Cloud,
    image: String,
}

fn place() -> Option<Place> {
    let runtime = match std::env::var("TERRACE_TEST_RUNTIME").ok()?.as_str() {
        "docker" => ContainerRuntime::Docker,
        _ => ContainerRuntime::Podman,
    };
    let image = std::env::var("TERRACE_TEST_IMAGE").ok()?;
    let cloud = Cloud::with_runtime(runtime);
    cloud.call(
        "POST",
        "/storage/v1/b?project=acme-dev",
        Some("ann"),
        Some(json!({"name": "iris-out"})),
    );
    Some(Place { cloud, image })
}

impl Place {
    /// The document of a job that ran a script.
    fn ran(&self, image: &str, script: &str) -> Json {
        let container = json!({"imageUri": image, "command": ["sh", "-c"], "args": [script]});
        let pool =
            json!({"machineSpec": {"machineType": "n1-standard-4"}, "replicaCount": 1, "containerSpec": container});
        let spec = json!({"baseOutputDirectory": {"outputUriPrefix": "gs://iris-out/run"}, "workerPoolSpecs": [pool]});
        let body = json!({"displayName": "job", "jobSpec": spec});
        let (code, job) = self.cloud.call("POST", JOBS, Some("ann"), Some(body));
        assert_eq!(code, 200, "{job}");
        let path = format!("/v1/{}", job["name"].as_str().unwrap());
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let (_, job) = self.cloud.call("GET", &path, Some("ann"), None);
            let state = job["state"].as_str().unwrap();
            if state == "JOB_STATE_SUCCEEDED" || state == "JOB_STATE_FAILED" {
                return job;
            }
            assert!(Instant::now() < deadline, "{job}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn a_container_has_its_image_its_buckets_and_its_account() {
    let Some(place) = place() else {
        eprintln!("skipped: TERRACE_TEST_RUNTIME and TERRACE_TEST_IMAGE name no container runtime");
        return;
    };
    let script = "test -n \"$GCE_METADATA_HOST\" && test -n \"$CLUSTER_SPEC\" && test ! -e /proc/1/root/work && \
                  echo done > /gcs/iris-out/x.txt";
    let job = place.ran(&place.image, script);
    assert_eq!(job["state"], "JOB_STATE_SUCCEEDED", "{job}");
    let (code, object) = place
        .cloud
        .call("GET", "/storage/v1/b/iris-out/o/x.txt", Some("ann"), None);
    assert_eq!((code, &object["size"]), (200, &json!("5")));
    let job = place.ran(&place.image, "exit 7");
    let message = job["error"]["message"].as_str().unwrap();
    assert!(message.contains("non-zero status of 7"), "{message}");
}

#[test]
fn an_image_that_is_not_there_fails_the_job() {
    let Some(place) = place() else {
        eprintln!("skipped: TERRACE_TEST_RUNTIME and TERRACE_TEST_IMAGE name no container runtime");
        return;
    };
    let job = place.ran("localhost/not-there:1", "true");
    let message = job["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("localhost/not-there:1") && message.contains("could not be started"),
        "{message}"
    );
    assert!(!message.contains('\n'), "{message}");
}
