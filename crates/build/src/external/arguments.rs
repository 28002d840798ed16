//! Words of a line, by the rules of a shell's quotes (kustomize's `ShlexSplit`).

/// Splits a line; `None` where a quote is not closed. A `#` outside of quotes begins a comment.
pub(crate) fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut escaped = false;
    for c in line.chars() {
        match (quote, c) {
            _ if escaped => {
                word.push(c);
                escaped = false;
            }
            (Some('"') | None, '\\') => escaped = true,
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '#') => break,
            (None, c) if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => word.push(c),
        }
    }
    if quote.is_some() {
        return None;
    }
    if !word.is_empty() {
        words.push(word);
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    #[test]
    fn words() {
        for (line, expected) in [
            ("a  b", Some(&["a", "b"][..])),
            ("'a b' \"c 'd\"", Some(&["a b", "c 'd"])),
            (r#"a\ b 'c\d' "e\"f""#, Some(&["a b", r"c\d", "e\"f"])),
            ("a # b", Some(&["a"])),
            ("a#b c", Some(&["a"])),
            ("'a", None),
            ("", Some(&[])),
            ("'' a", Some(&["a"])),
        ] {
            let found = super::split(line);
            let found: Option<Vec<&str>> = found.as_ref().map(|words| words.iter().map(String::as_str).collect());
            assert_eq!(found.as_deref(), expected, "{line}");
        }
    }
}
