//! ## What it does
//!
//! Finds objects of a kind that Kubernetes does not have.
//!
//! ## Why is this bad?
//!
//! The API server refuses the object.
//!
//! ## Example
//!
//! ```yaml
//! apiVersion: v1
//! kind: Deployment
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! apiVersion: apps/v1
//! kind: Deployment
//! ```

use resource::Severity;

use super::{Check, Control, Rule, SettingsType};

pub(super) const RULE: Rule = Rule {
    name: "unknown_kind",
    severity: Some(Severity::Error),
    controls: &[Control::Soc2("CC8.1"), Control::Iso27001("A.8.9")],
    file: include_str!("unknown_kind.rs"),
    settings: SettingsType::NONE,
    check: Check::Schemas,
};
