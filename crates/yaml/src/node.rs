//! The tree: scalars, mappings and sequences, each with its tag, style, place and origin.
//!
//! Collections are reference counted and copied when they are changed while shared, so that a clone
//! of a whole object costs one reference count, and a change to the clone copies only the path to it.

use std::sync::Arc;

use ecow::EcoVec;

use crate::origin::{Change, Layer, Origin};
use crate::resolve::resolve_v2;
use crate::source::Mark;
use crate::text::Text;

/// What a node is known to be, in go-yaml's short tags. `Unset` is a node made by code without a
/// tag: it means whatever its text resolves to when it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Tag {
    Unset,
    Null,
    Bool,
    Int,
    Float,
    Str,
    Timestamp,
    Binary,
    Merge,
    Map,
    Seq,
    /// Any tag of the user's own, such as `!Ref`; it means a string, or the collection it is on.
    Other,
}

/// How a node was written. For collections only `Plain` (block) and `Flow` are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
    Folded,
    Flow,
}

/// The content of a node.
#[derive(Clone, Debug)]
pub enum Value {
    Scalar(Text),
    Map(Map),
    Seq(Seq),
}

/// The elements of a sequence.
pub type Seq = EcoVec<Node>;

/// One node of the tree. Equality is of content alone: it is not implemented, compare what you mean.
#[derive(Clone, Debug)]
pub struct Node {
    pub value: Value,
    pub tag: Tag,
    pub style: Style,
    /// Where the node begins, unless code made it.
    pub mark: Mark,
    /// Who changed it since it was read.
    pub origin: Origin,
}

/// A key and its value.
#[derive(Clone, Debug)]
pub struct Entry {
    pub key: Node,
    pub value: Node,
}

/// A mapping in the order it was written. Keys may repeat until the tree is printed.
#[derive(Clone, Debug, Default)]
pub struct Map {
    entries: EcoVec<Entry>,
}

impl Node {
    fn new(value: Value, tag: Tag) -> Node {
        Node {
            value,
            tag,
            style: Style::Plain,
            mark: Mark::NONE,
            origin: None,
        }
    }

    /// A string; it is quoted when printed if its text would read as something else.
    pub fn string(text: impl Into<Text>) -> Node {
        Node::new(Value::Scalar(text.into()), Tag::Str)
    }

    /// A string that is written in quotes if its bare text would read as something else. A text that
    /// takes its place later inherits the quotes, as kyaml's `FieldSetter` has it.
    pub fn quoted_string(text: impl Into<Text>) -> Node {
        let mut node = Node::string(text);
        let is_bare = node
            .as_str()
            .is_some_and(|text| text.contains('\n') || resolve_v2(text) == Tag::Str);
        node.style = if is_bare { Style::Plain } else { Style::DoubleQuoted };
        node
    }

    /// A scalar with a tag of the caller's choice.
    pub fn scalar(text: impl Into<Text>, tag: Tag) -> Node {
        Node::new(Value::Scalar(text.into()), tag)
    }

    /// `null`.
    pub fn null() -> Node {
        Node::new(Value::Scalar(Text::from("null")), Tag::Null)
    }

    /// A mapping.
    pub fn map(map: Map) -> Node {
        Node::new(Value::Map(map), Tag::Map)
    }

    /// A sequence.
    pub fn seq(items: impl Into<Seq>) -> Node {
        Node::new(Value::Seq(items.into()), Tag::Seq)
    }

    /// The same node at another place.
    #[must_use]
    pub fn at(mut self, mark: Mark) -> Node {
        self.mark = mark;
        self
    }

    /// Whether the node is tagged null (`null`, `~`, or nothing at all).
    pub fn is_null(&self) -> bool {
        self.tag == Tag::Null
    }

    /// Whether the node is null, an empty mapping or an empty sequence.
    pub fn is_null_or_empty(&self) -> bool {
        self.is_null()
            || match &self.value {
                Value::Scalar(_) => false,
                Value::Map(map) => map.is_empty(),
                Value::Seq(items) => items.is_empty(),
            }
    }

    pub fn is_scalar(&self) -> bool {
        matches!(self.value, Value::Scalar(_))
    }

    /// The text of a scalar, whatever its tag.
    #[inline]
    pub fn text(&self) -> Option<&Text> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a scalar, whatever its tag.
    #[inline]
    pub fn as_str(&self) -> Option<&str> {
        self.text().map(Text::as_str)
    }

    #[inline]
    pub fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    #[inline]
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    #[inline]
    pub fn as_seq(&self) -> Option<&Seq> {
        match &self.value {
            Value::Seq(items) => Some(items),
            _ => None,
        }
    }

