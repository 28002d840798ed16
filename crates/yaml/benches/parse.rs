//! Bytes a second, one core: text to tree, tree to canonical bytes; and, as a measure of the machine and the hour, what
//! the fastest other parsers need for the events of the same text alone.
//!
//! Reads the file named in `YAML_BENCH`, or a list of typical Deployments and ConfigMaps.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads its input from a file")]

use std::sync::Arc;

use divan::Bencher;
use divan::counter::BytesCount;
use yaml::{Documents, Source, Sources, emit, read_documents};

const OBJECTS: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: model-00000
  labels:
    app.kubernetes.io/name: model-00000
spec:
  replicas: 3
  template:
    spec:
      containers:
      - name: server # serves predictions
        image: registry.example/serve:v1
        args: ["--port=8080", "--model=/models/model-00000"]
        ports:
        - containerPort: 8080
          name: http
        env:
        - name: TRACKING_URI
          value: http://tracking.example.svc.cluster.local:5000
        - name: LOG_LEVEL
          value: "info"
        resources:
          requests: {cpu: 100m, memory: 256Mi}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: model-00000-config
data:
  BATCH: "32"
  server.conf: |
    listen 8080;
    # every line of this file counts
    location / {
      proxy_pass http://127.0.0.1:9090;
    }
---
"#;

/// Not the program's allocator, but one that keeps the memory of a tree that was dropped. The system's may give it
/// back after each sample, and then the kernel's work for new pages is half of what is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

fn source() -> Arc<Source> {
    let text = match std::env::var_os("YAML_BENCH") {
        Some(path) => std::fs::read_to_string(path).expect("YAML_BENCH names a file"),
        None => OBJECTS.repeat(8000),
    };
    Sources::new().add("bench.yaml", text)
}

fn read(source: &Arc<Source>) -> Documents {
    read_documents(source).expect("the input is good")
}

#[divan::bench(sample_count = 30)]
fn parse(bencher: Bencher<'_, '_>) {
    let source = source();
    bencher
        .counter(BytesCount::new(source.text().len()))
        .bench_local(|| read(&source));
}

#[divan::bench(sample_count = 30)]
fn print(bencher: Bencher<'_, '_>) {
    let source = source();
    let documents = read(&source);
    let mut out = Vec::with_capacity(source.text().len() * 2);
    bencher.counter(BytesCount::new(source.text().len())).bench_local(|| {
        out.clear();
        for node in &documents.nodes {
            emit(node, &mut out).expect("the input is good");
        }
        out.len()
    });
}

/// libyaml in safe Rust: events, no tree.
#[divan::bench(sample_count = 30)]
fn events_libyaml(bencher: Bencher<'_, '_>) {
    let source = source();
    bencher.counter(BytesCount::new(source.text().len())).bench_local(|| {
        let mut input = source.text().as_bytes();
        let mut parser = libyaml_safer::Parser::new();
        parser.set_input_string(&mut input);
        parser.filter(Result::is_ok).count()
    });
}

/// saphyr: events, no tree.
#[divan::bench(sample_count = 30)]
fn events_saphyr(bencher: Bencher<'_, '_>) {
    let source = source();
    bencher.counter(BytesCount::new(source.text().len())).bench_local(|| {
        saphyr_parser::Parser::new_from_str(source.text())
            .filter(Result::is_ok)
            .count()
    });
}
