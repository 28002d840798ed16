//! The scanner: characters to tokens, with the rules of libyaml as go-yaml carries them.
//!
//! The token queue exists because a `:` makes a key of what came before it: the KEY token (and the
//! start of a block mapping) is inserted where the key began. The queue is filled three tokens ahead
//! in the v3 dialect, as go-yaml does to place comments, since that decides whether an error after the
//! end of a document is seen at all. (scannerc.go of go.yaml.in/yaml v2 and v3)

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use crate::error::{MAX_DEPTH, ParseError, Problem};
use crate::node::Style;
use crate::number::Dialect;
use crate::parse::comments::Comments;
use crate::source::Source;
use crate::text::Text;

/// A token; its `at` is the byte offset where it begins.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) at: usize,
}

#[derive(Debug)]
pub(super) enum Kind {
    StreamEnd,
    /// `%YAML` with its version.
    Version(u8, u8),
    /// `%TAG` with handle and prefix.
    TagDirective(String, String),
    DocumentStart,
    DocumentEnd,
    SequenceStart,
    MappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    Entry,
    FlowEntry,
    Key,
    Value,
    Alias(Range<usize>),
    Anchor(Range<usize>),
    /// Handle and suffix.
    Tag(String, String),
    Scalar(Text, Style),
}

/// A place where a key may have begun, one for each level of flow nesting.
#[derive(Clone, Copy)]
struct SimpleKey {
    possible: bool,
    required: bool,
    /// Number of the token, counted from the start of the stream.
    token: usize,
    at: usize,
    line_start: usize,
    column: usize,
}

pub(super) type Scan<T> = Result<T, ParseError>;

pub(super) struct Scanner<'s> {
    pub(super) source: &'s Arc<Source>,
    pub(super) bytes: &'s [u8],
    /// Whether no other line break than `\n` can occur.
    pub(super) only_lf: bool,
    pub(super) pos: usize,
    /// Where the present line begins.
    pub(super) line_start: usize,
    /// A place on the present line and its column, to count characters only once.
    column_cache: (usize, usize),
    dialect: Dialect,
    pub(super) indent: isize,
    indents: Vec<isize>,
    pub(super) flow_level: usize,
    simple_key_allowed: bool,
    simple_keys: Vec<SimpleKey>,
    /// Whether the last token ended with a line break.
    pub(super) newline_behind: bool,
    queue: VecDeque<Token>,
    /// Tokens taken out of the queue so far.
    taken: usize,
    ended: bool,
    /// What is found of comments, where they are kept.
    pub(super) comments: Option<Comments>,
}

impl<'s> Scanner<'s> {
    /// A scanner for the bytes `range` of a source.
    pub(super) fn new(source: &'s Arc<Source>, range: Range<usize>, dialect: Dialect) -> Scanner<'s> {
        let bytes = &source.text().as_bytes()[..range.end];
        // One byte order mark belongs to the encoding, not to the text.
        let start = if bytes[range.start..].starts_with("\u{FEFF}".as_bytes()) {
            range.start + 3
        } else {
            range.start
        };
        Scanner {
            source,
            bytes,
            only_lf: memchr::memchr3(b'\r', 0xC2, 0xE2, &bytes[start..]).is_none(),
            pos: start,
            line_start: start,
            column_cache: (start, 0),
            dialect,
            indent: -1,
            indents: Vec::new(),
            flow_level: 0,
            simple_key_allowed: true,
            simple_keys: vec![SimpleKey {
                possible: false,
                required: false,
                token: 0,
                at: start,
                line_start: start,
                column: 0,
            }],
            newline_behind: false,
            queue: VecDeque::new(),
            taken: 0,
            ended: false,
            comments: None,
        }
    }

    /// A scanner that reads nothing but the one scalar at `pos`, inside a collection at `indent` and not at
    /// the beginning of a line, of a text without other line breaks than `\n`.
    pub(super) fn of_scalar(source: &'s Arc<Source>, bytes: &'s [u8], pos: usize, indent: isize) -> Scanner<'s> {
        Scanner {
            source,
            bytes,
            only_lf: true,
            pos,
            line_start: pos.saturating_sub(1),
            column_cache: (pos, 1),
            dialect: Dialect::V3,
            indent,
            indents: Vec::new(),
            flow_level: 0,
            simple_key_allowed: true,
            simple_keys: Vec::new(),
            newline_behind: false,
            queue: VecDeque::new(),
            taken: 0,
            ended: false,
            comments: None,
        }
    }

