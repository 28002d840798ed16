//! ## What it does
//!
//! Finds grants that lead to every other: the verbs `escalate`, `bind` and `impersonate`, tokens of service
//! accounts, commands in other pods, secrets of the whole cluster, and bindings to `cluster-admin`.
//!
//! ## Why is this bad?
//!
//! Who may bind roles or speak as others has all of their permissions, whatever the other rules say.
//!
//! ## Example
//!
//! ```yaml
//! roleRef:
//!   kind: ClusterRole
//!   name: cluster-admin
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! roleRef:
//!   kind: Role
//!   name: trainer
//! ```

use resource::{Finding, Severity};
use yaml::Node;

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;

pub(super) const RULE: Rule = Rule {
    name: "rbac_escalation",
    severity: Some(Severity::Error),
    controls: &[
        Control::Soc2("CC6.1"),
        Control::Soc2("CC6.3"),
        Control::Iso27001("A.5.15"),
        Control::Iso27001("A.5.18"),
        Control::Iso27001("A.8.2"),
    ],
    file: include_str!("rbac_escalation.rs"),
    settings: SettingsType::NONE,
    check: Check::Target(check),
};

/// Resources and the verbs on them that give what the account does not have.
const RESOURCES: [(&str, &[&str], &str); 4] = [
    ("serviceaccounts/token", &["create"], "make tokens of service accounts"),
    ("pods/exec", &["create", "get"], "run commands in pods"),
    ("pods/attach", &["create", "get"], "attach to pods"),
    ("nodes/proxy", &["get", "create"], "reach every pod of a node"),
];

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for (role, at, rule) in context.rbac_rules() {
        let items = |field: &str| rule.get(field).and_then(Node::as_seq).into_iter().flatten();
        for verb in items("verbs") {
            if let Some(word @ ("escalate" | "bind" | "impersonate")) = verb.as_str() {
                let message = format!("the {} may {word}", role.kind());
                findings.push(
                    RULE.finding(role, format!("rules[{at}].verbs"), verb.mark, message)
                        .hint("it has every permission then; grant what is needed instead"),
                );
            }
        }
        for resource in items("resources") {
            let text = resource.as_str().unwrap_or_default();
            let known = RESOURCES.iter().find(|(known, verbs, _)| {
                *known == text && items("verbs").any(|verb| verb.as_str().is_some_and(|verb| verbs.contains(&verb)))
            });
            let reads_secrets = text == "secrets"
                && role.kind() == "ClusterRole"
                && rule.get("resourceNames").is_none()
                && items("verbs").any(|verb| matches!(verb.as_str(), Some("get" | "list" | "watch")));
            let what = match known {
                Some((_, _, what)) => what,
                None if reads_secrets => "read the secrets of every namespace",
                None => continue,
            };
            let message = format!("the {} may {what}", role.kind());
            findings.push(
                RULE.finding(role, format!("rules[{at}].resources"), resource.mark, message)
                    .hint("remove it, or narrow it to the names that are needed"),
            );
        }
    }
    for kind in ["ClusterRoleBinding", "RoleBinding"] {
        for binding in context.of_kind("rbac.authorization.k8s.io", kind) {
            let name = binding.node.get_path(["roleRef", "name"]);
            if let Some(name) = name.filter(|name| name.as_str() == Some("cluster-admin")) {
                findings.push(
                    RULE.finding(
                        binding,
                        "roleRef.name",
                        name.mark,
                        "the binding makes its subjects cluster-admin",
                    )
                    .hint("bind a role with what is needed"),
                );
            }
        }
    }
}
