//! ## What it does
//!
//! Finds values that are none of those the field can have.
//!
//! ## Why is this bad?
//!
//! The API server refuses the object, or a controller ignores the value.
//!
//! ## Example
//!
//! ```yaml
//! imagePullPolicy: always
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! imagePullPolicy: Always
//! ```

use resource::Severity;

use super::{Check, Control, Rule, SettingsType};

pub(super) const RULE: Rule = Rule {
    name: "unknown_enum_value",
    severity: Some(Severity::Error),
    controls: &[Control::Soc2("CC8.1"), Control::Iso27001("A.8.9")],
    file: include_str!("unknown_enum_value.rs"),
    settings: SettingsType::NONE,
    check: Check::Schemas,
};
