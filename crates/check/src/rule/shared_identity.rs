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

use std::collections::BTreeMap;

use identity::Tree;
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
    for (email, (mark, object)) in identities(own) {
        let mut others = standing.landscape.places_of(email).iter();
        let environment = |tree: usize| &standing.landscape.trees[tree].place.environment;
        if let Some((tree, place)) = others.find(|(tree, _)| *environment(*tree) != own.place.environment) {
            let other = environment(*tree);
            let message = format!("{} and {other} both run as {email}", own.place.environment);
            findings.push(
                RULE.at(mark, message)
                    .on(object.clone(), String::new())
                    .related(*place, format!("in {other}"))
                    .hint("give each environment an account of its own"),
            );
        }
    }
}

/// The Google service accounts that a tree names, with the first place of each.
fn identities(tree: &Tree) -> BTreeMap<&str, (Mark, &ResId)> {
    let mut found = BTreeMap::new();
    for (email, mark, object) in tree.google_accounts() {
        found.entry(email).or_insert((mark, object));
    }
    found
}
