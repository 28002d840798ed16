//! `spec.match` of a constraint (`pkg/mutation/match` of Gatekeeper).

use resource::split_api_version;
use yaml::Node;

use crate::Defect;
use crate::data::{items, text, texts};
use crate::labels::Selector;
use crate::review::{Review, is_namespace};

/// What a constraint is about. Without anything it is about every object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Match {
    /// Groups and kinds; an empty list means all.
    kinds: Vec<(Vec<String>, Vec<String>)>,
    scope: Scope,
    namespaces: Vec<String>,
    excluded_namespaces: Vec<String>,
    labels: Option<Selector>,
    namespace_labels: Option<Selector>,
    name: String,
    /// Objects that were made by an expansion are not here: what asks for those alone matches nothing.
    only_generated: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Scope {
    #[default]
    Any,
    Cluster,
    Namespaced,
}

impl Match {
    /// # Errors
    /// [`Defect`] where a selector or the source is wrong.
    pub(crate) fn read(node: &Node) -> Result<Match, Defect> {
        let selector = |name: &str| {
            let found = node.get(name).filter(|node| !node.is_null());
            found.map(Selector::read).transpose()
        };
        let only_generated = match node.get("source").map(|node| (node, node.as_str())) {
            None | Some((_, Some("" | "All" | "Original"))) => false,
            Some((_, Some("Generated"))) => true,
            Some((node, _)) => {
                return Err(Defect::new(
                    node.mark,
                    "the source is none of All, Original and Generated",
                ));
            }
        };
        Ok(Match {
            kinds: items(node, &["kinds"])
                .map(|kind| (texts(kind, &["apiGroups"]), texts(kind, &["kinds"])))
                .collect(),
            scope: match text(node, &["scope"]) {
                Some("Cluster") => Scope::Cluster,
                Some("Namespaced") => Scope::Namespaced,
                _ => Scope::Any,
            },
            namespaces: texts(node, &["namespaces"]),
            excluded_namespaces: texts(node, &["excludedNamespaces"]),
            labels: selector("labelSelector")?,
            namespace_labels: selector("namespaceSelector")?,
            name: text(node, &["name"]).unwrap_or_default().to_owned(),
            only_generated,
        })
    }

    pub(crate) fn matches(&self, review: &Review) -> bool {
        !self.only_generated && review.objects().any(|object| self.matches_object(object, review))
    }

    fn matches_object(&self, object: &Node, review: &Review) -> bool {
        let kind = text(object, &["kind"]).unwrap_or_default();
        let (group, _) = split_api_version(text(object, &["apiVersion"]).unwrap_or_default());
        let among = |all: &[String], one: &str| all.is_empty() || all.iter().any(|other| other == "*" || other == one);
        let is_kind = self.kinds.is_empty()
            || self
                .kinds
                .iter()
                .any(|(groups, kinds)| among(kinds, kind) && among(groups, group));
        if !is_kind {
            return false;
        }
        let is_namespace = is_namespace(object);
        let metadata = |name: &str| text(object, &["metadata", name]).unwrap_or_default();
        let is_namespaced = !metadata("namespace").is_empty();
        let is_in_scope = match self.scope {
            Scope::Any => true,
            Scope::Cluster => is_namespace || !is_namespaced,
            Scope::Namespaced => !is_namespace && is_namespaced,
        };
        // Objects of the cluster are in every namespace, and excluded from none.
        let namespace = match (is_namespace, metadata("namespace")) {
            (true, _) => Some(metadata("name")),
            (false, "") => None,
            (false, namespace) => Some(namespace),
        };
        let is_in_namespace = namespace.is_none_or(|namespace| {
            let is_in = |all: &[String]| all.iter().any(|pattern| fits(pattern, namespace));
            (self.namespaces.is_empty() || is_in(&self.namespaces)) && !is_in(&self.excluded_namespaces)
        });
        let has_labels = self.labels.as_ref().is_none_or(|selector| selector.matches(object));
        let has_namespace_labels =
            self.namespace_labels
                .as_ref()
                .is_none_or(|selector| match (is_namespace, &review.namespace_object) {
                    (true, _) => selector.matches(object),
                    (false, Some(namespace)) => selector.matches(namespace),
                    (false, None) => !is_namespaced,
                });
        let is_named = self.name.is_empty()
            || fits(&self.name, metadata("name"))
            || (self.name.ends_with('*') && fits(&self.name, metadata("generateName")));
        is_in_scope && is_in_namespace && has_labels && has_namespace_labels && is_named
    }
}

/// A name with `*` before it, behind it, or both.
fn fits(pattern: &str, name: &str) -> bool {
    let inner = pattern.strip_prefix('*').unwrap_or(pattern);
    match (pattern.starts_with('*'), pattern.ends_with('*')) {
        (true, true) => name.contains(inner.strip_suffix('*').unwrap_or(inner)),
        (true, false) => name.ends_with(inner),
        (false, true) => name.starts_with(&pattern[..pattern.len() - 1]),
        (false, false) => pattern == name,
    }
}
