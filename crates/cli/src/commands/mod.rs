//! The commands, one file each.

pub(crate) mod audit;
pub(crate) mod build;
pub(crate) mod cache;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod diff;
pub(crate) mod edit;
pub(crate) mod emulator;
pub(crate) mod evidence;
pub(crate) mod explain;
pub(crate) mod fix;
pub(crate) mod function;
pub(crate) mod identity;
pub(crate) mod localize;
pub(crate) mod lock;
pub(crate) mod man;
pub(crate) mod openapi;
pub(crate) mod package;
pub(crate) mod policy;
pub(crate) mod report;
pub(crate) mod rules;
pub(crate) mod schema;
pub(crate) mod secrets;
pub(crate) mod version;
