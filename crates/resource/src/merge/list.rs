//! Merging lists whose elements have keys, or are scalars (`kyaml/yaml/walk/associative_sequence.go`).
//!
//! Here are the lists as they should be: every element has every key that any of them has. All others go
//! to [`odd_list`](super::odd_list). Elements of the patch come first, in the patch's order, with the
//! elements of the target that they change; then the rest of the target.

use std::borrow::Cow;

use hashbrown::HashMap;
use yaml::{Node, Seq, Value};

use super::directive::{self, Directive};
use super::odd_list::Sides;
use super::single::{Side, Walked};
use super::{MergeError, Outcome, Walk, is_empty_map, same};
use crate::schema::TypeRef;

/// Lists with fewer elements than this are searched from the start.
const INDEXED: usize = 16;

/// Elements of both lists with the same values of all keys.
struct Group {
    /// First and last position in the target.
    target: Option<(usize, usize)>,
    /// First position in the patch.
    patch: Option<usize>,
}

/// Which elements meet.
struct Plan {
    /// By first appearance, the patch's before the target's.
    groups: Vec<Group>,
    /// For each element of the target, its group.
    of_target: Vec<usize>,
    /// Several keys are in use: what only the patch has comes first then, and the target keeps its order.
    several_keys: bool,
}

/// An element of the result.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pick {
    Target(usize),
    /// What only the patch has in this group.
    Added(usize),
}

