//! Scalars in print: which style a string gets, and how each style is written.
//!
//! A port of the behaviour of yaml v2's encode.go (`stringv`) and emitterc.go: lines longer than 80
//! characters are broken at single spaces, text with line breaks is a literal block where it can be.

use super::Writer;
use super::analyze::{Analysis, analyze, fits_block, is_break, is_printable, is_printable_ascii};
use crate::node::{Style, Tag};
use crate::number::Dialect;
use crate::resolve::resolve_v2;
use crate::words::find;

/// Bytes with which a plain scalar may begin, whatever follows, and cannot mean anything but a string.
const fn starts() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0x21;
    while byte < 0x7F {
        table[byte] = true;
        byte += 1;
    }
    let except = b"#,[]{}&*!|>'\"%@`?:-+.0123456789nNtTfFyYoO~";
    let mut at = 0;
    while at < except.len() {
        table[except[at] as usize] = false;
        at += 1;
    }
    table
}

const STARTS: [bool; 256] = starts();

/// Whether an ASCII text is sure to be written plain, and whether it has spaces to break at. `None`
/// means that a closer look is needed.
#[inline]
fn simple_plain(text: &str) -> Option<bool> {
    let bytes = text.as_bytes();
    let (&first, &last) = (bytes.first()?, bytes.last()?);
    if matches!(last, b' ' | b':') {
        return None;
    }
    if !STARTS[first as usize] {
        let may_start = match first {
            b'-' => bytes.get(1).is_some_and(|next| *next != b' ') && !bytes.starts_with(b"---"),
            b'.' => !bytes.starts_with(b"..."),
            _ => first.is_ascii_alphanumeric(),
        };
        // Words and numbers: the longer ones cannot be booleans.
        let word = first.is_ascii_alphabetic() && bytes.len() > 5;
        if !may_start || (!word && (resolve_v2(text) != Tag::Str || is_base60(text))) {
            return None;
        }
    }
    if !is_printable_ascii(text) {
        return None;
    }
    let mut spaces = false;
    let mut at = 0;
    loop {
        at += find(&bytes[at..], *b" :#");
        match bytes.get(at) {
            None => break,
            Some(b' ') => spaces = true,
            Some(b':') if bytes[at + 1] != b' ' => {}
            Some(b'#') if bytes[at - 1] != b' ' => {}
            Some(_) => return None,
        }
        at += 1;
    }
    Some(spaces)
}

