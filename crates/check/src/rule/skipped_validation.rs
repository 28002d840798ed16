//! ## What it does
//!
//! Names the rules in CEL (`x-kubernetes-validations`) of a definition that were not evaluated.
//!
//! ## Why is this bad?
//!
//! What was not looked at is not good for that reason: the API server may still refuse the object.
//!
//! ## Example
//!
//! ```yaml
//! x-kubernetes-validations:
//! - rule: self.max >= self.min
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! # Nothing is wrong with the rule. Try the object on a cluster: kubectl apply --dry-run=server
//! ```

use resource::Severity;

use super::{Check, Control, Rule, SettingsType};

pub(super) const RULE: Rule = Rule {
    name: "skipped_validation",
    severity: Some(Severity::Note),
    controls: &[Control::Soc2("CC8.1"), Control::Iso27001("A.8.9")],
    file: include_str!("skipped_validation.rs"),
    settings: SettingsType::NONE,
    check: Check::Schemas,
};
