//! The fields in which two objects differ.

use std::borrow::Cow;

use hashbrown::{HashMap, HashSet};
use resource::{Resource, Schema, TypeRef};
use yaml::{Node, Typed, Value, typed};

use crate::pair::Hashed;
use crate::path;
use crate::{FieldDifference, Side};

pub(crate) fn fields<'a>(
    before: &'a Resource,
    after: &'a Resource,
    schema: &Schema,
    hashed: &Hashed,
) -> Vec<FieldDifference<'a>> {
    let mut comparison = Comparison {
        hashed,
        is_secret: after.kind() == "Secret",
        found: Vec::new(),
    };
    let types = schema.type_of(after.api_version(), after.kind());
    let sides = (
        Side {
            node: &before.node,
            layer: &before.layer,
        },
        Side {
            node: &after.node,
            layer: &after.layer,
        },
    );
    comparison.both(sides.0.inside(), sides.1.inside(), types, "");
    comparison.found
}

struct Comparison<'a, 'h> {
    hashed: &'h Hashed,
    is_secret: bool,
    found: Vec<FieldDifference<'a>>,
}

impl<'a> Side<'a> {
    /// The same node with the layer that changed it, if one did.
    fn inside(self) -> Side<'a> {
        match self.node.origin.as_deref() {
            Some(change) => Side {
                layer: &change.layer,
                ..self
            },
            None => self,
        }
    }

    fn child(self, node: &'a Node) -> Side<'a> {
        Side { node, ..self }.inside()
    }

    fn items(self) -> impl Iterator<Item = Side<'a>> {
        let items = self.node.as_seq().into_iter().flatten();
        items.map(move |item| self.child(item))
    }
}

