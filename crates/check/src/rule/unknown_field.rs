//! ## What it does
//!
//! Finds fields that the kind does not have, in the versions of Kubernetes that are asked for.
//!
//! ## Why is this bad?
//!
//! The API server drops the field. A limit that is misspelt is no limit.
//!
//! ## Example
//!
//! ```yaml
//! resources:
//!   limit:
//!     memory: 2Gi
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! resources:
//!   limits:
//!     memory: 2Gi
//! ```

use resource::Severity;

use super::{Check, Control, Rule, SettingsType};

pub(super) const RULE: Rule = Rule {
    name: "unknown_field",
    severity: Some(Severity::Error),
    controls: &[Control::Soc2("CC8.1"), Control::Iso27001("A.8.9")],
    file: include_str!("unknown_field.rs"),
    settings: SettingsType::NONE,
    check: Check::Schemas,
};
