//! The annotations that `buildMetadata` asks for: where an object came from, what transformed it.

use crate::repo_spec::RepoSpec;
use resource::{BuildOrigin, ConfiguredBy, Resource};
use yaml::{Map, Node, Text, encode_v3};

/// The annotation that holds the origin.
pub(crate) const ORIGIN: &str = "config.kubernetes.io/origin";
/// The annotation that holds the transformations.
pub(crate) const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";

/// The origin of what a path leads to, seen from `origin`.
pub(crate) fn append(origin: &BuildOrigin, path: &str) -> BuildOrigin {
    if let Some(spec) = RepoSpec::parse(path) {
        let root = join("", &spec.path);
        // kustomize's name for the root of a repository.
        let path = if root.is_empty() { "notCloned".to_owned() } else { root };
        return BuildOrigin {
            path,
            repo: spec.clone_url,
            reference: spec.reference,
            ..origin.clone()
        };
    }
    BuildOrigin {
        path: join(&origin.path, path),
        ..origin.clone()
    }
}

/// The origin of what a generator or transformer makes that is configured in a file.
pub(crate) fn configured_in(origin: &BuildOrigin, file: &str, api_version: &str, kind: &str) -> BuildOrigin {
    BuildOrigin {
        path: String::new(),
        repo: origin.repo.clone(),
        reference: origin.reference.clone(),
        configured_in: join(&origin.path, file),
        configured_by: ConfiguredBy {
            api_version: api_version.into(),
            kind: kind.into(),
            ..ConfiguredBy::default()
        },
    }
}

/// The origin of what a generator or transformer object makes.
pub(crate) fn configured_by(object: &Resource) -> Option<BuildOrigin> {
    let origin = object.origin.as_ref()?;
    Some(BuildOrigin {
        path: String::new(),
        repo: origin.repo.clone(),
        reference: origin.reference.clone(),
        configured_in: origin.path.clone(),
        configured_by: ConfiguredBy {
            api_version: object.api_version().into(),
            kind: object.kind().into(),
            name: object.name().into(),
            namespace: object.namespace().into(),
        },
    })
}

/// Go's `filepath.Join` of two relative paths.
fn join(base: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match (part, parts.last()) {
            ("" | ".", _) => {}
            ("..", Some(&last)) if last != ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// Notes where an object came from, in the object itself: kustomize keeps it in an annotation, and a
/// patch that replaces all annotations makes it forget.
pub(crate) fn note(resource: &mut Resource, origin: Option<BuildOrigin>) {
    if origin.is_some() {
        set_annotation(resource, ORIGIN);
    }
    resource.origin = origin;
}

/// Notes that a transformer changed an object, or made it if nothing is known of where it came from.
pub(crate) fn note_transformation(resource: &mut Resource, by: &BuildOrigin) {
    if resource.annotation(ORIGIN).is_none() {
        return note(resource, Some(by.clone()));
    }
    if resource.annotation(TRANSFORMATIONS).is_none() {
        resource.transformations.clear();
        set_annotation(resource, TRANSFORMATIONS);
    }
    resource.transformations.push(by.clone());
}

/// The text is filled in when the object is finished.
fn set_annotation(resource: &mut Resource, key: &str) {
    if resource.metadata_mut().is_some() {
        annotate(&mut resource.node, key, "noted");
    }
}

/// Sets an annotation of an object.
pub(crate) fn annotate(node: &mut Node, name: &str, value: impl Into<Text>) {
    let Some(object) = node.as_map_mut() else { return };
    if object
        .get("metadata")
        .is_none_or(|metadata| metadata.as_map().is_none())
    {
        object.insert("metadata", Node::map(Map::new()));
    }
    let Some(metadata) = object.get_mut("metadata").and_then(Node::as_map_mut) else {
        return;
    };
    if metadata
        .get("annotations")
        .is_none_or(|annotations| annotations.as_map().is_none())
    {
        metadata.insert("annotations", Node::map(Map::new()));
    }
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Node::as_map_mut) {
        annotations.insert(name, Node::string(value));
    }
}

/// The text of the origin annotation.
pub(crate) fn origin_text(origin: &BuildOrigin) -> String {
    encode_v3(&Node::map(map(origin)))
}

/// The text of the transformations annotation.
pub(crate) fn transformations_text(origins: &[BuildOrigin]) -> String {
    encode_v3(&Node::seq(
        origins
            .iter()
            .map(|origin| Node::map(map(origin)))
            .collect::<yaml::Seq>(),
    ))
}

fn map(origin: &BuildOrigin) -> Map {
    let mut map = Map::new();
    let mut set = |key: &str, value: &str| {
        if !value.is_empty() {
            map.insert(key, Node::quoted_string(value));
        }
    };
    set("path", &origin.path);
    set("repo", &origin.repo);
    set("ref", &origin.reference);
    set("configuredIn", &origin.configured_in);
    let by = &origin.configured_by;
    if *by != ConfiguredBy::default() {
        let mut inner = Map::new();
        for (key, value) in [
            ("apiVersion", &by.api_version),
            ("kind", &by.kind),
            ("name", &by.name),
            ("namespace", &by.namespace),
        ] {
            if !value.is_empty() {
                inner.insert(key, Node::quoted_string(value.as_str()));
            }
        }
        map.insert("configuredBy", Node::map(inner));
    }
    map
}
