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

use hashbrown::HashMap;
use identity::{Need, Run, RunsAs};
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
    let needs = needs_of(standing);
    for run in unmapped(standing) {
        let RunsAs::Kubernetes { namespace, name } = &run.runs_as else {
            continue;
        };
        let needs = needs.get(&run.runs_as).into_iter().flatten();
        let needs: Vec<&&Need> = needs.filter(|need| need.object == run.object).collect();
        let Some(need) = needs.first() else { continue };
        let more = match needs.len() {
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

fn needs_of<'a>(standing: &Standing<'a>) -> HashMap<&'a RunsAs, Vec<&'a Need>> {
    let mut needs: HashMap<&RunsAs, Vec<&Need>> = HashMap::new();
    for need in &standing.tree().needs {
        needs.entry(&need.subject).or_default().push(need);
    }
    needs
}

/// What runs in the tree, needs something of Google Cloud, and is nobody there.
pub(super) fn unmapped<'a>(standing: &Standing<'a>) -> Vec<&'a Run> {
    if !standing.knows_grants() {
        return Vec::new();
    }
    let needs = needs_of(standing);
    let reasoner = standing.landscape.reasoner;
    let is_unmapped = |run: &&Run| {
        let identity = standing.landscape.identity(standing.at, &run.runs_as);
        let is_linked = identity.account.is_some_and(|account| account.google.is_some());
        if is_linked || !matches!(run.runs_as, RunsAs::Kubernetes { .. }) || !needs.contains_key(&run.runs_as) {
            return false;
        }
        let Some(member) = &identity.member else { return false };
        !reasoner
            .identities(member, identity.attributes_of(member))
            .iter().any(|member| reasoner.has_grants(member))
    };
    standing.tree().runs.iter().filter(is_unmapped).collect()
}
