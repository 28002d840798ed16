//! Kubernetes objects with identity and provenance: ordered sets, selectors, field paths, merge keys.

mod finding;
mod id;
mod merge;
mod object;
mod schema;
mod set;

pub use finding::{Finding, Severity};
pub use id::{DEFAULT_NAMESPACE, Gvk, NOT_NAMESPACED, ResId, split_api_version};
pub use merge::{MAX_DEPTH as MAX_MERGE_DEPTH, MergeError, Merged, prepare as prepare_patch, strategic_merge};
pub use object::{Behavior, BuildOrigin, ConfiguredBy, PreviousId, Resource};
pub use schema::{Schema, SchemaError, TypeRef};
pub use set::{IdTaken, ResourceSet};
