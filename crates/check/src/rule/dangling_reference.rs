//! ## What it does
//!
//! Finds names of objects that the tree does not have: ConfigMaps, Secrets, service accounts and volume
//! claims of pods, roles and subjects of bindings, Services and ports of Ingresses, targets of autoscalers;
//! and Services that select no pod of the tree.
//!
//! What ExternalSecrets, SealedSecrets, Certificates and claims of StatefulSets make counts as there, and so
//! do objects that every cluster has. References that say `optional` are passed over.
//!
//! ## Why is this bad?
//!
//! A pod whose ConfigMap is not there waits for ever; a Service that selects nothing answers nobody. Both are
//! seen only after the delivery.
//!
//! ## Example
//!
//! ```yaml
//! serviceAccountName: trianer   # the ServiceAccount is named trainer
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! serviceAccountName: trainer
//! ```
//!
//! For what is made outside of the tree, in `terrace.yaml`:
//!
//! ```yaml
//! rules:
//!   dangling_reference: {outside: [Secret/registry-login, ConfigMap/ca-bundle]}
//! ```

use resource::{Finding, Severity};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Control, Rule, SettingsType};
use crate::context::Context;
use crate::reference::{Reference, There, references};

pub(super) const RULE: Rule = Rule {
    name: "dangling_reference",
    severity: Some(Severity::Warning),
    controls: &[Control::Soc2("CC8.1"), Control::Soc2("A1.2"), Control::Iso27001("A.8.32")],
    file: include_str!("dangling_reference.rs"),
    settings: SettingsType::of::<Settings>(),
    check,
};

/// What the rule can be told.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Settings {
    /// Objects that are made outside of the tree, as KIND/NAME or KIND/*.
    outside: Vec<String>,
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let Settings { outside } = context.setting(&RULE);
    let there = There::new(context);
    for reference in references(context) {
        let Reference {
            object,
            field,
            mark,
            kind,
            namespace,
            name,
        } = &reference;
        let is_outside = |pattern: &String| {
            let (outside_kind, outside_name) = pattern.split_once('/').unwrap_or((pattern, "*"));
            outside_kind == *kind && (outside_name == "*" || outside_name == name)
        };
        if there.has(kind, namespace, name) || outside.iter().any(is_outside) {
            continue;
        }
        let message = match namespace.as_str() {
            "" => format!("the tree has no {kind} \"{name}\""),
            namespace => format!("the tree has no {kind} \"{name}\" in the namespace {namespace}"),
        };
        let finding = RULE.finding(object, field.clone(), *mark, message);
        findings.push(match there.near(kind, namespace, name) {
            near if near.is_empty() => {
                finding.hint(format!("add it, or list {kind}/{name} under `outside` if it is made elsewhere"))
            }
            near => finding.hint(format!("there is {near}")),
        });
    }
    crate::reference::services_without_pods(context, |service, mark, message| {
        findings.push(
            RULE.finding(service, "spec.selector", mark, message)
                .hint("compare the selector with the labels of the pod template"),
        );
    });
}
