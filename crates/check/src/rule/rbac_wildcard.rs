//! ## What it does
//!
//! Finds Roles and ClusterRoles whose rules say `*` for verbs, resources or groups.
//!
//! ## Why is this bad?
//!
//! What `*` grants grows with every custom resource that is installed, and nobody can say what an account
//! may do.
//!
//! ## Example
//!
//! ```yaml
//! rules:
//! - apiGroups: ["*"]
//!   resources: ["*"]
//!   verbs: ["*"]
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! rules:
//! - apiGroups: [batch]
//!   resources: [jobs]
//!   verbs: [get, list, create]
//! ```

use resource::{Finding, Severity};

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;

pub(super) const RULE: Rule = Rule {
    name: "rbac_wildcard",
    severity: Some(Severity::Error),
    controls: &[
        Control::Soc2("CC6.1"),
        Control::Soc2("CC6.3"),
        Control::Iso27001("A.5.15"),
        Control::Iso27001("A.5.18"),
        Control::Iso27001("A.8.2"),
    ],
    file: include_str!("rbac_wildcard.rs"),
    settings: SettingsType::NONE,
    check: Check::Target(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for (role, at, rule) in context.rbac_rules() {
        for field in ["verbs", "resources", "apiGroups", "nonResourceURLs"] {
            let items = rule.get(field).and_then(yaml::Node::as_seq);
            let Some(star) = items.into_iter().flatten().find(|item| item.as_str() == Some("*")) else {
                continue;
            };
            let message = format!("the {} grants all {field}", role.kind());
            findings.push(
                RULE.finding(role, format!("rules[{at}].{field}"), star.mark, message)
                    .hint("name those that are needed"),
            );
        }
    }
}
