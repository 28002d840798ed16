//! A preserving editor: a text and small changes come in, the same text with nothing but these changes
//! goes out. Comments, order, quotes, indentation and line ends stay as their author has them.
//!
//! Every change is made twice, on the text and on the tree; the new text is read with the real parser and
//! must give the new tree. A layout that is not understood is therefore an error and never a wrong file.

mod flow;
mod layout;
mod render;
mod reshape;

use std::ops::Range;

use crate::error::ParseError;
use crate::node::{Map, Node, Value};
use crate::parse::read_config;
use crate::source::Sources;
use layout::{Kind, Layout, Quote};
use render::Manner;

/// One step of the way from the root to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'p> {
    Key(&'p str),
    Index(usize),
}

/// A text that cannot be read, or cannot be changed in the way that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    #[error("{0}")]
    Syntax(ParseError),
    #[error("line {line} is written in a way that cannot be edited")]
    Layout { line: usize },
    #[error("\"{0}\" is given twice")]
    Duplicate(String),
    #[error("there is nothing at {0}")]
    Missing(String),
    #[error("the value at {0} is of another kind")]
    WrongKind(String),
    #[error("the change would alter other values as well, such as those of an alias")]
    SideEffect,
}

/// A document that is being changed.
#[derive(Clone, Debug)]
pub struct Editor {
    text: String,
    node: Node,
    layout: Layout,
    manner: Manner,
}

/// One replacement in the text.
type Splice = (Range<usize>, String);

impl Editor {
    /// Reads a text; of several documents, the first is meant.
    ///
    /// # Errors
    /// [`EditError::Syntax`] and [`EditError::Layout`].
    pub fn new(text: impl Into<String>) -> Result<Editor, EditError> {
        let text = text.into();
        let (node, layout) = read(&text)?;
        let newline = match text.find('\n') {
            Some(at) if text[..at].ends_with('\r') => "\r\n",
            _ => "\n",
        };
        let list_indent = list_indent(&text, &layout).unwrap_or(0);
        Ok(Editor {
            text,
            node,
            layout,
            manner: Manner { newline, list_indent },
        })
    }

