//! The text of a tree in its own order and styles, as kyaml's `RNode.String` gives it: yaml v3's encoder
//! with an indentation of two and compact lists. Comments and tags of the user's own are not kept.

use super::Writer;
use super::analyze::{Analysis, analyze};
use super::scalar::is_simple_key;
use crate::node::{Entry, Node, Style, Tag, Value};
use crate::number::Dialect;
use crate::resolve::resolve_v3;

/// The tree as YAML, with a line break at the end.
pub fn encode_v3(node: &Node) -> String {
    let mut out = Vec::new();
    Writer::new(&mut out, usize::MAX).encode(node);
    String::from_utf8(out).expect("only characters were written")
}

/// A text as a block scalar at an indentation of two.
pub(super) fn block_scalar(text: &str, folded: bool) -> String {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, usize::MAX);
    if folded {
        writer.write_folded(text, 2);
    } else {
        writer.write_literal(text, 2);
    }
    String::from_utf8(out).expect("only characters were written")
}

/// An open collection; a mapping stands with its next key or, after that, its value.
enum Open<'n> {
    Seq {
        items: std::slice::Iter<'n, Node>,
        indent: usize,
        flow: bool,
        first: bool,
    },
    Map {
        entries: std::slice::Iter<'n, Entry>,
        indent: usize,
        flow: bool,
        first: bool,
        value: Option<(&'n Node, bool)>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Parent {
    Root,
    Mapping,
    Sequence,
}

/// Where a node is written.
#[derive(Clone, Copy)]
struct Context {
    parent: Parent,
    indent: usize,
    flow: bool,
    simple_key: bool,
}

impl Writer<'_, '_> {
    fn encode(&mut self, root: &Node) {
        let mut open = Vec::new();
        self.encode_node(
            root,
            Context {
                parent: Parent::Root,
                indent: 0,
                flow: false,
                simple_key: false,
            },
            &mut open,
        );
        while let Some(frame) = open.last_mut() {
            match frame {
                Open::Seq {
                    items,
                    indent,
                    flow,
                    first,
                } => {
                    let (indent, flow, is_first) = (*indent, *flow, std::mem::replace(first, false));
                    let Some(item) = items.next() else {
                        if flow {
                            self.write_bare("]");
                        }
                        open.pop();
                        continue;
                    };
                    if !flow {
                        self.write_indent(indent);
                        self.write_indicator(b'-');
                    } else if !is_first {
                        self.write_bare(",");
                    }
                    self.encode_node(
                        item,
                        Context {
                            parent: Parent::Sequence,
                            indent,
                            flow,
                            simple_key: false,
                        },
                        &mut open,
                    );
                }
                Open::Map {
                    entries,
                    indent,
                    flow,
                    first,
                    value,
                } => {
                    let (indent, flow) = (*indent, *flow);
                    let context = Context {
                        parent: Parent::Mapping,
                        indent,
                        flow,
                        simple_key: false,
                    };
                    if let Some((node, simple)) = value.take() {
                        if simple {
                            self.write_bare(":");
                        } else {
                            if !flow {
                                self.write_indent(indent);
                            }
                            self.write_indicator(b':');
                        }
                        self.encode_node(node, context, &mut open);
                        continue;
                    }
                    let Some(entry) = entries.next() else {
                        if flow {
                            self.write_bare("}");
                        }
                        open.pop();
                        continue;
                    };
                    if !flow {
                        self.write_indent(indent);
                    } else if !std::mem::replace(first, false) {
                        self.write_bare(",");
                    }
                    let simple = match &entry.key.value {
                        Value::Scalar(text) => is_simple_key(text),
                        Value::Map(map) => map.is_empty(),
                        Value::Seq(items) => items.is_empty(),
                    };
                    *value = Some((&entry.value, simple));
                    if !simple {
                        self.write_indicator(b'?');
                    }
                    self.encode_node(
                        &entry.key,
                        Context {
                            simple_key: simple,
                            ..context
                        },
                        &mut open,
                    );
                }
            }
        }
        self.write_indent(0);
        if self.out.last() != Some(&b'\n') {
            self.out.push(b'\n');
        }
    }

    fn encode_node<'n>(&mut self, node: &'n Node, context: Context, open: &mut Vec<Open<'n>>) {
        let Context { parent, indent, .. } = context;
        let deeper = if parent == Parent::Root { 0 } else { indent + 2 };
        let empty = match &node.value {
            Value::Scalar(text) => return self.encode_scalar(node, text, context),
            Value::Map(map) => map.is_empty(),
            Value::Seq(items) => items.is_empty(),
        };
        let flow = context.flow || node.style == Style::Flow || empty;
        let deeper = if flow { indent + 2 } else { deeper };
        let compact = parent == Parent::Mapping && (self.column == 0 || !self.indention);
        if flow {
            self.write_word(if matches!(node.value, Value::Map(_)) {
                b"{"
            } else {
                b"["
            });
            self.whitespace = true;
        }
        match &node.value {
            Value::Map(map) => open.push(Open::Map {
                entries: map.iter(),
                indent: deeper,
                flow,
                first: true,
                value: None,
            }),
            Value::Seq(items) => {
                let indent = if compact && !flow { indent } else { deeper };
                open.push(Open::Seq {
                    items: items.iter(),
                    indent,
                    flow,
                    first: true,
                });
            }
            Value::Scalar(_) => {}
        }
    }

    fn encode_scalar(&mut self, node: &Node, text: &str, context: Context) {
        let indent = if context.parent == Parent::Root {
            2
        } else {
            context.indent + 2
        };
        let resolved = resolve_v3(text);
        let quoted = !matches!(node.style, Style::Plain | Style::Flow);
        let mut force_quotes = false;
        match node.tag {
            Tag::Str => force_quotes = !quoted && resolved != Tag::Str,
            Tag::Unset | Tag::Other => {}
            tag if tag != resolved => self.write_word(tag.name().as_bytes()),
            _ => {}
        }
        let can: Analysis = analyze(text, Dialect::V3);
        let mut style = match node.style {
            Style::Plain | Style::Flow if text.contains('\n') => Style::Literal,
            Style::Plain | Style::Flow if force_quotes => Style::DoubleQuoted,
            Style::Flow => Style::Plain,
            style => style,
        };
        if context.simple_key && can.multiline {
            style = Style::DoubleQuoted;
        }
        let no_plain = if context.flow {
            !can.flow_plain
        } else {
            !can.block_plain
        };
        if style == Style::Plain && (no_plain || (text.is_empty() && (context.flow || context.simple_key))) {
            style = Style::SingleQuoted;
        }
        if style == Style::SingleQuoted && !can.single_quoted {
            style = Style::DoubleQuoted;
        }
        let block = matches!(style, Style::Literal | Style::Folded);
        if block && (!can.block || context.flow || context.simple_key) {
            style = Style::DoubleQuoted;
        }
        if style == Style::Plain && text.is_empty() {
            self.indention = false;
            return;
        }
        self.separate();
        match style {
            Style::SingleQuoted => self.write_single_quoted(text, indent, false),
            Style::DoubleQuoted => self.write_double_quoted(text, indent, false),
            Style::Literal => self.write_literal(text, indent),
            Style::Folded => self.write_folded(text, indent),
            Style::Plain | Style::Flow => {
                self.write_raw(text);
                self.end_scalar();
            }
        }
    }

    /// A piece of punctuation that needs no space before it.
    fn write_bare(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
        self.column += text.len();
        self.end_scalar();
    }
}
