//! ## What it does
//!
//! Finds images that are not named by digest.
//!
//! ## Why is this bad?
//!
//! A tag can be moved. What was tried in staging is then not what runs in production, two pods of one
//! Deployment may run different programs, and nobody can say later which one ran.
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
//! image: europe-docker.pkg.dev/acme/ml/iris:1.4@sha256:0d5d…
//! ```
//!
//! In a kustomization, `terrace edit set image NAME@sha256:…` sets it for one environment.

use resource::{Finding, Severity};
use yaml::Node;

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;

pub(super) const RULE: Rule = Rule {
    name: "image_without_digest",
    severity: Some(Severity::Warning),
    controls: &[
        Control::Soc2("CC8.1"),
        Control::Iso27001("A.8.9"),
        Control::Iso27001("A.8.32"),
    ],
    file: include_str!("image_without_digest.rs"),
    settings: SettingsType::NONE,
    check: Check::Target(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for pod in context.pods() {
        for container in pod.containers() {
            let Some(image) = container.node.get("image") else {
                continue;
            };
            let name = image.as_str().unwrap_or_default();
            if name.is_empty() || name.contains("@sha256:") || !Node::is_scalar(image) {
                continue;
            }
            let message = format!("the image \"{name}\" has no digest");
            findings.push(
                RULE.finding(pod.object, container.field("image"), container.mark(["image"]), message)
                    .hint("name it by digest: NAME:TAG@sha256:…"),
            );
        }
    }
}
