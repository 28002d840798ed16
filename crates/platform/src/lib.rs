//! `terrace.yaml`: the environments of a repository in the order of promotion, where their kustomizations
//! are, and what holds in each.
//!
//! In goes the file at the root of the repository; out comes a [`Platform`], and by [`Platform::targets`]
//! every kustomization of every environment.

mod discover;
mod file;

#[cfg(test)]
mod tests;

pub use decode::{DecodeError, Marked, decode};
pub use discover::Target;
pub use file::{
    Environment, EvidenceFiles, FILE_NAME, GrantFiles, Level, Platform, PlatformError, RecordPlaces, RuleSetting,
    Waiver, json_schema, read,
};
