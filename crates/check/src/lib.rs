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
mod plaintext;
mod pod_security;
mod presence;
mod reference;
mod report;
mod rule;
mod schemas;
mod secret;
mod settings;
mod text;

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

use resource::Finding;

use crate::rule::Check;

/// The findings of the rules that are on and look at one target, rule by rule; a [`Report`] orders them by place.
/// [`unmet`] and [`parity`] have those of the rules that look further.
pub fn check(context: &Context<'_>, schemas: &Schemas<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in RULES {
        let (Check::Target(check), Some(severity)) = (rule.check, context.settings().severity(rule)) else {
            continue;
        };
        let before = findings.len();
        check(context, &mut findings);
        for finding in &mut findings[before..] {
            finding.severity = severity;
        }
    }
    findings.extend(schemas.check(context));
    findings
}
