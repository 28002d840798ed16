//! Reading a document with its layout: tokens to events that have their comments, events to a tree.
//!
//! The grammar is that of [`crate::parse::compose`]; which comment goes to which event is decided here as go-yaml v3
//! does it (parserc.go and the parser of decode.go). A tree is as deep as its document: [`MAX_DEPTH`] levels at most.

use std::ops::Range;
use std::sync::Arc;

use crate::error::{ParseError, Problem};
use crate::layout::{Layout, LayoutKind, LayoutStyle};
use crate::node::Style;
use crate::number::Dialect;
use crate::parse::comments::{Comments, Role};
use crate::parse::read::{check_characters, check_size, split};
use crate::parse::scan::{Kind, Scan, Scanner};
use crate::resolve::resolve_v3;
use crate::source::Source;

#[cfg(doc)]
use crate::error::MAX_DEPTH;

/// The documents of a file, those without content left out; and how many pieces there are between separator lines.
///
/// # Errors
/// [`ParseError`] at the first that is no YAML.
pub fn read_layout(source: &Arc<Source>) -> Result<(Vec<Layout>, usize), ParseError> {
    check_size(source)?;
    let chunks = split(source)?;
    let mut documents = Vec::new();
    for chunk in &chunks {
        check_characters(source, chunk.clone())?;
        let document = Reader::new(source, chunk.clone()).document()?;
        documents.extend(document.filter(|document| !document.root().is_null()));
    }
    let pieces = if source.text().is_empty() { 0 } else { chunks.len() };
    Ok((documents, pieces))
}

#[derive(Debug, Default)]
struct Event {
    what: What,
    anchor: String,
    tag: String,
    head: String,
    line: String,
    foot: String,
    at: usize,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum What {
    #[default]
    StreamEnd,
    DocumentStart,
    DocumentEnd,
    Alias,
    Scalar(String, Option<Style>),
    SequenceStart {
        flow: bool,
    },
    MappingStart {
        flow: bool,
    },
    End,
}

#[derive(Clone, Copy)]
enum State {
    Start,
    Content,
    DocumentEnd,
    Stop,
    Entry { first: bool },
    IndentlessEntry,
    Key { first: bool },
    Value,
    FlowEntry { first: bool },
    PairKey,
    PairValue,
    PairEnd,
    FlowKey { first: bool },
    FlowValue { empty: bool },
    BlockNode,
}

struct Reader<'s> {
    scanner: Scanner<'s>,
    state: State,
    states: Vec<State>,
    handles: Vec<(String, String)>,
    head: String,
    line: String,
    foot: String,
    /// The head comment of a collection that begins in a list.
    stem: Option<String>,
    event: Option<Event>,
    anchors: Vec<String>,
}

