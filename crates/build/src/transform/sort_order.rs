//! The order of the result (kustomize's `SortOrderTransformer`): as loaded, or the legacy order, in
//! which namespaces and definitions come first and webhooks last.

use std::cmp::Ordering;

use hashbrown::HashMap;
use resource::{Resource, ResourceSet, split_api_version};
use yaml::{Mark, Text};

use crate::config::{FIRST, LAST, SortOptions};
use crate::error::{BuildError, ErrorKind, Result};

/// Orders by `sortOptions` of a kustomization (or of a transformer configuration).
pub(crate) fn apply(set: ResourceSet, options: &SortOptions, mark: Mark) -> Result<ResourceSet> {
    match (&*options.order, &options.legacy) {
        ("fifo", None) => Ok(set),
        ("fifo", Some(_)) => {
            let message =
                "the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', not 'legacy'";
            Err(BuildError::new(ErrorKind::Config, mark, message))
        }
        ("legacy", None) => Ok(legacy(set)),
        ("legacy", Some((first, last))) => {
            let first: Vec<&str> = first.iter().map(Text::as_str).collect();
            let last: Vec<&str> = last.iter().map(Text::as_str).collect();
            Ok(sort(set, &first, &last))
        }
        _ => Err(BuildError::new(
            ErrorKind::Config,
            mark,
            "the field 'sortOptions.order' must be one of [fifo, legacy]",
        )),
    }
}

/// The legacy order with its built-in lists.
pub(crate) fn legacy(set: ResourceSet) -> ResourceSet {
    sort(set, &FIRST, &LAST)
}

fn sort(set: ResourceSet, first: &[&str], last: &[&str]) -> ResourceSet {
    let resources = set.into_vec();
    let order = positions(&resources, first, last);
    let mut resources: Vec<Option<Resource>> = resources.into_iter().map(Some).collect();
    let sorted = order.into_iter().filter_map(|at| resources[at].take());
    ResourceSet::from_vec(sorted.collect())
}

/// The positions of objects in their order.
fn positions(resources: &[Resource], first: &[&str], last: &[&str]) -> Vec<usize> {
    let rank = |kind: &str| -> isize {
        // Of a kind that is listed twice the later place counts, and the last list more than the first.
        let position = |list: &[&str]| list.iter().rposition(|&other| other == kind).map(|at| at as isize);
        match (position(last), position(first)) {
            (Some(at), _) => at + 1,
            (None, Some(at)) => at - first.len() as isize,
            (None, None) => 0,
        }
    };
    let mut types: HashMap<_, (usize, isize)> = HashMap::new();
    let mut order = Vec::with_capacity(resources.len());
    for (at, resource) in resources.iter().enumerate() {
        let (kind, next) = (resource.kind(), types.len());
        let api_version = split_api_version(resource.api_version());
        let of_type = types.entry((api_version, kind)).or_insert_with(|| (next, rank(kind)));
        order.push((Key::new(resource, *of_type), at));
    }
    order.sort_by(|(a, _), (b, _)| a.compare(b));
    order.into_iter().map(|(_, at)| at).collect()
}

/// What an object is sorted by.
struct Key<'a> {
    /// The number of its type: those of one type have the same.
    of_type: usize,
    rank: isize,
    group: &'a str,
    version: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
}

impl Key<'_> {
    fn new(resource: &Resource, (of_type, rank): (usize, isize)) -> Key<'_> {
        let (group, version) = split_api_version(resource.api_version());
        let kind = resource.kind();
        Key {
            of_type,
            rank,
            group,
            version,
            kind,
            namespace: or(resource.namespace(), "~X"),
            name: or(resource.name(), "~N"),
        }
    }

    fn compare(&self, other: &Key<'_>) -> Ordering {
        if self.of_type == other.of_type {
            return match self.namespace == other.namespace {
                true => self.name.cmp(other.name),
                false => self.place().cmp(other.place()),
            };
        }
        if self.rank != other.rank {
            return self.rank.cmp(&other.rank);
        }
        let order = self.gvk().cmp(other.gvk());
        let are_namespaces = self.kind == "Namespace" && other.kind == "Namespace";
        let is_reversed = are_namespaces && (self.group.is_empty() || other.group.is_empty());
        if is_reversed { order.reverse() } else { order }
    }

    /// Group, version and kind as one text.
    fn gvk(&self) -> impl Iterator<Item = u8> {
        joined(
            [or(self.group, "~G"), or(self.version, "~V"), or(self.kind, "~K")],
            b'_',
        )
    }

    /// Namespace and name as one text.
    fn place(&self) -> impl Iterator<Item = u8> {
        joined([self.namespace, self.name], b'|')
    }
}

/// The bytes of some words with a separator between them.
fn joined<const N: usize>(words: [&str; N], separator: u8) -> impl Iterator<Item = u8> {
    let words = words.into_iter().enumerate();
    words.flat_map(move |(at, word)| (at > 0).then_some(separator).into_iter().chain(word.bytes()))
}

fn or<'a>(text: &'a str, instead: &'a str) -> &'a str {
    if text.is_empty() { instead } else { text }
}
