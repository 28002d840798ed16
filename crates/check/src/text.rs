//! Every text of every object, with the way to it.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use resource::Resource;
use yaml::{Mark, Node, Value};

/// A node on the way to a text: what it hangs on, and how.
struct Branch<'a> {
    above: u32,
    step: Step<'a>,
    node: &'a Node,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Item(u32),
}

/// The texts of a build.
#[derive(Default)]
pub(crate) struct Texts<'a> {
    branches: Vec<Branch<'a>>,
    leaves: Vec<(&'a Resource, u32)>,
}

/// A single value of an object.
#[derive(Clone, Copy)]
pub struct Text<'t> {
    texts: &'t Texts<'t>,
    at: u32,
    pub object: &'t Resource,
    pub value: &'t str,
    pub mark: Mark,
}

impl<'a> Texts<'a> {
    pub(crate) fn new(objects: &'a [Resource]) -> Texts<'a> {
        let mut texts = Texts::default();
        for object in objects {
            texts.visit(object, &object.node, 0, Step::Root);
        }
        texts
    }

    fn visit(&mut self, object: &'a Resource, node: &'a Node, above: u32, step: Step<'a>) {
        let at = u32::try_from(self.branches.len()).unwrap_or(u32::MAX);
        self.branches.push(Branch { above, step, node });
        match &node.value {
            Value::Scalar(_) if node.is_null() => {}
            Value::Scalar(_) => self.leaves.push((object, at)),
            Value::Map(map) => {
                for entry in map {
                    self.visit(
                        object,
                        &entry.value,
                        at,
                        Step::Key(entry.key.as_str().unwrap_or_default()),
                    );
                }
            }
            Value::Seq(items) => {
                for (position, item) in items.iter().enumerate() {
                    self.visit(
                        object,
                        item,
                        at,
                        Step::Item(u32::try_from(position).unwrap_or(u32::MAX)),
                    );
                }
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Text<'_>> {
        self.leaves.iter().map(|&(object, at)| {
            let node = self.branches[at as usize].node;
            Text {
                texts: self,
                at,
                object,
                value: node.as_str().unwrap_or_default(),
                mark: node.mark,
            }
        })
    }
}

impl<'t> Text<'t> {
    fn branch(&self, at: u32) -> &'t Branch<'t> {
        &self.texts.branches[at as usize]
    }

    /// The way from the text up to its object.
    fn upwards(&self) -> impl Iterator<Item = &'t Branch<'t>> + use<'t> {
        let texts = self.texts;
        let branch = move |at: u32| &texts.branches[at as usize];
        std::iter::successors(Some(branch(self.at)), move |from| match from.step {
            Step::Root => None,
            _ => Some(branch(from.above)),
        })
    }

    /// The path of the field, as `spec.containers[name=main].image`.
    pub fn field(&self) -> String {
        let branches: Vec<&Branch<'_>> = self.upwards().collect();
        let mut path = String::new();
        for branch in branches.iter().rev() {
            match branch.step {
                Step::Root => {}
                Step::Key(key) if key.contains(['.', '[', ']', '"']) => path.push_str(&format!("[\"{key}\"]")),
                Step::Key(key) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                }
                Step::Item(position) => match branch.node.get("name").and_then(Node::as_str) {
                    Some(name) => path.push_str(&format!("[name={name}]")),
                    None => path.push_str(&format!("[{position}]")),
                },
            }
        }
        path
    }

    /// The name of the field it is the value of.
    pub fn last_key(&self) -> Option<&'t str> {
        match self.branch(self.at).step {
            Step::Key(key) => Some(key),
            _ => None,
        }
    }

    /// The name of the field that holds its field.
    pub fn key_above(&self) -> Option<&'t str> {
        match self.upwards().nth(1)?.step {
            Step::Key(key) => Some(key),
            _ => None,
        }
    }

    /// The name of the outermost field, such as `data`.
    pub fn first_key(&self) -> Option<&'t str> {
        let keys = self.upwards().filter_map(|branch| match branch.step {
            Step::Key(key) => Some(key),
            _ => None,
        });
        keys.last()
    }

    /// The mapping it is a value of.
    pub fn mapping(&self) -> Option<&'t Node> {
        self.upwards()
            .nth(1)
            .map(|branch| branch.node)
            .filter(|node| node.as_map().is_some())
    }

    /// Whether it is a value that nodes must have for one of these labels: `key`, `values`.
    pub fn is_topology_value(&self, labels: &[&str]) -> bool {
        let mut above = self.upwards().skip(1);
        let is_values = above
            .next()
            .is_some_and(|list| matches!(list.step, Step::Key("values")));
        let expression = above.next().map(|branch| branch.node);
        is_values
            && expression.is_some_and(|expression| {
                let text = |field| expression.get(field).and_then(Node::as_str).unwrap_or_default();
                labels.contains(&text("key")) && text("operator") == "In"
            })
    }

    /// The content: what a Secret holds in Base64, or the text itself.
    pub fn decoded(&self) -> Cow<'t, str> {
        if self.object.kind() != "Secret" || self.first_key() != Some("data") {
            return Cow::Borrowed(self.value);
        }
        let packed: String = self.value.split_whitespace().collect();
        match STANDARD.decode(packed) {
            Ok(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
            Err(_) => Cow::Borrowed(self.value),
        }
    }
}