impl<'a> Walk<'a> {
    pub(super) fn merge_lists(
        &mut self,
        target: &mut Node,
        items: &Seq,
        patch: &Node,
        keys: &[Cow<'static, str>],
        known: Option<TypeRef<'a>>,
        depth: usize,
    ) -> Result<Outcome, MergeError> {
        let (directive, rest) = directive::of_list(items)?;
        let items = rest.as_ref().unwrap_or(items);
        match directive {
            Directive::Delete => return Ok(Outcome::Clear),
            Directive::Replace => return Ok(Outcome::Take(self.items_of(patch, items, known, depth)?)),
            Directive::Merge => {}
        }
        let Value::Seq(list) = &mut target.value else {
            return Ok(Outcome::Keep);
        };
        let element = known.and_then(TypeRef::elements);
        let Some(plan) = plan(keys, list, items) else {
            let merged = self.odd_list(
                Sides::Both {
                    target: list,
                    patch: items,
                },
                keys,
                element,
                depth,
            )?;
            if let Some(merged) = merged {
                if merged.len() != list.len() || !merged.iter().zip(&*list).all(|(a, b)| same(a, b, depth)) {
                    self.changed = true;
                }
                *list = merged;
            }
            return Ok(Outcome::Keep);
        };
        let mut added: Vec<Option<Node>> = Vec::new();
        let mut gone = Vec::new();
        for (number, group) in plan.groups.iter().enumerate() {
            match (group.target, group.patch) {
                (Some((at, _)), Some(of_patch)) => {
                    let new = &items[of_patch];
                    // Of scalars there is nothing to merge. An element that is to be replaced is not: kustomize
                    // finds the old one in the target and puts it back.
                    let clear = !new.is_scalar()
                        && matches!(
                            self.merge(&mut list.make_mut()[at], new, element, depth + 1)?,
                            Outcome::Clear
                        );
                    if clear {
                        self.changed = true;
                        gone.push(number);
                    }
                }
                (Some((at, _)), None) => match self.single(&list[at], Side::Target, element, depth + 1)? {
                    Walked::Same => {}
                    Walked::New(node) => list.make_mut()[at] = node,
                    Walked::Gone => gone.push(number),
                },
                (None, Some(of_patch)) => {
                    let new = &items[of_patch];
                    added.resize(number + 1, None);
                    match self.single(new, Side::Added, element, depth + 1)? {
                        Walked::Same => added[number] = Some(new.clone()),
                        Walked::New(node) => added[number] = Some(node),
                        Walked::Gone => gone.push(number),
                    }
                }
                (None, None) => {}
            }
        }
        if let Some(order) = plan.order(&gone, list.len()) {
            self.changed = true;
            let mut old: Vec<Option<Node>> = std::mem::take(list).into_iter().map(Some).collect();
            *list = order
                .into_iter()
                .filter_map(|pick| match pick {
                    Pick::Target(at) => old[at].take(),
                    Pick::Added(number) => added[number].take(),
                })
                .collect();
        }
        Ok(Outcome::Keep)
    }

    /// A list that stands alone; `None` if it stays as it is.
    pub(super) fn single_list(
        &mut self,
        list: &Seq,
        side: Side,
        keys: &[Cow<'static, str>],
        known: Option<TypeRef<'a>>,
        depth: usize,
    ) -> Result<Option<Seq>, MergeError> {
        let element = known.and_then(TypeRef::elements);
        let Some(plan) = plan(keys, list, &[]) else {
            return self.odd_list(Sides::One { list, side }, keys, element, depth);
        };
        let mut replaced = Vec::new();
        let mut gone = Vec::new();
        for (number, group) in plan.groups.iter().enumerate() {
            let Some((at, _)) = group.target else { continue };
            match self.single(&list[at], side, element, depth + 1)? {
                Walked::Same => {}
                Walked::New(node) => replaced.push((at, node)),
                Walked::Gone => gone.push(number),
            }
        }
        let order = plan.order(&gone, list.len());
        if replaced.is_empty() && order.is_none() {
            return Ok(None);
        }
        let mut list = list.clone();
        if !replaced.is_empty() {
            let items = list.make_mut();
            for (at, node) in replaced {
                items[at] = node;
            }
        }
        if let Some(order) = order {
            let at = |pick| match pick {
                Pick::Target(at) => list.get(at).cloned(),
                Pick::Added(_) => None,
            };
            list = order.into_iter().filter_map(at).collect();
        }
        Ok(Some(list))
    }
}

impl Plan {
    /// The result without the groups that are gone (which ascend); `None` if it is the target as it stands.
    fn order(&self, gone: &[usize], target_len: usize) -> Option<Vec<Pick>> {
        let alive = |number: usize| gone.binary_search(&number).is_err();
        let order: Vec<Pick> = if self.several_keys {
            let added = self
                .groups
                .iter()
                .enumerate()
                .filter(|(number, group)| group.target.is_none() && alive(*number));
            let added = added.map(|(number, _)| Pick::Added(number));
            let kept = self.of_target.iter().enumerate().filter(|&(at, &number)| {
                alive(number) && self.groups[number].target.is_some_and(|(_, last)| last == at)
            });
            added.chain(kept.map(|(at, _)| Pick::Target(at))).collect()
        } else {
            let alive = self.groups.iter().enumerate().filter(|(number, _)| alive(*number));
            alive
                .map(|(number, group)| match group.target {
                    Some((_, last)) => Pick::Target(last),
                    None => Pick::Added(number),
                })
                .collect()
        };
        let unchanged =
            order.len() == target_len && order.iter().enumerate().all(|(at, &pick)| pick == Pick::Target(at));
        (!unchanged).then_some(order)
    }
}

/// Finds the elements that meet; `None` if the lists are odd.
fn plan(keys: &[Cow<'static, str>], target: &[Node], patch: &[Node]) -> Option<Plan> {
    let width = keys.len().max(1);
    let mut values = Vec::with_capacity((target.len() + patch.len()) * width);
    for item in patch.iter().chain(target) {
        if keys.is_empty() {
            values.push(item.as_str().filter(|text| !text.is_empty() && !item.is_null())?);
            continue;
        }
        let map = item.as_map().filter(|_| !is_empty_map(item))?;
        values.extend(keys.iter().map(|key| super::text_in(map, key).unwrap_or_default()));
    }
    if values.is_empty() {
        return Some(Plan {
            groups: Vec::new(),
            of_target: Vec::new(),
            several_keys: false,
        });
    }
    let mut in_use = 0;
    for column in 0..width {
        let filled = values
            .iter()
            .skip(column)
            .step_by(width)
            .filter(|value| !value.is_empty())
            .count();
        match filled {
            0 => {}
            all if all == target.len() + patch.len() => in_use += 1,
            _ => return None,
        }
    }
    if in_use == 0 {
        return None;
    }
    let mut groups: Vec<Group> = Vec::with_capacity(target.len() + patch.len());
    let mut starts: Vec<&[&str]> = Vec::new();
    let mut index: HashMap<&[&str], usize> = HashMap::new();
    let indexed = target.len() + patch.len() >= INDEXED;
    let mut of_target = Vec::with_capacity(target.len());
    for (at, row) in values.chunks_exact(width).enumerate() {
        let found = if indexed {
            index.get(row).copied()
        } else {
            starts.iter().position(|start| *start == row)
        };
        let number = found.unwrap_or_else(|| {
            if indexed {
                index.insert(row, groups.len());
            } else {
                starts.push(row);
            }
            groups.push(Group {
                target: None,
                patch: None,
            });
            groups.len() - 1
        });
        let group = &mut groups[number];
        if at < patch.len() {
            group.patch.get_or_insert(at);
        } else {
            let at = at - patch.len();
            group.target = Some((group.target.map_or(at, |(first, _)| first), at));
            of_target.push(number);
        }
    }
    Some(Plan {
        groups,
        of_target,
        several_keys: in_use > 1,
    })
}
