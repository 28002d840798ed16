//! ## What it does
//!
//! Finds images from registries that are not allowed. Without `registries` in the platform file it finds
//! nothing.
//!
//! ## Why is this bad?
//!
//! An image from anywhere was scanned by nobody, and is gone when its owner removes it.
//!
//! ## Example
//!
//! ```yaml
//! image: docker.io/somebody/iris:1.4
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! image: europe-docker.pkg.dev/acme/ml/iris:1.4@sha256:0d5d…
//! ```
//!
//! In `terrace.yaml`:
//!
//! ```yaml
//! rules:
//!   image_from_other_registry: {registries: [europe-docker.pkg.dev/acme]}
//! ```

use resource::{Finding, Severity};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;

pub(super) const RULE: Rule = Rule {
    name: "image_from_other_registry",
    severity: Some(Severity::Error),
    controls: &[
        Control::Soc2("CC6.8"),
        Control::Soc2("CC9.2"),
        Control::Iso27001("A.5.21"),
        Control::Iso27001("A.8.19"),
    ],
    file: include_str!("image_from_other_registry.rs"),
    settings: SettingsType::of::<Settings>(),
    check: Check::Target(check),
};

/// What the rule can be told.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Settings {
    /// Registries, or paths in them, that are allowed: `europe-docker.pkg.dev/acme`.
    registries: Vec<String>,
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let Settings { registries } = context.setting(&RULE);
    if registries.is_empty() {
        return;
    }
    for pod in context.pods() {
        for container in pod.containers() {
            let Some(image) = container.image() else { continue };
            let name = image.full_name();
            let is_below = |registry: &String| {
                let rest = name.strip_prefix(registry.trim_end_matches('/'));
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            if registries.iter().any(is_below) {
                continue;
            }
            let message = format!("the image \"{}\" is from a registry that is not allowed", image.text);
            findings.push(
                RULE.finding(pod.object, container.field("image"), container.mark(["image"]), message)
                    .hint(format!("allowed are {}", registries.join(", "))),
            );
        }
    }
}
