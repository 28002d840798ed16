//! ## What it does
//!
//! Finds images with known vulnerabilities as bad as the threshold, and images that no report speaks of. It
//! reads the reports that `evidence.vulnerabilities` of `terrace.yaml` names (JSON of Trivy or OSV-Scanner);
//! what a CycloneDX document under `evidence.vex` states not to matter is left out: in the images and packages
//! that it names as affected (package URLs, or components of the document), or everywhere if it names none.
//! Without reports it finds nothing.
//!
//! ## Why is this bad?
//!
//! A known vulnerability is the first thing that is tried.
//!
//! ## Example
//!
//! ```yaml
//! image: europe-docker.pkg.dev/acme/ml/iris:1.4   # openssl 3.0.1: CVE-2022-3602
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! evidence:
//!   vulnerabilities: [reports/trivy]
//!   vex: [reports/vex.json]
//! rules:
//!   vulnerable_image: {threshold: high}
//! ```

use resource::{Finding, Severity};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;
use crate::evidence::Threat;

pub(super) const RULE: Rule = Rule {
    name: "vulnerable_image",
    severity: Some(Severity::Error),
    controls: &[
        Control::Soc2("CC7.1"),
        Control::Iso27001("A.8.8"),
        Control::Gdpr("32(1)(d)"),
    ],
    file: include_str!("vulnerable_image.rs"),
    settings: SettingsType::of::<Settings>(),
    check: Check::Target(check),
};

/// What the rule can be told.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Settings {
    /// From which severity on a vulnerability is found; critical without it.
    threshold: Threat,
}

/// Ids that a message names.
const NAMED: usize = 5;

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let Settings { threshold } = context.setting(&RULE);
    let evidence = &context.facts().evidence;
    if evidence.scans.is_none() {
        return;
    }
    for pod in context.pods() {
        for container in pod.containers() {
            let Some(image) = container.image() else { continue };
            let finding = |message: String| {
                RULE.finding(pod.object, container.field("image"), container.mark(["image"]), message)
            };
            let Some(scan) = evidence.scan(&image) else {
                let message = format!("no report of vulnerabilities speaks of the image \"{}\"", image.text);
                findings.push(finding(message).hint("scan it, and put the report where evidence.vulnerabilities says"));
                continue;
            };
            let found = evidence.of(&image, scan, threshold);
            if found.is_empty() {
                continue;
            }
            let named: Vec<String> = found
                .iter()
                .take(NAMED)
                .map(|found| match &found.fixed {
                    Some(fixed) => format!("{} in {} (mended in {fixed})", found.id, found.package),
                    None => format!("{} in {}", found.id, found.package),
                })
                .collect();
            let more = match found.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let message = format!("the image \"{}\" has {}{more}", image.text, named.join(", "));
            findings
                .push(finding(message).hint("take a version without them, or state in a VEX why they do not matter"));
        }
    }
}
