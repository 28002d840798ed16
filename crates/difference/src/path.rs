//! Paths to fields, as `terrace explain` takes them: `spec.containers[name=server].image`, `a["b.c/d"]`.

/// The path to a key of the mapping at `path`.
pub(crate) fn key(path: &str, key: &str) -> String {
    if key.is_empty() || key.contains(['.', '[', ']', '\\', '"', ' ']) {
        format!("{path}[{}]", quote(key))
    } else if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// The path to the item of the list at `path` that has these fields.
pub(crate) fn item(path: &str, fields: &[(&str, &str)]) -> String {
    let field = |(name, value): &(&str, &str)| {
        if value.contains([']', '"', '\'', ',']) {
            format!("{name}={}", quote(value))
        } else {
            format!("{name}={value}")
        }
    };
    format!("{path}[{}]", fields.iter().map(field).collect::<Vec<_>>().join(","))
}

/// The path to the item at a position.
pub(crate) fn index(path: &str, at: usize) -> String {
    format!("{path}[{at}]")
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
