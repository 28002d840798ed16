//! ## What it does
//!
//! Finds one Kubernetes service account that two trees of a cluster link with different Google service
//! accounts.
//!
//! ## Why is this bad?
//!
//! Who the pods are depends on which tree was applied last.
//!
//! ## Example
//!
//! ```yaml
//! # overlays/a: iam.gke.io/gcp-service-account: trainer@acme.iam.gserviceaccount.com
//! # overlays/b: iam.gke.io/gcp-service-account: server@acme.iam.gserviceaccount.com
//! kind: ServiceAccount
//! metadata:
//!   name: trainer
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! # the account in one tree, and the other uses it
//! kind: ServiceAccount
//! metadata:
//!   name: trainer
//! ```

use resource::{Finding, Severity};

use super::{Check, Control, Rule, SettingsType};
use crate::identities::Standing;

pub(super) const RULE: Rule = Rule {
    name: "conflicting_identity_link",
    severity: Some(Severity::Error),
    controls: &[
        Control::Soc2("CC6.1"),
        Control::Soc2("CC6.3"),
        Control::Iso27001("A.5.15"),
        Control::Iso27001("A.5.16"),
        Control::Iso27001("A.5.18"),
    ],
    file: include_str!("conflicting_identity_link.rs"),
    settings: SettingsType::NONE,
    check: Check::Identities(check),
};

fn check(standing: &Standing<'_>, findings: &mut Vec<Finding>) {
    for account in &standing.tree().accounts {
        let all = standing.landscape.accounts(standing.at, &account.namespace, &account.name);
        let Some((google, mark)) = &account.google else { continue };
        let others = all.iter().filter_map(|(at, other)| Some((*at, other.google.as_ref()?)));
        let other = others.into_iter().find(|(at, (other, _))| *at != standing.at && other != google);
        if let Some((at, (other, place))) = other {
            let target = &standing.landscape.trees[at].place.target;
            let message = format!(
                "{}/{} is {google} here and {other} in {target}, in one cluster",
                account.namespace, account.name
            );
            findings.push(
                RULE.at(*mark, message)
                    .on(account.object.clone(), "metadata.annotations")
                    .related(*place, "the other one")
                    .hint("keep the account in one tree, or give each its own"),
            );
        }
    }
}
