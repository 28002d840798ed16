//! The public library of Gatekeeper's policies: every suite of it, as `gator verify` runs them. It is read
//! from `../shared/conformance/gatekeeper-library`, or from the folder that `TERRACE_GATEKEEPER_LIBRARY`
//! names; without it nothing is run.
#![expect(clippy::disallowed_methods, reason = "the folder may be named by the environment")]
#![expect(clippy::print_stderr, reason = "it says how many agree")]

use std::path::PathBuf;
use std::sync::Arc;

use build::OsFiles;
use policy::suite::{Outcome, Reader};
use yaml::Sources;

#[test]
fn every_suite_passes() {
    let beside = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/conformance/gatekeeper-library"
    ));
    let folder = std::env::var_os("TERRACE_GATEKEEPER_LIBRARY").map_or(beside, PathBuf::from);
    if !folder.is_dir() {
        return;
    }
    let files = OsFiles::new(folder.clone());
    let sources = Arc::new(Sources::new());
    let reader = Reader {
        files: &files,
        sources: &sources,
    };
    let suites = reader.find(&folder).unwrap();
    let (mut passed, mut failed) = (0, Vec::new());
    for (path, suite) in &suites {
        let result = reader.run(path, suite);
        for test in &result.tests {
            let mut see = |name: &str, outcome: &Outcome| match outcome {
                Outcome::Passed => passed += 1,
                Outcome::Skipped => {}
                Outcome::Failed(message, _) => {
                    failed.push(format!("{} {} {name}: {message}", result.file, test.name));
                }
            };
            if test.cases.is_empty() {
                see("", &test.outcome);
            }
            for case in &test.cases {
                see(&case.name, &case.outcome);
            }
        }
    }
    eprintln!(
        "gatekeeper-library: {passed} cases of {} suites agree, {} differ",
        suites.len(),
        failed.len()
    );
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
