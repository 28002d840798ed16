//! ## What it does
//!
//! Finds grants in files and trees that cannot be made sense of: for an account or on a resource that no tree has, or that only
//! Google knows.
//!
//! ## Why is this bad?
//!
//! Nobody can say who has what. Config Connector waits for the missing object without end.
//!
//! ## Example
//!
//! ```yaml
//! kind: IAMPolicyMember
//! spec:
//!   memberFrom:
//!     serviceAccountRef: {name: trainr}   # there is no such IAMServiceAccount
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! kind: IAMPolicyMember
//! spec:
//!   memberFrom:
//!     serviceAccountRef: {name: trainer}
//! ```

use resource::{Finding, Severity};

use super::{Check, Control, Rule, SettingsType};
use crate::identities::Standing;

pub(super) const RULE: Rule = Rule {
    name: "unresolved_grant",
    severity: Some(Severity::Warning),
    controls: &[
        Control::Soc2("CC6.1"),
        Control::Soc2("CC6.3"),
        Control::Iso27001("A.5.15"),
        Control::Iso27001("A.5.18"),
    ],
    file: include_str!("unresolved_grant.rs"),
    settings: SettingsType::NONE,
    check: Check::Identities(check),
};

fn check(standing: &Standing<'_>, findings: &mut Vec<Finding>) {
    if standing.at != 0 {
        return;
    }
    for unresolved in &standing.landscape.state().unresolved {
        findings.push(
            RULE.at(unresolved.mark, unresolved.message.clone())
                .hint("name what is there, or give what says it in terrace.yaml under identity.iam"),
        );
    }
}