    #[inline]
    pub fn as_seq_mut(&mut self) -> Option<&mut Seq> {
        match &mut self.value {
            Value::Seq(items) => Some(items),
            _ => None,
        }
    }

    /// The value of the first entry with this key, if the node is a mapping that has it.
    #[inline]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.get(key)
    }

    /// The value of the first entry with this key, to be changed.
    #[inline]
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.as_map_mut()?.get_mut(key)
    }

    /// The node at a path of keys.
    pub fn get_path<'p>(&self, path: impl IntoIterator<Item = &'p str>) -> Option<&Node> {
        path.into_iter().try_fold(self, |node, key| node.get(key))
    }

    /// The mark of the node at a path of keys, or of the last one on the way that has a place: where something
    /// that is missing would stand.
    pub fn nearest_mark<'p>(&self, path: impl IntoIterator<Item = &'p str>) -> Mark {
        let mut mark = self.mark;
        let mut node = self;
        for key in path {
            let Some(child) = node.get(key) else { break };
            node = child;
            if child.mark.is_some() {
                mark = child.mark;
            }
        }
        mark
    }

    /// Replaces the whole node with `new`, remembering in its origin what was there before and which
    /// layer changed it. The place of the result is the place of `new`.
    pub fn replace(&mut self, new: Node, layer: &Arc<Layer>) {
        let previous = std::mem::replace(self, new);
        self.origin = Some(Arc::new(Change {
            layer: layer.clone(),
            previous: Some(previous),
        }));
    }

    /// Marks every node of this tree as set by `layer`, with nothing before it.
    pub fn stamp(&mut self, layer: &Arc<Layer>) {
        self.stamp_all(&layer.made());
    }

    fn stamp_all(&mut self, change: &Arc<Change>) {
        self.origin = Some(change.clone());
        match &mut self.value {
            Value::Scalar(_) => {}
            Value::Map(map) => {
                for entry in map.iter_mut() {
                    entry.key.origin = Some(change.clone());
                    entry.value.stamp_all(change);
                }
            }
            Value::Seq(items) => {
                for item in items.make_mut() {
                    item.stamp_all(change);
                }
            }
        }
    }
}

impl Map {
    pub fn new() -> Map {
        Map::default()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.entries.iter()
    }

    /// All entries, to be changed. Copies them if they are shared.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Entry> {
        self.entries.make_mut().iter_mut()
    }

    pub fn as_slice(&self) -> &[Entry] {
        &self.entries
    }

    /// The position of the first entry with this key.
    #[inline]
    pub fn position(&self, key: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.key.as_str() == Some(key))
    }

    #[inline]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.position(key).map(|at| &self.entries[at].value)
    }

    /// The value of a key, to be changed. Copies the entries only if the key is there.
    #[inline]
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let at = self.position(key)?;
        Some(&mut self.entries.make_mut()[at].value)
    }

    /// The value of the entry at a position, to be changed.
    ///
    /// # Panics
    /// If there is no entry at the position.
    pub fn value_at_mut(&mut self, position: usize) -> &mut Node {
        &mut self.entries.make_mut()[position].value
    }

    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    /// Sets the value of a key: in its place if the key is there, at the end if not.
    pub fn insert(&mut self, key: impl Into<Text>, value: Node) -> Option<Node> {
        let key = key.into();
        match self.get_mut(&key) {
            Some(old) => Some(std::mem::replace(old, value)),
            None => {
                self.push(Node::string(key), value);
                None
            }
        }
    }

    /// Adds an entry at the end without looking for its key.
    pub fn push(&mut self, key: Node, value: Node) {
        if self.entries.len() == self.entries.capacity() {
            self.grow();
        }
        self.entries.push(Entry { key, value });
    }

    /// Makes room for a quarter more entries: most mappings are short, and few get more than one new entry.
    fn grow(&mut self) {
        let mut entries = EcoVec::with_capacity(self.len() + self.len() / 4 + 1);
        entries.extend(std::mem::take(&mut self.entries));
        self.entries = entries;
    }

    /// Removes the first entry with this key.
    pub fn remove(&mut self, key: &str) -> Option<Entry> {
        let at = self.position(key)?;
        Some(self.entries.remove(at))
    }

    /// Keeps only the entries that `keep` accepts.
    pub fn retain(&mut self, keep: impl FnMut(&mut Entry) -> bool) {
        self.entries.retain(keep);
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

impl From<EcoVec<Entry>> for Map {
    fn from(entries: EcoVec<Entry>) -> Map {
        Map { entries }
    }
}

impl FromIterator<Entry> for Map {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Map {
        Map {
            entries: entries.into_iter().collect(),
        }
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = &'a Entry;
    type IntoIter = std::slice::Iter<'a, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Map {
    type Item = Entry;
    type IntoIter = ecow::vec::IntoIter<Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}
