//! What a way through JSON does to an object, as kustomize sends it there to be patched: go-yaml decodes
//! it, `encoding/json` writes it, and what that reads is written as YAML again.

use yaml::{Node, Style, Tag, Text, Typed, Value};

use crate::error::{BuildError, ErrorKind, Result};

/// Refuses what go-yaml cannot decode into Go's JSON values: keys that repeat.
pub(crate) fn refuse_repeated_keys(node: &Node) -> Result<()> {
    match &node.value {
        Value::Scalar(_) => Ok(()),
        Value::Seq(items) => items.iter().try_for_each(refuse_repeated_keys),
        Value::Map(map) => {
            let mut seen = hashbrown::HashMap::with_capacity(if map.len() > 8 { map.len() } else { 0 });
            for (at, entry) in map.iter().enumerate() {
                let first = if map.len() > 8 {
                    entry.key.text().and_then(|key| seen.insert(key.as_str(), &entry.key))
                } else {
                    let before = map.as_slice()[..at]
                        .iter()
                        .find(|other| other.key.as_str() == entry.key.as_str());
                    before.map(|other| &other.key)
                };
                if let Some(first) = first {
                    let key = entry.key.as_str().unwrap_or_default();
                    let error =
                        BuildError::new(ErrorKind::Object, entry.key.mark, format!("the key \"{key}\" repeats"));
                    return Err(error.related(first.mark, "first defined here").hint("keep one of them"));
                }
                refuse_repeated_keys(&entry.value)?;
            }
            Ok(())
        }
    }
}

/// Makes every scalar what it is after a way through JSON: numbers are floats as go-yaml prints them,
/// booleans and nulls have one spelling, all else is a string. Copies only what changes.
pub(crate) fn normalise(node: &mut Node) -> Result<()> {
    if let Some(normal) = normal(node)? {
        *node = normal;
    }
    Ok(())
}

/// The node after a way through JSON, unless that is the node itself.
fn normal(node: &Node) -> Result<Option<Node>> {
    let value = match &node.value {
        Value::Scalar(_) => {
            let settled = settle(node)?;
            return Ok(settled.map(|(text, tag, style)| Node {
                value: Value::Scalar(text),
                tag,
                style,
                ..node.clone()
            }));
        }
        Value::Map(map) => {
            let mut changed = None;
            for (at, entry) in map.iter().enumerate() {
                if let Some(normal) = normal(&entry.value)? {
                    let map = changed.get_or_insert_with(|| map.clone());
                    map.iter_mut().into_slice()[at].value = normal;
                }
            }
            changed.map(Value::Map)
        }
        Value::Seq(items) => {
            let mut changed = None;
            for (at, item) in items.iter().enumerate() {
                if let Some(normal) = normal(item)? {
                    changed.get_or_insert_with(|| items.clone()).make_mut()[at] = normal;
                }
            }
            changed.map(Value::Seq)
        }
    };
    Ok(value.map(|value| Node { value, ..node.clone() }))
}

/// Text, tag and style that a scalar gets, unless it keeps those it has.
fn settle(node: &Node) -> Result<Option<(Text, Tag, Style)>> {
    let Value::Scalar(text) = &node.value else {
        return Ok(None);
    };
    let failed = |message: String| BuildError::new(ErrorKind::Object, node.mark, message);
    let settled = match yaml::typed(node).map_err(|error| failed(error.to_string()))? {
        Typed::Null => ("null".into(), Tag::Null, Style::Plain),
        Typed::Bool(value) => (if value { "true" } else { "false" }.into(), Tag::Bool, Style::Plain),
        Typed::Int(value) => number(value as f64),
        Typed::Uint(value) => number(value as f64),
        Typed::Float(value) if value.is_finite() => number(value),
        Typed::Float(_) => return Err(failed(format!("\"{text}\" is a number that JSON does not have"))),
        Typed::Str(_) if node.tag == Tag::Str => {
            let plain = node.style != Style::Plain && reads_as_itself(text);
            return Ok(plain.then(|| (text.clone(), Tag::Str, Style::Plain)));
        }
        Typed::Str(value) => ((&*value).into(), Tag::Str, Style::Plain),
        Typed::Timestamp(time) => match time.to_rfc3339() {
            Some(text) => (text.into(), Tag::Str, Style::DoubleQuoted),
            None => return Err(failed("a timestamp with a time zone of a day or more".to_owned())),
        },
    };
    let same = settled.0 == *text && settled.1 == node.tag;
    Ok((!same).then_some(settled))
}

fn number(value: f64) -> (Text, Tag, Style) {
    let text = float_in_yaml(value);
    let tag = if text.contains(['.', 'e']) {
        Tag::Float
    } else {
        Tag::Int
    };
    (text.into(), tag, Style::Plain)
}

/// A finite float as `strconv.FormatFloat(value, 'g', -1, 64)` prints it, which is how go-yaml does.
pub(crate) fn float_in_yaml(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-4..1e6).contains(&size) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// Whether a string needs no quotes in any place: go-yaml writes it plain.
fn reads_as_itself(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-');
    text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
        && text.bytes().all(plain)
        && yaml::resolve_v2(text) == Tag::Str
        && yaml::resolve_v3(text) == Tag::Str
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_have_go_s_shortest_form() {
        let table = [
            (1e6, "1e+06"),
            (999_999.0, "999999"),
            (123_456_789.0, "1.23456789e+08"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-2e300, "-2e+300"),
        ];
        for (value, expected) in table {
            assert_eq!(float_in_yaml(value), expected);
        }
    }

    #[test]
    fn scalars_get_one_spelling() {
        let text = "a: 0x1F\nb: 1000000\nc: True\nd: ~\ne: 2020-01-01\nf: 12345678901234567\ng: 1.50\nh: \"plain\"\ni: \"yes\"\n";
        let source = yaml::Sources::new().add("object.yaml", text.to_owned());
        let mut node = yaml::read_documents(&source).unwrap().nodes.remove(0);
        let before = node.clone();
        normalise(&mut node).unwrap();
        let expected = "a: 31\nb: 1e+06\nc: true\nd: null\ne: \"2020-01-01T00:00:00Z\"\nf: 1.2345678901234568e+16\ng: 1.5\nh: plain\ni: \"yes\"\n";
        assert_eq!(yaml::encode_v3(&node), expected);
        let marks = |node: &Node| {
            node.as_map()
                .unwrap()
                .iter()
                .map(|entry| entry.value.mark)
                .collect::<Vec<_>>()
        };
        assert_eq!(marks(&node), marks(&before));
    }

    #[test]
    fn numbers_without_json_are_errors() {
        let mut node = Node::scalar(".inf", Tag::Float);
        assert_eq!(
            normalise(&mut node).unwrap_err().to_string(),
            "\".inf\" is a number that JSON does not have"
        );
    }
}
