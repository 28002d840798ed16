//! ## What it does
//!
//! Finds keys and values of labels, selectors and node selectors, and keys of annotations, that Kubernetes does
//! not take.
//!
//! ## Why is this bad?
//!
//! The API server refuses the object.
//!
//! ## Example
//!
//! ```yaml
//! labels:
//!   team: research & development
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! labels:
//!   team: research-and-development
//! ```

use resource::Severity;

use super::{Check, Control, Rule, SettingsType};

pub(super) const RULE: Rule = Rule {
    name: "invalid_label",
    severity: Some(Severity::Error),
    controls: &[Control::Soc2("CC8.1"), Control::Iso27001("A.8.9")],
    file: include_str!("invalid_label.rs"),
    settings: SettingsType::NONE,
    check: Check::Schemas,
};
