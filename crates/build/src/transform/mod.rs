//! The transformers, one a file.

pub(crate) mod fieldspec;
pub(crate) mod json_patch;
