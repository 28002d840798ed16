//! Strategic merge: an object and a patch of the same shape become one object.
//!
//! In: a target, a patch, the [`Schema`] that says which lists are merged by which keys, and the layer that
//! asked for it. Out: the target, changed in place; every value that the patch set knows the layer, the
//! place in the patch, and what was there before. The behaviour is that of kustomize's `merge2.Merge` with
//! `ListIncreaseDirection: Prepend` (`kyaml/yaml/merge2`, `kyaml/yaml/walk`), oddities included: beside what
//! a patch says, a merge also tidies the whole target (see [`single`]).
//!
//! Nothing here looks at comments, and `$retainKeys`, `$setElementOrder` and `$deleteFromPrimitiveList` are
//! fields like any other, as they are to kustomize.

mod directive;
mod list;
mod map;
mod odd_list;
mod plain;
mod single;

use std::sync::Arc;

use yaml::{Change, Layer, Map, Mark, Node, Value};

use crate::schema::{Schema, TypeRef};
use single::{Side, Walked};

/// Trees deeper than this are not merged; it keeps the stack small.
pub const MAX_DEPTH: usize = 400;

/// What a merge did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The patch deleted the whole object; the target is null now.
    pub deleted: bool,
    /// The patch made a difference.
    pub changed: bool,
}

/// A patch that cannot be merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MergeError {
    pub message: String,
    /// The offending value, in the patch or in the target.
    pub mark: Mark,
    /// What to do next.
    pub hint: Option<String>,
}

impl MergeError {
    fn new(node: &Node, message: impl Into<String>) -> MergeError {
        MergeError {
            message: message.into(),
            mark: node.mark,
            hint: None,
        }
    }

    /// A value of the patch that is of another kind than the one it is merged with.
    fn kind(node: &Node, expected: &str) -> MergeError {
        let hint = "a patch must have the same shape as its target; to change the shape of a field, delete it with \
                    `null` in a patch before";
        MergeError {
            hint: Some(hint.to_owned()),
            ..MergeError::wrong_kind(node, expected)
        }
    }

    /// An element of another kind than the rest of its list.
    fn element(node: &Node, expected: &str) -> MergeError {
        let hint = "this list is merged by key: every element must be a mapping that has the key";
        MergeError {
            hint: Some(hint.to_owned()),
            ..MergeError::wrong_kind(node, expected)
        }
    }

    fn wrong_kind(node: &Node, expected: &str) -> MergeError {
        MergeError::new(
            node,
            format!("wrong node kind: expected {expected} but got {}", kind_name(node)),
        )
    }
}

/// Merges a patch into an object.
///
/// A patch for many objects is best given as [`prepare`] made it: then it is not copied for each of them.
pub fn strategic_merge(
    target: &mut Node,
    patch: &Node,
    schema: &Schema,
    layer: &Arc<Layer>,
) -> Result<Merged, MergeError> {
    let prepared;
    let patch = match &patch.origin {
        Some(change) if Arc::ptr_eq(&change.layer, layer) && change.previous.is_none() => patch,
        _ => {
            prepared = prepare(patch, layer)?;
            &prepared
        }
    };
    let fresh = match &patch.origin {
        Some(change) => change.clone(),
        None => Arc::new(Change {
            layer: layer.clone(),
            previous: None,
        }),
    };
    let mut walk = Walk {
        schema,
        layer,
        fresh,
        changed: false,
    };
    let deleted = match walk.merge(target, patch, None, 0)? {
        // kustomize forgets the result of a `$patch: replace` at the root.
        Outcome::Keep | Outcome::Take(_) => false,
        Outcome::Clear => {
            target.replace(Node::null().at(patch.mark), layer);
            walk.changed = true;
            true
        }
    };
    Ok(Merged {
        deleted,
        changed: walk.changed,
    })
}

/// A patch whose every value is marked as set by `layer`, to be merged into many objects.
pub fn prepare(patch: &Node, layer: &Arc<Layer>) -> Result<Node, MergeError> {
    let mut patch = patch.clone();
    let change = Arc::new(Change {
        layer: layer.clone(),
        previous: None,
    });
    stamp(&mut patch, &change, 0)?;
    Ok(patch)
}

