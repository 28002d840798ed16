//! JSON as Go's encoding/json writes it: sorted keys, `<`, `>` and `&` escaped.
//!
//! kustomize hashes config maps and secrets by this text. What is written is what yaml v3 decodes, so
//! the same objects are refused as in [`emit`](crate::emit()).

use std::borrow::Cow;

use crate::emit::value::{Place, printed, printed_key};
use crate::emit::{EmitError, EmitProblem};
use crate::node::{Node, Style, Value};
use crate::number::write_float_json;
use crate::resolve::Typed;

/// Appends a tree as JSON. On an error, a part of it may have been appended.
pub fn write(node: &Node, out: &mut Vec<u8>) -> Result<(), EmitError> {
    let mut open = Vec::new();
    write_node(node, Place::Block, true, &mut open, out)?;
    // An explicit stack, so that depth costs none of the thread's.
    while let Some(frame) = open.last_mut() {
        let first = std::mem::replace(&mut frame.first, false);
        let place = frame.place;
        let next = match &mut frame.items {
            Items::Seq(items) => items.next().map(|item| (None, item)),
            Items::Map(entries) => entries.next().map(|(key, value)| (Some(key), value)),
        };
        let Some((key, value)) = next else {
            out.push(if matches!(frame.items, Items::Seq(_)) {
                b']'
            } else {
                b'}'
            });
            open.pop();
            continue;
        };
        if !first {
            out.push(b',');
        }
        if let Some(key) = key {
            write_string(&key, out);
            out.push(b':');
        }
        write_node(value, place, false, &mut open, out)?;
    }
    Ok(())
}

/// An open collection and what is left of it.
struct Frame<'n> {
    items: Items<'n>,
    place: Place,
    first: bool,
}

enum Items<'n> {
    Seq(std::slice::Iter<'n, Node>),
    Map(std::vec::IntoIter<(Cow<'n, str>, &'n Node)>),
}

fn write_node<'n>(
    node: &'n Node,
    place: Place,
    top: bool,
    open: &mut Vec<Frame<'n>>,
    out: &mut Vec<u8>,
) -> Result<(), EmitError> {
    let inner = if node.style == Style::Flow { Place::Flow } else { place };
    let items = match &node.value {
        Value::Scalar(text) => return write_scalar(node, text, place, out),
        Value::Seq(items) => {
            out.push(b'[');
            Items::Seq(items.iter())
        }
        Value::Map(map) => {
            crate::emit::check_duplicates(map)?;
            let mut entries = Vec::with_capacity(map.len());
            for entry in map {
                if let Some(key) = printed_key(&entry.key, top, inner)? {
                    entries.push((key, &entry.value));
                }
            }
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            out.push(b'{');
            Items::Map(entries.into_iter())
        }
    };
    open.push(Frame {
        items,
        place: inner,
        first: true,
    });
    Ok(())
}

fn write_scalar(node: &Node, text: &str, place: Place, out: &mut Vec<u8>) -> Result<(), EmitError> {
    match printed(node, text, place)? {
        Typed::Null => out.extend_from_slice(b"null"),
        Typed::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        Typed::Int(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Typed::Uint(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Typed::Float(value) => write_float_json(value, out),
        Typed::Str(text) => write_string(&text, out),
        Typed::Timestamp(time) => match time.to_rfc3339() {
            Some(text) => write_string(&text, out),
            None => return Err(EmitError::new(EmitProblem::TimeZone, node.mark)),
        },
    }
    Ok(())
}

/// Appends a string with its quotes.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut written = 0;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        let separator = byte == 0xE2 && bytes[at + 1] == 0x80 && matches!(bytes[at + 2], 0xA8 | 0xA9);
        if (byte >= 0x20 && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&')) && !separator {
            at += 1;
            continue;
        }
        out.extend_from_slice(&bytes[written..at]);
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0C => out.extend_from_slice(b"\\f"),
            0xE2 => {
                out.extend_from_slice(if bytes[at + 2] == 0xA8 { b"\\u2028" } else { b"\\u2029" });
                at += 2;
            }
            _ => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
        at += 1;
        written = at;
    }
    out.extend_from_slice(&bytes[written..]);
    out.push(b'"');
}

/// Characters that a character takes in a JSON string.
pub(crate) fn escaped_len(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\x08' | '\x0C' => 2,
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..'\u{20}' => 6,
        _ => 1,
    }
}
