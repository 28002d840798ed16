//! ## What it does
//!
//! Finds namespaces of the tree without a NetworkPolicy that denies all traffic by default, without a
//! ResourceQuota, or without a LimitRange, in any target of the same cluster.
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

use resource::Severity;

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;
use crate::links::Wanted;
use crate::presence::{Guard, Need, Presence};

pub(super) const RULE: Rule = Rule {
    name: "namespace_unguarded",
    severity: Some(Severity::Warning),
    controls: &[
        Control::Soc2("CC6.6"),
        Control::Soc2("A1.1"),
        Control::Iso27001("A.8.22"),
        Control::Iso27001("A.8.6"),
    ],
    file: include_str!("namespace_unguarded.rs"),
    settings: SettingsType::NONE,
    check: Check::Cluster(check),
};

fn check(context: &Context<'_>, _: &Presence, wanted: &mut Vec<Wanted>) {
    for namespace in context.of_kind("", "Namespace") {
        let place = namespace.node.get_path(["metadata", "name"]).unwrap_or(&namespace.node);
        let needs = Guard::ALL.map(|guard| Need::Guard {
            namespace: namespace.name().to_owned(),
            guard,
        });
        wanted.push(Wanted {
            finding: RULE
                .finding(namespace, "metadata.name", place.mark, "")
                .hint("add them beside the Namespace; a component serves all environments"),
            holder: Some(format!("the namespace {}", namespace.name())),
            needs: needs.to_vec(),
        });
    }
}
