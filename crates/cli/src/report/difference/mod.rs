//! What `terrace diff` found, one format a file.

mod html;
mod json;
mod markdown;
mod record;
mod text;

pub(crate) use html::render as html;
pub(crate) use json::render as json;
pub(crate) use markdown::render as markdown;
pub(crate) use record::{Comparison, Sides};
pub(crate) use text::render as text;
