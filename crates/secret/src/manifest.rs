//! Objects as YAML, as kustomize prints it.

use std::collections::BTreeMap;

use decode::DecodeError;
use serde::Serialize;
use yaml::{Map, Node, Sources, Style, Value};

use crate::intent::Intent;

/// The annotation that says which intent an object was made of.
pub(crate) const INTENT: &str = "secrets.terrace.dev/intent";

/// What all objects begin with.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest<S> {
    pub(crate) api_version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) metadata: Metadata,
    #[serde(flatten)]
    pub(crate) body: S,
}

#[derive(Serialize)]
pub(crate) struct Metadata {
    pub(crate) annotations: BTreeMap<&'static str, String>,
    pub(crate) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) namespace: String,
}

impl Metadata {
    pub(crate) fn of(intent: &Intent) -> Metadata {
        Metadata {
            annotations: BTreeMap::from([(INTENT, intent.object.name.as_str().to_owned())]),
            name: intent.name.clone(),
            namespace: intent.namespace.clone(),
        }
    }
}

/// A structure as YAML in blocks.
///
/// # Errors
/// Never, for the structures of this crate; kept so that nothing is guessed.
pub(crate) fn yaml(value: &impl Serialize) -> Result<String, DecodeError> {
    let failed = |message: String| DecodeError {
        message,
        mark: yaml::Mark::NONE,
        hint: None,
    };
    let json = serde_json::to_string(value).map_err(|error| failed(error.to_string()))?;
    let source = Sources::new().add("manifest".to_owned(), json);
    let documents = yaml::read_documents(&source).map_err(|error| failed(error.to_string()))?;
    let mut out = Vec::new();
    for node in &documents.nodes {
        yaml::emit(&in_blocks(node), &mut out).map_err(|error| failed(error.to_string()))?;
    }
    String::from_utf8(out).map_err(|error| failed(error.to_string()))
}

/// The same tree without braces and needless quotes.
fn in_blocks(node: &Node) -> Node {
    match &node.value {
        Value::Map(map) => {
            let mut blocks = Map::new();
            for entry in map.iter() {
                blocks.insert(entry.key.as_str().unwrap_or_default(), in_blocks(&entry.value));
            }
            Node::map(blocks)
        }
        Value::Seq(items) => Node::seq(items.iter().map(in_blocks).collect::<Vec<_>>()),
        Value::Scalar(text) => {
            let mut plain = Node::scalar(text.clone(), node.tag);
            plain.style = Style::Plain;
            plain
        }
    }
}
