//! What a cloud must withstand: tokens that are not what they say, work that does not end, states that are damaged, a port that
//! is taken, a disk that is full.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use emulator::{Emulator, Iam, Settings};
use identity::State;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value as Json, json};

use crate::cloud::{Cloud, granted};
use crate::enforcement::federation::{POOLS, Signer, exchange};
use crate::kill::{call, running};
use crate::storage::Process;

const PLACE: &str = "/v1/projects/acme-dev/locations/europe-west4";

#[test]
fn forged_tokens_are_refused() {
    let admin =
        json!({"bindings": [{"role": "roles/iam.workloadIdentityPoolAdmin", "members": ["user:ann@acme.com"]}]});
    let mut state = granted(&[("projects/acme-dev", admin)]);
    state.project_numbers.insert("17".to_owned(), "acme-dev".to_owned());
    let cloud = Cloud::new(Iam::Enforce, state);
    let signer = Signer::new();
    let pools = "/v1/projects/acme-dev/locations/global/workloadIdentityPools";
    assert_eq!(
        cloud
            .post(&format!("{pools}?workloadIdentityPoolId=builds"), "ann", json!({}))
            .0,
        200
    );
    let keys: String = serde_json::from_str(&signer.keys()).unwrap();
    let of_cluster = format!("{}/oidc", cloud.url);
    for (id, oidc) in [
        ("runner", json!({"issuerUri": "https://ci.acme.com", "jwksJson": keys})),
        ("cluster", json!({"issuerUri": of_cluster})),
        ("nokeys", json!({"issuerUri": "https://ci.acme.com"})),
        ("broken", json!({"issuerUri": "https://ci.acme.com", "jwksJson": "{"})),
    ] {
        let provider = json!({"attributeMapping": {"google.subject": "assertion.sub"}, "oidc": oidc});
        let path = format!("{pools}/builds/providers?workloadIdentityPoolProviderId={id}");
        assert_eq!(cloud.post(&path, "ann", provider).0, 200);
    }
    let claims = json!({"sub": "x"});
    let good = signer.sign(&claims);
    let at = |provider: &str, token: &str| exchange(&cloud, &format!("{POOLS}/builds/providers/{provider}"), token);
    assert_eq!(at("runner", &good).0, 200);
    let parts: Vec<&str> = good.split('.').collect();
    let payload: Json = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let mut other = payload.clone();
    other["sub"] = "root".into();
    let other = URL_SAFE_NO_PAD.encode(other.to_string());
    let unsigned = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT","kid":"1"}"#);
    let hashed = |key: &[u8]| {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("1".to_owned());
        jsonwebtoken::encode(&header, &payload, &EncodingKey::from_secret(key)).unwrap()
    };
    let tokens = [
        ("another key", Signer::new().sign(&claims)),
        ("another payload", format!("{}.{other}.{}", parts[0], parts[2])),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("no algorithm", format!("{unsigned}.{}.", parts[1])),
        ("the public key as a secret", hashed(keys.as_bytes())),
        ("an empty secret", hashed(b"")),
        ("a part", parts[..2].join(".")),
        ("nothing", String::new()),
        ("no token", "a.b.c".to_owned()),
        ("a token of Google's", "ya29.a0AfH6".to_owned()),
        ("a long one", "a".repeat(100_000)),
    ];
    for (what, token) in &tokens {
        for provider in ["runner", "cluster", "nokeys", "broken"] {
            let (code, answer) = at(provider, token);
            let error = answer["error"].as_str().unwrap_or_default();
            assert_eq!((code, error), (400, "invalid_grant"), "{what} at {provider}: {answer}");
        }
        let (code, answer) = cloud.get(&format!("{PLACE}/models"), token);
        assert_eq!(
            (code, &answer["error"]["status"]),
            (401, &json!("UNAUTHENTICATED")),
            "{what}"
        );
    }
    // The right issuer's token at a provider of another one.
    assert_eq!(at("cluster", &good).0, 400);
    // Who holds a token of an issuer is nobody before it is exchanged.
    assert_eq!(cloud.get(&format!("{PLACE}/models"), &good).0, 401);
}

#[test]
fn tokens_end() {
    let role = json!({"bindings": [{"role": "roles/iam.serviceAccountTokenCreator", "members": ["user:ann@acme.com"]},
        {"role": "roles/aiplatform.viewer", "members": ["serviceAccount:trainer@acme-dev.iam.gserviceaccount.com"]}]});
    let cloud = Cloud::new(Iam::Enforce, granted(&[("projects/acme-dev", role)]));
    let body = json!({"scope": ["https://www.googleapis.com/auth/cloud-platform"], "lifetime": "2s"});
    let path = "/v1/projects/-/serviceAccounts/trainer@acme-dev.iam.gserviceaccount.com:generateAccessToken";
    let (code, answer) = cloud.post(path, "ann", body);
    assert_eq!(code, 200, "{answer}");
    let token = answer["accessToken"].as_str().unwrap();
    assert_eq!(cloud.get(&format!("{PLACE}/models"), token).0, 200);
    std::thread::sleep(Duration::from_millis(2100));
    let (code, answer) = cloud.get(&format!("{PLACE}/models"), token);
    assert_eq!((code, &answer["error"]["status"]), (401, &json!("UNAUTHENTICATED")));
}

