//! ## What it does
//!
//! Finds grants that nobody has: for principals that were deleted or are written in no known form, under a
//! condition that is malformed or whose time is over; and policies with more principals than IAM takes.
//!
//! ## Why is this bad?
//!
//! A deleted account that is made again under its name does not get the grant back, whatever the list says. A
//! condition that cannot be evaluated gives nothing.
//!
//! ## Example
//!
//! ```yaml
//! members:
//! - deleted:serviceAccount:trainer@acme.iam.gserviceaccount.com?uid=104632
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! members:
//! - serviceAccount:trainer@acme.iam.gserviceaccount.com
//! ```

use hashbrown::HashMap;
use identity::{Member, ResourceName};
use resource::{Finding, Severity};

use super::{Check, Control, Rule, SettingsType};
use crate::identities::Standing;

pub(super) const RULE: Rule = Rule {
    name: "dead_grant",
    severity: Some(Severity::Warning),
    controls: &[
        Control::Soc2("CC6.1"),
        Control::Soc2("CC6.3"),
        Control::Iso27001("A.5.15"),
        Control::Iso27001("A.5.16"),
        Control::Iso27001("A.5.18"),
    ],
    file: include_str!("dead_grant.rs"),
    settings: SettingsType::NONE,
    check: Check::Identities(check),
};

/// How many principals one policy takes (<https://cloud.google.com/iam/quotas>).
const MAX_PRINCIPALS: usize = 1_500;

fn check(standing: &Standing<'_>, findings: &mut Vec<Finding>) {
    if standing.at != 0 {
        return;
    }
    let mut principals: HashMap<&ResourceName, usize> = HashMap::new();
    for (on, binding) in standing.landscape.state().bindings() {
        let before = principals.entry(on).or_default();
        let is_within = *before <= MAX_PRINCIPALS;
        *before += binding.members.len();
        if is_within && *before > MAX_PRINCIPALS {
            let message = format!("the policy of {} has more than {MAX_PRINCIPALS} principals, and IAM takes no more", on.short());
            findings.push(RULE.at(binding.mark, message).hint("grant the role to a group"));
        }
        for member in &binding.members {
            let message = match member {
                Member::Deleted(name) => {
                    let name = name.split("?uid=").next().unwrap_or(name);
                    format!("{name} was deleted, and still has {} on {}", binding.role, on.short())
                }
                Member::Unknown(text) => format!("\"{text}\" is no principal, and has {} on {}", binding.role, on.short()),
                _ => continue,
            };
            findings.push(RULE.at(binding.mark, message).hint("take the grant back, or grant it to who is meant"));
        }
        let Some(condition) = &binding.condition else { continue };
        if let Some(error) = condition.syntax_error() {
            let message = format!("the condition of {} on {} is malformed: {error}", binding.role, on.short());
            findings.push(RULE.at(binding.mark, message).hint("a condition is CEL over resource and request"));
        } else if standing.landscape.time.is_some_and(|time| condition.is_over(time)) {
            let message = format!("the time of {} on {} is over: {}", binding.role, on.short(), condition.expression);
            findings.push(RULE.at(binding.mark, message).hint("take the grant back, or give it more time"));
        }
    }
}
