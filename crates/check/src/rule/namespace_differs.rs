//! ## What it does
//!
//! Finds objects in another namespace than the one that the platform file names for the environment.
//! Without one it finds nothing.
//!
//! ## Why is this bad?
//!
//! A namespace that is written into a base puts the objects of every environment into one place, where they
//! overwrite each other.
//!
//! ## Example
//!
//! ```yaml
//! # in a base
//! metadata:
//!   name: trainer
//!   namespace: ml
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! # in the overlay's kustomization.yaml
//! namespace: iris-prod
//! ```

use resource::{Finding, Severity};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;

pub(super) const RULE: Rule = Rule {
    name: "namespace_differs",
    severity: Some(Severity::Warning),
    controls: &[
        Control::Soc2("CC6.6"),
        Control::Soc2("CC8.1"),
        Control::Iso27001("A.8.31"),
    ],
    file: include_str!("namespace_differs.rs"),
    settings: SettingsType::of::<Settings>(),
    check: Check::Target(check),
};

/// What the rule can be told.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Settings {
    /// Other namespaces that objects may be in.
    allow: Vec<String>,
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let Settings { allow } = context.setting(&RULE);
    let Some(wanted) = &context.facts().namespace else {
        return;
    };
    for object in context.objects() {
        let namespace = object.namespace();
        let is_fine = namespace.is_empty()
            || object.is_cluster_scoped()
            || namespace == wanted
            || allow.iter().any(|allowed| allowed == namespace)
            // Told by foreign_environment.
            || context.facts().foreign_namespaces.iter().any(|(_, foreign)| foreign == namespace);
        if is_fine {
            continue;
        }
        let place = object.node.get_path(["metadata", "namespace"]).unwrap_or(&object.node);
        let message = format!("the object is in the namespace {namespace}, but the environment's is {wanted}");
        findings.push(
            RULE.finding(object, "metadata.namespace", place.mark, message)
                .hint("remove it and set `namespace` in the overlay, or allow it in terrace.yaml"),
        );
    }
}
