//! Which lines of a file are not shown: those that hold values of secrets.
//!
//! Two ways to know them. A check says where it found a secret, and where the values of the Secrets it
//! built stand. And a text that reads like a Secret, a generator of one or a patch of one is never shown
//! with its values, whether or not it could be built.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use yaml::{Mark, Source, Sources};

/// What stands for what is not shown.
const INSTEAD: &str = "(hidden)";

/// How much of a line is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cover {
    /// What comes after the key.
    Value,
    /// All but the indentation.
    Line,
}

/// Lines, counted from 0.
type Covers = BTreeMap<usize, Cover>;

/// Places that a check knows to hold secrets, by the name of the file.
#[derive(Debug, Default)]
pub(crate) struct Hidden {
    files: BTreeMap<String, Covers>,
}

impl Hidden {
    /// Hides the lines at marks, to the end of the values that begin there.
    pub(crate) fn new(sources: &Sources, marks: &[Mark]) -> Hidden {
        let mut lines: BTreeMap<String, (Arc<Source>, Vec<usize>)> = BTreeMap::new();
        for mark in marks {
            let Some(source) = sources.get(mark.source) else {
                continue;
            };
            let place = source.place(mark.offset);
            let (_, lines) = lines.entry(place.file).or_insert_with(|| (source, Vec::new()));
            lines.push(place.line as usize - 1);
        }
        let cover = |(name, (source, marked)): (String, (Arc<Source>, Vec<usize>))| {
            let text = Lines::of(source.file().text());
            let mut covers = Covers::new();
            for line in marked {
                text.cover_value(line, Cover::Line, &mut covers);
            }
            (name, covers)
        };
        Hidden {
            files: lines.into_iter().map(cover).collect(),
        }
    }

    /// What may be shown of some lines of a file, the first of which has the number `first`, from 0.
    pub(crate) fn mask<'t>(&self, file: &Source, first: usize, lines: &[&'t str]) -> Vec<Cow<'t, str>> {
        let known = self.files.get(file.name());
        let read = read(file.text());
        let shown = lines.iter().enumerate().map(|(at, line)| {
            let number = first + at;
            let known = known.and_then(|covers| covers.get(&number));
            match known.max(read.get(&number)) {
                None => Cow::Borrowed(*line),
                Some(_) if line.trim().is_empty() => Cow::Borrowed(""),
                Some(Cover::Line) => Cow::Owned(format!("{}{INSTEAD}", &line[..indent(line)])),
                Some(Cover::Value) => match key(line) {
                    Some((key, value)) if !value.is_empty() => {
                        let column = key.column + key.width;
                        let kept: String = line.chars().take(column).collect();
                        Cow::Owned(format!("{kept}: {INSTEAD}"))
                    }
                    _ => Cow::Borrowed(*line),
                },
            }
        });
        shown.collect()
    }
}

/// A key at the beginning of a line.
struct Key<'t> {
    name: &'t str,
    /// Its column, after the dashes of lists.
    column: usize,
    /// With its quotes.
    width: usize,
}

