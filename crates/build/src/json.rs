//! JSON as Go's `encoding/json` reads it: a whole text, strictly, to a tree; and the two layouts in which
//! it is written.

use std::sync::Arc;

use yaml::{Entry, Map, Mark, Node, Source, Style, Tag, Text};

use crate::error::{BuildError, ErrorKind, Result};

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 1000;

/// Reads a JSON text. Of keys that repeat, the last one counts. Every node has its place.
pub(crate) fn parse(source: &Arc<Source>) -> Result<Node> {
    let mut parser = Parser {
        source,
        text: source.text(),
        at: 0,
    };
    let node = parser.value(0)?;
    parser.skip_blanks();
    match parser.peek() {
        None => Ok(node),
        Some(_) => Err(parser.unexpected("after top-level value")),
    }
}

struct Parser<'s> {
    source: &'s Arc<Source>,
    text: &'s str,
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn mark(&self) -> Mark {
        self.source.mark(self.at)
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn unexpected(&self, context: &str) -> BuildError {
        let message = match self.text[self.at..].chars().next() {
            Some(c) => format!("not JSON: invalid character '{}' {context}", c.escape_debug()),
            None => "not JSON: unexpected end".to_owned(),
        };
        BuildError::new(ErrorKind::Syntax, self.mark(), message)
    }

    fn value(&mut self, depth: usize) -> Result<Node> {
        self.skip_blanks();
        let mark = self.mark();
        if depth > MAX_DEPTH {
            let message = format!("not JSON that can be read: nested more than {MAX_DEPTH} levels deep");
            return Err(BuildError::new(ErrorKind::Syntax, mark, message));
        }
        let node = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => {
                let mut node = Node::string(self.string()?);
                node.style = Style::DoubleQuoted;
                node
            }
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.literal("true", Tag::Bool)?,
            Some(b'f') => self.literal("false", Tag::Bool)?,
            Some(b'n') => self.literal("null", Tag::Null)?,
            _ => return Err(self.unexpected("looking for beginning of value")),
        };
        Ok(node.at(mark))
    }

    fn literal(&mut self, word: &str, tag: Tag) -> Result<Node> {
        for expected in word.bytes() {
            if self.peek() != Some(expected) {
                return Err(self.unexpected(&format!("in literal {word}")));
            }
            self.at += 1;
        }
        Ok(Node::scalar(word, tag))
    }

    fn digits(&mut self, context: &str) -> Result<()> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.unexpected(context));
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Node> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits("in numeric literal")?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        let text = &self.text[start..self.at];
        let is_int = text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok();
        Ok(Node::scalar(
            Text::slice(self.source, start..self.at),
            if is_int { Tag::Int } else { Tag::Float },
        ))
    }

    /// A string, at its opening quote.
    fn string(&mut self) -> Result<Text> {
        self.at += 1;
        let start = self.at;
        let mut made: Option<String> = None;
        let mut copied = start;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let end = self.at;
                    self.at += 1;
                    return Ok(match made {
                        None => Text::slice(self.source, start..end),
                        Some(text) => (text + &self.text[copied..end]).into(),
                    });
                }
                Some(b'\\') => {
                    let mut text = made.unwrap_or_default();
                    text.push_str(&self.text[copied..self.at]);
                    self.at += 1;
                    text.push(self.escape()?);
                    copied = self.at;
                    made = Some(text);
                }
                Some(0..0x20) | None => return Err(self.unexpected("in string literal")),
                Some(_) => self.at += 1,
            }
        }
    }

    /// An escape, after its backslash.
    fn escape(&mut self) -> Result<char> {
        let escaped = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte as char,
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                let unit = self.unit()?;
                return Ok(self.with_low_surrogate(unit));
            }
            _ => return Err(self.unexpected("in string escape code")),
        };
        self.at += 1;
        Ok(escaped)
    }

    fn unit(&mut self) -> Result<u16> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| (byte as char).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.unexpected("in \\u hexadecimal character escape"));
            };
            unit = unit << 4 | digit as u16;
            self.at += 1;
        }
        Ok(unit)
    }

    /// The character of one or two units; half a pair is the replacement character.
    fn with_low_surrogate(&mut self, high: u16) -> char {
        if let Some(c) = char::from_u32(u32::from(high)) {
            return c;
        }
        let before = self.at;
        if self.text[self.at..].starts_with("\\u") {
            self.at += 2;
            if let Ok(low) = self.unit()
                && let Some(Ok(c)) = char::decode_utf16([high, low]).next()
            {
                return c;
            }
            self.at = before;
        }
        char::REPLACEMENT_CHARACTER
    }

    fn array(&mut self, depth: usize) -> Result<Node> {
        self.at += 1;
        let mut items = yaml::Seq::new();
        self.skip_blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Node::seq(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Node::seq(items));
                }
                _ => return Err(self.unexpected("after array element")),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node> {
        self.at += 1;
        let mut entries: Vec<Entry> = Vec::new();
        self.skip_blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Node::map(Map::new()));
        }
        loop {
            self.skip_blanks();
            let mark = self.mark();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("looking for beginning of object key string"));
            }
            let key = Node::string(self.string()?).at(mark);
            self.skip_blanks();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("after object key"));
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            entries.push(Entry { key, value });
            self.skip_blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Node::map(last_of_each(entries)));
                }
                _ => return Err(self.unexpected("after object key:value pair")),
            }
        }
    }
}

