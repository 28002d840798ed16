//! The annotations that `buildMetadata` asks for: where an object came from, what transformed it.

use resource::{BuildOrigin, ConfiguredBy, Resource};
use yaml::{Map, Node};
fn encode_v3(_n: &Node) -> String { String::new() }

/// The annotation that holds the origin.
pub(crate) const ORIGIN: &str = "config.kubernetes.io/origin";
/// The annotation that holds the transformations.
pub(crate) const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";

/// The origin of what a path leads to, seen from `origin`.
pub(crate) fn append(origin: &BuildOrigin, path: &str) -> BuildOrigin {
    BuildOrigin { path: join(&origin.path, path), ..origin.clone() }
}

/// The origin of what a generator or transformer makes that is configured in a file.
pub(crate) fn configured_in(origin: &BuildOrigin, file: &str, api_version: &str, kind: &str) -> BuildOrigin {
    BuildOrigin {
        path: String::new(),
        repo: origin.repo.clone(),
        reference: origin.reference.clone(),
        configured_in: join(&origin.path, file),
        configured_by: ConfiguredBy { api_version: api_version.into(), kind: kind.into(), ..ConfiguredBy::default() },
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

/// The text of the origin annotation.
pub(crate) fn origin_text(origin: &BuildOrigin) -> String {
    encode_v3(&Node::map(map(origin)))
}

/// The text of the transformations annotation.
pub(crate) fn transformations_text(origins: &[BuildOrigin]) -> String {
    encode_v3(&Node::seq(origins.iter().map(|origin| Node::map(map(origin))).collect::<yaml::Seq>()))
}

fn map(origin: &BuildOrigin) -> Map {
    let mut map = Map::new();
    let mut set = |key: &str, value: &str| {
        if !value.is_empty() {
            map.insert(key, Node::string(value));
        }
    };
    set("path", &origin.path);
    set("repo", &origin.repo);
    set("ref", &origin.reference);
    set("configuredIn", &origin.configured_in);
    let by = &origin.configured_by;
    if *by != ConfiguredBy::default() {
        let mut inner = Map::new();
        for (key, value) in
            [("apiVersion", &by.api_version), ("kind", &by.kind), ("name", &by.name), ("namespace", &by.namespace)]
        {
            if !value.is_empty() {
                inner.insert(key, Node::string(value.as_str()));
            }
        }
        map.insert("configuredBy", Node::map(inner));
    }
    map
}
