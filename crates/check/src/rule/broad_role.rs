//! ## What it does
//!
//! Finds identities of workloads with a basic role (`roles/owner`, `roles/editor`, `roles/viewer`), an
//! administrator's role, or the right to act as every account of a project; and grants to everybody on the
//! internet in the environment's project.
//!
//! ## Why is this bad?
//!
//! What takes over one workload has the whole project. With `roles/iam.serviceAccountTokenCreator` or
//! `roles/iam.serviceAccountUser` on a project, it is every account in it.
//!
//! ## Example
//!
//! ```yaml
//! role: roles/editor
//! member: serviceAccount:trainer@acme.iam.gserviceaccount.com
//! resourceRef: {kind: Project, external: projects/acme}
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! role: roles/storage.objectViewer
//! member: serviceAccount:trainer@acme.iam.gserviceaccount.com
//! resourceRef: {kind: StorageBucket, external: acme-data}
//! ```

use identity::{breadth, is_public};
use resource::{Finding, Severity};

use super::{Check, Control, Rule, SettingsType};
use crate::identities::Standing;

pub(super) const RULE: Rule = Rule {
    name: "broad_role",
    severity: Some(Severity::Warning),
    controls: &[
        Control::Soc2("CC6.1"),
        Control::Soc2("CC6.3"),
        Control::Iso27001("A.5.15"),
        Control::Iso27001("A.5.16"),
        Control::Iso27001("A.5.18"),
        Control::Iso27001("A.8.2"),
    ],
    file: include_str!("broad_role.rs"),
    settings: SettingsType::NONE,
    check: Check::Identities(check),
};

fn check(standing: &Standing<'_>, findings: &mut Vec<Finding>) {
    if !standing.is_first() {
        return;
    }
    let members = standing.members();
    for (on, binding) in standing.landscape.state().bindings() {
        for member in &binding.members {
            let message = if is_public(member) && standing.is_in_project(on) {
                format!("{member}, anybody on the internet, has {} on {}", binding.role, on.short())
            } else if members.contains(member)
                && let Some(why) = breadth(&binding.role, on)
            {
                format!("{} has {} on {}: {why}", member.short(), binding.role, on.short())
            } else {
                continue;
            };
            findings.push(RULE.at(binding.mark, message).hint("grant the roles that are needed on the resources that are used"));
        }
    }
}
