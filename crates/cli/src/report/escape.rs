//! Text as the formats of reports want it: XML and HTML, URIs, workflow commands.

use std::path::Path;

use crate::excerpt::{visible, visible_lines};

/// Text for HTML and XML, in an element or in a quoted attribute. Lines stay lines.
pub(crate) fn markup(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in visible_lines(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // No character of XML 1.0.
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A path as a URI reference (RFC 3986): relative where the path is, `file:` where it is absolute.
pub(crate) fn uri(path: &str) -> String {
    let path = path.replace('\\', "/");
    let mut uri = String::with_capacity(path.len());
    if Path::new(&path).is_absolute() {
        uri.push_str("file://");
    } else if path.split('/').next().is_some_and(|first| first.contains(':')) {
        // Or the first part would read as a scheme.
        uri.push_str("./");
    }
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' | b'@' | b'=' | b'+' => {
                uri.push(char::from(byte));
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri
}

/// The message of a workflow command: one line.
pub(crate) fn command_data(text: &str) -> String {
    let lines = text.lines().map(visible).collect::<Vec<_>>().join("\n");
    lines.replace('%', "%25").replace('\n', "%0A")
}

/// The value of a property of a workflow command.
pub(crate) fn command_property(text: &str) -> String {
    command_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_place() {
        assert_eq!(markup("<a b='\"'>&\u{1b}\nx"), "&lt;a b=&#39;&quot;&#39;&gt;&amp;␛\nx");
        assert_eq!(uri("my models/prod#1/ä?.yaml"), "my%20models/prod%231/%C3%A4%3F.yaml");
        assert_eq!(uri("/srv/a b"), "file:///srv/a%20b");
        assert_eq!(uri("c:d/e"), "./c:d/e");
        assert_eq!(command_data("50%\n::error::x"), "50%25%0A::error::x");
        assert_eq!(command_property("a,b: c"), "a%2Cb%3A c");
    }
}
