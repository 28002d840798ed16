//! ## What it does
//!
//! Finds pods that run as the service account `default`, and bindings of roles to it.
//!
//! ## Why is this bad?
//!
//! Every pod of the namespace that names no account shares it, so nothing can be granted to one workload
//! alone, and what it may do is more than any of them needs.
//!
//! ## Example
//!
//! ```yaml
//! spec:
//!   containers:
//!   - name: trainer
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! spec:
//!   serviceAccountName: trainer
//!   containers:
//!   - name: trainer
//! ```

use resource::{Finding, Resource, Severity};
use yaml::Node;

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;

pub(super) const RULE: Rule = Rule {
    name: "default_service_account",
    severity: Some(Severity::Warning),
    controls: &[
        Control::Soc2("CC6.1"),
        Control::Soc2("CC6.3"),
        Control::Iso27001("A.5.15"),
        Control::Iso27001("A.8.2"),
    ],
    file: include_str!("default_service_account.rs"),
    settings: SettingsType::NONE,
    check: Check::Target(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for pod in context.pods() {
        let said = ["serviceAccountName", "serviceAccount"].into_iter().find(|field| {
            let name = pod.spec.get(field).and_then(Node::as_str);
            name.is_some_and(|name| !name.is_empty())
        });
        let field = said.unwrap_or("serviceAccountName");
        let name = said.and_then(|field| pod.spec.get(field)).and_then(Node::as_str);
        let message = match name {
            None => "the pod names no service account, so it runs as \"default\"",
            Some("default") => "the pod runs as the service account \"default\"",
            Some(_) => continue,
        };
        findings.push(
            RULE.finding(pod.object, pod.field(field), pod.mark([field]), message)
                .hint("make a ServiceAccount for this workload and name it in serviceAccountName"),
        );
    }
    for binding in ["RoleBinding", "ClusterRoleBinding"] {
        for object in context.of_kind("rbac.authorization.k8s.io", binding) {
            in_subjects(object, findings);
        }
    }
}

/// What a binding gives to the account of whatever names none.
fn in_subjects(binding: &Resource, findings: &mut Vec<Finding>) {
    let subjects = binding.node.get("subjects").and_then(Node::as_seq).into_iter().flatten();
    for (position, subject) in subjects.enumerate() {
        let text = |field| subject.get(field).and_then(Node::as_str).unwrap_or_default();
        if text("kind") != "ServiceAccount" || text("name") != "default" {
            continue;
        }
        let namespace = match text("namespace") {
            "" => binding.namespace(),
            namespace => namespace,
        };
        let role = binding.node.get_path(["roleRef", "name"]).and_then(Node::as_str).unwrap_or_default();
        let message = format!("{role:?} is given to every pod of the namespace {namespace} that names no service account");
        let place = subject.get("name").unwrap_or(subject);
        findings.push(
            RULE.finding(binding, format!("subjects[{position}].name"), place.mark, message)
                .hint("make a ServiceAccount for the workload that needs it, and bind the role to that one"),
        );
    }
}
