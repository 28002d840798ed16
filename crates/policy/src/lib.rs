//! Policies of a cluster, run on what was built: Gatekeeper's constraints and Kubernetes' admission policies.
//!
//! In go trees: constraint templates, constraints, validating admission policies and their bindings make a
//! [`Policies`]; objects and a set of policies give findings, each at the field that it is about. [`suite`]
//! runs Gatekeeper's own test files. Rego is run by `regorus`, CEL by `expression`; both within limits, so
//! that a policy that never ends is a finding too. What cannot be evaluated is always a finding.

mod admission;
mod cel;
mod constraint;
mod data;
mod labels;
mod matching;
mod place;
mod policies;
mod rego;
mod review;
mod schema;
pub mod suite;
mod template;

pub use policies::{Policies, PolicyError};
pub use review::Review;

use yaml::Mark;

/// A policy, or a part of one, is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Defect {
    pub(crate) message: String,
    pub(crate) mark: Mark,
}

impl Defect {
    pub(crate) fn new(mark: Mark, message: impl Into<String>) -> Defect {
        Defect {
            message: message.into(),
            mark,
        }
    }
}

/// What a policy says against an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) message: String,
    /// What more it says, such as audit annotations: name and value.
    pub(crate) details: Vec<(String, String)>,
}
