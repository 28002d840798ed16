//! `terrace identity drift`: what is declared beside what holds.

use std::fmt::Write as _;
use std::path::PathBuf;

use build::Session;
use clap::Args;
use identity::{AuditLog, Drift, DriftKind};
use serde::Serialize;
use yaml::Sources;

use super::ground::{Declared, GroundArgs};
use super::json;
use crate::args::working_directory;
use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::output::{self, AnswerFormat};
use crate::setup::Setup;
use crate::watch::{Parts, Watched};

/// Grants that are declared and missing, that hold and nobody declared, or whose condition differs.
///
/// Declared is what objects of Config Connector in the trees and files of Terraform say; what holds is what gcloud
/// printed (--iam, or identity.iam in terrace.yaml). Only resources for which something is declared are compared, and
/// grants of Google's own agents are left alone. The exit code is 1 where something differs.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  gcloud asset search-all-iam-policies --scope=projects/acme --format=json > iam.json

  # Against the objects of Config Connector in the environments of terrace.yaml
  terrace identity drift --iam iam.json

  # Against Terraform, with who made the difference and when
  terraform show -json > state.json
  gcloud logging read 'protoPayload.methodName:SetIamPolicy' --freshness=90d --format=json > log.json
  terrace identity drift --declared state.json --iam iam.json --audit-log log.json

  # Again whenever a file changes
  terrace identity drift --iam iam.json --watch
")]
pub(crate) struct DriftArgs {
    #[command(flatten)]
    pub(super) ground: GroundArgs,
    /// A file with what is declared, as terraform show -json prints it. May be repeated.
    #[arg(long, value_name = "FILE")]
    declared: Vec<String>,
    /// A file with entries of the audit log about policies. May be repeated.
    #[arg(long, value_name = "FILE")]
    audit_log: Vec<PathBuf>,
    /// How to print the differences.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: AnswerFormat,
    /// Compare again whenever a file changes that was read, and print what is new and what is gone, until interrupted.
    #[arg(long, conflicts_with = "output")]
    pub(super) watch: bool,
}

/// Compares again and again.
pub(super) fn watch(args: &DriftArgs) -> Exit {
    crate::watch::run(Parts::Entries, || {
        let setup = args.ground.setup.setup();
        let session = setup.session();
        let text = match found(args, &setup, &session) {
            Ok(found) => Some(text(&found, session.sources())),
            Err(diagnostic) => {
                setup.reporter.error(&diagnostic, session.sources());
                None
            }
        };
        let platform = PathBuf::from(platform::FILE_NAME);
        (text, Watched::of(session.sources(), &[platform]))
    })
}

pub(super) fn run(args: &DriftArgs, setup: &Setup, session: &Session<'_>) -> Result<Exit, Box<Diagnostic>> {
    let found = found(args, setup, session)?;
    let text = match args.output {
        AnswerFormat::Text => text(&found, session.sources()),
        AnswerFormat::Json => json::pretty(&records(&found, session.sources())),
    };
    output::answer(&[text])?;
    Ok(if found.is_empty() { Exit::Done } else { Exit::WrongInput })
}

/// What differs.
fn found(args: &DriftArgs, setup: &Setup, session: &Session<'_>) -> Result<Vec<Drift>, Box<Diagnostic>> {
    let Declared { declared, actual } = args.ground.declared(setup, session, &args.declared)?;
    let mut log = AuditLog::default();
    for path in &args.audit_log {
        let source = super::grants::read_source(session, &working_directory().join(path), yaml::Mark::NONE)?;
        log.read(&source).map_err(|error| {
            let message = format!("cannot read the audit log {}: {error}", path.display());
            Box::new(Diagnostic::error(message).hint("give what gcloud logging read --format=json prints"))
        })?;
    }
    if declared.policies.is_empty() {
        let hint = "name files of Terraform with --declared, or have objects of Config Connector in the trees";
        return Err(Box::new(Diagnostic::error("nothing is declared").hint(hint)));
    }
    Ok(identity::drift(&declared, &actual, &log))
}

fn text(found: &[Drift], sources: &Sources) -> String {
    let mut out = String::new();
    for drift in found {
        let word = match &drift.kind {
            DriftKind::Missing => "missing",
            DriftKind::Extra => "not declared",
            DriftKind::Condition { .. } => "another condition",
        };
        let (member, on) = (drift.member.short(), drift.on.short());
        // Writing to a text cannot fail.
        let _ = writeln!(out, "{word}: {} on {on} for {member}", drift.role);
        if let DriftKind::Condition { declared, actual } = &drift.kind {
            let none = "none";
            let _ = writeln!(out, "    declared: {}", declared.as_deref().unwrap_or(none));
            let _ = writeln!(out, "    holds:    {}", actual.as_deref().unwrap_or(none));
        }
        if let Some(place) = sources.place(drift.mark) {
            let _ = writeln!(out, "    at {place}");
        }
        if let Some(change) = &drift.since {
            let _ = writeln!(out, "    since {}, by {}", change.time, change.who);
        }
    }
    if found.is_empty() {
        out.push_str("what is declared holds, and nothing else\n");
    }
    out
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'d> {
    kind: &'static str,
    role: &'d str,
    member: String,
    resource: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    conditions: Option<Conditions<'d>>,
    place: Option<String>,
    since: Option<Since<'d>>,
}

#[derive(Serialize)]
struct Conditions<'d> {
    declared: Option<&'d str>,
    actual: Option<&'d str>,
}

#[derive(Serialize)]
struct Since<'d> {
    time: &'d str,
    by: &'d str,
}

fn records<'d>(found: &'d [Drift], sources: &Sources) -> Vec<Record<'d>> {
    let record = |drift: &'d Drift| Record {
        kind: match drift.kind {
            DriftKind::Missing => "missing",
            DriftKind::Extra => "extra",
            DriftKind::Condition { .. } => "condition",
        },
        role: &drift.role,
        member: drift.member.to_string(),
        resource: drift.on.as_str(),
        conditions: match &drift.kind {
            DriftKind::Condition { declared, actual } => Some(Conditions {
                declared: declared.as_deref(),
                actual: actual.as_deref(),
            }),
            _ => None,
        },
        place: sources.place(drift.mark).map(|place| place.to_string()),
        since: drift.since.as_ref().map(|change| Since {
            time: &change.time,
            by: &change.who,
        }),
    };
    found.iter().map(record).collect()
}
