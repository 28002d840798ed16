//! `terrace report`: what a check says about the controls of standards, with its evidence.

use check::{Compliance, Standard};
use clap::{Args, ValueEnum};

use super::check::{Run, Scope, Selection};
use crate::exit::Exit;
use crate::output;
use crate::report::compliance::{self, Subject};

/// Report on the controls of SOC 2, ISO/IEC 27001 and the GDPR: rules that bear on them, and what was found.
///
/// Checks as `terrace check` does, and puts down for each control what its rules came to: passed, failed,
/// waived, or unchecked where a rule is off or something could not be built. The evidence is the number of
/// objects that were checked, the findings, and the waivers with their owner, reason and last day. The exit code is 0
/// whatever was found.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # A page for an auditor
  terrace report --commit \"$(git rev-parse HEAD)\" --time \"$(date -u +%FT%TZ)\" > report.html

  # One standard, for a program
  terrace report --standard iso27001 -o json
")]
pub(crate) struct ComplianceArgs {
    #[command(flatten)]
    selection: Selection,
    /// How to print the report.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Format,
    /// Report on this standard; on all, without it. May be repeated.
    #[arg(long, value_name = "STANDARD", value_enum)]
    standard: Vec<StandardArg>,
    /// The Git commit that is checked, to be named in the report.
    #[arg(long, value_name = "COMMIT")]
    commit: Option<String>,
    /// The time of the report, to be named in it.
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// One HTML page that needs nothing else and prints well.
    #[default]
    Html,
    /// One JSON document, for a program.
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StandardArg {
    /// The trust services criteria of SOC 2.
    Soc2,
    /// Annex A of ISO/IEC 27001:2022.
    Iso27001,
    /// The General Data Protection Regulation.
    Gdpr,
}

pub(crate) fn run(args: &ComplianceArgs) -> Exit {
    let mut standards: Vec<Standard> = args
        .standard
        .iter()
        .map(|standard| match standard {
            StandardArg::Soc2 => Standard::Soc2,
            StandardArg::Iso27001 => Standard::Iso27001,
            StandardArg::Gdpr => Standard::Gdpr,
        })
        .collect();
    standards.sort_unstable();
    standards.dedup();
    if standards.is_empty() {
        standards = Standard::ALL.to_vec();
    }
    args.selection.check(Scope::All, Run::Once, |report, sources| {
        let subject = Subject {
            report,
            sources,
            compliance: Compliance::new(report, &standards),
            commit: args.commit.as_deref(),
            time: args.time.as_deref(),
        };
        output::answer(&[match args.output {
            Format::Html => compliance::html(&subject).into_bytes(),
            Format::Json => compliance::json(&subject),
        }])?;
        Ok(Exit::Done)
    })
}
