//! Cloud Storage with plain HTTP: what is there after a kill, what a full disk does, names that would be paths, and lists
//! beside a simple model.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use emulator::Iam;
use identity::State;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::cloud::Cloud;

/// An answer: its code, its headers and its body.
struct Answer {
    code: u16,
    range: Option<String>,
    location: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A call of Ann's; headers are written `name: value`.
fn call(url: &str, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
    try_call(url, method, path, headers, body).unwrap()
}

fn try_call(url: &str, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Result<Answer, ureq::Error> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .max_redirects(0)
        .build()
        .into();
    let mut request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("{url}{path}"))
        .header("authorization", "Bearer ann");
    for header in headers {
        let (name, value) = header.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    let mut response = agent.run(request.body(body).unwrap())?;
    let text = |name: &str| Some(response.headers().get(name)?.to_str().unwrap().to_owned());
    let (range, location) = (text("range"), text("location").unwrap_or_default());
    Ok(Answer {
        code: response.status().as_u16(),
        range,
        location,
        body: response.body_mut().with_config().limit(1 << 30).read_to_vec()?,
    })
}

fn make_bucket(url: &str, name: &str) {
    let body = json!({"name": name}).to_string();
    let made = call(url, "POST", "/storage/v1/b?project=acme-dev", &[], body.as_bytes());
    assert_eq!(made.code, 200, "{}", made.json());
}

fn upload(url: &str, bucket: &str, name: &str, query: &str, content: &[u8]) -> Answer {
    let path = format!(
        "/upload/storage/v1/b/{bucket}/o?uploadType=media&name={}{query}",
        encoded(name)
    );
    call(url, "POST", &path, &[], content)
}

fn download(url: &str, bucket: &str, name: &str) -> Answer {
    let path = format!("/storage/v1/b/{bucket}/o/{}?alt=media", encoded(name));
    call(url, "GET", &path, &[], b"")
}

fn encoded(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn blobs(directory: &Path) -> usize {
    fs::read_dir(directory.join("blobs")).unwrap().count()
}

/// Waits until something holds that is brought about beside the calls.
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(10), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn free() -> Cloud {
    Cloud::new(Iam::Off, State::default())
}

#[test]
fn a_session_goes_on_after_a_new_start() {
    let cloud = free();
    make_bucket(&cloud.url, "iris");
    let begun = call(
        &cloud.url,
        "POST",
        "/upload/storage/v1/b/iris/o?uploadType=resumable&name=model&ifGenerationMatch=0",
        &["x-upload-content-type: application/x-model"],
        br#"{"metadata": {"run": "7"}}"#,
    );
    assert_eq!(begun.code, 200);
    let session = begun.location.strip_prefix(&cloud.url).unwrap().to_owned();
    let content: Vec<u8> = (0..700_000u32).map(|number| (number % 251) as u8).collect();
    let first = call(
        &cloud.url,
        "PUT",
        &session,
        &["content-range: bytes 0-262143/*"],
        &content[..262_144],
    );
    assert_eq!((first.code, first.range.as_deref()), (308, Some("bytes=0-262143")));
    assert_eq!(upload(&cloud.url, "iris", "other", "", b"other").code, 200);

    let directory = cloud.stop();
    // As if it had been killed while it wrote: a piece behind what was acknowledged, and a content without an object.
    for blob in fs::read_dir(directory.path().join("blobs")).unwrap() {
        let path = blob.unwrap().path();
        if fs::metadata(&path).unwrap().len() == 262_144 {
            fs::OpenOptions::new()
                .append(true)
                .open(&path)
                .unwrap()
                .write_all(b"half a chunk")
                .unwrap();
        }
    }
    fs::write(directory.path().join("blobs/left"), "over").unwrap();
    let cloud = Cloud::at(directory, Iam::Off, State::default());
    let status = call(&cloud.url, "PUT", &session, &["content-range: bytes */*"], b"");
    assert_eq!((status.code, status.range.as_deref()), (308, Some("bytes=0-262143")));
    let rest = call(
        &cloud.url,
        "PUT",
        &session,
        &["content-range: bytes 262144-699999/700000"],
        &content[262_144..],
    );
    assert_eq!(rest.code, 200, "{}", rest.json());
    assert_eq!(rest.json()["metadata"], json!({"run": "7"}));
    assert_eq!(rest.json()["contentType"], "application/x-model");
    assert!(download(&cloud.url, "iris", "model").body == content);
    wait_until("what is named by nothing is removed", || {
        blobs(cloud.directory.path()) == 2
    });

    // The answer may have been lost: the same session still says what became of it.
    let directory = cloud.stop();
    let cloud = Cloud::at(directory, Iam::Off, State::default());
    let again = call(
        &cloud.url,
        "PUT",
        &session,
        &["content-range: bytes 262144-699999/700000"],
        &content[262_144..],
    );
    assert_eq!(again.json()["generation"], rest.json()["generation"]);
    assert!(download(&cloud.url, "iris", "model").body == content);
    assert_eq!(download(&cloud.url, "iris", "other").body, b"other");
}

#[test]
fn generations_only_grow() {
    let mut cloud = free();
    make_bucket(&cloud.url, "iris");
    let mut last = 0;
    for round in 0..30 {
        if round % 10 == 9 {
            cloud = Cloud::at(cloud.stop(), Iam::Off, State::default());
        }
        let made = upload(&cloud.url, "iris", "a", "", b"").json();
        let generation: u64 = made["generation"].as_str().unwrap().parse().unwrap();
        assert!(generation > last);
        last = generation;
    }
    assert_eq!(blobs(cloud.directory.path()), 1, "what was replaced is removed");
}

#[test]
fn one_claim_of_many_holds() {
    let cloud = free();
    make_bucket(&cloud.url, "iris");
    for round in 0..20 {
        let name = format!("claim-{round}");
        let codes: Vec<u16> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|number: u32| {
                    let (url, name) = (&cloud.url, &name);
                    let content = number.to_string();
                    scope.spawn(move || upload(url, "iris", name, "&ifGenerationMatch=0", content.as_bytes()).code)
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let winner = codes.iter().position(|code| *code == 200).unwrap();
        assert_eq!(codes.iter().filter(|code| **code == 412).count(), 7, "{codes:?}");
        assert_eq!(
            download(&cloud.url, "iris", &name).body,
            winner.to_string().into_bytes()
        );
    }
    assert_eq!(blobs(cloud.directory.path()), 20);
}

#[test]
fn no_name_leads_out_of_the_state() {
    let outer = tempfile::tempdir().unwrap();
    let cloud = Cloud::at(TempDir::new_in(outer.path()).unwrap(), Iam::Off, State::default());
    make_bucket(&cloud.url, "iris");
    for name in ["../../../tricked", "/tricked", "a/../../tricked", "blobs/../../tricked"] {
        assert_eq!(upload(&cloud.url, "iris", name, "", b"x").code, 200, "{name}");
        assert_eq!(download(&cloud.url, "iris", name).body, b"x");
    }
    for name in ["", ".", "..", "a\0b", "a\nb"] {
        let refused = upload(&cloud.url, "iris", name, "", b"x");
        assert_eq!(refused.code, 400, "{name:?}");
        assert_eq!(refused.json()["error"]["errors"][0]["reason"], "invalid");
    }
    for bucket in ["..", "../..", "a/b", ".", "iris\0"] {
        let body = json!({"name": bucket}).to_string();
        let refused = call(
            &cloud.url,
            "POST",
            "/storage/v1/b?project=acme-dev",
            &[],
            body.as_bytes(),
        );
        assert_eq!(refused.code, 400, "{bucket:?}");
        assert_eq!(
            upload(&cloud.url, &encoded(bucket), "x", "", b"x").code,
            404,
            "{bucket:?}"
        );
        assert_eq!(
            download(&cloud.url, &encoded(bucket), "state.db").code,
            404,
            "{bucket:?}"
        );
    }
    let body = br#"{"sourceObjects": [{"name": "../../state.db"}]}"#;
    assert_eq!(
        call(&cloud.url, "POST", "/storage/v1/b/iris/o/x/compose", &[], body).code,
        404
    );
    let names = |path: &Path| -> Vec<String> {
        let entries = fs::read_dir(path).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    assert_eq!(names(outer.path()).len(), 1);
    let mut inner = names(cloud.directory.path());
    inner.retain(|name| !name.starts_with("state.db"));
    inner.sort();
    assert_eq!(inner, ["blobs", "lock"]);
}

#[test]
fn malformed_uploads_are_refused_and_leave_nothing() {
    let cloud = free();
    make_bucket(&cloud.url, "iris");
    let multipart = "/upload/storage/v1/b/iris/o?uploadType=multipart";
    let related = "content-type: multipart/related; boundary=b";
    let table: [(&str, &[&str], &[u8]); 8] = [
        (multipart, &["content-type: multipart/related"], b""),
        (
            multipart,
            &[related],
            b"--b\r\n\r\n{\"name\": \"a\"}\r\n--b\r\n\r\ncontent without end",
        ),
        (
            multipart,
            &[related],
            b"--b\r\n\r\n{\"name\": \r\n--b\r\n\r\ncontent\r\n--b--",
        ),
        (multipart, &[related], b"--b\r\n\r\n{}\r\n--b\r\n\r\ncontent\r\n--b--"),
        (
            multipart,
            &[related],
            b"--b\r\n\r\n{\"name\": \"a\", \"metadata\": 7}\r\n--b\r\n\r\ncontent\r\n--b--",
        ),
        ("/upload/storage/v1/b/iris/o?uploadType=other&name=a", &[], b"x"),
        ("/upload/storage/v1/b/iris/o?name=a", &[], b"x"),
        (
            "/upload/storage/v1/b/iris/o?uploadType=media&name=a&ifGenerationMatch=x",
            &[],
            b"x",
        ),
    ];
    for (path, headers, body) in table {
        let refused = call(&cloud.url, "POST", path, headers, body);
        assert_eq!(refused.code, 400, "{path} {}", String::from_utf8_lossy(body));
    }
    // A caller who hangs up.
    let host = cloud.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).unwrap();
    let head = "POST /upload/storage/v1/b/iris/o?uploadType=media&name=a HTTP/1.1\r\nhost: x\r\ncontent-length: 5000000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&vec![0; 3_000_000]).unwrap();
    drop(stream);
    wait_until("nothing is left", || blobs(cloud.directory.path()) == 0);
    assert_eq!(download(&cloud.url, "iris", "a").code, 404);
}

/// The emulator in a process of its own, which says its address and runs until it is killed. It is this program: the test
/// `serves` is all that it runs.
pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
}

const STATE: &str = "TERRACE_TEST_SERVE";

#[test]
fn serves() {
    let Some(state) = std::env::var_os(STATE) else {
        return;
    };
    let cloud = Cloud::on(Path::new(&state), Iam::Off, State::default());
    writeln!(std::io::stderr(), "url {}", cloud.url).unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

impl Process {
    /// With a limit for the size of a file in KiB, if there is one: what is beyond is refused as by a full disk.
    pub(crate) fn start(state: &Path, limit: Option<u32>) -> Process {
        let limit = limit.map_or("unlimited".to_owned(), |kib| (kib * 2).to_string());
        let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" --exact storage::serves --nocapture");
        let mut child = Command::new("sh")
            .args(["-c", &script])
            .arg(std::env::current_exe().unwrap())
            .env(STATE, state)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = lines
            .find_map(|line| line.unwrap().strip_prefix("url ").map(str::to_owned))
            .unwrap();
        // What it says later is read, so that it can go on.
        std::thread::spawn(move || lines.for_each(drop));
        Process { child, url }
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let state = tempfile::tempdir().unwrap();
    let mut acknowledged: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let content =
        |thread: u8, number: u32| vec![thread.wrapping_mul(31) ^ (number as u8); 1000 + number as usize * 3000];
    for round in 0..4 {
        let process = Process::start(state.path(), None);
        if round == 0 {
            make_bucket(&process.url, "iris");
        }
        for (name, content) in &acknowledged {
            assert!(download(&process.url, "iris", name).body == *content, "{name}");
        }
        let url = process.url.clone();
        let kept: Vec<BTreeMap<String, Vec<u8>>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3u8)
                .map(|thread| {
                    let url = &url;
                    scope.spawn(move || {
                        let mut kept = BTreeMap::new();
                        for number in 0.. {
                            let name = format!("{round}/{thread}/{number}");
                            let path = format!("/upload/storage/v1/b/iris/o?uploadType=media&name={}", encoded(&name));
                            let content = content(thread, number % 100);
                            match try_call(url, "POST", &path, &[], &content) {
                                Ok(answer) if answer.code == 200 => kept.insert(name, content),
                                _ => return kept,
                            };
                        }
                        kept
                    })
                })
                .collect();
            std::thread::sleep(Duration::from_millis(150 + round * 70));
            process.kill();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        acknowledged.extend(kept.into_iter().flatten());
    }
    assert!(acknowledged.len() > 20, "{}", acknowledged.len());
    let process = Process::start(state.path(), None);
    let listed = call(&process.url, "GET", "/storage/v1/b/iris/o", &[], b"").json();
    let names: Vec<&str> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect();
    for (name, content) in &acknowledged {
        assert!(names.contains(&name.as_str()) || names.len() == 1000, "{name}");
        assert!(download(&process.url, "iris", name).body == *content, "{name}");
    }
    if names.len() < 1000 {
        wait_until("each content is that of an object", || {
            blobs(state.path()) == names.len()
        });
    }
}

#[test]
fn a_full_disk_loses_nothing() {
    let state = tempfile::tempdir().unwrap();
    let process = Process::start(state.path(), Some(1024));
    let url = &process.url;
    make_bucket(url, "iris");
    assert_eq!(upload(url, "iris", "a", "", b"before").code, 200);
    let large = vec![7; 3 << 20];
    let refused = upload(url, "iris", "a", "", &large);
    assert_eq!(refused.code, 503);
    assert_eq!(
        refused.json()["error"]["errors"][0]["reason"],
        "backendError",
        "{}",
        refused.json()
    );
    assert_eq!(download(url, "iris", "a").body, b"before");
    assert_eq!(blobs(state.path()), 1, "what was written in part is gone");

    let path = "/resumable/upload/storage/v1/b/iris/o?uploadType=resumable&name=b";
    let session = call(url, "POST", path, &[], b"")
        .location
        .strip_prefix(url)
        .unwrap()
        .to_owned();
    let first = call(
        url,
        "PUT",
        &session,
        &["content-range: bytes 0-524287/3145728"],
        &large[..524_288],
    );
    assert_eq!(first.code, 308);
    let refused = call(
        url,
        "PUT",
        &session,
        &["content-range: bytes 524288-3145727/3145728"],
        &large[524_288..],
    );
    assert_eq!(refused.code, 503, "{}", refused.json());
    let status = call(url, "PUT", &session, &["content-range: bytes */3145728"], b"");
    assert_eq!((status.code, status.range.as_deref()), (308, Some("bytes=0-524287")));
    process.kill();

    // There is room again.
    let process = Process::start(state.path(), None);
    let url = &process.url;
    let rest = call(
        url,
        "PUT",
        &session,
        &["content-range: bytes 524288-3145727/3145728"],
        &large[524_288..],
    );
    assert_eq!(rest.code, 200, "{}", rest.json());
    assert!(download(url, "iris", "b").body == large);
    assert_eq!(download(url, "iris", "a").body, b"before");
}

#[derive(Clone, Debug)]
enum Act {
    Put(String, u8),
    /// Only where there is none.
    Claim(String, u8),
    Delete(String),
    Copy(String, String),
    Join(String, String, String),
    List {
        prefix: String,
        delimiter: bool,
        start: String,
        page: usize,
    },
}

fn name() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[ab/ü]{1,4}").unwrap()
}

fn act() -> impl Strategy<Value = Act> {
    let start = proptest::string::string_regex("[ab/]{0,2}").unwrap();
    let prefix = proptest::string::string_regex("[ab/ü]{0,2}").unwrap();
    prop_oneof![
        4 => (name(), any::<u8>()).prop_map(|(name, content)| Act::Put(name, content)),
        2 => (name(), any::<u8>()).prop_map(|(name, content)| Act::Claim(name, content)),
        2 => name().prop_map(Act::Delete),
        1 => (name(), name()).prop_map(|(from, to)| Act::Copy(from, to)),
        1 => (name(), name(), name()).prop_map(|(a, b, to)| Act::Join(a, b, to)),
        3 => (prefix, any::<bool>(), start, 1usize..6)
            .prop_map(|(prefix, delimiter, start, page)| Act::List { prefix, delimiter, start, page }),
    ]
}

type Model = BTreeMap<String, Vec<u8>>;

/// What a list gives: the names, and the prefixes.
fn listed(model: &Model, prefix: &str, has_delimiter: bool, start: &str) -> (Vec<String>, Vec<String>) {
    let mut items = Vec::new();
    let mut prefixes = Vec::new();
    for name in model
        .keys()
        .filter(|name| name.starts_with(prefix) && name.as_str() >= start)
    {
        match name[prefix.len()..].find('/').filter(|_| has_delimiter) {
            None => items.push(name.clone()),
            Some(at) => {
                let folder = name[..prefix.len() + at + 1].to_owned();
                if prefixes.last() != Some(&folder) {
                    prefixes.push(folder);
                }
            }
        }
    }
    (items, prefixes)
}

fn texts(value: &Json, field: Option<&str>) -> Vec<String> {
    let values = value.as_array().into_iter().flatten();
    let text = |value: &Json| field.map_or(value, |field| &value[field]).as_str().unwrap().to_owned();
    values.map(text).collect()
}

fn list(url: &str, bucket: &str, act: (&str, bool, &str, usize)) -> (Vec<String>, Vec<String>) {
    let (prefix, has_delimiter, start, page) = act;
    let (mut items, mut prefixes) = (Vec::new(), Vec::new());
    let mut token = String::new();
    loop {
        let (prefix, start) = (encoded(prefix), encoded(start));
        let delimiter = if has_delimiter { "/" } else { "" };
        let path = format!(
            "/storage/v1/b/{bucket}/o?prefix={prefix}&startOffset={start}&delimiter={delimiter}&maxResults={page}&pageToken={token}"
        );
        let answer = call(url, "GET", &path, &[], b"").json();
        let (more, folders) = (texts(&answer["items"], Some("name")), texts(&answer["prefixes"], None));
        assert!(more.len() + folders.len() <= page);
        items.extend(more);
        prefixes.extend(folders);
        match answer["nextPageToken"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => return (items, prefixes),
        }
    }
}

fn run(url: &str, bucket: &str, acts: Vec<Act>) {
    make_bucket(url, bucket);
    let mut model = Model::new();
    for act in acts {
        let context = format!("{act:?}");
        match act {
            Act::Put(name, content) => {
                assert_eq!(upload(url, bucket, &name, "", &[content]).code, 200, "{context}");
                model.insert(name, vec![content]);
            }
            Act::Claim(name, content) => {
                let expected = if model.contains_key(&name) { 412 } else { 200 };
                let code = upload(url, bucket, &name, "&ifGenerationMatch=0", &[content]).code;
                assert_eq!(code, expected, "{context}");
                model.entry(name).or_insert(vec![content]);
            }
            Act::Delete(name) => {
                let expected = if model.remove(&name).is_some() { 204 } else { 404 };
                let path = format!("/storage/v1/b/{bucket}/o/{}", encoded(&name));
                assert_eq!(call(url, "DELETE", &path, &[], b"").code, expected, "{context}");
            }
            Act::Copy(from, to) => {
                let content = model.get(&from).cloned();
                let expected = if content.is_some() { 200 } else { 404 };
                let path = format!(
                    "/storage/v1/b/{bucket}/o/{}/rewriteTo/b/{bucket}/o/{}",
                    encoded(&from),
                    encoded(&to)
                );
                assert_eq!(call(url, "POST", &path, &[], b"").code, expected, "{context}");
                if let Some(content) = content {
                    model.insert(to, content);
                }
            }
            Act::Join(a, b, to) => {
                let whole = model
                    .get(&a)
                    .zip(model.get(&b))
                    .map(|(a, b)| [a.as_slice(), b].concat());
                let expected = if whole.is_some() { 200 } else { 404 };
                let path = format!("/storage/v1/b/{bucket}/o/{}/compose", encoded(&to));
                let body = json!({"sourceObjects": [{"name": a}, {"name": b}]}).to_string();
                assert_eq!(
                    call(url, "POST", &path, &[], body.as_bytes()).code,
                    expected,
                    "{context}"
                );
                if let Some(whole) = whole {
                    model.insert(to, whole);
                }
            }
            Act::List {
                prefix,
                delimiter,
                start,
                page,
            } => {
                let found = list(url, bucket, (&prefix, delimiter, &start, page));
                assert_eq!(found, listed(&model, &prefix, delimiter, &start), "{context}");
            }
        }
    }
    for (name, content) in &model {
        assert_eq!(download(url, bucket, name).body, *content, "{name}");
    }
    assert_eq!(list(url, bucket, ("", false, "", 1000)), listed(&model, "", false, ""));
}

#[test]
fn objects_are_as_in_a_simple_model() {
    let cloud = free();
    let config = ProptestConfig {
        cases: 48,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let count = std::cell::Cell::new(0);
    let acts = proptest::collection::vec(act(), 1..40);
    let done = TestRunner::new(config).run(&acts, |acts| {
        count.set(count.get() + 1);
        run(&cloud.url, &format!("bucket-{}", count.get()), acts);
        Ok(())
    });
    done.unwrap();
}
