//! The nodes of the collections that are still open, while a document is read.
//!
//! They stand in one stack: the items of lists, and the keys and values of mappings in turn. Here a node is
//! written once, and stays until its collection is closed: to hand it from call to call costs more than to make it.

use std::ops::Range;
use std::sync::Arc;

use ecow::EcoVec;

use crate::node::{Entry, Map, Node, Seq, Style, Tag, Value};
use crate::source::{Mark, Source};
use crate::text::Text;

/// What stands where no node is; it need not be dropped.
const PLACE: Node = Node {
    value: Value::Scalar(Text::from_static("")),
    tag: Tag::Unset,
    style: Style::Plain,
    mark: Mark::NONE,
    origin: None,
};

/// A stack of nodes.
#[derive(Default)]
pub(super) struct Nodes {
    /// From `len` on, [`PLACE`]s.
    places: Vec<Node>,
    len: usize,
}

impl Nodes {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn push(&mut self, value: Value, tag: Tag, style: Style, mark: Mark) {
        fill(self.next(), value, tag, style, mark);
    }

    /// Adds the scalar that means what stands at `range` of a source.
    #[inline(always)]
    pub(super) fn push_slice(&mut self, source: &Arc<Source>, range: Range<usize>, tag: Tag, style: Style, mark: Mark) {
        let text = &source.text()[range.clone()];
        // The place before the value: nothing can go wrong between the two, so the value is made in its place.
        let place = self.next();
        let text = Text::part(source, range.start, text);
        fill(place, Value::Scalar(text), tag, style, mark);
    }

    pub(super) fn pop(&mut self) -> Option<Node> {
        self.len = self.len.checked_sub(1)?;
        Some(take(&mut self.places[self.len]))
    }

    /// Takes the nodes from `first` on as the keys and values of a mapping.
    #[inline]
    pub(super) fn take_map(&mut self, first: usize) -> Map {
        let (pairs, _) = self.places[first..self.len].as_chunks_mut::<2>();
        self.len = first;
        let mut entries = EcoVec::with_capacity(pairs.len());
        for [key, value] in pairs {
            entries.push(Entry {
                key: take(key),
                value: take(value),
            });
        }
        Map::from(entries)
    }

    /// Takes the nodes from `first` on as the items of a list.
    #[inline]
    pub(super) fn take_seq(&mut self, first: usize) -> Seq {
        let places = &mut self.places[first..self.len];
        self.len = first;
        let mut items = Seq::with_capacity(places.len());
        for item in places {
            items.push(take(item));
        }
        items
    }

    /// The place of the next node.
    #[inline]
    fn next(&mut self) -> &mut Node {
        if self.len == self.places.len() {
            self.places.push(PLACE);
        }
        self.len += 1;
        &mut self.places[self.len - 1]
    }
}

#[inline]
fn take(node: &mut Node) -> Node {
    std::mem::replace(node, PLACE)
}

#[inline(always)]
fn fill(place: &mut Node, value: Value, tag: Tag, style: Style, mark: Mark) {
    let node = Node {
        value,
        tag,
        style,
        mark,
        origin: None,
    };
    let place = std::mem::replace(place, node);
    debug_assert!(place.tag == Tag::Unset);
    std::mem::forget(place);
}
