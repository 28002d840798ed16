//! Values as text: what is written for a node that a change brings in.

use crate::node::{Map, Node, Tag, Value};
use crate::resolve::{resolve_v2, resolve_v3};

use super::layout::Quote;

/// How a file is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) newline: &'static str,
    /// Columns from a key to the dashes of its list.
    pub(super) list_indent: usize,
}

impl Manner {
    /// A line break and the indentation of the next line.
    pub(super) fn line(self, column: usize) -> String {
        format!("{}{:column$}", self.newline, "")
    }

    /// A node in block style, whose first character stands at a column.
    pub(super) fn block(self, node: &Node, column: usize) -> String {
        match &node.value {
            Value::Scalar(_) => self.scalar(node, column, Quote::Plain),
            Value::Map(map) if map.is_empty() => "{}".to_owned(),
            Value::Seq(items) if items.is_empty() => "[]".to_owned(),
            Value::Map(map) => {
                let entries: Vec<String> = map
                    .iter()
                    .map(|entry| self.entry(&entry.key, &entry.value, column))
                    .collect();
                entries.join(&self.line(column))
            }
            Value::Seq(items) => {
                let items: Vec<String> = items
                    .iter()
                    .map(|item| format!("- {}", self.block(item, column + 2)))
                    .collect();
                items.join(&self.line(column))
            }
        }
    }

    /// A key and its value in block style, the key at a column.
    pub(super) fn entry(self, key: &Node, value: &Node, column: usize) -> String {
        let key = self.flow(key);
        let inside = match &value.value {
            Value::Map(map) if !map.is_empty() => column + 2,
            Value::Seq(items) if !items.is_empty() => column + self.list_indent,
            Value::Scalar(_) => return format!("{key}: {}", self.scalar(value, column + 2, Quote::Plain)),
            _ => return format!("{key}: {}", self.block(value, column)),
        };
        format!("{key}:{}{}", self.line(inside), self.block(value, inside))
    }

    /// A node in flow style.
    pub(super) fn flow(self, node: &Node) -> String {
        match &node.value {
            Value::Scalar(text) if text.contains('\n') => double_quoted(text),
            Value::Scalar(_) => quoted(node, Quote::Plain),
            Value::Map(map) => format!("{{{}}}", self.flow_entries(map)),
            Value::Seq(items) => {
                let items: Vec<String> = items.iter().map(|item| self.flow(item)).collect();
                format!("[{}]", items.join(", "))
            }
        }
    }

    fn flow_entries(self, map: &Map) -> String {
        let entries = map
            .iter()
            .map(|entry| format!("{}: {}", self.flow(&entry.key), self.flow(&entry.value)));
        entries.collect::<Vec<_>>().join(", ")
    }

    /// A scalar in the quotes it has had, or the fewest that it needs. Lines are indented to `column`.
    pub(super) fn scalar(self, node: &Node, column: usize, quote: Quote) -> String {
        let text = node.as_str().unwrap_or_default();
        if !text.contains('\n') {
            return quoted(node, quote);
        }
        let body = text.trim_end_matches('\n');
        let is_plain_text = !text.starts_with([' ', '\n', '\t'])
            && column > 0
            && text.lines().all(|line| !line.ends_with([' ', '\t']))
            && text
                .chars()
                .all(|c| c == '\n' || (!c.is_control() && c != '\u{2028}' && c != '\u{2029}' && c != '\u{FEFF}'));
        let chomping = match text.len() - body.len() {
            0 => "-",
            1 => "",
            _ => return double_quoted(text),
        };
        if !is_plain_text || body.is_empty() {
            return double_quoted(text);
        }
        let mut out = format!("|{chomping}");
        for line in body.split('\n') {
            out.push_str(self.newline);
            if !line.is_empty() {
                out.push_str(&" ".repeat(column));
                out.push_str(line);
            }
        }
        out
    }
}

/// A scalar on one line.
fn quoted(node: &Node, quote: Quote) -> String {
    let text = node.as_str().unwrap_or_default();
    if node.tag != Tag::Str {
        return text.to_owned();
    }
    if text
        .chars()
        .any(|c| c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}'))
    {
        return double_quoted(text);
    }
    match quote {
        Quote::Double => double_quoted(text),
        Quote::Plain | Quote::Block if is_plain(text) => text.to_owned(),
        Quote::Plain | Quote::Block if !is_string(text) => double_quoted(text),
        _ => format!("'{}'", text.replace('\'', "''")),
    }
}

/// Whether a text means itself without quotes, in block and in flow style.
pub(super) fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else {
        return false;
    };
    let is_dash = first == '-' && text[1..].chars().next().is_none_or(|c| c == ' ');
    let is_indicator = "#&*!|>'\"%@`?: ".contains(first) || text.starts_with("---") || text.starts_with("...");
    let has_indicator = text.contains([',', '[', ']', '{', '}']) || text.contains(": ") || text.contains(" #");
    let is_special = is_dash || is_indicator || has_indicator || text.ends_with([' ', ':']);
    !is_special && is_string(text)
}

/// Whether a text without quotes is a string to both parsers, and no number or the like.
fn is_string(text: &str) -> bool {
    resolve_v2(text) == Tag::Str && resolve_v3(text) == Tag::Str
}

/// Whether quotes are those that a text needs, in the manner of kustomize.
pub(super) fn is_forced(quote: Quote, raw: &str) -> bool {
    match quote {
        Quote::Single => is_string(raw) && !is_plain(raw),
        Quote::Double => !is_string(raw),
        Quote::Plain | Quote::Block => false,
    }
}

fn double_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if (c as u32) < 0x20 || c == '\u{7F}' => out.push_str(&format!("\\x{:02X}", c as u32)),
            c if matches!(c, '\u{80}'..='\u{9F}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}') => {
                out.push_str(&format!("\\u{:04X}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
