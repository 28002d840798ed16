//! Where a violation stands: the field that its message is about.
//!
//! A policy says what is wrong in words. They quote a name, an image, a host, or a path; the object is
//! searched for what is quoted, and the most telling place wins. Without one it is the kind of the object.

use yaml::{Mark, Node, Value};

use crate::Violation;

/// A field and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) field: String,
    pub(crate) mark: Mark,
}

/// Signs around a word that is quoted.
const QUOTES: [(char, char); 5] = [('<', '>'), ('"', '"'), ('\'', '\''), ('`', '`'), ('[', ']')];

/// The place of a violation in an object.
pub(crate) fn place(violation: &Violation, object: &Node) -> Place {
    let texts: Vec<&str> = std::iter::once(&*violation.message)
        .chain(violation.details.iter().map(|(_, value)| &**value))
        .collect();
    let mut words: Vec<(&str, u32)> = Vec::new();
    for text in &texts {
        quoted(text, &mut words);
        let bare = text.split(|c: char| c.is_whitespace() || ",;()<>\"'`".contains(c));
        words.extend(bare.map(|word| (word.trim_matches([':', '.', '[', ']', '{', '}']), 1)));
    }
    words.retain(|(word, _)| word.len() > 1);
    let mut best: Option<(u32, Place)> = None;
    let mut path = String::new();
    search(object, &mut path, &mut |field, node, key| {
        let score = score(field, node, key, &words);
        if score > 0 && best.as_ref().is_none_or(|(known, _)| score > *known) {
            let place = Place {
                field: field.to_owned(),
                mark: node.mark,
            };
            best = Some((score, place));
        }
    });
    best.map(|(_, place)| place)
        .filter(|place| place.mark.is_some())
        .unwrap_or_else(|| Place {
            field: String::new(),
            mark: object.get("kind").map_or(object.mark, |kind| kind.mark),
        })
}

fn quoted<'t>(text: &'t str, words: &mut Vec<(&'t str, u32)>) {
    for (open, close) in QUOTES {
        let mut rest = text;
        while let Some(start) = rest.find(open) {
            let inner = &rest[start + open.len_utf8()..];
            let Some(end) = inner.find(close) else { break };
            let word = &inner[..end];
            if !word.is_empty() && word.len() < 300 {
                words.push((word, 3));
            }
            rest = &inner[end + close.len_utf8()..];
        }
    }
}

/// How much a field is what the words are about: a path that is named wins over a value that is quoted, a
/// value over the name of what holds it.
fn score(field: &str, node: &Node, key: &str, words: &[(&str, u32)]) -> u32 {
    let mut score = 0;
    for (word, weight) in words {
        // A path, as `spec.replicas`, `.spec.hostNetwork` or `spec.containers[0].image`.
        if word.contains('.') && word.trim_start_matches('.') == field {
            score = score.max(20 + weight);
        }
        if !key.is_empty() && key.len() > 3 && *word == key && !matches!(key, "name" | "kind" | "metadata" | "spec") {
            score = score.max(4 + weight);
        }
        if node.as_str().is_some_and(|text| text == *word)
            && !matches!(field, "kind" | "apiVersion" | "metadata.name" | "metadata.namespace")
        {
            let is_telling = node
                .as_str()
                .is_some_and(|text| text.len() > 3 && text.contains(['/', ':', '.']));
            let base = match key {
                "name" => 6,
                _ if is_telling => 10,
                // A bare word or number may stand anywhere.
                _ if *weight < 3 => 0,
                _ => 5,
            };
            score = score.max(if base == 0 { 0 } else { base + weight });
        }
    }
    score
}

/// Visits every field with its path, its node and its key.
fn search<'n>(node: &'n Node, path: &mut String, see: &mut dyn FnMut(&str, &'n Node, &str)) {
    let before = path.len();
    match &node.value {
        Value::Map(map) => {
            for entry in map {
                let key = entry.key.as_str().unwrap_or_default();
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
                see(path, &entry.value, key);
                search(&entry.value, path, see);
                path.truncate(before);
            }
        }
        Value::Seq(items) => {
            for (at, item) in items.iter().enumerate() {
                match item.get("name").and_then(Node::as_str) {
                    Some(name) => path.push_str(&format!("[name={name}]")),
                    None => path.push_str(&format!("[{at}]")),
                }
                see(path, item, "");
                search(item, path, see);
                path.truncate(before);
            }
        }
        Value::Scalar(_) => {}
    }
}
