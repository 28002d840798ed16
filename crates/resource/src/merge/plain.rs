//! Plain strings that YAML 1.1 does not read as strings. kustomize quotes them when it sets a field
//! (`kyaml/yaml/compatibility.go`, `IsYaml1_1NonString`).

use yaml::{Node, Sources, Style, Tag, Value, read_config, resolve_v2};

/// Quotes a field's value if it is such a string.
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
    if text.is_empty() || text.contains('\n') {
        return false;
    }
    if is_one_plain_scalar(text.as_bytes()) {
        return is_other(resolve_v2(text));
    }
    // A text that only code can have put into a plain scalar, such as JSON in an annotation.
    match read_config(&Sources::new().add("value", text.to_owned())) {
        Ok(read) => !read.node.is_scalar() || (read.node.style == Style::Plain && is_other(read.node.tag)),
        Err(_) => false,
    }
}

fn is_other(tag: Tag) -> bool {
    matches!(tag, Tag::Null | Tag::Bool | Tag::Int | Tag::Float)
}

/// Whether a text is certainly a plain scalar of a document of its own, as it stands.
fn is_one_plain_scalar(text: &[u8]) -> bool {
    let blank = |at: usize| matches!(text.get(at), None | Some(b' '));
    let begins_plain = match text[0] {
        b'-' => !blank(1) && !text.starts_with(b"---"),
        b'?' | b':' => !blank(1),
        b'.' => !text.starts_with(b"..."),
        b' ' | b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%'
        | b'@' | b'`' => false,
        _ => true,
    };
    begins_plain
        && !text.ends_with(b" ")
        && text.iter().enumerate().all(|(at, byte)| match byte {
            b':' => !blank(at + 1),
            b'#' => text[at - 1] != b' ',
            b'\t' | b'\r' => false,
            _ => true,
        })
}

#[cfg(test)]
mod tests {
    use super::reads_as_other;

    #[test]
    fn as_yaml_1_1_reads_them() {
        let others = [
            "yes",
            "No",
            "on",
            "OFF",
            "y",
            "N",
            "true",
            "~",
            "null",
            "1",
            "-1",
            "0x1F",
            "1_000",
            "1.5",
            ".5",
            "-.inf",
            ".NaN",
            "1e3",
            "a: b",
            "a:",
            "- a",
            "-",
            "[a]",
            "{\"a\": 1}",
            "# a",
            " ",
            "yes # sure",
            "--- 1",
            "? a",
        ];
        let strings = [
            "",
            "a",
            "yess",
            "1.2.3",
            "2020-01-01",
            "nginx:1.2",
            "http://a/b",
            "[a",
            "a: b: c",
            "a #b: c",
            "'1'",
            "--a",
            "-a",
            "...x",
            "%a",
            "@a",
            "a\nb",
            "1a",
            "<<",
            "=",
            "0xG",
        ];
        let wrong: Vec<_> = others.iter().filter(|text| !reads_as_other(text)).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        let wrong: Vec<_> = strings.iter().filter(|text| reads_as_other(text)).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}