    /// The text as it is now.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The tree as it is now.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Adds an item at the end of the list at a path, which is made if it is missing or null.
    ///
    /// # Errors
    /// If the path leads through something else, or the layout cannot be edited.
    pub fn push(&mut self, path: &[Step<'_>], item: &Node) -> Result<(), EditError> {
        let mut expected = self.node.clone();
        let list = match lookup_mut(&mut expected, path) {
            Some(list) if !list.is_null() => list,
            _ => return self.set(path, &Node::seq([item.clone()].as_slice())),
        };
        list.as_seq_mut()
            .ok_or_else(|| EditError::WrongKind(shown(path)))?
            .push(item.clone());
        let layout = self.find(path)?;
        let Kind::Seq { flow, items } = &layout.kind else {
            return Err(self.unknown(layout.start));
        };
        let splices = match items.last() {
            _ if *flow => {
                let spans: Vec<_> = items.iter().map(|item| item.start..item.value.end).collect();
                flow::append(&self.text, layout.start, &spans, &self.manner.flow(item), self.manner)
            }
            None => return Err(self.unknown(layout.start)),
            Some(last) => {
                let column = self.column(last.start);
                let text = format!("{}- {}", self.manner.line(column), self.manner.block(item, column + 2));
                let at = self.line_end(last.end(false));
                vec![(at..at, text)]
            }
        };
        self.apply(splices, expected)
    }

    /// Sets the value at a path: an entry that is not there is added at the end of its mapping.
    ///
    /// # Errors
    /// If there is no mapping for it, or the layout cannot be edited.
    pub fn set(&mut self, path: &[Step<'_>], value: &Node) -> Result<(), EditError> {
        let (last, parent) = path.split_last().ok_or_else(|| EditError::Missing(shown(path)))?;
        let mut expected = self.node.clone();
        if parent.is_empty() && expected.is_null() {
            expected = Node::map(Map::new());
        }
        let owner = lookup_mut(&mut expected, parent).ok_or_else(|| EditError::Missing(shown(parent)))?;
        let known = match (last, &mut owner.value) {
            (Step::Key(key), Value::Map(map)) => map.insert(*key, value.clone()).is_some(),
            (Step::Index(index), Value::Seq(items)) if *index < items.len() => {
                items.make_mut()[*index] = value.clone();
                true
            }
            _ => return Err(EditError::WrongKind(shown(parent))),
        };
        let splices = match last {
            Step::Key(key) if !known => self.insert_entry(parent, &Node::string(*key), value)?,
            _ => vec![self.replace(path, value)?],
        };
        self.apply(splices, expected)
    }

    /// Takes away the entry or item at a path. A collection in block style that has nothing left goes with
    /// it; one in flow style stays, empty.
    ///
    /// # Errors
    /// If there is nothing, or the layout cannot be edited.
    pub fn remove(&mut self, path: &[Step<'_>]) -> Result<(), EditError> {
        let mut path = path;
        self.find(path)?;
        let (owner, siblings) = loop {
            let (_, parent) = path.split_last().ok_or_else(|| EditError::Missing(shown(path)))?;
            let owner = self.find(parent)?;
            let (flow, count) = match &owner.kind {
                Kind::Map { flow, entries } => (*flow, entries.len()),
                Kind::Seq { flow, items } => (*flow, items.len()),
                _ => return Err(self.unknown(owner.start)),
            };
            if flow || count > 1 || parent.is_empty() {
                break (owner, if flow { None } else { Some(count) });
            }
            path = parent;
        };
        let (last, parent) = path.split_last().ok_or_else(|| EditError::Missing(shown(path)))?;
        let spans: Vec<Range<usize>> = match &owner.kind {
            Kind::Map { entries, .. } => entries.iter().map(|pair| pair.start..pair.end()).collect(),
            Kind::Seq { flow, items } => items.iter().map(|item| item.start..item.end(*flow)).collect(),
            _ => Vec::new(),
        };
        let index = match (last, &owner.kind) {
            (Step::Key(key), Kind::Map { entries, .. }) => entries.iter().position(|pair| pair.key == *key),
            (Step::Index(index), _) => Some(*index),
            _ => None,
        };
        let index = index.ok_or_else(|| EditError::Missing(shown(path)))?;
        let splices = match siblings {
            None => flow::remove(&self.text, &spans, index),
            Some(_) => vec![(self.block_removal(&spans, index)?, String::new())],
        };
        let mut expected = self.node.clone();
        let owner = lookup_mut(&mut expected, parent).ok_or_else(|| EditError::Missing(shown(parent)))?;
        match (last, &mut owner.value) {
            (Step::Key(key), Value::Map(map)) => drop(map.remove(key)),
            (Step::Index(index), Value::Seq(items)) if *index < items.len() => drop(items.remove(*index)),
            _ => return Err(EditError::WrongKind(shown(parent))),
        }
        if parent.is_empty() && siblings.is_some() && expected.is_null_or_empty() {
            expected = Node::null();
        }
        self.apply(splices, expected)
    }

    /// The text that an element in block style takes, with what would be left over of its lines.
    fn block_removal(&self, spans: &[Range<usize>], index: usize) -> Result<Range<usize>, EditError> {
        let span = spans.get(index).ok_or(EditError::SideEffect)?;
        let line_start = self.text[..span.start].rfind('\n').map_or(0, |at| at + 1);
        if !self.text[line_start..span.start].bytes().all(|byte| byte == b' ') {
            // It shares its line with the dash or key above it, and so the next one takes its place.
            let next = spans.get(index + 1).map(|next| next.start);
            return match next {
                Some(next) if !self.text[span.end..next].contains('#') => Ok(span.start..next),
                _ => Ok(span.clone()),
            };
        }
        let line_end = self.line_end(span.end);
        let rest = &self.text[line_end..];
        Ok(match rest.find('\n') {
            Some(newline) => line_start..line_end + newline + 1,
            None => {
                let before = self.text[..line_start].strip_suffix('\n').unwrap_or_default();
                before.strip_suffix('\r').unwrap_or(before).len()..self.text.len()
            }
        })
    }

    fn insert_entry(&self, parent: &[Step<'_>], key: &Node, value: &Node) -> Result<Vec<Splice>, EditError> {
        let owner = self.find(parent)?;
        match &owner.kind {
            Kind::Map { flow: true, entries } => {
                let spans: Vec<_> = entries.iter().map(|pair| pair.start..pair.end()).collect();
                let text = format!("{}: {}", self.manner.flow(key), self.manner.flow(value));
                Ok(flow::append(&self.text, owner.start, &spans, &text, self.manner))
            }
            Kind::Map { entries, .. } => {
                let last = entries.last().ok_or_else(|| self.unknown(owner.start))?;
                let column = self.column(last.start);
                let at = self.line_end(last.end());
                let text = format!("{}{}", self.manner.line(column), self.manner.entry(key, value, column));
                Ok(vec![(at..at, text)])
            }
            Kind::Nothing if parent.is_empty() => {
                let entry = self.manner.entry(key, value, 0);
                let end = self.text.len();
                let text = match self.text.is_empty() || self.text.ends_with('\n') {
                    true => entry + self.manner.newline,
                    false => format!("{}{entry}", self.manner.newline),
                };
                Ok(vec![(end..end, text)])
            }
            _ => Err(self.unknown(owner.start)),
        }
    }

    /// Writes another value where one stands.
    fn replace(&self, path: &[Step<'_>], value: &Node) -> Result<Splice, EditError> {
        let old = self.find(path)?;
        let (_, parent) = path.split_last().ok_or_else(|| EditError::Missing(shown(path)))?;
        let owner = self.find(parent)?;
        let in_flow = path.len() > 1 && self.in_flow(parent)? || is_flow(owner);
        let column = match (&owner.kind, path.last()) {
            (Kind::Map { entries, .. }, Some(Step::Key(key))) => {
                let pair = entries.iter().find(|pair| pair.key == *key);
                pair.map_or(0, |pair| self.column(pair.start))
            }
            (_, _) => self.column(owner.start),
        };
        let is_list = value.as_seq().is_some();
        let inside = if is_list && matches!(owner.kind, Kind::Map { .. }) {
            column + self.manner.list_indent
        } else {
            column + 2
        };
        let text = match &old.kind {
            Kind::Alias => return Err(self.unknown(old.start)),
            Kind::Nothing if old.has_properties => return Err(self.unknown(old.start)),
            Kind::Nothing if in_flow => format!(" {}", self.manner.flow(value)),
            Kind::Nothing if value.is_scalar() || value.is_null_or_empty() => {
                format!(" {}", self.manner.block(value, column + 2))
            }
            Kind::Nothing => {
                let at = self.line_end(old.end);
                return Ok((
                    at..at,
                    format!("{}{}", self.manner.line(inside), self.manner.block(value, inside)),
                ));
            }
            _ if in_flow => match &old.kind {
                Kind::Scalar(quote) if value.as_str().is_some_and(|text| !text.contains('\n')) => {
                    self.manner.scalar(value, 0, self.wanted_quote(old, *quote))
                }
                _ => self.manner.flow(value),
            },
            Kind::Scalar(quote) if value.is_scalar() => {
                self.manner.scalar(value, column + 2, self.wanted_quote(old, *quote))
            }
            Kind::Scalar(_)
                if matches!(owner.kind, Kind::Seq { .. }) && value.as_map().is_some_and(|map| !map.is_empty()) =>
            {
                self.manner.block(value, self.column(old.start))
            }
            Kind::Scalar(_) => self.manner.flow(value),
            Kind::Map { flow: true, .. } | Kind::Seq { flow: true, .. } => self.manner.flow(value),
            _ if value.is_scalar() => return Err(self.unknown(old.start)),
            _ => self.manner.block(value, self.column(old.start)),
        };
        Ok((old.start..old.end, text))
    }

    /// The quotes that another value takes over. Those that only the old value needed go with it.
    fn wanted_quote(&self, old: &Layout, quote: Quote) -> Quote {
        let has_quotes = matches!(quote, Quote::Single | Quote::Double);
        if has_quotes && render::is_forced(quote, &self.text[old.start + 1..old.end - 1]) {
            Quote::Plain
        } else {
            quote
        }
    }

    /// Whether something on the way to a node is in flow style.
    fn in_flow(&self, path: &[Step<'_>]) -> Result<bool, EditError> {
        for depth in 0..path.len() {
            if is_flow(self.find(&path[..depth])?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn find(&self, path: &[Step<'_>]) -> Result<&Layout, EditError> {
        let mut layout = &self.layout;
        for (depth, step) in path.iter().enumerate() {
            let next = match (step, &layout.kind) {
                (Step::Key(key), Kind::Map { entries, .. }) => {
                    let mut found = entries.iter().filter(|pair| pair.key == *key);
                    let first = found.next();
                    if found.next().is_some() {
                        return Err(EditError::Duplicate((*key).to_owned()));
                    }
                    first.map(|pair| &pair.value)
                }
                (Step::Index(index), Kind::Seq { items, .. }) => items.get(*index).map(|item| &item.value),
                (_, Kind::Alias) => return Err(self.unknown(layout.start)),
                _ => None,
            };
            layout = next.ok_or_else(|| EditError::Missing(shown(&path[..=depth])))?;
        }
        Ok(layout)
    }

    /// Makes a change if the new text means the new tree.
    fn apply(&mut self, mut splices: Vec<Splice>, expected: Node) -> Result<(), EditError> {
        splices.sort_by_key(|(range, _)| range.start);
        let mut text = self.text.clone();
        for (range, new) in splices.into_iter().rev() {
            text.replace_range(range, &new);
        }
        let (node, layout) = read(&text).map_err(|_| EditError::SideEffect)?;
        if !same(&node, &expected) {
            return Err(EditError::SideEffect);
        }
        (self.text, self.node, self.layout) = (text, node, layout);
        Ok(())
    }

    fn unknown(&self, at: usize) -> EditError {
        unknown(&self.text, at)
    }

    fn column(&self, at: usize) -> usize {
        column(&self.text, at)
    }

    /// The line break that ends the line of a place, or the end of the text.
    fn line_end(&self, at: usize) -> usize {
        let end = self.text[at..].find('\n').map_or(self.text.len(), |length| at + length);
        if end > at && self.text[..end].ends_with('\r') {
            end - 1
        } else {
            end
        }
    }
}

fn read(text: &str) -> Result<(Node, Layout), EditError> {
    let source = Sources::new().add("", text.to_owned());
    let config = read_config(&source).map_err(EditError::Syntax)?;
    let layout = layout::read(text).map_err(|layout::Unknown(at)| unknown(text, at))?;
    Ok((config.node, layout))
}

fn unknown(text: &str, at: usize) -> EditError {
    EditError::Layout {
        line: text.as_bytes()[..at.min(text.len())]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1,
    }
}

fn column(text: &str, at: usize) -> usize {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    at - start - if text[start..at].starts_with('\u{FEFF}') { 3 } else { 0 }
}

fn is_flow(layout: &Layout) -> bool {
    matches!(layout.kind, Kind::Map { flow: true, .. } | Kind::Seq { flow: true, .. })
}

/// Columns from the first key that has a list in block style to the dashes of that list.
fn list_indent(text: &str, layout: &Layout) -> Option<usize> {
    match &layout.kind {
        Kind::Map { flow: false, entries } => entries.iter().find_map(|pair| match &pair.value.kind {
            Kind::Seq { flow: false, items } => items
                .first()
                .map(|item| column(text, item.start).saturating_sub(column(text, pair.start))),
            _ => list_indent(text, &pair.value),
        }),
        Kind::Seq { flow: false, items } => items.iter().find_map(|item| list_indent(text, &item.value)),
        _ => None,
    }
}

fn lookup_mut<'n>(node: &'n mut Node, path: &[Step<'_>]) -> Option<&'n mut Node> {
    path.iter().try_fold(node, |node, step| match step {
        Step::Key(key) => node.get_mut(key),
        Step::Index(index) => node.as_seq_mut()?.make_mut().get_mut(*index),
    })
}

/// Whether two trees mean the same, the order of mappings included.
fn same(left: &Node, right: &Node) -> bool {
    match (&left.value, &right.value) {
        _ if left.is_null() || right.is_null() => left.is_null() && right.is_null(),
        (Value::Scalar(a), Value::Scalar(b)) => a == b && left.tag == right.tag,
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|(a, b)| same(&a.key, &b.key) && same(&a.value, &b.value))
        }
        (Value::Seq(a), Value::Seq(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        _ => false,
    }
}

fn shown(path: &[Step<'_>]) -> String {
    let mut out = String::new();
    for step in path {
        match step {
            Step::Key(key) if out.is_empty() => out.push_str(key),
            Step::Key(key) => out.push_str(&format!(".{key}")),
            Step::Index(index) => out.push_str(&format!("[{index}]")),
        }
    }
    if out.is_empty() { "the root".to_owned() } else { out }
}
