//! ## What it does
//!
//! Finds objects of an API version that Kubernetes still serves, but has replaced.
//!
//! The hint names the version that takes its place, and the finding the version of Kubernetes that is without
//! it, where that is known.
//!
//! ## Why is this bad?
//!
//! The next upgrade of the cluster refuses the object. Until then the API server answers every use with a
//! warning that nobody reads.
//!
//! ## Example
//!
//! ```yaml
//! apiVersion: flowcontrol.apiserver.k8s.io/v1beta3
//! kind: FlowSchema
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! apiVersion: flowcontrol.apiserver.k8s.io/v1
//! kind: FlowSchema
//! ```

use resource::Severity;

use super::{Check, Control, Rule, SettingsType};

pub(super) const RULE: Rule = Rule {
    name: "deprecated_api_version",
    severity: Some(Severity::Warning),
    controls: &[Control::Soc2("CC8.1"), Control::Iso27001("A.8.9")],
    file: include_str!("deprecated_api_version.rs"),
    settings: SettingsType::NONE,
    check: Check::Schemas,
};
