//! `$patch` directives: found in a mapping or list of a patch, and taken out of it (`merge2/smpdirective.go`).

use yaml::{Map, Node, Seq};

use super::{MergeError, go_value, is_empty_map};

const KEY: &str = "$patch";

/// What a patch wants of the value it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directive {
    Merge,
    Replace,
    Delete,
}

fn parse(value: &Node) -> Result<Directive, MergeError> {
    match go_value(value) {
        "merge" => Ok(Directive::Merge),
        "replace" => Ok(Directive::Replace),
        "delete" => Ok(Directive::Delete),
        other => Err(MergeError {
            hint: Some("`$patch` is one of `merge`, `replace` and `delete`".to_owned()),
            ..MergeError::new(value, format!("unknown patch strategy '{other}'"))
        }),
    }
}

/// The directive of a mapping, and the position of the entry that is to be left out for it.
pub(super) fn of_map(map: &Map) -> Result<(Directive, Option<usize>), MergeError> {
    match map.position(KEY) {
        None => Ok((Directive::Merge, None)),
        Some(at) => Ok((parse(&map.as_slice()[at].value)?, Some(at))),
    }
}

/// The directive of a list: an element of its own, `$patch: …` and nothing else. The second result is the
/// list without it (and without empty elements), where there was one.
pub(super) fn of_list(items: &Seq) -> Result<(Directive, Option<Seq>), MergeError> {
    let found = items.iter().filter_map(Node::as_map).find(|map| map.contains_key(KEY));
    let Some(value) = found.filter(|map| map.len() == 1).and_then(|map| map.get(KEY)) else {
        return Ok((Directive::Merge, None));
    };
    let directive = parse(value)?;
    let is_directive = |item: &Node| item.get(KEY).is_some_and(|other| go_value(other) == go_value(value));
    let rest = items
        .iter()
        .filter(|item| !item.is_null() && !is_empty_map(item) && !is_directive(item));
    Ok((directive, Some(rest.cloned().collect())))
}
