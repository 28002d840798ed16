//! Files from a real HTTP server on loopback that answers in every way a server can.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::servers::{Answer, HttpServer};
use build::{Fetch, FetchError, FetchErrorKind, FileRequest};
use fetch::{Fetcher, HttpLimits, TreeLimits};

const LIMITS: HttpLimits = HttpLimits {
    total: Duration::from_secs(3),
    connect: Duration::from_secs(2),
    stall: Duration::from_millis(400),
};

fn fetcher(cache: &tempfile::TempDir) -> Fetcher {
    Fetcher::new(cache.path().to_owned(), false).with_limits(TreeLimits::default(), LIMITS)
}

fn request(url: &str) -> FileRequest<'_> {
    FileRequest {
        url,
        limit: 1000,
        refuse_pages: true,
    }
}

/// What a URL gives, with nothing in the cache.
fn get(url: &str) -> Result<String, FetchError> {
    let cache = tempfile::tempdir().unwrap();
    let bytes = fetcher(&cache).file(&request(url))?;
    Ok(String::from_utf8(bytes).unwrap())
}

fn fails(url: &str, kind: FetchErrorKind, words: &str) {
    let error = get(url).unwrap_err();
    assert!(error.message.contains(words), "{}", error.message);
    assert_eq!(error.kind, kind, "{}", error.message);
}

#[test]
fn gives_the_bytes() {
    let server = HttpServer::start(|request| match request.target.as_str() {
        "/a.yaml?x=1" => Answer::ok("a: 1\n"),
        "/chunks" => {
            Answer::raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        }
        "/to-the-end" => Answer::raw("HTTP/1.1 200 OK\r\n\r\nall of it"),
        _ => Answer::status("404 Not Found", "", ""),
    });
    assert_eq!(get(&server.url("a.yaml?x=1#fragment")).unwrap(), "a: 1\n");
    assert_eq!(get(&server.url("chunks")).unwrap(), "abcde");
    assert_eq!(get(&server.url("to-the-end")).unwrap(), "all of it");
}

#[test]
fn says_who_refuses_and_who_fails() {
    let server = HttpServer::start(|request| match request.target.as_str() {
        "/401" => Answer::status("401 Unauthorized", "www-authenticate: Basic\r\n", ""),
        "/404" => Answer::status("404 Not Found", "", ""),
        "/503" => Answer::status("503 Service Unavailable", "", ""),
        "/page" => Answer::status("200 OK", "content-type: text/html; charset=utf-8\r\n", "<html>"),
        _ => Answer::raw("SSH-2.0-OpenSSH_9.2\r\n"),
    });
    fails(
        &server.url("401"),
        FetchErrorKind::Refused,
        "status code 401 (Unauthorized)",
    );
    fails(
        &server.url("404"),
        FetchErrorKind::Refused,
        "status code 404 (Not Found)",
    );
    fails(
        &server.url("503"),
        FetchErrorKind::Failed,
        "status code 503 (Service Unavailable)",
    );
    fails(&server.url("page"), FetchErrorKind::Input, "is a web page");
    fails(&server.url("odd"), FetchErrorKind::Failed, "cannot fetch");
    fails("http://127.0.0.1:1/a", FetchErrorKind::Failed, "Connection refused");
    fails("http://host.invalid/a", FetchErrorKind::Failed, "cannot fetch");
}

#[test]
fn tries_again_what_may_pass() {
    let count = AtomicUsize::new(0);
    let server = HttpServer::start(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::status("502 Bad Gateway", "", ""),
        1 => Answer::raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"),
        _ => Answer::ok("whole"),
    });
    assert_eq!(get(&server.url("a")).unwrap(), "whole");
    assert_eq!(server.asked(), 3);
}

#[test]
fn what_is_cut_off_is_no_file() {
    let server = HttpServer::start(|request| match request.target.as_str() {
        "/length" => Answer::raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"),
        "/chunk" => Answer::raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nabc"),
        "/last-chunk" => Answer::raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"),
        _ => Answer::raw("HTTP/1.1 200 OK\r\ncontent-le"),
    });
    for path in ["length", "chunk", "last-chunk", "header"] {
        let error = get(&server.url(path)).unwrap_err();
        assert_eq!(error.kind, FetchErrorKind::Failed, "{path}: {}", error.message);
    }
}