impl<'s> Reader<'s> {
    fn new(source: &'s Arc<Source>, range: Range<usize>) -> Reader<'s> {
        let start = range.start;
        let mut scanner = Scanner::new(source, range, Dialect::V3);
        scanner.comments = Some(Comments::new(start));
        Reader {
            scanner,
            state: State::Start,
            states: Vec::new(),
            handles: Vec::new(),
            head: String::new(),
            line: String::new(),
            foot: String::new(),
            stem: None,
            event: None,
            anchors: Vec::new(),
        }
    }

    /// Looks at the next token, and takes up the comments that are about it or what is before it.
    fn peek(&mut self) -> Scan<(&Kind, usize)> {
        let token = self.scanner.peek()?;
        let (at, is_end) = (token.at, matches!(token.kind, Kind::BlockEnd));
        while let Some(comments) = &mut self.scanner.comments
            && let Some(next) = comments.next_before(at)
        {
            if next.role == Role::Head && is_end {
                break;
            }
            let Some(comment) = comments.take() else { break };
            let kept = match comment.role {
                Role::Head => &mut self.head,
                Role::Line => &mut self.line,
                Role::Foot => &mut self.foot,
            };
            if !kept.is_empty() {
                kept.push('\n');
            }
            kept.push_str(&comment.text);
        }
        let token = self.scanner.peek()?;
        Ok((&token.kind, token.at))
    }

    fn next_is(&mut self, test: impl Fn(&Kind) -> bool) -> Scan<bool> {
        Ok(test(self.peek()?.0))
    }

    fn expected<T>(&mut self, what: &'static str) -> Scan<T> {
        let at = self.peek()?.1;
        self.scanner.error(Problem::Expected(what), at)
    }

    /// Gives an event all comments that wait for one.
    fn commented(&mut self, mut event: Event) -> Event {
        event.head = std::mem::take(&mut self.head);
        event.line = std::mem::take(&mut self.line);
        event.foot = std::mem::take(&mut self.foot);
        self.stem = None;
        event
    }

    fn pop(&mut self) {
        self.state = self.states.pop().unwrap_or(State::Stop);
    }

    fn empty_scalar(at: usize) -> Event {
        Event {
            what: What::Scalar(String::new(), None),
            at,
            ..Event::default()
        }
    }

    fn end(&mut self, with_comments: bool) -> Scan<Event> {
        let at = self.peek()?.1;
        self.pop();
        let event = Event {
            what: What::End,
            at,
            ..Event::default()
        };
        Ok(if with_comments { self.commented(event) } else { event })
    }

    fn next(&mut self) -> Scan<Event> {
        match self.state {
            State::Start => self.document_start(),
            State::Content => {
                let at = self.peek()?.1;
                let is_empty = self.next_is(|kind| {
                    matches!(
                        kind,
                        Kind::Version(..)
                            | Kind::TagDirective(..)
                            | Kind::DocumentStart
                            | Kind::DocumentEnd
                            | Kind::StreamEnd
                    )
                })?;
                if is_empty {
                    self.pop();
                    return Ok(Self::empty_scalar(at));
                }
                self.node(true, false)
            }
            State::DocumentEnd => {
                let at = self.peek()?.1;
                if self.next_is(|kind| matches!(kind, Kind::DocumentEnd))? {
                    self.scanner.take();
                }
                self.state = State::Stop;
                let mut event = self.commented(Event {
                    what: What::DocumentEnd,
                    at,
                    ..Event::default()
                });
                if event.foot.is_empty() {
                    event.foot = std::mem::take(&mut event.head);
                }
                Ok(event)
            }
            State::Stop => Ok(Event::default()),
            State::BlockNode => self.node(true, false),
            State::Entry { first } => self.entry(first),
            State::IndentlessEntry => self.indentless_entry(),
            State::Key { first } => self.key(first),
            State::Value => self.value(),
            State::FlowEntry { first } => self.flow_entry(first),
            State::PairKey => {
                let is_empty =
                    self.next_is(|kind| matches!(kind, Kind::Value | Kind::FlowEntry | Kind::FlowSequenceEnd))?;
                if !is_empty {
                    self.states.push(State::PairValue);
                    return self.node(false, false);
                }
                let at = self.scanner.take().at;
                self.state = State::PairValue;
                Ok(Self::empty_scalar(at + 1))
            }
            State::PairValue => {
                let at = self.peek()?.1;
                if self.next_is(|kind| matches!(kind, Kind::Value))? {
                    self.scanner.take();
                    if !self.next_is(|kind| matches!(kind, Kind::FlowEntry | Kind::FlowSequenceEnd))? {
                        self.states.push(State::PairEnd);
                        return self.node(false, false);
                    }
                }
                self.state = State::PairEnd;
                Ok(Self::empty_scalar(at))
            }
            State::PairEnd => {
                let at = self.peek()?.1;
                self.state = State::FlowEntry { first: false };
                Ok(Event {
                    what: What::End,
                    at,
                    ..Event::default()
                })
            }
            State::FlowKey { first } => self.flow_key(first),
            State::FlowValue { empty } => {
                let mut at = self.peek()?.1;
                if !empty && self.next_is(|kind| matches!(kind, Kind::Value))? {
                    self.scanner.take();
                    at = self.peek()?.1;
                    if !self.next_is(|kind| matches!(kind, Kind::FlowEntry | Kind::FlowMappingEnd))? {
                        self.states.push(State::FlowKey { first: false });
                        return self.node(false, false);
                    }
                }
                self.state = State::FlowKey { first: false };
                Ok(Self::empty_scalar(at))
            }
        }
    }

    fn document_start(&mut self) -> Scan<Event> {
        let (kind, at) = self.peek()?;
        let (is_end, is_explicit) = (
            matches!(kind, Kind::StreamEnd),
            matches!(kind, Kind::Version(..) | Kind::TagDirective(..) | Kind::DocumentStart),
        );
        if is_end {
            self.state = State::Stop;
            return Ok(Event::default());
        }
        self.states.push(State::DocumentEnd);
        let mut event = Event {
            what: What::DocumentStart,
            at,
            ..Event::default()
        };
        if is_explicit {
            self.directives()?;
            if !self.next_is(|kind| matches!(kind, Kind::DocumentStart))? {
                return self.expected("<document start>");
            }
            self.scanner.take();
            self.state = State::Content;
        } else {
            self.state = State::BlockNode;
            // Up to its last empty line, the comment is that of the document.
            let head = std::mem::take(&mut self.head);
            let bytes = head.as_bytes();
            let cut = (1..bytes.len()).rev().find_map(|at| match bytes[at] {
                b'\n' if at + 1 == bytes.len() => Some((at, at + 1)),
                b'\n' if bytes[at - 1] == b'\n' => Some((at - 1, at + 1)),
                _ => None,
            });
            if let Some((end, rest)) = cut {
                head[..end].clone_into(&mut event.head);
                head[rest..].clone_into(&mut self.head);
            } else {
                self.head = head;
            }
        }
        Ok(event)
    }

    fn directives(&mut self) -> Scan<()> {
        while self.next_is(|kind| matches!(kind, Kind::Version(..) | Kind::TagDirective(..)))? {
            let token = self.scanner.take();
            match token.kind {
                Kind::Version(1, 1) => {}
                Kind::TagDirective(handle, prefix) => self.handles.push((handle, prefix)),
                _ => return self.scanner.error(Problem::Directive("incompatible %YAML"), token.at),
            }
        }
        Ok(())
    }

    fn full_tag(&self, handle: &str, suffix: String, at: usize) -> Scan<String> {
        let known = self.handles.iter().find(|(known, _)| known == handle);
        match (known, handle) {
            (_, "") => Ok(suffix),
            (Some((_, prefix)), _) => Ok(format!("{prefix}{suffix}")),
            (None, "!") => Ok(format!("!{suffix}")),
            (None, "!!") => Ok(format!("{LONG_TAG}{suffix}")),
            _ => self.scanner.error(Problem::TagHandle(handle.to_owned()), at),
        }
    }

    fn node(&mut self, block: bool, indentless: bool) -> Scan<Event> {
        let mut event = Event::default();
        if self.next_is(|kind| matches!(kind, Kind::Alias(_)))? {
            let token = self.scanner.take();
            if let Kind::Alias(name) = token.kind {
                self.scanner.text(name).clone_into(&mut event.anchor);
            }
            event.what = What::Alias;
            event.at = token.at;
            self.pop();
            return Ok(self.commented(event));
        }
        event.at = self.peek()?.1;
        let (mut has_anchor, mut has_tag) = (false, false);
        for _ in 0..2 {
            let (anchor, tag) = match self.peek()?.0 {
                Kind::Anchor(_) => (!has_anchor, false),
                Kind::Tag(..) => (false, !has_tag),
                _ => (false, false),
            };
            if !anchor && !tag {
                break;
            }
            let token = self.scanner.take();
            match token.kind {
                Kind::Anchor(name) => {
                    has_anchor = true;
                    self.scanner.text(name).clone_into(&mut event.anchor);
                }
                Kind::Tag(handle, suffix) => {
                    has_tag = true;
                    event.tag = self.full_tag(&handle, suffix, token.at)?;
                }
                _ => {}
            }
        }
        let kind = self.peek()?.0;
        match kind {
            Kind::Entry if indentless => {
                self.state = State::IndentlessEntry;
                event.what = What::SequenceStart { flow: false };
                Ok(event)
            }
            Kind::Scalar(..) => {
                self.pop();
                let mut event = self.commented(event);
                if let Kind::Scalar(text, style) = self.scanner.take().kind {
                    let style = (style != Style::Plain).then_some(style);
                    event.what = What::Scalar(text.to_string(), style);
                }
                Ok(event)
            }
            Kind::FlowSequenceStart => {
                self.state = State::FlowEntry { first: true };
                event.what = What::SequenceStart { flow: true };
                Ok(self.commented(event))
            }
            Kind::FlowMappingStart => {
                self.state = State::FlowKey { first: true };
                event.what = What::MappingStart { flow: true };
                Ok(self.commented(event))
            }
            Kind::SequenceStart | Kind::MappingStart if block => {
                let is_sequence = matches!(kind, Kind::SequenceStart);
                (self.state, event.what) = if is_sequence {
                    (State::Entry { first: true }, What::SequenceStart { flow: false })
                } else {
                    (State::Key { first: true }, What::MappingStart { flow: false })
                };
                event.head = self.stem.take().unwrap_or_default();
                Ok(event)
            }
            _ if has_anchor || has_tag => {
                self.pop();
                event.what = What::Scalar(String::new(), None);
                Ok(event)
            }
            _ => self.expected("node content"),
        }
    }

    /// The comment above a `-` that begins a collection is that of the collection; the rest goes on.
    fn split_stem(&mut self, stem: usize) -> Scan<()> {
        if stem == 0 || !self.next_is(|kind| matches!(kind, Kind::SequenceStart | Kind::MappingStart))? {
            return Ok(());
        }
        let rest = self.head.get(stem + 1..).unwrap_or_default().to_owned();
        let mut head = std::mem::replace(&mut self.head, rest);
        head.truncate(stem);
        self.stem = Some(head);
        Ok(())
    }

    fn entry(&mut self, first: bool) -> Scan<Event> {
        if first {
            self.peek()?;
            self.scanner.take();
        }
        self.state = State::Entry { first: false };
        if self.next_is(|kind| matches!(kind, Kind::Entry))? {
            let stem = self.head.len();
            let at = self.scanner.take().at;
            self.split_stem(stem)?;
            if self.next_is(|kind| matches!(kind, Kind::Entry | Kind::BlockEnd))? {
                return Ok(Self::empty_scalar(at + 1));
            }
            self.states.push(self.state);
            return self.node(true, false);
        }
        if self.next_is(|kind| matches!(kind, Kind::BlockEnd))? {
            let event = self.end(false)?;
            self.scanner.take();
            return Ok(event);
        }
        self.expected("'-' indicator")
    }

    fn indentless_entry(&mut self) -> Scan<Event> {
        if !self.next_is(|kind| matches!(kind, Kind::Entry))? {
            return self.end(false);
        }
        let stem = self.head.len();
        let at = self.scanner.take().at;
        self.split_stem(stem)?;
        if self.next_is(|kind| matches!(kind, Kind::Entry | Kind::Key | Kind::Value | Kind::BlockEnd))? {
            return Ok(Self::empty_scalar(at + 1));
        }
        self.states.push(State::IndentlessEntry);
        self.node(true, false)
    }

    fn key(&mut self, first: bool) -> Scan<Event> {
        if first {
            self.peek()?;
            self.scanner.take();
        }
        self.state = State::Key { first: false };
        let at = self.peek()?.1;
        if self.next_is(|kind| matches!(kind, Kind::Key))? {
            self.scanner.take();
            if self.next_is(|kind| matches!(kind, Kind::Key | Kind::Value | Kind::BlockEnd))? {
                self.state = State::Value;
                return Ok(Self::empty_scalar(at));
            }
            self.states.push(State::Value);
            return self.node(true, true);
        }
        if self.next_is(|kind| matches!(kind, Kind::BlockEnd))? {
            let event = self.end(true)?;
            self.scanner.take();
            return Ok(event);
        }
        self.expected("key")
    }

    fn value(&mut self) -> Scan<Event> {
        let at = self.peek()?.1;
        self.state = State::Key { first: false };
        if self.next_is(|kind| matches!(kind, Kind::Value))? {
            self.scanner.take();
            if !self.next_is(|kind| matches!(kind, Kind::Key | Kind::Value | Kind::BlockEnd))? {
                self.states.push(self.state);
                return self.node(true, true);
            }
        }
        Ok(Self::empty_scalar(at))
    }

    fn flow_entry(&mut self, first: bool) -> Scan<Event> {
        if first {
            self.peek()?;
            self.scanner.take();
        }
        if !self.next_is(|kind| matches!(kind, Kind::FlowSequenceEnd))? {
            if !first {
                if !self.next_is(|kind| matches!(kind, Kind::FlowEntry))? {
                    return self.expected("',' or ']'");
                }
                self.scanner.take();
            }
            if self.next_is(|kind| matches!(kind, Kind::Key))? {
                let at = self.scanner.take().at;
                self.state = State::PairKey;
                return Ok(Event {
                    what: What::MappingStart { flow: true },
                    at,
                    ..Event::default()
                });
            }
            if !self.next_is(|kind| matches!(kind, Kind::FlowSequenceEnd))? {
                self.states.push(State::FlowEntry { first: false });
                return self.node(false, false);
            }
        }
        let event = self.end(true)?;
        self.scanner.take();
        Ok(event)
    }

    fn flow_key(&mut self, first: bool) -> Scan<Event> {
        if first {
            self.peek()?;
            self.scanner.take();
        }
        if !self.next_is(|kind| matches!(kind, Kind::FlowMappingEnd))? {
            if !first {
                if !self.next_is(|kind| matches!(kind, Kind::FlowEntry))? {
                    return self.expected("',' or '}'");
                }
                self.scanner.take();
            }
            if self.next_is(|kind| matches!(kind, Kind::Key))? {
                self.scanner.take();
                let at = self.peek()?.1;
                if self.next_is(|kind| matches!(kind, Kind::Value | Kind::FlowEntry | Kind::FlowMappingEnd))? {
                    self.state = State::FlowValue { empty: false };
                    return Ok(Self::empty_scalar(at));
                }
                self.states.push(State::FlowValue { empty: false });
                return self.node(false, false);
            }
            if !self.next_is(|kind| matches!(kind, Kind::FlowMappingEnd))? {
                self.states.push(State::FlowValue { empty: true });
                return self.node(false, false);
            }
        }
        let event = self.end(true)?;
        self.scanner.take();
        Ok(event)
    }
}

const LONG_TAG: &str = "tag:yaml.org,2002:";

fn short_tag(tag: &str) -> String {
    match tag.strip_prefix(LONG_TAG) {
        Some(name) => format!("!!{name}"),
        None => tag.to_owned(),
    }
}

impl Reader<'_> {
    fn peek_event(&mut self) -> Scan<&What> {
        if self.event.is_none() {
            self.event = Some(self.next()?);
        }
        Ok(self.event.as_ref().map_or(&What::StreamEnd, |event| &event.what))
    }

