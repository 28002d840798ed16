//! YAML as kustomize reads and prints it: bytes to a tree with spans, and back to canonical bytes.

mod node;
mod origin;
mod source;
mod text;

pub use node::{Entry, Map, Node, Seq, Style, Tag, Value};
pub use origin::{Change, Layer, Origin};
pub use source::{Host, Mark, Place, Source, SourceId, Sources};
pub use text::Text;
