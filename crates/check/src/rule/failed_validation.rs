//! ## What it does
//!
//! Finds custom resources that break a rule in CEL (`x-kubernetes-validations`) of their definition.
//!
//! The message is that of the definition's author. Defaults are set before the rule is evaluated, as the API
//! server does. A rule about a change (`oldSelf`) cannot be evaluated: see `skipped_validation`.
//!
//! ## Why is this bad?
//!
//! The API server refuses the object.
//!
//! ## Example
//!
//! ```yaml
//! # The definition has the rule: self.minReplicas <= self.maxReplicas
//! minReplicas: 5
//! maxReplicas: 3
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! minReplicas: 3
//! maxReplicas: 5
//! ```

use resource::Severity;

use super::{Check, Control, Rule, SettingsType};

pub(super) const RULE: Rule = Rule {
    name: "failed_validation",
    severity: Some(Severity::Error),
    controls: &[Control::Soc2("CC8.1"), Control::Iso27001("A.8.9")],
    file: include_str!("failed_validation.rs"),
    settings: SettingsType::NONE,
    check: Check::Schemas,
};
