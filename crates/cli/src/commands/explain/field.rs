//! Paths to fields as a person types them: `spec.containers[name=server].image`, `a["b.c/d"]`, `a[0]`.

use std::str::FromStr;

use resource::{Resource, nearest};
use yaml::{Node, Value};

use crate::diagnostic::Diagnostic;

/// The steps from an object to a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FieldPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
    /// The item whose field has a value.
    Item(String, String),
}

/// A step that leads nowhere.
#[derive(Debug)]
pub(super) struct Missing {
    before: FieldPath,
    step: Step,
    there: Vec<Step>,
}

impl FieldPath {
    /// The node at this path.
    pub(super) fn find<'n>(&self, node: &'n Node) -> Result<&'n Node, Missing> {
        let mut node = node;
        for (at, step) in self.0.iter().enumerate() {
            node = step.of(node).ok_or_else(|| Missing {
                before: FieldPath(self.0[..at].to_vec()),
                step: step.clone(),
                there: steps(node).map(|(step, _)| step).collect(),
            })?;
        }
        Ok(node)
    }

    pub(super) fn join(&self, step: Step) -> FieldPath {
        let mut steps = self.0.clone();
        steps.push(step);
        FieldPath(steps)
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }

    pub(super) fn first_key(&self) -> Option<&str> {
        match self.0.first()? {
            Step::Key(key) => Some(key),
            _ => None,
        }
    }
}

/// The steps that a node can be left by, and where they lead.
pub(super) fn steps(node: &Node) -> impl Iterator<Item = (Step, &Node)> {
    let entries = node.as_map().into_iter().flatten();
    let keys = entries.map(|entry| {
        (
            Step::Key(entry.key.as_str().unwrap_or_default().to_owned()),
            &entry.value,
        )
    });
    let items = node.as_seq().map_or(&[][..], |items| items.as_slice());
    let items = items
        .iter()
        .enumerate()
        .map(move |(at, item)| (item_step(items, at), item));
    keys.chain(items)
}

/// An item by its name, where it has one of its own.
fn item_step(items: &[Node], at: usize) -> Step {
    let name = |item: &Node| item.get("name").and_then(Node::as_str).map(str::to_owned);
    match name(&items[at]) {
        // Long lists are not searched for twins again and again.
        Some(own)
            if items.len() <= 64 && items.iter().filter(|item| name(item).as_ref() == Some(&own)).count() == 1 =>
        {
            Step::Item("name".to_owned(), own)
        }
        _ => Step::Index(at),
    }
}

impl Step {
    pub(super) fn of<'n>(&self, node: &'n Node) -> Option<&'n Node> {
        match (self, &node.value) {
            (Step::Key(key), Value::Map(map)) => map.get(key),
            (Step::Key(key), Value::Seq(items)) => items.get(key.parse::<usize>().ok()?),
            (Step::Index(at), Value::Seq(items)) => items.get(*at),
            (Step::Item(field, value), Value::Seq(items)) => items
                .iter()
                .find(|item| item.get(field).and_then(Node::as_str) == Some(value)),
            _ => None,
        }
    }
}

impl Missing {
    pub(super) fn diagnostic(&self, object: &Resource) -> Diagnostic {
        let here = match self.before.to_string() {
            path if path.is_empty() => object.id().full_name(),
            path => format!("{path} of {}", object.id().full_name()),
        };
        let step = self.step.to_string();
        let error = Diagnostic::error(format!("no field \"{step}\" in {here}"));
        let there: Vec<String> = self.there.iter().map(Step::to_string).collect();
        if there.is_empty() {
            return error.hint("it has no fields: leave the rest of the path away");
        }
        let near = nearest(&step, there.iter().map(String::as_str));
        let more = match there.len().saturating_sub(near.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        error.hint(format!("it has {}{more}", near.join(", ")))
    }
}

impl FromStr for FieldPath {
    type Err = String;

    fn from_str(text: &str) -> Result<FieldPath, String> {
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (step, after) = match rest.strip_prefix('[') {
                Some(inside) => bracket(inside)?,
                None => key(rest)?,
            };
            steps.push(step);
            rest = after;
            if let Some(after) = rest.strip_prefix('.') {
                if after.is_empty() {
                    return Err("a path does not end in a dot".to_owned());
                }
                rest = after;
            } else if !rest.is_empty() && !rest.starts_with('[') {
                return Err(format!("a dot or a bracket is missing before \"{rest}\""));
            }
        }
        Ok(FieldPath(steps))
    }
}

/// A key up to the next dot or bracket; `\.` is a dot of the key.
fn key(text: &str) -> Result<(Step, &str), String> {
    let mut key = String::new();
    let mut characters = text.char_indices();
    let mut rest = "";
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => key.extend(characters.next().map(|(_, c)| c)),
            '.' | '[' => {
                rest = &text[at..];
                break;
            }
            c => key.push(c),
        }
    }
    if key.is_empty() {
        return Err(format!("a field name is missing before \"{rest}\""));
    }
    Ok((Step::Key(key), rest))
}

