//! ## What it does
//!
//! Finds fields that stand twice in one mapping.
//!
//! ## Why is this bad?
//!
//! YAML forbids it; the programs that read it anyway take the last one without a word, and whoever reads the
//! first one is misled.
//!
//! ## Example
//!
//! ```yaml
//! limits:
//!   memory: 1Gi
//!   memory: 2Gi
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
    name: "duplicate_field",
    severity: Some(Severity::Error),
    controls: &[Control::Soc2("CC8.1"), Control::Iso27001("A.8.9")],
    file: include_str!("duplicate_field.rs"),
    settings: SettingsType::NONE,
    check: Check::Schemas,
};
