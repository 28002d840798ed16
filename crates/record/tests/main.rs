//! The record as its users have it: entries that are changed, processes that are killed, disks that are full.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod canaries;
mod crash;
mod mirror;
mod postgres;
mod record;
mod tampering;

use std::path::Path;

use ::record::{FaultKind, Verified};
use ::record::{Hash, Intent, Location, Outcome, Record, Recorder, Row, Secrets, Status, What, Who, Why, verify};

fn location(path: &Path) -> Location {
    Location::File(path.to_owned())
}

fn recorder(path: &Path) -> Recorder {
    Recorder::open(&location(path), Secrets::default()).unwrap()
}

fn intent(resource: &str) -> Intent {
    Intent {
        who: Who::User {
            name: "ann@acme.com".to_owned(),
        },
        what: What {
            verb: "setIamPolicy".to_owned(),
            resource: resource.to_owned(),
            changes: Vec::new(),
            body: Some(Hash::of(b"{}")),
        },
        as_whom: None,
        environment: Some("prod".to_owned()),
        why: Why::default(),
    }
}

fn outcome() -> Outcome {
    Outcome {
        status: Status::Succeeded,
        message: None,
        answer: Some(serde_json::json!({"etag": "BwY="})),
    }
}

/// Says why a test proves nothing here.
#[expect(clippy::print_stderr, reason = "who reads the output of tests is to know")]
fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

/// Acts, each with its outcome.
fn write(recorder: &Recorder, acts: usize) {
    for at in 0..acts {
        let pending = recorder.begin(&intent(&format!("projects/acme{at}"))).unwrap();
        pending.finish(&outcome()).unwrap();
    }
}

fn verified(path: &Path) -> Verified {
    verify(&mut Record::open(&location(path)).unwrap(), |_, _| {}).unwrap()
}

fn rows(path: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut record = Record::open(&location(path)).unwrap();
    record
        .read(0, |row| {
            rows.push(row);
            Ok(true)
        })
        .unwrap();
    rows
}

fn faults(path: &Path) -> Vec<(u64, FaultKind)> {
    let verified = verified(path);
    verified
        .faults
        .into_iter()
        .map(|fault| (fault.sequence, fault.kind))
        .collect()
}