/// What stands in brackets: a quoted key, a position, or `field=value`.
fn bracket(inside: &str) -> Result<(Step, &str), String> {
    let unclosed = || format!("\"[{inside}\" has no closing bracket");
    if let Some(quote @ ('"' | '\'')) = inside.chars().next() {
        let (key, rest) = quoted(inside, quote).ok_or_else(unclosed)?;
        return Ok((Step::Key(key), rest.strip_prefix(']').ok_or_else(unclosed)?));
    }
    let (field, after) = inside.split_once(['=', ']']).ok_or_else(unclosed)?;
    if !inside[field.len()..].starts_with('=') {
        let position = field
            .parse()
            .map_err(|_| format!("\"[{field}]\" is no position, no quoted key and no field=value"))?;
        return Ok((Step::Index(position), after));
    }
    let (value, rest) = match after.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let (value, rest) = quoted(after, quote).ok_or_else(unclosed)?;
            (value, rest.strip_prefix(']').ok_or_else(unclosed)?)
        }
        _ => after
            .split_once(']')
            .map(|(value, rest)| (value.to_owned(), rest))
            .ok_or_else(unclosed)?,
    };
    Ok((Step::Item(field.to_owned(), value), rest))
}

/// The text between quotes, and what follows; a backslash keeps the next character.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => value.push(characters.next()?.1),
            c if c == quote => return Some((value, &text[at + 1..])),
            c => value.push(c),
        }
    }
    None
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        match self {
            Step::Key(key) if key.is_empty() || key.contains(['.', '[', ']', '\\', '"', ' ']) => {
                write!(f, "[{}]", quote(key))
            }
            Step::Key(key) => f.write_str(key),
            Step::Index(at) => write!(f, "[{at}]"),
            Step::Item(field, value) if value.contains([']', '"', '\'']) => write!(f, "[{field}={}]", quote(value)),
            Step::Item(field, value) => write!(f, "[{field}={value}]"),
        }
    }
}

impl std::fmt::Display for FieldPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            let step = step.to_string();
            if at > 0 && !step.starts_with('[') {
                f.write_str(".")?;
            }
            f.write_str(&step)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, shown: &str) {
        assert_eq!(text.parse::<FieldPath>().unwrap().to_string(), shown);
        assert_eq!(shown.parse::<FieldPath>().unwrap(), text.parse::<FieldPath>().unwrap());
    }

    #[test]
    fn reads_paths() {
        check("spec.template", "spec.template");
        check(
            "spec.containers[name=server].image",
            "spec.containers[name=server].image",
        );
        check(
            "spec.containers.[name=server].image",
            "spec.containers[name=server].image",
        );
        check("a[0][1].b", "a[0][1].b");
        check(r#"metadata.annotations["a.b/c"]"#, r#"metadata.annotations["a.b/c"]"#);
        check(r"metadata.annotations['a.b/c']", r#"metadata.annotations["a.b/c"]"#);
        check(r"metadata.annotations.a\.b/c", r#"metadata.annotations["a.b/c"]"#);
        check(r#"a[b="c]d"]"#, r#"a[b="c]d"]"#);
        check("", "");
    }

    #[test]
    fn refuses_what_is_no_path() {
        for text in [
            "a.",
            ".a",
            "a..b",
            "a[",
            "a[x]",
            "a[b=c",
            r#"a["b"#,
            "a[0]b",
            r#"a["b"c"#,
        ] {
            assert!(text.parse::<FieldPath>().is_err(), "{text}");
        }
    }

    #[test]
    fn finds_fields() {
        let containers = Node::seq(vec![named("a"), named("b")]);
        let object = Node::map(
            [("list", containers)]
                .into_iter()
                .fold(yaml::Map::new(), |mut map, (key, node)| {
                    map.insert(key, node);
                    map
                }),
        );
        let find = |path: &str| {
            path.parse::<FieldPath>()
                .unwrap()
                .find(&object)
                .ok()
                .and_then(Node::as_str)
        };
        assert_eq!(find("list[name=b].name"), Some("b"));
        assert_eq!(find("list[0].name"), Some("a"));
        assert_eq!(find("list.1.name"), Some("b"));
        assert_eq!(find("list[name=c].name"), None);
        let shown: Vec<String> = steps(object.get("list").unwrap())
            .map(|(step, _)| step.to_string())
            .collect();
        assert_eq!(shown, ["[name=a]", "[name=b]"]);
    }

    fn named(name: &str) -> Node {
        let mut map = yaml::Map::new();
        map.insert("name", Node::string(name));
        Node::map(map)
    }
}
