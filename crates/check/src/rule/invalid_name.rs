//! ## What it does
//!
//! Finds names that objects of the kind cannot have, and names of containers, volumes and ports that are none.
//!
//! ## Why is this bad?
//!
//! The API server refuses the object.
//!
//! ## Example
//!
//! ```yaml
//! metadata:
//!   name: Iris_Server
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! metadata:
//!   name: iris-server
//! ```

use resource::Severity;

use super::{Check, Control, Rule, SettingsType};

pub(super) const RULE: Rule = Rule {
    name: "invalid_name",
    severity: Some(Severity::Error),
    controls: &[Control::Soc2("CC8.1"), Control::Iso27001("A.8.9")],
    file: include_str!("invalid_name.rs"),
    settings: SettingsType::NONE,
    check: Check::Schemas,
};
