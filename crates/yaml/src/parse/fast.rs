//! The fast way through ordinary documents: block mappings and lists of plain, quoted and block scalars,
//! with flow collections as Kubernetes files have them.
//!
//! What comes out is what the scanner and composer would give, or nothing: whatever is unusual or wrong
//! (anchors, tags, tabs, explicit keys, directives, document markers, texts folded over several lines
//! inside flow collections, depth) ends the attempt, and the document is read again the exact way. A
//! test compares both ways on every recorded document.

use std::ops::Range;
use std::sync::Arc;

use memchr::{memchr, memchr2};

use crate::node::{Node, Style, Tag, Value};
use crate::parse::nodes::Nodes;
use crate::parse::scan::Scanner;
use crate::resolve::resolve_v3;
use crate::source::Source;
use crate::text::Text;
use crate::words::{count_spaces, find};

/// Levels of nesting that are read by recursion.
const DEPTH: usize = 64;

/// Keys up to this length in bytes are surely within the limit of 1024 characters.
const KEY: usize = 1000;

/// Reads the only document in the bytes `range` of a source, if it is an ordinary one and not empty.
/// `nodes` is room to work in, to be used again for the next document.
pub(super) fn parse(source: &Arc<Source>, range: Range<usize>, nodes: &mut Nodes) -> Option<Node> {
    let text = &source.text()[..range.end];
    let bytes = text.as_bytes();
    if !only_lf(&bytes[range.start..]) || bytes[range.start..].starts_with(b"\xEF\xBB\xBF") {
        return None;
    }
    let document = Fast {
        source,
        text,
        bytes,
        pos: range.start,
        nodes,
        depth: 0,
        line: Line::default(),
    }
    .document();
    if document.is_none() {
        *nodes = Nodes::default();
    }
    document
}

/// Whether `\n` is the only line break in the text.
fn only_lf(bytes: &[u8]) -> bool {
    if memchr(b'\r', bytes).is_some() {
        return false;
    }
    let mut at = 0;
    while let Some(found) = memchr2(0xC2, 0xE2, &bytes[at..]) {
        at += found + 1;
        if matches!(bytes[at..], [0x85, ..] | [0x80, 0xA8 | 0xA9, ..]) {
            return false;
        }
    }
    true
}

/// The line that was stepped to last.
#[derive(Clone, Copy, Default)]
struct Line {
    /// Column of its first character, -1 at the end of the text.
    indent: isize,
    /// Whether a comment stood above it.
    commented: bool,
}

struct Fast<'s, 'r> {
    source: &'s Arc<Source>,
    /// The source up to the end of the document.
    text: &'s str,
    bytes: &'s [u8],
    pos: usize,
    nodes: &'r mut Nodes,
    depth: usize,
    line: Line,
}

/// Bytes with which a plain scalar begins, in block and flow style.
const fn plain_starts() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0x21;
    while byte < 256 {
        table[byte] = byte != 0x7F;
        byte += 1;
    }
    let except = b"-?:,[]{}#&*!|>'\"%@`";
    let mut at = 0;
    while at < except.len() {
        table[except[at] as usize] = false;
        at += 1;
    }
    table
}

const PLAIN: [bool; 256] = plain_starts();

/// Bytes at which the reading of a plain scalar has to look closer.
const BLOCK_STOPS: [u8; 4] = *b":#\n\t";
const FLOW_STOPS: [u8; 10] = *b":#\n\t,?[]{}";

/// What ended a plain scalar.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    Colon,
    Comment,
    LineEnd,
    Flow,
}

/// What began a block node: a key, with its value to come, or a whole value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Key,
    Value,
}

impl Fast<'_, '_> {
    #[inline]
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    #[inline]
    fn push(&mut self, value: Value, tag: Tag, style: Style, at: usize) {
        self.nodes.push(value, tag, style, self.source.mark(at));
    }

    fn push_null(&mut self, at: usize) {
        self.push(Value::Scalar(Text::default()), Tag::Null, Style::Plain, at);
    }

