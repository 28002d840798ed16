//! Reading: text to trees. `scan` makes tokens, `compose` makes a tree of them, `read` splits files
//! into documents.

mod comments;
mod compose;
mod fast;
mod layout;
mod merge;
mod nodes;
mod read;
mod scalar;
mod scan;

pub use compose::Duplicate;
pub use layout::read_layout;
pub use read::{
    Config, DecodeError, Documents, decode, normalize_newlines, read_chunks, read_config, read_documents,
    split_documents,
};

use crate::error::ParseError;
use crate::number::Dialect;
use crate::source::Sources;

/// Reads a text that is nothing but one block scalar, inside a mapping at the left edge.
pub(crate) fn read_block_scalar(text: &str) -> Result<String, ParseError> {
    let source = Sources::new().add("block scalar", text.to_owned());
    let mut scanner = scan::Scanner::new(&source, 0..text.len(), Dialect::V3);
    scanner.indent = 0;
    Ok(scanner.scan_block_scalar(!text.starts_with('>'))?.to_string())
}

#[cfg(test)]
mod tests;
