//! YAML as kustomize reads and prints it: bytes to a tree with spans, and back to canonical bytes; and an
//! editor that keeps a file as its author wrote it.

mod edit;
mod emit;
mod error;
pub mod json;
mod layout;
mod node;
mod number;
mod origin;
mod parse;
mod resolve;
mod source;
mod text;
mod timestamp;
mod words;

pub use edit::{EditError, Editor, Step};
pub use emit::{EmitError, EmitProblem, LayoutWriter, emit, encode_v3};
pub use error::{MAX_ALIASED_NODES, MAX_DEPTH, ParseError, Problem};
pub use layout::{Layout, LayoutKind, LayoutStyle};
pub use node::{Entry, Map, Node, Seq, Style, Tag, Value};
pub use origin::{Change, Layer, Origin};
pub use parse::{
    Config, DecodeError, Documents, Duplicate, decode, normalize_newlines, read_chunks, read_config, read_documents,
    read_layout, split_documents,
};
pub use resolve::{TypeError, Typed, resolve_v2, resolve_v3, typed};
pub use source::{Host, Mark, Place, Source, SourceId, Sources};
pub use text::Text;
pub use timestamp::{Timestamp, days_in_month};
