//! ## What it does
//!
//! Finds pods that are given a token of their service account without saying that they want it.
//!
//! ## Why is this bad?
//!
//! Whoever breaks into the container can speak to the cluster as that account. Most workloads never do;
//! those that reach Google by workload identity do not need this token either.
//!
//! ## Example
//!
//! ```yaml
//! spec:
//!   serviceAccountName: trainer
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! spec:
//!   serviceAccountName: trainer
//!   automountServiceAccountToken: false
//! ```

use hashbrown::HashMap;
use resource::{Finding, Resource, Severity};
use yaml::Node;

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;

pub(super) const RULE: Rule = Rule {
    name: "token_automounted",
    severity: Some(Severity::Warning),
    controls: &[
        Control::Soc2("CC6.1"),
        Control::Iso27001("A.8.2"),
        Control::Iso27001("A.5.17"),
    ],
    file: include_str!("token_automounted.rs"),
    settings: SettingsType::NONE,
    check: Check::Target(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    const FIELD: &str = "automountServiceAccountToken";
    // The first of each name, as everywhere.
    let mut accounts: HashMap<(&str, &str), &Resource> = HashMap::new();
    for account in context.of_kind("", "ServiceAccount") {
        accounts
            .entry((context.namespace(account), account.name()))
            .or_insert(account);
    }
    for pod in context.pods() {
        // Who says true has thought about it; the agents of workflows and tasks report by the token.
        if pod.spec.get(FIELD).is_some() || matches!(&*pod.object.gvk().group, "argoproj.io" | "tekton.dev") {
            continue;
        }
        let name = pod
            .spec
            .get("serviceAccountName")
            .and_then(Node::as_str)
            .unwrap_or("default");
        let namespace = context.namespace(pod.object);
        let account = accounts.get(&(namespace, name));
        if account.is_some_and(|account| account.node.get(FIELD).is_some()) {
            continue;
        }
        let message = format!("the pod is given a token of the service account \"{name}\" without asking for it");
        findings.push(
            RULE.finding(pod.object, pod.field(FIELD), pod.mark([FIELD]), message)
                .hint("set automountServiceAccountToken to false, or to true if it calls the Kubernetes API"),
        );
    }
}
