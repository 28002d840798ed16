//! The composer: tokens to a tree, with aliases expanded and merge keys applied.
//!
//! The grammar is libyaml's state machine (parserc.go of go.yaml.in/yaml). What a scalar means, and
//! what an alias, a merge key and a repeated key do, differs between the two dialects: Kubernetes
//! objects are treated as kyaml treats them after reading (DeAnchor), kustomization files as yaml v2
//! decodes them. Nothing here recurses, so depth costs no stack.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::error::{MAX_ALIASED_NODES, MAX_DEPTH, ParseError, Problem};
use crate::node::{Entry, Node, Style, Tag, Value};
pub(crate) use crate::number::Dialect;
use crate::parse::merge;
use crate::parse::scan::{Kind, Scan, Scanner, Token};
use crate::resolve::{resolve_v2, resolve_v3};
use crate::source::{Mark, Source};
use crate::text::Text;

/// A key that stood in a mapping before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    pub key: Text,
    pub mark: Mark,
    pub first: Mark,
}

/// The first document of a text, or nothing where the text holds none.
pub(crate) struct Composed {
    pub(crate) node: Option<Node>,
    pub(crate) duplicates: Vec<Duplicate>,
}

/// Reads the first document in the bytes `range` of a source.
pub(crate) fn compose(source: &Arc<Source>, range: Range<usize>, dialect: Dialect) -> Result<Composed, ParseError> {
    let composer = Composer {
        scanner: Scanner::new(source, range, dialect),
        dialect,
        state: State::ImplicitDocument,
        states: Vec::new(),
        handles: Vec::new(),
        frames: Vec::new(),
        nodes: Vec::new(),
        anchors: BTreeMap::new(),
        count: 0,
        aliased: 0,
        duplicates: Vec::new(),
    };
    composer.run()
}

/// Where the grammar stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    ImplicitDocument,
    DocumentContent,
    DocumentEnd,
    End,
    BlockNode,
    SequenceFirst,
    SequenceEntry,
    IndentlessEntry,
    MappingFirst,
    MappingKey,
    MappingValue,
    FlowSequenceFirst,
    FlowSequenceEntry,
    PairKey,
    PairValue,
    PairEnd,
    FlowMappingFirst,
    FlowMappingKey,
    FlowMappingValue,
    FlowMappingEmptyValue,
}

/// An open collection.
struct Frame {
    is_map: bool,
    flow: bool,
    tag: Option<Tag>,
    at: usize,
    /// Index of its first child in `nodes`.
    first: usize,
    anchor: Option<String>,
    /// Count of nodes when it was opened.
    count: u64,
    /// Levels of collections below it.
    height: usize,
    /// Whether a key is `<<` or null and the mapping needs a second look.
    special: bool,
}

/// What an anchor stands for.
enum Anchored {
    /// Its collection is not closed yet.
    Open,
    Done {
        node: Node,
        count: u64,
        height: usize,
    },
}

#[derive(Default)]
struct Properties {
    anchor: Option<String>,
    tag: Option<String>,
    at: Option<usize>,
}

struct Composer<'s> {
    scanner: Scanner<'s>,
    dialect: Dialect,
    state: State,
    states: Vec<State>,
    /// `%TAG` handles and their prefixes.
    handles: Vec<(String, String)>,
    frames: Vec<Frame>,
    nodes: Vec<Node>,
    anchors: BTreeMap<String, Anchored>,
    /// Nodes so far, those of aliases included.
    count: u64,
    aliased: u64,
    duplicates: Vec<Duplicate>,
}

impl<'s> Composer<'s> {
    fn run(mut self) -> Result<Composed, ParseError> {
        while self.state != State::End {
            self.step()?;
        }
        Ok(Composed {
            node: self.nodes.pop(),
            duplicates: self.duplicates,
        })
    }

    fn take(&mut self) -> Token {
        self.scanner.take()
    }

    /// Whether the next token is one of those that `test` accepts, and where it stands.
    fn next_is(&mut self, test: impl Fn(&Kind) -> bool) -> Scan<(bool, usize)> {
        let token = self.scanner.peek()?;
        Ok((test(&token.kind), token.at))
    }

    fn expected<T>(&mut self, what: &'static str, at: usize) -> Scan<T> {
        let context = self.frames.last().map(|frame| self.scanner.source.mark(frame.at));
        Err(ParseError {
            problem: Problem::Expected(what),
            mark: self.scanner.source.mark(at),
            context,
        })
    }

    fn pop_state(&mut self) {
        self.state = self.states.pop().expect("a state was pushed for each open node");
    }

