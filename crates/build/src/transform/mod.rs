//! The transformers, one a file.

pub(crate) mod fieldspec;
