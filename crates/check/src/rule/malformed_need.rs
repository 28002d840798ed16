//! ## What it does
//!
//! Finds lines of the annotation `identity.terrace.dev/needs` that are no permission and resource, and
//! permissions that no known role has.
//!
//! ## Why is this bad?
//!
//! What is written wrong is not checked.
//!
//! ## Example
//!
//! ```yaml
//! metadata:
//!   annotations:
//!     identity.terrace.dev/needs: storage.object.get gs://acme-data
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! metadata:
//!   annotations:
//!     identity.terrace.dev/needs: storage.objects.get gs://acme-data
//! ```

use resource::{Finding, Severity};

use super::{Check, Control, Rule, SettingsType};
use crate::identities::Standing;

pub(super) const RULE: Rule = Rule {
    name: "malformed_need",
    severity: Some(Severity::Error),
    controls: &[
        Control::Soc2("CC6.3"),
        Control::Iso27001("A.5.18"),
    ],
    file: include_str!("malformed_need.rs"),
    settings: SettingsType::NONE,
    check: Check::Identities(check),
};

fn check(standing: &Standing<'_>, findings: &mut Vec<Finding>) {
    for malformed in &standing.tree().malformed {
        findings.push(
            RULE.at(malformed.mark, malformed.message.clone())
                .on(malformed.object.clone(), "metadata.annotations")
                .hint("each line is a permission and a resource: storage.objects.get gs://acme-data"),
        );
    }
}
