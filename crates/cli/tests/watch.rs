//! `--watch`: a file changes, and what is new or gone is printed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Lines of a program that goes on, as they come.
fn lines(out: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines() {
            if line.is_err() || send.send(line.unwrap()).is_err() {
                break;
            }
        }
    });
    receive
}

/// The next line that holds a text; everything before it.
fn until(receive: &Receiver<String>, text: &str) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let line = receive.recv_timeout(Duration::from_secs(60));
        let line = line.unwrap_or_else(|_| panic!("\"{text}\" does not come after {seen:#?}"));
        let is_it = line.contains(text);
        seen.push(line);
        if is_it {
            return seen;
        }
    }
}

const POD: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: ml}
spec: {containers: [{name: main, image: nginx, args: [--data=gs://acme-data/a.csv]}]}
";

fn policy(members: &str) -> String {
    format!(
        r#"[{{"resource": "//storage.googleapis.com/projects/_/buckets/acme-data", "project": "projects/acme",
             "policy": {{"bindings": [{{"role": "roles/storage.objectViewer", "members": [{members}]}}]}}}}]"#
    )
}

#[test]
fn a_change_shows_what_is_new_and_what_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    write("kustomization.yaml", "resources: [pod.yaml]\n");
    write("pod.yaml", POD);
    write("iam.json", &policy(r#""user:ann@acme.com""#));
    write(
        "terrace.yaml",
        "apiVersion: terrace.dev/v1alpha1\nkind: Platform\nmetadata: {name: p}\nspec:\n  identity: {iam: [iam.json]}\n  \
         environments:\n  - {name: prod, path: ., project: acme, namespace: ml}\n",
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_terrace"))
        .args(["identity", "check", "--watch", "--at", "2026-11-21T12:00:00Z"])
        .current_dir(directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = lines(child.stdout.take().unwrap());
    until(&out, "unmapped_service_account");
    until(&out, "in 1 target");
    write(
        "iam.json",
        &policy(r#""user:ann@acme.com", "serviceAccount:acme.svc.id.goog[ml/default]""#),
    );
    let seen = until(&out, "no findings");
    assert!(
        seen.iter()
            .any(|line| line.starts_with("gone: error[unmapped_service_account]")),
        "{seen:#?}"
    );
    // What is broken is told elsewhere, and mended again.
    write("pod.yaml", "kind: [\n");
    std::thread::sleep(Duration::from_millis(1500));
    write(
        "pod.yaml",
        &POD.replace("a.csv", "b.csv").replace("gs://acme-data", "gs://other"),
    );
    until(&out, "gs://other");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn drift_shows_the_difference_alone() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    fs::create_dir(directory.path().join("prod")).unwrap();
    write("prod/kustomization.yaml", "resources: [grant.yaml]\n");
    write(
        "prod/grant.yaml",
        "apiVersion: iam.cnrm.cloud.google.com/v1beta1\nkind: IAMPolicyMember\nmetadata: {name: g, namespace: acme}\nspec:\n  \
         member: user:ann@acme.com\n  role: roles/storage.objectViewer\n  resourceRef: {kind: StorageBucket, external: acme-data}\n",
    );
    write("iam.json", &policy(r#""user:ann@acme.com", "user:eve@acme.com""#));
    let mut child = Command::new(env!("CARGO_BIN_EXE_terrace"))
        .args(["identity", "drift", "prod", "--iam", "iam.json", "--watch"])
        .current_dir(directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = lines(child.stdout.take().unwrap());
    until(&out, "for eve@acme.com");
    write("iam.json", &policy(r#""user:eve@acme.com", "user:bob@acme.com""#));
    let seen = until(&out, "for bob@acme.com");
    let text = seen.join("\n");
    assert!(
        !text.contains("not declared: roles/storage.objectViewer on gs://acme-data for eve@acme.com"),
        "{text}"
    );
    write("iam.json", &policy(r#""user:ann@acme.com""#));
    let seen = until(&out, "what is declared holds");
    assert!(
        seen.iter()
            .any(|line| line.starts_with("gone: ") && line.contains("eve@acme.com")),
        "{seen:#?}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
}
