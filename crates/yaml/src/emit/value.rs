//! What a scalar has become when it is printed: kustomize prints a node through the v3 emitter, the
//! v3 decoder, JSON and the v2 parser, and some texts do not come out of that as they went in.

use std::borrow::Cow;

use super::analyze::{analyze, is_break};
use super::error::{EmitError, EmitProblem};
use crate::node::{Node, Style, Tag, Value};
use crate::number::Dialect;
use crate::parse::read_block_scalar;
use crate::resolve::{Typed, typed_scalar};

/// Where a scalar stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Block,
    /// Inside a collection in flow style.
    Flow,
}

/// The value of a scalar node after the v3 round trip.
#[inline]
pub(crate) fn printed<'n>(node: &'n Node, text: &'n str, place: Place) -> Result<Typed<'n>, EmitError> {
    if node.tag == Tag::Str {
        return match node.style {
            Style::SingleQuoted | Style::DoubleQuoted => Ok(Typed::Str(Cow::Borrowed(text))),
            Style::Plain if memchr::memchr(b'\n', text.as_bytes()).is_none() => Ok(Typed::Str(Cow::Borrowed(text))),
            _ => block_text(node, text, place).map(Typed::Str),
        };
    }
    let value = typed_scalar(text, node.tag, node.style, Dialect::V3)
        .map_err(|error| EmitError::new(EmitProblem::Type(error), node.mark))?;
    match value {
        // The emitter has no empty plain scalar and no plain colon in flow style: it puts quotes.
        Typed::Null if text.is_empty() && place == Place::Flow => Ok(Typed::Str(Cow::Borrowed(""))),
        Typed::Timestamp(_) if place == Place::Flow && text.contains(':') => Ok(Typed::Str(Cow::Borrowed(text))),
        Typed::Float(value) if !value.is_finite() => Err(EmitError::new(EmitProblem::NotFinite, node.mark)),
        Typed::Str(Cow::Borrowed(text)) => block_text(node, text, place).map(Typed::Str),
        value => Ok(value),
    }
}

/// The key of an entry as a string. Only at the top of an object may a key be anything else.
pub(crate) fn printed_key<'n>(node: &'n Node, top: bool, place: Place) -> Result<Option<Cow<'n, str>>, EmitError> {
    let text = match &node.value {
        Value::Scalar(text) => text.as_str(),
        _ => return Err(EmitError::new(EmitProblem::CollectionKey, node.mark)),
    };
    match node.tag {
        Tag::Str | Tag::Merge | Tag::Unset => {}
        Tag::Null if text.is_empty() => return Ok(Some(Cow::Borrowed(text))),
        Tag::Binary | Tag::Other if !top => return Err(not_a_string(node, text)),
        _ => {}
    }
    match printed(node, text, place) {
        Ok(Typed::Str(text)) => Ok(Some(text)),
        Err(error) if !top || error.problem != EmitProblem::NotFinite => Err(error),
        Ok(Typed::Null) if top => Ok(None),
        _ if top => Ok(Some(Cow::Borrowed(text))),
        _ => Err(not_a_string(node, text)),
    }
}

fn not_a_string(node: &Node, text: &str) -> EmitError {
    EmitError::new(EmitProblem::KeyNotString(text.to_owned()), node.mark)
}

/// A string that the v3 emitter may write as a block scalar.
fn block_text<'n>(node: &Node, text: &'n str, place: Place) -> Result<Cow<'n, str>, EmitError> {
    let folded = match node.style {
        Style::Folded => true,
        Style::Literal => false,
        Style::Plain if text.contains('\n') => false,
        _ => return Ok(Cow::Borrowed(text)),
    };
    if place == Place::Flow || !text.contains(is_break) || !(folded || text.starts_with('\t')) {
        return Ok(Cow::Borrowed(text));
    }
    if !analyze(text, Dialect::V3).block {
        return Ok(Cow::Borrowed(text));
    }
    match read_block_scalar(&super::encode::block_scalar(text, folded)) {
        Ok(read) => Ok(Cow::Owned(read)),
        Err(_) => Err(EmitError::new(EmitProblem::BlockTab, node.mark)),
    }
}

/// What the v2 parser reads where JSON holds this string: NEL counts as a line break and is folded,
/// some characters are refused.
pub(crate) fn through_json<'n>(text: Cow<'n, str>, node: &Node) -> Result<Cow<'n, str>, EmitError> {
    if text.is_ascii() && memchr::memchr(0x7F, text.as_bytes()).is_none() {
        return Ok(text);
    }
    let refused =
        |character: &char| matches!(character, '\u{7F}'..='\u{84}' | '\u{86}'..='\u{9F}' | '\u{FFFE}' | '\u{FFFF}');
    if let Some(character) = text.chars().find(refused) {
        return Err(EmitError::new(EmitProblem::Character(character as u32), node.mark));
    }
    if !text.contains('\u{85}') {
        return Ok(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut parts = text.split('\u{85}').peekable();
    let mut breaks = 0;
    let mut first = true;
    while let Some(part) = parts.next() {
        let part = if first { part } else { part.trim_start_matches(' ') };
        let last = parts.peek().is_none();
        if !part.is_empty() || last {
            match breaks {
                0 => {}
                1 => out.push(' '),
                more => out.extend(std::iter::repeat_n('\n', more - 1)),
            }
            breaks = 0;
            out.push_str(if last { part } else { part.trim_end_matches(' ') });
        }
        breaks += 1;
        first = false;
    }
    Ok(Cow::Owned(out))
}
