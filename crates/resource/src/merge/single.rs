//! Values that stand on one side of a merge alone, which the merge still walks through.
//!
//! On the target's side it drops fields that are null without saying so (`key:`), quotes strings that
//! YAML 1.1 would misread and unites list elements with the same key. On the patch's side it carries
//! directives out and drops every null. Almost always there is nothing to do, and nothing is copied then.

use yaml::{Map, Node, Seq, Style, Value};

use super::directive::{self, Directive};
use super::map::{check_name, is_rebuilt, remove_all};
use super::{MergeError, Walk, check_depth, plain};
use crate::schema::TypeRef;

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// In the target, and the patch has nothing for it.
    Target,
    /// In the patch, where the target has nothing.
    Added,
    /// Inside a value that the patch added, or that replaces one of the target.
    Patch,
}

impl Side {
    fn inside(self) -> Side {
        match self {
            Side::Target => Side::Target,
            Side::Added | Side::Patch => Side::Patch,
        }
    }
}

/// What becomes of a value.
pub(super) enum Walked {
    Same,
    New(Node),
    Gone,
}

impl<'a> Walk<'a> {
    pub(super) fn single(
        &mut self,
        node: &Node,
        side: Side,
        known: Option<TypeRef<'a>>,
        depth: usize,
    ) -> Result<Walked, MergeError> {
        match &node.value {
            Value::Scalar(text) => {
                let keep = !node.is_null() || (side == Side::Target && !text.is_empty());
                Ok(if keep { Walked::Same } else { Walked::Gone })
            }
            Value::Map(map) => {
                check_depth(node, depth)?;
                let (directive, left_out) = match side {
                    Side::Target => (Directive::Merge, None),
                    Side::Patch => directive::of_map(map)?,
                    Side::Added => directive::of_map(map).unwrap_or((Directive::Merge, None)),
                };
                if directive == Directive::Delete {
                    return Ok(Walked::Gone);
                }
                let known = known.or_else(|| self.type_of(node));
                self.single_map(node, map, side, left_out, known, depth)
            }
            Value::Seq(items) => match known.and_then(TypeRef::merge_keys) {
                None => Ok(Walked::Same),
                Some(keys) => {
                    check_depth(node, depth)?;
                    let (directive, rest) = match side {
                        Side::Target | Side::Added => (Directive::Merge, None),
                        Side::Patch => directive::of_list(items)?,
                    };
                    if directive == Directive::Delete {
                        return Ok(Walked::Gone);
                    }
                    let items = rest.as_ref().unwrap_or(items);
                    let walked = self.single_list(items, side.inside(), keys, known, depth)?;
                    let restyled = side == Side::Added && node.style != Style::Plain && is_rebuilt(node, known);
                    if walked.is_none() && rest.is_none() && !restyled {
                        return Ok(Walked::Same);
                    }
                    let mut node = node.clone();
                    node.value = Value::Seq(walked.unwrap_or_else(|| items.clone()));
                    if restyled {
                        node.style = Style::Plain;
                    }
                    Ok(Walked::New(node))
                }
            },
        }
    }

    /// The value of a field, which is quoted where a list element is not.
    pub(super) fn field(
        &mut self,
        node: &Node,
        side: Side,
        known: Option<TypeRef<'a>>,
        depth: usize,
    ) -> Result<Walked, MergeError> {
        match self.single(node, side, known, depth + 1)? {
            Walked::Same if plain::wants_quotes(node) => {
                let mut node = node.clone();
                node.style = Style::DoubleQuoted;
                Ok(Walked::New(node))
            }
            walked => Ok(walked),
        }
    }

    fn single_map(
        &mut self,
        node: &Node,
        map: &Map,
        side: Side,
        left_out: Option<usize>,
        known: Option<TypeRef<'a>>,
        depth: usize,
    ) -> Result<Walked, MergeError> {
        let mut replaced = Vec::new();
        let mut removed = Vec::new();
        for (at, entry) in map.iter().enumerate() {
            if Some(at) == left_out {
                removed.push(at);
                continue;
            }
            let field_type = known.and_then(|known| known.field(entry.key.as_str().unwrap_or_default()));
            check_name(&entry.key)?;
            match self.field(&entry.value, side.inside(), field_type, depth)? {
                Walked::Same => {}
                Walked::New(node) => replaced.push((at, node)),
                Walked::Gone => removed.push(at),
            }
        }
        if replaced.is_empty() && removed.is_empty() {
            return Ok(Walked::Same);
        }
        let mut map = map.clone();
        if !replaced.is_empty() {
            let entries = map.iter_mut().into_slice();
            for (at, node) in replaced {
                entries[at].value = node;
            }
        }
        remove_all(&mut map, &removed);
        let mut node = node.clone();
        node.value = Value::Map(map);
        Ok(Walked::New(node))
    }

    /// A mapping of the patch that replaces one of the target.
    pub(super) fn fields_of(
        &mut self,
        patch: &Node,
        map: &Map,
        left_out: Option<usize>,
        known: Option<TypeRef<'a>>,
        depth: usize,
    ) -> Result<Node, MergeError> {
        Ok(
            match self.single_map(patch, map, Side::Patch, left_out, known, depth)? {
                Walked::New(node) => node,
                Walked::Same | Walked::Gone => patch.clone(),
            },
        )
    }

    /// A list of the patch that replaces one of the target.
    pub(super) fn items_of(
        &mut self,
        patch: &Node,
        items: &Seq,
        known: Option<TypeRef<'a>>,
        depth: usize,
    ) -> Result<Node, MergeError> {
        let keys = known.and_then(TypeRef::merge_keys).unwrap_or_default();
        let walked = self.single_list(items, Side::Patch, keys, known, depth)?;
        let mut node = patch.clone();
        node.value = Value::Seq(walked.unwrap_or_else(|| items.clone()));
        Ok(node)
    }
}