    fn step(&mut self) -> Scan<()> {
        match self.state {
            State::ImplicitDocument => self.document_start(),
            State::DocumentContent => {
                let (empty, at) = self.next_is(|kind| {
                    matches!(
                        kind,
                        Kind::Version(..)
                            | Kind::TagDirective(..)
                            | Kind::DocumentStart
                            | Kind::DocumentEnd
                            | Kind::StreamEnd
                    )
                })?;
                if empty {
                    self.pop_state();
                    return self.empty_scalar(at);
                }
                self.node(true, false)
            }
            State::DocumentEnd => {
                // kyaml and yaml v2 both stop after the first document, but look at what follows.
                self.scanner.peek()?;
                self.state = State::End;
                Ok(())
            }
            State::End => Ok(()),
            State::BlockNode => self.node(true, false),
            State::SequenceFirst => {
                self.take();
                self.state = State::SequenceEntry;
                self.sequence_entry()
            }
            State::SequenceEntry => self.sequence_entry(),
            State::IndentlessEntry => self.indentless_entry(),
            State::MappingFirst => {
                self.take();
                self.state = State::MappingKey;
                self.mapping_key()
            }
            State::MappingKey => self.mapping_key(),
            State::MappingValue => self.mapping_value(),
            State::FlowSequenceFirst => {
                self.take();
                self.flow_sequence_entry(true)
            }
            State::FlowSequenceEntry => self.flow_sequence_entry(false),
            State::PairKey => self.pair_key(),
            State::PairValue => self.pair_value(),
            State::PairEnd => {
                self.state = State::FlowSequenceEntry;
                self.close()
            }
            State::FlowMappingFirst => {
                self.take();
                self.flow_mapping_key(true)
            }
            State::FlowMappingKey => self.flow_mapping_key(false),
            State::FlowMappingValue => self.flow_mapping_value(),
            State::FlowMappingEmptyValue => {
                let at = self.scanner.peek()?.at;
                self.state = State::FlowMappingKey;
                self.empty_scalar(at)
            }
        }
    }

    fn document_start(&mut self) -> Scan<()> {
        let token = self.scanner.peek()?;
        match token.kind {
            Kind::StreamEnd => {
                self.state = State::End;
                return Ok(());
            }
            Kind::Version(..) | Kind::TagDirective(..) | Kind::DocumentStart => {}
            _ => {
                self.states.push(State::DocumentEnd);
                self.state = State::BlockNode;
                return Ok(());
            }
        }
        let mut version = false;
        loop {
            let (directive, at) = self.next_is(|kind| matches!(kind, Kind::Version(..) | Kind::TagDirective(..)))?;
            if !directive {
                let (start, _) = self.next_is(|kind| matches!(kind, Kind::DocumentStart))?;
                if !start {
                    return self.expected("<document start>", at);
                }
                self.take();
                break;
            }
            match self.take().kind {
                Kind::Version(1, 1) if !version => version = true,
                Kind::Version(1, 1) => {
                    return self.scanner.error(Problem::Directive("duplicate %YAML"), at);
                }
                Kind::TagDirective(handle, prefix) => {
                    if self.handles.iter().any(|(known, _)| *known == handle) {
                        return self.scanner.error(Problem::Directive("duplicate %TAG"), at);
                    }
                    self.handles.push((handle, prefix));
                }
                _ => {
                    return self.scanner.error(Problem::Directive("incompatible %YAML"), at);
                }
            }
        }
        self.states.push(State::DocumentEnd);
        self.state = State::DocumentContent;
        Ok(())
    }

