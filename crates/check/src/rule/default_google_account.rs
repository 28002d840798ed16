//! ## What it does
//!
//! Finds workloads that run as the default service account of Compute Engine or App Engine.
//!
//! ## Why is this bad?
//!
//! Everything in a project that names no account runs as it, and in many projects it holds the role Editor:
//! what one workload needs, all have.
//!
//! ## Example
//!
//! ```yaml
//! jobSpec:
//!   serviceAccount: 123456789012-compute@developer.gserviceaccount.com
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! jobSpec:
//!   serviceAccount: trainer@acme.iam.gserviceaccount.com
//! ```

use identity::{Member, RunsAs, is_default_account};
use resource::{Finding, Severity};

use super::{Check, Control, Rule, SettingsType};
use crate::identities::Standing;

pub(super) const RULE: Rule = Rule {
    name: "default_google_account",
    severity: Some(Severity::Error),
    controls: &[
        Control::Soc2("CC6.1"),
        Control::Soc2("CC6.3"),
        Control::Iso27001("A.5.15"),
        Control::Iso27001("A.5.16"),
        Control::Iso27001("A.5.18"),
    ],
    file: include_str!("default_google_account.rs"),
    settings: SettingsType::NONE,
    check: Check::Identities(check),
};

const HINT: &str = "make an account for this workload alone, and grant it what this needs";

fn check(standing: &Standing<'_>, findings: &mut Vec<Finding>) {
    let tree = standing.tree();
    for account in &tree.accounts {
        if let Some((email, mark)) = account.google.as_ref().filter(|(email, _)| is_default_account(email)) {
            let message = format!("{}/{} is {email}, which everything in its project is by default", account.namespace, account.name);
            findings.push(RULE.at(*mark, message).on(account.object.clone(), "metadata.annotations").hint(HINT));
        }
    }
    for run in &tree.runs {
        if let RunsAs::Google(Member::ServiceAccount(email)) = &run.runs_as
            && is_default_account(email)
        {
            let message = format!("{} runs as {email}, which everything in its project is by default", run.object.kind_and_name());
            findings.push(RULE.at(run.mark, message).on(run.object.clone(), run.field.clone()).hint(HINT));
        }
    }
}