    #[inline]
    fn push_plain(&mut self, range: Range<usize>) -> Tag {
        let mark = self.source.mark(range.start);
        let tag = resolve_v3(&self.text[range.clone()]);
        self.nodes.push_slice(self.source, range, tag, Style::Plain, mark);
        tag
    }

    /// Makes a mapping of the nodes from `first` on.
    fn close_map(&mut self, first: usize, style: Style, at: usize) {
        self.depth -= 1;
        let map = self.nodes.take_map(first);
        self.push(Value::Map(map), Tag::Map, style, at);
    }

    /// Makes a list of the nodes from `first` on.
    fn close_seq(&mut self, first: usize, style: Style, at: usize) {
        self.depth -= 1;
        let items = self.nodes.take_seq(first);
        self.push(Value::Seq(items), Tag::Seq, style, at);
    }

    fn document(mut self) -> Option<Node> {
        self.document_marker()?;
        self.next_line()?;
        match self.byte(self.pos) {
            b'{' | b'[' => {
                self.flow()?;
                self.end_of_line()?;
                self.next_line()?;
            }
            0 => return None,
            _ => self.block()?,
        }
        if self.line.indent >= 0 {
            return None;
        }
        self.nodes.pop()
    }

    /// A `---` on the first line, with nothing but a comment after it.
    fn document_marker(&mut self) -> Option<()> {
        if self.bytes[self.pos..].starts_with(b"---") {
            self.pos += 3;
            match self.byte(self.pos) {
                b' ' | b'\n' | 0 => self.end_of_line()?,
                _ => return None,
            }
        }
        Some(())
    }

    #[inline]
    fn skip_spaces(&mut self) {
        while self.byte(self.pos) == b' ' {
            self.pos += 1;
        }
    }

    /// Over spaces and a comment to the line break, which stays.
    #[inline]
    fn end_of_line(&mut self) -> Option<()> {
        self.skip_spaces();
        match self.byte(self.pos) {
            b'\n' | 0 => Some(()),
            b'#' => {
                self.skip_comment();
                Some(())
            }
            _ => None,
        }
    }

    fn skip_comment(&mut self) {
        let rest = &self.bytes[self.pos..];
        self.pos += memchr(b'\n', rest).unwrap_or(rest.len());
    }

    /// To the first character of the next line that has content. The present place is a line break, or
    /// the very beginning.
    #[inline]
    fn next_line(&mut self) -> Option<()> {
        let mut commented = false;
        let mut start = self.pos;
        loop {
            if self.byte(self.pos) == b'\n' {
                self.pos += 1;
                start = self.pos;
            }
            self.pos += count_spaces(&self.bytes[self.pos..]);
            match self.byte(self.pos) {
                b'\n' => {}
                b'#' => {
                    commented = true;
                    self.skip_comment();
                }
                0 => {
                    self.line = Line { indent: -1, commented };
                    return Some(());
                }
                b'\t' => return None,
                byte => {
                    let marker = start == self.pos
                        && (matches!(byte, b'-' | b'.')
                            && self.bytes[start..]
                                .get(..3)
                                .is_some_and(|three| three.iter().all(|b| *b == byte)));
                    if marker || byte == b'%' || byte == 0xEF {
                        return None;
                    }
                    self.line = Line {
                        indent: (self.pos - start) as isize,
                        commented,
                    };
                    return Some(());
                }
            }
        }
    }

    /// A node that begins at the present place, the first of its line. Afterwards the present line is the
    /// next that does not belong to it.
    fn block(&mut self) -> Option<()> {
        let column = self.line.indent;
        let at = self.pos;
        if self.is_item() {
            return self.sequence(column);
        }
        match self.start(column - 1)? {
            Start::Key => self.mapping(at, column),
            // A scalar on lines of its own: who asked for a node knows its indentation, we do not.
            Start::Value => None,
        }
    }

    #[inline]
    fn is_item(&self) -> bool {
        self.byte(self.pos) == b'-' && matches!(self.byte(self.pos + 1), b' ' | b'\n' | 0)
    }

