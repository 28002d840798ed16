//! kill -9 while clients are at all services: what was acknowledged is there afterwards, nothing is half done, and nothing that
//! a job started runs on.
//!
//! `TERRACE_TEST_KILLS` says how many rounds there are.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::storage::Process;

const THREADS: usize = 4;
const PLACE: &str = "/v1/projects/acme-dev/locations/europe-west4";

/// Numbers that seem to have no order (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below
    }
}

/// A call; none where there was no answer.
pub(crate) fn call(url: &str, method: &str, path: &str, body: Option<&Json>) -> Option<(u16, Json)> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .timeout_global(Some(Duration::from_secs(20)))
        .build()
        .into();
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("{url}{path}"))
        .header("authorization", "Bearer ann")
        .header("content-type", "application/json");
    let body = body.map(Json::to_string).unwrap_or_default();
    let mut response = agent.run(request.body(body).unwrap()).ok()?;
    let text = response.body_mut().read_to_string().ok()?;
    let json = serde_json::from_str(&text).unwrap_or(Json::String(text));
    Some((response.status().as_u16(), json))
}

/// What is remembered of one thing: what it may be now. One value once that is certain, several while a call had no answer.
type Known = BTreeMap<String, Vec<Option<Json>>>;

/// What one client did and knows.
struct Client {
    number: usize,
    random: Random,
    /// By path: what a GET gives of it, as `seen` says.
    known: Known,
    /// Log entries: acknowledged batches, and the one without an answer.
    logged: Vec<String>,
    unsure: Option<String>,
    /// Jobs that were acknowledged.
    jobs: Vec<String>,
    count: usize,
}

/// The part of a document that is compared.
fn seen(path: &str, code: u16, document: &Json) -> Option<Json> {
    if code == 404 {
        return None;
    }
    assert_eq!(code, 200, "{path}: {document}");
    Some(if path.contains("/iam") || path.ends_with(":getIamPolicy") {
        document["bindings"].clone()
    } else if path.ends_with("alt=media") {
        document.clone()
    } else {
        json!([document["displayName"], document["labels"]])
    })
}

impl Client {
    fn new(number: usize, seed: u64) -> Client {
        Client {
            number,
            random: Random(seed),
            known: Known::new(),
            logged: Vec::new(),
            unsure: None,
            jobs: Vec::new(),
            count: 0,
        }
    }

    /// Changes what is at a path; what it is then is known once there is an answer. False where there is none.
    fn change(&mut self, url: &str, call_of: (&str, &str, Option<Json>), path: &str, next: Option<Json>) -> bool {
        let before = self.known.get(path).cloned().unwrap_or_else(|| vec![None]);
        let (method, target, body) = call_of;
        match call(url, method, target, body.as_ref()) {
            Some((200 | 204, _)) => {
                self.count += 1;
                self.known.insert(path.to_owned(), vec![next]);
                true
            }
            Some((code, answer)) => panic!("{method} {target}: {code}: {answer}"),
            None => {
                let may_be = before.into_iter().chain([next]).collect();
                self.known.insert(path.to_owned(), may_be);
                false
            }
        }
    }

