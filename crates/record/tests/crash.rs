//! Processes that are killed while they write, and disks that take no more.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{intent, outcome, recorder, rows, verified};

const PATH: &str = "TERRACE_TEST_RECORD";

/// Not a test of its own: the process that the others start, with the record in the environment.
#[test]
#[expect(clippy::print_stdout, reason = "what is on the disk is said on a pipe")]
fn a_process_that_writes() {
    let Some(path) = std::env::var_os(PATH) else {
        return;
    };
    let recorder = recorder(Path::new(&path));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let pending = match recorder.begin(&intent("projects/acme")) {
                        Ok(pending) => pending,
                        Err(error) => return println!("\nerror {error}"),
                    };
                    println!("\nwritten {}", pending.sequence());
                    match pending.finish(&outcome()) {
                        Ok(number) => println!("\nwritten {number}"),
                        Err(error) => return println!("\nerror {error}"),
                    }
                }
            });
        }
    });
}

/// Starts it through a shell, which may set limits.
fn writer(path: &Path, limits: &str) -> Child {
    let program = std::env::current_exe().unwrap();
    Command::new("sh")
        .args([
            "-c",
            &format!("{limits} exec \"$0\" --exact crash::a_process_that_writes --nocapture"),
        ])
        .arg(program)
        .env(PATH, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The numbers that the process said were written, and the errors.
fn said(output: impl Read) -> (Vec<u64>, Vec<String>) {
    let (mut written, mut errors) = (Vec::new(), Vec::new());
    for line in BufReader::new(output).lines() {
        let line = line.unwrap();
        match line.split_once(' ') {
            Some(("written", number)) => written.push(number.parse().unwrap()),
            Some(("error", error)) => errors.push(error.to_owned()),
            _ => {}
        }
    }
    (written, errors)
}

/// All that was said to be written is there, and the chain holds.
fn is_whole(path: &Path, written: &[u64]) {
    let verified = verified(path);
    assert_eq!(verified.faults, []);
    for number in written {
        assert!(
            *number <= verified.entries,
            "entry {number} of {} is lost",
            verified.entries
        );
    }
}

#[test]
fn killed_processes_lose_nothing_that_was_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("record.db");
    let mut all = Vec::new();
    for round in 0..12_u64 {
        let mut child = writer(&path, "");
        let output = child.stdout.take().unwrap();
        // Its line is cut off where it dies.
        let reader = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            BufReader::new(output).read_to_end(&mut bytes).unwrap();
            let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            said(&bytes[..end])
        });
        std::thread::sleep(Duration::from_millis(20 + 37 * round % 211));
        child.kill().unwrap();
        child.wait().unwrap();
        let (written, errors) = reader.join().unwrap();
        assert_eq!(errors, Vec::<String>::new());
        all.extend(written);
        if path.exists() {
            // Whoever writes next repairs what the killed one left.
            drop(recorder(&path));
            is_whole(&path, &all);
        }
    }
    assert!(all.len() > 50, "{} entries are no test", all.len());
    let recorder = recorder(&path);
    for open in recorder.open_intents().unwrap() {
        recorder.resume(open.sequence).finish(&outcome()).unwrap();
    }
    assert_eq!(verified(&path).open, Vec::<u64>::new());
    is_whole(&path, &all);
}

/// A limit of the size of files has the effect of a full disk, for whoever does not die of the signal.
#[test]
fn a_disk_that_takes_no_more_is_said_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("record.db");
    let mut child = writer(&path, "trap '' XFSZ; ulimit -f 400;");
    let (written, errors) = said(child.stdout.take().unwrap());
    child.wait().unwrap();
    assert_eq!(errors.len(), 4, "every thread is told: {errors:?}");
    for error in &errors {
        assert!(error.contains("was not written"), "{error}");
    }
    assert!(written.len() > 20, "{}", written.len());
    is_whole(&path, &written);
    let before = rows(&path);
    // With room again, it goes on where it was.
    let recorder = recorder(&path);
    recorder
        .begin(&intent("projects/acme"))
        .unwrap()
        .finish(&outcome())
        .unwrap();
    let after = rows(&path);
    assert_eq!(after.len(), before.len() + 2);
    assert_eq!(after[..before.len()], before);
    is_whole(&path, &written);
}
