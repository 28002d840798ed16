//! ## What it does
//!
//! Finds Google service accounts that workloads of two environments run as.
//!
//! ## Why is this bad?
//!
//! Who may change the workload in one environment may then act in the other: a pull request to development
//! reads the data of production.
//!
//! ## Example
//!
//! ```yaml
//! # dev and prod
//! iam.gke.io/gcp-service-account: trainer@acme.iam.gserviceaccount.com
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! # dev
//! iam.gke.io/gcp-service-account: trainer@acme-dev.iam.gserviceaccount.com
//! ```

use identity::{Member, Tree};
use resource::{Finding, ResId, Severity};
use yaml::Mark;

use super::{Check, Control, Rule, SettingsType};
use crate::identities::Standing;

pub(super) const RULE: Rule = Rule {
    name: "shared_identity",
    severity: Some(Severity::Error),
    controls: &[
        Control::Soc2("CC6.1"),
        Control::Soc2("CC6.3"),
        Control::Iso27001("A.5.15"),
        Control::Iso27001("A.5.16"),
        Control::Iso27001("A.5.18"),
        Control::Soc2("CC8.1"),
        Control::Iso27001("A.8.31"),
    ],
    file: include_str!("shared_identity.rs"),
    settings: SettingsType::NONE,
    check: Check::Identities(check),
};

fn check(standing: &Standing<'_>, findings: &mut Vec<Finding>) {
    let own = standing.tree();
    for (email, mark, object) in identities(own) {
        let mut others = standing.landscape.trees.iter().filter(|tree| tree.place.environment != own.place.environment);
        let other = others.find_map(|tree| {
            let found = identities(tree).into_iter().find(|(other, ..)| *other == email)?;
            Some((tree, found.1))
        });
        if let Some((tree, place)) = other {
            let message = format!("{} and {} both run as {email}", own.place.environment, tree.place.environment);
            findings.push(
                RULE.at(mark, message)
                    .on(object.clone(), String::new())
                    .related(place, format!("in {}", tree.place.environment))
                    .hint("give each environment an account of its own"),
            );
        }
    }
}

/// The Google service accounts that a tree names, each once.
fn identities(tree: &Tree) -> Vec<(&str, Mark, &ResId)> {
    let of_accounts = tree.accounts.iter().filter_map(|account| {
        let (email, mark) = account.google.as_ref()?;
        Some((email.as_str(), *mark, &account.object))
    });
    let of_runs = tree.runs.iter().filter_map(|run| match &run.runs_as {
        identity::RunsAs::Google(Member::ServiceAccount(email)) => Some((email.as_str(), run.mark, &run.object)),
        _ => None,
    });
    let mut found: Vec<(&str, Mark, &ResId)> = Vec::new();
    for identity in of_accounts.chain(of_runs) {
        if found.iter().all(|known| known.0 != identity.0) {
            found.push(identity);
        }
    }
    found
}
