//! Plain strings that YAML 1.1 reads as something else, and that kustomize quotes for that
//! (`kyaml/yaml/compatibility.go`, `IsYaml1_1NonString`).

use yaml::{Node, Style, Tag, Value};

/// Quotes a field's value if it is a plain string that YAML 1.1 does not read as a string.
pub(super) fn quote(node: &mut Node) {
    if wants_quotes(node) {
        node.style = Style::DoubleQuoted;
    }
}

#[inline]
pub(super) fn wants_quotes(node: &Node) -> bool {
    match &node.value {
        Value::Scalar(text) => {
            node.style == Style::Plain && matches!(node.tag, Tag::Str | Tag::Unset) && reads_as_other(text)
        }
        _ => false,
    }
}

fn reads_as_other(text: &str) -> bool {
    matches!(text, "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF")
}
