//! Writing documents with their layout: comments, styles, tags and anchors, as kyaml's encoder has go-yaml v3 do it,
//! with an indentation of two. (emitterc.go and the nodes of encode.go)

use super::Writer;
use super::analyze::{Analysis, analyze};
use crate::layout::{Layout, LayoutKind};
use crate::node::{Style, Tag};
use crate::number::Dialect;
use crate::resolve::resolve_v3;

/// Longest key, with its anchor and tag, that stands on the line of its value, in bytes.
const LONGEST_KEY: usize = 128;

/// Writes documents one after the other, with `---` between them.
#[derive(Debug, Default)]
pub struct LayoutWriter {
    text: String,
}

impl LayoutWriter {
    pub fn new() -> LayoutWriter {
        LayoutWriter::default()
    }

    /// Adds a document. `wide`: lists in mappings are indented.
    pub fn write(&mut self, document: &Layout, wide: bool) {
        let is_first = self.text.is_empty();
        let mut out = Vec::new();
        let mut emitter = Emitter {
            writer: Writer::new(&mut out, usize::MAX),
            indent: None,
            flow_level: 0,
            wide,
            head: String::new(),
            line: String::new(),
            foot: String::new(),
            tail: String::new(),
            key_line: String::new(),
            foot_indent: None,
        };
        if !is_first {
            emitter.bare("---", true);
            emitter.new_line();
        }
        emitter.document(document);
        self.text.push_str(&String::from_utf8_lossy(&out));
    }

    pub fn finish(self) -> String {
        self.text
    }
}

/// What a node is in its parent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parent {
    Root,
    Sequence,
    Mapping,
    SimpleKey,
}

/// The state of the emitter: comments wait here until their place comes.
struct Emitter<'o> {
    writer: Writer<'o, 'static>,
    /// Nothing before the root.
    indent: Option<usize>,
    flow_level: usize,
    wide: bool,
    head: String,
    line: String,
    foot: String,
    tail: String,
    key_line: String,
    /// The indentation of a foot comment that was just written: an empty line sets it off from what follows there.
    foot_indent: Option<usize>,
}

