//! Merge keys, null keys and repeated keys, which the two dialects treat differently.

use std::collections::BTreeMap;

use crate::error::{ParseError, Problem};
use crate::node::{Entry, Map, Node, Style, Tag, Value};
use crate::number::{Dialect, write_float_g32, write_float_json};
use crate::parse::compose::Duplicate;
use crate::resolve::{Typed, typed_scalar};
use crate::text::Text;

const MERGE: &str = "<<";

/// kyaml's DeAnchor on a mapping that has a key `<<` or a null key: the maps under the merge key are
/// merged in, the first key named `<<` goes away (quoted or not), and a null key comes twice.
pub(super) fn apply_v3(map: &mut Map) -> Result<(), ParseError> {
    let mut merge: Option<&Entry> = None;
    for entry in map.iter().filter(|entry| entry.key.tag == Tag::Merge) {
        if merge.replace(entry).is_some() {
            return Err(ParseError::new(Problem::DuplicateMerge, entry.key.mark));
        }
    }
    let merged = match merge {
        Some(entry) => maps_to_merge(&entry.value)?,
        None => Vec::new(),
    };
    map.remove(MERGE);
    let own = map.clone();
    for map_to_merge in merged.iter().chain(std::iter::once(&own)) {
        for entry in map_to_merge {
            set(map, entry, map_to_merge);
        }
    }
    Ok(())
}

/// The maps under a merge key; of those, a later one is overridden by an earlier one, so it comes first.
fn maps_to_merge(value: &Node) -> Result<Vec<Map>, ParseError> {
    let map = |node: &Node| match &node.value {
        Value::Map(map) => Ok(map.clone()),
        _ => Err(ParseError::new(Problem::MergeValue, node.mark)),
    };
    match &value.value {
        Value::Seq(items) => items.iter().rev().map(map).collect(),
        _ => Ok(vec![map(value)?]),
    }
}

/// kyaml's MapEntrySetter, which takes a null key for a key without a name.
fn set(map: &mut Map, entry: &Entry, from: &Map) {
    let text = |key: &Node| key.as_str().unwrap_or_default().to_owned();
    let written = text(&entry.key);
    // Of keys that repeat, the first is meant.
    let first = from.iter().find(|other| text(&other.key) == written).unwrap_or(entry);
    let name = if first.key.tag == Tag::Null {
        String::new()
    } else {
        written
    };
    match map.iter_mut().find(|other| text(&other.key) == name) {
        Some(other) => *other = first.clone(),
        None => map.push(first.key.clone(), first.value.clone()),
    }
}

/// Decodes a scalar as yaml v2 does, and writes it as JSON would: `yes` is `true`, `0x1F` is `31`, a
/// date stays a string.
pub(super) fn canonical(node: &mut Node) -> Result<(), ParseError> {
    let Value::Scalar(text) = &node.value else {
        return Ok(());
    };
    if matches!(node.tag, Tag::Str | Tag::Merge) {
        // Where a text is read once and not printed by yaml v3, its style must not matter.
        node.style = Style::DoubleQuoted;
        return Ok(());
    }
    let value = typed_scalar(text, node.tag, node.style, Dialect::V2)
        .map_err(|error| ParseError::new(Problem::Value(error), node.mark))?;
    let (text, tag) = match value {
        Typed::Null => (Text::from("null"), Tag::Null),
        Typed::Bool(value) => (Text::from(if value { "true" } else { "false" }), Tag::Bool),
        Typed::Int(value) => (Text::from(value.to_string()), Tag::Int),
        Typed::Uint(value) => (Text::from(value.to_string()), Tag::Int),
        Typed::Float(value) if value.is_finite() => {
            let mut out = Vec::new();
            write_float_json(value, &mut out);
            if value == 0.0 {
                out.extend_from_slice(b".0");
            }
            (Text::from(String::from_utf8_lossy(&out).into_owned()), Tag::Float)
        }
        Typed::Float(_) => (text.clone(), Tag::Float),
        Typed::Str(value) => (Text::from(&*value), Tag::Str),
        Typed::Timestamp(_) => (text.clone(), Tag::Str),
    };
    node.value = Value::Scalar(text);
    node.tag = tag;
    Ok(())
}

/// yaml v2 decodes a mapping in order: a merge key overrides what stands above it, the last of
/// repeated keys counts. Keys become strings as in sigs.k8s.io/yaml.
pub(super) fn apply_v2(map: &mut Map, duplicates: &mut Vec<Duplicate>) -> Result<(), ParseError> {
    let simple = map.len() <= 16
        && map.iter().enumerate().all(|(at, entry)| {
            entry.key.tag == Tag::Str
                && !map.as_slice()[..at]
                    .iter()
                    .any(|other| other.key.as_str() == entry.key.as_str())
        });
    if simple {
        return Ok(());
    }
    let mut out: Vec<Entry> = Vec::with_capacity(map.len());
    let mut places: BTreeMap<String, (usize, bool)> = BTreeMap::new();
    for mut entry in std::mem::take(map) {
        if entry.key.tag == Tag::Merge && entry.key.as_str() == Some(MERGE) {
            for merged in maps_to_merge(&entry.value)? {
                for entry in merged {
                    place(&mut out, &mut places, entry, true, duplicates);
                }
            }
            continue;
        }
        stringify(&mut entry.key)?;
        place(&mut out, &mut places, entry, false, duplicates);
    }
    *map = out.into_iter().collect();
    Ok(())
}

fn place(
    out: &mut Vec<Entry>,
    places: &mut BTreeMap<String, (usize, bool)>,
    entry: Entry,
    merged: bool,
    duplicates: &mut Vec<Duplicate>,
) {
    let Some(key) = entry.key.text().cloned() else {
        return;
    };
    match places.get_mut(key.as_str()) {
        Some((at, was_merged)) => {
            let old = &mut out[*at];
            if !merged && !*was_merged {
                duplicates.push(Duplicate {
                    key,
                    mark: entry.key.mark,
                    first: old.key.mark,
                });
            }
            *was_merged = merged;
            *old = entry;
        }
        None => {
            places.insert(key.to_string(), (out.len(), merged));
            out.push(entry);
        }
    }
}

fn stringify(key: &mut Node) -> Result<(), ParseError> {
    let error = |what| Err(ParseError::new(Problem::Key(what), key.mark));
    let text = match &key.value {
        Value::Map(_) => return error("a mapping"),
        Value::Seq(_) => return error("a list"),
        Value::Scalar(text) => text,
    };
    match key.tag {
        Tag::Null => return error("null"),
        Tag::Int if text.parse::<i64>().is_err() => return error("an integer beyond 64 bits"),
        Tag::Float => {
            let mut out = Vec::new();
            match typed_scalar(text, Tag::Float, Style::Plain, Dialect::V2) {
                Ok(Typed::Float(value)) if value.is_nan() => out.extend_from_slice(b".nan"),
                Ok(Typed::Float(value)) if value == f64::INFINITY => out.extend_from_slice(b".inf"),
                Ok(Typed::Float(value)) if value == f64::NEG_INFINITY => out.extend_from_slice(b"-.inf"),
                Ok(Typed::Float(value)) => write_float_g32(value, &mut out),
                _ => out.extend_from_slice(text.as_bytes()),
            }
            key.value = Value::Scalar(Text::from(String::from_utf8_lossy(&out).into_owned()));
        }
        _ => {}
    }
    key.tag = Tag::Str;
    Ok(())
}
