//! ## What it does
//!
//! Finds locations, regions and zones outside those that the platform file allows for the environment: of
//! Vertex AI workloads, buckets and other Config Connector objects, and of the nodes that pods select.
//!
//! ## Why is this bad?
//!
//! Personal data that leaves its region leaves its law. The region of a job is easily copied from an
//! example.
//!
//! ## Example
//!
//! ```yaml
//! kind: CustomJob
//! spec:
//!   location: us-central1
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! kind: CustomJob
//! spec:
//!   location: europe-west4
//! ```

use resource::{Finding, Severity};

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;

pub(super) const RULE: Rule = Rule {
    name: "location_outside_regions",
    severity: Some(Severity::Error),
    controls: &[
        Control::Soc2("C1.1"),
        Control::Soc2("P4.1"),
        Control::Iso27001("A.5.34"),
        Control::Gdpr("44"),
        Control::Gdpr("32(1)"),
    ],
    file: include_str!("location_outside_regions.rs"),
    settings: SettingsType::NONE,
    check: Check::Target(check),
};

/// Names of fields that hold a place.
const FIELDS: [&str; 8] = [
    "location",
    "region",
    "zone",
    "cloud.google.com/gke-location",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let regions = &context.facts().regions;
    if regions.is_empty() {
        return;
    }
    for text in context.texts() {
        let is_place = text.last_key().is_some_and(|key| FIELDS.contains(&key)) || text.is_topology_value(&FIELDS);
        if !is_place || !is_location(text.value) {
            continue;
        }
        let place = text.value.to_ascii_lowercase();
        let is_inside = |region: &String| {
            let rest = place.strip_prefix(&region.to_ascii_lowercase());
            rest.is_some_and(|rest| rest.is_empty() || rest.len() == 2 && rest.starts_with('-'))
        };
        if regions.iter().any(is_inside) {
            continue;
        }
        let message = format!("\"{}\" is outside the allowed regions", text.value);
        findings.push(
            RULE.finding(text.object, text.field(), text.mark, message)
                .hint(format!("allowed are {}", regions.join(", "))),
        );
    }
}

/// A region or zone of Google Cloud, or one of its multi-regions.
fn is_location(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    if matches!(&*lower, "eu" | "us" | "asia" | "global") {
        return true;
    }
    let mut parts = lower.split('-');
    let area = parts.next().unwrap_or_default();
    let region = parts.next().unwrap_or_default();
    let zone = parts.next();
    let is_letters = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase());
    is_letters(area)
        && is_letters(region.trim_end_matches(|c: char| c.is_ascii_digit()))
        && region.ends_with(|c: char| c.is_ascii_digit())
        && zone.is_none_or(|zone| zone.len() == 1 && is_letters(zone))
        && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    #[test]
    fn locations() {
        for text in ["us-central1", "europe-west4-a", "EU", "northamerica-northeast2", "asia"] {
            assert!(super::is_location(text), "{text}");
        }
        for text in ["a/b", "rack-12-x3", "west", "10-20", "us-central", "my-bucket1-east-2"] {
            assert!(!super::is_location(text), "{text}");
        }
    }
}
