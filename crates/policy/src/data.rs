//! Trees as values of the Rego engine.

use std::collections::BTreeMap;

use regorus::Value;
use yaml::{Node, Typed};

/// The value of a tree, as JSON decoders of the cluster see it: a number without a fraction is an integer.
pub(crate) fn value(node: &Node) -> Value {
    match &node.value {
        yaml::Value::Map(map) => {
            let entry =
                |entry: &yaml::Entry| (Value::from(entry.key.as_str().unwrap_or_default()), value(&entry.value));
            Value::from(map.iter().map(entry).collect::<BTreeMap<_, _>>())
        }
        yaml::Value::Seq(items) => Value::from(items.iter().map(value).collect::<Vec<_>>()),
        yaml::Value::Scalar(text) => match yaml::typed(node) {
            Ok(Typed::Null) => Value::Null,
            Ok(Typed::Bool(value)) => Value::from(value),
            Ok(Typed::Int(number)) => Value::from(number),
            Ok(Typed::Uint(number)) => Value::from(number),
            #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
            Ok(Typed::Float(number)) if number.fract() == 0.0 && number.abs() < 9e15 => Value::from(number as i64),
            Ok(Typed::Float(number)) => Value::from(number),
            Ok(Typed::Str(text)) => Value::from(&*text),
            Ok(Typed::Timestamp(_)) | Err(_) => Value::from(text.as_str()),
        },
    }
}

/// An object of fields.
pub(crate) fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::from(
        fields
            .into_iter()
            .map(|(name, value)| (Value::from(name), value))
            .collect::<BTreeMap<_, _>>(),
    )
}

/// The text at a path.
pub(crate) fn text<'n>(node: &'n Node, path: &[&str]) -> Option<&'n str> {
    node.get_path(path.iter().copied())?.as_str()
}

/// The elements of a list at a path; none where there is no list.
pub(crate) fn items<'n>(node: &'n Node, path: &[&str]) -> impl Iterator<Item = &'n Node> + use<'n> {
    let list = node.get_path(path.iter().copied()).and_then(Node::as_seq);
    list.into_iter().flatten()
}

/// The texts of a list at a path.
pub(crate) fn texts(node: &Node, path: &[&str]) -> Vec<String> {
    items(node, path).filter_map(Node::as_str).map(str::to_owned).collect()
}
