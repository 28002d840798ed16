//! Files: bytes to text, text to documents.
//!
//! Documents are split as kyaml's ByteReader does it: at every line that begins with `---`, and of each
//! piece only the first YAML document counts.

use std::ops::Range;
use std::sync::Arc;

use memchr::memmem;

use crate::error::{ParseError, Problem};
use crate::node::Node;
use crate::parse::compose::{Dialect, Duplicate, compose};
use crate::parse::fast;
use crate::parse::nodes::Nodes;
use crate::source::Source;

/// The documents of a file.
#[derive(Clone, Debug)]
pub struct Documents {
    /// The documents that are not empty or null, without aliases and merge keys.
    pub nodes: Vec<Node>,
    /// Pieces between separator lines, the empty ones included. A `List` is unwrapped only if there
    /// is just one.
    pub chunks: usize,
}

/// A kustomization file or another configuration file.
#[derive(Debug)]
pub struct Config {
    /// The first document; null if there is none.
    pub node: Node,
    /// Keys that stood in their mapping before. The last one counts.
    pub duplicates: Vec<Duplicate>,
}

/// Bytes that are no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Line and column count from 1; the column counts characters.
    #[error("invalid UTF-8 at line {line}, column {column}")]
    Utf8 { line: usize, column: usize },
    #[error("invalid UTF-16 at byte {offset}")]
    Utf16 { offset: usize },
    #[error("larger than 4 GiB")]
    TooLarge,
}

/// Reads a file of Kubernetes objects. Stops at the first error.
pub fn read_documents(source: &Arc<Source>) -> Result<Documents, ParseError> {
    let chunks = split_documents(source)?;
    Ok(Documents {
        nodes: read_chunks(source, &chunks)?,
        chunks: if source.text().is_empty() { 0 } else { chunks.len() },
    })
}

/// The pieces of a file between separator lines, to be read by [`read_chunks`] some at a time.
pub fn split_documents(source: &Source) -> Result<Vec<Range<usize>>, ParseError> {
    check_size(source)?;
    split(source)
}

/// The documents of some pieces of a file that are not empty or null. Stops at the first error.
pub fn read_chunks(source: &Arc<Source>, chunks: &[Range<usize>]) -> Result<Vec<Node>, ParseError> {
    let mut nodes = Vec::with_capacity(chunks.len());
    let mut room = Nodes::default();
    for chunk in chunks {
        check_characters(source, chunk.clone())?;
        let node = match fast::parse(source, chunk.clone(), &mut room) {
            Some(node) => Some(node),
            None => compose(source, chunk.clone(), Dialect::V3)?.node,
        };
        match node {
            Some(node) if !node.is_null() => nodes.push(node),
            _ => {}
        }
    }
    Ok(nodes)
}

/// Reads a kustomization file or another configuration file.
pub fn read_config(source: &Arc<Source>) -> Result<Config, ParseError> {
    check_size(source)?;
    let range = 0..source.text().len();
    check_characters(source, range.clone())?;
    let composed = compose(source, range, Dialect::V2)?;
    Ok(Config {
        node: composed.node.unwrap_or_else(Node::null),
        duplicates: composed.duplicates,
    })
}

/// The text of a file: UTF-8, or UTF-16 if it begins with a byte order mark.
pub fn decode(bytes: Vec<u8>) -> Result<String, DecodeError> {
    if bytes.len() > u32::MAX as usize {
        return Err(DecodeError::TooLarge);
    }
    let wide = match bytes.get(..2) {
        Some([0xFF, 0xFE]) => Some(u16::from_le_bytes as fn([u8; 2]) -> u16),
        Some([0xFE, 0xFF]) => Some(u16::from_be_bytes as fn([u8; 2]) -> u16),
        _ => None,
    };
    if let Some(unit) = wide {
        let units = bytes[2..].chunks(2).map(|pair| match pair {
            [first, second] => unit([*first, *second]),
            // An unpaired surrogate, so that the odd byte is an error below.
            _ => 0xD800,
        });
        let mut text = String::with_capacity(bytes.len() / 2);
        let mut offset = 2;
        for character in char::decode_utf16(units) {
            let character = character.map_err(|_| DecodeError::Utf16 { offset })?;
            offset += 2 * character.len_utf16();
            text.push(character);
        }
        return Ok(text);
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let start = memchr::memrchr(b'\n', valid).map_or(0, |at| at + 1);
        let line = memchr::memchr_iter(b'\n', valid).count() + 1;
        let column = valid[start..].iter().filter(|&&byte| byte & 0xC0 != 0x80).count() + 1;
        DecodeError::Utf8 { line, column }
    })
}

/// Replaces `\r\n` by `\n`, as kyaml does before it reads a file of objects. Line numbers stay.
pub fn normalize_newlines(text: String) -> String {
    if memmem::find(text.as_bytes(), b"\r\n").is_none() {
        return text;
    }
    text.replace("\r\n", "\n")
}

pub(super) fn check_size(source: &Source) -> Result<(), ParseError> {
    match u32::try_from(source.text().len()) {
        Ok(_) => Ok(()),
        Err(_) => Err(ParseError::new(Problem::TooLarge, source.mark(0))),
    }
}

/// The pieces between separator lines, each with the line break that ends it.
pub(super) fn split(source: &Source) -> Result<Vec<Range<usize>>, ParseError> {
    let bytes = source.text().as_bytes();
    let mut chunks = Vec::new();
    let mut start = 0;
    for at in memmem::find_iter(bytes, b"\n---") {
        // The line break before a separator is no part of the separator above it.
        if at < start {
            continue;
        }
        let Some(len) = memchr::memchr(b'\n', &bytes[at + 4..]) else {
            break;
        };
        let rest = source.text()[at + 4..at + 4 + len].trim();
        if !rest.is_empty() && !rest.starts_with('#') {
            let separator = source.text()[at + 1..at + 4 + len].trim().to_owned();
            return Err(ParseError::new(Problem::Separator(separator), source.mark(at + 1)));
        }
        chunks.push(start..at + 1);
        start = at + 4 + len + 1;
    }
    chunks.push(start..bytes.len());
    Ok(chunks)
}

/// Refuses the characters that YAML does not know.
pub(super) fn check_characters(source: &Source, range: Range<usize>) -> Result<(), ParseError> {
    let bytes = &source.text().as_bytes()[range.clone()];
    let any = |block: &[u8], which: fn(u8) -> bool| block.iter().fold(false, |found, &byte| found | which(byte));
    if bytes
        .chunks(64)
        .all(|block| !any(block, is_unusual) || !any(block, is_suspect))
    {
        return Ok(());
    }
    let bad = source.text()[range.clone()].char_indices().find(|&(_, character)| {
        !matches!(character,
            '\t' | '\n' | '\r' | '\u{20}'..='\u{7E}' | '\u{85}' | '\u{A0}'..='\u{D7FF}'
            | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
    });
    match bad {
        None => Ok(()),
        Some((at, character)) => Err(ParseError::new(
            Problem::ControlCharacter(character as u32),
            source.mark(range.start + at),
        )),
    }
}

/// Whether a byte is not of ordinary text; this is known sooner than whether it is suspect.
#[inline]
fn is_unusual(byte: u8) -> bool {
    !matches!(byte, 0x20..=0x7E | b'\n')
}

/// Whether a byte can be part of a character that is not allowed.
#[inline]
fn is_suspect(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\n' && byte != b'\t' && byte != b'\r') | (byte == 0x7F) | (byte == 0xC2) | (byte == 0xEF)
}
