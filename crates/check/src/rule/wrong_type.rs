//! ## What it does
//!
//! Finds values of another type than the field has: numbers where a text is wanted, texts where a number is
//! wanted, a mapping in the place of a list.
//!
//! ## Why is this bad?
//!
//! The API server refuses the object.
//!
//! ## Example
//!
//! ```yaml
//! env:
//! - name: THREADS
//!   value: 4
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! env:
//! - name: THREADS
//!   value: "4"
//! ```

use resource::Severity;

use super::{Check, Control, Rule, SettingsType};

pub(super) const RULE: Rule = Rule {
    name: "wrong_type",
    severity: Some(Severity::Error),
    controls: &[Control::Soc2("CC8.1"), Control::Iso27001("A.8.9")],
    file: include_str!("wrong_type.rs"),
    settings: SettingsType::NONE,
    check: Check::Schemas,
};
