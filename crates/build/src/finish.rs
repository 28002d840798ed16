//! The last touches: the order, the label of the maker, and annotations that are not for the user.

use resource::{Resource, ResourceSet};
use yaml::{Map, Node, Style, Tag, Text, Value};

use crate::accumulate::{Accumulated, Target};
use crate::config::{FieldSpec, Str};
use crate::error::Result;
use crate::origin;
use crate::transform::{label, sort_order};
use crate::{Options, Reorder};

/// Annotations that tools leave on objects for themselves; kustomize removes them from its result.
const REMOVED: &[&str] = &[
    "internal.config.kubernetes.io/previousKinds",
    "internal.config.kubernetes.io/previousNames",
    "internal.config.kubernetes.io/prefixes",
    "internal.config.kubernetes.io/suffixes",
    "internal.config.kubernetes.io/previousNamespaces",
    "internal.config.kubernetes.io/allowNameChange",
    "internal.config.kubernetes.io/allowKindChange",
    "internal.config.kubernetes.io/refBy",
    "internal.config.kubernetes.io/generatorBehavior",
    "internal.config.kubernetes.io/needsHashSuffix",
    "internal.config.kubernetes.io/path",
    "internal.config.kubernetes.io/index",
    "internal.config.kubernetes.io/seqindent",
    "internal.config.kubernetes.io/id",
    "internal.config.kubernetes.io/annotations-migration-resource-id",
    "internal.config.kubernetes.io/helm-generated",
    "config.kubernetes.io/path",
    "config.kubernetes.io/index",
    "config.k8s.io/id",
];

/// Whether an annotation is only for the tools that work on an object; what helm made stays known.
pub(crate) fn is_internal(key: &str) -> bool {
    REMOVED.contains(&key) && !key.ends_with("/helm-generated")
}

/// The objects as they are printed.
pub(crate) fn finish(target: &Target, mut acc: Accumulated, options: &Options) -> Result<Vec<Resource>> {
    let kustomization = target.kustomization();
    let asks = |option: &str| kustomization.build_metadata.iter().any(|asked| &**asked == option);
    let set = std::mem::take(&mut acc.set);
    let mut set = match (&kustomization.sort_options, options.reorder) {
        (Some(sort), _) => sort_order::apply(set, sort, yaml::Mark::NONE)?,
        (None, Reorder::None) => set,
        (None, Reorder::Legacy | Reorder::Unspecified) => sort_order::legacy(set),
    };
    if options.managed_by_label || asks("managedByLabel") {
        add_managed_by(target, &mut set)?;
    }
    let (origins, transformations) = (asks("originAnnotations"), asks("transformerAnnotations"));
    let mut objects = set.into_vec();
    for object in &mut objects {
        set_annotations(object, origins, transformations);
    }
    Ok(objects)
}

fn add_managed_by(target: &Target, set: &mut ResourceSet) -> Result<()> {
    let layer = target.layer("managedByLabel", yaml::Mark::NONE);
    let text = |text: &str| Str {
        text: text.into(),
        mark: yaml::Mark::NONE,
        style: Style::Plain,
    };
    let version = format!("kustomize-{}", crate::KUSTOMIZE_VERSION);
    let pairs = vec![(text("app.kubernetes.io/managed-by"), text(&version))];
    let spec = FieldSpec {
        path: "metadata/labels".into(),
        create: true,
        ..FieldSpec::default()
    };
    label::apply(set, &pairs, &[spec], &layer, || 1)
}

/// Removes what is internal and makes every value a string, as kustomize does when it rewrites them;
/// an empty mapping of annotations goes away.
fn set_annotations(object: &mut Resource, origins: bool, transformations: bool) {
    let mut made: Vec<(&str, String)> = Vec::new();
    if origins
        && object.annotation(origin::ORIGIN).is_some()
        && let Some(from) = &object.origin
    {
        made.push((origin::ORIGIN, origin::origin_text(from)));
    }
    if transformations && object.annotation(origin::TRANSFORMATIONS).is_some() && !object.transformations.is_empty() {
        made.push((
            origin::TRANSFORMATIONS,
            origin::transformations_text(&object.transformations),
        ));
    }
    let annotations = object
        .node
        .get("metadata")
        .and_then(|metadata| metadata.get("annotations"));
    let is_final = match annotations {
        None => object
            .node
            .get("metadata")
            .is_some_and(|metadata| metadata.as_map().is_some()),
        Some(annotations) => annotations.as_map().is_some_and(|map| {
            !map.is_empty()
                && map.iter().all(|entry| is_text(&entry.value) && !is_removed(&entry.key))
                && no_key_twice(map)
        }),
    };
    if is_final && made.is_empty() {
        return;
    }
    let Some(metadata) = object.metadata_mut() else { return };
    let old = metadata.remove("annotations").map(|entry| entry.value);
    let mut new = Map::new();
    for entry in old.as_ref().and_then(Node::as_map).into_iter().flatten() {
        match entry.key.text() {
            Some(key) if !is_removed(&entry.key) => {
                new.insert(key.clone(), as_text(&entry.value));
            }
            Some(_) => {}
            // What cannot be a key is refused when the object is printed.
            None => new.push(entry.key.clone(), entry.value.clone()),
        }
    }
    for (key, text) in made {
        new.insert(key, Node::string(text));
    }
    if !new.is_empty() {
        metadata.insert("annotations", Node::map(new));
    }
}

fn is_removed(key: &Node) -> bool {
    key.as_str()
        .is_some_and(|key| REMOVED.contains(&key) || key == origin::ORIGIN || key == origin::TRANSFORMATIONS)
}

fn no_key_twice(map: &Map) -> bool {
    let keys: hashbrown::HashSet<&str> = map.iter().filter_map(|entry| entry.key.as_str()).collect();
    keys.len() == map.len()
}

fn is_text(node: &Node) -> bool {
    node.is_scalar() && node.tag == Tag::Str
}

fn as_text(node: &Node) -> Node {
    let mut node = node.clone();
    if !node.is_scalar() {
        node.value = Value::Scalar(Text::default());
    }
    if !is_text(&node) {
        node.tag = Tag::Str;
        node.style = Style::Plain;
    }
    node
}
