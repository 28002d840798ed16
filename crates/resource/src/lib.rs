//! Kubernetes objects with identity and provenance: ordered sets, selectors, field paths, merge keys.

mod finding;
mod id;
mod image;
mod labels;
mod merge;
mod near;
mod object;
mod pattern;
mod pod;
mod schema;
mod selector;
mod set;

pub use finding::{Finding, Severity};
pub use id::{DEFAULT_NAMESPACE, Gvk, NOT_NAMESPACED, ResId, split_api_version};
pub use image::Image;
pub use labels::{LabelSelector, LabelSelectorError};
pub use merge::{MAX_DEPTH as MAX_MERGE_DEPTH, MergeError, Merged, prepare as prepare_patch, strategic_merge};
pub use near::{is_misspelt, nearest};
pub use object::{Behavior, BuildOrigin, ConfiguredBy, PreviousId, Resource};
pub use pattern::{Pattern, PatternError};
pub use pod::{Container, ContainerKind, Pod, items, pods};
pub use schema::{Schema, SchemaError, TypeRef};
pub use selector::{SelectorError, SelectorMatcher};
pub use set::{IdTaken, ResourceSet};
