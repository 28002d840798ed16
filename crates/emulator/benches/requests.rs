//! Requests a second and their times, beside a server that does nothing, in the same run; and how long a start takes.
//!
//! `cargo bench -p emulator --bench requests`

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "its result is what it prints")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use emulator::{ContainerRuntime, Emulator, Iam, Settings};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use identity::{ResourceName, State};
use tokio::net::{TcpListener, TcpStream};

const CONNECTIONS: usize = 8;
/// Requests on each connection in a round; of those that write, which wait for the disk, and of accounts, each of which
/// has all facts read again.
const READS: usize = 3_000;
const WRITES: usize = 200;
const ACCOUNTS: usize = 25;
const ROUNDS: usize = 5;

fn settings(state: &std::path::Path) -> Settings {
    let policy = r#"{"bindings": [
        {"role": "roles/aiplatform.admin", "members": ["user:ann@acme.com"]},
        {"role": "roles/iam.serviceAccountAdmin", "members": ["user:ann@acme.com"]}
    ]}"#;
    let mut granted = State::default();
    let source = yaml::Sources::new().add("policy.json", policy.to_owned());
    granted.read(&source, Some(&ResourceName::project("acme"))).unwrap();
    Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        state: state.to_owned(),
        iam: Iam::Enforce,
        runtime: ContainerRuntime::Process,
        granted,
        tokens: vec![("ann".to_owned(), "user:ann@acme.com".parse().unwrap())],
        project: "acme".to_owned(),
        account: None,
    }
}

/// Asks so many times on one connection; how long each took.
async fn ask(
    address: SocketAddr,
    (method, count): (&'static str, usize),
    path: impl Fn(usize) -> String,
    body: impl Fn(usize) -> String,
) -> Vec<Duration> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut times = Vec::with_capacity(count);
    for number in 0..count {
        let request = Request::builder()
            .method(method)
            .uri(path(number))
            .header("host", "localhost")
            .header("authorization", "Bearer ann")
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body(number))))
            .unwrap();
        let start = Instant::now();
        let response = sender.send_request(request).await.unwrap();
        assert!(response.status().is_success(), "{}", response.status());
        response.into_body().collect().await.unwrap();
        times.push(start.elapsed());
    }
    times
}

/// The median over rounds of requests a second, and of the 99th percentile.
async fn measure(
    name: &str,
    address: SocketAddr,
    calls: (&'static str, usize),
    path: fn(usize, usize) -> String,
    body: fn(usize, usize) -> String,
) {
    let mut rates = Vec::new();
    let mut tails = Vec::new();
    for round in 0..ROUNDS {
        let start = Instant::now();
        let tasks: Vec<_> = (0..CONNECTIONS)
            .map(|connection| {
                let lane = round * CONNECTIONS + connection;
                tokio::spawn(ask(
                    address,
                    calls,
                    move |number| path(lane, number),
                    move |number| body(lane, number),
                ))
            })
            .collect();
        let mut times = Vec::new();
        for task in tasks {
            times.extend(task.await.unwrap());
        }
        rates.push((times.len() as f64 / start.elapsed().as_secs_f64()) as u64);
        times.sort_unstable();
        tails.push(times[times.len() * 99 / 100]);
    }
    rates.sort_unstable();
    tails.sort_unstable();
    println!(
        "{name:<34} {:>8} requests/s   p99 {:>8.2?}",
        rates[ROUNDS / 2],
        tails[ROUNDS / 2]
    );
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut starts = Vec::new();
        for _ in 0..21 {
            let directory = tempfile::tempdir().unwrap();
            let start = Instant::now();
            let emulator = Emulator::start(settings(directory.path())).await.unwrap();
            let address = emulator.address();
            let task = tokio::spawn(emulator.serve());
            let stream = TcpStream::connect(address).await.unwrap();
            let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
                .await
                .unwrap();
            tokio::spawn(connection);
            let request = Request::get("/emulator/health")
                .header("host", "localhost")
                .body(Full::new(Bytes::new()))
                .unwrap();
            assert!(sender.send_request(request).await.unwrap().status().is_success());
            starts.push(start.elapsed());
            task.abort();
        }
        starts.sort_unstable();
        println!(
            "from nothing to the first answer: {:.1?} (median of {})",
            starts[starts.len() / 2],
            starts.len()
        );

        let idle = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let idle_address = idle.local_addr().unwrap();
        let router = Router::new().route("/", get(|| async { "{}" }));
        tokio::spawn(async move { axum::serve(idle, router).await });
        let directory = tempfile::tempdir().unwrap();
        let emulator = Emulator::start(settings(directory.path())).await.unwrap();
        let address = emulator.address();
        tokio::spawn(emulator.serve());
        let none = |_: usize, _: usize| String::new();
        measure(
            "axum that does nothing",
            idle_address,
            ("GET", READS),
            |_, _| "/".to_owned(),
            none,
        )
        .await;
        measure(
            "health",
            address,
            ("GET", READS),
            |_, _| "/emulator/health".to_owned(),
            none,
        )
        .await;
        let endpoints = |_, _| "/v1/projects/acme/locations/europe-west4/endpoints".to_owned();
        measure("list endpoints, with IAM", address, ("GET", READS), endpoints, none).await;
        let endpoint = |lane, number| format!(r#"{{"displayName": "endpoint-{lane}-{number}"}}"#);
        measure("create an endpoint", address, ("POST", WRITES), endpoints, endpoint).await;
        let accounts = |_, _| "/v1/projects/acme/serviceAccounts".to_owned();
        let account = |lane, number| format!(r#"{{"accountId": "account-{lane}-{number}"}}"#);
        measure(
            "create a service account",
            address,
            ("POST", ACCOUNTS),
            accounts,
            account,
        )
        .await;
        measure(
            "axum that does nothing",
            idle_address,
            ("GET", READS),
            |_, _| "/".to_owned(),
            none,
        )
        .await;
    });
}
