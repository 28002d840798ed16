//! ## What it does
//!
//! Finds values of the right type that are out of bounds: numbers that are too large, texts that have not the
//! format or the pattern of the field, lists that are too long, base64 that is none.
//!
//! ## Why is this bad?
//!
//! The API server refuses the object.
//!
//! ## Example
//!
//! ```yaml
//! spec:
//!   activeDeadlineSeconds: 99999999999
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! spec:
//!   activeDeadlineSeconds: 86400
//! ```

use resource::Severity;

use super::{Check, Control, Rule, SettingsType};

pub(super) const RULE: Rule = Rule {
    name: "invalid_value",
    severity: Some(Severity::Error),
    controls: &[Control::Soc2("CC8.1"), Control::Iso27001("A.8.9")],
    file: include_str!("invalid_value.rs"),
    settings: SettingsType::NONE,
    check: Check::Schemas,
};
