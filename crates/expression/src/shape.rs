//! Trees whose schema is known: numbers, dates and lists as the schema says, names escaped.
//!
//! A schema of any make implements [`Shape`]; [`Value::from_shaped`] follows it as
//! `k8s.io/apiserver/pkg/cel/common` (`UnstructuredToVal`) does.

use std::sync::Arc;

use yaml::{Node, Text};

use crate::parse::RESERVED;
use crate::time::{Duration, Timestamp};
use crate::value::{Key, List, ListKind, Map, Value};

/// What a schema says of a node.
pub trait Shape {
    fn kind(&self) -> ShapeKind;

    /// The schema of a field: a declared property, or of every value of a map.
    fn field(&self, name: &str) -> Option<&dyn Shape>;

    /// Whether the name is a declared property, whose name is escaped.
    fn declares(&self, name: &str) -> bool;

    /// The schema of the elements of a list.
    fn items(&self) -> Option<&dyn Shape>;
}

/// The types of Kubernetes' structural schemas that change what a value is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ShapeKind {
    /// As it is written: int-or-string, unknown fields, strings, booleans, integers.
    #[default]
    Plain,
    /// `type: number`.
    Number,
    /// `format: date-time`.
    DateTime,
    /// `format: date`.
    Date,
    /// `format: duration`.
    Duration,
    /// `format: byte`.
    Bytes,
    Object,
    List(ListKind),
}

impl Value {
    /// What a tree means under a schema.
    pub fn from_shaped(node: &Node, shape: &dyn Shape) -> Value {
        let kind = shape.kind();
        match (&node.value, kind) {
            (yaml::Value::Map(map), _) => {
                let entry = |entry: &yaml::Entry| {
                    let name = entry.key.text()?;
                    let value = match shape.field(name) {
                        Some(shape) => Value::from_shaped(&entry.value, shape),
                        None => Value::from_node(&entry.value),
                    };
                    let key = if shape.declares(name) {
                        escape(name)?
                    } else {
                        name.clone()
                    };
                    Some((Key::String(key), value))
                };
                Value::Map(Arc::new(Map::new(map.iter().filter_map(entry).collect())))
            }
            (yaml::Value::Seq(items), kind) => {
                let item = |item: &Node| match shape.items() {
                    Some(shape) => Value::from_shaped(item, shape),
                    None => Value::from_node(item),
                };
                Value::List(List {
                    items: items.iter().map(item).collect(),
                    kind: match kind {
                        ShapeKind::List(kind) => kind,
                        _ => ListKind::Atomic,
                    },
                })
            }
            (yaml::Value::Scalar(_), kind) => scalar(Value::from_node(node), &kind),
        }
    }
}

fn scalar(value: Value, kind: &ShapeKind) -> Value {
    match (kind, &value) {
        #[expect(clippy::cast_precision_loss, reason = "a number of JSON is a double")]
        (ShapeKind::Number, Value::Int(number)) => Value::Double(*number as f64),
        (ShapeKind::DateTime, Value::String(text)) => Timestamp::parse(text).map_or(value, Value::Timestamp),
        (ShapeKind::Date, Value::String(text)) => {
            Timestamp::parse(&format!("{text}T00:00:00Z")).map_or(value, Value::Timestamp)
        }
        (ShapeKind::Duration, Value::String(text)) => Duration::parse(text).map_or(value, Value::Duration),
        (ShapeKind::Bytes, Value::String(text)) => {
            crate::function::decode_base64(text).map_or(value, |bytes| Value::Bytes(bytes.into()))
        }
        _ => value,
    }
}

/// The name by which an expression knows a property; `None` where it has none
/// (`k8s.io/apiserver/pkg/cel/escaping.go`).
fn escape(name: &Text) -> Option<Text> {
    if RESERVED.contains(&name.as_str()) {
        return Some(format!("__{}__", name.as_str()).into());
    }
    let first = name.chars().next()?;
    if !first.is_ascii_alphabetic() && first != '_' {
        return None;
    }
    if name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Some(name.clone());
    }
    let mut escaped = String::new();
    let mut rest = name.as_str();
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("__") {
            escaped.push_str("__underscores__");
            rest = after;
            continue;
        }
        match c {
            '.' => escaped.push_str("__dot__"),
            '-' => escaped.push_str("__dash__"),
            '/' => escaped.push_str("__slash__"),
            '_' => escaped.push('_'),
            c if c.is_ascii_alphanumeric() => escaped.push(c),
            _ => return None,
        }
        rest = &rest[c.len_utf8()..];
    }
    Some(escaped.into())
}