impl Emitter<'_> {
    fn document(&mut self, document: &Layout) {
        let root = document.root();
        if document.kind == LayoutKind::Document {
            self.note(&document.head_comment, "", "", "");
            if !self.head.is_empty() {
                self.write_head();
                self.put_break();
            }
        }
        self.start(root, "");
        self.write_head();
        self.node(root, Parent::Root);
        if document.kind == LayoutKind::Document {
            self.note("", "", &document.foot_comment, "");
        }
        // A foot of the whole document is always set off.
        self.foot_indent = Some(0);
        self.write_foot();
        self.foot_indent = None;
        self.new_line();
    }

    /// Notes the comments of what comes next; those that wait stay where there are none.
    fn note(&mut self, head: &str, line: &str, foot: &str, tail: &str) {
        for (waiting, comment) in [
            (&mut self.head, head),
            (&mut self.line, line),
            (&mut self.foot, foot),
            (&mut self.tail, tail),
        ] {
            if !comment.is_empty() {
                comment.clone_into(waiting);
            }
        }
    }

    /// Notes the comments with which a node begins.
    fn start(&mut self, node: &Layout, tail: &str) {
        match node.kind {
            LayoutKind::Scalar => self.note(&node.head_comment, &node.line_comment, &node.foot_comment, tail),
            LayoutKind::Alias => self.note(&node.head_comment, &node.line_comment, &node.foot_comment, ""),
            LayoutKind::Mapping => self.note(&node.head_comment, "", "", tail),
            LayoutKind::Sequence | LayoutKind::Document => self.note(&node.head_comment, "", "", ""),
        }
    }

    fn put_break(&mut self) {
        self.writer.out.push(b'\n');
        self.writer.column = 0;
        self.writer.indention = true;
    }

    /// Begins a line, unless this one has only its indentation.
    fn new_line(&mut self) {
        let indent = self.indent.unwrap_or(0);
        let writer = &self.writer;
        if !writer.indention || writer.column > indent || (writer.column == indent && !writer.whitespace) {
            self.put_break();
        }
        if self.foot_indent == Some(indent) {
            self.put_break();
        }
        self.writer.pad(indent);
        self.writer.column = self.writer.column.max(indent);
        self.writer.whitespace = true;
        self.foot_indent = None;
    }

    /// A piece of punctuation, with a space before it where one is needed.
    fn bare(&mut self, text: &str, spaced: bool) {
        if spaced {
            self.writer.separate();
        }
        self.writer.write_raw(text);
        self.writer.whitespace = false;
        self.writer.indention = false;
    }

    /// An indicator that counts as indentation.
    fn indicator(&mut self, indicator: u8) {
        self.writer.write_indicator(indicator);
    }

    fn write_comment(&mut self, comment: &str) {
        let lines = comment.split_inclusive('\n');
        let mut is_first = true;
        let mut ended = false;
        for line in lines {
            let (text, breaks) = match line.strip_suffix('\n') {
                Some(text) => (text, true),
                None => (line, false),
            };
            if !text.is_empty() {
                if !is_first {
                    self.new_line();
                }
                if !text.starts_with('#') {
                    self.writer.write_raw("# ");
                }
                self.writer.write_raw(text);
                self.writer.indention = false;
            }
            if breaks {
                self.put_break();
            }
            ended = breaks;
            is_first = false;
        }
        if !ended {
            self.put_break();
        }
        self.writer.whitespace = true;
    }

    fn write_head(&mut self) {
        if !self.tail.is_empty() {
            self.new_line();
            let tail = std::mem::take(&mut self.tail);
            self.write_comment(&tail);
            self.foot_indent = Some(self.indent.unwrap_or(0));
        }
        if !self.head.is_empty() {
            self.new_line();
            let head = std::mem::take(&mut self.head);
            self.write_comment(&head);
        }
    }

    fn write_line(&mut self) {
        if !self.line.is_empty() {
            self.writer.separate();
            let line = std::mem::take(&mut self.line);
            self.write_comment(&line);
        }
    }

    fn write_foot(&mut self) {
        if !self.foot.is_empty() {
            self.new_line();
            let foot = std::mem::take(&mut self.foot);
            self.write_comment(&foot);
            self.foot_indent = Some(self.indent.unwrap_or(0));
        }
    }

    fn has_comments_behind(&self) -> bool {
        !(self.line.is_empty() && self.foot.is_empty() && self.tail.is_empty())
    }

    /// Writes a node. Of a collection that is written in lines, comments behind its first line come before them.
    fn node(&mut self, node: &Layout, parent: Parent) {
        if !node.anchor.is_empty() {
            self.bare(&format!("&{}", node.anchor), true);
        }
        let is_collection = matches!(node.kind, LayoutKind::Mapping | LayoutKind::Sequence);
        if is_collection {
            let default = if node.kind == LayoutKind::Mapping {
                "!!map"
            } else {
                "!!seq"
            };
            if node.style.tagged || !(node.tag.is_empty() || node.tag == default) {
                self.tag(&node.tag);
            }
        }
        match node.kind {
            LayoutKind::Alias => {
                self.bare(&format!("*{}", node.value), true);
                self.behind(parent);
            }
            LayoutKind::Scalar => {
                self.scalar(node, parent);
                self.behind(parent);
            }
            LayoutKind::Document => self.node(node.root(), parent),
            LayoutKind::Mapping | LayoutKind::Sequence => {
                let flow = self.flow_level > 0 || node.style.flow || node.content.is_empty();
                // Taken before the comments are written, which end the line.
                self.behind(parent);
                match (node.kind, flow) {
                    (LayoutKind::Mapping, true) => self.flow_mapping(node),
                    (LayoutKind::Mapping, false) => self.block_mapping(node),
                    (_, true) => self.flow_sequence(node),
                    (_, false) => self.block_sequence(node, parent),
                }
            }
        }
    }

    /// The comments behind a node, or behind the beginning of a collection.
    fn behind(&mut self, parent: Parent) {
        if parent == Parent::SimpleKey {
            return;
        }
        if self.flow_level > 0 && self.has_comments_behind() && !matches!(parent, Parent::Root) {
            self.bare(",", false);
        }
        self.write_line();
        self.write_foot();
    }

    fn tag(&mut self, tag: &str) {
        let (handle, suffix) = match (tag.strip_prefix("!!"), tag.strip_prefix('!')) {
            (Some(suffix), _) => ("!!", suffix),
            (None, Some(suffix)) => ("!", suffix),
            (None, None) => {
                return self.bare(&format!("!<{}>", escape_tag(tag)), true);
            }
        };
        self.bare(&format!("{handle}{}", escape_tag(suffix)), true);
    }

    /// Enters a collection; the indentation around it.
    fn enter(&mut self, flow: bool, compact: bool) -> Option<usize> {
        let around = self.indent;
        self.indent = Some(match around {
            None if flow => 2,
            None => 0,
            Some(indent) if compact => indent,
            Some(indent) => indent + 2,
        });
        around
    }

    fn block_sequence(&mut self, node: &Layout, parent: Parent) {
        let in_mapping = matches!(parent, Parent::Mapping | Parent::SimpleKey);
        let compact = !self.wide && in_mapping && (self.writer.column == 0 || !self.writer.indention);
        let around = self.enter(false, compact);
        for item in &node.content {
            self.start(item, "");
            self.write_head();
            self.new_line();
            self.indicator(b'-');
            self.node(item, Parent::Sequence);
        }
        self.indent = around;
        self.note("", &node.line_comment, &node.foot_comment, "");
    }

    fn block_mapping(&mut self, node: &Layout) {
        let around = self.enter(false, false);
        let mut tail = "";
        for entry in node.content.chunks_exact(2) {
            let (key, value) = (&entry[0], &entry[1]);
            let bare = Layout {
                foot_comment: String::new(),
                ..key.clone()
            };
            self.start(&bare, tail);
            tail = &key.foot_comment;
            self.write_head();
            self.new_line();
            if !self.line.is_empty() {
                self.key_line = std::mem::take(&mut self.line);
            }
            if is_simple_key(key) {
                self.node(&bare, Parent::SimpleKey);
                self.bare(":", false);
            } else {
                self.indicator(b'?');
                self.node(&bare, Parent::Mapping);
                self.new_line();
                self.indicator(b':');
            }
            self.start(value, "");
            self.key_comment(value);
            self.node(value, Parent::Mapping);
        }
        self.note("", &node.line_comment, &node.foot_comment, tail);
        self.write_head();
        self.indent = around;
    }

    /// The comment on the line of a key: behind its value, or before the lines of one that is a collection.
    fn key_comment(&mut self, value: &Layout) {
        if self.key_line.is_empty() {
            return;
        }
        match value.kind {
            LayoutKind::Scalar if self.line.is_empty() => self.line = std::mem::take(&mut self.key_line),
            LayoutKind::Mapping | LayoutKind::Sequence if !value.style.flow => {
                std::mem::swap(&mut self.line, &mut self.key_line);
                self.write_line();
                std::mem::swap(&mut self.line, &mut self.key_line);
            }
            _ => {}
        }
    }

    fn flow_sequence(&mut self, node: &Layout) {
        self.bare("[", true);
        self.writer.whitespace = true;
        let around = self.enter(true, false);
        self.flow_level += 1;
        let mut needs_comma = false;
        for item in &node.content {
            self.start(item, "");
            if needs_comma {
                self.bare(",", false);
            }
            self.write_head();
            if self.writer.column == 0 {
                self.new_line();
            }
            needs_comma = !self.has_comments_behind();
            self.node(item, Parent::Sequence);
        }
        self.note("", &node.line_comment, &node.foot_comment, "");
        self.flow_level -= 1;
        self.indent = around;
        if self.writer.column == 0 {
            self.new_line();
        }
        self.bare("]", false);
        self.write_line();
        self.write_foot();
    }

    fn flow_mapping(&mut self, node: &Layout) {
        self.bare("{", true);
        self.writer.whitespace = true;
        let around = self.enter(true, false);
        self.flow_level += 1;
        let mut needs_comma = false;
        let mut tail = "";
        for entry in node.content.chunks_exact(2) {
            let (key, value) = (&entry[0], &entry[1]);
            let bare = Layout {
                foot_comment: String::new(),
                ..key.clone()
            };
            self.start(&bare, tail);
            tail = &key.foot_comment;
            if needs_comma {
                self.bare(",", false);
            }
            self.write_head();
            if self.writer.column == 0 {
                self.new_line();
            }
            let simple = is_simple_key(key);
            if !simple {
                self.bare("?", true);
            }
            // A key is followed by its value, whatever comments wait.
            self.node(&bare, Parent::SimpleKey);
            self.start(value, "");
            self.bare(":", !simple);
            needs_comma = !self.has_comments_behind();
            self.node(value, Parent::Mapping);
        }
        self.note("", &node.line_comment, &node.foot_comment, tail);
        if needs_comma && !(self.head.is_empty() && self.foot.is_empty() && self.tail.is_empty()) {
            self.bare(",", false);
        }
        self.write_head();
        self.flow_level -= 1;
        self.indent = around;
        self.bare("}", false);
        self.write_line();
        self.write_foot();
    }

    fn scalar(&mut self, node: &Layout, parent: Parent) {
        let text = &*node.value;
        let resolved = resolve_v3(text).name();
        let short = node.tag.as_str();
        let style = &node.style;
        let (mut tag, mut force_quotes) = (short, false);
        if !short.is_empty() && !style.tagged {
            if (short == "!!str" && style.is_quoted()) || resolved == short {
                tag = "";
            } else if short == "!!str" {
                (tag, force_quotes) = ("", true);
            }
        }
        if !tag.is_empty() {
            self.tag(tag);
        }
        let is_key = parent == Parent::SimpleKey;
        let can: Analysis = analyze(text, Dialect::V3);
        let mut chosen = match () {
            () if style.double_quoted => Style::DoubleQuoted,
            () if style.single_quoted => Style::SingleQuoted,
            () if style.literal => Style::Literal,
            () if style.folded => Style::Folded,
            () if text.contains('\n') => Style::Literal,
            () if force_quotes => Style::DoubleQuoted,
            () => Style::Plain,
        };
        if is_key && can.multiline {
            chosen = Style::DoubleQuoted;
        }
        let in_flow = self.flow_level > 0;
        let may_be_plain = if in_flow { can.flow_plain } else { can.block_plain };
        if chosen == Style::Plain && (!may_be_plain || (text.is_empty() && (in_flow || is_key))) {
            chosen = Style::SingleQuoted;
        }
        if chosen == Style::SingleQuoted && !can.single_quoted {
            chosen = Style::DoubleQuoted;
        }
        if matches!(chosen, Style::Literal | Style::Folded) && (!can.block || in_flow || is_key) {
            chosen = Style::DoubleQuoted;
        }
        if chosen == Style::Plain && text.is_empty() {
            self.writer.indention = false;
            return;
        }
        let indent = self.indent.map_or(2, |indent| indent + 2);
        self.writer.separate();
        let begin = self.writer.out.len();
        match chosen {
            Style::SingleQuoted => self.writer.write_single_quoted(text, indent, false),
            Style::DoubleQuoted => self.writer.write_double_quoted(text, indent, false),
            Style::Literal | Style::Folded => {
                if chosen == Style::Literal {
                    self.writer.write_literal(text, indent);
                } else {
                    self.writer.write_folded(text, indent);
                }
                self.header_comment(begin);
            }
            Style::Plain | Style::Flow => {
                self.writer.write_raw(text);
                self.writer.end_scalar();
            }
        }
    }

    /// The comment of a block scalar stands on its first line.
    fn header_comment(&mut self, begin: usize) {
        let comment = std::mem::take(&mut self.line);
        if comment.is_empty() {
            return;
        }
        let length = self.writer.out[begin..].iter().position(|&byte| byte == b'\n');
        let end = length.map_or(self.writer.out.len(), |length| begin + length);
        let comment = if comment.starts_with('#') {
            format!(" {comment}")
        } else {
            format!(" # {comment}")
        };
        self.writer.out.splice(end..end, comment.into_bytes());
    }
}

/// Whether a key stands on the line of its value.
fn is_simple_key(key: &Layout) -> bool {
    let length = match key.kind {
        LayoutKind::Alias => key.value.len(),
        LayoutKind::Scalar if analyze(&key.value, Dialect::V3).multiline => return false,
        LayoutKind::Scalar => key.anchor.len() + key.value.len() + written_tag(key),
        LayoutKind::Mapping | LayoutKind::Sequence if key.content.is_empty() => key.anchor.len() + written_tag(key),
        _ => return false,
    };
    length <= LONGEST_KEY
}

fn written_tag(node: &Layout) -> usize {
    let is_implied =
        node.kind == LayoutKind::Scalar && (resolve_v3(&node.value).name() == node.tag || node.tag == Tag::Str.name());
    if node.style.tagged || !is_implied {
        node.tag.len()
    } else {
        0
    }
}

fn escape_tag(tag: &str) -> String {
    let mut escaped = String::with_capacity(tag.len());
    for byte in tag.bytes() {
        if byte.is_ascii_alphanumeric() || b";/?:@&=+$,_.~*'()[]-".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
