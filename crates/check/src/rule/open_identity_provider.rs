//! ## What it does
//!
//! Finds providers of workload identity pools that take the tokens of a service shared by the whole world, such
//! as GitHub Actions, without a condition on whose they are, or those of a cluster without a condition on the namespace.
//!
//! ## Why is this bad?
//!
//! Every repository on GitHub can get a token of the pool. What the pool as a whole is granted is granted to
//! everybody, and a slip in one grant to a part of it lets strangers in. In a cluster, whoever may make a service account
//! in any namespace is a member.
//!
//! ## Example
//!
//! ```yaml
//! kind: IAMWorkloadIdentityPoolProvider
//! spec:
//!   oidc: {issuerUri: "https://token.actions.githubusercontent.com"}
//!   attributeMapping: {google.subject: assertion.sub}
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! kind: IAMWorkloadIdentityPoolProvider
//! spec:
//!   oidc: {issuerUri: "https://token.actions.githubusercontent.com"}
//!   attributeMapping: {google.subject: assertion.sub}
//!   attributeCondition: assertion.repository_owner == 'acme'
//! ```

use identity::{Member, Set};
use resource::{Finding, Severity};

use super::{Check, Control, Rule, SettingsType};
use crate::identities::Standing;

pub(super) const RULE: Rule = Rule {
    name: "open_identity_provider",
    severity: Some(Severity::Error),
    controls: &[
        Control::Soc2("CC6.1"),
        Control::Soc2("CC6.3"),
        Control::Iso27001("A.5.15"),
        Control::Iso27001("A.5.16"),
        Control::Iso27001("A.5.18"),
        Control::Soc2("CC6.6"),
    ],
    file: include_str!("open_identity_provider.rs"),
    settings: SettingsType::NONE,
    check: Check::Identities(check),
};

fn check(standing: &Standing<'_>, findings: &mut Vec<Finding>) {
    let is_first_of_all = standing.at == 0;
    if !is_first_of_all {
        return;
    }
    let state = standing.landscape.state();
    for provider in &state.providers {
        let Some(exposure) = provider.exposure() else { continue };
        let mut message = format!(
            "the provider {} of the pool {} lets in {}",
            provider.id, provider.pool.id, exposure.whom
        );
        let all = Member::FederatedSet {
            pool: provider.pool.clone(),
            set: Set::All,
        };
        if standing.landscape.reasoner.has_grants(&all) {
            message.push_str(", and the pool as a whole has grants");
        }
        findings.push(
            RULE.at(provider.mark, message)
                .hint(format!("give it an attribute condition: {}", exposure.condition)),
        );
    }
}
