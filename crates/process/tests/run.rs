//! Runs real programs: what they write, how they are ended, what is left of them.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails as a test does")]

use std::process::Command;
use std::time::{Duration, Instant};

use process::{Failure, Limits, Output, Scratch, run, run_alone};

const LIMITS: Limits = Limits {
    time: Duration::from_secs(20),
    output: 1 << 20,
};

fn shell(script: &str, stdin: Option<Vec<u8>>, limits: &Limits) -> Result<Output, Failure> {
    run(Command::new("sh").args(["-c", script]), stdin, limits)
}

/// Whether a process runs: one that only waits to be reaped does not.
fn runs(pid: &str) -> bool {
    let asked = Command::new("ps")
        .args(["-o", "stat=", "-p", pid.trim()])
        .output()
        .unwrap();
    let state = String::from_utf8(asked.stdout).unwrap();
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

fn ends(pid: &str) -> bool {
    let deadline = Instant::now() + Duration::from_secs(5);
    while runs(pid) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    !runs(pid)
}

#[test]
fn serves_all_streams_at_once() {
    let given = vec![b'x'; 900 << 10];
    let output = shell("tee /dev/stderr", Some(given.clone()), &LIMITS).unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout, given);
    assert_eq!(output.stderr, given);
}

#[test]
fn says_how_it_ended() {
    let output = shell("echo out; echo err >&2; exit 3", None, &LIMITS).unwrap();
    assert_eq!(
        (output.status.code(), &*output.stdout, &*output.stderr),
        (Some(3), &b"out\n"[..], &b"err\n"[..])
    );
}

#[test]
fn a_program_need_not_read() {
    let output = shell("exec true", Some(vec![b'x'; 4 << 20]), &LIMITS).unwrap();
    assert!(output.status.success());
}

#[test]
fn a_program_that_is_not_there() {
    let error = run(&mut Command::new("/no/such/program"), None, &LIMITS).unwrap_err();
    assert!(matches!(error, Failure::Start(_)), "{error}");
}

#[test]
fn ends_what_hangs_with_all_it_started() {
    let pids = tempfile::NamedTempFile::new().unwrap();
    let script = format!(
        "trap '' TERM; sleep 300 & echo $! >> {0}; echo $$ >> {0}; echo help >&2; sleep 300",
        pids.path().display()
    );
    let limits = Limits {
        time: Duration::from_millis(500),
        ..LIMITS
    };
    let began = Instant::now();
    let error = shell(&script, None, &limits).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(error.to_string(), "did not end within 0.5s");
    assert_eq!(error.stderr(), b"help\n");
    let pids = std::fs::read_to_string(pids.path()).unwrap();
    assert_eq!(pids.lines().count(), 2);
    assert!(pids.lines().all(ends));
}

