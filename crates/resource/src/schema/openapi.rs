//! A schema from the user's own OpenAPI document (`openapi.path`).
//!
//! Read are `definitions` (with `properties`, `additionalProperties`, `items`, `$ref` and the
//! `x-kubernetes-…` extensions) and, for scopes, the `get` operations of `paths`. The rules are those of
//! kustomize's `kyaml/openapi`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use yaml::{Map, Mark, Node, Value};

use super::{Custom, Field, Kind, Schema, Scope, Tables, Type, TypeId};

const GVK: &str = "x-kubernetes-group-version-kind";
const MERGE_KEY: &str = "x-kubernetes-patch-merge-key";
const MERGE_KEYS: &str = "x-kubernetes-list-map-keys";
const STRATEGY: &str = "x-kubernetes-patch-strategy";

/// A chain of `$ref`s longer than this goes in a circle.
const MAX_REFS: usize = 64;
/// Schemas inside schemas deeper than this are refused.
const MAX_DEPTH: usize = 200;

/// An OpenAPI document that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid schema file: {message}")]
pub struct SchemaError {
    pub message: String,
    /// The offending value.
    pub mark: Mark,
}

impl Schema {
    /// The types of the user's document, and no others: what is built in about merge keys is gone then
    /// (what is built in about scopes stays, see [`Schema::is_cluster_scoped`]).
    pub fn from_openapi(document: &Node) -> Result<Schema, SchemaError> {
        Custom::default().with(document)
    }

    /// The types of this schema and those of the user's document, which win. kustomize does so when the
    /// document is found after objects were loaded with the built-in schema (a base that has an
    /// `openapi.path`, below a kustomization without one).
    pub fn and_openapi(&self, document: &Node) -> Result<Schema, SchemaError> {
        self.to_custom().with(document)
    }
}

/// One document on its way into tables.
struct Reader<'d> {
    definitions: Option<&'d Map>,
    types: Vec<Type>,
    /// Ids of definitions by name.
    ids: BTreeMap<String, TypeId>,
    /// What references stand for, as far as they were needed; `None` if for nothing.
    refs: BTreeMap<String, Option<TypeId>>,
}

impl Custom {
    fn with(self, document: &Node) -> Result<Schema, SchemaError> {
        let mut kinds: BTreeMap<_, _> = self
            .kinds
            .into_iter()
            .map(|row| ((row.kind, row.api_version), row.type_id))
            .collect();
        let mut scopes: BTreeMap<_, _> = self
            .scopes
            .into_iter()
            .map(|row| ((row.kind, row.api_version), row.namespaced))
            .collect();
        let mut reader = Reader {
            definitions: map_of(document, "definitions")?,
            types: self.types,
            ids: self
                .definitions
                .into_iter()
                .map(|field| (field.name.into_owned(), field.type_id))
                .collect(),
            refs: BTreeMap::new(),
        };
        for entry in reader.definitions.into_iter().flatten() {
            let name = entry.key.as_str().unwrap_or_default();
            let id = reader.reserve();
            reader.ids.entry(name.to_owned()).or_insert(id);
        }
        for entry in reader.definitions.into_iter().flatten() {
            let id = reader.ids[entry.key.as_str().unwrap_or_default()];
            let this = reader.read(&entry.value, 0)?;
            reader.types[id as usize] = this;
            for gvk in entry.value.get(GVK).and_then(Node::as_seq).into_iter().flatten() {
                if let Some(kind) = kind_of(gvk)? {
                    kinds.insert(kind, id);
                }
            }
        }
        for entry in map_of(document, "paths")?.into_iter().flatten() {
            let Some(gvk) = entry.value.get_path(["get", GVK]) else {
                continue;
            };
            let Some(kind) = kind_of(gvk)? else { continue };
            let namespaced = entry
                .key
                .as_str()
                .is_some_and(|path| path.contains("namespaces/{namespace}"));
            *scopes.entry(kind).or_default() |= namespaced;
        }
        Ok(Schema(Tables::Custom(Arc::new(Custom {
            types: reader.types,
            definitions: reader
                .ids
                .into_iter()
                .map(|(name, type_id)| Field {
                    name: name.into(),
                    type_id,
                })
                .collect(),
            kinds: kinds
                .into_iter()
                .map(|((kind, api_version), type_id)| Kind {
                    kind,
                    api_version,
                    type_id,
                })
                .collect(),
            scopes: scopes
                .into_iter()
                .map(|((kind, api_version), namespaced)| Scope {
                    kind,
                    api_version,
                    namespaced,
                })
                .collect(),
        }))))
    }
}

/// Kind and `apiVersion`.
type KindKey = (Cow<'static, str>, Cow<'static, str>);

/// Kind and `apiVersion` of a group-version-kind extension; `None` if it is not a mapping.
fn kind_of(gvk: &Node) -> Result<Option<KindKey>, SchemaError> {
    if gvk.as_map().is_none() {
        return Ok(None);
    }
    let part = |name| gvk.get(name).filter(|node| !node.is_null()).and_then(Node::as_str);
    let (Some(version), Some(kind)) = (part("version"), part("kind")) else {
        return Err(error(gvk, format!("{GVK} must have a version and a kind")));
    };
    let api_version = match part("group") {
        None | Some("") => version.to_owned(),
        Some(group) => format!("{group}/{version}"),
    };
    Ok(Some((kind.to_owned().into(), api_version.into())))
}

fn error(node: &Node, message: impl Into<String>) -> SchemaError {
    SchemaError {
        message: message.into(),
        mark: node.mark,
    }
}