/// A job of one container; its name.
fn run(cloud: &Cloud, command: &[&str]) -> String {
    let body = json!({"displayName": "job", "jobSpec": {"workerPoolSpecs": [{
        "machineSpec": {"machineType": "n1-standard-4"},
        "containerSpec": {"imageUri": "registry.acme.com/iris", "command": command},
    }]}});
    let (code, job) = cloud.post(&format!("{PLACE}/customJobs"), "ann", body);
    assert_eq!(code, 200, "{job}");
    job["name"].as_str().unwrap().to_owned()
}

/// The job once it is in one of some states.
fn wait(cloud: &Cloud, name: &str, states: &[&str]) -> Json {
    let start = Instant::now();
    loop {
        let (_, job) = cloud.get(&format!("/v1/{name}"), "ann");
        if states.contains(&job["state"].as_str().unwrap()) {
            return job;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{job}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn work_that_cannot_start_says_why() {
    let cloud = Cloud::new(Iam::Off, State::default());
    for (command, words) in [
        (&["/no/such/program"][..], "\"/no/such/program\": entity not found"),
        (&["no-such-program", "x"], "\"no-such-program\": entity not found"),
        (&["/etc/passwd"], "/etc/passwd"),
        (&["/"], "\"/\": entity not found"),
        (&["sh", "-c", "exit 7"], "exited with a non-zero status of 7"),
        (&["sh", "-c", "kill -9 $$"], "signal: 9"),
        (&[], "has no command"),
    ] {
        let name = run(&cloud, command);
        let job = wait(&cloud, &name, &["JOB_STATE_FAILED", "JOB_STATE_SUCCEEDED"]);
        let message = job["error"]["message"].as_str().unwrap_or_default();
        let log = json!({"resourceNames": ["projects/acme-dev"], "filter": format!("resource.labels.job_id=\"{}\"", name.rsplit('/').next().unwrap())});
        let (_, log) = cloud.post("/v2/entries:list", "ann", log);
        assert!(
            message.contains(words) || log.to_string().contains(words),
            "{command:?}: {job} {log}"
        );
        assert_eq!(job["state"], "JOB_STATE_FAILED", "{command:?}");
    }
}

#[test]
fn work_that_does_not_end_is_ended() {
    let cloud = Cloud::new(Iam::Off, State::default());
    let marker = format!("87{}.25", std::process::id());
    let sleep = format!("sleep {marker}");
    for script in [
        // It does not listen.
        format!("trap '' TERM INT HUP; while :; do {sleep}; done"),
        // It forks without end, into sessions of their own.
        format!("trap '' TERM; while :; do setsid {sleep} & sleep 0.005; done"),
        // Each starts the next and ends, so that there is never the same one.
        format!("run() {{ sleep 0.003; : {marker}; run & }}; run; {sleep}"),
        // It forks when it is told to end.
        format!("trap 'setsid {sleep} & setsid {sleep} &' TERM; while :; do {sleep} & wait; done"),
    ] {
        let name = run(&cloud, &["sh", "-c", &script]);
        wait(&cloud, &name, &["JOB_STATE_RUNNING"]);
        std::thread::sleep(Duration::from_millis(200));
        assert!(running(&marker) > 0, "{script}");
        let (code, answer) = cloud.post(&format!("/v1/{name}:cancel"), "ann", json!({}));
        assert_eq!(code, 200, "{answer}");
        wait(&cloud, &name, &["JOB_STATE_CANCELLED"]);
        let start = Instant::now();
        while running(&marker) > 0 {
            assert!(
                start.elapsed() < Duration::from_secs(5),
                "{} processes are left of {script}",
                running(&marker)
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// What a start on a directory says.
fn start(state: &Path, listen: &str) -> Result<(), String> {
    let settings = Settings {
        listen: listen.parse().unwrap(),
        state: state.to_owned(),
        iam: Iam::Off,
        granted: State::default(),
        tokens: Vec::new(),
        project: "acme-dev".to_owned(),
        account: None,
    };
    let runtime = tokio_runtime();
    let started = runtime.block_on(Emulator::start(settings));
    started.map(|_| ()).map_err(|error| error.to_string())
}

fn tokio_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn a_port_that_is_taken_is_said() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let state = tempfile::tempdir().unwrap();
    let error = start(state.path(), &address).unwrap_err();
    assert!(error.starts_with(&format!("cannot listen on {address}: ")), "{error}");
    assert_eq!(fs::read_dir(state.path()).unwrap().count(), 0, "nothing was made");
}

/// A state with something in it.
fn used() -> tempfile::TempDir {
    let cloud = Cloud::new(Iam::Off, State::default());
    for number in 0..40 {
        let body = json!({"displayName": "e".repeat(100), "labels": {"number": number.to_string()}});
        assert_eq!(cloud.post(&format!("{PLACE}/endpoints"), "ann", body).0, 200);
    }
    assert_eq!(
        cloud
            .post("/storage/v1/b?project=acme-dev", "ann", json!({"name": "iris-data"}))
            .0,
        200
    );
    let path = "/upload/storage/v1/b/iris-data/o?uploadType=media&name=a";
    assert_eq!(cloud.post(path, "ann", json!({"content": "x".repeat(10_000)})).0, 200);
    cloud.stop()
}

/// What is done to a file, and how it is called.
type Damage = (&'static str, &'static dyn Fn(&Path));

#[test]
fn a_state_that_cannot_be_used_is_said() {
    let any = "127.0.0.1:0";
    // A later version of the emulator.
    let state = used();
    start(state.path(), any).unwrap();
    let database = state.path().join("state.db");
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let error = start(state.path(), any).unwrap_err();
    assert!(
        error.contains("was written by another version of the emulator (layout 99"),
        "{error}"
    );

    // Something else, or half of it.
    let damages: [Damage; 5] = [
        ("another file", &|path| {
            fs::write(path, "no database at all ".repeat(1000)).unwrap()
        }),
        ("the first half", &|path| {
            let bytes = fs::read(path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("zeros within", &|path| {
            let mut bytes = fs::read(path).unwrap();
            let end = bytes.len();
            bytes[4096..end].fill(0);
            fs::write(path, bytes).unwrap();
        }),
        ("a few bytes", &|path| fs::write(path, "SQLite f").unwrap()),
        ("a directory", &|path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        }),
    ];
    for (what, damage) in damages {
        let state = used();
        for left in ["state.db-wal", "state.db-shm"] {
            let _ = fs::remove_file(state.path().join(left));
        }
        let database = state.path().join("state.db");
        damage(&database);
        let error = start(state.path(), any).expect_err(what);
        assert!(error.contains("state.db"), "{what}: {error}");
    }

    // One that was just being made when its maker was killed is a new one.
    let state = tempfile::tempdir().unwrap();
    fs::write(state.path().join("state.db"), "").unwrap();
    start(state.path(), any).unwrap();

    // Where nothing can be written.
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = start(file.path(), any).unwrap_err();
    assert!(error.starts_with("cannot use the directory"), "{error}");
}

#[test]
fn an_object_without_its_content_is_an_error_and_no_panic() {
    let state = used();
    for blob in fs::read_dir(state.path().join("blobs")).unwrap() {
        fs::remove_file(blob.unwrap().path()).unwrap();
    }
    let cloud = Cloud::at(state, Iam::Off, State::default());
    let (code, answer) = cloud.get("/storage/v1/b/iris-data/o/a?alt=media", "ann");
    assert!((500..600).contains(&code), "{code}: {answer}");
    assert!(answer["error"]["message"].is_string(), "{answer}");
    assert_eq!(cloud.get("/storage/v1/b/iris-data/o/a", "ann").0, 200);
    assert_eq!(cloud.get(&format!("{PLACE}/endpoints"), "ann").0, 200);
}

#[test]
fn a_full_disk_is_answered_and_loses_no_resource() {
    let state = tempfile::tempdir().unwrap();
    let process = Process::start(state.path(), Some(4096));
    let mut kept = Vec::new();
    let mut refused = 0;
    for number in 0..20_000 {
        let body = json!({"displayName": "e".repeat(120), "labels": {"number": number.to_string()}});
        let (code, answer) = call(
            &process.url,
            "POST",
            &format!("{PLACE}/endpoints?endpointId=e{number}"),
            Some(&body),
        )
        .unwrap();
        match code {
            200 => kept.push(number),
            503 => {
                assert_eq!(answer["error"]["status"], "UNAVAILABLE", "{answer}");
                refused += 1;
                if refused > 20 {
                    break;
                }
            }
            code => panic!("{code}: {answer}"),
        }
    }
    assert!(
        refused > 20 && kept.len() > 20,
        "{} kept, {refused} refused",
        kept.len()
    );
    // What is there can be read.
    let (code, _) = call(&process.url, "GET", &format!("{PLACE}/endpoints/e{}", kept[0]), None).unwrap();
    assert_eq!(code, 200);
    process.kill();
    let process = Process::start(state.path(), None);
    for number in kept {
        let (code, answer) = call(&process.url, "GET", &format!("{PLACE}/endpoints/e{number}"), None).unwrap();
        assert_eq!(code, 200, "{answer}");
        assert_eq!(answer["labels"]["number"], number.to_string());
    }
    let body = json!({"displayName": "after"});
    assert_eq!(
        call(&process.url, "POST", &format!("{PLACE}/endpoints"), Some(&body))
            .unwrap()
            .0,
        200
    );
}
