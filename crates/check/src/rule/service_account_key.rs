//! ## What it does
//!
//! Finds keys of service accounts that somebody made and holds.
//!
//! ## Why is this bad?
//!
//! A key is valid until somebody takes it back, wherever it was copied to. Pods, jobs and CI have short-lived
//! tokens without one.
//!
//! ## Example
//!
//! ```yaml
//! kind: IAMServiceAccountKey
//! metadata:
//!   name: trainer
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! kind: ServiceAccount
//! metadata:
//!   annotations:
//!     iam.gke.io/gcp-service-account: trainer@acme.iam.gserviceaccount.com
//! ```

use identity::{Member, project_of_account};
use resource::{Finding, Severity};

use super::{Check, Control, Rule, SettingsType};
use crate::identities::Standing;

pub(super) const RULE: Rule = Rule {
    name: "service_account_key",
    severity: Some(Severity::Error),
    controls: &[
        Control::Soc2("CC6.1"),
        Control::Soc2("CC6.6"),
        Control::Iso27001("A.5.17"),
        Control::Iso27001("A.8.24"),
        Control::Gdpr("32(1)"),
    ],
    file: include_str!("service_account_key.rs"),
    settings: SettingsType::NONE,
    check: Check::Identities(check),
};

fn check(standing: &Standing<'_>, findings: &mut Vec<Finding>) {
    if !standing.is_first() {
        return;
    }
    let members = standing.members();
    let project = standing.tree().place.project.as_deref();
    for key in &standing.landscape.state().keys {
        let is_own = members.contains(&Member::ServiceAccount(key.account.clone()))
            || project.is_some() && project_of_account(&key.account) == project;
        if is_own {
            let message = format!("{} has a key ({})", key.account, key.id);
            findings.push(
                RULE.at(key.mark, message)
                    .hint("let what uses it run as the account (workload identity, or a pool for CI), then delete the key"),
            );
        }
    }
}