/// The mapping under `key`; `None` if there is nothing.
fn map_of<'d>(node: &'d Node, key: &str) -> Result<Option<&'d Map>, SchemaError> {
    if node.is_null() {
        return Ok(None);
    }
    let map = node.as_map().ok_or_else(|| error(node, "expected a mapping"))?;
    match map.get(key) {
        None => Ok(None),
        Some(value) if value.is_null() => Ok(None),
        Some(value) => value
            .as_map()
            .map(Some)
            .ok_or_else(|| error(value, format!("`{key}` must be a mapping"))),
    }
}

fn text_of<'d>(node: &'d Node, key: &str) -> Result<Option<&'d str>, SchemaError> {
    match node.get(key) {
        None => Ok(None),
        Some(value) => value
            .as_str()
            .map(Some)
            .ok_or_else(|| error(value, format!("`{key}` must be a string"))),
    }
}

impl Reader<'_> {
    fn reserve(&mut self) -> TypeId {
        self.types.push(Type::OPAQUE);
        TypeId::try_from(self.types.len() - 1).expect("fewer than 2^32 types")
    }

    /// The type of a field, of elements or of values: what a `$ref` stands for, or what is written there.
    fn read_used(&mut self, node: &Node, depth: usize) -> Result<Option<TypeId>, SchemaError> {
        match text_of(node, "$ref")? {
            None | Some("") => {
                let this = self.read(node, depth + 1)?;
                let id = self.reserve();
                self.types[id as usize] = this;
                Ok(Some(id))
            }
            Some(reference) => self.resolve(reference, depth),
        }
    }

    /// What is written at a schema, whatever its `$ref`.
    fn read(&mut self, node: &Node, depth: usize) -> Result<Type, SchemaError> {
        if depth > MAX_DEPTH {
            return Err(error(node, "nested too deeply"));
        }
        let mut this = Type::OPAQUE;
        let mut fields = BTreeMap::new();
        for entry in map_of(node, "properties")?.into_iter().flatten() {
            if let Some(id) = self.read_used(&entry.value, depth)? {
                fields.insert(entry.key.as_str().unwrap_or_default(), id);
            }
        }
        this.fields = fields
            .into_iter()
            .map(|(name, type_id)| Field {
                name: name.to_owned().into(),
                type_id,
            })
            .collect();
        if let Some(values) = node
            .get("additionalProperties")
            .filter(|values| values.as_map().is_some())
        {
            this.values = self.read_used(values, depth)?;
        }
        let is_list = match node.get("type").map(|node| &node.value) {
            Some(Value::Scalar(text)) => text == "array",
            Some(Value::Seq(types)) => types.len() == 1 && types[0].as_str() == Some("array"),
            _ => false,
        };
        if let Some(items) = node.get("items").filter(|items| is_list && items.as_map().is_some()) {
            this.items = self.read_used(items, depth)?;
        }
        let strategy = text_of(node, STRATEGY)?.unwrap_or_default();
        if strategy.split(',').any(|part| part == "merge") {
            this.merge = Some(merge_keys(node)?);
        }
        Ok(this)
    }

    fn resolve(&mut self, reference: &str, depth: usize) -> Result<Option<TypeId>, SchemaError> {
        if let Some(&known) = self.refs.get(reference) {
            return Ok(known);
        }
        let Some(definitions) = self.definitions else {
            return Ok(None);
        };
        let mut last = reference;
        let mut target = None;
        for _ in 0..MAX_REFS {
            let Some(node) = follow(definitions, last) else { break };
            match text_of(node, "$ref")? {
                None | Some("") => {
                    target = Some(node);
                    break;
                }
                Some(next) => last = next,
            }
        }
        let own_id = last
            .split_once("#/definitions/")
            .and_then(|(_, name)| self.ids.get(&unescape(name)).copied());
        let id = match (own_id, target) {
            (Some(id), _) => Some(id),
            (None, None) => None,
            (None, Some(node)) => {
                let id = self.reserve();
                self.refs.insert(reference.to_owned(), Some(id));
                self.types[id as usize] = self.read(node, depth + 1)?;
                Some(id)
            }
        };
        self.refs.insert(reference.to_owned(), id);
        Ok(id)
    }
}

/// The keys of a list with patch strategy `merge`.
fn merge_keys(node: &Node) -> Result<Cow<'static, [Cow<'static, str>]>, SchemaError> {
    let text = |key: &Node| match key.as_str() {
        Some(text) => Ok(Cow::Owned(text.to_owned())),
        None => Err(error(key, "a merge key must be a string")),
    };
    match (node.get(MERGE_KEYS), node.get(MERGE_KEY)) {
        (Some(keys), _) => {
            let keys = keys
                .as_seq()
                .ok_or_else(|| error(keys, format!("`{MERGE_KEYS}` must be a list")))?;
            keys.iter().map(text).collect()
        }
        (None, Some(key)) => Ok(vec![text(key)?].into()),
        (None, None) => Ok(Cow::Borrowed(&[])),
    }
}

fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

/// The schema that the fragment of a reference points to.
fn follow<'d>(definitions: &'d Map, reference: &str) -> Option<&'d Node> {
    let (_, pointer) = reference.split_once('#')?;
    let mut tokens = pointer.strip_prefix("/definitions/")?.split('/').map(unescape);
    let first = definitions.get(&tokens.next()?)?;
    tokens.try_fold(first, |node, token| match &node.value {
        Value::Seq(items) => items.get(token.parse::<usize>().ok()?),
        _ => node.get(&token),
    })
}

#[cfg(test)]
mod tests;
