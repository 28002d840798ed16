//! The transformers, one a file.

pub(crate) mod affix;
pub(crate) mod fieldspec;
pub(crate) mod hash;
pub(crate) mod image;
pub(crate) mod json_patch;
pub(crate) mod label;
pub(crate) mod name_reference;
pub(crate) mod namespace;
pub(crate) mod patch;
pub(crate) mod replacement;
pub(crate) mod replica;
pub(crate) mod sort_order;
pub(crate) mod value_add;
pub(crate) mod vars;