    /// A node of any kind, with its properties.
    fn node(&mut self, block: bool, indentless: bool) -> Scan<()> {
        let mut properties = Properties::default();
        for _ in 0..2 {
            let property = match &self.scanner.peek()?.kind {
                Kind::Anchor(_) => properties.anchor.is_none(),
                Kind::Tag(..) => properties.tag.is_none(),
                _ => false,
            };
            if !property {
                break;
            }
            let token = self.take();
            properties.at = properties.at.or(Some(token.at));
            match token.kind {
                Kind::Anchor(name) => properties.anchor = Some(self.scanner.text(name).to_owned()),
                Kind::Tag(handle, suffix) => properties.tag = Some(self.full_tag(handle, suffix, token.at)?),
                _ => {}
            }
        }
        let token = self.scanner.peek()?;
        let at = properties.at.unwrap_or(token.at);
        match token.kind {
            Kind::Alias(_) if properties.at.is_none() => {
                let token = self.take();
                self.pop_state();
                let Kind::Alias(name) = token.kind else {
                    return Ok(());
                };
                self.alias(name, token.at)
            }
            Kind::Entry if indentless => {
                self.state = State::IndentlessEntry;
                self.open(false, false, properties, at)
            }
            Kind::Scalar(..) => {
                let token = self.take();
                self.pop_state();
                let Kind::Scalar(text, style) = token.kind else {
                    return Ok(());
                };
                self.scalar(text, style, properties, at)
            }
            Kind::FlowSequenceStart => {
                self.state = State::FlowSequenceFirst;
                self.open(false, true, properties, at)
            }
            Kind::FlowMappingStart => {
                self.state = State::FlowMappingFirst;
                self.open(true, true, properties, at)
            }
            Kind::SequenceStart if block => {
                self.state = State::SequenceFirst;
                self.open(false, false, properties, at)
            }
            Kind::MappingStart if block => {
                self.state = State::MappingFirst;
                self.open(true, false, properties, at)
            }
            _ if properties.anchor.is_some() || properties.tag.is_some() => {
                self.pop_state();
                self.scalar(Text::default(), Style::Plain, properties, at)
            }
            _ => {
                let at = token.at;
                self.expected("node content", at)
            }
        }
    }

    fn full_tag(&self, handle: String, suffix: String, at: usize) -> Scan<String> {
        if handle.is_empty() {
            return Ok(suffix);
        }
        let known = self.handles.iter().find(|(known, _)| *known == handle);
        match (known, handle.as_str()) {
            (Some((_, prefix)), _) => Ok(format!("{prefix}{suffix}")),
            (None, "!") => Ok(format!("!{suffix}")),
            (None, "!!") => Ok(format!("{LONG_TAG}{suffix}")),
            _ => self.scanner.error(Problem::TagHandle(handle), at),
        }
    }

    fn sequence_entry(&mut self) -> Scan<()> {
        let token = self.scanner.peek()?;
        let at = token.at;
        match token.kind {
            Kind::Entry => {
                self.take();
                let (empty, _) = self.next_is(|kind| matches!(kind, Kind::Entry | Kind::BlockEnd))?;
                self.state = State::SequenceEntry;
                if empty {
                    return self.empty_scalar(at + 1);
                }
                self.states.push(State::SequenceEntry);
                self.node(true, false)
            }
            Kind::BlockEnd => {
                self.take();
                self.pop_state();
                self.close()
            }
            _ => self.expected("'-' indicator", at),
        }
    }

    fn indentless_entry(&mut self) -> Scan<()> {
        let token = self.scanner.peek()?;
        let at = token.at;
        if !matches!(token.kind, Kind::Entry) {
            self.pop_state();
            return self.close();
        }
        self.take();
        let (empty, _) = self.next_is(|kind| matches!(kind, Kind::Entry | Kind::Key | Kind::Value | Kind::BlockEnd))?;
        self.state = State::IndentlessEntry;
        if empty {
            return self.empty_scalar(at + 1);
        }
        self.states.push(State::IndentlessEntry);
        self.node(true, false)
    }

    fn mapping_key(&mut self) -> Scan<()> {
        let token = self.scanner.peek()?;
        let at = token.at;
        match token.kind {
            Kind::Key => {
                self.take();
                let (empty, at) = self.next_is(|kind| matches!(kind, Kind::Key | Kind::Value | Kind::BlockEnd))?;
                self.state = State::MappingValue;
                if empty {
                    return self.empty_scalar(at);
                }
                self.states.push(State::MappingValue);
                self.node(true, true)
            }
            Kind::BlockEnd => {
                self.take();
                self.pop_state();
                self.close()
            }
            _ => self.expected("key", at),
        }
    }

    fn mapping_value(&mut self) -> Scan<()> {
        let (value, at) = self.next_is(|kind| matches!(kind, Kind::Value))?;
        self.state = State::MappingKey;
        if !value {
            return self.empty_scalar(at);
        }
        self.take();
        let (empty, _) = self.next_is(|kind| matches!(kind, Kind::Key | Kind::Value | Kind::BlockEnd))?;
        if empty {
            return self.empty_scalar(at + 1);
        }
        self.states.push(State::MappingKey);
        self.node(true, true)
    }

