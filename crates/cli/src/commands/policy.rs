//! `terrace policy`: tests of policies.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Instant;

use build::{OsFiles, Session};
use clap::{Args, Subcommand};
use policy::suite::{Outcome, Reader, SuiteResult};
use serde_json::json;
use yaml::{Mark, Sources};

use crate::args::{ReportArgs, working_directory};
use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::output;

/// Policies: run their tests.
#[derive(Args, Debug)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    Test(TestArgs),
}

/// Run Gatekeeper's test suites, as `gator verify` does.
///
/// Every file below the directories that holds a Suite of test.gatekeeper.sh is run. The exit code is 1 if
/// a case fails.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Every suite below the working directory
  terrace policy test

  # One directory, for programs
  terrace policy test policies/labels -o json
")]
struct TestArgs {
    /// Directories, or suite files; without one, the working directory.
    #[arg(value_name = "DIR")]
    paths: Vec<PathBuf>,
    /// How to print what became of the cases.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: TestFormat,
    #[command(flatten)]
    report: ReportArgs,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum TestFormat {
    /// For a person: suites, and the cases that failed.
    #[default]
    Text,
    /// One JSON document, for a program.
    Json,
    /// JUnit's XML, for CI.
    Junit,
}

pub(crate) fn run(args: &PolicyArgs) -> Exit {
    let PolicyCommand::Test(args) = &args.command;
    let files = OsFiles::new(working_directory());
    let session = Session::new(&files);
    match test(args, &session) {
        Ok(exit) => exit,
        Err(diagnostic) => {
            args.report.reporter().error(&diagnostic, session.sources());
            Exit::WrongInput
        }
    }
}

fn test(args: &TestArgs, session: &Session<'_>) -> Result<Exit, Box<Diagnostic>> {
    let reader = Reader {
        files: session.files(),
        sources: session.sources(),
    };
    let working = [PathBuf::from(".")];
    let paths = if args.paths.is_empty() {
        &working[..]
    } else {
        &args.paths
    };
    let mut results = Vec::new();
    for path in paths {
        let found = reader.find(path).map_err(|(message, mark)| {
            Box::new(Diagnostic {
                mark,
                ..Diagnostic::error(message)
            })
        })?;
        for (path, suite) in found {
            let start = Instant::now();
            let result = reader.run(&path, &suite);
            results.push((result, start.elapsed().as_secs_f64()));
        }
    }
    if results.is_empty() {
        let hint = "a suite is a YAML file of the kind Suite, apiVersion test.gatekeeper.sh/v1alpha1";
        return Err(Box::new(Diagnostic::error("there are no suites").hint(hint)));
    }
    let text = match args.output {
        TestFormat::Text => text(&results, session.sources()),
        TestFormat::Json => as_json(&results, session.sources()),
        TestFormat::Junit => junit(&results, session.sources()),
    };
    output::answer(&[text])?;
    let fails = results.iter().any(|(result, _)| result.fails());
    Ok(if fails { Exit::WrongInput } else { Exit::Done })
}

/// One thing that was tested: the test and the case, and what became of it. A test whose cases could not
/// be run is one itself.
fn outcomes(result: &SuiteResult) -> impl Iterator<Item = (&str, &str, &Outcome)> {
    result.tests.iter().flat_map(|test| {
        let own = test.cases.is_empty().then_some((&*test.name, "", &test.outcome));
        let cases = test.cases.iter().map(|case| (&*test.name, &*case.name, &case.outcome));
        own.into_iter().chain(cases)
    })
}

fn place(mark: Mark, sources: &Sources) -> String {
    sources.place(mark).map(|place| place.to_string()).unwrap_or_default()
}

fn text(results: &[(SuiteResult, f64)], sources: &Sources) -> String {
    let mut out = String::new();
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (result, _) in results {
        let word = match (result.is_skipped, result.fails()) {
            (true, _) => "skip",
            (false, true) => "FAIL",
            (false, false) => "ok  ",
        };
        let _ = writeln!(out, "{word} {}", result.file);
        for (test, case, outcome) in outcomes(result) {
            let name = if case.is_empty() {
                test.to_owned()
            } else {
                format!("{test} / {case}")
            };
            match outcome {
                Outcome::Passed => passed += 1,
                Outcome::Skipped => {
                    skipped += 1;
                    let _ = writeln!(out, "     skip {name}");
                }
                Outcome::Failed(message, mark) => {
                    failed += 1;
                    let _ = writeln!(out, "     FAIL {name}\n          {message}");
                    if mark.is_some() {
                        let _ = writeln!(out, "          {}", place(*mark, sources));
                    }
                }
            }
        }
    }
    let skipped = if skipped > 0 {
        format!(", {skipped} skipped")
    } else {
        String::new()
    };
    let _ = writeln!(
        out,
        "{passed} passed, {failed} failed{skipped} in {} suites",
        results.len()
    );
    out
}

fn as_json(results: &[(SuiteResult, f64)], sources: &Sources) -> String {
    let suites: Vec<serde_json::Value> = results
        .iter()
        .map(|(result, seconds)| {
            let cases: Vec<serde_json::Value> = outcomes(result)
                .map(|(test, case, outcome)| match outcome {
                    Outcome::Passed => json!({"test": test, "case": case, "outcome": "passed"}),
                    Outcome::Skipped => json!({"test": test, "case": case, "outcome": "skipped"}),
                    Outcome::Failed(message, mark) => json!({
                        "test": test, "case": case, "outcome": "failed",
                        "message": message, "place": place(*mark, sources),
                    }),
                })
                .collect();
            json!({"file": result.file, "skipped": result.is_skipped, "seconds": seconds, "cases": cases})
        })
        .collect();
    format!("{:#}\n", json!({"suites": suites}))
}

fn junit(results: &[(SuiteResult, f64)], sources: &Sources) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (result, seconds) in results {
        let count = |is: fn(&Outcome) -> bool| outcomes(result).filter(|(_, _, outcome)| is(outcome)).count();
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" time=\"{seconds:.3}\">",
            escape(&result.file),
            count(|_| true),
            count(|outcome| matches!(outcome, Outcome::Failed(..))),
            count(|outcome| matches!(outcome, Outcome::Skipped)),
        );
        for (test, case, outcome) in outcomes(result) {
            let name = if case.is_empty() { "constraint" } else { case };
            let _ = write!(
                out,
                "    <testcase classname=\"{}\" name=\"{}\"",
                escape(test),
                escape(name)
            );
            let _ = match outcome {
                Outcome::Passed => writeln!(out, "/>"),
                Outcome::Skipped => writeln!(out, "><skipped/></testcase>"),
                Outcome::Failed(message, mark) => writeln!(
                    out,
                    "><failure message=\"{}\">{}</failure></testcase>",
                    escape(message),
                    escape(&place(*mark, sources))
                ),
            };
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// For XML: the signs of its syntax escaped, what it cannot hold replaced.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(' '),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
