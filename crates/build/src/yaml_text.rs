//! YAML inside the text of a field, such as a file in a ConfigMap: to a tree and back.

use yaml::{Node, Tag};

/// The first document of a text, unless the text is not YAML or holds none.
pub(crate) fn parse(text: &str) -> Option<Node> {
    if yaml::resolve_v3(text.trim()) == Tag::Null && !text.trim().is_empty() {
        return Some(Node::scalar(text.trim(), Tag::Null));
    }
    let source = yaml::Sources::new().add("", first_document(text).to_owned());
    yaml::read_documents(&source).ok()?.nodes.into_iter().next()
}

/// The text up to the line that ends its first document.
fn first_document(text: &str) -> &str {
    let is_content = |line: &str| !line.trim().is_empty() && !line.starts_with('#') && !line.starts_with("---");
    let mut has_content = false;
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        let ends = has_content && matches!(line.trim_end(), "---" | "...");
        if ends {
            return &text[..end];
        }
        has_content |= is_content(line);
        end += line.len();
    }
    text
}

/// A changed tree as text, laid out as go-yaml v3 does it. `old` is the text it was parsed from.
pub(crate) fn print(tree: &Node, _old: &str) -> Option<String> {
    Some(yaml::encode_v3(tree).trim().to_owned())
}
