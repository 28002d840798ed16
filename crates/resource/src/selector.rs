//! Which objects a selector means (kustomize's `types.SelectorRegex` and `resWrangler.Select`).
//!
//! `name`, `namespace`, `group`, `version` and `kind` are regular expressions that must match the whole;
//! an empty one matches anything.

use crate::id::{Gvk, ResId};
use crate::labels::{LabelSelector, LabelSelectorError};
use crate::object::Resource;
use crate::pattern::{Pattern, PatternError};

/// A selector cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    #[error(transparent)]
    Pattern(#[from] PatternError),
    #[error("\"{text}\" is not a label selector: {cause}")]
    Labels { text: String, cause: LabelSelectorError },
}

/// A selector with its patterns compiled.
#[derive(Clone, Debug)]
pub struct SelectorMatcher {
    group: Option<Pattern>,
    version: Option<Pattern>,
    kind: Option<Pattern>,
    name: Option<Pattern>,
    namespace: Option<Pattern>,
    labels: Labels,
    annotations: Labels,
}

/// A label selector, or why its text is none: that counts only when an object comes so far.
type Labels = Result<LabelSelector, SelectorError>;

fn pattern(text: &str) -> Result<Option<Pattern>, PatternError> {
    if text.is_empty() {
        Ok(None)
    } else {
        Pattern::whole(text).map(Some)
    }
}

fn labels(text: &str) -> Labels {
    LabelSelector::parse(text).map_err(|cause| SelectorError::Labels {
        text: text.to_owned(),
        cause,
    })
}

impl SelectorMatcher {
    /// Compiles a selector. Fails if one of the patterns of `id` is no regular expression; a bad label
    /// selector fails later, with the first object that it would decide about.
    pub fn new(id: &ResId, label_selector: &str, annotation_selector: &str) -> Result<SelectorMatcher, SelectorError> {
        Ok(SelectorMatcher {
            group: pattern(&id.gvk.group)?,
            version: pattern(&id.gvk.version)?,
            kind: pattern(&id.gvk.kind)?,
            name: pattern(&id.name)?,
            namespace: pattern(&id.namespace)?,
            labels: labels(label_selector),
            annotations: labels(annotation_selector),
        })
    }

    /// Whether the object is meant: its first or its present name, its first or its present namespace, its
    /// type of today, its labels and its annotations.
    pub fn matches(&self, resource: &Resource) -> Result<bool, SelectorError> {
        Ok(self.matches_identity(resource) && self.matches_labels(resource)? && self.matches_annotations(resource)?)
    }

    fn matches_identity(&self, resource: &Resource) -> bool {
        if self.namespace.is_none() && self.name.is_none() {
            return self.matches_gvk(&resource.gvk());
        }
        let (first, now) = (resource.original_id(), resource.id());
        (self.matches_namespace(first.effective_namespace()) || self.matches_namespace(now.effective_namespace()))
            && (self.matches_name(&first.name) || self.matches_name(&now.name))
            && self.matches_gvk(&now.gvk)
    }

    /// Whether an id is meant; its namespace counts as it is written.
    pub fn matches_id(&self, id: &ResId) -> bool {
        self.matches_gvk(&id.gvk) && self.matches_name(&id.name) && self.matches_namespace(&id.namespace)
    }

    /// Whether the labels of an object are meant.
    pub fn matches_labels(&self, resource: &Resource) -> Result<bool, SelectorError> {
        let selector = self.labels.as_ref().map_err(Clone::clone)?;
        Ok(selector.is_empty() || selector.matches(|key| find_last(resource.labels(), key)))
    }

    /// Whether the annotations of an object are meant.
    pub fn matches_annotations(&self, resource: &Resource) -> Result<bool, SelectorError> {
        let selector = self.annotations.as_ref().map_err(Clone::clone)?;
        Ok(selector.is_empty() || selector.matches(|key| find_last(resource.annotations(), key)))
    }

    /// The one name that is meant, if the pattern of the name is no more than that.
    pub fn exact_name(&self) -> Option<&str> {
        match &self.name {
            Some(Pattern::Exact(name)) => Some(name),
            _ => None,
        }
    }

    /// Why the label or annotation selector cannot decide about any object.
    pub fn label_error(&self) -> Option<&SelectorError> {
        self.annotations.as_ref().err().or(self.labels.as_ref().err())
    }