/// `190:20:30` was a number in YAML 1.1; it is quoted although it is read as a string.
fn is_base60(text: &str) -> bool {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let Some((head, tail)) = rest.split_once(':') else {
        return false;
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    if !head.starts_with(|c: char| c.is_ascii_digit()) || !digits(head) {
        return false;
    }
    let (tail, fraction) = tail.split_once('.').unwrap_or((tail, ""));
    let part = |part: &str| match part.as_bytes() {
        [digit] => digit.is_ascii_digit(),
        [b'0'..=b'5', digit] => digit.is_ascii_digit(),
        _ => false,
    };
    digits(fraction) && tail.split(':').all(part)
}

/// What follows the `|` of a block scalar.
pub(super) fn block_hints(text: &str) -> String {
    let mut hints = String::new();
    if text.starts_with(|c| c == ' ' || is_break(c)) {
        hints.push('2');
    }
    let mut ends = text.chars().rev();
    match (ends.next(), ends.next()) {
        (Some(last), _) if !is_break(last) => hints.push('-'),
        (Some(_), None) => hints.push('+'),
        (Some(_), Some(other)) if is_break(other) => hints.push('+'),
        (None, _) => hints.push('-'),
        _ => {}
    }
    hints
}

/// Whether a key fits on the line of its value.
pub(super) fn is_simple_key(key: &str) -> bool {
    key.len() <= 128 && !key.contains(is_break)
}

/// Whether a text is blank up to its end or begins, after line breaks, with a blank.
fn starts_blank(text: &str) -> bool {
    let rest = text.trim_start_matches(is_break);
    rest.is_empty() || rest.starts_with([' ', '\t', '\0'])
}

impl Writer<'_, '_> {
    /// Writes a string in the style it gets; `indent` is that of its continuation lines.
    pub(super) fn write_string(&mut self, text: &str, indent: usize, is_key: bool) {
        if let Some(spaces) = simple_plain(text) {
            self.separate();
            if !spaces || is_key || self.column + text.len() <= self.width {
                self.out.extend_from_slice(text.as_bytes());
                self.column += text.len();
                self.end_scalar();
            } else {
                self.write_plain(text, indent);
            }
            return;
        }
        let multiline = memchr::memchr(b'\n', text.as_bytes()).is_some();
        if multiline && !is_key && fits_block(text) {
            self.separate();
            self.write_literal(text, indent);
            return;
        }
        let plain = !multiline && resolve_v2(text) == Tag::Str && !is_base60(text);
        let can: Analysis = analyze(text, Dialect::V2);
        let mut style = if plain { Style::Plain } else { Style::DoubleQuoted };
        if style == Style::Plain && !can.block_plain {
            style = Style::SingleQuoted;
        }
        if style == Style::SingleQuoted && !can.single_quoted {
            style = Style::DoubleQuoted;
        }
        self.separate();
        match style {
            Style::Plain if is_key => {
                self.write_raw(text);
                self.end_scalar();
            }
            Style::Plain => self.write_plain(text, indent),
            Style::SingleQuoted => self.write_single_quoted(text, indent, !is_key),
            _ => self.write_double_quoted(text, indent, !is_key),
        }
    }

    /// Writes a text that needs neither quotes nor breaks.
    pub(super) fn write_word(&mut self, text: &[u8]) {
        self.separate();
        self.out.extend_from_slice(text);
        self.column += text.len();
        self.end_scalar();
    }

    pub(super) fn separate(&mut self) {
        if !self.whitespace {
            self.out.push(b' ');
            self.column += 1;
        }
    }

    pub(super) fn end_scalar(&mut self) {
        self.whitespace = false;
        self.indention = false;
    }

    pub(super) fn write_raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
        self.column += text.chars().count();
    }

    fn write_char(&mut self, character: char) {
        self.out
            .extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        self.column += 1;
    }

    fn write_break(&mut self, character: char) {
        if character == '\n' {
            self.out.push(b'\n');
        } else {
            self.out
                .extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        self.column = 0;
        self.indention = true;
    }

    fn write_plain(&mut self, text: &str, indent: usize) {
        let mut spaces = false;
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            if character == ' ' {
                if !spaces && self.column > self.width && characters.peek() != Some(&' ') {
                    self.write_indent(indent);
                } else {
                    self.write_char(' ');
                }
                spaces = true;
            } else {
                self.write_char(character);
                self.indention = false;
                spaces = false;
            }
        }
        self.end_scalar();
    }

    pub(super) fn write_single_quoted(&mut self, text: &str, indent: usize, may_break: bool) {
        self.out.push(b'\'');
        self.column += 1;
        self.end_scalar();
        let (mut spaces, mut breaks) = (false, false);
        let mut characters = text.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            let next = characters.peek().map(|&(_, next)| next);
            if character == ' ' {
                let inside = at > 0 && next.is_some();
                if may_break && !spaces && self.column > self.width && inside && next != Some(' ') {
                    self.write_indent(indent);
                } else {
                    self.write_char(' ');
                }
                spaces = true;
            } else if is_break(character) {
                if !breaks && character == '\n' {
                    self.write_break('\n');
                }
                self.write_break(character);
                breaks = true;
            } else {
                if breaks {
                    self.write_indent(indent);
                }
                if character == '\'' {
                    self.write_char('\'');
                }
                self.write_char(character);
                self.indention = false;
                spaces = false;
                breaks = false;
            }
        }
        self.write_char('\'');
        self.end_scalar();
    }

    pub(super) fn write_double_quoted(&mut self, text: &str, indent: usize, may_break: bool) {
        self.out.push(b'"');
        self.column += 1;
        self.end_scalar();
        // The emitters look for a byte order mark at the wrong place: if it is the first character, they
        // escape all others as well.
        let marked = text.starts_with('\u{FEFF}');
        let mut spaces = false;
        let mut characters = text.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            if character == ' ' && !marked {
                let next = characters.peek().map(|&(_, next)| next);
                if may_break && !spaces && self.column > self.width && at > 0 && next.is_some() {
                    self.write_indent(indent);
                    if next == Some(' ') {
                        self.write_char('\\');
                    }
                } else {
                    self.write_char(' ');
                }
                spaces = true;
                continue;
            }
            spaces = false;
            if marked || !is_printable(character) || is_break(character) || matches!(character, '"' | '\\') {
                self.write_escape(character);
            } else {
                self.write_char(character);
            }
        }
        self.write_char('"');
        self.end_scalar();
    }

    fn write_escape(&mut self, character: char) {
        let code = character as u32;
        let escape = match character {
            '\0' => "\\0",
            '\x07' => "\\a",
            '\x08' => "\\b",
            '\t' => "\\t",
            '\n' => "\\n",
            '\x0B' => "\\v",
            '\x0C' => "\\f",
            '\r' => "\\r",
            '\x1B' => "\\e",
            '"' => "\\\"",
            '\\' => "\\\\",
            '\u{85}' => "\\N",
            '\u{A0}' => "\\_",
            '\u{2028}' => "\\L",
            '\u{2029}' => "\\P",
            _ if code <= 0xFF => return self.write_raw(&format!("\\x{code:02X}")),
            _ if code <= 0xFFFF => return self.write_raw(&format!("\\u{code:04X}")),
            _ => return self.write_raw(&format!("\\U{code:08X}")),
        };
        self.write_raw(escape);
    }

    pub(super) fn write_literal(&mut self, text: &str, indent: usize) {
        self.out.push(b'|');
        self.column += 1;
        self.out.extend_from_slice(block_hints(text).as_bytes());
        self.write_break('\n');
        self.whitespace = true;
        if !text.contains(['\u{2028}', '\u{2029}']) {
            return self.write_literal_lines(text, indent);
        }
        let mut breaks = true;
        for character in text.chars() {
            if is_break(character) {
                self.write_break(character);
                breaks = true;
            } else {
                if breaks {
                    self.write_indent(indent);
                }
                self.write_char(character);
                self.indention = false;
                breaks = false;
            }
        }
    }

    /// A folded block, as only the v3 emitter writes it.
    pub(super) fn write_folded(&mut self, text: &str, indent: usize) {
        self.out.push(b'>');
        self.column += 1;
        self.out.extend_from_slice(block_hints(text).as_bytes());
        self.write_break('\n');
        self.whitespace = true;
        // The emitter looks at the wrong place here: always at the beginning of the text.
        let blank_start = starts_blank(text);
        let (mut after_break, mut leading_space) = (true, true);
        for character in text.chars() {
            if is_break(character) {
                if !after_break && !leading_space && character == '\n' && !blank_start {
                    self.write_break('\n');
                }
                self.write_break(character);
                after_break = true;
            } else {
                if after_break {
                    self.write_indent(indent);
                    leading_space = matches!(character, ' ' | '\t');
                }
                self.write_char(character);
                self.indention = false;
                after_break = false;
            }
        }
    }

    /// The lines of a literal whose only line break is `\n`.
    fn write_literal_lines(&mut self, text: &str, indent: usize) {
        for line in text.split_inclusive('\n') {
            if line != "\n" {
                self.pad(indent);
            }
            self.out.extend_from_slice(line.as_bytes());
        }
        if text.ends_with('\n') {
            self.column = 0;
            self.indention = true;
        } else {
            // More than any indentation, so that the next line begins with a break.
            self.column = usize::MAX / 2;
            self.indention = false;
        }
    }
}
