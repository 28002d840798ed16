//! What there is to say about an object or a field, before it is text or JSON.

use std::sync::Arc;

use build::Built;
use resource::{ResId, Resource};
use serde::Serialize;
use yaml::{Change, Layer, Node, Value};

use super::field::{FieldPath, steps};
use super::history::history;
use super::layers;
use crate::diagnostic::PlaceRecord;

/// The explanation of an object or of a part of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) object: ObjectRecord,
    /// The field that was asked for; empty for the whole object.
    pub(super) field: String,
    /// The steps that brought or changed it, first to last.
    pub(super) layers: Vec<LayerRecord>,
    /// Every value at and below the field.
    pub(super) values: Vec<ValueRecord>,
    /// Whether the field is one value.
    #[serde(skip)]
    pub(super) is_scalar: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ObjectRecord {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) namespace: String,
    /// In the form that the command line takes.
    pub(super) id: String,
    /// The names it had, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) previous: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LayerRecord {
    pub(super) kustomization: String,
    pub(super) step: String,
    #[serde(flatten)]
    pub(super) place: Option<PlaceRecord>,
}

/// A value and every value it replaced.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ValueRecord {
    pub(super) field: String,
    /// Newest first; never empty.
    pub(super) history: Vec<SettingRecord>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SettingRecord {
    /// `null` for what was no single value, and for the values of secrets.
    pub(super) value: Option<String>,
    /// What stands for the value where it is not shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) instead: Option<String>,
    #[serde(flatten)]
    pub(super) place: Option<PlaceRecord>,
    pub(super) kustomization: String,
    pub(super) step: String,
}

impl Report {
    /// `is_root` tells the kustomization that was built by its path.
    pub(super) fn new(
        built: &Built,
        object: &Resource,
        node: &Node,
        field: &str,
        is_root: &dyn Fn(&str) -> bool,
    ) -> Report {
        let path: FieldPath = field.parse().unwrap_or_default();
        let mut values = Vec::new();
        let mut chains = vec![vec![object.layer.clone()]];
        collect(built, object, node, &path, &mut values, &mut chains);
        let layers = layers::in_order(&chains, is_root).into_iter().map(|layer| LayerRecord {
            kustomization: layer.kustomization.to_string(),
            step: layer.step.clone(),
            place: built.place(layer.mark).map(PlaceRecord::from),
        });
        let id = object.id();
        let previous = object.previous_ids().map(|id| id.full_name());
        let mut record = ObjectRecord {
            api_version: object.api_version().to_owned(),
            kind: object.kind().to_owned(),
            name: object.name().to_owned(),
            namespace: object.namespace().to_owned(),
            id: id.full_name(),
            previous: previous
                .filter(|name| *name != with_namespace(&id).full_name())
                .collect(),
        };
        record.previous.dedup();
        Report {
            object: record,
            field: field.to_owned(),
            layers: layers.collect(),
            values,
            is_scalar: node.is_scalar(),
        }
    }
}

/// Ids that an object had always name a namespace.
fn with_namespace(id: &ResId) -> ResId {
    ResId {
        namespace: id.effective_namespace().into(),
        ..id.clone()
    }
}

/// Every scalar at and below a node, and every empty collection.
fn collect(
    built: &Built,
    object: &Resource,
    node: &Node,
    path: &FieldPath,
    values: &mut Vec<ValueRecord>,
    chains: &mut Vec<Vec<Arc<Layer>>>,
) {
    let is_secret = object.kind() == "Secret" && matches!(path.first_key(), Some("data" | "stringData"));
    chains.extend(chain(node));
    let mut is_leaf = true;
    for (step, child) in steps(node) {
        is_leaf = false;
        collect(built, object, child, &path.join(step), values, chains);
    }
    if !is_leaf {
        return;
    }
    let history = history(object, path.steps()).into_iter().map(|setting| {
        let text = setting.node.text();
        let instead = match text {
            Some(text) if is_secret => Some(format!("({} bytes, hidden)", text.len())),
            Some(_) => None,
            None => Some(shape(setting.node)),
        };
        let place = setting.marks().into_iter().find_map(|mark| built.place(mark));
        SettingRecord {
            value: text.filter(|_| instead.is_none()).map(ToString::to_string),
            instead,
            place: place.map(PlaceRecord::from),
            kustomization: setting.layer.kustomization.to_string(),
            step: setting.layer.step.clone(),
        }
    });
    values.push(ValueRecord {
        field: path.to_string(),
        history: history.collect(),
    });
}

/// What an empty collection, or a collection that was replaced, looks like in one word.
fn shape(node: &Node) -> String {
    match &node.value {
        Value::Map(map) if map.is_empty() => "{}",
        Value::Seq(items) if items.is_empty() => "[]",
        Value::Seq(_) => "(a list)",
        _ => "(a mapping)",
    }
    .to_owned()
}

/// The layers that changed a node, oldest first, if there are any.
fn chain(node: &Node) -> Option<Vec<Arc<Layer>>> {
    let mut layers = Vec::new();
    let mut node = Some(node);
    while let Some(change) = node.and_then(|node| node.origin.as_deref()) {
        let change: &Change = change;
        layers.push(change.layer.clone());
        node = change.previous.as_ref();
    }
    layers.reverse();
    (!layers.is_empty()).then_some(layers)
}
