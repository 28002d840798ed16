//! Bodies that are no messages of a method: refused in Google's words, and the forms that are taken.

use emulator::Iam;
use identity::State;
use serde_json::{Value as Json, json};

use crate::cloud::Cloud;

const JOBS: &str = "/v1/projects/acme-dev/locations/europe-west4/customJobs";

fn job(pool: Json) -> Json {
    json!({"displayName": "x", "jobSpec": {"workerPoolSpecs": [pool]}})
}

/// A path, a body, and all that is wrong with it: the field and the text of each violation.
type Case = (&'static str, Json, Vec<(&'static str, &'static str)>);

fn cases() -> Vec<Case> {
    let endpoints = "/v1/projects/acme-dev/locations/europe-west4/endpoints";
    let tuning = "/v1/projects/acme-dev/locations/europe-west4/hyperparameterTuningJobs";
    let models = "/v1/projects/acme-dev/locations/europe-west4/models:upload";
    let accounts = "/v1/projects/acme-dev/serviceAccounts";
    let token = "/v1/projects/-/serviceAccounts/a@acme-dev.iam.gserviceaccount.com:generateAccessToken";
    let providers = "/v1/projects/acme-dev/locations/global/workloadIdentityPools/pool/providers?workloadIdentityPoolProviderId=prov";
    vec![
        (
            JOBS,
            json!({"displayName": "x", "foo": 1}),
            vec![(
                "custom_job",
                "Invalid JSON payload received. Unknown name \"foo\" at 'custom_job': Cannot find field.",
            )],
        ),
        (
            JOBS,
            json!({"displayName": "x", "jobSpec": {"foo": 1, "workerPoolSpecs": []}}),
            vec![(
                "custom_job.job_spec",
                "Invalid JSON payload received. Unknown name \"foo\" at 'custom_job.job_spec': Cannot find field.",
            )],
        ),
        (
            JOBS,
            job(json!({"replicaCount": "abc", "machineSpec": {"acceleratorCount": 1.5, "acceleratorType": "GPU"}})),
            vec![
                (
                    "custom_job.job_spec.worker_pool_specs[0].machine_spec.accelerator_count",
                    "Invalid value at 'custom_job.job_spec.worker_pool_specs[0].machine_spec.accelerator_count' (TYPE_INT32), 1.5",
                ),
                (
                    "custom_job.job_spec.worker_pool_specs[0].machine_spec.accelerator_type",
                    "Invalid value at 'custom_job.job_spec.worker_pool_specs[0].machine_spec.accelerator_type' (type.googleapis.com/google.cloud.aiplatform.v1.AcceleratorType), \"GPU\"",
                ),
                (
                    "custom_job.job_spec.worker_pool_specs[0].replica_count",
                    "Invalid value at 'custom_job.job_spec.worker_pool_specs[0].replica_count' (TYPE_INT64), \"abc\"",
                ),
            ],
        ),
        (
            JOBS,
            job(json!({"containerSpec": {"command": [1], "env": [{"name": true}]}})),
            vec![
                (
                    "custom_job.job_spec.worker_pool_specs[0].container_spec.command[0]",
                    "Invalid value at 'custom_job.job_spec.worker_pool_specs[0].container_spec.command[0]' (TYPE_STRING), 1",
                ),
                (
                    "custom_job.job_spec.worker_pool_specs[0].container_spec.env[0].name",
                    "Invalid value at 'custom_job.job_spec.worker_pool_specs[0].container_spec.env[0].name' (TYPE_STRING), true",
                ),
            ],
        ),
        (
            JOBS,
            job(json!({"machineSpec": "n1-standard-4"})),
            vec![(
                "custom_job.job_spec.worker_pool_specs[0].machine_spec",
                "Invalid value at 'custom_job.job_spec.worker_pool_specs[0].machine_spec' (type.googleapis.com/google.cloud.aiplatform.v1.MachineSpec), \"n1-standard-4\"",
            )],
        ),
        (
            JOBS,
            json!({"displayName": ["x"], "jobSpec": {"scheduling": {"timeout": "60"}}}),
            vec![
                (
                    "custom_job",
                    "Invalid JSON payload received. Unknown name \"displayName\" at 'custom_job': Proto field is not repeating, cannot start list.",
                ),
                (
                    "custom_job.job_spec.scheduling.timeout",
                    "Invalid value at 'custom_job.job_spec.scheduling.timeout' (type.googleapis.com/google.protobuf.Duration), Field 'timeout', Illegal duration format; duration must end with 's'",
                ),
            ],
        ),
        (
            JOBS,
            json!({"displayName": {"a": 1}, "labels": ["a"]}),
            vec![
                (
                    "custom_job",
                    "Invalid value at 'custom_job' (display_name), Starting an object on a scalar field",
                ),
                (
                    "custom_job",
                    "Invalid value at 'custom_job' (Map), Cannot bind a list to map for field 'labels'.",
                ),
            ],
        ),
        (
            endpoints,
            json!({"displayName": "x", "trafficSplit": {"0": "many"}}),
            vec![(
                "endpoint.traffic_split[0].value",
                "Invalid value at 'endpoint.traffic_split[0].value' (TYPE_INT32), \"many\"",
            )],
        ),
        (
            tuning,
            json!({"studySpec": {"metrics": [{"goal": "BEST"}]}, "maxTrialCount": 3_000_000_000_i64}),
            vec![
                (
                    "hyperparameter_tuning_job.max_trial_count",
                    "Invalid value at 'hyperparameter_tuning_job.max_trial_count' (TYPE_INT32), 3000000000",
                ),
                (
                    "hyperparameter_tuning_job.study_spec.metrics[0].goal",
                    "Invalid value at 'hyperparameter_tuning_job.study_spec.metrics[0].goal' (type.googleapis.com/google.cloud.aiplatform.v1.StudySpec.MetricSpec.GoalType), \"BEST\"",
                ),
            ],
        ),
        (
            models,
            json!({"model": {"displayName": "x", "container_spec": {"image": "y"}}, "parent": "projects/acme-dev"}),
            vec![
                (
                    "model.container_spec",
                    "Invalid JSON payload received. Unknown name \"image\" at 'model.container_spec': Cannot find field.",
                ),
                (
                    "",
                    "Invalid JSON payload received. Unknown name \"parent\": Cannot find field.",
                ),
            ],
        ),
        (
            accounts,
            json!({"accountId": 7, "serviceAccount": {"displayname": "x"}}),
            vec![
                ("account_id", "Invalid value at 'account_id' (TYPE_STRING), 7"),
                (
                    "service_account",
                    "Invalid JSON payload received. Unknown name \"displayname\" at 'service_account': Cannot find field.",
                ),
            ],
        ),
        (
            token,
            json!({"scope": ["a"], "lifetime": 3600, "delegate": []}),
            vec![
                (
                    "",
                    "Invalid JSON payload received. Unknown name \"delegate\": Cannot find field.",
                ),
                (
                    "lifetime",
                    "Invalid value at 'lifetime' (type.googleapis.com/google.protobuf.Duration), 3600",
                ),
            ],
        ),
        (
            "/v1/projects/acme-dev:setIamPolicy",
            json!({"policy": {"version": "three", "bindings": [{"role": "roles/viewer", "member": "user:a@b.c"}]}}),
            vec![
                (
                    "policy.bindings[0]",
                    "Invalid JSON payload received. Unknown name \"member\" at 'policy.bindings[0]': Cannot find field.",
                ),
                (
                    "policy.version",
                    "Invalid value at 'policy.version' (TYPE_INT32), \"three\"",
                ),
            ],
        ),
        (
            providers,
            json!({"oidc": {"issuer": "https://x"}, "attributeMapping": {"google.subject": 1}}),
            vec![
                (
                    "workload_identity_pool_provider.attribute_mapping[0].value",
                    "Invalid value at 'workload_identity_pool_provider.attribute_mapping[0].value' (TYPE_STRING), 1",
                ),
                (
                    "workload_identity_pool_provider.oidc",
                    "Invalid JSON payload received. Unknown name \"issuer\" at 'workload_identity_pool_provider.oidc': Cannot find field.",
                ),
            ],
        ),
        (
            "/v2/entries:write",
            json!({"entries": [{"severity": "LOUD", "timestamp": "yesterday", "textPayload": "x"}]}),
            vec![
                (
                    "entries[0].severity",
                    "Invalid value at 'entries[0].severity' (type.googleapis.com/google.logging.type.LogSeverity), \"LOUD\"",
                ),
                (
                    "entries[0].timestamp",
                    "Invalid value at 'entries[0].timestamp' (type.googleapis.com/google.protobuf.Timestamp), Field 'timestamp', Illegal timestamp format; timestamps must end with 'Z' or have a valid timezone offset.",
                ),
            ],
        ),
        (
            "/v1/token",
            json!({"grantType": "x", "subject": "y"}),
            vec![(
                "",
                "Invalid JSON payload received. Unknown name \"subject\": Cannot find field.",
            )],
        ),
    ]
}

#[test]
fn malformed_bodies_are_refused_in_the_words_of_google() {
    let cloud = Cloud::new(Iam::Off, State::default());
    for (path, body, wrong) in cases() {
        let (code, mut answer) = cloud.post(path, "ann", body.clone());
        // Whether a document of this test keeps the order of its fields depends on what else is compiled.
        let message = answer["error"]["message"].as_str().unwrap();
        let mut lines: Vec<&str> = message.lines().collect();
        lines.sort_unstable();
        answer["error"]["message"] = lines.join("\n").into();
        let violations = answer["error"]["details"][0]["fieldViolations"].as_array_mut().unwrap();
        violations.sort_unstable_by_key(|it| it["description"].to_string());
        let mut wrong = wrong;
        wrong.sort_unstable_by_key(|(_, text)| *text);
        let fields: Vec<Json> = wrong
            .iter()
            .map(|(field, text)| match *field {
                "" => json!({"description": text}),
                field => json!({"field": field, "description": text}),
            })
            .collect();
        let texts: Vec<&str> = wrong.iter().map(|(_, text)| *text).collect();
        let expected = json!({"error": {
            "code": 400,
            "message": texts.join("\n"),
            "status": "INVALID_ARGUMENT",
            "details": [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": fields}],
        }});
        assert_eq!((code, answer), (400, expected), "{path}: {body}");
    }
    for body in [json!([1]), json!("x"), json!(7)] {
        let (code, answer) = cloud.post(JOBS, "ann", body);
        let text = "Invalid JSON payload received. Unknown name \"\": Root element must be a message.";
        assert_eq!((code, &answer["error"]["message"]), (400, &json!(text)));
    }
}

#[test]
fn all_forms_of_json_are_taken_and_one_is_kept() {
    let cloud = Cloud::new(Iam::Off, State::default());
    let path = "/v1/projects/acme-dev/locations/europe-west4/hyperparameterTuningJobs";
    let sent = json!({
        "display_name": "x",
        "max_trial_count": "2",
        "parallelTrialCount": 1,
        "labels": null,
        "study_spec": {
            "metrics": {"metric_id": "loss", "goal": 2},
            "parameters": [{"parameter_id": "lr", "double_value_spec": {"min_value": "0.5", "maxValue": 1}, "scale_type": 1}],
        },
        "trialJobSpec": {"worker_pool_specs": [{
            "replica_count": 1,
            "machine_spec": {"machine_type": "n1-standard-4", "acceleratorType": 99},
            "container_spec": {"image_uri": "i", "command": "true"},
        }]},
    });
    let (code, job) = cloud.post(path, "ann", sent);
    assert_eq!(code, 200, "{job}");
    assert_eq!(job["maxTrialCount"], 2);
    assert_eq!(
        job["studySpec"]["metrics"],
        json!([{"metricId": "loss", "goal": "MINIMIZE"}])
    );
    let parameter = json!({"parameterId": "lr", "doubleValueSpec": {"minValue": 0.5, "maxValue": 1}, "scaleType": "UNIT_LINEAR_SCALE"});
    assert_eq!(job["studySpec"]["parameters"], json!([parameter]));
    let pool = json!({
        "replicaCount": "1",
        "machineSpec": {"machineType": "n1-standard-4", "acceleratorType": 99},
        "containerSpec": {"imageUri": "i", "command": ["true"]},
    });
    assert_eq!(job["trialJobSpec"]["workerPoolSpecs"], json!([pool]));
    // Other versions may have fields that v1 has not.
    let (code, job) = cloud.post(
        &path.replace("/v1/", "/v1beta1/"),
        "ann",
        json!({"displayName": "x", "new": 1}),
    );
    assert_eq!(code, 400);
    assert_eq!(job["error"]["message"], "Required field is not set: study_spec.metrics");
}

#[test]
fn cloud_storage_ignores_what_it_does_not_know() {
    let cloud = Cloud::new(Iam::Off, State::default());
    let (code, bucket) = cloud.post(
        "/storage/v1/b?project=acme-dev",
        "ann",
        json!({"name": "iris-data", "shape": "round"}),
    );
    assert_eq!(code, 200, "{bucket}");
    assert!(bucket.get("shape").is_none());
}
