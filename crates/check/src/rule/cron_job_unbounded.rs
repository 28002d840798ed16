//! ## What it does
//!
//! Finds CronJobs, and CronWorkflows of Argo, that do not say what happens when a run is late, when the last one still runs, in which
//! time zone they are planned, or how many old runs are kept.
//!
//! ## Why is this bad?
//!
//! Without a deadline a controller that was down for a while starts nothing ever after 100 missed runs.
//! Without a policy two trainings run at once. Without a time zone the night of the cluster is not the
//! night of the data. The defaults are seldom what anyone wants.
//!
//! ## Example
//!
//! ```yaml
//! spec:
//!   schedule: 0 2 * * *
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! spec:
//!   schedule: 0 2 * * *
//!   timeZone: Europe/Vienna
//!   startingDeadlineSeconds: 3600
//!   concurrencyPolicy: Forbid
//!   successfulJobsHistoryLimit: 3
//!   failedJobsHistoryLimit: 3
//! ```

use resource::{Finding, Severity};

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;

pub(super) const RULE: Rule = Rule {
    name: "cron_job_unbounded",
    severity: Some(Severity::Warning),
    controls: &[
        Control::Soc2("A1.1"),
        Control::Soc2("CC7.5"),
        Control::Iso27001("A.8.6"),
        Control::Iso27001("A.8.14"),
    ],
    file: include_str!("cron_job_unbounded.rs"),
    settings: SettingsType::NONE,
    check: Check::Target(check),
};

const FIELDS: [&str; 5] = [
    "startingDeadlineSeconds",
    "concurrencyPolicy",
    "timeZone",
    "successfulJobsHistoryLimit",
    "failedJobsHistoryLimit",
];

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    // Argo writes the time zone in one word.
    for (group, kind, time_zone) in [
        ("batch", "CronJob", "timeZone"),
        ("argoproj.io", "CronWorkflow", "timezone"),
    ] {
        for job in context.of_kind(group, kind) {
            let Some(spec) = job.node.get("spec") else { continue };
            let fields = FIELDS.map(|field| if field == "timeZone" { time_zone } else { field });
            let missing: Vec<&str> = fields.into_iter().filter(|field| spec.get(field).is_none()).collect();
            if missing.is_empty() {
                continue;
            }
            let schedule = spec.get("schedule").or_else(|| spec.get("schedules"));
            let mark = schedule.map_or(job.node.mark, |schedule| schedule.mark);
            let message = format!("the {kind} does not say {}", missing.join(", "));
            findings.push(
                RULE.finding(job, "spec", mark, message)
                    .hint("say each: the defaults start late runs, run two at once and go by the cluster's clock"),
            );
        }
    }
}
