//! ## What it does
//!
//! Finds images whose contents nobody listed. It reads the documents that `evidence.sboms` of `terrace.yaml`
//! names (CycloneDX or SPDX, JSON). Without them it finds nothing.
//!
//! ## Why is this bad?
//!
//! When the next vulnerability has a name, the question is which workloads hold the library. Without a list
//! the answer takes days.
//!
//! ## Example
//!
//! ```yaml
//! image: europe-docker.pkg.dev/acme/ml/iris:1.4
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! evidence:
//!   sboms: [reports/sbom]
//! ```

use resource::{Finding, Severity};

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;

pub(super) const RULE: Rule = Rule {
    name: "image_without_sbom",
    severity: Some(Severity::Warning),
    controls: &[
        Control::Soc2("CC7.1"),
        Control::Iso27001("A.5.9"),
        Control::Iso27001("A.5.21"),
    ],
    file: include_str!("image_without_sbom.rs"),
    settings: SettingsType::NONE,
    check: Check::Target(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let evidence = &context.facts().evidence;
    if evidence.contents.is_none() {
        return;
    }
    for pod in context.pods() {
        for container in pod.containers() {
            let Some(image) = container.image().filter(|image| !evidence.has_contents(image)) else {
                continue;
            };
            let message = format!("nobody listed what is in the image \"{}\"", image.text);
            findings.push(
                RULE.finding(pod.object, container.field("image"), container.mark(["image"]), message)
                    .hint("make a list when the image is built, and put it where evidence.sboms says"),
            );
        }
    }
}
