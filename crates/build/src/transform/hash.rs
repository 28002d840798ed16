//! Adds a hash of the content to the names of generated objects (kustomize's `HashTransformer` and
//! `api/hasher`), so that a change of the content rolls out what uses it.

use std::sync::Arc;

use resource::{Resource, ResourceSet};
use sha2::{Digest, Sha256};
use yaml::{Layer, Node, Text, Value, json};

use crate::error::{BuildError, ErrorKind, Result};

pub(crate) fn apply(set: &mut ResourceSet) -> Result<()> {
    for resource in set.iter_mut().filter(|resource| resource.needs_hash) {
        let hash = hash(resource)?;
        resource.remember_id();
        let name = format!("{}-{hash}", resource.name());
        let asked = resource.layer.clone();
        let layer = Arc::new(Layer::new(
            asked.kustomization.clone(),
            "content hash".into(),
            asked.mark,
        ));
        resource.set_metadata_text("name", Text::from(name), &layer);
    }
    Ok(())
}

/// Ten characters of the hash of an object's content, without vowels or look-alikes.
fn hash(resource: &Resource) -> Result<String> {
    let mut content = Vec::new();
    match resource.kind() {
        "Secret" => encode(
            resource,
            "Secret",
            &["data", "kind", "name", "stringData", "type"],
            &mut content,
        )?,
        _ => encode(
            resource,
            "ConfigMap",
            &["binaryData", "data", "kind", "name"],
            &mut content,
        )?,
    }
    let digest = Sha256::digest(&content);
    let hex = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]).take(10);
    Ok(hex
        .map(|digit| char::from(b"gh2k456789mbcdtf"[usize::from(digit)]))
        .collect())
}

/// The JSON that is hashed: keys sorted; `name` is always empty, absent data is an empty text,
/// `binaryData` and `stringData` only count where they are mappings.
fn encode(resource: &Resource, kind: &str, fields: &[&str], out: &mut Vec<u8>) -> Result<()> {
    let failed = |error: yaml::EmitError| BuildError::new(ErrorKind::Object, error.mark, error.to_string());
    out.push(b'{');
    for &field in fields {
        let value = resource.node.get(field);
        if matches!(field, "binaryData" | "stringData") && !matches!(value.map(|node| &node.value), Some(Value::Map(_)))
        {
            continue;
        }
        if out.len() > 1 {
            out.push(b',');
        }
        json::write(&Node::string(field), out).map_err(failed)?;
        out.push(b':');
        match (field, value) {
            ("kind", _) => json::write(&Node::string(kind), out),
            ("name", _) | (_, None) => json::write(&Node::string(""), out),
            (_, Some(node)) => match node.text() {
                Some(text) => json::write(&Node::string(text.clone()), out),
                None => json::write(node, out),
            },
        }
        .map_err(failed)?;
    }
    out.push(b'}');
    Ok(())
}
