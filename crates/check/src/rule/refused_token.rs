//! ## What it does
//!
//! Finds pods whose token the provider of a workload identity pool refuses: it is for another audience, another issuer
//! signs it, or the provider's condition does not hold. Also accounts of clusters outside of GKE that the provider of
//! their environment refuses, where they need something of Google Cloud.
//!
//! ## Why is this bad?
//!
//! The pod starts, and every call to Google Cloud fails.
//!
//! ## Example
//!
//! ```yaml
//! volumes:
//! - name: token
//!   projected:
//!     sources:
//!     - serviceAccountToken: {path: token, audience: https://kubernetes.default.svc}
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! volumes:
//! - name: token
//!   projected:
//!     sources:
//!     - serviceAccountToken:
//!         path: token
//!         audience: https://iam.googleapis.com/projects/17/locations/global/workloadIdentityPools/eks/providers/prod
//! ```

use identity::{Doubt, RunsAs};
use resource::{Finding, Severity};

use super::{Check, Control, Rule, SettingsType};
use crate::identities::Standing;

pub(super) const RULE: Rule = Rule {
    name: "refused_token",
    severity: Some(Severity::Error),
    controls: &[
        Control::Soc2("CC6.1"),
        Control::Iso27001("A.5.16"),
    ],
    file: include_str!("refused_token.rs"),
    settings: SettingsType::NONE,
    check: Check::Identities(check),
};

fn check(standing: &Standing<'_>, findings: &mut Vec<Finding>) {
    for run in &standing.tree().runs {
        let doubt = standing.landscape.identity(standing.at, &run.runs_as).doubt;
        let Some(Doubt::Refused(why)) = doubt else { continue };
        // A pod without a configuration may want nothing of Google.
        if matches!(run.runs_as, RunsAs::Kubernetes { .. }) && !standing.has_needs(&run.runs_as) {
            continue;
        }
        findings.push(
            RULE.at(run.mark, format!("{} gets no token of Google: {why}", run.object.kind_and_name()))
                .on(run.object.clone(), run.field.clone())
                .hint("let the audience of the projected token, the issuer and the condition of the provider agree"),
        );
    }
}
