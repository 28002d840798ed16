//! What differs between two sets of objects: two states of one tree, or two environments.
//!
//! In go the objects of two builds; out come the objects that are in one only, and of those in both the
//! fields that differ, each with the place and the layer that set it on either side. A function of its
//! input: nothing is read, nothing is printed.

mod compare;
mod pair;
mod path;

use std::sync::Arc;

use resource::{ResId, Resource, Schema};
use yaml::{Layer, Mark, Node};

/// The objects that differ, in the order of the second set; those that are gone come last.
#[derive(Debug, Default)]
pub struct Difference<'a> {
    pub objects: Vec<ObjectDifference<'a>>,
    /// How many objects are the same on both sides.
    pub same: usize,
}

/// An object that differs.
#[derive(Debug)]
pub enum ObjectDifference<'a> {
    Added(&'a Resource),
    Removed(&'a Resource),
    Changed(ChangedObject<'a>),
}

/// An object that is on both sides, and not the same.
#[derive(Debug)]
pub struct ChangedObject<'a> {
    pub before: &'a Resource,
    pub after: &'a Resource,
    /// Why its name is another one, if it is.
    pub renamed: Option<Renamed>,
    /// The fields that differ, name and namespace apart.
    pub fields: Vec<FieldDifference<'a>>,
}

/// How an object came to another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renamed {
    /// Its name ends in a hash of its content.
    Content,
    /// A prefix, a suffix, a namespace.
    Otherwise,
}

/// A field that differs.
#[derive(Debug)]
pub struct FieldDifference<'a> {
    /// As `spec.template.spec.containers[name=server].image`.
    pub path: String,
    /// `None` where the field is on the other side only.
    pub before: Option<Side<'a>>,
    pub after: Option<Side<'a>>,
    /// It names an object whose name ends in a hash, and only the hash is another one: the id of that object.
    pub follows: Option<ResId>,
    /// Its values are those of a Secret, and are not to be shown.
    pub is_secret: bool,
}

/// A field on one side.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    pub node: &'a Node,
    /// The step that set it.
    pub layer: &'a Arc<Layer>,
}

impl Side<'_> {
    /// Where the value stands, or else the line that asked for it.
    pub fn mark(&self) -> Mark {
        if self.node.mark.is_some() {
            self.node.mark
        } else {
            self.layer.mark
        }
    }
}

impl ObjectDifference<'_> {
    /// The id after the change, or of what is gone.
    pub fn id(&self) -> ResId {
        match self {
            ObjectDifference::Added(object) | ObjectDifference::Removed(object) => object.id(),
            ObjectDifference::Changed(changed) => changed.after.id(),
        }
    }
}

impl Difference<'_> {
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

/// Compares two sets of objects. Lists are compared by the merge keys of `schema`.
pub fn difference<'a>(before: &'a [Resource], after: &'a [Resource], schema: &Schema) -> Difference<'a> {
    let pairs = pair::pairs(before, after);
    let hashed = pair::hashed(&pairs);
    let mut result = Difference::default();
    for pair in pairs {
        let difference = match pair {
            (None, Some(after)) => ObjectDifference::Added(after),
            (Some(before), None) => ObjectDifference::Removed(before),
            (None, None) => continue,
            (Some(before), Some(after)) => {
                let fields = compare::fields(before, after, schema, &hashed);
                let renamed = pair::renamed(before, after);
                if fields.is_empty() && renamed.is_none() {
                    result.same += 1;
                    continue;
                }
                ObjectDifference::Changed(ChangedObject {
                    before,
                    after,
                    renamed,
                    fields,
                })
            }
        };
        result.objects.push(difference);
    }
    result
}

#[cfg(test)]
mod tests;