    fn flow_sequence_entry(&mut self, first: bool) -> Scan<()> {
        let (end, at) = self.next_is(|kind| matches!(kind, Kind::FlowSequenceEnd))?;
        if !end {
            if !first {
                let (comma, _) = self.next_is(|kind| matches!(kind, Kind::FlowEntry))?;
                if !comma {
                    return self.expected("',' or ']'", at);
                }
                self.take();
            }
            let token = self.scanner.peek()?;
            let at = token.at;
            match token.kind {
                Kind::Key => {
                    self.take();
                    self.state = State::PairKey;
                    return self.open(true, true, Properties::default(), at);
                }
                Kind::FlowSequenceEnd => {}
                _ => {
                    self.states.push(State::FlowSequenceEntry);
                    return self.node(false, false);
                }
            }
        }
        self.take();
        self.pop_state();
        self.close()
    }

    fn pair_key(&mut self) -> Scan<()> {
        let (empty, at) = self.next_is(|kind| matches!(kind, Kind::Value | Kind::FlowEntry | Kind::FlowSequenceEnd))?;
        if empty {
            // go-yaml takes the token here, whatever it is.
            self.take();
            self.state = State::PairValue;
            return self.empty_scalar(at + 1);
        }
        self.states.push(State::PairValue);
        self.node(false, false)
    }

    fn pair_value(&mut self) -> Scan<()> {
        let (value, _) = self.next_is(|kind| matches!(kind, Kind::Value))?;
        if value {
            self.take();
            let (empty, _) = self.next_is(|kind| matches!(kind, Kind::FlowEntry | Kind::FlowSequenceEnd))?;
            if !empty {
                self.states.push(State::PairEnd);
                return self.node(false, false);
            }
        }
        self.state = State::PairEnd;
        let at = self.scanner.peek()?.at;
        self.empty_scalar(at)
    }

    fn flow_mapping_key(&mut self, first: bool) -> Scan<()> {
        let (end, at) = self.next_is(|kind| matches!(kind, Kind::FlowMappingEnd))?;
        if !end {
            if !first {
                let (comma, _) = self.next_is(|kind| matches!(kind, Kind::FlowEntry))?;
                if !comma {
                    return self.expected("',' or '}'", at);
                }
                self.take();
            }
            match self.scanner.peek()?.kind {
                Kind::Key => {
                    self.take();
                    let (empty, at) =
                        self.next_is(|kind| matches!(kind, Kind::Value | Kind::FlowEntry | Kind::FlowMappingEnd))?;
                    self.state = State::FlowMappingValue;
                    if empty {
                        return self.empty_scalar(at);
                    }
                    self.states.push(State::FlowMappingValue);
                    return self.node(false, false);
                }
                Kind::FlowMappingEnd => {}
                _ => {
                    self.states.push(State::FlowMappingEmptyValue);
                    return self.node(false, false);
                }
            }
        }
        self.take();
        self.pop_state();
        self.close()
    }

    fn flow_mapping_value(&mut self) -> Scan<()> {
        let (value, _) = self.next_is(|kind| matches!(kind, Kind::Value))?;
        if value {
            self.take();
            let (empty, _) = self.next_is(|kind| matches!(kind, Kind::FlowEntry | Kind::FlowMappingEnd))?;
            if !empty {
                self.states.push(State::FlowMappingKey);
                return self.node(false, false);
            }
        }
        self.state = State::FlowMappingKey;
        let at = self.scanner.peek()?.at;
        self.empty_scalar(at)
    }

    fn empty_scalar(&mut self, at: usize) -> Scan<()> {
        self.scalar(Text::default(), Style::Plain, Properties::default(), at)
    }

    fn scalar(&mut self, text: Text, mut style: Style, properties: Properties, at: usize) -> Scan<()> {
        let explicit = properties.tag.as_deref().and_then(short_tag);
        let tag = match explicit {
            Some(tag) => {
                // The tag decides, not the quotes: `!!int "1"` is a number.
                if !matches!(tag, Tag::Str | Tag::Other | Tag::Binary) {
                    style = Style::Plain;
                }
                tag
            }
            // In v3 `!` means nothing on a plain scalar, in v2 it makes a string of it.
            None if style != Style::Plain || (self.dialect == Dialect::V2 && properties.tag.is_some()) => Tag::Str,
            None if &*text == "<<" => Tag::Merge,
            None => match self.dialect {
                Dialect::V3 => resolve_v3(&text),
                Dialect::V2 => resolve_v2(&text),
            },
        };
        let mut node = Node {
            value: Value::Scalar(text),
            tag,
            style,
            mark: self.scanner.source.mark(at),
            origin: None,
        };
        if self.dialect == Dialect::V2 {
            merge::canonical(&mut node)?;
        }
        self.count += 1;
        self.add_anchor(properties.anchor, &node, 1, 0);
        self.add(node);
        Ok(())
    }

