//! ## What it does
//!
//! Names the custom resources whose fields are not checked, because no schema of their kind is there.
//!
//! ## Why is this bad?
//!
//! A misspelt field passes unseen, and the controller ignores it.
//!
//! ## Example
//!
//! ```yaml
//! apiVersion: example.com/v1
//! kind: Widget
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! # terrace.yaml
//! spec:
//!   schemaLocations:
//!   - crds
//! ```

use resource::Severity;

use super::{Check, Control, Rule, SettingsType};

pub(crate) const RULE: Rule = Rule {
    name: "missing_schema",
    severity: Some(Severity::Warning),
    controls: &[Control::Soc2("CC8.1"), Control::Iso27001("A.8.9")],
    file: include_str!("missing_schema.rs"),
    settings: SettingsType::NONE,
    check: Check::Schemas,
};
