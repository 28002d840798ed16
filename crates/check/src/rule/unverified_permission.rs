//! ## What it does
//!
//! Names what a workload needs and nobody can tell whether its identity has it: grants that are not given,
//! roles in no table, conditions on what is not known here.
//!
//! ## Why is this bad?
//!
//! What is not known is not safe. It is told, so that no silence is taken for a yes.
//!
//! ## Example
//!
//! ```yaml
//! # terrace.yaml: the policies of the project acme are not among these
//! spec:
//!   identity:
//!     iam: [iam/shared.json]
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! # gcloud asset search-all-iam-policies --scope=projects/acme --format=json > iam/acme.json
//! spec:
//!   identity:
//!     iam: [iam/shared.json, iam/acme.json]
//! ```

use identity::{Doubt, Member, NeedVerdict};
use resource::{Finding, Severity};

use super::{Check, Control, Rule, SettingsType};
use crate::identities::{NeedGroup, Standing};

pub(super) const RULE: Rule = Rule {
    name: "unverified_permission",
    severity: Some(Severity::Note),
    controls: &[
        Control::Soc2("CC6.1"),
        Control::Soc2("CC6.3"),
        Control::Iso27001("A.5.15"),
        Control::Iso27001("A.5.16"),
        Control::Iso27001("A.5.18"),
    ],
    file: include_str!("unverified_permission.rs"),
    settings: SettingsType::NONE,
    check: Check::Identities(check),
};

fn check(standing: &Standing<'_>, findings: &mut Vec<Finding>) {
    if !standing.knows_grants() {
        return;
    }
    for run in &standing.tree().runs {
        let Some(Doubt::Unknown(why)) = standing.landscape.identity(standing.at, &run.runs_as).doubt else {
            continue;
        };
        if let Some(need) = standing.first_need(run) {
            let who = run.object.kind_and_name();
            let message = format!("nobody can tell who {who} is on Google Cloud, which needs {}: {why}", need.permission);
            let hint = "give the providers of the pool in terrace.yaml, under identity.iam: gcloud iam \
                        workload-identity-pools providers list --format=json";
            findings.push(RULE.at(run.mark, message).on(run.object.clone(), run.field.clone()).hint(hint));
        }
    }
    let groups = standing.needs();
    let mut told: Vec<(&Member, &[String])> = Vec::new();
    for group in groups {
        let NeedVerdict::Unknown(reasons) = &group.needs[0].1 else {
            continue;
        };
        if told.contains(&(&group.member, reasons)) {
            continue;
        }
        told.push((&group.member, reasons));
        let is_same = |other: &&NeedGroup<'_>| {
            other.member == group.member && matches!(&other.needs[0].1, NeedVerdict::Unknown(of) if of == reasons)
        };
        let resources: Vec<String> = groups
            .iter()
            .filter(is_same)
            .map(|group| format!("{} on {}", group.permissions(), group.first().resource.short()))
            .collect();
        let message = format!(
            "nobody can tell whether {} has {}: {}",
            group.member.short(),
            resources.join(", "),
            reasons.join("; ")
        );
        findings.push(RULE.on_need(group.first(), message).hint(
            "give the policies and roles that are missing in terrace.yaml, under identity.iam",
        ));
    }
}
