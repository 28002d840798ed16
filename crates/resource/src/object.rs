//! One object on its way through a build: its tree, and what kustomize remembers beside it.
//!
//! kustomize keeps that memory in annotations of the object; here it is in fields, so that no patch
//! can lose it and nothing has to be parsed again.

use std::sync::Arc;

use yaml::{Layer, Map, Node, Tag, Text, Value};

use crate::id::{DEFAULT_NAMESPACE, Gvk, IdKey, ResId, effective_namespace, split_api_version};
use crate::schema::Schema;

/// A name, namespace and kind that the object had before a transformer changed them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviousId {
    pub name: Text,
    pub namespace: Text,
    pub kind: Text,
}

/// What happens when a generated object meets one of the same id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behavior {
    /// Not generated, or `behavior` was not given.
    #[default]
    Unspecified,
    Create,
    Replace,
    Merge,
}

/// Where an object came from or what changed it, for the annotations that `buildMetadata` asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildOrigin {
    pub path: String,
    pub repo: String,
    pub reference: String,
    pub configured_in: String,
    pub configured_by: ConfiguredBy,
}

/// The generator or transformer of a [`BuildOrigin`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfiguredBy {
    pub api_version: String,
    pub kind: String,
    pub name: String,
    pub namespace: String,
}

/// An object and its history in this build.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The tree; null when a patch deleted the object.
    pub node: Node,
    /// The step that brought the object into the build.
    pub layer: Arc<Layer>,
    /// The ids it had, oldest first.
    pub previous: Vec<PreviousId>,
    /// Prefixes that were added to the name, oldest first.
    pub prefixes: Vec<Text>,
    /// Suffixes that were added to the name, oldest first.
    pub suffixes: Vec<Text>,
    /// Names of the vars that read from this object.
    pub var_names: Vec<Text>,
    pub behavior: Behavior,
    /// A hash of the content is to be added to the name.
    pub needs_hash: bool,
    /// (Patches) may change the name of its target.
    pub allow_name_change: bool,
    /// (Patches) may change the kind of its target.
    pub allow_kind_change: bool,
    /// Where it came from, while `buildMetadata` wants to know.
    pub origin: Option<BuildOrigin>,
    /// What transformed it, while `buildMetadata` wants to know.
    pub transformations: Vec<BuildOrigin>,
    cluster_scoped: bool,
}

impl Resource {
    pub fn new(node: Node, layer: Arc<Layer>, schema: &Schema) -> Resource {
        let mut resource = Resource {
            node,
            layer,
            previous: Vec::new(),
            prefixes: Vec::new(),
            suffixes: Vec::new(),
            var_names: Vec::new(),
            behavior: Behavior::Unspecified,
            needs_hash: false,
            allow_name_change: false,
            allow_kind_change: false,
            origin: None,
            transformations: Vec::new(),
            cluster_scoped: false,
        };
        resource.refresh_scope(schema);
        resource.read_memory();
        resource
    }

    /// Takes over what an earlier run of kustomize, or a user, wrote down in kustomize's own annotations.
    fn read_memory(&mut self) {
        const DOMAIN: &str = "internal.config.kubernetes.io/";
        let Some(annotations) = self.node.get_path(["metadata", "annotations"]).and_then(Node::as_map) else {
            return;
        };
        if !annotations
            .iter()
            .any(|entry| entry.key.as_str().is_some_and(|key| key.starts_with(DOMAIN)))
        {
            return;
        }
        let read = |name: &str| self.annotation(&format!("{DOMAIN}{name}"));
        let list = |name: &str| {
            read(name)
                .map(|text| text.split(',').map(Text::from).collect::<Vec<_>>())
                .unwrap_or_default()
        };
        let (names, namespaces, kinds) = (list("previousNames"), list("previousNamespaces"), list("previousKinds"));
        let ids = names.into_iter().zip(namespaces).zip(kinds);
        let previous = ids
            .map(|((name, namespace), kind)| PreviousId { name, namespace, kind })
            .collect();
        let (prefixes, suffixes) = (list("prefixes"), list("suffixes"));
        let behavior = match read("generatorBehavior") {
            Some("create") => Behavior::Create,
            Some("replace") => Behavior::Replace,
            Some("merge") => Behavior::Merge,
            _ => Behavior::Unspecified,
        };
        let is_enabled = |name: &str| read(name) == Some("enabled");
        let (needs_hash, names_may_change, kinds_may_change) = (
            is_enabled("needsHashSuffix"),
            is_enabled("allowNameChange"),
            is_enabled("allowKindChange"),
        );
        (self.previous, self.prefixes, self.suffixes, self.behavior) = (previous, prefixes, suffixes, behavior);
        (self.needs_hash, self.allow_name_change, self.allow_kind_change) =
            (needs_hash, names_may_change, kinds_may_change);
    }

    /// To be called after `apiVersion` or `kind` changed.
    pub fn refresh_scope(&mut self, schema: &Schema) {
        self.cluster_scoped = schema.is_cluster_scoped(self.api_version(), self.kind());
    }

    pub fn api_version(&self) -> &str {
        self.node.get("apiVersion").and_then(Node::as_str).unwrap_or_default()
    }

    pub fn kind(&self) -> &str {
        self.node.get("kind").and_then(Node::as_str).unwrap_or_default()
    }

    pub fn name(&self) -> &str {
        self.metadata_text("name").map(Text::as_str).unwrap_or_default()
    }