    fn add_anchor(&mut self, anchor: Option<String>, node: &Node, count: u64, height: usize) {
        if let Some(name) = anchor {
            self.anchors.insert(
                name,
                Anchored::Done {
                    node: node.clone(),
                    count,
                    height,
                },
            );
        }
    }

    fn add(&mut self, node: Node) {
        if let Some(frame) = self.frames.last_mut() {
            let is_key = frame.is_map && (self.nodes.len() - frame.first).is_multiple_of(2);
            if is_key && (node.tag == Tag::Null || node.as_str() == Some("<<")) {
                frame.special = true;
            }
        }
        self.nodes.push(node);
    }

    fn alias(&mut self, name: Range<usize>, at: usize) -> Scan<()> {
        let name = self.scanner.text(name);
        match self.anchors.get(name) {
            None => self.scanner.error(Problem::UnknownAnchor(name.to_owned()), at),
            Some(Anchored::Open) => self.scanner.error(Problem::RecursiveAnchor(name.to_owned()), at),
            Some(Anchored::Done { node, count, height }) => {
                let (node, count, height) = (node.clone(), *count, *height);
                self.aliased += count;
                self.count += count;
                if self.aliased > MAX_ALIASED_NODES as u64 {
                    return self.scanner.error(Problem::AliasBomb, at);
                }
                if self.frames.len() + height > MAX_DEPTH {
                    return self.scanner.error(Problem::TooDeep("collections"), at);
                }
                if let Some(frame) = self.frames.last_mut() {
                    frame.height = frame.height.max(height);
                }
                self.add(node);
                Ok(())
            }
        }
    }

    fn open(&mut self, is_map: bool, flow: bool, properties: Properties, at: usize) -> Scan<()> {
        if self.frames.len() >= MAX_DEPTH {
            return self.scanner.error(Problem::TooDeep("collections"), at);
        }
        if let Some(name) = &properties.anchor {
            self.anchors.insert(name.clone(), Anchored::Open);
        }
        self.frames.push(Frame {
            is_map,
            flow,
            tag: properties.tag.as_deref().and_then(short_tag),
            at,
            first: self.nodes.len(),
            anchor: properties.anchor,
            count: self.count,
            height: 0,
            special: false,
        });
        self.count += 1;
        Ok(())
    }

    /// Makes a node of the innermost collection.
    fn close(&mut self) -> Scan<()> {
        let frame = self.frames.pop().expect("a collection is open");
        let children = self.nodes.drain(frame.first..);
        let (value, tag) = if frame.is_map {
            (Value::Map(Pairs(children).collect()), Tag::Map)
        } else {
            (Value::Seq(children.collect()), Tag::Seq)
        };
        let style = if frame.flow { Style::Flow } else { Style::Plain };
        let mark = self.scanner.source.mark(frame.at);
        let mut node = Node {
            value,
            tag: frame.tag.unwrap_or(tag),
            style,
            mark,
            origin: None,
        };
        if let Value::Map(map) = &mut node.value {
            match self.dialect {
                Dialect::V3 if frame.special => merge::apply_v3(map)?,
                Dialect::V3 => {}
                Dialect::V2 => merge::apply_v2(map, &mut self.duplicates)?,
            }
        }
        let height = frame.height + 1;
        if let Some(parent) = self.frames.last_mut() {
            parent.height = parent.height.max(height);
        }
        self.add_anchor(frame.anchor, &node, self.count - frame.count, height);
        self.add(node);
        Ok(())
    }
}

/// Nodes two by two.
struct Pairs<'n>(std::vec::Drain<'n, Node>);

impl Iterator for Pairs<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        Some(Entry {
            key: self.0.next()?,
            value: self.0.next()?,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len() / 2, Some(self.0.len() / 2))
    }
}

const LONG_TAG: &str = "tag:yaml.org,2002:";

/// The meaning of a written tag; `None` for `!`, which leaves it open.
fn short_tag(tag: &str) -> Option<Tag> {
    let name = match tag.strip_prefix(LONG_TAG).or_else(|| tag.strip_prefix("!!")) {
        Some(name) => name,
        None if tag == "!" || tag.is_empty() => return None,
        None => return Some(Tag::Other),
    };
    Some(match name {
        "null" => Tag::Null,
        "bool" => Tag::Bool,
        "int" => Tag::Int,
        "float" => Tag::Float,
        "str" => Tag::Str,
        "timestamp" => Tag::Timestamp,
        "binary" => Tag::Binary,
        "merge" => Tag::Merge,
        "map" => Tag::Map,
        "seq" => Tag::Seq,
        _ => Tag::Other,
    })
}
