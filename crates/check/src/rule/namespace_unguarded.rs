//! ## What it does
//!
//! Finds namespaces of the tree without a NetworkPolicy that denies all traffic by default, without a
//! ResourceQuota, or without a LimitRange.
//!
//! ## Why is this bad?
//!
//! Without a default every pod of the cluster can reach every pod here. Without a quota one workload takes
//! what the others need; without limits by default a container that says nothing takes a node.
//!
//! ## Example
//!
//! ```yaml
//! kind: Namespace
//! metadata:
//!   name: iris-prod
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! kind: NetworkPolicy
//! metadata:
//!   name: default-deny
//!   namespace: iris-prod
//! spec:
//!   podSelector: {}
//!   policyTypes: [Ingress, Egress]
//! ```

use resource::{Finding, Severity};
use resource::Resource;
use yaml::Node;

use super::{Control, Rule, SettingsType};
use crate::context::Context;

pub(super) const RULE: Rule = Rule { name: "namespace_unguarded", severity: Some(Severity::Warning), controls: &[Control::Soc2("CC6.6"), Control::Soc2("A1.1"), Control::Iso27001("A.8.22"), Control::Iso27001("A.8.6")], file: include_str!("namespace_unguarded.rs"), settings: SettingsType::NONE, check };

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for namespace in context.of_kind("", "Namespace") {
        let name = namespace.name();
        let is_inside = |object: &Resource| context.namespace(object) == name;
        let mut missing = Vec::new();
        let mut policies = context.of_kind("networking.k8s.io", "NetworkPolicy");
        if !policies.any(|policy| is_inside(policy) && denies_by_default(policy)) {
            missing.push("NetworkPolicy that denies by default");
        }
        for kind in ["ResourceQuota", "LimitRange"] {
            if !context.of_kind("", kind).any(&is_inside) {
                missing.push(kind);
            }
        }
        if missing.is_empty() {
            continue;
        }
        let place = namespace.node.get_path(["metadata", "name"]).unwrap_or(&namespace.node);
        let message = format!("the namespace {name} has no {}", missing.join(", no "));
        findings.push(
            RULE.finding(namespace, "metadata.name", place.mark, message)
                .hint("add them beside the Namespace; a component serves all environments"),
        );
    }
}

/// It selects every pod, and lets nothing in.
fn denies_by_default(policy: &Resource) -> bool {
    let Some(spec) = policy.node.get("spec") else { return false };
    let selects_all = spec.get("podSelector").is_some_and(|selector| {
        let is_empty = |field| selector.get(field).is_none_or(Node::is_null_or_empty);
        is_empty("matchLabels") && is_empty("matchExpressions")
    });
    let types = spec.get("policyTypes").and_then(Node::as_seq);
    let has_ingress = types.is_none_or(|types| types.iter().any(|kind| kind.as_str() == Some("Ingress")));
    let lets_in = spec.get("ingress").and_then(Node::as_seq).is_some_and(|rules| !rules.is_empty());
    selects_all && has_ingress && !lets_in
}
