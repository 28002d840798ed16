//! A directory to its objects, as kustomize builds it: load, generate, transform, finish.

pub mod config;
mod error;
mod field_path;
mod json;
mod transform;

pub use error::{BuildError, ErrorKind, Result};
