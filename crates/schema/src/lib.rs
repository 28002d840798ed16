//! What Kubernetes objects must look like: the built-in kinds of several versions, custom resources by their
//! definitions, and what an object does wrong, at the line that does it.
//!
//! Types are in an arena of our own (`types`), not a JSON schema: one pass answers for several versions of
//! Kubernetes, and knows the place, the field and the names that were meant. The built-in kinds are packed by
//! `cargo run -p xtask -- kubernetes` into `data/kubernetes.bin`, 26 kB, Terrace's own kinds by `vertex` into
//! `data/vertex.bin`, custom resources of other projects by `bundled` into `data/bundled.bin`; they are unpacked when first asked for.

mod catalog;
mod crd;
mod defaults;
mod export;
mod format;
mod json;
mod lifecycle;
mod name;
mod quantity;
mod rules;
mod types;
mod validate;
mod versions;

pub use catalog::{Catalog, Custom, KUBERNETES_VERSIONS, Lookup, bundled, kubernetes, versions, workloads};
pub use crd::{Definition, Dialect, definitions, every_definition, schema_to_types};
pub use export::{kind_schema, type_schema};
pub use json::value as json_value;
pub use types::{CelRule, Field, Format, Json, Kind, Limits, Logic, Others, Type, TypeId, Types};
pub use versions::Versions;
