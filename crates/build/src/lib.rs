//! A directory to its objects, as kustomize builds it: load, generate, transform, finish.

pub mod config;
mod error;

pub use error::{BuildError, ErrorKind, Result};
