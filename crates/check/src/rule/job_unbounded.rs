//! ## What it does
//!
//! Finds Jobs that do not say how often they are tried again, or that stay when they are done.
//!
//! ## Why is this bad?
//!
//! A Job tries six times by default: a training that fails after eight hours is paid seven times. Finished
//! Jobs and their pods stay until somebody removes them. (What a CronJob starts is removed by its history
//! limits.)
//!
//! ## Example
//!
//! ```yaml
//! kind: Job
//! spec:
//!   template: {}
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! kind: Job
//! spec:
//!   backoffLimit: 1
//!   ttlSecondsAfterFinished: 86400
//!   template: {}
//! ```

use resource::{Finding, Severity};
use yaml::Mark;

use resource::Resource;
use yaml::Node;

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;

pub(super) const RULE: Rule = Rule {
    name: "job_unbounded",
    severity: Some(Severity::Warning),
    controls: &[
        Control::Soc2("A1.1"),
        Control::Soc2("CC7.5"),
        Control::Iso27001("A.8.6"),
    ],
    file: include_str!("job_unbounded.rs"),
    settings: SettingsType::NONE,
    check: Check::Target(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for job in context.of_kind("batch", "Job") {
        bounded(
            job,
            job.node.get("spec"),
            "spec",
            &["backoffLimit", "ttlSecondsAfterFinished"],
            findings,
        );
    }
    for job in context.of_kind("batch", "CronJob") {
        let spec = job.node.get_path(["spec", "jobTemplate", "spec"]);
        bounded(job, spec, "spec.jobTemplate.spec", &["backoffLimit"], findings);
    }
}

fn bounded(job: &Resource, spec: Option<&Node>, field: &str, wanted: &[&str], findings: &mut Vec<Finding>) {
    let Some(spec) = spec else { return };
    let missing: Vec<&str> = wanted
        .iter()
        .copied()
        .filter(|field| spec.get(field).is_none())
        .collect();
    if missing.is_empty() {
        return;
    }
    let mark: Mark = if spec.mark.is_some() { spec.mark } else { job.node.mark };
    let message = format!("the Job does not say {}", missing.join(", "));
    findings.push(
        RULE.finding(job, field, mark, message)
            .hint("say how often it may be tried again, and how long it stays when it is done"),
    );
}
