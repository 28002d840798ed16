//! The schemas that objects are checked against: which versions of Kubernetes, and where others are found.

use std::sync::OnceLock;

use hashbrown::HashSet;
use resource::Finding;
use schema::{Catalog, Custom, Dialect, Lookup, Versions};

use crate::context::Context;
use crate::exports;
use crate::rule::missing_schema;

/// What a run has of schemas; builds share it.
#[derive(Clone, Copy)]
pub struct Schemas<'l> {
    /// The versions of Kubernetes that the objects are for.
    pub versions: Versions,
    /// Schemas beside those of Kubernetes and of the definitions in the tree.
    pub lookup: Option<&'l dyn Lookup>,
}

impl Schemas<'_> {
    /// The schemas of one build, those that its objects define included.
    pub(crate) fn catalog(&self, context: &Context<'_>) -> Catalog<'_> {
        Catalog::new(context.objects(), self.versions, Some(self))
    }
}

impl Lookup for Schemas<'_> {
    /// Terrace's own kinds that are no workloads are here; the rest is elsewhere.
    fn find(&self, api_version: &str, kind: &str) -> Result<Option<Custom>, String> {
        static INTENT: OnceLock<Result<Custom, String>> = OnceLock::new();
        if (api_version, kind) == (secret::API_VERSION, secret::KIND) {
            let read = || schema::schema_to_types(&exports::secret_intent(), Dialect::Json);
            return INTENT.get_or_init(read).clone().map(Some);
        }
        self.lookup.map_or(Ok(None), |lookup| lookup.find(api_version, kind))
    }
}

/// What a catalogue says of all objects, from what it said of parts of them: the findings of the rules that are
/// on, each as severe as its rule.
pub(crate) fn judged(
    context: &Context<'_>,
    catalog: &Catalog<'_>,
    parts: impl Iterator<Item = Vec<Finding>>,
) -> Vec<Finding> {
    let mut missing = HashSet::new();
    let mut findings = catalog.findings().to_vec();
    findings.extend(parts.flatten());
    findings.retain_mut(|finding| {
        let rule = crate::rule::rule(&finding.rule).expect("every defect of schemas has a rule");
        let severity = context.settings().severity(rule);
        finding.severity = severity.unwrap_or(finding.severity);
        // Each part tells it once.
        let is_told = rule.name == missing_schema::RULE.name && !missing.insert(finding.message.clone());
        severity.is_some() && !is_told
    });
    findings
}
