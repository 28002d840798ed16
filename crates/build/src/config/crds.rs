//! Files of `crds`: OpenAPI definitions of custom types, whose `x-kubernetes-…` extensions say which
//! fields hold labels, annotations and names of other objects (`accumulator/loadconfigfromcrds.go`).

use std::sync::Arc;

use resource::Gvk;
use yaml::{Map, Node};

use super::scalar::{Kind, describe, kind};
use super::transformer_config::{merge_references, merge_specs};
use super::types::{FieldSpec, NameReference, TransformerConfig};
use crate::error::{BuildError, ErrorKind, Result};

impl TransformerConfig {
    /// What one file of `crds` says. Types are taken in the order of their names; kustomize takes them in
    /// any order.
    pub fn from_crds(file: &Node) -> Result<TransformerConfig> {
        let types = types(file)?;
        let mut whole = Arc::new(TransformerConfig::default());
        for (name, schema) in &types {
            let properties = properties(schema);
            let has = |field: &str| properties.iter().any(|(name, _)| *name == field);
            if !(has("kind") && has("apiVersion") && has("metadata")) {
                continue;
            }
            let gvk = Gvk::of_kind(name.rsplit('.').next().unwrap_or_default());
            let config = TransformerConfig::default();
            let mut found = Found {
                gvk,
                types: &types,
                config,
                path: Vec::new(),
                open: Vec::new(),
            };
            found.visit(name)?;
            whole = TransformerConfig::merge(&whole, &Arc::new(found.config))?;
        }
        Ok(Arc::unwrap_or_clone(whole))
    }
}

/// The types of a file by name, sorted, with their schemas.
fn types(file: &Node) -> Result<Vec<(&str, &Node)>> {
    let refuse = |node: &Node, what: &str| {
        let message = format!(
            "unable to parse open API definition: {what} is {}, but must be a mapping",
            describe(node)
        );
        let hint = "`crds` takes OpenAPI definitions by type name; a CustomResourceDefinition goes under `resources`";
        Err(BuildError::new(ErrorKind::Config, node.mark, message).hint(hint))
    };
    if file.is_null() {
        return Ok(Vec::new());
    }
    let Some(map) = file.as_map() else {
        return refuse(file, "the file");
    };
    let mut types = Vec::new();
    for entry in map {
        let Some(name) = entry.key.as_str() else { continue };
        if entry.value.is_null() {
            continue;
        }
        let Some(definition) = entry.value.as_map() else {
            return refuse(&entry.value, &format!("`{name}`"));
        };
        let schema = definition
            .iter()
            .find(|entry| entry.key.as_str().is_some_and(|key| key.eq_ignore_ascii_case("schema")));
        if let Some(schema) = schema {
            types.push((name, &schema.value));
        }
    }
    types.sort_by_key(|(name, _)| *name);
    Ok(types)
}

/// The properties of a schema, sorted by name.
fn properties(schema: &Node) -> Vec<(&str, &Node)> {
    let map: Option<&Map> = schema.get("properties").and_then(Node::as_map);
    let mut properties: Vec<(&str, &Node)> = map
        .into_iter()
        .flatten()
        .filter_map(|entry| Some((entry.key.as_str()?, &entry.value)))
        .collect();
    properties.sort_by_key(|(name, _)| *name);
    properties
}

/// The text of an extension, which may be written in any case.
fn extension<'n>(property: &'n Node, name: &str) -> Option<&'n str> {
    let entries = property.as_map()?;
    let entry = entries
        .iter()
        .find(|entry| entry.key.as_str().is_some_and(|key| key.eq_ignore_ascii_case(name)))?;
    entry.value.as_str().filter(|_| kind(&entry.value) == Kind::String)
}

/// What the schema of one type says, as it is walked through.
struct Found<'n> {
    gvk: Gvk,
    types: &'n [(&'n str, &'n Node)],
    config: TransformerConfig,
    /// The properties on the way to the current one.
    path: Vec<&'n str>,
    /// The types on the way to the current property.
    open: Vec<&'n str>,
}

impl<'n> Found<'n> {
    fn visit(&mut self, name: &str) -> Result<()> {
        let Ok(at) = self.types.binary_search_by_key(&name, |(name, _)| *name) else {
            return Ok(());
        };
        let (name, schema) = self.types[at];
        if self.open.contains(&name) {
            let message = format!("the definition of `{name}` refers to itself");
            return Err(BuildError::new(ErrorKind::Config, schema.mark, message));
        }
        self.open.push(name);
        for (name, property) in properties(schema) {
            self.path.push(name);
            self.property(property)?;
            if let Some(reference) = property.get("$ref").and_then(Node::as_str) {
                self.visit(reference)?;
            }
            self.path.pop();
        }
        self.open.pop();
        Ok(())
    }

    fn property(&mut self, property: &Node) -> Result<()> {
        if extension(property, "x-kubernetes-annotation").is_some() {
            let spec = self.spec(None);
            self.config.common_annotations =
                merge_specs("commonAnnotations", &self.config.common_annotations, &[spec])?.into();
        }
        if extension(property, "x-kubernetes-label-selector").is_some() {
            let spec = self.spec(None);
            self.config.common_labels = merge_specs("commonLabels", &self.config.common_labels, &[spec])?.into();
        }
        if extension(property, "x-kubernetes-identity").is_some() {
            let spec = self.spec(None);
            self.config.name_prefix = merge_specs("namePrefix", &self.config.name_prefix, &[spec])?.into();
        }
        let version = extension(property, "x-kubernetes-object-ref-api-version");
        let kind = extension(property, "x-kubernetes-object-ref-kind");
        if let (Some(version), Some(kind)) = (version, kind) {
            let key = extension(property, "x-kubernetes-object-ref-name-key").unwrap_or("name");
            let gvk = Gvk {
                version: version.into(),
                ..Gvk::of_kind(kind)
            };
            let reference = NameReference {
                gvk,
                referrers: vec![self.spec(Some(key))].into(),
            };
            self.config.name_reference = merge_references(&self.config.name_reference, &[reference])?.into();
        }
        Ok(())
    }

    /// The current property, or a field of it, as a field spec.
    fn spec(&self, field: Option<&str>) -> FieldSpec {
        let path: Vec<&str> = self.path.iter().copied().chain(field).collect();
        FieldSpec {
            gvk: self.gvk.clone(),
            path: path.join("/").into(),
            create: false,
        }
    }
}
