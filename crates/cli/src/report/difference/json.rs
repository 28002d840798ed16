//! The difference as one JSON document.

use super::Comparison;

pub(crate) fn render(comparison: &Comparison) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(comparison).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