/// A mapping without the entries whose key comes again.
fn last_of_each(mut entries: Vec<Entry>) -> Map {
    let mut seen = hashbrown::HashSet::new();
    entries.reverse();
    entries.retain(|entry| seen.insert(entry.key.text().cloned().unwrap_or_default()));
    entries.reverse();
    entries.into_iter().collect()
}

/// The JSON of a tree without blanks, as `json.Marshal` prints what go-yaml decodes from it.
pub(crate) fn compact(node: &Node) -> Result<String, yaml::EmitError> {
    let mut out = Vec::new();
    yaml::json::write(node, &mut out)?;
    Ok(String::from_utf8(out).expect("JSON is written as UTF-8"))
}

/// Compact JSON laid out as `json.MarshalIndent(value, "", "  ")` does.
pub(crate) fn indent(compact: &str) -> String {
    let mut out = String::with_capacity(compact.len() * 2);
    let mut depth = 0;
    let line = |depth: usize, out: &mut String| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    let mut rest = compact.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        match c {
            '"' => {
                let end = at + string_len(&compact[at..]);
                out.push_str(&compact[at..end]);
                while rest.next_if(|(next, _)| *next < end).is_some() {}
            }
            '{' | '[' => {
                out.push(c);
                if let Some((_, close)) = rest.next_if(|(_, next)| matches!(next, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    line(depth, &mut out);
                }
            }
            '}' | ']' => {
                depth -= 1;
                line(depth, &mut out);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(depth, &mut out);
            }
            ':' => out.push_str(": "),
            _ => out.push(c),
        }
    }
    out
}

/// The length in bytes of the JSON string that a text begins with, with its quotes.
pub(crate) fn string_len(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(text: &str) -> Result<String> {
        let source = yaml::Sources::new().add("patch.json", text.to_owned());
        Ok(compact(&parse(&source)?).unwrap())
    }

    #[test]
    fn reads_and_prints_as_go_does() {
        let table = [
            (
                r#" {"b":1,"a":[true,false,null,{}],"b":2.50} "#,
                r#"{"a":[true,false,null,{}],"b":2.5}"#,
            ),
            (
                r#""\u00e9\ud83d\ude00\ud800x\/\n<&>""#,
                r#""é😀�x/\n\u003c\u0026\u003e""#,
            ),
            ("1e3", "1000"),
            ("1E-7", "1e-7"),
            ("123456789012345678", "123456789012345678"),
            ("18446744073709551615", "18446744073709551615"),
            ("1e21", "1e+21"),
            ("-0", "0"),
            ("[]", "[]"),
        ];
        for (text, expected) in table {
            assert_eq!(round_trip(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn says_what_is_no_json() {
        let table = [
            ("[1,]", "not JSON: invalid character ']' looking for beginning of value"),
            ("[1 2]", "not JSON: invalid character '2' after array element"),
            (
                "{a: 1}",
                "not JSON: invalid character 'a' looking for beginning of object key string",
            ),
            ("[1] x", "not JSON: invalid character 'x' after top-level value"),
            ("[01]", "not JSON: invalid character '1' after array element"),
            ("[", "not JSON: unexpected end"),
            ("\"a\nb\"", "not JSON: invalid character '\\n' in string literal"),
            ("[tru]", "not JSON: invalid character ']' in literal true"),
            ("\"\\x\"", "not JSON: invalid character 'x' in string escape code"),
        ];
        for (text, expected) in table {
            assert_eq!(round_trip(text).unwrap_err().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn prints_with_indentation() {
        let source = yaml::Sources::new().add("a.json", r#"{"a":[1,{"b":{}}],"c":[],"d":"{\",[é"}"#.to_owned());
        let expected =
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": {}\n    }\n  ],\n  \"c\": [],\n  \"d\": \"{\\\",[é\"\n}";
        assert_eq!(indent(&compact(&parse(&source).unwrap()).unwrap()), expected);
    }
}