fn stamp(node: &mut Node, change: &Arc<Change>, depth: usize) -> Result<(), MergeError> {
    check_depth(node, depth)?;
    node.origin = Some(change.clone());
    match &mut node.value {
        Value::Scalar(_) => Ok(()),
        Value::Map(map) => map.iter_mut().try_for_each(|entry| {
            stamp(&mut entry.key, change, depth + 1)?;
            stamp(&mut entry.value, change, depth + 1)
        }),
        Value::Seq(items) => items
            .make_mut()
            .iter_mut()
            .try_for_each(|item| stamp(item, change, depth + 1)),
    }
}

fn check_depth(node: &Node, depth: usize) -> Result<(), MergeError> {
    if depth > MAX_DEPTH {
        return Err(MergeError::new(
            node,
            format!("nested more than {MAX_DEPTH} levels deep"),
        ));
    }
    Ok(())
}

/// One merge on its way.
struct Walk<'a> {
    schema: &'a Schema,
    layer: &'a Arc<Layer>,
    /// The origin of what the patch adds.
    fresh: Arc<Change>,
    changed: bool,
}

/// What is to stand where target and patch both had a value.
enum Outcome {
    /// The target, as it has become.
    Keep,
    /// This, from the patch.
    Take(Node),
    /// Nothing.
    Clear,
}

impl<'a> Walk<'a> {
    /// Merges two values of the same field or list element.
    fn merge(
        &mut self,
        target: &mut Node,
        patch: &Node,
        known: Option<TypeRef<'a>>,
        depth: usize,
    ) -> Result<Outcome, MergeError> {
        check_depth(patch, depth)?;
        if patch.is_null() {
            return Ok(Outcome::Clear);
        }
        let known = known.or_else(|| self.type_of(target)).or_else(|| self.type_of(patch));
        if target.is_null() {
            return Ok(match self.single(patch, Side::Added, known, depth)? {
                Walked::Same => Outcome::Take(patch.clone()),
                Walked::New(node) => Outcome::Take(node),
                Walked::Gone => Outcome::Clear,
            });
        }
        match (&target.value, &patch.value) {
            (Value::Map(_), Value::Map(fields)) => self.merge_maps(target, patch, fields, known, depth),
            (Value::Seq(before), Value::Seq(items)) => {
                if before.is_empty() {
                    target.style = patch.style;
                }
                match known.and_then(TypeRef::merge_keys) {
                    None => Ok(Outcome::Take(patch.clone())),
                    Some(keys) => self.merge_lists(target, items, patch, keys, known, depth),
                }
            }
            (Value::Scalar(_), Value::Scalar(_)) => Ok(Outcome::Take(patch.clone())),
            _ => Err(MergeError::kind(patch, kind_name(target))),
        }
    }

    /// The type of an object that stands inside another one, known or not.
    fn type_of(&self, node: &Node) -> Option<TypeRef<'a>> {
        let map = node.as_map()?;
        self.schema.type_of(text_in(map, "apiVersion")?, text_in(map, "kind")?)
    }

    /// Puts a value of the patch in the place of one of the target. It is written in the style of that one.
    fn put(&mut self, target: &mut Node, mut new: Node) {
        new.style = target.style;
        if !same(target, &new, 0) {
            self.changed = true;
            target.replace(new, self.layer);
        }
    }
}

/// The text of a field that is not null.
fn text_in<'n>(map: &'n Map, field: &str) -> Option<&'n str> {
    map.get(field).filter(|node| !node.is_null()).and_then(Node::as_str)
}

/// What go-yaml has as the value of a node: nothing for collections.
fn go_value(node: &Node) -> &str {
    node.as_str().unwrap_or_default()
}

fn kind_name(node: &Node) -> &'static str {
    match node.value {
        Value::Scalar(_) => "ScalarNode",
        Value::Map(_) => "MappingNode",
        Value::Seq(_) => "SequenceNode",
    }
}

fn is_empty_map(node: &Node) -> bool {
    node.as_map().is_some_and(Map::is_empty)
}

/// Whether both would be printed alike. Below [`MAX_DEPTH`] nothing is compared.
fn same(a: &Node, b: &Node, depth: usize) -> bool {
    if a.tag != b.tag || a.style != b.style || depth > MAX_DEPTH {
        return false;
    }
    match (&a.value, &b.value) {
        (Value::Scalar(a), Value::Scalar(b)) => a == b,
        (Value::Seq(a), Value::Seq(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b, depth + 1)),
        (Value::Map(a), Value::Map(b)) => {
            let alike = |(a, b): (&yaml::Entry, &yaml::Entry)| {
                same(&a.key, &b.key, depth + 1) && same(&a.value, &b.value, depth + 1)
            };
            a.len() == b.len() && a.iter().zip(b).all(alike)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
