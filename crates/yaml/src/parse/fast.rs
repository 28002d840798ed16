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

use crate::node::{Entry, Node, Style, Tag, Value};
use crate::parse::scan::Scanner;
use crate::resolve::resolve_v3;
use crate::source::Source;
use crate::text::Text;

/// Levels of nesting that are read by recursion.
const DEPTH: usize = 64;

/// Keys up to this length in bytes are surely within the limit of 1024 characters.
const KEY: usize = 1000;

/// Reads the only document in the bytes `range` of a source, if it is an ordinary one and not empty.
pub(super) fn parse(source: &Arc<Source>, range: Range<usize>) -> Option<Node> {
    let bytes = &source.text().as_bytes()[..range.end];
    if !only_lf(&bytes[range.start..]) || bytes[range.start..].starts_with(b"\xEF\xBB\xBF") {
        return None;
    }
    let mut parser =
        Fast { source, bytes, pos: range.start, nodes: Vec::new(), entries: Vec::new(), depth: 0, line: Line::default() };
    parser.document_marker()?;
    parser.next_line()?;
    let node = match parser.byte(parser.pos) {
        b'{' | b'[' => {
            let node = parser.flow()?;
            parser.end_of_line()?;
            parser.next_line()?;
            node
        }
        0 => return None,
        _ => parser.block()?,
    };
    (parser.line.indent < 0).then_some(node)
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

struct Fast<'s> {
    source: &'s Arc<Source>,
    bytes: &'s [u8],
    pos: usize,
    /// Items of the open lists.
    nodes: Vec<Node>,
    /// Entries of the open mappings.
    entries: Vec<Entry>,
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
const fn stops(bytes: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
}

const BLOCK_STOPS: [bool; 256] = stops(b":#\n\t");
const FLOW_STOPS: [bool; 256] = stops(b":#\n\t,?[]{}");

/// What ended a plain scalar.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    Colon,
    Comment,
    LineEnd,
    Flow,
}

/// What begins a block node: a key, with its value to come, or a scalar.
enum Start {
    Key(Node),
    Value(Node),
}

impl<'s> Fast<'s> {
    #[inline]
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn node(&self, value: Value, tag: Tag, style: Style, at: usize) -> Node {
        Node { value, tag, style, mark: self.source.mark(at), origin: None }
    }

    fn null(&self, at: usize) -> Node {
        self.node(Value::Scalar(Text::default()), Tag::Null, Style::Plain, at)
    }