    fn sequence(&mut self, column: isize) -> Option<()> {
        self.deeper()?;
        let at = self.pos;
        let first = self.nodes.len();
        loop {
            self.item(column)?;
            if self.line.indent != column || !self.is_item() {
                break;
            }
        }
        if self.line.indent > column {
            return None;
        }
        self.close_seq(first, Style::Plain, at);
        Some(())
    }

    /// An item of a list at `column`, from its dash on.
    fn item(&mut self, column: isize) -> Option<()> {
        let dash = self.pos;
        self.pos += 1;
        self.skip_spaces();
        match self.byte(self.pos) {
            b'\n' | b'#' | 0 => {
                self.end_of_line()?;
                self.next_line()?;
                if self.line.indent > column {
                    return self.block();
                }
                self.push_null(dash + 1);
                Some(())
            }
            _ => {
                let at = self.pos;
                let inner = column + (at - dash) as isize;
                if self.is_item() {
                    return self.sequence(inner);
                }
                match self.start(column)? {
                    Start::Key => self.mapping(at, inner),
                    Start::Value => Some(()),
                }
            }
        }
    }

    #[inline]
    fn deeper(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth < DEPTH).then_some(())
    }

    /// A mapping at `column` that begins at `at`, whose first key has been read; the present place is behind its
    /// colon.
    fn mapping(&mut self, at: usize, column: isize) -> Option<()> {
        self.deeper()?;
        let first = self.nodes.len() - 1;
        loop {
            self.value(column)?;
            if self.line.indent != column {
                break;
            }
            // A list item here ends the mapping, rightly or wrongly.
            if self.is_item() || self.start(column - 1)? != Start::Key {
                return None;
            }
        }
        if self.line.indent > column {
            return None;
        }
        self.close_map(first, Style::Plain, at);
        Some(())
    }

    /// The value of a key in a mapping at `column`; the present place is behind the colon.
    #[inline]
    fn value(&mut self, column: isize) -> Option<()> {
        let colon = self.pos;
        self.skip_spaces();
        match self.byte(self.pos) {
            b'\n' | b'#' | 0 => {
                self.end_of_line()?;
                self.next_line()?;
                if self.line.indent > column {
                    return self.block();
                }
                if self.line.indent == column && self.is_item() {
                    return self.sequence(column);
                }
                self.push_null(colon);
                Some(())
            }
            b'-' if self.is_item() => None,
            _ => (self.start(column)? == Start::Value).then_some(()),
        }
    }

    /// A key or a scalar that begins at the present place, inside a collection at `indent`. After a scalar
    /// the present line is the next one, after a key the present place is behind its colon.
    #[inline]
    fn start(&mut self, indent: isize) -> Option<Start> {
        if self.is_plain(self.byte(self.pos)) {
            return self.start_plain(indent);
        }
        self.start_other(indent)
    }

    /// Whether a plain scalar begins with this byte at the present place.
    #[inline]
    fn is_plain(&self, byte: u8) -> bool {
        PLAIN[byte as usize] || (byte == b'-' && !matches!(self.byte(self.pos + 1), b' ' | b'\t' | b'\n' | 0))
    }

    fn start_other(&mut self, indent: isize) -> Option<Start> {
        let at = self.pos;
        match self.byte(at) {
            quote @ (b'"' | b'\'') => {
                self.quoted(quote)?;
                let end = self.pos;
                self.skip_spaces();
                if self.byte(self.pos) == b':' {
                    let simple = matches!(self.byte(self.pos + 1), b' ' | b'\n' | 0)
                        && end - at < KEY
                        && !self.is_merge(at + 1)
                        && memchr(b'\n', &self.bytes[at..end]).is_none();
                    self.pos += 1;
                    return simple.then_some(Start::Key);
                }
            }
            indicator @ (b'|' | b'>') => {
                let mut scanner = Scanner::of_scalar(self.source, self.bytes, at, indent);
                let text = scanner.scan_block_scalar(indicator == b'|').ok()?;
                // Back to the line break, so that all scalars end alike.
                self.pos = if scanner.pos == self.bytes.len() {
                    scanner.pos
                } else {
                    scanner.line_start - 1
                };
                let style = if indicator == b'|' {
                    Style::Literal
                } else {
                    Style::Folded
                };
                self.push(Value::Scalar(text), Tag::Str, style, at);
            }
            b'[' | b'{' => self.flow()?,
            _ => return None,
        }
        self.end_of_line()?;
        self.next_line()?;
        (self.line.indent <= indent).then_some(Start::Value)
    }

    /// Whether the text of a quoted key may be `<<`, which kyaml takes for a merge key half of the time.
    fn is_merge(&self, at: usize) -> bool {
        matches!(self.byte(at), b'<' | b'\\')
    }

    #[inline]
    fn start_plain(&mut self, indent: isize) -> Option<Start> {
        let at = self.pos;
        let (end, stop) = self.scan_plain(BLOCK_STOPS)?;
        if &self.bytes[at..end] == b"<<" {
            return None;
        }
        match stop {
            Stop::Colon => {
                let tag = self.push_plain(at..end);
                self.pos += 1;
                return (end - at <= KEY && tag != Tag::Null).then_some(Start::Key);
            }
            Stop::Comment => self.skip_comment(),
            Stop::LineEnd => {}
            Stop::Flow => return None,
        }
        self.next_line()?;
        if self.line.indent <= indent {
            self.push_plain(at..end);
            return Some(Start::Value);
        }
        if stop == Stop::Comment || self.line.commented {
            return None;
        }
        self.long_plain(at, indent)
    }

    /// A plain scalar that goes on in the lines below.
    fn long_plain(&mut self, at: usize, indent: isize) -> Option<Start> {
        let mut scanner = Scanner::of_scalar(self.source, self.bytes, at, indent);
        let text = scanner.scan_plain().ok()?;
        self.pos = scanner.pos;
        if scanner.newline_behind {
            self.pos = scanner.line_start.checked_sub(1)?;
        } else {
            self.end_of_line()?;
        }
        self.push(Value::Scalar(text), Tag::Str, Style::Plain, at);
        self.next_line()?;
        (self.line.indent <= indent).then_some(Start::Value)
    }

    /// The end of a plain scalar on this line, without the blanks behind it, and what ended it. The
    /// present place becomes that of the stop.
    #[inline]
    fn scan_plain<const N: usize>(&mut self, stops: [u8; N]) -> Option<(usize, Stop)> {
        let start = self.pos;
        let mut at = start;
        let stop = loop {
            at += find(&self.bytes[at..], stops);
            match self.byte(at) {
                b':' => match self.byte(at + 1) {
                    b' ' | b'\n' | 0 => break Stop::Colon,
                    b'\t' => return None,
                    _ => {}
                },
                b'#' if self.bytes[at - 1] == b' ' => break Stop::Comment,
                b'#' => {}
                b'\n' | 0 => break Stop::LineEnd,
                b'\t' => return None,
                _ => break Stop::Flow,
            }
            at += 1;
        };
        self.pos = at;
        let mut end = at;
        while end > start && self.bytes[end - 1] == b' ' {
            end -= 1;
        }
        Some((end, stop))
    }

    /// A quoted scalar; the present place becomes the one behind it.
    fn quoted(&mut self, quote: u8) -> Option<()> {
        let at = self.pos;
        let style = if quote == b'"' {
            Style::DoubleQuoted
        } else {
            Style::SingleQuoted
        };
        let rest = &self.bytes[at + 1..];
        let stop = find(rest, [quote, b'\\', b'\n']);
        let simple = match rest.get(stop)? {
            b'\n' | b'\\' => false,
            _ => rest.get(stop + 1) != Some(&quote) || quote == b'"',
        };
        if simple || (quote == b'\'' && rest[stop] == b'\\') && self.no_break_before_quote(at) {
            let end = at + 1 + memchr(quote, rest)?;
            if quote == b'"' || self.byte(end + 1) != quote {
                self.pos = end + 1;
                let mark = self.source.mark(at);
                self.nodes.push_slice(self.source, at + 1..end, Tag::Str, style, mark);
                return Some(());
            }
        }
        let mut scanner = Scanner::of_scalar(self.source, self.bytes, at, 0);
        let text = scanner.scan_quoted(quote).ok()?;
        self.pos = scanner.pos;
        self.push(Value::Scalar(text), Tag::Str, style, at);
        Some(())
    }

    /// Whether a single-quoted text ends on its line.
    fn no_break_before_quote(&self, at: usize) -> bool {
        memchr2(b'\'', b'\n', &self.bytes[at + 1..]).is_some_and(|len| self.bytes[at + 1 + len] == b'\'')
    }

    /// A flow collection; the present place becomes the one behind it.
    fn flow(&mut self) -> Option<()> {
        self.deeper()?;
        let at = self.pos;
        let first = self.nodes.len();
        let is_map = self.byte(at) == b'{';
        self.pos += 1;
        if is_map {
            self.flow_entries()?;
            self.close_map(first, Style::Flow, at);
        } else {
            self.flow_items()?;
            self.close_seq(first, Style::Flow, at);
        }
        Some(())
    }

    /// Over blanks and line breaks to the next token of a flow collection.
    fn flow_space(&mut self) -> Option<u8> {
        loop {
            match self.byte(self.pos) {
                b' ' | b'\t' => self.pos += 1,
                b'\n' => {
                    self.pos += 1;
                    if matches!(self.bytes.get(self.pos..self.pos + 3), Some(b"---" | b"...")) {
                        return None;
                    }
                }
                0 | b'#' | 0xEF => return None,
                byte => return Some(byte),
            }
        }
    }

    fn flow_entries(&mut self) -> Option<()> {
        loop {
            let byte = self.flow_space()?;
            if byte == b'}' {
                self.pos += 1;
                return Some(());
            }
            self.flow_key(byte)?;
            self.flow_value()?;
            match self.flow_space()? {
                b',' => self.pos += 1,
                b'}' => {}
                _ => return None,
            }
        }
    }

    /// A key that begins with `byte`, and its colon.
    fn flow_key(&mut self, byte: u8) -> Option<()> {
        let start = self.pos;
        match byte {
            b'"' | b'\'' => {
                self.quoted(byte)?;
                self.skip_spaces();
                let one_line = memchr(b'\n', &self.bytes[start..self.pos]).is_none();
                if self.byte(self.pos) != b':' || !one_line || self.is_merge(start + 1) {
                    return None;
                }
            }
            _ if self.is_plain(byte) => {
                let (end, stop) = self.scan_plain(FLOW_STOPS)?;
                let tag = self.push_plain(start..end);
                if stop != Stop::Colon || tag == Tag::Null || &self.bytes[start..end] == b"<<" {
                    return None;
                }
            }
            _ => return None,
        }
        if self.pos - start > KEY {
            return None;
        }
        self.pos += 1;
        Some(())
    }

    fn flow_items(&mut self) -> Option<()> {
        loop {
            if self.flow_space()? == b']' {
                self.pos += 1;
                return Some(());
            }
            self.flow_value()?;
            match self.flow_space()? {
                b',' => self.pos += 1,
                b']' => {}
                _ => return None,
            }
        }
    }

    fn flow_value(&mut self) -> Option<()> {
        let byte = self.flow_space()?;
        match byte {
            b'"' | b'\'' => self.quoted(byte),
            b'[' | b'{' => self.flow(),
            _ if self.is_plain(byte) => {
                let start = self.pos;
                let (end, stop) = self.scan_plain(FLOW_STOPS)?;
                let ended = match stop {
                    Stop::Flow => true,
                    // Unless the collection ends or goes on below, the text does.
                    Stop::LineEnd => matches!(self.flow_space()?, b',' | b']' | b'}'),
                    _ => false,
                };
                self.push_plain(start..end);
                (ended && &self.bytes[start..end] != b"<<").then_some(())
            }
            _ => None,
        }
    }
}
