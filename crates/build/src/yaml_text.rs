//! YAML inside the text of a field, such as a file in a ConfigMap: to a tree and back.

use yaml::{Node, Tag};

use crate::yaml_comments;

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

/// A changed tree as text, laid out as go-yaml v3 does it. `old` is the text it was parsed from; its
/// comments are kept where its lines can be told apart.
pub(crate) fn print(tree: &Node, old: &str) -> Option<String> {
    let changed = yaml::encode_v3(tree);
    let restored = old.contains('#').then(|| {
        let printed = yaml::encode_v3(&parse(old)?);
        yaml_comments::restore(first_document(old), &printed, &changed)
    });
    Some(restored.flatten().unwrap_or(changed).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text after `k` became `NEW`.
    fn written(old: &str) -> String {
        let mut tree = parse(old).unwrap();
        let k = tree.get_mut("k").unwrap();
        *k = Node {
            value: yaml::Value::Scalar("NEW".into()),
            ..k.clone()
        };
        print(&tree, old).unwrap()
    }

    /// What kustomize v5.8.1 makes of the same texts.
    #[test]
    fn comments_stay_where_go_yaml_lets_them() {
        let table = [
            ("# h\n\n# i\nk: a\n", "# h\n\n# i\nk: NEW"),
            ("x: 1\n\n# c\n\nk: a\n", "x: 1\n# c\nk: NEW"),
            ("x: 1\n# c\n\nk: a\n", "x: 1\n# c\n\nk: NEW"),
            ("x: 1\n# c\n# d\n\n# e\nk: a\n", "x: 1\n# c\n# d\n\n# e\nk: NEW"),
            ("k: a\n\n# end\n", "k: NEW\n\n# end"),
            (
                "m:\n    x: 1\n    # foot\n\nk: a   # on k\n",
                "m:\n  x: 1\n  # foot\nk: NEW # on k",
            ),
            (
                "l: # on l\n  # first\n  - a # ta\n  # last\nk: a\n",
                "l: # on l\n# first\n- a # ta\n# last\n\nk: NEW",
            ),
            (
                "x: |\n  # not a comment\n  t\nk: a\n",
                "x: |\n  # not a comment\n  t\nk: NEW",
            ),
            ("x: 'a # b'\nk: a\n", "x: 'a # b'\nk: NEW"),
            ("k: a\n---\nignored: true\n", "k: NEW"),
        ];
        for (old, expected) in table {
            assert_eq!(written(old), expected, "{old}");
        }
    }
}
