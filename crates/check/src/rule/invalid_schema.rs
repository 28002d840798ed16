//! ## What it does
//!
//! Finds definitions of custom resources, and schemas in files, that cannot be used: without a schema, with a
//! reference that leads nowhere or back to itself, with a pattern that is none.
//!
//! ## Why is this bad?
//!
//! Nothing of its kind can be checked, and the API server refuses the definition.
//!
//! ## Example
//!
//! ```yaml
//! versions:
//! - name: v1
//!   served: true
//!   storage: true
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! versions:
//! - name: v1
//!   served: true
//!   storage: true
//!   schema:
//!     openAPIV3Schema: {type: object, properties: {spec: {type: object}}}
//! ```

use resource::Severity;

use super::{Check, Control, Rule, SettingsType};

pub(super) const RULE: Rule = Rule {
    name: "invalid_schema",
    severity: Some(Severity::Error),
    controls: &[Control::Soc2("CC8.1"), Control::Iso27001("A.8.9")],
    file: include_str!("invalid_schema.rs"),
    settings: SettingsType::NONE,
    check: Check::Schemas,
};