    /// Does something; false once nobody answers.
    fn act(&mut self, url: &str, marker: &str) -> bool {
        let number = self.number;
        let which = self.random.next(4);
        let value = self.random.next(1_000_000);
        let is_there = |known: &Known, path: &str| known.get(path).is_some_and(|values| values[0].is_some());
        match self.random.next(8) {
            0 => {
                let content = json!({"value": value, "filler": "x".repeat(self.random.next(60_000) as usize)});
                let path = format!("/storage/v1/b/iris-data/o/{number}-{which}?alt=media");
                let target = format!("/upload/storage/v1/b/iris-data/o?uploadType=media&name={number}-{which}");
                self.change(url, ("POST", &target, Some(content.clone())), &path, Some(content))
            }
            1 => {
                let path = format!("/storage/v1/b/iris-data/o/{number}-{which}?alt=media");
                let target = path.trim_end_matches("?alt=media").to_owned();
                !is_there(&self.known, &path) || self.change(url, ("DELETE", &target, None), &path, None)
            }
            2 => {
                // A model, or another version of one: the default is the latest.
                let id = format!("model-{number}-{which}");
                let path = format!("{PLACE}/models/{id}");
                let mut body = json!({"model": {"displayName": format!("m{value}"), "versionAliases": ["default"]}});
                if is_there(&self.known, &path) {
                    body["parentModel"] = path.trim_start_matches("/v1/").into();
                } else {
                    body["modelId"] = id.into();
                }
                let next = json!([format!("m{value}"), null]);
                self.change(
                    url,
                    ("POST", &format!("{PLACE}/models:upload"), Some(body)),
                    &path,
                    Some(next),
                )
            }
            3 if self.random.next(3) == 0 => {
                let path = format!("{PLACE}/models/model-{number}-{which}");
                !is_there(&self.known, &path) || self.change(url, ("DELETE", &path, None), &path, None)
            }
            3 | 4 => {
                let id = format!("e{number}-{which}");
                let path = format!("{PLACE}/endpoints/{id}");
                let labels = json!({"v": value.to_string()});
                if !is_there(&self.known, &path) {
                    let body = json!({"displayName": "e", "labels": labels});
                    let target = format!("{PLACE}/endpoints?endpointId={id}");
                    return self.change(url, ("POST", &target, Some(body)), &path, Some(json!(["e", labels])));
                }
                if self.random.next(3) == 0 {
                    return self.change(url, ("DELETE", &path, None), &path, None);
                }
                let target = format!("{path}?updateMask=labels");
                let body = json!({"labels": labels});
                self.change(url, ("PATCH", &target, Some(body)), &path, Some(json!(["e", labels])))
            }
            5 => {
                let id = format!("account-{number}-{which}");
                let path = format!("/v1/projects/acme-dev/serviceAccounts/{id}@acme-dev.iam.gserviceaccount.com");
                if is_there(&self.known, &path) {
                    return self.change(url, ("DELETE", &path, None), &path, None);
                }
                let name = format!("a{value}");
                let body = json!({"accountId": id, "serviceAccount": {"displayName": name}});
                let target = "/v1/projects/acme-dev/serviceAccounts";
                self.change(url, ("POST", target, Some(body)), &path, Some(json!([name, null])))
            }
            6 => {
                let path = format!("/storage/v1/b/bucket-{number}/iam");
                let bindings =
                    json!([{"role": "roles/storage.objectViewer", "members": [format!("user:u{value}@acme.com")]}]);
                let body = json!({"bindings": bindings});
                self.change(url, ("PUT", &path, Some(body)), &path, Some(bindings))
            }
            _ if value.is_multiple_of(3) => self.run_a_job(url, marker),
            _ => self.log(url, value),
        }
    }

    fn run_a_job(&mut self, url: &str, marker: &str) -> bool {
        // What it starts would outlive a shell that is killed alone.
        let script = format!("sleep {marker} & (setsid sleep {marker} &) ; sleep {marker}");
        let body = json!({"displayName": "job", "jobSpec": {"workerPoolSpecs": [{
            "machineSpec": {"machineType": "n1-standard-4"},
            "containerSpec": {"imageUri": "i", "command": ["sh", "-c", script]},
        }]}});
        match call(url, "POST", &format!("{PLACE}/customJobs"), Some(&body)) {
            Some((200, job)) => {
                self.count += 1;
                self.jobs.push(job["name"].as_str().unwrap().to_owned());
                true
            }
            Some((code, answer)) => panic!("{code}: {answer}"),
            None => false,
        }
    }

    /// Writes three entries, which are there together or not at all.
    fn log(&mut self, url: &str, value: u64) -> bool {
        let batch = format!("{}-{}-{value}", self.number, self.logged.len());
        let entries: Vec<Json> = (0..3)
            .map(|at| json!({"textPayload": format!("{batch}/{at}")}))
            .collect();
        let body = json!({"logName": "projects/acme-dev/logs/kill", "entries": entries});
        match call(url, "POST", "/v2/entries:write", Some(&body)) {
            Some((200, _)) => {
                self.count += 1;
                self.logged.push(batch);
                true
            }
            Some((code, answer)) => panic!("{code}: {answer}"),
            None => {
                self.unsure = Some(batch);
                false
            }
        }
    }

    /// Looks at everything after a new start, and takes it for what it is.
    fn check(&mut self, url: &str, entries: &BTreeMap<String, usize>) {
        for (path, may_be) in &mut self.known {
            let (code, document) = call(url, "GET", path, None).unwrap();
            let found = seen(path, code, &document);
            assert!(
                may_be.contains(&found),
                "{path} is {found:?}, and should be one of {may_be:?}"
            );
            *may_be = vec![found];
        }
        for batch in &self.logged {
            assert_eq!(entries.get(batch), Some(&3), "{batch}");
        }
        if let Some(batch) = self.unsure.take() {
            match entries.get(&batch) {
                None => {}
                Some(3) => self.logged.push(batch),
                Some(count) => panic!("{count} of 3 entries of {batch}"),
            }
        }
        for job in &self.jobs {
            let (code, document) = call(url, "GET", &format!("/v1/{job}"), None).unwrap();
            let state = document["state"].as_str().unwrap_or_default();
            assert!(code == 200 && state == "JOB_STATE_FAILED", "{job}: {document}");
            assert!(
                document["endTime"].is_string() && document["error"]["message"].is_string(),
                "{document}"
            );
        }
        // Those of earlier rounds stay as they are.
        self.jobs.truncate(20);
    }
}

