//! ## What it does
//!
//! Finds roles that identities of workloads have, none of whose permissions anything in the trees needs.
//!
//! ## Why is this bad?
//!
//! What is not needed is not missed when it is misused.
//!
//! ## Example
//!
//! ```yaml
//! # nothing in the tree names a dataset
//! role: roles/bigquery.dataViewer
//! member: serviceAccount:trainer@acme.iam.gserviceaccount.com
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! # without it; or the workload says what it needs
//! metadata:
//!   annotations:
//!     identity.terrace.dev/needs: bigquery.tables.getData projects/acme
//! ```

use hashbrown::HashMap;
use identity::{IMPERSONATION, Member, Permits, is_service_agent};
use resource::{Finding, Severity};

use super::{Check, Control, Rule, SettingsType};
use crate::identities::Standing;

pub(super) const RULE: Rule = Rule {
    name: "unneeded_role",
    severity: Some(Severity::Note),
    controls: &[
        Control::Soc2("CC6.1"),
        Control::Soc2("CC6.3"),
        Control::Iso27001("A.5.15"),
        Control::Iso27001("A.5.16"),
        Control::Iso27001("A.5.18"),
    ],
    file: include_str!("unneeded_role.rs"),
    settings: SettingsType::NONE,
    check: Check::Identities(check),
};

fn check(standing: &Standing<'_>, findings: &mut Vec<Finding>) {
    if !standing.is_first() || !standing.is_whole_environment() || !standing.knows_grants() {
        return;
    }
    let mut needed: HashMap<Member, Vec<(&str, Vec<identity::ResourceName>)>> = HashMap::new();
    for (at, tree) in standing.landscape.trees.iter().enumerate() {
        for need in &tree.needs {
            if let Some(member) = standing.landscape.identity(at, &need.subject).member {
                let lineage = standing.landscape.reasoner.lineage(&need.resource);
                needed.entry(member).or_default().push((need.permission, lineage));
            }
        }
    }
    let members = standing.members();
    let reasoner = standing.landscape.reasoner;
    for (on, binding) in standing.landscape.state().bindings() {
        // Being an account is a link, which is judged as such.
        if reasoner.permits(&binding.role, IMPERSONATION) == Permits::Yes {
            continue;
        }
        for member in binding.members.iter().filter(|member| members.contains(*member)) {
            if matches!(member, Member::ServiceAccount(email) if is_service_agent(email)) {
                continue;
            }
            let is_used = needed.get(member).is_some_and(|needs| {
                let mut needs = needs.iter();
                needs.any(|(permission, lineage)| {
                    lineage.contains(on) && reasoner.permits(&binding.role, permission) != Permits::No
                })
            });
            if !is_used {
                let message = format!(
                    "{} has {} on {}, and nothing in the trees needs it",
                    member.short(),
                    binding.role,
                    on.short()
                );
                findings.push(RULE.at(binding.mark, message).hint(
                    "take it back, or say what needs it in the annotation identity.terrace.dev/needs",
                ));
            }
        }
    }
}
