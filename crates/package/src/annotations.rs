//! The annotations of an object, and those with which a package remembers where it was read: each has a name of old
//! as well (kyaml's kioutil).

use std::collections::BTreeMap;

use yaml::{Layout, LayoutKind, LayoutStyle};

use crate::error::{Error, Result};

pub(crate) const INDEX: &str = "internal.config.kubernetes.io/index";
pub(crate) const PATH: &str = "internal.config.kubernetes.io/path";
pub(crate) const ID: &str = "internal.config.kubernetes.io/id";
pub(crate) const SEQUENCE_INDENT: &str = "internal.config.kubernetes.io/seqindent";
pub(crate) const OLD_INDEX: &str = "config.kubernetes.io/index";
pub(crate) const OLD_PATH: &str = "config.kubernetes.io/path";
pub(crate) const OLD_ID: &str = "config.k8s.io/id";

/// The new name of each, and the old one.
pub(crate) const PAIRS: [(&str, &str); 3] = [(PATH, OLD_PATH), (INDEX, OLD_INDEX), (ID, OLD_ID)];

/// What an object says of itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meta<'o> {
    pub(crate) api_version: &'o str,
    pub(crate) kind: &'o str,
    pub(crate) name: &'o str,
    pub(crate) namespace: &'o str,
    pub(crate) annotations: BTreeMap<&'o str, &'o str>,
    /// Whether it says anything at all.
    pub(crate) is_there: bool,
}

impl<'o> Meta<'o> {
    pub(crate) fn of(object: &'o Layout) -> Meta<'o> {
        let root = object.root();
        let text = |node: Option<&'o Layout>| {
            let found = node.filter(|node| !node.is_null() && node.kind == LayoutKind::Scalar);
            found.map_or("", |node| &*node.value)
        };
        let metadata = root.get("metadata");
        let part = |name| metadata.and_then(|metadata| metadata.get(name));
        let mut meta = Meta {
            api_version: text(root.get("apiVersion")),
            kind: text(root.get("kind")),
            name: text(part("name")),
            namespace: text(part("namespace")),
            annotations: BTreeMap::new(),
            is_there: false,
        };
        if let Some(annotations) = part("annotations") {
            let entries = annotations.entries();
            meta.annotations = entries.map(|(key, value)| (&*key.value, &*value.value)).collect();
        }
        let has_labels = part("labels").is_some_and(|labels| !labels.content.is_empty());
        meta.is_there = has_labels
            || !meta.annotations.is_empty()
            || [meta.api_version, meta.kind, meta.name, meta.namespace]
                .iter()
                .any(|text| !text.is_empty());
        meta
    }

    pub(crate) fn annotation(&self, name: &str) -> &'o str {
        self.annotations.get(name).copied().unwrap_or_default()
    }

    /// Under its new name or its old one.
    pub(crate) fn either(&self, (new, old): (&str, &str)) -> &'o str {
        let found = self.annotations.get(new).or_else(|| self.annotations.get(old));
        found.copied().unwrap_or_default()
    }
}

/// Sets an annotation, in single quotes where it is new.
pub(crate) fn set(object: &mut Layout, key: &str, value: &str) -> Result<()> {
    clear_empty(object)?;
    let root = object.root_mut();
    if root.kind != LayoutKind::Mapping {
        return Err(Error::wrong_kind(LayoutKind::Mapping, root));
    }
    let mut node = root;
    for name in ["metadata", "annotations"] {
        if node.kind != LayoutKind::Mapping {
            return Err(Error::wrong_kind(LayoutKind::Mapping, node));
        }
        let at = match node.position(name) {
            Some(at) => at,
            None => {
                node.push(Layout::scalar(name), Layout::new(LayoutKind::Mapping));
                node.content.len() - 2
            }
        };
        node = &mut node.content[at + 1];
    }
    if node.kind != LayoutKind::Mapping {
        return Err(Error::wrong_kind(LayoutKind::Mapping, node));
    }
    let mut new = Layout {
        tag: "!!str".to_owned(),
        style: LayoutStyle {
            single_quoted: true,
            ..LayoutStyle::PLAIN
        },
        ..Layout::scalar(value)
    };
    match node.get_mut(key) {
        Some(old) => {
            new.style = old.style;
            *old = new;
        }
        None => node.push(Layout::scalar(key), new),
    }
    Ok(())
}

/// Removes an annotation.
pub(crate) fn clear(object: &mut Layout, key: &str) -> Result<()> {
    let annotations = object
        .root_mut()
        .get_mut("metadata")
        .and_then(|metadata| metadata.get_mut("annotations"))
        .filter(|annotations| !annotations.is_null());
    if let Some(annotations) = annotations {
        if annotations.kind != LayoutKind::Mapping {
            return Err(Error::wrong_kind(LayoutKind::Mapping, annotations));
        }
        annotations.remove(key);
    }
    Ok(())
}

/// Removes annotations and metadata that hold nothing.
pub(crate) fn clear_empty(object: &mut Layout) -> Result<()> {
    let root = object.root_mut();
    if root.kind != LayoutKind::Mapping {
        return Err(Error::wrong_kind(LayoutKind::Mapping, root));
    }
    let is_empty = |node: &Layout| node.content.is_empty();
    if let Some(metadata) = root.get_mut("metadata").filter(|metadata| !metadata.is_null()) {
        if metadata.kind != LayoutKind::Mapping {
            return Err(Error::wrong_kind(LayoutKind::Mapping, metadata));
        }
        if metadata.get("annotations").is_some_and(is_empty) {
            metadata.remove("annotations");
        }
    }
    if root.get("metadata").is_some_and(is_empty) {
        root.remove("metadata");
    }
    Ok(())
}

/// Of each pair of names, sets the one that is missing.
pub(crate) fn complete(object: &mut Layout) -> Result<()> {
    for (new, old) in PAIRS {
        let meta = Meta::of(object);
        let (new_value, old_value) = (meta.annotation(new).to_owned(), meta.annotation(old).to_owned());
        match (new_value.is_empty(), old_value.is_empty()) {
            (false, true) => set(object, old, &new_value)?,
            (true, false) => set(object, new, &old_value)?,
            _ => {}
        }
    }
    Ok(())
}