    #[inline]
    fn plain(&self, range: Range<usize>) -> Node {
        let at = range.start;
        let tag = resolve_v3(&self.source.text()[range.clone()]);
        self.node(Value::Scalar(Text::slice(self.source, range)), tag, Style::Plain, at)
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

    /// Over spaces and a comment to the line break, which stays.
    #[inline]
    fn end_of_line(&mut self) -> Option<()> {
        while self.byte(self.pos) == b' ' {
            self.pos += 1;
        }
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
            while self.byte(self.pos) == b' ' {
                self.pos += 1;
            }
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
                        && (matches!(byte, b'-' | b'.') && self.bytes[start..].get(..3).is_some_and(|three| three.iter().all(|b| *b == byte)));
                    if marker || byte == b'%' || byte == 0xEF {
                        return None;
                    }
                    self.line = Line { indent: (self.pos - start) as isize, commented };
                    return Some(());
                }
            }
        }
    }

    /// A node that begins at the present place, the first of its line. Afterwards the present line is the
    /// next that does not belong to it.
    fn block(&mut self) -> Option<Node> {
        let column = self.line.indent;
        if self.is_item() {
            return self.sequence(column);
        }
        match self.start(column - 1)? {
            Start::Key(key) => self.mapping(column, key),
            // A scalar on lines of its own: who asked for a node knows its indentation, we do not.
            Start::Value(_) => None,
        }
    }

    #[inline]
    fn is_item(&self) -> bool {
        self.byte(self.pos) == b'-' && matches!(self.byte(self.pos + 1), b' ' | b'\n' | 0)
    }

    fn sequence(&mut self, column: isize) -> Option<Node> {
        self.deeper()?;
        let at = self.pos;
        let first = self.nodes.len();
        loop {
            let dash = self.pos;
            self.pos += 1;
            while self.byte(self.pos) == b' ' {
                self.pos += 1;
            }
            let item = match self.byte(self.pos) {
                b'\n' | b'#' | 0 => {
                    self.end_of_line()?;
                    self.next_line()?;
                    if self.line.indent > column { self.block()? } else { self.null(dash + 1) }
                }
                _ => {
                    let inner = column + (self.pos - dash) as isize;
                    if self.is_item() {
                        self.sequence(inner)?
                    } else {
                        match self.start(column)? {
                            Start::Key(key) => self.mapping(inner, key)?,
                            Start::Value(value) => value,
                        }
                    }
                }
            };
            self.nodes.push(item);
            if self.line.indent != column || !self.is_item() {
                break;
            }
        }
        if self.line.indent > column {
            return None;
        }
        self.depth -= 1;
        let items = self.nodes.drain(first..).collect();
        Some(self.node(Value::Seq(items), Tag::Seq, Style::Plain, at))
    }

    fn deeper(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth < DEPTH).then_some(())
    }

    /// A mapping at `column` whose first key has been read; the present place is behind its colon.
    fn mapping(&mut self, column: isize, key: Node) -> Option<Node> {
        self.deeper()?;
        let mark = key.mark;
        let first = self.entries.len();
        let mut key = key;
        loop {
            let value = self.value(column)?;
            self.entries.push(Entry { key, value });
            if self.line.indent != column {
                break;
            }
            // A list item here ends the mapping, rightly or wrongly.
            if self.is_item() {
                return None;
            }
            match self.start(column - 1)? {
                Start::Key(next) => key = next,
                Start::Value(_) => return None,
            }
        }
        if self.line.indent > column {
            return None;
        }
        self.depth -= 1;
        let map = self.entries.drain(first..).collect();
        Some(Node { mark, ..self.node(Value::Map(map), Tag::Map, Style::Plain, 0) })
    }

    /// The value of a key in a mapping at `column`; the present place is behind the colon.
    fn value(&mut self, column: isize) -> Option<Node> {
        let colon = self.pos;
        while self.byte(self.pos) == b' ' {
            self.pos += 1;
        }
        match self.byte(self.pos) {
            b'\n' | b'#' | 0 => {
                self.end_of_line()?;
                self.next_line()?;
                if self.line.indent > column {
                    return self.block();
                }
                if self.line.indent == column && self.is_item() {
                    let list = self.sequence(column)?;
                    return Some(list);
                }
                Some(self.null(colon))
            }
            b'-' if self.is_item() => None,
            _ => match self.start(column)? {
                Start::Value(value) => Some(value),
                Start::Key(_) => None,
            },
        }
    }

    /// A key or a scalar that begins at the present place, inside a collection at `indent`. After a scalar
    /// the present line is the next one, after a key the present place is behind its colon.
    fn start(&mut self, indent: isize) -> Option<Start> {
        let at = self.pos;
        let byte = self.byte(at);
        if PLAIN[byte as usize] || (byte == b'-' && !matches!(self.byte(at + 1), b' ' | b'\t' | b'\n' | 0)) {
            return self.start_plain(indent);
        }
        let value = match byte {
            b'"' | b'\'' => {
                let value = self.quoted(byte)?;
                let end = self.pos;
                while self.byte(self.pos) == b' ' {
                    self.pos += 1;
                }
                if self.byte(self.pos) == b':' {
                    let simple = matches!(self.byte(self.pos + 1), b' ' | b'\n' | 0)
                        && end - at < KEY
                        && memchr(b'\n', &self.bytes[at..end]).is_none();
                    self.pos += 1;
                    return simple.then_some(Start::Key(value));
                }
                value
            }
            b'|' | b'>' => {
                let mut scanner = Scanner::of_scalar(self.source, self.bytes, at, indent);
                let text = scanner.scan_block_scalar(byte == b'|').ok()?;
                // Back to the line break, so that all scalars end alike.
                self.pos = if scanner.pos == self.bytes.len() { scanner.pos } else { scanner.line_start - 1 };
                let style = if byte == b'|' { Style::Literal } else { Style::Folded };
                let value = self.node(Value::Scalar(text), Tag::Str, style, at);
                self.next_line()?;
                return (self.line.indent <= indent).then_some(Start::Value(value));
            }
            b'[' | b'{' => self.flow()?,
            _ => return None,
        };
        self.end_of_line()?;
        self.next_line()?;
        (self.line.indent <= indent).then_some(Start::Value(value))
    }

    fn start_plain(&mut self, indent: isize) -> Option<Start> {
        let at = self.pos;
        let (end, stop) = self.scan_plain(&BLOCK_STOPS)?;
        match stop {
            Stop::Colon => {
                let key = self.plain(at..end);
                // Null keys and merge keys need the exact way.
                if end - at > KEY || key.tag == Tag::Null || &self.bytes[at..end] == b"<<" {
                    return None;
                }
                self.pos += 1;
                return Some(Start::Key(key));
            }
            Stop::Comment => self.skip_comment(),
            Stop::LineEnd => {}
            Stop::Flow => return None,
        }
        self.next_line()?;
        if self.line.indent <= indent {
            return if &self.bytes[at..end] == b"<<" { None } else { Some(Start::Value(self.plain(at..end))) };
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
        let (pos, start) = (scanner.pos, scanner.line_start);
        let value = self.node(Value::Scalar(text), Tag::Str, Style::Plain, at);
        self.pos = pos;
        if scanner.newline_behind {
            self.pos = start.checked_sub(1)?;
        } else {
            self.end_of_line()?;
        }
        self.next_line()?;
        (self.line.indent <= indent).then_some(Start::Value(value))
    }

    /// The end of a plain scalar on this line, without the blanks behind it, and what ended it. The
    /// present place becomes that of the stop.
    #[inline]
    fn scan_plain(&mut self, stops: &[bool; 256]) -> Option<(usize, Stop)> {
        let start = self.pos;
        let mut at = start;
        let stop = loop {
            while at < self.bytes.len() && !stops[self.bytes[at] as usize] {
                at += 1;
            }
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
    fn quoted(&mut self, quote: u8) -> Option<Node> {
        let at = self.pos;
        let style = if quote == b'"' { Style::DoubleQuoted } else { Style::SingleQuoted };
        let rest = &self.bytes[at + 1..];
        let mut len = 0;
        let simple = loop {
            match rest.get(len)? {
                b'\n' | b'\\' => break false,
                byte if *byte == quote => break rest.get(len + 1) != Some(&quote) || quote == b'"',
                _ => len += 1,
            }
        };
        let text = if simple || (quote == b'\'' && rest[len] == b'\\') && self.no_break_before_quote(at) {
            let end = at + 1 + memchr(quote, rest)?;
            if quote == b'\'' && self.byte(end + 1) == quote {
                self.scan_quoted(quote)?
            } else {
                self.pos = end + 1;
                Text::slice(self.source, at + 1..end)
            }
        } else {
            self.scan_quoted(quote)?
        };
        Some(self.node(Value::Scalar(text), Tag::Str, style, at))
    }

    /// Whether a single-quoted text ends on its line.
    fn no_break_before_quote(&self, at: usize) -> bool {
        memchr2(b'\'', b'\n', &self.bytes[at + 1..]).is_some_and(|len| self.bytes[at + 1 + len] == b'\'')
    }

    fn scan_quoted(&mut self, quote: u8) -> Option<Text> {
        let mut scanner = Scanner::of_scalar(self.source, self.bytes, self.pos, 0);
        let text = scanner.scan_quoted(quote).ok()?;
        self.pos = scanner.pos;
        Some(text)
    }

    /// A flow collection; the present place becomes the one behind it.
    fn flow(&mut self) -> Option<Node> {
        self.deeper()?;
        let at = self.pos;
        let is_map = self.byte(at) == b'{';
        self.pos += 1;
        let node = if is_map {
            let first = self.entries.len();
            self.flow_entries()?;
            let map = self.entries.drain(first..).collect();
            self.node(Value::Map(map), Tag::Map, Style::Flow, at)
        } else {
            let first = self.nodes.len();
            self.flow_items()?;
            let items = self.nodes.drain(first..).collect();
            self.node(Value::Seq(items), Tag::Seq, Style::Flow, at)
        };
        self.depth -= 1;
        Some(node)
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
            let start = self.pos;
            let key = match byte {
                b'"' | b'\'' => {
                    let key = self.quoted(byte)?;
                    while self.byte(self.pos) == b' ' {
                        self.pos += 1;
                    }
                    if self.byte(self.pos) != b':' || memchr(b'\n', &self.bytes[start..self.pos]).is_some() {
                        return None;
                    }
                    key
                }
                _ if self.is_flow_plain(byte) => {
                    let (end, stop) = self.scan_plain(&FLOW_STOPS)?;
                    let key = self.plain(start..end);
                    if stop != Stop::Colon || key.tag == Tag::Null || &self.bytes[start..end] == b"<<" {
                        return None;
                    }
                    key
                }
                _ => return None,
            };
            if self.pos - start > KEY {
                return None;
            }
            self.pos += 1;
            let value = self.flow_value()?;
            self.entries.push(Entry { key, value });
            match self.flow_space()? {
                b',' => self.pos += 1,
                b'}' => {}
                _ => return None,
            }
        }
    }

    fn flow_items(&mut self) -> Option<()> {
        loop {
            if self.flow_space()? == b']' {
                self.pos += 1;
                return Some(());
            }
            let item = self.flow_value()?;
            self.nodes.push(item);
            match self.flow_space()? {
                b',' => self.pos += 1,
                b']' => {}
                _ => return None,
            }
        }
    }

    fn is_flow_plain(&self, byte: u8) -> bool {
        PLAIN[byte as usize] || (byte == b'-' && !matches!(self.byte(self.pos + 1), b' ' | b'\t' | b'\n' | 0))
    }

    fn flow_value(&mut self) -> Option<Node> {
        let byte = self.flow_space()?;
        match byte {
            b'"' | b'\'' => self.quoted(byte),
            b'[' | b'{' => self.flow(),
            _ if self.is_flow_plain(byte) => {
                let start = self.pos;
                let (end, stop) = self.scan_plain(&FLOW_STOPS)?;
                if &self.bytes[start..end] == b"<<" {
                    return None;
                }
                match stop {
                    Stop::Flow => Some(self.plain(start..end)),
                    // Unless the collection ends or goes on below, the text does.
                    Stop::LineEnd => {
                        matches!(self.flow_space()?, b',' | b']' | b'}').then(|| self.plain(start..end))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
}
