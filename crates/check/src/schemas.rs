//! The schemas that objects are checked against: which versions of Kubernetes, and where others are found.

use resource::Finding;
use schema::{Catalog, Lookup, Versions};

use crate::context::Context;

/// What a run has of schemas; builds share it.
#[derive(Clone, Copy)]
pub struct Schemas<'l> {
    /// The versions of Kubernetes that the objects are for.
    pub versions: Versions,
    /// Schemas beside those of Kubernetes and of the definitions in the tree.
    pub lookup: Option<&'l dyn Lookup>,
}

impl Schemas<'_> {
    /// The findings of the rules about schemas that are on, each as severe as its rule.
    pub(crate) fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let catalog = Catalog::new(context.objects(), self.versions, self.lookup);
        let mut findings = catalog.check(context.objects());
        findings.retain_mut(|finding| {
            let rule = crate::rule::rule(&finding.rule).expect("every defect of schemas has a rule");
            let severity = context.settings().severity(rule);
            finding.severity = severity.unwrap_or(finding.severity);
            severity.is_some()
        });
        findings
    }
}
