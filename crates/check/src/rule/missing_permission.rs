//! ## What it does
//!
//! Finds what a workload needs on Google Cloud and its identity does not have: launching a job and acting as
//! its account, reading and writing the buckets that it names, writing logs, fetching images and secrets.
//!
//! What is needed comes from the object itself: the kind of a job, its `serviceAccount`, `gs://` in arguments,
//! variables and fields, mounted buckets, `secretKeyRef`s of External Secrets, images of other projects, keys
//! of `encryptionSpec`. What no field says stands in the annotation `identity.terrace.dev/needs`: a permission
//! and a resource on each line.
//!
//! ## Why is this bad?
//!
//! The job is launched, waits for a machine, and ends with 403 after half an hour; or it trains all night and
//! cannot write the model.
//!
//! ## Example
//!
//! ```yaml
//! kind: CustomJob
//! spec:
//!   template:
//!     jobSpec:
//!       serviceAccount: trainer@acme.iam.gserviceaccount.com
//!       baseOutputDirectory: {outputUriPrefix: gs://acme-models/iris}   # trainer may not write there
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! kind: IAMPolicyMember
//! spec:
//!   member: serviceAccount:trainer@acme.iam.gserviceaccount.com
//!   role: roles/storage.objectCreator
//!   resourceRef: {kind: StorageBucket, external: acme-models}
//! ```

use identity::{NearMiss, NeedVerdict};
use resource::{Finding, Severity};

use super::{Check, Control, Rule, SettingsType};
use crate::identities::{NeedGroup, Standing};

pub(super) const RULE: Rule = Rule {
    name: "missing_permission",
    severity: Some(Severity::Error),
    controls: &[
        Control::Soc2("CC6.1"),
        Control::Soc2("CC6.3"),
        Control::Iso27001("A.5.15"),
        Control::Iso27001("A.5.16"),
        Control::Iso27001("A.5.18"),
    ],
    file: include_str!("missing_permission.rs"),
    settings: SettingsType::NONE,
    check: Check::Identities(check),
};

fn check(standing: &Standing<'_>, findings: &mut Vec<Finding>) {
    if !standing.knows_grants() {
        return;
    }
    let unmapped = super::unmapped_service_account::unmapped(standing);
    for group in standing.needs() {
        let need = group.first();
        if unmapped.iter().any(|run| run.runs_as == need.subject) {
            continue;
        }
        let finding = match &group.needs[0].1 {
            NeedVerdict::Missing { .. } => missing(&group),
            NeedVerdict::Denied { on, member } => {
                let (member, subject) = (member.to_string(), group.member.to_string());
                let whom = if member == subject { String::new() } else { format!(" to {member}") };
                let message = format!(
                    "a deny policy on {on} denies {}{whom}, and {subject} needs it on {}: it {}",
                    group.permissions(),
                    need.resource,
                    need.reason
                );
                RULE.on_need(need, message).hint("except it in the deny policy, or run as another account")
            }
            NeedVerdict::Held(_) | NeedVerdict::Unknown(_) => continue,
        };
        findings.push(finding);
    }
}

fn missing(group: &NeedGroup<'_>) -> Finding {
    let need = group.first();
    let message = format!(
        "{} lacks {} on {}: it {}",
        group.member,
        group.permissions(),
        need.resource,
        need.reason
    );
    let finding = RULE.on_need(need, message);
    let mut hints: Vec<String> = Vec::new();
    let mut near: Option<&NearMiss> = None;
    let mut commands: Vec<String> = Vec::new();
    for (_, verdict) in &group.needs {
        if let NeedVerdict::Missing { near: all, grant } = verdict {
            near = near.or(all.first());
            let command = grant.as_ref().map(identity::NewGrant::gcloud);
            commands.extend(command.filter(|command| !commands.contains(command)));
        }
    }
    match near {
        Some(NearMiss::Condition(grant)) => {
            let condition = grant.condition.as_ref().map_or("", |condition| &condition.expression);
            hints.push(format!("it has {} on {}, but not under its condition: {condition}", grant.role, grant.on));
        }
        Some(NearMiss::Spelling(grant)) => {
            hints.push(format!("{} on {} is granted to {}: is that who is meant?", grant.role, grant.on, grant.member));
        }
        None => {}
    }
    if !commands.is_empty() {
        hints.push(format!("grant it: {}", commands.join("; ")));
    }
    if hints.is_empty() {
        hints.push("no role that is known has it: a custom role is needed".to_owned());
    }
    finding.hint(hints.join("; "))
}
