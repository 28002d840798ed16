//! Entries a second: written, each on the disk before the call returns, by one thread and by several; and verified.
//!
//! The record is made below `RECORD_BENCH`, or below the build directory: a temporary directory may be one of memory.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking and prints figures"
)]

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use record::{Hash, Intent, Location, Outcome, Record, Recorder, Secrets, Status, What, Who, Why, verify};

const SPAN: Duration = Duration::from_secs(2);
const VERIFIED: u64 = 200_000;

fn main() {
    let directory =
        std::env::var_os("RECORD_BENCH").map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    let path = directory.join("bench-record.db");
    let remove = || {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(directory.join(format!("bench-record.db{end}")));
        }
    };
    remove();
    let location = match std::env::var("RECORD_BENCH_URL") {
        Ok(url) => Location::parse(&url).unwrap(),
        Err(_) => Location::File(path.clone()),
    };
    let recorder = Recorder::open(&location, Secrets::default()).unwrap();
    for threads in [1, 4, 16, 64] {
        let (count, seconds) = append(&recorder, threads);
        println!(
            "append, {threads:>2} threads: {:>8.0} entries/s",
            count as f64 / seconds
        );
    }
    let mut record = Record::open(&location).unwrap();
    while record.last().unwrap() < VERIFIED {
        append(&recorder, 1024);
    }
    let mut bytes = 0;
    record
        .read(0, |row| {
            bytes += row.text.len();
            Ok(true)
        })
        .unwrap();
    for _ in 0..3 {
        let start = Instant::now();
        let verified = verify(&mut record, |_, _| {}).unwrap();
        assert_eq!(verified.fault_count, 0);
        let seconds = start.elapsed().as_secs_f64();
        let size = bytes as u64 / verified.entries;
        println!(
            "verify {} entries of {size} bytes: {:>8.0} entries/s",
            verified.entries,
            verified.entries as f64 / seconds
        );
    }
    remove();
}

/// How many entries, in how many seconds.
fn append(recorder: &Recorder, threads: usize) -> (u64, f64) {
    let (is_over, count) = (AtomicBool::new(false), AtomicU64::new(0));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    recorder.begin(&intent()).unwrap().finish(&outcome()).unwrap();
                    count.fetch_add(2, Ordering::Relaxed);
                }
            });
        }
        std::thread::sleep(SPAN);
        is_over.store(true, Ordering::Relaxed);
    });
    (count.into_inner(), start.elapsed().as_secs_f64())
}

fn intent() -> Intent {
    Intent {
        who: Who::User {
            name: "ann@acme.com".to_owned(),
        },
        what: What {
            verb: "setIamPolicy".to_owned(),
            resource: "//cloudresourcemanager.googleapis.com/projects/acme-ml-prod".to_owned(),
            changes: vec![
                "grant roles/aiplatform.user to serviceAccount:trainer@acme-ml-prod.iam.gserviceaccount.com".to_owned(),
            ],
            body: Some(Hash::of(b"{}")),
        },
        as_whom: Some("deployer@acme-ml-prod.iam.gserviceaccount.com".to_owned()),
        environment: Some("prod".to_owned()),
        why: Why {
            trigger: Some("terrace identity plan --apply".to_owned()),
            commit: Some("139b0306e3f1c0b9a5d2c7e8f4a1b2c3d4e5f607".to_owned()),
            ..Why::default()
        },
    }
}

fn outcome() -> Outcome {
    let answer = serde_json::json!({
        "version": 1, "etag": "BwYx0K8tQs8=",
        "bindings": [
            {"role": "roles/aiplatform.user", "members": ["serviceAccount:trainer@acme-ml-prod.iam.gserviceaccount.com"]},
            {"role": "roles/storage.objectViewer", "members": ["serviceAccount:trainer@acme-ml-prod.iam.gserviceaccount.com"]}
        ]
    });
    Outcome {
        status: Status::Succeeded,
        message: None,
        answer: Some(answer),
    }
}
