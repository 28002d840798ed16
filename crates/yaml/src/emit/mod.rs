//! Printing: a tree to the canonical bytes of one object.
//!
//! kustomize prints an object by way of the v3 encoder and decoder, JSON, and the parser and encoder of
//! yaml v2 (RNode.MarshalJSON and sigs.k8s.io/yaml's JSONToYAML). Here the tree is written directly, with
//! everything that way does to it: sorted keys, v2's quotes and line breaks, errors for repeated keys
//! and for keys that are no strings. Nothing recurses, so depth costs no stack.

mod analyze;
mod encode;
mod error;
mod layout;
mod order;
mod scalar;
pub(crate) mod value;

use std::borrow::Cow;
use std::collections::BTreeMap;

pub use encode::encode_v3;
pub use error::{EmitError, EmitProblem};
pub use layout::LayoutWriter;

use crate::node::{Map, Node, Style, Tag, Value};
use crate::number::{write_float_g, write_float_json};
use crate::resolve::Typed;
use analyze::is_printable_ascii;
use order::Item;
use scalar::is_simple_key;
use value::{Place, printed, printed_key, through_json};

/// Where v2 breaks lines.
const WIDTH: usize = 80;

/// Longest key in JSON, in characters with its quotes, that the v2 parser still takes for a key.
const LONGEST_KEY: usize = 1024;

/// Appends the canonical bytes of one object. On an error, what was appended is cut off again.
pub fn emit(node: &Node, out: &mut Vec<u8>) -> Result<(), EmitError> {
    let start = out.len();
    let result = Writer::new(out, WIDTH).write_document(node);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// An open collection.
enum Frame<'n> {
    /// Entries `next..end` of `items` are left.
    Map {
        start: usize,
        next: usize,
        indent: usize,
        place: Place,
    },
    Seq {
        items: std::slice::Iter<'n, Node>,
        indent: usize,
        place: Place,
    },
}

/// What a node is in its parent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parent {
    Root,
    Mapping,
    Sequence,
}

/// The state of libyaml's emitter.
struct Writer<'o, 'n> {
    out: &'o mut Vec<u8>,
    /// In characters.
    column: usize,
    /// From this column on a line is broken at the next space.
    width: usize,
    /// Whether the last character was whitespace that separates.
    whitespace: bool,
    /// Whether only indentation and indicators stand on the line.
    indention: bool,
    /// The sorted entries of all open mappings, the innermost at the end.
    items: Vec<Item<'n>>,
    frames: Vec<Frame<'n>>,
}

impl<'o, 'n> Writer<'o, 'n> {
    fn new(out: &'o mut Vec<u8>, width: usize) -> Writer<'o, 'n> {
        Writer {
            out,
            column: 0,
            width,
            whitespace: true,
            indention: true,
            items: Vec::with_capacity(32),
            frames: Vec::with_capacity(16),
        }
    }

    fn write_document(&mut self, node: &'n Node) -> Result<(), EmitError> {
        self.write_node(node, Parent::Root, 0, Place::Block)?;
        while let Some(frame) = self.frames.last_mut() {
            match frame {
                Frame::Map {
                    start,
                    next,
                    indent,
                    place,
                } => {
                    let (indent, place) = (*indent, *place);
                    if *next == self.items.len() {
                        let start = *start;
                        self.items.truncate(start);
                        self.frames.pop();
                        continue;
                    }
                    let at = *next;
                    *next += 1;
                    let (key, value) = (std::mem::take(&mut self.items[at].0), self.items[at].1);
                    self.write_indent(indent);
                    self.write_key(&key, indent);
                    self.write_node(value, Parent::Mapping, indent, place)?;
                }
                Frame::Seq { items, indent, place } => {
                    let (indent, place) = (*indent, *place);
                    let Some(item) = items.next() else {
                        self.frames.pop();
                        continue;
                    };
                    self.write_indent(indent);
                    self.write_indicator(b'-');
                    self.write_node(item, Parent::Sequence, indent, place)?;
                }
            }
        }
        self.write_indent(0);
        if self.out.last() != Some(&b'\n') {
            self.out.push(b'\n');
        }
        Ok(())
    }

