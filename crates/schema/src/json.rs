//! A tree as a JSON value: for schemas, which users write in YAML, and for values that are compared whole.

use serde_json::{Map, Number, Value};
use yaml::{Node, Typed};

/// The JSON value of a tree. What has no value in JSON (an infinity) is its text.
pub fn value(node: &Node) -> Value {
    match &node.value {
        yaml::Value::Map(map) => {
            let entries = map.iter().map(|entry| {
                let key = entry.key.as_str().unwrap_or_default();
                (key.to_owned(), value(&entry.value))
            });
            Value::Object(entries.collect::<Map<_, _>>())
        }
        yaml::Value::Seq(items) => Value::Array(items.iter().map(value).collect()),
        yaml::Value::Scalar(text) => match yaml::typed(node) {
            Ok(Typed::Null) => Value::Null,
            Ok(Typed::Bool(value)) => Value::Bool(value),
            Ok(Typed::Int(value)) => Value::from(value),
            Ok(Typed::Uint(value)) => Value::from(value),
            Ok(Typed::Float(value)) => {
                Number::from_f64(value).map_or_else(|| Value::from(text.as_str()), Value::Number)
            }
            _ => Value::from(text.as_str()),
        },
    }
}
