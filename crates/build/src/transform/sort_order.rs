//! The order of the result (kustomize's `SortOrderTransformer`): as loaded, or the legacy order, in
//! which namespaces and definitions come first and webhooks last.

use std::cmp::Ordering;

use resource::{Gvk, ResId, Resource, ResourceSet};
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
    let rank = |kind: &str| -> isize {
        // Of a kind that is listed twice the later place counts, and the last list more than the first.
        let position = |list: &[&str]| list.iter().rposition(|&other| other == kind).map(|at| at as isize);
        match (position(last), position(first)) {
            (Some(at), _) => at + 1,
            (None, Some(at)) => at - first.len() as isize,
            (None, None) => 0,
        }
    };
    let mut keyed: Vec<(isize, ResId, Resource)> = set
        .into_vec()
        .into_iter()
        .map(|resource| {
            let id = resource.id();
            (rank(&id.gvk.kind), id, resource)
        })
        .collect();
    keyed.sort_by(|(a_rank, a, _), (b_rank, b, _)| {
        if a.gvk == b.gvk {
            return namespace_and_name(a).cmp(namespace_and_name(b));
        }
        a_rank.cmp(b_rank).then_with(|| compare_gvk(&a.gvk, &b.gvk))
    });
    ResourceSet::from_vec(keyed.into_iter().map(|(.., resource)| resource).collect())
}

fn compare_gvk(a: &Gvk, b: &Gvk) -> Ordering {
    let order = joined([or(&a.group, "~G"), or(&a.version, "~V"), or(&a.kind, "~K")], b'_').cmp(joined(
        [or(&b.group, "~G"), or(&b.version, "~V"), or(&b.kind, "~K")],
        b'_',
    ));
    let namespaces = a.kind == "Namespace" && b.kind == "Namespace" && (a.group.is_empty() || b.group.is_empty());
    if namespaces { order.reverse() } else { order }
}

fn namespace_and_name(id: &ResId) -> impl Iterator<Item = u8> + '_ {
    joined([or(&id.namespace, "~X"), or(&id.name, "~N")], b'|')
}

/// The bytes of the parts with a separator between them, so that they compare as one text does.
fn joined<const N: usize>(parts: [&str; N], separator: u8) -> impl Iterator<Item = u8> + '_ {
    parts
        .into_iter()
        .enumerate()
        .flat_map(move |(at, part)| (at > 0).then_some(separator).into_iter().chain(part.bytes()))
}

fn or<'a>(text: &'a str, instead: &'a str) -> &'a str {
    if text.is_empty() { instead } else { text }
}
