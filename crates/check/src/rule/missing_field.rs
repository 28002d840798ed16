//! ## What it does
//!
//! Finds objects without a field that they must have.
//!
//! ## Why is this bad?
//!
//! The API server refuses the object.
//!
//! ## Example
//!
//! ```yaml
//! containers:
//! - image: europe-docker.pkg.dev/acme/ml/iris:1.4
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! containers:
//! - name: main
//!   image: europe-docker.pkg.dev/acme/ml/iris:1.4
//! ```

use resource::Severity;

use super::{Check, Control, Rule, SettingsType};

pub(super) const RULE: Rule = Rule {
    name: "missing_field",
    severity: Some(Severity::Error),
    controls: &[Control::Soc2("CC8.1"), Control::Iso27001("A.8.9")],
    file: include_str!("missing_field.rs"),
    settings: SettingsType::NONE,
    check: Check::Schemas,
};
