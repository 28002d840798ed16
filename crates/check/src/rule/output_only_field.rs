//! ## What it does
//!
//! Finds fields that only the service sets, such as the state of a job, in the templates of Vertex AI workloads.
//!
//! ## Why is this bad?
//!
//! The service refuses the field or drops it. It is often copied from the description of a job that ran.
//!
//! ## Example
//!
//! ```yaml
//! kind: CustomJob
//! spec:
//!   template:
//!     name: projects/1/locations/europe-west4/customJobs/2
//!     displayName: train
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! kind: CustomJob
//! spec:
//!   template:
//!     displayName: train
//! ```

use resource::Severity;

use super::{Check, Control, Rule, SettingsType};

pub(super) const RULE: Rule = Rule {
    name: "output_only_field",
    severity: Some(Severity::Error),
    controls: &[Control::Soc2("CC8.1"), Control::Iso27001("A.8.9")],
    file: include_str!("output_only_field.rs"),
    settings: SettingsType::NONE,
    check: Check::Schemas,
};
