//! YAML inside the text of a field, such as a file in a ConfigMap: to a tree and back.

use yaml::Node;

/// The first document of a text, unless the text is not YAML or holds none.
pub(crate) fn parse(text: &str) -> Option<Node> {
    let source = yaml::Sources::new().add("", text.to_owned());
    yaml::read_documents(&source).ok()?.nodes.into_iter().next()
}

/// A changed tree as text, laid out as go-yaml v3 does it. `old` is the text it was parsed from.
pub(crate) fn print(tree: &Node, _old: &str) -> Option<String> {
    Some(yaml::encode_v3(tree).trim().to_owned())
}
