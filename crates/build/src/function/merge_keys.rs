//! `SetMergeKeys`: by which keys patches merge the elements of lists in custom resources.
//!
//! It holds for the patches of the kustomization that lists it and of all that are built on it, as a
//! schema under `openapi` would, but for the lists it names alone.

use resource::Schema;
use yaml::{Mark, Node, Text};

use crate::config::decode::{field, structure};
use crate::error::{BuildError, ErrorKind, Result};
use crate::field_path::split_bracketed;

/// One list of one type, and its merge keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListKeys {
    mark: Mark,
    api_version: Text,
    kind: Text,
    field_path: Text,
    keys: Vec<Text>,
}

structure!(
    ListKeys,
    marked,
    [
        field!("apiVersion", api_version),
        field!("kind", kind),
        field!("fieldPath", field_path),
        field!("keys", keys),
    ]
);

#[derive(Clone, Debug, Default)]
struct SetMergeKeys {
    lists: Vec<ListKeys>,
}

structure!(SetMergeKeys, [field!("lists", lists)]);

pub(super) fn read(object: &Node) -> Result<Vec<ListKeys>> {
    let SetMergeKeys { lists } = super::spec(object)?;
    for list in &lists {
        let fields = [
            ("apiVersion", list.api_version.is_empty()),
            ("kind", list.kind.is_empty()),
            ("fieldPath", list.field_path.is_empty()),
            ("keys", list.keys.is_empty()),
        ];
        if let Some((missing, _)) = fields.into_iter().find(|(_, is_missing)| *is_missing) {
            let message = format!("an entry of `lists` needs `{missing}`");
            return Err(BuildError::new(ErrorKind::Config, list.mark, message)
                .hint("such as {apiVersion: example.com/v1, kind: Trainer, fieldPath: spec.workers, keys: [name]}"));
        }
    }
    Ok(lists)
}

/// A schema with the merge keys of some lists.
pub(crate) fn extended(schema: &Schema, lists: &[ListKeys]) -> Schema {
    lists.iter().fold(schema.clone(), |schema, list| {
        let path = split_bracketed(&list.field_path, '.');
        schema.with_merge_keys(&list.api_version, &list.kind, &path, &list.keys)
    })
}