#[test]
fn silence_and_drops_come_to_an_end() {
    let server = HttpServer::start(|request| match request.target.as_str() {
        "/silent" => Answer {
            silence: Duration::from_secs(30),
            ..Answer::raw("")
        },
        _ => Answer {
            silence: Duration::from_secs(30),
            ..Answer::raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc")
        },
    });
    for path in ["silent", "stalls"] {
        let start = Instant::now();
        let error = get(&server.url(path)).unwrap_err();
        assert_eq!(error.kind, FetchErrorKind::Failed);
        assert!(
            start.elapsed() < Duration::from_millis(2500),
            "{path}: {:?}",
            start.elapsed()
        );
        assert!(error.message.contains("takes too long"), "{path}: {}", error.message);
    }
}

#[test]
fn a_server_that_drips_is_not_waited_for() {
    use std::io::Write;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let start = Instant::now();
    let error = get(&url).unwrap_err();
    assert!(error.message.contains("takes too long"), "{}", error.message);
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
}

#[test]
fn too_much_is_refused() {
    let server = HttpServer::start(|request| match request.target.as_str() {
        "/said" => Answer::ok(&"x".repeat(1001)),
        "/limit" => Answer::ok(&"x".repeat(1000)),
        _ => Answer::raw(format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(100_000))),
    });
    fails(&server.url("said"), FetchErrorKind::Input, "is larger than 1000 bytes");
    fails(
        &server.url("unsaid"),
        FetchErrorKind::Input,
        "is larger than 1000 bytes",
    );
    assert_eq!(get(&server.url("limit")).unwrap().len(), 1000);
}

#[test]
fn follows_redirects_to_http_alone_and_not_for_ever() {
    let server = HttpServer::start(|request| match request.target.as_str() {
        "/a/relative" => Answer::redirect("b"),
        "/a/b" => Answer::redirect("/there"),
        "/there" => Answer::ok("there"),
        "/file" => Answer::redirect("file:///etc/passwd"),
        "/ftp" => Answer::redirect("ftp://127.0.0.1/a"),
        _ => Answer::redirect("/loop"),
    });
    assert_eq!(get(&server.url("a/relative")).unwrap(), "there");
    fails(
        &server.url("file"),
        FetchErrorKind::Input,
        "redirects to \"file:///etc/passwd\", which is no HTTP URL",
    );
    fails(&server.url("ftp"), FetchErrorKind::Input, "which is no HTTP URL");
    fails(
        &server.url("loop"),
        FetchErrorKind::Failed,
        "redirects more than 10 times",
    );
    assert_eq!(server.asked(), 3 + 1 + 1 + 11);
}

#[test]
fn a_password_is_sent_and_never_shown() {
    let server = HttpServer::start(|request| match request.header("authorization") {
        Some("Basic bWU6c2VjcmV0") => Answer::ok("inside"),
        _ => Answer::status("401 Unauthorized", "", ""),
    });
    let with = |pair: &str| server.url("a").replace("127", &format!("{pair}@127"));
    assert_eq!(get(&with("me:secret")).unwrap(), "inside");
    let error = get(&with("me:wrong-secret")).unwrap_err();
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

#[test]
fn offline_gives_what_came_last_if_it_is_whole() {
    let count = AtomicUsize::new(0);
    let server = HttpServer::start(move |_| Answer::ok(&format!("answer {}", count.fetch_add(1, Ordering::SeqCst))));
    let cache = tempfile::tempdir().unwrap();
    let url = server.url("a");
    let offline = Fetcher::new(cache.path().to_owned(), true);
    assert!(
        offline
            .file(&request(&url))
            .unwrap_err()
            .message
            .contains("--offline forbids")
    );
    let online = fetcher(&cache);
    assert_eq!(online.file(&request(&url)).unwrap(), b"answer 0");
    assert_eq!(online.file(&request(&url)).unwrap(), b"answer 1");
    assert_eq!(offline.file(&request(&url)).unwrap(), b"answer 1");
    for blob in std::fs::read_dir(cache.path().join("blobs")).unwrap() {
        std::fs::write(blob.unwrap().path(), "damaged").unwrap();
    }
    assert!(offline.file(&request(&url)).is_err());
    assert_eq!(server.asked(), 2);
    drop((online, offline));
    assert_eq!(std::fs::read_dir(cache.path().join("tmp")).unwrap().count(), 0);
}
