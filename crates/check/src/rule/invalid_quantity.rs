//! ## What it does
//!
//! Finds amounts of memory, processors and storage that are none.
//!
//! ## Why is this bad?
//!
//! The API server refuses the object, at the end of a rollout that began well. JSON schemas let every text pass.
//!
//! ## Example
//!
//! ```yaml
//! limits:
//!   memory: 2gb
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! limits:
//!   memory: 2Gi
//! ```

use resource::Severity;

use super::{Check, Control, Rule, SettingsType};

pub(super) const RULE: Rule = Rule {
    name: "invalid_quantity",
    severity: Some(Severity::Error),
    controls: &[Control::Soc2("CC8.1"), Control::Iso27001("A.8.9")],
    file: include_str!("invalid_quantity.rs"),
    settings: SettingsType::NONE,
    check: Check::Schemas,
};
