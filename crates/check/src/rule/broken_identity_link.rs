//! ## What it does
//!
//! Finds links between a Kubernetes and a Google service account of which only one half is there: the
//! annotation without `roles/iam.workloadIdentityUser` for
//! `serviceAccount:PROJECT.svc.id.goog[NAMESPACE/NAME]`, or that grant for an account that no tree has, or
//! whose annotation names another.
//!
//! ## Why is this bad?
//!
//! GKE needs both halves. With one, every call of the pod fails with 403, or a name stands ready for whoever
//! makes the account.
//!
//! ## Example
//!
//! ```yaml
//! kind: ServiceAccount
//! metadata:
//!   name: trainer
//!   annotations:
//!     iam.gke.io/gcp-service-account: trainer@acme.iam.gserviceaccount.com   # no grant lets it be this
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! kind: IAMPolicyMember
//! spec:
//!   member: serviceAccount:acme.svc.id.goog[ml/trainer]
//!   role: roles/iam.workloadIdentityUser
//!   resourceRef: {kind: IAMServiceAccount, external: projects/acme/serviceAccounts/trainer@acme.iam.gserviceaccount.com}
//! ```

use std::collections::BTreeSet;

use identity::{AccountLink, IMPERSONATION, NearMiss, Need, NeedVerdict, Permits, ResourceName};
use resource::{Finding, Severity, nearest};

use super::{Check, Control, Rule, SettingsType};
use crate::identities::Standing;

pub(super) const RULE: Rule = Rule {
    name: "broken_identity_link",
    severity: Some(Severity::Error),
    controls: &[
        Control::Soc2("CC6.1"),
        Control::Soc2("CC6.3"),
        Control::Iso27001("A.5.15"),
        Control::Iso27001("A.5.16"),
        Control::Iso27001("A.5.18"),
    ],
    file: include_str!("broken_identity_link.rs"),
    settings: SettingsType::NONE,
    check: Check::Identities(check),
};

fn check(standing: &Standing<'_>, findings: &mut Vec<Finding>) {
    if !standing.knows_grants() {
        return;
    }
    for link in standing.landscape.links(standing.at) {
        declared(standing, &link, findings);
    }
    if standing.is_first() && standing.is_whole_environment() {
        grants(standing, findings);
    }
}

/// An account that says who it is, and may not be that.
fn declared(standing: &Standing<'_>, link: &AccountLink<'_>, findings: &mut Vec<Finding>) {
    let AccountLink {
        kubernetes,
        attributes,
        email,
        object,
        field,
        mark,
    } = link;
    let verdict = standing.landscape.link(kubernetes, attributes, email);
    let near = match verdict {
        NeedVerdict::Missing(near) => near,
        NeedVerdict::Denied { on, .. } => {
            let message = format!("a deny policy on {} keeps {} from being {email}", on.short(), kubernetes.short());
            findings.push(RULE.at(*mark, message).on((*object).clone(), *field));
            return;
        }
        // Of an account that asks for itself: one of a cluster never is.
        NeedVerdict::Disabled(_) | NeedVerdict::Held(_) | NeedVerdict::Unknown(_) => return,
    };
    let mut hints = Vec::new();
    let message = match alike(standing, email) {
        Some(alike) => {
            hints.push(format!("there is {alike}"));
            format!("no grant knows {email}, and {} cannot be it", kubernetes.short())
        }
        None => {
            hints.extend(near.iter().map(|near| match near {
                NearMiss::Spelling(grant) => format!("the grant is for {}", grant.member.short()),
                NearMiss::Condition(grant) => {
                    let condition = grant.condition.as_ref().map_or("", |condition| &condition.expression);
                    format!("the condition of the grant does not hold: {condition}")
                }
            }));
            let on = ResourceName::service_account(email);
            let grant = standing.landscape.reasoner.new_grant(&[IMPERSONATION], &on, kubernetes);
            hints.extend(grant.map(|grant| format!("grant it: {}", grant.gcloud())));
            format!("{} may not be {email}", kubernetes.short())
        }
    };
    findings.push(
        RULE.at(*mark, message)
            .on((*object).clone(), *field)
            .hint(hints.join("; ")),
    );
}

/// An account of nearly the name of one that no grant knows.
fn alike<'l>(standing: &'l Standing<'_>, email: &str) -> Option<&'l str> {
    if standing.landscape.knows_account(email) {
        return None;
    }
    let known = standing.landscape.reasoner.service_accounts();
    nearest(email, known.iter().map(String::as_str)).first().copied()
}

/// Whether what has a need is linked with an account whose name is not meant: that is told at the link.
pub(super) fn is_misspelt(standing: &Standing<'_>, need: &Need) -> bool {
    let account = standing.landscape.identity(standing.at, &need.subject).account;
    let google = account.and_then(|account| account.google.as_ref());
    google.is_some_and(|(email, _)| alike(standing, email).is_some())
}

const FIELD: &str = "metadata.annotations.iam.gke.io/gcp-service-account";

/// Grants for accounts of the cluster that are not there, or say that they are somebody else.
fn grants(standing: &Standing<'_>, findings: &mut Vec<Finding>) {
    let Some(pool) = &standing.tree().place.pool else {
        return;
    };
    let namespaces: BTreeSet<&str> = standing
        .trees()
        .flat_map(|(_, tree)| tree.accounts.iter().map(|account| account.namespace.as_str()))
        .collect();
    for (on, binding) in standing.landscape.state().bindings() {
        let Some((_, email)) = on.path().split_once("/serviceAccounts/") else {
            continue;
        };
        if standing.landscape.reasoner.permits(&binding.role, IMPERSONATION) != Permits::Yes {
            continue;
        }
        for member in &binding.members {
            let identity::Member::Federated { pool: of, .. } = member else {
                continue;
            };
            let Some((namespace, name)) = member.as_kubernetes().filter(|_| of == pool) else {
                continue;
            };
            if !namespaces.contains(namespace) {
                continue;
            }
            let accounts = standing.landscape.accounts(standing.at, namespace, name);
            match accounts.first() {
                None => {
                    let known = standing.trees().flat_map(|(_, tree)| &tree.accounts);
                    let names = known.filter(|account| account.namespace == namespace).map(|account| account.name.as_str());
                    let alike = nearest(name, names);
                    let message = format!("{namespace}/{name} may be {email}, and no tree has that service account");
                    let hint = match alike.first() {
                        Some(alike) => format!("there is {namespace}/{alike}"),
                        None => "take the grant back, or it is whoever makes the account".to_owned(),
                    };
                    findings.push(RULE.at(binding.mark, message).hint(hint));
                }
                Some((_, account)) => {
                    let says = account.google.as_ref();
                    // What says a name that nobody knows is told there.
                    let is_told = says.is_some_and(|(says, _)| alike(standing, says).is_some());
                    if !is_told && says.is_none_or(|(says, _)| !says.eq_ignore_ascii_case(email)) {
                        let message = match says {
                            Some((says, _)) => format!("{namespace}/{name} may be {email}, and says that it is {says}"),
                            None => format!("{namespace}/{name} may be {email}, and has no annotation that says so"),
                        };
                        let mark = says.map_or(account.mark, |(_, mark)| *mark);
                        let finding = RULE.at(mark, message).on(account.object.clone(), FIELD);
                        findings.push(
                            finding
                                .related(binding.mark, "this lets it")
                                .hint(format!("annotate it with {}: {email}, or take the grant back", identity::GOOGLE_ACCOUNT)),
                        );
                    }
                }
            }
        }
    }
}
