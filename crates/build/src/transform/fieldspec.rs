//! Finds the nodes that a field spec names, making them where it says so, and lets a transformer set
//! them (kustomize's `filters/fieldspec`). Lists on the way are walked without being named.

use std::borrow::Cow;
use std::sync::Arc;

use resource::Gvk;
use yaml::{Layer, Map, Node, Style, Tag, Text, Value};

use crate::config::FieldSpec;
use crate::error::{BuildError, ErrorKind, Result};

/// What is made where a field spec with `create` finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Create {
    /// A scalar with this tag.
    Scalar(Tag),
    /// A mapping.
    Map,
}

/// What is left to walk of the path of a field spec: parts with slashes between them. A backslash before a
/// slash makes it part of a name; a slash at the beginning does not count.
#[derive(Clone, Copy)]
struct Path<'a>(Option<&'a str>);

struct Segment<'a> {
    name: Cow<'a, str>,
    /// Written with `[]`: the field is a list.
    is_list: bool,
}

impl<'a> Path<'a> {
    fn of(spec: &'a FieldSpec) -> Path<'a> {
        Path(Some(spec.path.strip_prefix('/').unwrap_or(&spec.path)))
    }

    fn split_first(self) -> Option<(Segment<'a>, Path<'a>)> {
        let path = self.0?;
        let bytes = path.as_bytes();
        let (mut end, mut has_escapes) = (0, false);
        while end < bytes.len() && (bytes[end] != b'/' || bytes[..end].ends_with(b"\\")) {
            has_escapes |= bytes[end] == b'/';
            end += 1;
        }
        let (written, rest) = (&path[..end], path.get(end + 1..));
        let bare = written.strip_suffix("[]");
        let name = bare.unwrap_or(written);
        let name = match has_escapes {
            true => name.replace("\\/", "/").into(),
            false => name.into(),
        };
        let is_list = bare.is_some();
        Some((Segment { name, is_list }, Path(rest)))
    }
}

impl FieldSpec {
    /// Whether `is_meant` accepts a node the spec names, or a single value stands in the way.
    pub(crate) fn any(&self, node: &Node, is_meant: &dyn Fn(&Node) -> bool) -> bool {
        any(node, Path::of(self), is_meant)
    }