/// The lines of a text, and where they begin.
struct Lines<'t>(Vec<&'t str>);

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Lines<'t> {
        Lines(text.split('\n').collect())
    }

    /// Lines from `from` on that are indented more than `column`, and the empty ones between them.
    fn inside(&self, from: usize, column: usize) -> usize {
        let rest = self.0.iter().skip(from);
        from + rest
            .take_while(|line| line.trim().is_empty() || indent(line) > column)
            .count()
    }

    /// The line of a value, and those it goes on to.
    fn cover_value(&self, line: usize, cover: Cover, covers: &mut Covers) {
        let Some(text) = self.0.get(line) else { return };
        covers
            .entry(line)
            .and_modify(|old| *old = cover.max(*old))
            .or_insert(cover);
        let column = key(text).map_or_else(|| indent(text), |(key, _)| key.column);
        let mut end = self.inside(line + 1, column);
        if text.contains("-----BEGIN ") {
            let rest = self.0.iter().skip(line);
            let whole = rest.take_while(|text| !text.contains("-----END ")).count();
            end = end.max((line + whole + 1).min(self.0.len()));
        }
        covers.extend((line + 1..end).map(|line| (line, Cover::Line)));
    }

    /// The keys beside the one on a line, itself among them.
    fn siblings(&self, line: usize) -> Vec<(usize, Key<'t>, &'t str)> {
        let Some((own, _)) = self.0.get(line).and_then(|text| key(text)) else {
            return Vec::new();
        };
        // A comment may stand in any column; a document may begin with anything.
        let ends = |text: &str| {
            let words = text.trim_start();
            text.starts_with("---") || !words.is_empty() && !words.starts_with('#') && indent(text) < own.column
        };
        let mut first = line;
        if indent(self.0[line]) == own.column {
            while first > 0 && !ends(self.0[first - 1]) {
                first -= 1;
            }
            // The first key of an item stands after its dash.
            let column = |line: usize| key(self.0[line]).map(|(key, _)| key.column);
            if first > 0 && !self.0[first - 1].starts_with("---") && column(first - 1) == Some(own.column) {
                first -= 1;
            }
        }
        let rest = self.0.iter().enumerate().skip(first);
        rest.take_while(|(at, text)| *at <= line || !ends(text))
            .filter_map(|(at, text)| key(text).map(|(key, value)| (at, key, value)))
            .filter(|(_, key, _)| key.column == own.column)
            .collect()
    }

    /// Hides the values of a mapping whose key is on a line.
    fn cover_mapping(&self, line: usize, key_column: usize, value: &str, covers: &mut Covers) {
        if !matches!(value, "" | "{" | "|" | "[") {
            covers.insert(line, Cover::Value);
        }
        let end = self.inside(line + 1, key_column);
        let column = |line: &str| key(line).map(|(key, _)| key.column);
        let first = (line + 1..end).find_map(|at| column(self.0[at]));
        for at in line + 1..end {
            let is_pair = first.is_some() && column(self.0[at]) == first;
            covers.insert(at, if is_pair { Cover::Value } else { Cover::Line });
        }
    }
}

/// The lines that read like values of Secrets.
fn read(text: &str) -> Covers {
    let mut covers = Covers::new();
    if !["Secret", "secretGenerator", "/data", "/stringData"]
        .iter()
        .any(|word| text.contains(word))
    {
        return covers;
    }
    let lines = Lines::of(text);
    for (at, line) in lines.0.iter().enumerate() {
        let is_flow = line.contains('{') && line.contains("kind") && line.contains("Secret");
        let is_operation = line.contains('{') && line.contains("value");
        if is_flow && (line.contains("data") || line.contains("stringData"))
            || is_operation && (line.contains("/data") || line.contains("/stringData"))
        {
            covers.insert(at, Cover::Line);
            continue;
        }
        let Some((key, value)) = key(line) else { continue };
        match (key.name, value.trim_matches(['"', '\'', ','])) {
            ("kind", "Secret") => {
                for (at, key, value) in lines.siblings(at) {
                    if matches!(key.name, "data" | "stringData") {
                        lines.cover_mapping(at, key.column, value, &mut covers);
                    }
                }
            }
            ("kind", "SecretGenerator") => {
                for (at, key, value) in lines.siblings(at) {
                    if key.name == "literals" {
                        cover_list(&lines, at, key.column, value, &mut covers);
                    }
                }
            }
            ("secretGenerator", _) => {
                let end = list_end(&lines, at, key.column);
                for at in at + 1..end {
                    if let Some((key, value)) = self::key(lines.0[at])
                        && key.name == "literals"
                    {
                        cover_list(&lines, at, key.column, value, &mut covers);
                    }
                }
            }
            ("path", path) if path.starts_with("/data") || path.starts_with("/stringData") => {
                for (at, key, value) in lines.siblings(at) {
                    if key.name == "value" {
                        lines.cover_mapping(at, key.column, value, &mut covers);
                    }
                }
            }
            _ => {}
        }
    }
    covers
}

/// The line after the list whose key is on a line: its items may stand in the column of the key.
fn list_end(lines: &Lines<'_>, line: usize, column: usize) -> usize {
    let belongs = |text: &&&str| {
        text.trim().is_empty() || indent(text) > column || indent(text) == column && text.trim_start().starts_with('-')
    };
    line + 1 + lines.0.iter().skip(line + 1).take_while(belongs).count()
}

fn cover_list(lines: &Lines<'_>, line: usize, column: usize, value: &str, covers: &mut Covers) {
    if !value.is_empty() {
        covers.insert(line, Cover::Value);
    }
    covers.extend((line + 1..list_end(lines, line, column)).map(|at| (at, Cover::Line)));
}

