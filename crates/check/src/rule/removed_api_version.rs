//! ## What it does
//!
//! Finds objects of an API version that Kubernetes no longer serves.
//!
//! With several `kubernetesVersions`, the finding names those that are without it: an upgrade is prepared.
//!
//! ## Why is this bad?
//!
//! The API server refuses the object.
//!
//! ## Example
//!
//! ```yaml
//! apiVersion: policy/v1beta1
//! kind: PodDisruptionBudget
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! apiVersion: policy/v1
//! kind: PodDisruptionBudget
//! ```

use resource::Severity;

use super::{Check, Control, Rule, SettingsType};

pub(super) const RULE: Rule = Rule {
    name: "removed_api_version",
    severity: Some(Severity::Error),
    controls: &[Control::Soc2("CC8.1"), Control::Iso27001("A.8.9")],
    file: include_str!("removed_api_version.rs"),
    settings: SettingsType::NONE,
    check: Check::Schemas,
};
