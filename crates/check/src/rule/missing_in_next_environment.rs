//! ## What it does
//!
//! Compares each environment of the platform file with the next one: finds objects that one has and the next
//! lacks, labels that an object has in one and not in the next, and components that one is built with and the
//! next is not. Objects are compared by kind and by the name they had before prefixes, suffixes and hashes;
//! targets by the words of their paths, such as model and cluster.
//!
//! ## Why is this bad?
//!
//! What staging has and production lacks was tried for nothing: the NetworkPolicy, the autoscaler, the label
//! that the alert goes by.
//!
//! ## Example
//!
//! ```yaml
//! # overlays/staging/kustomization.yaml
//! components: [../../components/monitoring]
//! # overlays/prod/kustomization.yaml has none
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! # overlays/prod/kustomization.yaml
//! components: [../../components/monitoring]
//! ```
//!
//! What is meant to differ is declared in `terrace.yaml`, for the environment that has more:
//!
//! ```yaml
//! rules:
//!   missing_in_next_environment: {allow: [Job/load-test, label/debug, component/components/debug]}
//! ```

use resource::Severity;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Control, Rule, SettingsType};

pub(crate) const RULE: Rule = Rule {
    name: "missing_in_next_environment",
    severity: Some(Severity::Note),
    controls: &[
        Control::Soc2("CC8.1"),
        Control::Iso27001("A.8.31"),
        Control::Iso27001("A.8.32"),
    ],
    file: include_str!("missing_in_next_environment.rs"),
    settings: SettingsType::of::<Settings>(),
    check: Check::Environments,
};

/// What the rule can be told.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// What may be missing: KIND/NAME, KIND/*, label/KEY or component/DIRECTORY.
    pub(crate) allow: Vec<String>,
}
