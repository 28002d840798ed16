//! Programs that fill a directory: all of it is there, or nothing.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails as a test does")]

use std::path::Path;
use std::time::Duration;

use build::{Call, Program, ProgramError, Programs, Ran, Word};
use exec::{Executor, Limits, PluginHome};

fn run(script: &str, target: &Path, seconds: u64) -> Result<Ran, ProgramError> {
    let limits = Limits {
        time: Duration::from_secs(seconds),
        output: 1 << 20,
    };
    Executor::new("helm", limits, PluginHome::default()).run(&Call {
        program: Program::Path("sh".to_owned()),
        arguments: vec!["-c".into(), script.into(), "sh".into(), Word::Filled],
        variables: Vec::new(),
        directory: None,
        stdin: None,
        files: Vec::new(),
        scratch: "terrace-test-",
        fills: Some(target.to_owned()),
    })
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

const HALF: &str = "mkdir \"$1/chart\" && touch \"$1/chart/a\"";

#[test]
fn what_is_made_comes_as_a_whole() {
    let top = tempfile::tempdir().unwrap();
    let target = top.path().join("charts/chart-1.0");
    run(HALF, &target, 20).unwrap();
    assert_eq!(names(&target), ["chart"]);
    // What is there stays.
    run("mkdir \"$1/chart\" && touch \"$1/chart/b\" \"$1/other\"", &target, 20).unwrap();
    assert_eq!(names(&target.join("chart")), ["a"]);
    assert_eq!(names(&target).len(), 2);
}

#[test]
fn nothing_is_left_of_what_fails() {
    let top = tempfile::tempdir().unwrap();
    let target = top.path().join("chart-1.0");
    let ran = run(&format!("{HALF}; exit 1"), &target, 20).unwrap();
    assert_eq!(ran.failure.unwrap(), "exit code 1");
    assert!(names(top.path()).is_empty());
    run(&format!("{HALF}; sleep 300"), &target, 1).unwrap_err();
    assert!(names(top.path()).is_empty());
}
