//! ## What it does
//!
//! Finds names of objects that are nowhere: ConfigMaps, Secrets, service accounts and volume claims of pods, the
//! Secrets they pull images with, roles and subjects of bindings, Services of Ingresses and their ports, targets of autoscalers. And it finds
//! selectors of Services, PodDisruptionBudgets and NetworkPolicies that fit no pod, and named ports of Services
//! that no pod has.
//!
//! They are looked for in all targets of the same `cluster` of `terrace.yaml`, or of the same environment where
//! it names no cluster; also when only one of them is checked. Of a directory that `terrace.yaml` does not name,
//! or without one, that directory is all that is looked at, and the finding says so.
//!
//! What ExternalSecrets, SealedSecrets, Certificates and the like make counts as there, and so do objects that
//! every cluster has. References that say `optional` are passed over. Nothing is said of a namespace in which
//! the tree installs a chart or another tree (HelmRelease, Application), nor of the pods of a namespace with
//! custom resources whose operator may make pods.
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

use resource::Severity;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;
use crate::links::Wanted;
use crate::presence::{Need, Presence};
use crate::reference::references;

pub(crate) const RULE: Rule = Rule {
    name: "dangling_reference",
    severity: Some(Severity::Warning),
    controls: &[
        Control::Soc2("CC8.1"),
        Control::Soc2("A1.2"),
        Control::Iso27001("A.8.32"),
    ],
    file: include_str!("dangling_reference.rs"),
    settings: SettingsType::of::<Settings>(),
    check: Check::Cluster(check),
};

/// What the rule can be told.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Settings {
    /// Objects that are made outside of the tree, as KIND/NAME or KIND/*.
    outside: Vec<String>,
}

fn check(context: &Context<'_>, presence: &Presence, wanted: &mut Vec<Wanted>) {
    let Settings { outside } = context.setting(&RULE);
    let is_outside = |need: &Need| {
        let Need::Object { kind, name, .. } = need else {
            return false;
        };
        outside.iter().any(|pattern| {
            let (outside_kind, outside_name) = pattern.split_once('/').unwrap_or((pattern, "*"));
            outside_kind == *kind && (outside_name == "*" || outside_name == name)
        })
    };
    let found = references(context, presence).into_iter();
    wanted.extend(found.filter(|wanted| !wanted.needs.iter().any(is_outside)));
}