    pub fn namespace(&self) -> &str {
        self.metadata_text("namespace").map(Text::as_str).unwrap_or_default()
    }

    fn metadata_text(&self, field: &str) -> Option<&Text> {
        let node = self.node.get("metadata")?.get(field)?;
        if node.is_null() { None } else { node.text() }
    }

    fn field_text(&self, field: &str) -> Text {
        self.node.get(field).and_then(Node::text).cloned().unwrap_or_default()
    }

    pub fn gvk(&self) -> Gvk {
        Gvk::from_fields(self.api_version(), self.field_text("kind"))
    }

    pub fn is_cluster_scoped(&self) -> bool {
        self.cluster_scoped
    }

    /// The id the object has now.
    pub fn id(&self) -> ResId {
        ResId {
            gvk: self.gvk(),
            name: self.metadata_text("name").cloned().unwrap_or_default(),
            namespace: self.metadata_text("namespace").cloned().unwrap_or_default(),
            cluster_scoped: self.cluster_scoped,
        }
    }

    /// The ids it had before, oldest first, with the group and version of today.
    pub fn previous_ids(&self) -> impl Iterator<Item = ResId> + '_ {
        let (group, version) = split_api_version(self.api_version());
        self.previous.iter().map(move |previous| ResId {
            gvk: Gvk {
                group: group.into(),
                version: version.into(),
                kind: previous.kind.clone(),
            },
            name: previous.name.clone(),
            namespace: previous.namespace.clone(),
            cluster_scoped: false,
        })
    }

    /// What counts in the id it has now.
    pub(crate) fn key(&self) -> IdKey<'_> {
        let (group, version) = split_api_version(self.api_version());
        IdKey {
            name: self.name(),
            kind: self.kind(),
            group,
            version,
            namespace: effective_namespace(self.namespace(), self.cluster_scoped),
        }
    }

    /// What counts in the ids it had before.
    pub(crate) fn previous_keys(&self) -> impl Iterator<Item = IdKey<'_>> {
        let (group, version) = split_api_version(self.api_version());
        self.previous.iter().map(move |previous| IdKey {
            name: &previous.name,
            kind: &previous.kind,
            group,
            version,
            namespace: effective_namespace(&previous.namespace, false),
        })
    }

    /// The id it came into the build with.
    pub fn original_id(&self) -> ResId {
        self.previous_ids().next().unwrap_or_else(|| self.id())
    }

    /// Remembers the current id before a change.
    pub fn remember_id(&mut self) {
        let id = self.id();
        let namespace = match id.effective_namespace() {
            DEFAULT_NAMESPACE => Text::from(DEFAULT_NAMESPACE),
            namespace => Text::from(namespace),
        };
        // Most objects are renamed once or twice.
        self.previous.reserve_exact(1);
        self.previous.push(PreviousId {
            name: id.name,
            namespace,
            kind: id.gvk.kind,
        });
    }

    /// Whether a patch deleted the object, or nothing is left of it.
    pub fn is_empty(&self) -> bool {
        self.node.is_null_or_empty()
    }

    /// The value of an annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.node.get_path(["metadata", "annotations", key])?.as_str()
    }

    /// The labels as pairs of texts.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.metadata_pairs("labels")
    }

    /// The annotations as pairs of texts.
    pub fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.metadata_pairs("annotations")
    }

    fn metadata_pairs(&self, field: &str) -> impl Iterator<Item = (&str, &str)> {
        let map = self
            .node
            .get("metadata")
            .and_then(|metadata| metadata.get(field))
            .and_then(Node::as_map);
        map.into_iter()
            .flatten()
            .map(|entry| (entry.key.as_str().unwrap_or(""), entry.value.as_str().unwrap_or("")))
    }

    /// The `metadata` mapping, made if it is not there. Returns `None` if the object or its metadata is
    /// something else than a mapping.
    pub fn metadata_mut(&mut self) -> Option<&mut Map> {
        let map = self.node.as_map_mut()?;
        if map.get("metadata").is_none_or(Node::is_null) {
            map.insert("metadata", Node::map(Map::new()));
        }
        map.get_mut("metadata")?.as_map_mut()
    }

    /// Sets a top-level or metadata text, keeping the style of what was there. `layer` says who did it.
    pub fn set_metadata_text(&mut self, field: &str, text: Text, layer: &Arc<Layer>) {
        if let Some(metadata) = self.metadata_mut() {
            set_text(metadata, field, text, layer);
        }
    }

    /// Sets `kind`.
    pub fn set_kind(&mut self, kind: Text, layer: &Arc<Layer>) {
        if let Value::Map(map) = &mut self.node.value {
            set_text(map, "kind", kind, layer);
        }
    }
}

/// Sets a text field of a mapping unless it has that text; keeps the style of what was there.
fn set_text(map: &mut Map, field: &str, text: Text, layer: &Arc<Layer>) {
    match map.get(field) {
        Some(node) if node.text() == Some(&text) => {}
        Some(node) => {
            let mut new = Node::scalar(text, Tag::Unset).at(layer.mark);
            new.style = node.style;
            if let Some(node) = map.get_mut(field) {
                node.replace(new, layer);
            }
        }
        None => {
            let mut new = Node::quoted_string(text).at(layer.mark);
            new.stamp(layer);
            map.insert(field, new);
        }
    }
}
