//! Scalars of all five styles, anchors, tags and directives: the parts of the scanner that read text.
//!
//! A scalar that stands in the source as it means is sliced from it; one that is folded, escaped or
//! unindented is built. (scannerc.go of go.yaml.in/yaml v2 and v3)

use std::ops::Range;

use crate::error::Problem;
use crate::parse::scan::{Kind, Scan, Scanner};
use crate::text::Text;

/// A scalar while it is read: the part already built, and where the part begins that still stands in
/// the source as it means.
struct Piece {
    built: Option<String>,
    from: usize,
}

impl Piece {
    fn new(from: usize) -> Piece {
        Piece { built: None, from }
    }

    /// Moves the source text up to `to` into the built part, which can then be added to.
    fn flush(&mut self, scanner: &Scanner<'_>, to: usize) -> &mut String {
        let built = self.built.get_or_insert_default();
        if to > self.from {
            built.push_str(scanner.text(self.from..to));
        }
        built
    }

    fn finish(mut self, scanner: &Scanner<'_>, to: usize) -> Text {
        if self.built.is_none() {
            return Text::slice(scanner.source, self.from..to.max(self.from));
        }
        Text::from(std::mem::take(self.flush(scanner, to)))
    }
}

/// Adds what a run of line breaks means: one `\n` is a space, more lose the first.
fn fold_breaks(built: &mut String, first: &str, others: &str) {
    if first.starts_with('\n') {
        built.push_str(if others.is_empty() { " " } else { others });
    } else {
        built.push_str(first);
        built.push_str(others);
    }
}

/// Bytes that may stand in the name of an anchor, a directive or a tag handle.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// The longest number in a `%YAML` directive, in digits.
const VERSION_DIGITS: usize = 2;

