//! Merging mappings field by field (`kyaml/yaml/walk/map.go`).

use hashbrown::HashMap;
use yaml::{Map, Node, Style, Tag};

use super::directive::{self, Directive};
use super::single::{Side, Walked};
use super::{MergeError, Outcome, Walk, plain};
use crate::schema::TypeRef;

/// Mappings with fewer entries than this are searched from the start.
const INDEXED: usize = 24;

impl<'a> Walk<'a> {
    pub(super) fn merge_maps(
        &mut self,
        target: &mut Node,
        patch: &Node,
        fields: &Map,
        known: Option<TypeRef<'a>>,
        depth: usize,
    ) -> Result<Outcome, MergeError> {
        let Some(map) = target.as_map_mut() else {
            return Ok(Outcome::Keep);
        };
        let was_empty = map.is_empty();
        let (directive, left_out) = directive::of_map(fields)?;
        match directive {
            Directive::Delete => return Ok(Outcome::Clear),
            Directive::Replace => {
                if was_empty {
                    target.style = patch.style;
                }
                return Ok(Outcome::Take(self.fields_of(patch, fields, left_out, known, depth)?));
            }
            Directive::Merge => {}
        }
        let pairs = pair(map, fields, left_out)?;
        let mut removed = Vec::new();
        for (at, of_patch) in pairs.of_target.into_iter().enumerate() {
            let entry = &map.as_slice()[at];
            let field_type = known.and_then(|known| known.field(entry.key.as_str().unwrap_or_default()));
            match of_patch.map(|of_patch| &fields.as_slice()[of_patch].value) {
                None => match self.field(&entry.value, Side::Target, field_type, depth)? {
                    Walked::Same => {}
                    Walked::New(node) => value_mut(map, at, |value| *value = node),
                    Walked::Gone => removed.push(at),
                },
                Some(new) if new.is_scalar() && entry.value.is_scalar() && keeps(&entry.value, new) => {}
                Some(new) => {
                    let value = &mut map.iter_mut().into_slice()[at].value;
                    match self.merge(value, new, field_type, depth + 1)? {
                        Outcome::Keep => {}
                        Outcome::Take(new) => self.put(value, new),
                        Outcome::Clear => {
                            removed.push(at);
                            self.changed = true;
                        }
                    }
                }
            }
        }
        remove_all(map, &removed);
        for of_patch in pairs.added {
            self.add_field(map, fields, of_patch, known, depth)?;
        }
        if was_empty {
            target.style = patch.style;
        }
        Ok(Outcome::Keep)
    }

    /// Adds a field that only the patch has.
    fn add_field(
        &mut self,
        map: &mut Map,
        fields: &Map,
        of_patch: usize,
        known: Option<TypeRef<'a>>,
        depth: usize,
    ) -> Result<(), MergeError> {
        let entry = &fields.as_slice()[of_patch];
        let Some(name) = entry.key.text() else { return Ok(()) };
        let field_type = known.and_then(|known| known.field(name));
        let mut value = match self.single(&entry.value, Side::Added, field_type, depth + 1)? {
            Walked::Same => entry.value.clone(),
            Walked::New(node) => node,
            Walked::Gone => return Ok(()),
        };
        plain::quote(&mut value);
        let mut key = Node::scalar(name.clone(), Tag::Unset).at(entry.key.mark);
        key.style = if is_rebuilt(&entry.value, field_type) {
            Style::Plain
        } else {
            entry.key.style
        };
        key.origin = Some(self.fresh.clone());
        map.push(key, value);
        self.changed = true;
        Ok(())
    }
}

/// Whether kustomize makes the list anew to merge it, and forgets how it and its key were written.
pub(super) fn is_rebuilt(node: &Node, known: Option<TypeRef<'_>>) -> bool {
    node.as_seq().is_some_and(|items| !items.is_empty()) && known.and_then(TypeRef::merge_keys).is_some()
}

/// Whether putting `new` in the place of a scalar would change nothing.
fn keeps(value: &Node, new: &Node) -> bool {
    !new.is_null() && value.tag == new.tag && value.text() == new.text()
}

fn value_mut(map: &mut Map, at: usize, change: impl FnOnce(&mut Node)) {
    change(&mut map.iter_mut().into_slice()[at].value);
}

/// Removes the entries at these positions, which ascend.
pub(super) fn remove_all(map: &mut Map, removed: &[usize]) {
    if removed.is_empty() {
        return;
    }
    let mut removed = removed.iter().peekable();
    let mut at = 0;
    map.retain(|_| {
        let keep = removed.next_if(|&&next| next == at).is_none();
        at += 1;
        keep
    });
}

/// Which fields of a target meet which of a patch.
struct Pairs {
    /// For each entry of the target, the entry of the patch with that name.
    of_target: Vec<Option<usize>>,
    /// Entries that only the patch has, by name.
    added: Vec<usize>,
}

fn pair(target: &Map, patch: &Map, left_out: Option<usize>) -> Result<Pairs, MergeError> {
    let mut pairs = Pairs {
        of_target: vec![None; target.len()],
        added: Vec::new(),
    };
    for entry in target {
        check_name(&entry.key)?;
    }
    let index: Option<HashMap<&str, usize>> = (target.len() >= INDEXED && patch.len() > 1).then(|| {
        // The first of several entries with one name counts.
        target
            .iter()
            .enumerate()
            .rev()
            .map(|(at, entry)| (entry.key.as_str().unwrap_or_default(), at))
            .collect()
    });
    for (of_patch, entry) in patch.iter().enumerate().filter(|(at, _)| Some(*at) != left_out) {
        let name = check_name(&entry.key)?;
        let found = match &index {
            Some(index) => index.get(name).copied(),
            None => target.position(name),
        };
        match found {
            None => pairs.added.push(of_patch),
            Some(at) => {
                pairs.of_target[at].get_or_insert(of_patch);
            }
        }
    }
    let name = |&at: &usize| patch.as_slice()[at].key.as_str();
    pairs.added.sort_by_key(name);
    pairs.added.dedup_by_key(|at| name(at));
    Ok(pairs)
}

/// The name of a field. kustomize cannot set a field without a name.
pub(super) fn check_name(key: &Node) -> Result<&str, MergeError> {
    match key.as_str() {
        None | Some("") => Err(MergeError {
            hint: Some("give the field a name".to_owned()),
            ..MergeError::new(
                key,
                "wrong node kind: expected ScalarNode but got MappingNode: a field has no name",
            )
        }),
        Some(name) => Ok(name),
    }
}