    fn write_key(&mut self, key: &str, indent: usize) {
        if is_simple_key(key) {
            self.write_string(key, indent + 2, true);
            self.out.push(b':');
            self.column += 1;
            self.whitespace = false;
            self.indention = false;
        } else {
            self.write_indicator(b'?');
            self.write_string(key, indent + 2, false);
            self.write_indent(indent);
            self.write_indicator(b':');
        }
    }

    fn write_node(&mut self, node: &'n Node, parent: Parent, indent: usize, place: Place) -> Result<(), EmitError> {
        let deeper = if parent == Parent::Root { 0 } else { indent + 2 };
        match &node.value {
            Value::Scalar(text) => {
                let indent = if parent == Parent::Root { 2 } else { deeper };
                self.write_scalar(node, text, indent, place)
            }
            Value::Map(map) => {
                let place = inner_place(node, place);
                let start = self.items.len();
                self.push_entries(map, parent == Parent::Root, place)?;
                if self.items.len() == start {
                    self.write_word(b"{}");
                    return Ok(());
                }
                order::sort(&mut self.items[start..]);
                self.frames.push(Frame::Map {
                    start,
                    next: start,
                    indent: deeper,
                    place,
                });
                Ok(())
            }
            Value::Seq(items) if items.is_empty() => {
                self.write_word(b"[]");
                Ok(())
            }
            Value::Seq(items) => {
                let compact = parent == Parent::Mapping && !self.indention;
                let indent = if compact { indent } else { deeper };
                self.frames.push(Frame::Seq {
                    items: items.iter(),
                    indent,
                    place: inner_place(node, place),
                });
                Ok(())
            }
        }
    }

    /// Adds the entries of a mapping to `items`.
    fn push_entries(&mut self, map: &'n Map, top: bool, place: Place) -> Result<(), EmitError> {
        check_duplicates(map)?;
        self.items.reserve(map.len());
        for entry in map {
            if let Some(key) = simple_text(&entry.key)
                && key.len() <= LONGEST_KEY / 6 - 2
            {
                self.items.push((Cow::Borrowed(key), &entry.value));
                continue;
            }
            let Some(key) = printed_key(&entry.key, top, place)? else {
                continue;
            };
            if key.len() + 2 > LONGEST_KEY / 6 || !key.is_ascii() {
                check_json_key(&key, &entry.key)?;
            }
            self.items.push((through_json(key, &entry.key)?, &entry.value));
        }
        Ok(())
    }

    fn write_scalar(&mut self, node: &'n Node, text: &'n str, indent: usize, place: Place) -> Result<(), EmitError> {
        if let Some(text) = simple_text(node) {
            self.write_string(text, indent, false);
            return Ok(());
        }
        match printed(node, text, place)? {
            Typed::Str(text) => self.write_string(&through_json(text, node)?, indent, false),
            Typed::Null => self.write_word(b"null"),
            Typed::Bool(true) => self.write_word(b"true"),
            Typed::Bool(false) => self.write_word(b"false"),
            Typed::Int(value) => self.write_word(value.to_string().as_bytes()),
            Typed::Uint(value) => self.write_word(value.to_string().as_bytes()),
            Typed::Float(value) => {
                let mut digits = Vec::new();
                write_float(value, &mut digits);
                self.write_word(&digits);
            }
            Typed::Timestamp(time) => match time.to_rfc3339() {
                Some(text) => self.write_string(&text, indent, false),
                None => return Err(EmitError::new(EmitProblem::TimeZone, node.mark)),
            },
        }
        Ok(())
    }

    /// To a new line with this indentation, unless the line is that already.
    fn write_indent(&mut self, indent: usize) {
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.out.push(b'\n');
            self.column = 0;
        }
        self.pad(indent);
        self.column = self.column.max(indent);
        self.whitespace = true;
        self.indention = true;
    }

    fn pad(&mut self, indent: usize) {
        const SPACES: [u8; 64] = [b' '; 64];
        let mut missing = indent.saturating_sub(self.column);
        while missing > 0 {
            let len = missing.min(SPACES.len());
            self.out.extend_from_slice(&SPACES[..len]);
            missing -= len;
        }
    }

    /// An indicator that counts as indentation: `-`, `?`, or the `:` of a long key.
    fn write_indicator(&mut self, indicator: u8) {
        if !self.whitespace {
            self.out.push(b' ');
            self.column += 1;
        }
        self.out.push(indicator);
        self.column += 1;
        self.whitespace = false;
    }
}

