//! Objects on their way to a function or a plugin and back, in the form that kustomize gives them: with
//! what it remembers of each in annotations.

use resource::{Behavior, Resource};
use yaml::{Map, Node};

use crate::error::Result;
use crate::finish::is_internal;
use crate::origin;

/// Holds the id of an object, by which a plugin's author may know it.
pub(crate) const ID: &str = "kustomize.config.k8s.io/id";
/// Hold the number of an object in the list, counted from 1.
const NUMBER: [&str; 2] = ["internal.config.kubernetes.io/id", "config.k8s.io/id"];
/// Hold the number of an object in the list, counted from 0.
const INDEX: [&str; 3] = [
    "config.kubernetes.io/index",
    "internal.config.kubernetes.io/index",
    "internal.config.kubernetes.io/annotations-migration-resource-id",
];
/// By it, what a function was configured with is known if it comes back.
pub(crate) const LOCAL: &str = "config.kubernetes.io/local-config";

/// The list that a function reads.
pub(crate) fn resource_list(items: &[Node], config: &Node) -> Result<Vec<u8>> {
    let mut out = b"apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n".to_vec();
    out.extend_from_slice(if items.is_empty() { b"items: []\n" } else { b"items:\n" });
    for (at, item) in items.iter().enumerate() {
        let mut item = item.clone();
        for name in INDEX {
            origin::annotate(&mut item, name, at.to_string());
        }
        for name in NUMBER {
            origin::annotate(&mut item, name, (at + 1).to_string());
        }
        indent(&document(&item)?, b"- ", &mut out);
    }
    out.extend_from_slice(b"functionConfig:\n");
    indent(&document(config)?, b"  ", &mut out);
    Ok(out)
}

/// The documents that a plugin reads.
pub(crate) fn documents(items: &[Node]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.extend_from_slice(b"---\n");
        }
        out.extend_from_slice(&document(item)?);
    }
    Ok(out)
}

/// One object in kustomize's canonical form.
pub(crate) fn document(node: &Node) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    yaml::emit(node, &mut out).map_err(|error| {
        crate::error::BuildError::new(crate::error::ErrorKind::Object, error.mark, error.to_string())
    })?;
    Ok(out)
}

fn indent(text: &[u8], first: &[u8], out: &mut Vec<u8>) {
    for (at, line) in text.split_inclusive(|&byte| byte == b'\n').enumerate() {
        if line != b"\n" {
            out.extend_from_slice(if at == 0 { first } else { b"  " });
        }
        out.extend_from_slice(line);
    }
}

/// The object with all that is remembered of it.
pub(crate) fn with_memory(resource: &Resource) -> Node {
    const DOMAIN: &str = "internal.config.kubernetes.io/";
    let mut node = resource.node.clone();
    let mut set = |name: &str, value: String| {
        if !value.is_empty() {
            origin::annotate(&mut node, &format!("{DOMAIN}{name}"), value);
        }
    };
    let join = |texts: &mut dyn Iterator<Item = &yaml::Text>| {
        let texts: Vec<&str> = texts.map(yaml::Text::as_str).collect();
        texts.join(",")
    };
    let previous = || resource.previous.iter();
    set("previousNames", join(&mut previous().map(|id| &id.name)));
    set("previousNamespaces", join(&mut previous().map(|id| &id.namespace)));
    set("previousKinds", join(&mut previous().map(|id| &id.kind)));
    set("prefixes", join(&mut resource.prefixes.iter()));
    set("suffixes", join(&mut resource.suffixes.iter()));
    let enabled = |is: bool| if is { "enabled".to_owned() } else { String::new() };
    set("needsHashSuffix", enabled(resource.needs_hash));
    let behavior = match resource.behavior {
        Behavior::Unspecified => "",
        Behavior::Create => "create",
        Behavior::Replace => "replace",
        Behavior::Merge => "merge",
    };
    set("generatorBehavior", behavior.to_owned());
    if let Some(from) = &resource.origin
        && resource.annotation(origin::ORIGIN).is_some()
    {
        origin::annotate(&mut node, origin::ORIGIN, origin::origin_text(from));
    }
    if resource.annotation(origin::TRANSFORMATIONS).is_some() {
        let text = origin::transformations_text(&resource.transformations);
        origin::annotate(&mut node, origin::TRANSFORMATIONS, text);
    }
    node
}

/// What is remembered of an object, and its id.
pub(crate) fn item(resource: &Resource) -> Node {
    let mut node = with_memory(resource);
    let id = resource.id();
    let mut map = Map::new();
    let parts = [
        ("group", &id.gvk.group),
        ("kind", &id.gvk.kind),
        ("name", &id.name),
        ("namespace", &id.namespace),
        ("version", &id.gvk.version),
    ];
    for (name, text) in parts.into_iter().filter(|(_, text)| !text.is_empty()) {
        map.insert(name, Node::quoted_string(text.clone()));
    }
    origin::annotate(&mut node, ID, yaml::encode_v3(&Node::map(map)));
    node
}

/// The number that an object of a function's output had in its input, counted from 0.
pub(crate) fn number(node: &Node) -> Option<usize> {
    let number = |name| node.get_path(["metadata", "annotations", name]).and_then(Node::as_str);
    NUMBER
        .into_iter()
        .find_map(number)?
        .parse::<usize>()
        .ok()?
        .checked_sub(1)
}

/// Removes what is remembered beside an object, and what a function needs to know it.
pub(crate) fn forget_memory(node: &mut Node) {
    let Some(metadata) = node.get_mut("metadata").and_then(Node::as_map_mut) else {
        return;
    };
    let Some(annotations) = metadata.get_mut("annotations").and_then(Node::as_map_mut) else {
        return;
    };
    annotations.retain(|entry| entry.key.as_str().is_none_or(|key| key != ID && !is_internal(key)));
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
}

/// Removes annotations of an object, and the mapping of them where none is left.
pub(crate) fn remove_annotations(node: &mut Node, names: &[&str]) {
    let Some(metadata) = node.get_mut("metadata").and_then(Node::as_map_mut) else {
        return;
    };
    let Some(annotations) = metadata.get_mut("annotations").and_then(Node::as_map_mut) else {
        return;
    };
    annotations.retain(|entry| entry.key.as_str().is_none_or(|key| !names.contains(&key)));
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
}