#[test]
fn ends_what_writes_too_much() {
    let began = Instant::now();
    let error = shell("yes", None, &LIMITS).unwrap_err();
    assert!(matches!(error, Failure::Output { limit, .. } if limit == LIMITS.output));
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn ends_what_is_left_behind() {
    let began = Instant::now();
    let output = shell("sleep 300 & echo $!", None, &LIMITS).unwrap();
    assert!(began.elapsed() < Duration::from_secs(10));
    assert!(ends(&String::from_utf8(output.stdout).unwrap()));
}

#[test]
fn waits_for_what_a_child_of_it_still_writes() {
    let output = shell("(sleep 0.2; echo late) &", None, &LIMITS).unwrap();
    assert_eq!(output.stdout, b"late\n");
}

#[test]
fn standard_error_without_end_is_cut() {
    let limits = Limits { output: 1000, ..LIMITS };
    let output = shell("head -c 100000 /dev/zero >&2; echo done", None, &limits).unwrap();
    assert_eq!((output.stdout.len(), output.stderr.len()), (5, 1000));
}

#[test]
fn a_scratch_directory_goes() {
    let scratch = Scratch::new("terrace-test-").unwrap();
    let path = scratch.path().to_owned();
    std::fs::write(path.join("file"), "x").unwrap();
    drop(scratch);
    assert!(!path.exists());
}

/// Set for the run of this test program that is interrupted.
const INTERRUPTED: &str = "TERRACE_TEST_INTERRUPTED";

#[test]
fn an_interrupt_ends_programs_and_removes_directories() {
    if let Ok(file) = std::env::var(INTERRUPTED) {
        let scratch = Scratch::new("terrace-test-").unwrap();
        let script = format!(
            "echo {} > {file}.new; echo $$ >> {file}.new; mv {file}.new {file}; sleep 300",
            scratch.path().display()
        );
        shell(&script, None, &LIMITS).unwrap();
        panic!("it was not interrupted");
    }
    for (signal, number) in [("TERM", 15), ("INT", 2), ("KILL", 9)] {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("said");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "an_interrupt_ends_programs_and_removes_directories"])
            .env(INTERRUPTED, &file)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while !file.exists() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        let said = std::fs::read_to_string(&file).unwrap();
        let (scratch, pid) = said.trim().split_once('\n').unwrap();
        assert!(std::path::Path::new(scratch).is_dir() && runs(pid));
        assert!(
            Command::new("kill")
                .args(["-s", signal, &child.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
        let status = child.wait().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(number));
        assert!(ends(pid));
        // After a kill, another process tidies up, in its own time.
        let deadline = Instant::now() + Duration::from_secs(if signal == "KILL" { 20 } else { 0 });
        while std::path::Path::new(scratch).exists() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(!std::path::Path::new(scratch).exists());
    }
}

/// Set for the run of this test program that is killed with all that would tidy up after it.
const KILLED: &str = "TERRACE_TEST_KILLED";

#[test]
fn a_later_run_removes_what_nobody_could() {
    if let Ok(file) = std::env::var(KILLED) {
        let scratch = Scratch::new("terrace-test-").unwrap();
        let beside = Scratch::below(std::path::Path::new(&file).parent().unwrap(), ".terrace-test-").unwrap();
        let said = format!("{}\n{}", scratch.path().display(), beside.path().display());
        std::fs::write(format!("{file}.new"), said).unwrap();
        std::fs::rename(format!("{file}.new"), file).unwrap();
        std::thread::sleep(Duration::from_secs(300));
        panic!("it was not killed");
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("said");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_later_run_removes_what_nobody_could"])
        .env(KILLED, &file)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !file.exists() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    let said = std::fs::read_to_string(&file).unwrap();
    let left: Vec<&std::path::Path> = said.lines().map(std::path::Path::new).collect();
    // What a process holds is not touched.
    drop(Scratch::new("terrace-test-").unwrap());
    drop(Scratch::below(directory.path(), ".terrace-test-").unwrap());
    assert!(left.len() == 2 && left.iter().all(|path| path.is_dir()), "{said}");
    let shells = Command::new("ps")
        .args(["-o", "pid=", "--ppid", &child.id().to_string()])
        .output()
        .unwrap();
    let shells = String::from_utf8(shells.stdout).unwrap();
    assert_eq!(shells.split_whitespace().count(), 1, "{shells}");
    let mut kill = Command::new("kill");
    kill.args(["-s", "KILL"])
        .args(shells.split_whitespace())
        .arg(child.id().to_string());
    assert!(kill.status().unwrap().success());
    child.wait().unwrap();
    assert!(ends(&shells));
    assert!(left.iter().all(|path| path.is_dir()));
    std::fs::create_dir(directory.path().join(".terrace-test-mine")).unwrap();
    drop(Scratch::new("terrace-test-").unwrap());
    drop(Scratch::below(directory.path(), ".terrace-test-").unwrap());
    assert!(!left.iter().any(|path| path.exists()));
    assert!(directory.path().join(".terrace-test-mine").is_dir());
}

#[test]
fn waits_for_a_program_that_is_still_open_for_writing() {
    use std::os::unix::fs::OpenOptionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("program");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o755).open(&path).unwrap();
    std::io::Write::write_all(&mut file, b"#!/bin/sh\necho ran\n").unwrap();
    let writer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(40));
        drop(file);
    });
    let output = run(&mut Command::new(&path), None, &LIMITS).unwrap();
    assert_eq!(output.stdout, b"ran\n");
    writer.join().unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn nothing_outlives_a_program_that_runs_alone() {
    let pids = tempfile::NamedTempFile::new().unwrap();
    let script = format!(
        "setsid sleep 300 >/dev/null 2>&1 & echo $! > {}; sleep 0.2",
        pids.path().display()
    );
    let output = run_alone(Command::new("sh").args(["-c", &script]), None, &LIMITS).unwrap();
    assert!(output.status.success());
    let pid = std::fs::read_to_string(pids.path()).unwrap();
    assert!(!pid.trim().is_empty() && ends(&pid));
    // What another program of this process started is left alone.
    let mut other = Command::new("sleep").arg("300").spawn().unwrap();
    run_alone(Command::new("sh").args(["-c", "true"]), None, &LIMITS).unwrap();
    assert!(runs(&other.id().to_string()));
    other.kill().unwrap();
    other.wait().unwrap();
}
