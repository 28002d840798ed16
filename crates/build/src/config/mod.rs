//! Configuration: what kustomization files and transformer configurations say.

mod types;

pub use types::*;
