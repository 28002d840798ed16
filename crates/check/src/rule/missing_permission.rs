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

use hashbrown::HashSet;
use identity::{NearMiss, NeedVerdict, RunsAs};
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
    let unmapped = super::unmapped_service_account::unmapped(standing).into_iter();
    let unmapped: HashSet<&RunsAs> = unmapped.map(|run| &run.runs_as).collect();
    for group in standing.needs() {
        let need = group.first();
        if unmapped.contains(&need.subject) || super::broken_identity_link::is_misspelt(standing, need) {
            continue;
        }
        let finding = match &group.needs[0].1 {
            NeedVerdict::Missing(_) => missing(standing, group),
            NeedVerdict::Denied { on, member } => {
                let (member, subject) = (member.short(), group.member.short());
                let whom = if member == subject { String::new() } else { format!(" to {member}") };
                let message = format!(
                    "a deny policy on {} denies {}{whom}, and {subject} needs it on {}: it {}",
                    on.short(),
                    group.permissions(),
                    need.resource.short(),
                    need.reason
                );
                RULE.on_need(need, message).hint("except it in the deny policy, or run as another account")
            }
            NeedVerdict::Disabled(account) => {
                let message = format!(
                    "{} is disabled, and it needs {} on {}: it {}",
                    account.short(),
                    group.permissions(),
                    need.resource.short(),
                    need.reason
                );
                let hint = format!("gcloud iam service-accounts enable {}, or run as another account", account.short());
                RULE.on_need(need, message).hint(hint)
            }
            NeedVerdict::Held(_) | NeedVerdict::Unknown(_) => continue,
        };
        findings.push(finding);
    }
}

fn missing(standing: &Standing<'_>, group: &NeedGroup<'_>) -> Finding {
    let need = group.first();
    let message = format!(
        "{} lacks {} on {}: it {}",
        group.member.short(),
        group.permissions(),
        need.resource.short(),
        need.reason
    );
    let mut hints: Vec<String> = Vec::new();
    let near = group.needs.iter().find_map(|(_, verdict)| match verdict {
        NeedVerdict::Missing(near) => near.first(),
        _ => None,
    });
    match near {
        Some(NearMiss::Condition(grant)) => {
            let condition = grant.condition.as_ref().map_or("", |condition| &condition.expression);
            let on = grant.on.short();
            hints.push(format!("it has {} on {on}, but not under its condition: {condition}", grant.role));
        }
        Some(NearMiss::Spelling(grant)) => {
            let (on, member) = (grant.on.short(), grant.member.short());
            hints.push(format!("{} on {on} is granted to {member}: is that who is meant?", grant.role));
        }
        None => {}
    }
    let permissions: Vec<&str> = group.needs.iter().map(|(need, _)| need.permission).collect();
    let grant = standing.landscape.reasoner.new_grant(&permissions, &need.resource, &group.member);
    hints.push(match grant {
        Some(grant) => format!("grant it: {}", grant.gcloud()),
        None => "no role that is known has it: make a custom role".to_owned(),
    });
    RULE.on_need(need, message).hint(hints.join("; "))
}
