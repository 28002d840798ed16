//! ## What it does
//!
//! Finds images with the tag `latest`, or with no tag and no digest, which means the same.
//!
//! ## Why is this bad?
//!
//! `latest` is whatever was pushed last. A pod that is moved to another node may come up with another
//! program than the one it replaces, without any change in Git.
//!
//! ## Example
//!
//! ```yaml
//! image: acme/iris
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! image: acme/iris:1.4@sha256:0d5d…
//! ```

use resource::{Finding, Severity};

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;

pub(super) const RULE: Rule = Rule {
    name: "image_tag_latest",
    severity: Some(Severity::Error),
    controls: &[
        Control::Soc2("CC8.1"),
        Control::Iso27001("A.8.9"),
        Control::Iso27001("A.8.32"),
    ],
    file: include_str!("image_tag_latest.rs"),
    settings: SettingsType::NONE,
    check: Check::Target(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for pod in context.pods() {
        for container in pod.containers() {
            let Some(image) = container.image().filter(|image| image.digest.is_none()) else {
                continue;
            };
            let message = match image.tag {
                Some("latest") => format!("the image \"{}\" has the tag latest", image.text),
                None => format!("the image \"{}\" has no tag, which means latest", image.text),
                Some(_) => continue,
            };
            findings.push(
                RULE.finding(pod.object, container.field("image"), container.mark(["image"]), message)
                    .hint("name a version, best by digest: NAME:TAG@sha256:…"),
            );
        }
    }
}
