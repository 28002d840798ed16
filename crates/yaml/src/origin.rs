//! Who set a value: the layers that changed it after it was read, newest first.
//!
//! A node that is as it was read has no chain: its [`Mark`](crate::Mark) is its origin. Each change
//! adds one link, which keeps the node it replaced (with that node's own chain).

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::node::Node;
use crate::source::Mark;

/// One step of a build that sets values: a field of a kustomization, a patch, a generator.
#[derive(Debug)]
pub struct Layer {
    /// Path of the kustomization file that asked for the step, as the user knows it.
    pub kustomization: Arc<str>,
    /// The step in the words of the kustomization file: `namePrefix`, `patches[2]`, `images[0]`.
    pub step: String,
    /// The line of the kustomization (or transformer configuration) that asked for it.
    pub mark: Mark,
    /// The change of values that were not there before: one for all of them, as long as one is there.
    made: Mutex<Weak<Change>>,
}

impl Layer {
    pub fn new(kustomization: Arc<str>, step: String, mark: Mark) -> Layer {
        Layer {
            kustomization,
            step,
            mark,
            made: Mutex::default(),
        }
    }

    /// The change of a value that this layer made, with nothing before it.
    pub(crate) fn made(self: &Arc<Layer>) -> Arc<Change> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.upgrade().unwrap_or_else(|| {
            let change = Arc::new(Change {
                layer: self.clone(),
                previous: None,
            });
            *made = Arc::downgrade(&change);
            change
        })
    }
}

impl PartialEq for Layer {
    fn eq(&self, other: &Layer) -> bool {
        (&self.kustomization, &self.step, self.mark) == (&other.kustomization, &other.step, other.mark)
    }
}

impl Eq for Layer {}

/// One change of a value.
#[derive(Debug)]
pub struct Change {
    /// The step that made the change.
    pub layer: Arc<Layer>,
    /// The value before, where there was one.
    pub previous: Option<Node>,
}

/// The changes of one value, newest first; `None` for a value that is as it was read.
pub type Origin = Option<Arc<Change>>;