impl Scanner<'_> {
    pub(super) fn scan_plain(&mut self) -> Scan<Text> {
        let start = self.pos;
        let indent = self.indent + 1;
        let mut piece = Piece::new(start);
        let mut end = start;
        let mut folded = false;
        let (mut first, mut others) = (String::new(), String::new());
        loop {
            if self.at_document_marker() || self.byte(self.pos) == b'#' {
                break;
            }
            while !self.is_space_or_end(self.pos) && !self.ends_plain(self.pos) {
                if folded {
                    fold_breaks(piece.flush(self, end), &first, &others);
                    piece.from = self.pos;
                    first.clear();
                    others.clear();
                    folded = false;
                }
                self.pos += 1;
                while self.byte(self.pos) & 0xC0 == 0x80 {
                    self.pos += 1;
                }
                end = self.pos;
            }
            if !self.is_blank(self.pos) && self.break_len(self.pos) == 0 {
                break;
            }
            loop {
                if self.is_blank(self.pos) {
                    if folded && self.byte(self.pos) == b'\t' && (self.column() as isize) < indent {
                        return self.error_in(Problem::Tab, start);
                    }
                    self.pos += 1;
                } else if self.break_len(self.pos) > 0 {
                    self.read_line(if folded { &mut others } else { &mut first });
                    folded = true;
                } else {
                    break;
                }
            }
            if self.flow_level == 0 && (self.column() as isize) < indent {
                break;
            }
        }
        self.newline_behind = folded;
        Ok(piece.finish(self, end))
    }

    /// Whether an indicator at this place ends a plain scalar.
    #[inline]
    fn ends_plain(&self, at: usize) -> bool {
        match self.byte(at) {
            b':' => self.is_space_or_end(at + 1),
            b',' | b'?' | b'[' | b']' | b'{' | b'}' => self.flow_level > 0,
            _ => false,
        }
    }

    pub(super) fn scan_quoted(&mut self, quote: u8) -> Scan<Text> {
        let start = self.pos;
        self.pos += 1;
        let mut piece = Piece::new(self.pos);
        let (mut first, mut others) = (String::new(), String::new());
        loop {
            if self.at_document_marker() {
                return self.error_in(Problem::MarkerInQuotes, start);
            }
            if self.byte(self.pos) == 0 {
                return self.error_in(Problem::Unclosed, start);
            }
            let mut folded = false;
            while !self.is_space_or_end(self.pos) {
                match self.byte(self.pos) {
                    b'\'' if quote == b'\'' && self.byte(self.pos + 1) == b'\'' => {
                        piece.flush(self, self.pos).push('\'');
                        self.pos += 2;
                        piece.from = self.pos;
                    }
                    byte if byte == quote => break,
                    b'\\' if quote == b'"' && self.break_len(self.pos + 1) > 0 => {
                        piece.flush(self, self.pos);
                        self.pos += 1;
                        self.skip_line();
                        piece.from = self.pos;
                        folded = true;
                        break;
                    }
                    b'\\' if quote == b'"' => {
                        let character = piece.flush(self, self.pos);
                        character.push(self.scan_escape(start)?);
                        piece.from = self.pos;
                    }
                    _ => self.pos += 1,
                }
            }
            if self.byte(self.pos) == quote {
                break;
            }
            let blanks = self.pos;
            loop {
                if self.is_blank(self.pos) {
                    self.pos += 1;
                } else if self.break_len(self.pos) > 0 {
                    if !folded {
                        piece.flush(self, blanks);
                    }
                    self.read_line(if folded { &mut others } else { &mut first });
                    folded = true;
                } else {
                    break;
                }
            }
            if folded {
                fold_breaks_quoted(piece.built.get_or_insert_default(), &mut first, &mut others);
                piece.from = self.pos;
            }
        }
        let text = piece.finish(self, self.pos);
        self.pos += 1;
        Ok(text)
    }

    /// One escape of a double-quoted scalar, from the backslash on.
    fn scan_escape(&mut self, start: usize) -> Scan<char> {
        let digits = match self.byte(self.pos + 1) {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            byte => {
                let character = match byte {
                    b'0' => '\0',
                    b'a' => '\x07',
                    b'b' => '\x08',
                    b't' | b'\t' => '\t',
                    b'n' => '\n',
                    b'v' => '\x0B',
                    b'f' => '\x0C',
                    b'r' => '\r',
                    b'e' => '\x1B',
                    b' ' => ' ',
                    b'"' => '"',
                    b'\'' => '\'',
                    b'\\' => '\\',
                    b'N' => '\u{85}',
                    b'_' => '\u{A0}',
                    b'L' => '\u{2028}',
                    b'P' => '\u{2029}',
                    _ => return self.error_in(Problem::Escape, start),
                };
                self.pos += 2;
                return Ok(character);
            }
        };
        let code = self.bytes.get(self.pos + 2..self.pos + 2 + digits).and_then(|hex| {
            hex.iter()
                .try_fold(0u32, |code, &digit| Some(code << 4 | (digit as char).to_digit(16)?))
        });
        match code.and_then(char::from_u32) {
            Some(character) => {
                self.pos += 2 + digits;
                Ok(character)
            }
            None => self.error_in(Problem::Escape, start),
        }
    }

    pub(super) fn scan_block_scalar(&mut self, literal: bool) -> Scan<Text> {
        let start = self.pos;
        self.pos += 1;
        let (chomp, increment) = self.scan_block_header(start)?;
        let mut indent = match increment {
            0 => 0,
            _ => usize::try_from(self.indent.max(0)).unwrap_or(0) + increment,
        };
        let mut text = String::new();
        let (mut first, mut breaks) = (String::new(), String::new());
        self.newline_behind = true;
        self.scan_block_breaks(&mut indent, &mut breaks, start)?;
        let mut leading_blank = false;
        while self.byte(self.pos) != 0 && self.pos - self.line_start == indent {
            let blank = self.is_blank(self.pos);
            if !literal && !leading_blank && !blank && first.starts_with('\n') {
                if breaks.is_empty() {
                    text.push(' ');
                }
            } else {
                text.push_str(&first);
            }
            first.clear();
            text.push_str(&breaks);
            breaks.clear();
            leading_blank = blank;
            let from = self.pos;
            self.skip_to_break();
            text.push_str(self.text(from..self.pos));
            self.read_line(&mut first);
            self.newline_behind = !first.is_empty();
            self.scan_block_breaks(&mut indent, &mut breaks, start)?;
        }
        if chomp != Chomp::Strip {
            text.push_str(&first);
        }
        if chomp == Chomp::Keep {
            text.push_str(&breaks);
        }
        Ok(Text::from(text))
    }

    /// To the end of the line.
    #[inline]
    pub(super) fn skip_to_break(&mut self) {
        if self.only_lf {
            let rest = &self.bytes[self.pos..];
            self.pos += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            return;
        }
        while !self.is_break_or_end(self.pos) {
            self.pos += 1;
        }
    }

    fn scan_block_header(&mut self, start: usize) -> Scan<(Chomp, usize)> {
        let mut chomp = Chomp::Clip;
        let mut increment = 0;
        for _ in 0..2 {
            match self.byte(self.pos) {
                sign @ (b'+' | b'-') if chomp == Chomp::Clip => {
                    chomp = if sign == b'+' { Chomp::Keep } else { Chomp::Strip };
                }
                b'0' if increment == 0 => {
                    return self.error_in(Problem::IndentationIndicator, start);
                }
                digit @ b'1'..=b'9' if increment == 0 => increment = usize::from(digit - b'0'),
                _ => break,
            }
            self.pos += 1;
        }
        while self.is_blank(self.pos) {
            self.pos += 1;
        }
        if self.byte(self.pos) == b'#' {
            self.read_line_comment(start);
        }
        if !self.is_break_or_end(self.pos) {
            return self.error_in(Problem::BlockHeader, start);
        }
        self.skip_line();
        Ok((chomp, increment))
    }

    /// Steps over indentation and empty lines, and finds the indentation if it is not known.
    fn scan_block_breaks(&mut self, indent: &mut usize, breaks: &mut String, start: usize) -> Scan<()> {
        let mut deepest = 0;
        loop {
            while (*indent == 0 || self.pos - self.line_start < *indent) && self.byte(self.pos) == b' ' {
                self.pos += 1;
            }
            let column = self.pos - self.line_start;
            deepest = deepest.max(column);
            if (*indent == 0 || column < *indent) && self.byte(self.pos) == b'\t' {
                return self.error_in(Problem::Tab, start);
            }
            if self.break_len(self.pos) == 0 {
                break;
            }
            self.read_line(breaks);
        }
        if *indent == 0 {
            *indent = deepest.max(usize::try_from(self.indent + 1).unwrap_or(0)).max(1);
        }
        Ok(())
    }

    /// The name after `&` or `*`.
    pub(super) fn scan_anchor(&mut self) -> Scan<Range<usize>> {
        let start = self.pos;
        let len = self.bytes[start + 1..]
            .iter()
            .take_while(|&&byte| is_name_byte(byte))
            .count();
        let end = start + 1 + len;
        self.pos = end;
        let ends_well = self.is_space_or_end(end)
            || matches!(self.byte(end), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if len == 0 || !ends_well {
            return self.error_in(Problem::AnchorName, start);
        }
        Ok(start + 1..end)
    }

    /// Handle and suffix of a tag. A verbatim tag and the tag `!` have no handle.
    pub(super) fn scan_tag(&mut self) -> Scan<(String, String)> {
        let start = self.pos;
        let (handle, suffix) = if self.byte(start + 1) == b'<' {
            self.pos += 2;
            let uri = self.scan_tag_uri("", start)?;
            if self.byte(self.pos) != b'>' {
                return self.error_in(Problem::Tag("did not find expected '>'"), start);
            }
            self.pos += 1;
            (String::new(), uri)
        } else {
            let handle = self.scan_tag_handle(start, false)?;
            if handle.len() > 1 && handle.ends_with('!') {
                let suffix = self.scan_tag_uri("", start)?;
                (handle, suffix)
            } else {
                let suffix = self.scan_tag_uri(&handle, start)?;
                if suffix.is_empty() {
                    (String::new(), "!".to_owned())
                } else {
                    ("!".to_owned(), suffix)
                }
            }
        };
        if !self.is_space_or_end(self.pos) {
            return self.error_in(Problem::Tag("did not find expected whitespace or line break"), start);
        }
        Ok((handle, suffix))
    }

    fn scan_tag_handle(&mut self, start: usize, directive: bool) -> Scan<String> {
        if self.byte(self.pos) != b'!' {
            return self.error_in(Problem::Tag("did not find expected '!'"), start);
        }
        let from = self.pos;
        self.pos += 1;
        while is_name_byte(self.byte(self.pos)) {
            self.pos += 1;
        }
        if self.byte(self.pos) == b'!' {
            self.pos += 1;
        } else if directive && self.pos > from + 1 {
            return self.error_in(Problem::Tag("did not find expected '!'"), start);
        }
        Ok(self.text(from..self.pos).to_owned())
    }

    /// The rest of a tag; `head` is the part already read, with its `!`.
    fn scan_tag_uri(&mut self, head: &str, start: usize) -> Scan<String> {
        let mut uri = head.get(1..).unwrap_or_default().as_bytes().to_vec();
        let mut found = !head.is_empty();
        loop {
            match self.byte(self.pos) {
                b'%' => self.scan_uri_escape(&mut uri, start)?,
                byte if is_name_byte(byte)
                    || matches!(
                        byte,
                        b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b',' | b'.'
                    )
                    || matches!(byte, b'!' | b'~' | b'*' | b'\'' | b'(' | b')' | b'[' | b']') =>
                {
                    uri.push(byte);
                    self.pos += 1;
                }
                _ => break,
            }
            found = true;
        }
        match String::from_utf8(uri) {
            Ok(uri) if found => Ok(uri),
            _ => self.error_in(Problem::Tag("did not find expected tag URI"), start),
        }
    }

    fn scan_uri_escape(&mut self, uri: &mut Vec<u8>, start: usize) -> Scan<()> {
        let hex = |at: usize| (self.byte(at) as char).to_digit(16);
        match (hex(self.pos + 1), hex(self.pos + 2)) {
            (Some(high), Some(low)) => {
                uri.push((high << 4 | low) as u8);
                self.pos += 3;
                Ok(())
            }
            _ => self.error_in(Problem::Tag("did not find URI escaped octet"), start),
        }
    }

    /// A `%YAML` or `%TAG` line.
    pub(super) fn scan_directive(&mut self) -> Scan<Kind> {
        let start = self.pos;
        self.pos += 1;
        let from = self.pos;
        while is_name_byte(self.byte(self.pos)) {
            self.pos += 1;
        }
        let name = self.text(from..self.pos);
        if name.is_empty() || !self.is_space_or_end(self.pos) {
            return self.error_in(Problem::Directive("malformed"), start);
        }
        let kind = match name {
            "YAML" => {
                self.skip_blanks();
                let major = self.scan_version(start)?;
                if self.byte(self.pos) != b'.' {
                    return self.error_in(Problem::Directive("malformed %YAML"), start);
                }
                self.pos += 1;
                Kind::Version(major, self.scan_version(start)?)
            }
            "TAG" => {
                self.skip_blanks();
                let handle = self.scan_tag_handle(start, true)?;
                if !self.is_blank(self.pos) {
                    return self.error_in(Problem::Directive("malformed %TAG"), start);
                }
                self.skip_blanks();
                let prefix = self.scan_tag_uri("", start)?;
                if !self.is_space_or_end(self.pos) {
                    return self.error_in(Problem::Directive("malformed %TAG"), start);
                }
                Kind::TagDirective(handle, prefix)
            }
            _ => return self.error_in(Problem::Directive("unknown"), start),
        };
        self.skip_blanks();
        if self.byte(self.pos) == b'#' {
            self.skip_comment();
        }
        if !self.is_break_or_end(self.pos) {
            return self.error_in(Problem::Directive("malformed"), start);
        }
        self.skip_line();
        Ok(kind)
    }

    fn skip_blanks(&mut self) {
        while self.is_blank(self.pos) {
            self.pos += 1;
        }
    }

    fn scan_version(&mut self, start: usize) -> Scan<u8> {
        let from = self.pos;
        while self.byte(self.pos).is_ascii_digit() && self.pos - from <= VERSION_DIGITS {
            self.pos += 1;
        }
        match self.text(from..self.pos).parse() {
            Ok(number) if self.pos - from <= VERSION_DIGITS => Ok(number),
            _ => self.error_in(Problem::Directive("malformed %YAML"), start),
        }
    }
}

/// The end of line breaks inside quotes: folds what was collected and forgets it.
fn fold_breaks_quoted(built: &mut String, first: &mut String, others: &mut String) {
    fold_breaks(built, first, others);
    first.clear();
    others.clear();
}

/// What becomes of the line breaks at the end of a block scalar.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomp {
    Strip,
    Clip,
    Keep,
}