    fn take_event(&mut self) -> Scan<Event> {
        self.peek_event()?;
        Ok(self.event.take().unwrap_or_default())
    }

    /// The first document, if there is one.
    fn document(&mut self) -> Scan<Option<Layout>> {
        let event = self.take_event()?;
        if event.what != What::DocumentStart {
            return Ok(None);
        }
        let mut document = Layout::new(LayoutKind::Document);
        document.head_comment = event.head;
        let root = self.tree()?;
        document.content.push(root);
        document.foot_comment = self.take_event()?.foot;
        // What follows is looked at, as far as go-yaml does.
        self.scanner.peek()?;
        Ok(Some(document))
    }

    fn tree(&mut self) -> Scan<Layout> {
        let event = self.take_event()?;
        let (kind, default_tag, style) = match &event.what {
            What::Alias => (LayoutKind::Alias, "", None),
            What::SequenceStart { .. } => (LayoutKind::Sequence, "!!seq", None),
            What::MappingStart { .. } => (LayoutKind::Mapping, "!!map", None),
            What::Scalar(_, Some(style)) => (LayoutKind::Scalar, "!!str", Some(*style)),
            What::Scalar(text, None) if text == "<<" => (LayoutKind::Scalar, "!!merge", None),
            What::Scalar(text, None) => (LayoutKind::Scalar, resolve_v3(text).name(), None),
            _ => return self.scanner.error(Problem::Expected("node content"), event.at),
        };
        let is_tagged = !event.tag.is_empty() && event.tag != "!";
        let mut node = Layout {
            tag: if is_tagged {
                short_tag(&event.tag)
            } else {
                default_tag.to_owned()
            },
            style: LayoutStyle {
                tagged: is_tagged,
                double_quoted: style == Some(Style::DoubleQuoted),
                single_quoted: style == Some(Style::SingleQuoted),
                literal: style == Some(Style::Literal),
                folded: style == Some(Style::Folded),
                flow: matches!(
                    event.what,
                    What::SequenceStart { flow: true } | What::MappingStart { flow: true }
                ),
            },
            head_comment: event.head,
            line_comment: event.line,
            foot_comment: event.foot,
            ..Layout::new(kind)
        };
        match event.what {
            What::Alias => {
                if !self.anchors.contains(&event.anchor) {
                    return self.scanner.error(Problem::UnknownAnchor(event.anchor), event.at);
                }
                node.value = event.anchor;
                return Ok(node);
            }
            What::Scalar(text, _) => node.value = text,
            _ => {}
        }
        if !event.anchor.is_empty() {
            self.anchors.push(event.anchor.clone());
        }
        node.anchor = event.anchor;
        match kind {
            LayoutKind::Sequence => {
                while *self.peek_event()? != What::End {
                    let child = self.tree()?;
                    node.content.push(child);
                }
                let end = self.take_event()?;
                (node.line_comment, node.foot_comment) = (end.line, end.foot);
            }
            LayoutKind::Mapping => self.entries(&mut node)?,
            _ => {}
        }
        Ok(node)
    }

    fn entries(&mut self, node: &mut Layout) -> Scan<()> {
        let is_block = !node.style.flow;
        while *self.peek_event()? != What::End {
            let mut key = self.tree()?;
            if is_block
                && !key.foot_comment.is_empty()
                && let Some(before) = node.content.len().checked_sub(2)
            {
                // Of the value before, from which it is set off to the left.
                node.content[before].foot_comment = std::mem::take(&mut key.foot_comment);
            }
            let mut value = self.tree()?;
            if key.foot_comment.is_empty() {
                key.foot_comment = std::mem::take(&mut value.foot_comment);
            }
            node.push(key, value);
        }
        let end = self.take_event()?;
        (node.line_comment, node.foot_comment) = (end.line, end.foot);
        if is_block
            && !node.foot_comment.is_empty()
            && let Some(last) = node.content.len().checked_sub(2)
        {
            node.content[last].foot_comment = std::mem::take(&mut node.foot_comment);
        }
        Ok(())
    }
}