/// The text of a string on one line of printable ASCII, which comes out of print as it went in.
#[inline]
fn simple_text(node: &Node) -> Option<&str> {
    let text = node.as_str()?;
    (node.tag == Tag::Str && is_printable_ascii(text)).then_some(text)
}

/// What is in a flow collection is written in flow style by the v3 emitter.
fn inner_place(node: &Node, place: Place) -> Place {
    if node.style == Style::Flow { Place::Flow } else { place }
}

/// A float as it is after JSON: an integer if it has no fraction and fits.
fn write_float(value: f64, out: &mut Vec<u8>) {
    if value == 0.0 {
        out.push(b'0');
        return;
    }
    if value.fract() == 0.0 && value.abs() < 1e21 {
        write_float_json(value, out);
        let text = String::from_utf8_lossy(out);
        if text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok() {
            return;
        }
        out.clear();
    }
    write_float_g(value, out);
}

/// yaml v3 refuses a mapping with two keys of the same text.
pub(crate) fn check_duplicates(map: &Map) -> Result<(), EmitError> {
    let duplicate = |key: &Node, first: &Node| {
        let text = key.as_str().unwrap_or_default().to_owned();
        // A null key was doubled by the reader, as kyaml does it.
        if key.mark.is_some() && key.mark == first.mark && key.tag == Tag::Null {
            return EmitError::new(EmitProblem::KeyNotString(text), key.mark);
        }
        EmitError {
            problem: EmitProblem::DuplicateKey(text),
            mark: key.mark,
            first: Some(first.mark),
        }
    };
    let entries = map.as_slice();
    // Keys of different length, or with different ends, need no comparison.
    let mut seen = 0u64;
    let distinct = entries.iter().all(|entry| {
        let key = entry.key.as_str().unwrap_or_default().as_bytes();
        let ends =
            key.first().map_or(0, |&byte| usize::from(byte)) + 5 * key.last().map_or(0, |&byte| usize::from(byte));
        let bit = 1 << ((ends + 11 * key.len()) % 64);
        let new = seen & bit == 0;
        seen |= bit;
        new
    });
    if distinct {
        return Ok(());
    }
    if entries.len() > 12 {
        let mut seen = BTreeMap::new();
        for entry in entries {
            if let Some(first) = seen.insert((entry.key.as_str(), entry.key.is_scalar()), &entry.key) {
                return Err(duplicate(&entry.key, first));
            }
        }
        return Ok(());
    }
    for (at, entry) in entries.iter().enumerate().skip(1) {
        let Some(key) = entry.key.as_str() else {
            continue;
        };
        for other in &entries[..at] {
            if other
                .key
                .as_str()
                .is_some_and(|other| other.len() == key.len() && other == key)
            {
                return Err(duplicate(&entry.key, &other.key));
            }
        }
    }
    Ok(())
}

/// The v2 parser takes a key of JSON only if it is on one line and not too long.
fn check_json_key(key: &str, node: &Node) -> Result<(), EmitError> {
    let length: usize = key.chars().map(crate::json::escaped_len).sum();
    if length + 2 > LONGEST_KEY || key.contains('\u{85}') {
        return Err(EmitError::new(EmitProblem::LongKey, node.mark));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(keys: &[&str]) -> Vec<String> {
        let null = Node::null();
        let mut items: Vec<Item<'_>> = keys.iter().map(|&key| (Cow::Borrowed(key), &null)).collect();
        order::sort(&mut items);
        items.into_iter().map(|(key, _)| key.into_owned()).collect()
    }

    #[test]
    fn numbers_in_keys_sort_by_value() {
        assert_eq!(
            sorted(&["a10", "a2", "b", "B", "a", "_", "1"]),
            ["_", "1", "B", "a", "a2", "a10", "b"]
        );
    }
}
