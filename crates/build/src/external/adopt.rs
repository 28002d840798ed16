//! What a function gave back, laid over what it was given: a value that is as it was keeps its origin, and
//! one that is new or differs says which function set it.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use yaml::{Entry, Layer, Map, Mark, Node, Seq, Tag, Value};

/// The step that ran a function, and the line that configured it.
pub(crate) struct Setter<'a> {
    pub(crate) layer: &'a Arc<Layer>,
    pub(crate) mark: Mark,
}

impl Setter<'_> {
    /// The new tree, with the nodes of the old one wherever they print alike.
    pub(crate) fn adopt(&self, old: &Node, new: Node) -> Node {
        match (&old.value, new.value) {
            (Value::Map(before), Value::Map(after)) => Node {
                value: Value::Map(self.adopt_map(before, after)),
                ..old.clone()
            },
            (Value::Seq(before), Value::Seq(after)) => Node {
                value: Value::Seq(self.adopt_seq(before, after)),
                ..old.clone()
            },
            (Value::Scalar(_), value @ Value::Scalar(_)) => {
                let new = Node { value, ..new };
                if alike(old, &new) {
                    old.clone()
                } else {
                    self.replace(old, new)
                }
            }
            (_, value) => self.replace(old, Node { value, ..new }),
        }
    }

    /// A tree that was not there before.
    pub(crate) fn make(&self, mut new: Node) -> Node {
        place(&mut new, self.mark);
        new.stamp(self.layer);
        new
    }

    fn replace(&self, old: &Node, new: Node) -> Node {
        let mut node = old.clone();
        node.replace(self.make(new), self.layer);
        node
    }

    fn adopt_map(&self, before: &Map, after: Map) -> Map {
        let known: HashMap<&str, &Entry> = before
            .iter()
            .filter_map(|entry| Some((entry.key.as_str()?, entry)))
            .collect();
        let adopt = |entry: Entry| {
            let old = entry.key.as_str().and_then(|key| known.get(key));
            match old {
                Some(old) if alike(&old.key, &entry.key) => Entry {
                    key: old.key.clone(),
                    value: self.adopt(&old.value, entry.value),
                },
                _ => Entry {
                    key: self.make(entry.key),
                    value: self.make(entry.value),
                },
            }
        };
        after.into_iter().map(adopt).collect()
    }

    /// Elements are known again by their name or their value; where a list has the length it had, the others
    /// by their position.
    fn adopt_seq(&self, before: &Seq, after: Seq) -> Seq {
        let mut known: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
        for (at, item) in before.iter().enumerate().rev() {
            if let Some(name) = name(item) {
                known.entry(name).or_default().push(at);
            }
        }
        let found: Vec<Option<usize>> = after.iter().map(|item| known.get_mut(&name(item)?)?.pop()).collect();
        let used: HashSet<usize> = found.iter().flatten().copied().collect();
        let same_length = before.len() == after.len();
        let adopt = |(at, item): (usize, Node)| {
            let here = (same_length && !used.contains(&at)).then_some(at);
            match found[at].or(here) {
                Some(position) => self.adopt(&before[position], item),
                None => self.make(item),
            }
        };
        after.into_iter().enumerate().map(adopt).collect()
    }
}

/// Fields that name an element of a list.
const NAMES: [&str; 5] = ["name", "key", "mountPath", "containerPort", "ip"];

/// By what an element of a list is known.
fn name(item: &Node) -> Option<Vec<u8>> {
    match &item.value {
        Value::Scalar(_) => print(item),
        Value::Map(map) => NAMES.into_iter().find_map(|field| {
            let mut name = print(map.get(field)?)?;
            name.extend_from_slice(field.as_bytes());
            Some(name)
        }),
        Value::Seq(_) => None,
    }
}

/// Whether two scalars are printed alike.
fn alike(old: &Node, new: &Node) -> bool {
    match (old.as_str(), new.as_str()) {
        (Some(before), Some(after)) if old.tag == new.tag && (before == after || old.tag == Tag::Str) => {
            before == after
        }
        (Some(_), Some(_)) => print(old).is_some_and(|old| print(new) == Some(old)),
        _ => false,
    }
}

fn print(scalar: &Node) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    yaml::emit(scalar, &mut out).ok().map(|()| out)
}

fn place(node: &mut Node, mark: Mark) {
    node.mark = mark;
    match &mut node.value {
        Value::Scalar(_) => {}
        Value::Map(map) => map.iter_mut().for_each(|entry| {
            entry.key.mark = mark;
            place(&mut entry.value, mark);
        }),
        Value::Seq(items) => items.make_mut().iter_mut().for_each(|item| place(item, mark)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use yaml::Sources;

    fn read(sources: &Sources, text: &str) -> Node {
        let source = sources.add("f.yaml".to_owned(), text.to_owned());
        yaml::read_documents(&source).expect("it is YAML").nodes.remove(0)
    }

    /// The paths of what a function is said to have set.
    fn set(node: &Node, path: &str, layer: &Arc<Layer>, found: &mut Vec<String>) {
        let is_set = |node: &Node| node.origin.as_ref().is_some_and(|change| change.layer == *layer);
        match &node.value {
            Value::Scalar(_) => {
                if is_set(node) {
                    found.push(path.to_owned());
                }
            }
            Value::Map(map) => map.iter().for_each(|entry| {
                let key = entry.key.as_str().unwrap_or_default();
                set(&entry.value, &format!("{path}.{key}"), layer, found);
            }),
            Value::Seq(items) => items
                .iter()
                .enumerate()
                .for_each(|(at, item)| set(item, &format!("{path}[{at}]"), layer, found)),
        }
    }

    #[test]
    fn only_what_differs_is_set() {
        let sources = Sources::new();
        let old = read(
            &sources,
            "a: True\nb: 0x10\nc: text\nlist: [x, y]\nnamed:\n- {name: one, v: 1}\n- {name: two, v: 2}\ngone: 1\nkind: 1\n",
        );
        let new = read(
            &sources,
            "a: true\nb: 16\nc: \"text\"\nlist: [new, x, y]\nnamed:\n- {name: two, v: 3}\n- {name: one, v: 1}\nadded: {x: 1}\nkind: [1]\n",
        );
        let layer = Arc::new(Layer::new("k".into(), "transformers[0]".into(), Mark::NONE));
        let setter = Setter {
            layer: &layer,
            mark: Mark::NONE,
        };
        let mut expected = Vec::new();
        yaml::emit(&new, &mut expected).expect("it is printed");
        let adopted = setter.adopt(&old, new);
        let mut printed = Vec::new();
        yaml::emit(&adopted, &mut printed).expect("it is printed");
        assert_eq!(printed, expected);
        let mut found = Vec::new();
        set(&adopted, "", &layer, &mut found);
        assert_eq!(found, [".list[0]", ".named[0].v", ".added.x", ".kind[0]"]);
        let before = adopted
            .get("named")
            .and_then(Node::as_seq)
            .map(|items| items[0].get("v"));
        let change = before
            .flatten()
            .and_then(|node| node.origin.as_deref())
            .expect("it was changed");
        assert_eq!(change.previous.as_ref().and_then(Node::as_str), Some("2"));
    }
}
