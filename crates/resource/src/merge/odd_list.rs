//! Merging lists with elements that lack a key, are empty, null, or of another kind than the rest.
//!
//! What kustomize makes of them follows from how its steps work, so the steps are the same here
//! (`walk/associative_sequence.go` and `ElementSetter`, `ElementMatcher` in `kyaml/yaml/fns.go`): elements
//! are found and set by searching lists of references to shared nodes. The cost is quadratic.

use std::borrow::Cow;

use hashbrown::HashSet;
use yaml::{Node, Seq, Tag, Text, Value};

use super::single::{Side, Walked};
use super::{MergeError, Outcome, Walk, directive, go_value, is_empty_map, plain};
use crate::schema::TypeRef;

/// The lists to be merged.
pub(super) enum Sides<'l> {
    Both { target: &'l Seq, patch: &'l Seq },
    One { list: &'l Seq, side: Side },
}

/// References to nodes of a [`Pool`].
type Refs = Vec<usize>;

/// The nodes of both lists; changing one changes it wherever it is referred to.
struct Pool(Vec<Node>);

/// One value for each key.
type Values = Vec<Text>;

impl<'a> Walk<'a> {
    /// The merged list; `None` if it stays as it is.
    pub(super) fn odd_list(
        &mut self,
        sides: Sides<'_>,
        keys: &[Cow<'static, str>],
        element: Option<TypeRef<'a>>,
        depth: usize,
    ) -> Result<Option<Seq>, MergeError> {
        let (list, patch) = match sides {
            Sides::Both { target, patch } => (target, Some(patch)),
            Sides::One { list, .. } => (list, None),
        };
        let mut pool = Pool(list.iter().chain(patch.into_iter().flatten()).cloned().collect());
        let mut target: Refs = (0..list.len()).collect();
        let patch: Refs = (list.len()..pool.0.len()).collect();

        let names: Vec<&str> = if keys.is_empty() {
            vec![""]
        } else {
            keys.iter().map(|key| &**key).collect()
        };
        let mut rows = pool.distinct_values(patch.iter().chain(&target), &names);
        if names.len() > 1 {
            unite(&mut rows);
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let in_use: Vec<usize> = columns_in_use(rows.iter(), names.len());
        let names: Vec<&str> = in_use.iter().map(|&column| names[column]).collect();
        for row in &mut rows {
            *row = in_use.iter().map(|&column| row[column].clone()).collect();
        }

        let mut result = Refs::new();
        for row in &rows {
            let filled = columns_in_use(std::iter::once(row), names.len());
            let of_target = pool.find(&target, &names, row, &filled);
            let of_patch = pool.find(&patch, &names, row, &filled);
            let merged = match (of_target, of_patch) {
                (Some(at), Some(other)) => self.merge_in(&mut pool, at, other, element, depth)?,
                (Some(at), None) => {
                    let side = match sides {
                        Sides::Both { .. } => Side::Target,
                        Sides::One { side, .. } => side,
                    };
                    self.single_in(&mut pool, at, side, element, depth)?
                }
                (None, Some(at)) => self.single_in(&mut pool, at, Side::Added, element, depth)?,
                (None, None) => None,
            };
            match merged.filter(|&at| !pool.is_void(at)) {
                None => pool.set(&mut target, None, &names, row)?,
                Some(at) => {
                    pool.ensure_keys(at, &names, row);
                    pool.set(&mut result, Some(at), &names, row)?;
                }
            }
        }
        for &at in &target {
            pool.append(&mut result, at, &names)?;
        }
        Ok(Some(result.into_iter().map(|at| pool.0[at].clone()).collect()))
    }

    fn merge_in(
        &mut self,
        pool: &mut Pool,
        at: usize,
        other: usize,
        element: Option<TypeRef<'a>>,
        depth: usize,
    ) -> Result<Option<usize>, MergeError> {
        let patch = pool.0[other].clone();
        let outcome = self.merge(&mut pool.0[at], &patch, element, depth + 1)?;
        pool.drop_directive(other);
        Ok(match outcome {
            Outcome::Keep => Some(at),
            Outcome::Clear => None,
            Outcome::Take(node) => {
                pool.0[other] = node;
                Some(other)
            }
        })
    }

    fn single_in(
        &mut self,
        pool: &mut Pool,
        at: usize,
        side: Side,
        element: Option<TypeRef<'a>>,
        depth: usize,
    ) -> Result<Option<usize>, MergeError> {
        match self.single(&pool.0[at], side, element, depth + 1)? {
            Walked::Same => {}
            Walked::New(node) => pool.0[at] = node,
            Walked::Gone => {
                if side != Side::Target {
                    pool.drop_directive(at);
                }
                return Ok(None);
            }
        }
        Ok(Some(at))
    }
}

/// The columns that have a value in any row; all of them if none has.
fn columns_in_use<'r>(rows: impl Iterator<Item = &'r Values> + Clone, width: usize) -> Vec<usize> {
    let filled: Vec<usize> = (0..width)
        .filter(|&column| rows.clone().any(|row| !row[column].is_empty()))
        .collect();
    if filled.is_empty() {
        (0..width).collect()
    } else {
        filled
    }
}

/// Fills gaps from rows that differ only there, so that a port without a protocol is the same as one with.
fn unite(rows: &mut [Values]) {
    if rows.iter().all(|row| row.iter().all(|value| !value.is_empty())) {
        return;
    }
    for i in 0..rows.len() {
        let first = rows[i].clone();
        for j in 0..rows.len() {
            if let Some(united) = united(&first, &rows[j]) {
                rows[i].clone_from(&united);
                rows[j] = united;
            }
        }
    }
}

/// The union of two rows that have something in common and differ only where one has nothing.
fn united(a: &Values, b: &Values) -> Option<Values> {
    let mut in_common = false;
    let mut result = Values::with_capacity(a.len());
    for (a, b) in a.iter().zip(b) {
        if a == b {
            in_common = true;
        } else if !a.is_empty() && !b.is_empty() {
            return None;
        }
        result.push(if a.is_empty() { b.clone() } else { a.clone() });
    }
    in_common.then_some(result)
}

impl Pool {
    fn is_void(&self, at: usize) -> bool {
        self.0[at].is_null() || is_empty_map(&self.0[at])
    }

