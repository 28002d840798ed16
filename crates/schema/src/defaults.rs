//! Defaults of custom resources: what the API server sets, and takes away, before it looks at an object.

use serde_json::Value as Json;
use yaml::{Entry, Map, Node, Tag, Value};

use crate::types::{Others, TypeId, Types};

/// The tree with its defaults, or none where nothing is changed. What is set has no place of its own.
///
/// As the API server does it: a field that is absent gets the default of its type, and so does one that is null
/// and may not be; without a default such a field is taken away. In a list null stays.
pub(crate) fn set(types: &Types, id: TypeId, node: &Node) -> Option<Node> {
    let kind = types.get(id);
    match &node.value {
        Value::Map(map) => {
            let mut changed: Vec<(usize, Node)> = Vec::new();
            let mut removed: Vec<usize> = Vec::new();
            for (at, entry) in map.iter().enumerate() {
                let key = entry.key.as_str().unwrap_or_default();
                let type_id = match (kind.named(key).first(), kind.others) {
                    (Some(field), _) => field.type_id,
                    (None, Others::Type(id)) => id,
                    _ => continue,
                };
                let field = types.get(type_id);
                let value = match (entry.value.is_null() && !field.nullable, &field.default) {
                    (true, Some(default)) => Some(node_of(default)),
                    (true, None) if !types.null_is_a_value => {
                        removed.push(at);
                        None
                    }
                    _ => set(types, type_id, &entry.value),
                };
                changed.extend(value.map(|value| (at, value)));
            }
            let absent = kind.fields.iter().filter(|field| !map.contains_key(&field.name));
            let added: Vec<(&str, Node)> = absent
                .filter_map(|field| {
                    let value = node_of(types.get(field.type_id).default.as_ref()?);
                    let value = set(types, field.type_id, &value).unwrap_or(value);
                    Some((field.name.as_str(), value))
                })
                .collect();
            if changed.is_empty() && added.is_empty() && removed.is_empty() {
                return None;
            }
            let mut map = map.clone();
            for (at, value) in changed {
                *map.value_at_mut(at) = value;
            }
            let mut at = 0..;
            map.retain(|_| at.next().is_none_or(|at| removed.binary_search(&at).is_err()));
            for (name, value) in added {
                map.push(Node::string(name), value);
            }
            Some(with(node, Value::Map(map)))
        }
        Value::Seq(items) => {
            let id = kind.items?;
            let changed = items.iter().map(|item| set(types, id, item)).enumerate();
            let mut new = None;
            for (at, item) in changed {
                if let Some(item) = item {
                    new.get_or_insert_with(|| items.clone()).make_mut()[at] = item;
                }
            }
            new.map(|items| with(node, Value::Seq(items)))
        }
        Value::Scalar(_) => None,
    }
}

fn with(node: &Node, value: Value) -> Node {
    Node {
        value,
        origin: node.origin.clone(),
        ..*node
    }
}

fn node_of(value: &Json) -> Node {
    match value {
        Json::Null => Node::null(),
        Json::Bool(value) => Node::scalar(value.to_string(), Tag::Bool),
        Json::Number(value) if value.is_f64() => Node::scalar(value.to_string(), Tag::Float),
        Json::Number(value) => Node::scalar(value.to_string(), Tag::Int),
        Json::String(value) => Node::string(value.as_str()),
        Json::Array(items) => Node::seq(items.iter().map(node_of).collect::<Vec<_>>()),
        Json::Object(fields) => {
            let entry = |(name, value): (&String, &Json)| Entry {
                key: Node::string(name.as_str()),
                value: node_of(value),
            };
            Node::map(fields.iter().map(entry).collect::<Map>())
        }
    }
}
