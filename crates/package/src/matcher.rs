//! Paths to the nodes of an object, with elements of lists by patterns (kyaml's `PathMatcher`).

use regex::Regex;
use yaml::{Layout, LayoutKind, LayoutStyle, LayoutWriter};

use crate::error::{Error, Result};

/// A node that a path leads to, and the values of the elements on the way, the innermost first.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) node: Layout,
    pub(crate) elements: Vec<String>,
}

/// Splits a path as people write it: at dots, and before the `[` of an element; `\.` is a dot.
pub(crate) fn split(path: &str) -> Result<Vec<String>> {
    const DOT: &str = "\u{0}";
    let mut parts = Vec::new();
    for part in path.replace("\\.", DOT).split('.') {
        let part = part.replace(DOT, ".");
        match part.split('[').collect::<Vec<_>>().as_slice() {
            [_] => parts.push(part),
            [list, element] => parts.extend([(*list).to_owned(), format!("[{element}")]),
            _ => {
                return Err(Error::new(format!(
                    "unrecognized path element: {part}.  Should be of the form 'list[field=value]'"
                )));
            }
        }
    }
    Ok(parts)
}

/// A node as text, with its comments, in flow style where that is asked for.
pub(crate) fn text(node: &Layout, flow: bool) -> String {
    let mut writer = LayoutWriter::new();
    if flow {
        let node = Layout {
            style: LayoutStyle {
                flow: true,
                ..LayoutStyle::PLAIN
            },
            ..node.clone()
        };
        writer.write(&node, false);
    } else {
        writer.write(node, false);
    }
    writer.finish().trim().to_owned()
}

/// A pattern as Go's; its syntax is that of this crate but for a few classes.
pub(crate) fn compile(pattern: &str) -> Result<Regex> {
    Regex::new(pattern).map_err(|error| Error::new(format!("error parsing regexp: {error}")))
}

fn elements(node: &Layout) -> Result<&[Layout]> {
    match node.kind {
        LayoutKind::Sequence => Ok(&node.content),
        _ => Err(Error::wrong_kind(LayoutKind::Sequence, node)),
    }
}

/// The nodes that a path leads to; `None` where it ends early.
pub(crate) fn find(node: &Layout, path: &[String]) -> Result<Option<Vec<Found>>> {
    let node = node.root();
    let Some((part, rest)) = path.split_first() else {
        return Ok(Some(vec![Found {
            node: node.clone(),
            elements: Vec::new(),
        }]));
    };
    if let Ok(index) = part.parse::<usize>() {
        let items = elements(node)?;
        let Some(item) = items.get(index) else {
            let count = items.len();
            return Err(Error::new(format!(
                "index {index} specified but only {count} elements found"
            )));
        };
        return find(item, rest);
    }
    if part.starts_with('[') && part.ends_with(']') {
        return find_elements(node, part, rest);
    }
    if part == "*" {
        let mut all = Vec::new();
        for item in elements(node)? {
            for mut found in find(item, rest)?.unwrap_or_default() {
                found.elements.push(part.clone());
                all.push(found);
            }
        }
        return Ok((!all.is_empty()).then_some(all));
    }
    if node.is_null() {
        return Ok(None);
    }
    if node.kind != LayoutKind::Mapping {
        return Err(Error::wrong_kind(LayoutKind::Mapping, node));
    }
    let Some(field) = node.get(part) else { return Ok(None) };
    if field.kind == LayoutKind::Scalar && !rest.is_empty() {
        // A text that is YAML itself.
        let source = yaml::Sources::new().add("", field.value.clone());
        let (documents, _) = yaml::read_layout(&source).map_err(|error| Error::malformed(&error, &source))?;
        return match documents.first() {
            Some(document) => find(document, rest),
            None => Ok(None),
        };
    }
    find(field, rest)
}

fn find_elements(node: &Layout, part: &str, rest: &[String]) -> Result<Option<Vec<Found>>> {
    let inner = &part[1..part.len() - 1];
    let Some((field, pattern)) = inner.split_once('=') else {
        return Err(Error::new(
            "list path element must contain fieldName=fieldValue for element to match",
        ));
    };
    let mut all = Vec::new();
    for item in elements(node)? {
        if field.is_empty() {
            if compile(pattern)?.is_match(&text(item, false)) {
                all.push(Found {
                    node: item.clone(),
                    elements: Vec::new(),
                });
            }
            continue;
        }
        let Some(value) = item.get(field) else { continue };
        let value = text(value, false);
        if !compile(pattern)?.is_match(&value) {
            continue;
        }
        for mut found in find(item, rest)?.unwrap_or_default() {
            found.elements.push(value.clone());
            all.push(found);
        }
    }
    Ok((!all.is_empty()).then_some(all))
}
