//! `UpsertListItem`: adds an element to lists, or changes the element that is there.
//!
//! Which element is there is told by its `keys`; scalars are told by their value. A missing list is made.

use std::sync::Arc;

use resource::ResourceSet;
use yaml::{Layer, Node, Text, Value};

use super::invalid;
use super::target::Target;
use crate::config::Str;
use crate::config::decode::{custom, field, structure};
use crate::error::{BuildError, ErrorKind, Result};
use crate::field_path::Kind;

#[derive(Clone, Debug, Default)]
pub(crate) struct UpsertListItem {
    targets: Vec<Target>,
    keys: Vec<Text>,
    item: Option<Node>,
    if_present: Option<Str>,
    position: Option<Str>,
    on_match: OnMatch,
    first: bool,
}

/// What becomes of an element that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum OnMatch {
    /// The fields of the item are set in it; null removes a field.
    #[default]
    Merge,
    Replace,
    Keep,
}

structure!(
    UpsertListItem,
    [
        field!("targets", targets),
        field!("keys", keys),
        custom!("item", yaml::Node, |function, node, _| function.item =
            Some(node.clone())),
        field!("ifPresent", if_present),
        field!("position", position),
    ]
);

pub(super) fn read(object: &Node) -> Result<UpsertListItem> {
    let mut function: UpsertListItem = super::spec(object)?;
    let Some(item) = &function.item else {
        return Err(invalid(object, "UpsertListItem needs an `item`").hint("say under `spec.item` what to add"));
    };
    function.on_match = match choice(&function.if_present, "ifPresent", &["merge", "replace", "keep"])? {
        1 => OnMatch::Replace,
        2 => OnMatch::Keep,
        _ => OnMatch::Merge,
    };
    function.first = choice(&function.position, "position", &["last", "first"])? == 1;
    if item.as_map().is_some() && function.keys.is_empty() {
        function.keys.push("name".into());
    }
    for key in &function.keys {
        if item.get(key).is_none_or(|value| !value.is_scalar()) {
            let message = format!("the item has no `{key}` to be told by");
            return Err(invalid(item, message).hint("give it one, or name other fields under `spec.keys`"));
        }
    }
    Ok(function)
}

/// Which of the words a field says; the first if it says none.
fn choice(said: &Option<Str>, field: &str, words: &[&str]) -> Result<usize> {
    let Some(said) = said else { return Ok(0) };
    words.iter().position(|word| *word == &**said).ok_or_else(|| {
        let message = format!(
            "`{field}` is \"{}\", but must be one of {}",
            said.text,
            words.join(", ")
        );
        BuildError::new(ErrorKind::Config, said.mark, message)
    })
}

impl UpsertListItem {
    pub(super) fn apply(&self, set: &mut ResourceSet, layer: &Arc<Layer>) -> Result<()> {
        let item = self.item.as_ref().expect("read with an item");
        for target in &self.targets {
            target.each_field(set, Some(Kind::Seq), |root, fields| {
                fields.each(root, layer, |list| {
                    if list.is_null() {
                        list.replace(Node::seq(yaml::Seq::new()).at(layer.mark), layer);
                    }
                    let Value::Seq(items) = &mut list.value else {
                        let message = format!("\"{}\" is no list", fields.path.text);
                        return Err(BuildError::new(ErrorKind::Transform, list.mark, message)
                            .related(fields.path.mark, "named by this path"));
                    };
                    match items.iter().position(|there| self.is_same(there, item)) {
                        Some(at) => self.change(&mut items.make_mut()[at], item, layer),
                        None => {
                            let mut new = item.clone();
                            new.stamp(layer);
                            items.insert(if self.first { 0 } else { items.len() }, new);
                        }
                    }
                    Ok(())
                })
            })?;
        }
        Ok(())
    }

    fn is_same(&self, there: &Node, item: &Node) -> bool {
        if self.keys.is_empty() {
            return item.as_str().is_some() && there.as_str() == item.as_str();
        }
        let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_str).map(str::to_owned);
        self.keys.iter().all(|key| text(there, key) == text(item, key))
    }

    fn change(&self, there: &mut Node, item: &Node, layer: &Arc<Layer>) {
        match self.on_match {
            OnMatch::Keep => {}
            OnMatch::Replace => set(there, item, layer),
            OnMatch::Merge => merge(there, item, layer),
        }
    }
}

/// Sets the fields of `item` in `there`, as a JSON merge patch does (RFC 7396).
fn merge(there: &mut Node, item: &Node, layer: &Arc<Layer>) {
    let (Value::Map(map), Some(fields)) = (&mut there.value, item.as_map()) else {
        return set(there, item, layer);
    };
    for field in fields {
        let Some(key) = field.key.as_str() else { continue };
        if field.value.is_null() {
            map.remove(key);
        } else if let Some(value) = map.get_mut(key) {
            merge(value, &field.value, layer);
        } else {
            let (mut key, mut value) = (field.key.clone(), without_nulls(&field.value));
            key.stamp(layer);
            value.stamp(layer);
            map.push(key, value);
        }
    }
}

/// A tree without the entries that are null: in a patch they mean that nothing is to be there.
fn without_nulls(node: &Node) -> Node {
    let mut node = node.clone();
    if let Value::Map(map) = &mut node.value {
        map.retain(|entry| !entry.value.is_null());
        for entry in map.iter_mut() {
            entry.value = without_nulls(&entry.value);
        }
    }
    node
}

fn set(there: &mut Node, item: &Node, layer: &Arc<Layer>) {
    if there.is_scalar() && item.is_scalar() && there.text() == item.text() && there.tag == item.tag {
        return;
    }
    there.replace(item.clone(), layer);
}