    /// A directive is carried out once, even if its element is found again.
    fn drop_directive(&mut self, at: usize) {
        if let Value::Map(map) = &mut self.0[at].value
            && let Ok((_, Some(_))) = directive::of_map(map)
        {
            map.remove("$patch");
        }
    }

    /// The values that elements have for the keys, each row once.
    fn distinct_values<'r>(&self, refs: impl Iterator<Item = &'r usize>, names: &[&str]) -> Vec<Values> {
        let mut seen = HashSet::new();
        let mut rows = Vec::new();
        for &at in refs {
            let node = &self.0[at];
            let value = |name: &&str| match node.get(name) {
                _ if name.is_empty() => node.text().cloned(),
                Some(field) if !field.is_null() => field.text().cloned(),
                _ => None,
            };
            let row: Values = names.iter().map(|name| value(name).unwrap_or_default()).collect();
            if seen.insert(row.clone()) {
                rows.push(row);
            }
        }
        rows
    }

    /// The first element that has the values of these columns.
    fn find(&self, refs: &Refs, names: &[&str], row: &Values, columns: &[usize]) -> Option<usize> {
        refs.iter().copied().find(|&at| {
            let node = &self.0[at];
            if names[columns[0]].is_empty() {
                return go_value(node) == row[columns[0]].as_str();
            }
            let has = |&column: &usize| {
                node.get(names[column])
                    .is_some_and(|field| go_value(field) == row[column].as_str())
            };
            node.as_map().is_some() && columns.iter().all(has)
        })
    }

    /// Makes sure that an element has its keys.
    fn ensure_keys(&mut self, at: usize, names: &[&str], row: &Values) {
        let Value::Map(map) = &mut self.0[at].value else { return };
        for (name, value) in names.iter().zip(row) {
            if !name.is_empty() && !value.is_empty() && !map.contains_key(name) {
                let mut value = Node::scalar(value.clone(), Tag::Unset);
                plain::quote(&mut value);
                map.push(Node::scalar(*name, Tag::Unset), value);
            }
        }
    }

    /// Replaces all elements that have these values, or removes them, or appends one if there are none.
    /// Empty elements are dropped, whatever their values.
    fn set(&self, refs: &mut Refs, new: Option<usize>, names: &[&str], row: &[Text]) -> Result<(), MergeError> {
        let sets_maps = !names[0].is_empty() && row.first().is_some_and(|value| !value.is_empty());
        let mut found = false;
        let mut result = Refs::with_capacity(refs.len() + 1);
        for &at in &*refs {
            let node = &self.0[at];
            if self.is_void(at) {
                continue;
            }
            if sets_maps && node.as_map().is_none() {
                result.push(at);
            } else if matches(node, names, row)? {
                found = true;
                result.extend(new);
            } else if !row.is_empty() {
                result.push(at);
            }
        }
        if let Some(new) = new.filter(|&new| !found && !self.0[new].is_null()) {
            result.push(new);
        }
        *refs = result;
        Ok(())
    }

    /// Puts an element of the target back in its place, or at the end.
    fn append(&self, refs: &mut Refs, at: usize, names: &[&str]) -> Result<(), MergeError> {
        let node = &self.0[at];
        if names[0].is_empty() {
            let value = node.text().cloned().unwrap_or_default();
            return self.set(refs, Some(at), names, &[value]);
        }
        if !node.is_null() && node.as_map().is_none() {
            return Err(MergeError::element(node, "MappingNode"));
        }
        let mut row = Values::new();
        for name in names {
            match node.get(name) {
                // kustomize goes on with the next key here, not with the next element.
                None => refs.push(at),
                Some(field) => row.push(field.text().cloned().unwrap_or_default()),
            }
        }
        if names.len() > 1 {
            self.set(refs, None, names, &row)?;
        }
        self.set(refs, Some(at), names, &row)
    }
}

/// Whether an element has these values: no value means any, and a missing one at the end counts as found
/// if the key before it was.
fn matches(node: &Node, names: &[&str], row: &[Text]) -> Result<bool, MergeError> {
    let mut found = false;
    for (column, name) in names.iter().enumerate() {
        if let Some(value) = row.get(column) {
            found = if name.is_empty() {
                let text = node.as_str().ok_or_else(|| MergeError {
                    hint: None,
                    ..MergeError::element(node, "ScalarNode")
                })?;
                value == text
            } else {
                let map = node.as_map().ok_or_else(|| MergeError::element(node, "MappingNode"))?;
                map.get(name)
                    .is_some_and(|field| value.is_empty() || go_value(field) == value.as_str())
            };
        }
        if !found {
            return Ok(false);
        }
    }
    Ok(found)
}
