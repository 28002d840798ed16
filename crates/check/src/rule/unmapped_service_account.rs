//! ## What it does
//!
//! Finds pods that need something on Google Cloud and run as a service account that is nobody there: it is not
//! linked with a Google service account, and no grant is for itself.
//!
//! ## Why is this bad?
//!
//! The pod runs as its node, with the permissions of all pods of the node, or as nobody at all.
//!
//! ## Example
//!
//! ```yaml
//! kind: ServiceAccount
//! metadata:
//!   name: trainer
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! kind: ServiceAccount
//! metadata:
//!   name: trainer
//!   annotations:
//!     iam.gke.io/gcp-service-account: trainer@acme.iam.gserviceaccount.com
//! ```

use identity::{Run, RunsAs};
use resource::{Finding, Severity};

use super::{Check, Control, Rule, SettingsType};
use crate::identities::Standing;

pub(super) const RULE: Rule = Rule {
    name: "unmapped_service_account",
    severity: Some(Severity::Error),
    controls: &[
        Control::Soc2("CC6.1"),
        Control::Soc2("CC6.3"),
        Control::Iso27001("A.5.15"),
        Control::Iso27001("A.5.16"),
        Control::Iso27001("A.5.18"),
    ],
    file: include_str!("unmapped_service_account.rs"),
    settings: SettingsType::NONE,
    check: Check::Identities(check),
};

fn check(standing: &Standing<'_>, findings: &mut Vec<Finding>) {
    for run in unmapped(standing) {
        let RunsAs::Kubernetes { namespace, name } = &run.runs_as else {
            continue;
        };
        let needs = standing.tree().needs.iter().filter(|need| need.object == run.object && need.subject == run.runs_as);
        let Some(need) = needs.clone().next() else { continue };
        let more = match needs.count() {
            1 => String::new(),
            count => format!(", and {} more", count - 1),
        };
        let account = if name == "default" {
            format!("the default service account of {namespace}")
        } else {
            format!("the service account {namespace}/{name}")
        };
        let message = format!(
            "{account} is nobody on Google Cloud, and {} needs {} on {}{more}",
            run.object.kind_and_name(),
            need.permission,
            need.resource.short()
        );
        findings.push(
            RULE.at(run.mark, message)
                .on(run.object.clone(), run.field.clone())
                .related(need.mark, "this is what needs it")
                .hint(format!(
                    "annotate a ServiceAccount with {}, or grant the account itself what it needs",
                    identity::GOOGLE_ACCOUNT
                )),
        );
    }
}

/// What runs in the tree, needs something of Google Cloud, and is nobody there.
pub(super) fn unmapped<'a>(standing: &Standing<'a>) -> Vec<&'a Run> {
    if !standing.knows_grants() {
        return Vec::new();
    }
    let tree = standing.tree();
    let is_unmapped = |run: &&Run| {
        let identity = standing.landscape.identity(standing.at, &run.runs_as);
        let is_linked = identity.account.is_some_and(|account| account.google.is_some());
        let has_grants = identity.member.as_ref().is_none_or(|member| {
            let covering = standing.landscape.reasoner.identities(member, &[]);
            covering.iter().any(|member| standing.landscape.reasoner.has_grants(member))
        });
        let needs = || tree.needs.iter().any(|need| need.object == run.object && need.subject == run.runs_as);
        matches!(run.runs_as, RunsAs::Kubernetes { .. }) && !is_linked && !has_grants && needs()
    };
    tree.runs.iter().filter(is_unmapped).collect()
}