impl<'a> Comparison<'a, '_> {
    fn both(&mut self, before: Side<'a>, after: Side<'a>, types: Option<TypeRef<'_>>, path: &str) {
        match (&before.node.value, &after.node.value) {
            (Value::Map(_), Value::Map(_)) => self.maps(before, after, types, path),
            (Value::Seq(_), Value::Seq(_)) => self.lists(before, after, types, path),
            (Value::Scalar(_), Value::Scalar(_)) if same_scalar(before.node, after.node) => {}
            _ => self.differ(path.to_owned(), Some(before), Some(after)),
        }
    }

    fn maps(&mut self, before: Side<'a>, after: Side<'a>, types: Option<TypeRef<'_>>, path: &str) {
        let is_metadata = path == "metadata";
        let entries = |side: Side<'a>| side.node.as_map().into_iter().flatten();
        let by_key = |side: Side<'a>| -> HashMap<&'a str, &'a Node> {
            entries(side)
                .filter_map(|entry| Some((entry.key.as_str()?, &entry.value)))
                .collect()
        };
        let (old, new) = (by_key(before), by_key(after));
        let is_identity = |key: &str| is_metadata && matches!(key, "name" | "namespace");
        for entry in entries(before) {
            let Some(key) = entry.key.as_str().filter(|key| !is_identity(key)) else {
                continue;
            };
            let path = path::key(path, key);
            let old = before.child(&entry.value);
            match new.get(key) {
                Some(node) => self.both(old, after.child(node), types.and_then(|types| types.field(key)), &path),
                None => self.differ(path, Some(old), None),
            }
        }
        for entry in entries(after) {
            if let Some(key) = entry
                .key
                .as_str()
                .filter(|key| !is_identity(key) && !old.contains_key(key))
            {
                self.differ(path::key(path, key), None, Some(after.child(&entry.value)));
            }
        }
    }

    fn lists(&mut self, before: Side<'a>, after: Side<'a>, types: Option<TypeRef<'_>>, path: &str) {
        let items = types.and_then(TypeRef::elements);
        let (old, new): (Vec<Side<'a>>, Vec<Side<'a>>) = (before.items().collect(), after.items().collect());
        let merge_keys = types.and_then(TypeRef::merge_keys);
        if merge_keys.is_some_and(<[_]>::is_empty) {
            return self.sets(&old, &new, path);
        }
        // What no schema knows is often named all the same.
        let name = [Cow::Borrowed("name")];
        let candidates = merge_keys.into_iter().chain([&name[..]]);
        for keys in candidates {
            if let (Some(old), Some(new)) = (keyed(&old, keys), keyed(&new, keys)) {
                return self.keyed(&old, &new, keys, items, path);
            }
        }
        self.positions(&old, &new, items, path);
    }

    fn keyed(
        &mut self,
        old: &[(Vec<&'a str>, Side<'a>)],
        new: &[(Vec<&'a str>, Side<'a>)],
        keys: &[Cow<'_, str>],
        items: Option<TypeRef<'_>>,
        path: &str,
    ) {
        let path = |values: &[&str]| {
            let fields = keys.iter().map(|key| &**key).zip(values.iter().copied());
            let fields: Vec<(&str, &str)> = fields.filter(|(_, value)| !value.is_empty()).collect();
            path::item(path, &fields)
        };
        let later: HashMap<&[&str], Side<'a>> = new.iter().map(|(key, side)| (key.as_slice(), *side)).collect();
        let earlier: HashSet<&[&str]> = old.iter().map(|(key, _)| key.as_slice()).collect();
        for (key, side) in old {
            match later.get(key.as_slice()) {
                Some(after) => self.both(*side, *after, items, &path(key)),
                None => self.differ(path(key), Some(*side), None),
            }
        }
        for (key, side) in new.iter().filter(|(key, _)| !earlier.contains(key.as_slice())) {
            self.differ(path(key), None, Some(*side));
        }
    }

    /// Lists of scalars in which only membership counts.
    fn sets(&mut self, old: &[Side<'a>], new: &[Side<'a>], path: &str) {
        let texts =
            |sides: &[Side<'a>]| -> HashSet<&'a str> { sides.iter().filter_map(|side| side.node.as_str()).collect() };
        let (earlier, later) = (texts(old), texts(new));
        let is_in =
            |texts: &HashSet<&str>, side: &Side<'_>| side.node.as_str().is_some_and(|text| texts.contains(text));
        for (at, side) in old.iter().enumerate().filter(|(_, side)| !is_in(&later, side)) {
            self.differ(path::index(path, at), Some(*side), None);
        }
        for (at, side) in new.iter().enumerate().filter(|(_, side)| !is_in(&earlier, side)) {
            self.differ(path::index(path, at), None, Some(*side));
        }
    }

    /// What is the same at both ends is left away; the rest is compared position by position.
    fn positions(&mut self, old: &[Side<'a>], new: &[Side<'a>], items: Option<TypeRef<'_>>, path: &str) {
        let is_same = |pair: &(&Side<'a>, &Side<'a>)| same(pair.0.node, pair.1.node);
        let first = old.iter().zip(new).take_while(is_same).count();
        let rest = (&old[first..], &new[first..]);
        let last = rest.0.iter().rev().zip(rest.1.iter().rev()).take_while(is_same).count();
        let old = &old[first..old.len() - last];
        let new = &new[first..new.len() - last];
        for at in 0..old.len().max(new.len()) {
            let path = path::index(path, first + at);
            match (old.get(at), new.get(at)) {
                (Some(old), Some(new)) => self.both(*old, *new, items, &path),
                (old, new) => self.differ(path, old.copied(), new.copied()),
            }
        }
    }

    fn differ(&mut self, path: String, before: Option<Side<'a>>, after: Option<Side<'a>>) {
        let text = |side: &Option<Side<'a>>| side.as_ref().and_then(|side| side.node.as_str()).map(str::to_owned);
        let follows = text(&before)
            .zip(text(&after))
            .and_then(|names| self.hashed.get(&names).cloned());
        let is_secret = self.is_secret && ["data", "stringData"].iter().any(|field| is_at_or_below(&path, field));
        self.found.push(FieldDifference {
            path,
            before,
            after,
            follows,
            is_secret,
        });
    }
}

fn is_at_or_below(path: &str, field: &str) -> bool {
    path.strip_prefix(field)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The items by the values of their keys, unless one has none of them or two have the same.
fn keyed<'a>(items: &[Side<'a>], keys: &[Cow<'_, str>]) -> Option<Vec<(Vec<&'a str>, Side<'a>)>> {
    let mut seen = HashSet::new();
    let mut keyed = Vec::with_capacity(items.len());
    for item in items {
        let map = item.node.as_map()?;
        let values: Vec<&str> = keys
            .iter()
            .map(|key| map.get(key).and_then(Node::as_str).unwrap_or_default())
            .collect();
        if values.first().is_none_or(|first| first.is_empty()) || !seen.insert(values.clone()) {
            return None;
        }
        keyed.push((values, *item));
    }
    Some(keyed)
}

/// Whether two trees have the same content, whatever the order of their keys.
fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::Scalar(_), Value::Scalar(_)) => same_scalar(a, b),
        (Value::Seq(a), Value::Seq(b)) => a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            let of_b: HashMap<&str, &Node> = b
                .iter()
                .filter_map(|entry| Some((entry.key.as_str()?, &entry.value)))
                .collect();
            a.len() == b.len()
                && a.iter().all(|entry| {
                    let other = entry.key.as_str().and_then(|key| of_b.get(key));
                    other.is_some_and(|other| same(&entry.value, other))
                })
        }
        _ => false,
    }
}

/// Whether two scalars mean the same: `"1"` and `1` do not, `'a'` and `a` do.
fn same_scalar(a: &Node, b: &Node) -> bool {
    match (typed(a), typed(b)) {
        (Ok(Typed::Float(a)), Ok(Typed::Float(b))) => a.to_bits() == b.to_bits(),
        (Ok(a), Ok(b)) => a == b,
        _ => a.as_str() == b.as_str(),
    }
}