/// All entries, as how many there are of each batch.
fn entries(url: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let mut token = String::new();
    loop {
        let request = json!({
            "resourceNames": ["projects/acme-dev"],
            "filter": "logName=\"projects/acme-dev/logs/kill\"",
            "pageSize": 1000,
            "pageToken": token,
        });
        let (_, page) = call(url, "POST", "/v2/entries:list", Some(&request)).unwrap();
        for entry in page["entries"].as_array().into_iter().flatten() {
            let (batch, _) = entry["textPayload"].as_str().unwrap().split_once('/').unwrap();
            *found.entry(batch.to_owned()).or_default() += 1;
        }
        match page["nextPageToken"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => return found,
        }
    }
}

/// What can be listed can be looked at, and all that is in it is there.
fn nothing_is_half_done(url: &str) {
    let get = |path: &str| {
        let (code, answer) = call(url, "GET", path, None).unwrap();
        assert_eq!(code, 200, "{path}: {answer}");
        answer
    };
    let list = |path: &str, field: &str| {
        get(&format!("{path}?pageSize=1000"))[field]
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    for model in list(&format!("{PLACE}/models"), "models") {
        let name = model["name"].as_str().unwrap();
        let whole = get(&format!("/v1/{name}"));
        assert_eq!(whole["versionId"], model["versionId"], "{name}");
        let versions = list(&format!("/v1/{name}:listVersions"), "models");
        let defaults = versions.iter().filter(|version| {
            let aliases = version["versionAliases"].as_array().unwrap();
            aliases.contains(&json!("default"))
        });
        assert_eq!(defaults.count(), 1, "{name}: {versions:?}");
    }
    for operation in list(&format!("{PLACE}/operations"), "operations") {
        assert_eq!(operation["done"], true, "{operation}");
    }
    for job in list(&format!("{PLACE}/customJobs"), "customJobs") {
        assert_eq!(job["state"], "JOB_STATE_FAILED", "{job}");
    }
    for object in list("/storage/v1/b/iris-data/o", "items") {
        let name = object["name"].as_str().unwrap();
        let (code, _) = call(url, "GET", &format!("/storage/v1/b/iris-data/o/{name}?alt=media"), None).unwrap();
        assert_eq!(code, 200, "{name}");
    }
}

/// The processes whose command line names something.
pub(crate) fn running(marker: &str) -> usize {
    let commands = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        std::fs::read(path.join("cmdline")).ok()
    });
    let is_of_job = |command: &Vec<u8>| {
        let words: Vec<&[u8]> = command.split(|byte| *byte == 0).collect();
        words
            .iter()
            .any(|word| word.windows(marker.len()).any(|part| part == marker.as_bytes()))
    };
    commands.filter(is_of_job).count()
}

#[test]
fn nothing_acknowledged_is_lost_by_kills() {
    let rounds: u64 = std::env::var("TERRACE_TEST_KILLS").map_or(4, |count| count.parse().unwrap());
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let state = tempfile::tempdir().unwrap();
    // No other program has such an argument.
    let marker = format!("86{seed}.25");
    let mut clients: Vec<Client> = (0..THREADS)
        .map(|number| Client::new(number, random.next(1 << 40) + 1))
        .collect();
    let mut ended = 0;
    for round in 0..=rounds {
        let process = Process::start(state.path(), None);
        let url = process.url.clone();
        if round == 0 {
            let buckets = (0..THREADS).map(|number| format!("bucket-{number}"));
            for name in buckets.chain(["iris-data".to_owned()]) {
                let body = json!({"name": name});
                let made = call(&url, "POST", "/storage/v1/b?project=acme-dev", Some(&body)).unwrap();
                assert_eq!(made.0, 200, "{}", made.1);
            }
        } else {
            let entries = entries(&url);
            clients.iter_mut().for_each(|client| client.check(&url, &entries));
            nothing_is_half_done(&url);
        }
        if round == rounds {
            break;
        }
        let pause = Duration::from_millis(30 + random.next(400));
        std::thread::scope(|scope| {
            for client in &mut clients {
                let (url, marker) = (&url, &marker);
                scope.spawn(move || while client.act(url, marker) {});
            }
            std::thread::sleep(pause);
            ended += running(&marker);
            process.kill();
        });
        let start = Instant::now();
        while running(&marker) > 0 {
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "{} processes of jobs are left",
                running(&marker)
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    let count: usize = clients.iter().map(|client| client.count).sum();
    println!("{rounds} kills, {count} changes acknowledged, {ended} processes of jobs ended");
    assert!(count > 20 && ended > 0, "{count} changes, {ended} processes");
}