    pub(super) fn error<T>(&self, problem: Problem, at: usize) -> Scan<T> {
        Err(ParseError::new(problem, self.source.mark(at)))
    }

    /// An error at the present place in something that began at `start`.
    pub(super) fn error_in<T>(&self, problem: Problem, start: usize) -> Scan<T> {
        Err(ParseError {
            problem,
            mark: self.source.mark(self.pos),
            context: Some(self.source.mark(start)),
        })
    }

    pub(super) fn text(&self, range: Range<usize>) -> &'s str {
        &self.source.text()[range]
    }

    /// The next token, left in the queue.
    pub(super) fn peek(&mut self) -> Scan<&Token> {
        let ahead = if self.dialect == Dialect::V3 { 3 } else { 1 };
        while !self.ended && (self.queue.len() < ahead || self.head_may_be_key()?) {
            self.fetch()?;
        }
        Ok(self.queue.front().expect("the stream end is never taken"))
    }

    /// Takes the token that was peeked at. The end of the stream stays.
    pub(super) fn take(&mut self) -> Token {
        self.taken += 1;
        self.queue.pop_front().expect("a token was peeked at")
    }

    fn head_may_be_key(&mut self) -> Scan<bool> {
        // Token numbers only grow along the stack of keys.
        let from = self.simple_keys.partition_point(|key| key.token < self.taken);
        for at in from..self.simple_keys.len() {
            if self.simple_keys[at].token != self.taken {
                break;
            }
            if self.simple_keys[at].possible {
                return self.key_is_valid(at);
            }
        }
        Ok(false)
    }

    /// The byte at an offset, 0 at the end of the text (which holds no such byte).
    #[inline]
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// Bytes of the line break at an offset, 0 if there is none.
    #[inline]
    pub(super) fn break_len(&self, at: usize) -> usize {
        match self.byte(at) {
            b'\n' => 1,
            b'\r' => 1 + usize::from(self.byte(at + 1) == b'\n'),
            0xC2 if self.byte(at + 1) == 0x85 => 2,
            0xE2 if self.byte(at + 1) == 0x80 && matches!(self.byte(at + 2), 0xA8 | 0xA9) => 3,
            _ => 0,
        }
    }

    #[inline]
    pub(super) fn is_blank(&self, at: usize) -> bool {
        matches!(self.byte(at), b' ' | b'\t')
    }

    #[inline]
    pub(super) fn is_break_or_end(&self, at: usize) -> bool {
        self.byte(at) == 0 || self.break_len(at) > 0
    }

    #[inline]
    pub(super) fn is_space_or_end(&self, at: usize) -> bool {
        self.is_blank(at) || self.is_break_or_end(at)
    }

    /// The column of the present place, in characters.
    #[inline]
    pub(super) fn column(&mut self) -> usize {
        let (from, column) = if self.column_cache.0 >= self.line_start {
            self.column_cache
        } else {
            (self.line_start, 0)
        };
        let passed = self.bytes[from..self.pos]
            .iter()
            .filter(|&&byte| byte & 0xC0 != 0x80)
            .count();
        self.column_cache = (self.pos, column + passed);
        column + passed
    }

    /// Steps over the line break at the present place, if there is one.
    #[inline]
    pub(super) fn skip_line(&mut self) {
        let len = self.break_len(self.pos);
        if len > 0 {
            self.pos += len;
            self.line_start = self.pos;
        }
    }

    /// Steps over a line break and adds it to `text` the way libyaml reads breaks: as `\n`, but LS
    /// and PS as themselves.
    pub(super) fn read_line(&mut self, text: &mut String) {
        match self.break_len(self.pos) {
            0 => return,
            3 => text.push_str(self.text(self.pos..self.pos + 3)),
            _ => text.push('\n'),
        }
        self.skip_line();
    }

    pub(super) fn at_document_marker(&self) -> bool {
        self.pos == self.line_start
            && matches!(self.bytes.get(self.pos..self.pos + 3), Some(b"---" | b"..."))
            && self.is_space_or_end(self.pos + 3)
    }

    fn push(&mut self, kind: Kind, at: usize) {
        self.queue.push_back(Token { kind, at });
    }

    fn fetch(&mut self) -> Scan<()> {
        let scanned_from = self.pos;
        self.skip_to_token()?;
        let column = self.column() as isize;
        self.unroll_indent(column, scanned_from);
        let at = self.pos;
        let byte = self.byte(at);
        if byte == 0 {
            return self.fetch_stream_end();
        }
        if at == self.line_start {
            if byte == b'%' {
                return self.fetch_directive();
            }
            if self.at_document_marker() {
                let kind = if byte == b'-' {
                    Kind::DocumentStart
                } else {
                    Kind::DocumentEnd
                };
                return self.fetch_document_marker(kind);
            }
        }
        self.newline_behind = false;
        // What a comment behind the token is about.
        let about = match (self.queue.back(), byte) {
            (Some(token), b':') if self.flow_level == 0 => token.at,
            (Some(token), b',') if self.flow_level > 0 => token.at,
            _ => at,
        };
        match byte {
            b'[' => self.fetch_flow_start(Kind::FlowSequenceStart)?,
            b'{' => self.fetch_flow_start(Kind::FlowMappingStart)?,
            b']' => self.fetch_flow_end(Kind::FlowSequenceEnd)?,
            b'}' => self.fetch_flow_end(Kind::FlowMappingEnd)?,
            b',' => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                self.pos += 1;
                self.push(Kind::FlowEntry, at);
            }
            b'-' if self.is_space_or_end(at + 1) => self.fetch_block_entry()?,
            b'?' if self.flow_level > 0 || self.is_space_or_end(at + 1) => self.fetch_key()?,
            b':' if self.flow_level > 0 || self.is_space_or_end(at + 1) => self.fetch_value()?,
            b'*' | b'&' => {
                self.start_simple(false)?;
                let name = self.scan_anchor()?;
                self.push(
                    if byte == b'*' {
                        Kind::Alias(name)
                    } else {
                        Kind::Anchor(name)
                    },
                    at,
                );
            }
            b'!' => {
                self.start_simple(false)?;
                let (handle, suffix) = self.scan_tag()?;
                self.push(Kind::Tag(handle, suffix), at);
            }
            b'|' | b'>' if self.flow_level == 0 => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                let style = if byte == b'|' { Style::Literal } else { Style::Folded };
                let text = self.scan_block_scalar(style == Style::Literal)?;
                self.push(Kind::Scalar(text, style), at);
            }
            b'\'' | b'"' => {
                self.start_simple(false)?;
                let style = if byte == b'"' {
                    Style::DoubleQuoted
                } else {
                    Style::SingleQuoted
                };
                let text = self.scan_quoted(byte)?;
                self.push(Kind::Scalar(text, style), at);
            }
            _ if self.may_start_plain(byte) => {
                self.start_simple(false)?;
                let text = self.scan_plain()?;
                if self.newline_behind {
                    self.simple_key_allowed = true;
                }
                self.push(Kind::Scalar(text, Style::Plain), at);
            }
            b'\t' => return self.error(Problem::Tab, at),
            _ => {
                let character = self.text(at..self.bytes.len()).chars().next().unwrap_or('\0');
                return self.error(Problem::Character(character), at);
            }
        }
        if self.dialect == Dialect::V3 && !matches!(self.queue.back(), Some(Token { kind: Kind::Entry, .. })) {
            self.skip_line_comment(about);
        }
        Ok(())
    }

    fn may_start_plain(&self, byte: u8) -> bool {
        let next = self.pos + 1;
        match byte {
            b'-' => !self.is_blank(next),
            b'?' | b':' => self.flow_level == 0 && !self.is_space_or_end(next),
            b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%' | b'@'
            | b'`' => false,
            _ => !self.is_space_or_end(self.pos),
        }
    }

    /// Steps over blanks, comments and line breaks to the next token.
    fn skip_to_token(&mut self) -> Scan<()> {
        let from = self.pos;
        loop {
            while self.byte(self.pos) == b' '
                || (self.byte(self.pos) == b'\t' && (self.flow_level > 0 || !self.simple_key_allowed))
            {
                self.pos += 1;
            }
            if self.comments.is_some() {
                self.move_comment_of_entry();
            }
            if self.comments.is_some() && self.byte(self.pos) == b'#' {
                self.keep_comments(from);
            } else if self.byte(self.pos) == b'#' {
                self.skip_comment();
                if self.dialect == Dialect::V3 {
                    self.skip_more_comments();
                }
            }
            if self.break_len(self.pos) == 0 {
                return Ok(());
            }
            self.skip_line();
            if self.flow_level == 0 {
                self.simple_key_allowed = true;
            }
        }
    }

    pub(super) fn skip_comment(&mut self) {
        self.skip_to_break();
    }

    /// In v3 the comments below a comment are read along with it, even behind tabs.
    fn skip_more_comments(&mut self) {
        'comment: loop {
            for ahead in 0..512 {
                let at = self.pos + ahead;
                match self.byte(at) {
                    b'#' => {
                        while self.pos < at {
                            if self.break_len(self.pos) > 0 {
                                self.skip_line();
                            } else {
                                self.pos += 1;
                            }
                        }
                        self.skip_comment();
                        continue 'comment;
                    }
                    0 => return,
                    _ if self.is_space_or_end(at) => {}
                    _ => return,
                }
            }
            return;
        }
    }

    /// A comment on the line of the token that was just read.
    fn skip_line_comment(&mut self, about: usize) {
        if self.newline_behind {
            return;
        }
        let blanks = (0..512).take_while(|&ahead| self.is_blank(self.pos + ahead)).count();
        if blanks < 512 && self.byte(self.pos + blanks) == b'#' {
            self.pos += blanks;
            self.read_line_comment(about);
        }
    }

    /// Steps over the comment at the present place, which is about what stands at `about`.
    pub(super) fn read_line_comment(&mut self, about: usize) {
        let start = self.pos;
        self.skip_comment();
        if self.comments.is_some() {
            self.keep_line_comment(about, start);
        }
    }

    /// The last two tokens that are not taken yet, the last one first.
    pub(super) fn last_tokens(&self) -> (Option<&Token>, Option<&Token>) {
        let mut tokens = self.queue.iter().rev();
        (tokens.next(), tokens.next())
    }

    fn key_is_valid(&mut self, at: usize) -> Scan<bool> {
        let key = self.simple_keys[at];
        if !key.possible {
            return Ok(false);
        }
        if key.line_start != self.line_start || key.column + 1024 < self.column() {
            if key.required {
                return self.error_in(Problem::MissingColon, key.at);
            }
            self.simple_keys[at].possible = false;
            return Ok(false);
        }
        Ok(true)
    }

    /// Notes that a key may begin here, and whether another may follow.
    fn start_simple(&mut self, allowed_after: bool) -> Scan<()> {
        if self.simple_key_allowed {
            let column = self.column();
            let required = self.flow_level == 0 && self.indent == column as isize;
            self.remove_simple_key()?;
            let key = SimpleKey {
                possible: true,
                required,
                token: self.taken + self.queue.len(),
                at: self.pos,
                line_start: self.line_start,
                column,
            };
            *self.last_key() = key;
        }
        self.simple_key_allowed = allowed_after;
        Ok(())
    }

    fn last_key(&mut self) -> &mut SimpleKey {
        self.simple_keys
            .last_mut()
            .expect("there is one key for the block context")
    }

    fn remove_simple_key(&mut self) -> Scan<()> {
        let key = self.last_key();
        if key.possible && key.required {
            let start = key.at;
            return self.error_in(Problem::MissingColon, start);
        }
        key.possible = false;
        Ok(())
    }

    /// Opens a block collection if the column is deeper than the present one. The token goes to
    /// `place`, or to the end of the queue.
    fn roll_indent(&mut self, column: usize, place: Option<usize>, kind: Kind, at: usize) -> Scan<()> {
        if self.flow_level > 0 || self.indent >= column as isize {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = column as isize;
        if self.indents.len() > MAX_DEPTH {
            return self.error(Problem::TooDeep("block collections"), at);
        }
        let place = place.map_or(self.queue.len(), |token| token - self.taken);
        self.queue.insert(place, Token { kind, at });
        Ok(())
    }

    /// Closes the block collections that are deeper than the column.
    fn unroll_indent(&mut self, column: isize, scanned_from: usize) {
        if self.flow_level > 0 {
            return;
        }
        let mut place = scanned_from as isize - 1;
        while self.indent > column {
            match &self.comments {
                Some(comments) => {
                    place = comments.end_of_block(self.indent, place);
                    self.push(Kind::BlockEnd, usize::try_from(place).unwrap_or(0));
                }
                None => self.push(Kind::BlockEnd, self.pos),
            }
            self.indent = self
                .indents
                .pop()
                .expect("an indentation was pushed for each block collection");
        }
    }

    fn fetch_stream_end(&mut self) -> Scan<()> {
        self.unroll_indent(-1, self.pos);
        // The end counts as a new line: a required key without a colon is an error here.
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.push(Kind::StreamEnd, self.pos);
        self.ended = true;
        Ok(())
    }

    fn fetch_document_marker(&mut self, kind: Kind) -> Scan<()> {
        self.unroll_indent(-1, self.pos);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.push(kind, self.pos);
        self.pos += 3;
        Ok(())
    }

    fn fetch_directive(&mut self) -> Scan<()> {
        self.unroll_indent(-1, self.pos);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        let at = self.pos;
        let kind = self.scan_directive()?;
        self.push(kind, at);
        Ok(())
    }

    fn fetch_flow_start(&mut self, kind: Kind) -> Scan<()> {
        self.start_simple(true)?;
        let key = SimpleKey {
            possible: false,
            required: false,
            token: self.taken + self.queue.len(),
            ..*self.last_key()
        };
        self.simple_keys.push(key);
        self.flow_level += 1;
        if self.flow_level > MAX_DEPTH {
            return self.error(Problem::TooDeep("flow collections"), self.pos);
        }
        self.push(kind, self.pos);
        self.pos += 1;
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: Kind) -> Scan<()> {
        self.remove_simple_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            self.simple_keys.pop();
        }
        self.simple_key_allowed = false;
        self.push(kind, self.pos);
        self.pos += 1;
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Scan<()> {
        let at = self.pos;
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return self.error(Problem::SequenceNotAllowed, at);
            }
            let column = self.column();
            self.roll_indent(column, None, Kind::SequenceStart, at)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.pos += 1;
        self.push(Kind::Entry, at);
        Ok(())
    }

    fn fetch_key(&mut self) -> Scan<()> {
        let at = self.pos;
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return self.error(Problem::MappingNotAllowed, at);
            }
            let column = self.column();
            self.roll_indent(column, None, Kind::MappingStart, at)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level == 0;
        self.pos += 1;
        self.push(Kind::Key, at);
        Ok(())
    }

    fn fetch_value(&mut self) -> Scan<()> {
        let at = self.pos;
        let last = self.simple_keys.len() - 1;
        if self.key_is_valid(last)? {
            let key = self.simple_keys[last];
            self.queue.insert(
                key.token - self.taken,
                Token {
                    kind: Kind::Key,
                    at: key.at,
                },
            );
            self.roll_indent(key.column, Some(key.token), Kind::MappingStart, key.at)?;
            self.last_key().possible = false;
            self.simple_key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.simple_key_allowed {
                    return self.error(Problem::MappingNotAllowed, at);
                }
                let column = self.column();
                self.roll_indent(column, None, Kind::MappingStart, at)?;
            }
            self.simple_key_allowed = self.flow_level == 0;
        }
        self.pos += 1;
        self.push(Kind::Value, at);
        Ok(())
    }
}
