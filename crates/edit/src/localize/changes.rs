//! Paths that change in one YAML document: kept in the author's layout where that can be done, and printed anew
//! where it cannot (a path behind an alias).

use yaml::{Editor, Node, Step};

/// One step of the way to a value.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Key(String),
    Index(usize),
}

/// Where a value stands.
pub(super) type Place = Vec<Part>;

/// A document and the texts that change in it.
pub(super) struct Changes {
    node: Node,
    changed: Vec<(Place, String)>,
}

impl Changes {
    pub(super) fn new(node: Node) -> Changes {
        Changes {
            node,
            changed: Vec::new(),
        }
    }

    pub(super) fn node(&self) -> &Node {
        &self.node
    }

    /// The texts at a path: that of a scalar, those of a list, with their places. `*` stands for every item.
    pub(super) fn texts(&self, path: &[&str]) -> Vec<(Place, Node)> {
        fn walk(node: &Node, path: &[&str], place: &mut Place, out: &mut Vec<(Place, Node)>) {
            let Some((first, rest)) = path.split_first() else {
                if node.is_scalar() && !node.is_null() {
                    out.push((place.clone(), node.clone()));
                }
                return;
            };
            if *first == "*" {
                for (index, item) in node.as_seq().into_iter().flatten().enumerate() {
                    place.push(Part::Index(index));
                    walk(item, rest, place, out);
                    place.pop();
                }
            } else if let Some((key, value)) = entry(node, first) {
                place.push(Part::Key(key));
                walk(value, rest, place, out);
                place.pop();
            }
        }
        let mut out = Vec::new();
        walk(&self.node, path, &mut Vec::new(), &mut out);
        out
    }

    /// Notes the new text of a value.
    pub(super) fn set(&mut self, place: Place, old: &Node, new: String) {
        if old.as_str() != Some(&*new) {
            self.changed.push((place, new));
        }
    }

    /// The text of the document after the changes; `text` is what it was.
    pub(super) fn apply(&self, text: &str) -> Result<String, yaml::EmitError> {
        if self.changed.is_empty() {
            return Ok(text.to_owned());
        }
        if let Ok(text) = self.edit(text) {
            return Ok(text);
        }
        let mut node = self.node.clone();
        for (place, new) in &self.changed {
            let found = place.iter().try_fold(&mut node, |node, part| match part {
                Part::Key(key) => node.get_mut(key),
                Part::Index(index) => node.as_seq_mut()?.make_mut().get_mut(*index),
            });
            if let Some(value) = found {
                *value = Node::string(new.as_str());
            }
        }
        let mut out = Vec::new();
        yaml::emit(&node, &mut out)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    fn edit(&self, text: &str) -> Result<String, yaml::EditError> {
        let mut editor = Editor::new(text)?;
        for (place, new) in &self.changed {
            let steps: Vec<Step<'_>> = place
                .iter()
                .map(|part| match part {
                    Part::Key(key) => Step::Key(key),
                    Part::Index(index) => Step::Index(*index),
                })
                .collect();
            editor.set(&steps, &Node::string(new.as_str()))?;
        }
        Ok(editor.text().to_owned())
    }
}

/// The entry of a mapping, its key spelled as it is; kustomize does not mind the case.
pub(super) fn entry<'n>(node: &'n Node, field: &str) -> Option<(String, &'n Node)> {
    let map = node.as_map()?;
    let exact = map.iter().find(|entry| entry.key.as_str() == Some(field));
    let found = exact.or_else(|| {
        map.iter()
            .find(|entry| entry.key.as_str().is_some_and(|key| key.eq_ignore_ascii_case(field)))
    })?;
    Some((found.key.as_str()?.to_owned(), &found.value))
}