    /// Whether the spec is for objects of this type.
    pub(crate) fn is_for(&self, gvk: &Gvk) -> bool {
        gvk.is_selected_by(&self.gvk)
    }
}

/// Calls `set` on every node the spec names in an object of its type.
pub(crate) fn visit(
    node: &mut Node,
    spec: &FieldSpec,
    create: Option<Create>,
    layer: &Arc<Layer>,
    set: &mut dyn FnMut(&mut Node) -> Result<()>,
) -> Result<()> {
    let create = create.filter(|_| spec.create);
    if create.is_none() && !spec.any(node, &|_| true) {
        return Ok(());
    }
    walk(node, spec, Path::of(spec), create, layer, set)
}

fn any(node: &Node, path: Path<'_>, is_meant: &dyn Fn(&Node) -> bool) -> bool {
    if path.0.is_none() {
        return is_meant(node);
    }
    match &node.value {
        _ if node.is_null() => false,
        Value::Seq(items) => items.iter().any(|item| any(item, path, is_meant)),
        Value::Map(map) => path.split_first().is_some_and(|(first, rest)| {
            // A field that is to be a list and is null becomes an empty one.
            let is_there = |value: &Node| (first.is_list && value.is_null()) || any(value, rest, is_meant);
            first.name.is_empty() || map.get(&first.name).is_some_and(is_there)
        }),
        Value::Scalar(_) => true,
    }
}

fn walk(
    node: &mut Node,
    spec: &FieldSpec,
    path: Path<'_>,
    create: Option<Create>,
    layer: &Arc<Layer>,
    set: &mut dyn FnMut(&mut Node) -> Result<()>,
) -> Result<()> {
    let Some((first, rest)) = path.split_first() else {
        return set(node);
    };
    if node.is_null() {
        return Ok(());
    }
    let mark = node.mark;
    match &mut node.value {
        Value::Seq(items) => {
            for item in items.make_mut() {
                if create.is_some() || any(item, path, &|_| true) {
                    walk(item, spec, path, create, layer, set)?;
                }
            }
            Ok(())
        }
        Value::Map(map) => {
            if first.name.is_empty() {
                let message = format!("cannot set or create an empty field name in the path \"{}\"", spec.path);
                return Err(BuildError::new(ErrorKind::Config, layer.mark, message));
            }
            let wanted = match create {
                Some(_) if first.is_list => None,
                Some(last) if rest.0.is_none() => Some(last),
                Some(_) => Some(Create::Map),
                None => None,
            };
            let Some(at) = map.position(&first.name) else {
                let Some(wanted) = wanted else { return Ok(()) };
                let mut made = match wanted {
                    Create::Map => Node::map(Map::new()),
                    Create::Scalar(_) => Node::scalar("", Tag::Unset),
                };
                made.stamp(layer);
                walk(&mut made, spec, rest, create, layer, set)?;
                map.insert(&*first.name, made);
                return Ok(());
            };
            let value = &mut map.iter_mut().into_slice()[at].value;
            if value.is_null() {
                match wanted {
                    Some(Create::Map) => value.replace(Node::map(Map::new()), layer),
                    Some(Create::Scalar(tag)) => value.tag = tag,
                    None if first.is_list => value.replace(Node::seq(yaml::Seq::new()), layer),
                    None => {}
                }
            }
            walk(value, spec, rest, create, layer, set)
        }
        Value::Scalar(text) => {
            let message = format!(
                "expected a mapping or a list on the way to \"{}\", found \"{text}\"",
                spec.path
            );
            Err(BuildError::new(ErrorKind::Transform, mark, message).related(layer.mark, "needed here"))
        }
    }
}

/// Sets the text of a scalar and keeps its style (kyaml's `FieldSetter` without a name).
pub(crate) fn set_scalar(node: &mut Node, text: Text, tag: Tag, mark: yaml::Mark, layer: &Arc<Layer>) -> Result<()> {
    if !node.is_null() && !node.is_scalar() {
        let message = format!(
            "expected a single value here to set \"{text}\", found a {}",
            kind_name(node)
        );
        return Err(BuildError::new(ErrorKind::Transform, node.mark, message).related(mark, "set from here"));
    }
    if node.text() == Some(&text) && node.tag == tag {
        return Ok(());
    }
    let style = if node.style == Style::Flow {
        Style::Plain
    } else {
        node.style
    };
    let mut new = Node::scalar(text, tag).at(mark);
    new.style = style;
    node.replace(new, layer);
    Ok(())
}

/// Sets an entry of a mapping to a text. One that was there keeps its style, and with none means what
/// it reads as; a new one is a string.
pub(crate) fn set_entry_text(
    node: &mut Node,
    key: &str,
    text: &Text,
    mark: yaml::Mark,
    layer: &Arc<Layer>,
) -> Result<()> {
    let Some(map) = node.as_map_mut() else { return Ok(()) };
    if let Some(value) = map.get_mut(key) {
        return set_scalar(value, text.clone(), Tag::Unset, mark, layer);
    }
    let mut new = Node::quoted_string(text.clone()).at(mark);
    new.stamp(layer);
    map.insert(key, new);
    Ok(())
}

/// Sets an entry of a mapping to a string and keeps the style of what was there.
pub(crate) fn set_entry(node: &mut Node, key: &Text, text: &Text, mark: yaml::Mark, layer: &Arc<Layer>) -> Result<()> {
    let found = kind_name(node);
    let place = node.mark;
    if node.is_null() {
        node.replace(Node::map(Map::new()), layer);
    }
    let Some(map) = node.as_map_mut() else {
        let message = format!("expected a mapping here to set \"{key}\", found a {found}");
        return Err(BuildError::new(ErrorKind::Transform, place, message).related(mark, "set from here"));
    };
    match map.position(key) {
        Some(at) => {
            let old = &map.as_slice()[at].value;
            if old.text() == Some(text) && old.tag == Tag::Str {
                return Ok(());
            }
            let mut new = Node::string(text.clone()).at(mark);
            new.style = if old.is_scalar() { old.style } else { Style::Plain };
            map.iter_mut().into_slice()[at].value.replace(new, layer);
        }
        None => {
            let mut new = Node::quoted_string(text.clone()).at(mark);
            new.stamp(layer);
            map.insert(key.clone(), new);
        }
    }
    Ok(())
}

pub(crate) fn kind_name(node: &Node) -> &'static str {
    match &node.value {
        _ if node.is_null() => "null",
        Value::Scalar(_) => "single value",
        Value::Map(_) => "mapping",
        Value::Seq(_) => "list",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_split_as_kyaml_does() {
        let table: [(&str, &[&str]); 6] = [
            ("a/b", &["a", "b"]),
            ("/a//b", &["a", "", "b"]),
            ("", &[""]),
            ("a[]/b", &["a[]", "b"]),
            (r"a/b.c\/d\/e", &["a", "b.c/d/e"]),
            (r"a\//b", &["a/", "b"]),
        ];
        for (path, expected) in table {
            let spec = FieldSpec {
                path: path.into(),
                ..FieldSpec::default()
            };
            let mut left = Path::of(&spec);
            let mut found = Vec::new();
            while let Some((Segment { name, is_list }, rest)) = left.split_first() {
                found.push(format!("{name}{}", if is_list { "[]" } else { "" }));
                left = rest;
            }
            assert_eq!(found, expected, "{path}");
        }
    }
}