/// How many spaces a line begins with.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The key that a line begins with, and the text after it.
fn key(line: &str) -> Option<(Key<'_>, &str)> {
    let mut rest = line.trim_start_matches(' ');
    while let Some(after) = rest.strip_prefix("- ") {
        rest = after.trim_start_matches(' ');
    }
    let column = line.len() - rest.len();
    if rest.starts_with('#') {
        return None;
    }
    let end = rest
        .find(": ")
        .or_else(|| rest.trim_end().strip_suffix(':').map(str::len))?;
    let quoted = &rest[..end];
    let name = quoted.trim().trim_matches(['"', '\'']);
    Some((
        Key {
            name,
            column,
            width: quoted.chars().count(),
        },
        rest[end + 1..].trim(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, marks: &[usize]) -> String {
        let sources = Sources::new();
        let source = sources.add("a.yaml", text.to_owned());
        let marks: Vec<Mark> = marks.iter().map(|offset| source.mark(*offset)).collect();
        let lines: Vec<&str> = text.split('\n').collect();
        Hidden::new(&sources, &marks).mask(&source, 0, &lines).join("\n")
    }

    #[test]
    fn values_of_secrets_are_hidden_wherever_they_stand() {
        for (text, expected) in [
            (
                "kind: Secret\ndata:\n  a: eA==\n  b: |\n    eA==\n    eQ==\ntype: Opaque\n",
                "kind: Secret\ndata:\n  a: (hidden)\n  b: (hidden)\n    (hidden)\n    (hidden)\ntype: Opaque\n",
            ),
            (
                "stringData:\n  # once x\n  a: x\nkind: \"Secret\"\n---\nkind: ConfigMap\ndata:\n  a: x\n",
                "stringData:\n  (hidden)\n  a: (hidden)\nkind: \"Secret\"\n---\nkind: ConfigMap\ndata:\n  a: x\n",
            ),
            (
                "items:\n- data: {a: x}\n  kind: Secret\n- kind: ConfigMap\n  data: {a: x}\n",
                "items:\n- data: (hidden)\n  kind: Secret\n- kind: ConfigMap\n  data: {a: x}\n",
            ),
            (
                "{\n  \"data\": {\n    \"a\": \"x\"\n  },\n  \"kind\": \"Secret\"\n}",
                "{\n  \"data\": {\n    \"a\": (hidden)\n  },\n  \"kind\": \"Secret\"\n}",
            ),
            ("{kind: Secret, stringData: {a: x}}", "(hidden)"),
            (
                "secretGenerator:\n- name: s\n  literals:\n  - a=x\n  files:\n  - f\nconfigMapGenerator:\n- literals: [a=x]\n",
                "secretGenerator:\n- name: s\n  literals:\n  (hidden)\n  files:\n  - f\nconfigMapGenerator:\n- literals: [a=x]\n",
            ),
            (
                "- op: add\n  path: /data/a\n  value: x\n- op: add\n  path: /spec\n  value: x\n",
                "- op: add\n  path: /data/a\n  value: (hidden)\n- op: add\n  path: /spec\n  value: x\n",
            ),
            (
                "[{\"op\": \"add\", \"path\": \"/data/a\", \"value\": \"x\"}]",
                "(hidden)",
            ),
        ] {
            assert_eq!(shown(text, &[]), expected);
        }
    }

    #[test]
    fn what_a_check_points_to_is_hidden_to_its_end() {
        for (text, at, expected) in [
            ("a: x\nb: y\n", 3, "(hidden)\nb: y\n"),
            (
                "a:\n  b: |\n    x\n\n    y\n  c: z\n",
                8,
                "a:\n  (hidden)\n    (hidden)\n\n    (hidden)\n  c: z\n",
            ),
            (
                "- name: A\n  value: x\n- name: B\n",
                19,
                "- name: A\n  (hidden)\n- name: B\n",
            ),
            (
                "-----BEGIN KEY-----\nx\n-----END KEY-----\nrest\n",
                0,
                "(hidden)\n(hidden)\n(hidden)\nrest\n",
            ),
        ] {
            assert_eq!(shown(text, &[at]), expected);
        }
    }
}
