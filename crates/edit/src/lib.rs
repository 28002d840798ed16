//! kustomize's editing commands: a directory and the arguments of a command come in, its kustomization file
//! is changed in place. What is said in the file is what kustomize would make of it; comments, order, quotes
//! and indentation are those of its author.
//!
//! Every command gives back what is to be told to the user, such as that a resource was there already.

pub mod add;
pub mod create;
mod error;
mod file;
pub mod fix;
pub mod generator;
mod glob;
pub mod localize;
mod pairs;
pub mod remove;
pub mod set;

pub use error::{Error, Result};
pub use file::Kustomization;

/// What a command tells the user.
pub type Notes = Vec<String>;
