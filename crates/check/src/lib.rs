//! What was built to findings, each at the line of the user's files that caused it.
//!
//! In go the objects of a build and what the platform file says of their environment; out come findings,
//! and what is waived. Everything here is a function of its input: the day on which waivers are judged is
//! handed in.
//!
//! Rules are in `rule`, one a file; the header of the file is the rule's page.

mod catalogue;
mod compliance;
mod context;
mod evidence;
mod exports;
mod identities;
mod judge;
mod links;
mod locations;
mod parity;
mod pod_security;
mod presence;
mod reference;
mod report;
mod rule;
mod schemas;
mod secret;
mod settings;
mod text;
mod vex;

pub use catalogue::Standard;
pub use compliance::{Compliance, ControlOutcome, Outcome, RuleEvidence, StandardOutcome, TargetEvidence};
pub use context::{Context, Facts};
pub use evidence::{Evidence, Scan, Threat, Vulnerability};
pub use exports::{Export, own_schemas, schemas_named};
pub use identities::identities;
pub use judge::{Judged, State, judge};
pub use links::{Links, unmet};
pub use locations::{LocationError, Locations};
pub use parity::{Inventory, parity};
pub use pod_security::{Level as PodSecurityLevel, NEWEST as NEWEST_POD_SECURITY, Violation, violations};
pub use report::{Coverage, Entry, Report, TargetFindings};
pub use rule::{Control, RULES, Rule, rule};
pub use schemas::Schemas;
pub use secret::secret_values;
pub use settings::Settings;
pub use text::Text;

use build::parallel;
use resource::Finding;

use crate::rule::Check;

/// What one target came to.
#[derive(Debug)]
pub struct Checked {
    /// Rule by rule; a [`Report`] orders them by place.
    pub findings: Vec<Finding>,
    /// What [`unmet`] needs.
    pub links: Links,
}

/// A part of the work on one target.
enum Task {
    Links,
    /// Objects, by position, against their schemas.
    Schemas(std::ops::Range<usize>),
    Rule(&'static Rule),
}

enum Done {
    Links(Box<Links>),
    Findings(Vec<Finding>),
}

/// Objects that are held against their schemas at a time.
const AT_A_TIME: usize = 500;

/// The findings of the rules that are on and look at one target, made on up to `jobs` threads.
/// [`unmet`] and [`parity`] have those of the rules that look further.
pub fn check(context: &Context<'_>, schemas: &Schemas<'_>, jobs: usize) -> Checked {
    let objects = context.objects();
    let catalog = schemas.catalog(context);
    // What takes longest comes first.
    let mut tasks = vec![Task::Links];
    let starts = (0..objects.len()).step_by(AT_A_TIME);
    tasks.extend(starts.map(|start| Task::Schemas(start..(start + AT_A_TIME).min(objects.len()))));
    tasks.extend(RULES.iter().map(|rule| Task::Rule(rule)));
    let mut done = parallel::map(tasks.len(), jobs, |at| match &tasks[at] {
        Task::Links => Done::Links(Box::new(Links::new(context))),
        Task::Schemas(range) => Done::Findings(catalog.check_part(&objects[range.clone()])),
        Task::Rule(rule) => Done::Findings(findings_of(rule, context)),
    })
    .into_iter();
    let Some(Done::Links(links)) = done.next() else {
        unreachable!("the first task makes the links");
    };
    let of_schemas = tasks.iter().filter(|task| matches!(task, Task::Schemas(_))).count();
    let mut rest = done.map(|done| match done {
        Done::Findings(findings) => findings,
        Done::Links(_) => Vec::new(),
    });
    let against_schemas = schemas::judged(context, &catalog, rest.by_ref().take(of_schemas));
    let mut findings: Vec<Finding> = rest.flatten().collect();
    findings.extend(against_schemas);
    Checked {
        findings,
        links: *links,
    }
}

/// The findings of a rule that looks at one target, if it is on.
fn findings_of(rule: &Rule, context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let (Check::Target(check), Some(severity)) = (rule.check, context.settings().severity(rule)) {
        check(context, &mut findings);
        for finding in &mut findings {
            finding.severity = severity;
        }
    }
    findings
}
