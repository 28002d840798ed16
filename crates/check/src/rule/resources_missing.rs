//! ## What it does
//!
//! Finds containers without requests for cpu and memory, or without a limit for memory; and GPUs that are
//! requested but not limited to the same number.
//!
//! ## Why is this bad?
//!
//! Without requests the scheduler places a pod where there is no room, and evicts it first when memory is
//! short. Without a limit for memory, one leak takes the node down. A GPU can only be had by a limit.
//!
//! ## Example
//!
//! ```yaml
//! containers:
//! - name: trainer
//!   resources:
//!     limits:
//!       memory: 4Gi
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! containers:
//! - name: trainer
//!   resources:
//!     requests:
//!       cpu: "2"
//!       memory: 4Gi
//!     limits:
//!       memory: 4Gi
//!       nvidia.com/gpu: 1
//! ```

use resource::{ContainerKind, Finding, Severity};
use schemars::JsonSchema;
use serde::Deserialize;
use yaml::Node;

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;

pub(super) const RULE: Rule = Rule {
    name: "resources_missing",
    severity: Some(Severity::Warning),
    controls: &[Control::Soc2("A1.1"), Control::Iso27001("A.8.6")],
    file: include_str!("resources_missing.rs"),
    settings: SettingsType::of::<Settings>(),
    check: Check::Target(check),
};

/// What the rule can be told.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Settings {
    /// Whether a limit for cpu is wanted too.
    cpu_limit: bool,
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let settings: Settings = context.setting(&RULE);
    for pod in context.pods() {
        for container in pod
            .containers()
            .filter(|container| container.kind != ContainerKind::Ephemeral)
        {
            let has = |list: &str, name: &str| container.node.get_path(["resources", list, name]).is_some();
            let mut missing = Vec::new();
            for name in ["cpu", "memory"] {
                // A limit alone is a request of the same size.
                if !has("requests", name) && !has("limits", name) {
                    missing.push(format!("requests.{name}"));
                }
            }
            if !has("limits", "memory") {
                missing.push("limits.memory".to_owned());
            }
            if settings.cpu_limit && !has("limits", "cpu") {
                missing.push("limits.cpu".to_owned());
            }
            let requested = container
                .node
                .get_path(["resources", "requests"])
                .and_then(Node::as_map);
            for entry in requested.into_iter().flatten() {
                let name = entry.key.as_str().unwrap_or_default();
                if name.ends_with("/gpu") && !has("limits", name) {
                    missing.push(format!("limits.{name}"));
                }
            }
            if missing.is_empty() {
                continue;
            }
            let message = format!("the container {} has no {}", container.name(), missing.join(", "));
            let mark = container.mark(["resources"]);
            findings.push(
                RULE.finding(pod.object, container.field("resources"), mark, message)
                    .hint("say under `resources` what it needs, and how much memory it may take"),
            );
        }
    }
}