    fn matches_gvk(&self, gvk: &Gvk) -> bool {
        is_match(&self.group, &gvk.group) && is_match(&self.version, &gvk.version) && is_match(&self.kind, &gvk.kind)
    }

    fn matches_name(&self, name: &str) -> bool {
        is_match(&self.name, name)
    }

    fn matches_namespace(&self, namespace: &str) -> bool {
        is_match(&self.namespace, namespace)
    }
}

fn is_match(pattern: &Option<Pattern>, text: &str) -> bool {
    pattern.as_ref().is_none_or(|pattern| pattern.matches(text))
}

/// The value of a key; the last one counts where it repeats.
fn find_last<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>, key: &str) -> Option<&'a str> {
    pairs.filter(|(other, _)| *other == key).last().map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use yaml::{Layer, Map, Mark, Node};

    use super::{SelectorError, SelectorMatcher};
    use crate::id::{Gvk, ResId};
    use crate::object::Resource;
    use crate::schema::Schema;

    fn map<const N: usize>(entries: [(&str, Node); N]) -> Node {
        let mut map = Map::new();
        for (key, value) in entries {
            map.insert(key, value);
        }
        Node::map(map)
    }

    fn layer() -> Arc<Layer> {
        Arc::new(Layer::new(
            "kustomization.yaml".into(),
            "resources[0]".into(),
            Mark::NONE,
        ))
    }

    /// Deployment `web`, once `site`, in no namespace of its own, labelled `app=web`.
    fn deployment() -> Resource {
        let metadata = map([
            ("name", Node::string("site")),
            ("labels", map([("app", Node::string("web"))])),
            ("annotations", map([("team", Node::string("ml"))])),
        ]);
        let node = map([
            ("apiVersion", Node::string("apps/v1")),
            ("kind", Node::string("Deployment")),
            ("metadata", metadata),
        ]);
        let mut resource = Resource::new(node, layer(), &Schema::default());
        resource.remember_id();
        resource.set_metadata_text("name", "web".into(), &layer());
        resource
    }

    fn id(group: &str, kind: &str, name: &str, namespace: &str) -> ResId {
        ResId {
            gvk: Gvk {
                group: group.into(),
                version: "".into(),
                kind: kind.into(),
            },
            name: name.into(),
            namespace: namespace.into(),
            cluster_scoped: false,
        }
    }

    #[test]
    fn matches_old_and_new_names_and_all_else() {
        let table = [
            (id("", "", "", ""), "", "", true),
            (id("", "", "site", ""), "", "", true),
            (id("", "", "web", ""), "", "", true),
            (id("", "", "we", ""), "", "", false),
            (id("", "", "w.*", ""), "", "", true),
            (id("", "", "", "default"), "", "", true),
            (id("", "", "", "other"), "", "", false),
            (id("apps", "Deploy.*", "", ""), "", "", true),
            (id("batch", "", "", ""), "", "", false),
            (id("", "Deployment|StatefulSet", "", ""), "app=web", "team", true),
            (id("", "", "", ""), "app!=web", "", false),
            (id("", "", "", ""), "", "team=ops", false),
        ];
        for (id, labels, annotations, expected) in table {
            let matcher = SelectorMatcher::new(&id, labels, annotations).unwrap();
            assert_eq!(
                matcher.matches(&deployment()),
                Ok(expected),
                "{id} {labels} {annotations}"
            );
        }
    }

    #[test]
    fn ids_match_by_the_namespace_as_written() {
        let matcher = SelectorMatcher::new(&id("", "", "", "default"), "", "").unwrap();
        assert!(!matcher.matches_id(&deployment().id()));
    }

    #[test]
    fn a_bad_label_selector_fails_only_where_it_decides() {
        let bad = SelectorMatcher::new(&id("", "Job", "", ""), "a b", "").unwrap();
        assert_eq!(bad.matches(&deployment()), Ok(false));
        let bad = SelectorMatcher::new(&id("", "", "", ""), "a b", "").unwrap();
        let error = bad.matches(&deployment()).unwrap_err();
        assert!(matches!(error, SelectorError::Labels { .. }));
        assert!(
            error
                .to_string()
                .starts_with("\"a b\" is not a label selector: unable to parse requirement:")
        );
        assert!(matches!(
            SelectorMatcher::new(&id("", "", "a(", ""), "", ""),
            Err(SelectorError::Pattern(_))
        ));
    }
}
