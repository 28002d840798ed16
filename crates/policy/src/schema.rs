//! The schema of a template's parameters: defaults, and what a constraint may not say.

use yaml::{Node, Typed, Value};

use crate::Defect;

/// Parameters with the defaults of their schema filled in.
pub(crate) fn with_defaults(node: &mut Node, schema: &Node) {
    if let Some(properties) = schema.get("properties").and_then(Node::as_map) {
        let Some(map) = node.as_map_mut() else { return };
        for property in properties {
            let Some(name) = property.key.as_str() else { continue };
            match map.get_mut(name) {
                Some(value) => with_defaults(value, &property.value),
                None => {
                    if let Some(default) = property.value.get("default") {
                        let mut value = default.clone();
                        with_defaults(&mut value, &property.value);
                        map.insert(name, value);
                    }
                }
            }
        }
    }
    if let (Some(items), Some(list)) = (schema.get("items"), node.as_seq_mut()) {
        for item in list.make_mut() {
            with_defaults(item, items);
        }
    }
}

/// What a schema says against parameters: a wrong type, a missing field, a value that is none of those
/// allowed. The first defect is enough.
pub(crate) fn validate(node: &Node, schema: &Node, path: &str) -> Option<Defect> {
    let fail = |words: String| Some(Defect::new(node.mark, format!("{path} {words}")));
    let is_true = |name: &str| schema.get(name).and_then(Node::as_str) == Some("true");
    if node.is_null() {
        let says_type = schema.get("type").is_some();
        return if says_type && !is_true("nullable") {
            fail("must not be null".to_owned())
        } else {
            None
        };
    }
    if is_true("x-kubernetes-preserve-unknown-fields") && schema.get("properties").is_none() {
        return None;
    }
    let typed = yaml::typed(node).ok();
    let is_whole = |number: f64| number.fract() == 0.0;
    let fits = match schema.get("type").and_then(Node::as_str) {
        Some("object") => node.as_map().is_some(),
        Some("array") => node.as_seq().is_some(),
        Some("string") => matches!(typed, Some(Typed::Str(_) | Typed::Timestamp(_))),
        Some("boolean") => matches!(typed, Some(Typed::Bool(_))),
        Some("integer") => match typed {
            Some(Typed::Int(_) | Typed::Uint(_)) => true,
            Some(Typed::Float(number)) => is_whole(number),
            _ => false,
        },
        Some("number") => matches!(typed, Some(Typed::Int(_) | Typed::Uint(_) | Typed::Float(_))),
        _ => true,
    };
    if !fits {
        let wanted = schema.get("type").and_then(Node::as_str).unwrap_or_default();
        return fail(format!("must be of the type {wanted}"));
    }
    if let Some(allowed) = schema.get("enum").and_then(Node::as_seq)
        && !allowed.iter().any(|value| value.as_str() == node.as_str())
    {
        return fail("has a value that is not allowed".to_owned());
    }
    for required in schema.get("required").and_then(Node::as_seq).into_iter().flatten() {
        let name = required.as_str().unwrap_or_default();
        if node.as_map().is_some_and(|map| !map.contains_key(name)) {
            return fail(format!("lacks the field {name}"));
        }
    }
    match &node.value {
        Value::Map(map) => map.iter().find_map(|entry| {
            let name = entry.key.as_str()?;
            let declared = schema
                .get_path(["properties", name])
                .or_else(|| schema.get("additionalProperties"));
            validate(&entry.value, declared?, &format!("{path}.{name}"))
        }),
        Value::Seq(items) => {
            let schema = schema.get("items")?;
            let mut items = items.iter().enumerate();
            items.find_map(|(at, item)| validate(item, schema, &format!("{path}[{at}]")))
        }
        Value::Scalar(_) => None,
    }
}
