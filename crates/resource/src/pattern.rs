//! Regular expressions as users of kustomize write them: Go's syntax (RE2), run by the `regex` crate.
//!
//! A pattern of a selector must match the whole text. One without special characters is compared
//! directly. What the two syntaxes read differently is translated: `\d`, `\w`, `\s` and `\b` are ASCII
//! in Go; `[`, `&&`, `--` and `~~` mean nothing special inside a class; `{` that begins no repetition,
//! `\Q…\E`, `\<` and `\>` are literal.

use regex::Regex;

/// A text is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{pattern}\" is not a regular expression: {cause}")]
pub struct PatternError {
    pub pattern: String,
    cause: String,
}

/// A compiled pattern.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// The whole text must be this.
    Exact(String),
    /// The text must contain this.
    Contains(String),
    Regex(Regex),
}

impl Pattern {
    /// A pattern that must match the whole text.
    pub fn whole(pattern: &str) -> Result<Pattern, PatternError> {
        if is_literal(pattern) {
            return Ok(Pattern::Exact(pattern.to_owned()));
        }
        compile(pattern, |translated| format!("^(?:{translated})$"))
    }

    /// A pattern that must match somewhere in the text.
    pub fn anywhere(pattern: &str) -> Result<Pattern, PatternError> {
        if is_literal(pattern) {
            return Ok(Pattern::Contains(pattern.to_owned()));
        }
        compile(pattern, str::to_owned)
    }

    pub fn matches(&self, text: &str) -> bool {
        match self {
            Pattern::Exact(literal) => literal == text,
            Pattern::Contains(literal) => text.contains(literal),
            Pattern::Regex(regex) => regex.is_match(text),
        }
    }
}

fn is_literal(pattern: &str) -> bool {
    !pattern.contains(['\\', '.', '+', '*', '?', '(', ')', '|', '[', ']', '{', '}', '^', '$'])
}

fn compile(pattern: &str, wrap: impl FnOnce(&str) -> String) -> Result<Pattern, PatternError> {
    let failed = |cause: String| PatternError {
        pattern: pattern.to_owned(),
        cause,
    };
    let translated = translate(pattern).map_err(failed)?;
    let regex = Regex::new(&wrap(&translated)).map_err(|error| failed(cause_of(&error)))?;
    Ok(Pattern::Regex(regex))
}

/// The last line of the crate's report, which says what is wrong.
fn cause_of(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

struct Translation<'p> {
    rest: std::str::Chars<'p>,
    out: String,
}

/// The pattern in the syntax of the `regex` crate.
fn translate(pattern: &str) -> Result<String, String> {
    let mut translation = Translation {
        rest: pattern.chars(),
        out: String::with_capacity(pattern.len() + 8),
    };
    while let Some(c) = translation.rest.next() {
        match c {
            '\\' => translation.escape(false)?,
            '[' => translation.class()?,
            '{' if !begins_repetition(translation.rest.as_str()) => translation.out.push_str("\\{"),
            _ => translation.out.push(c),
        }
    }
    Ok(translation.out)
}

/// Whether `n}`, `n,}` or `n,m}` follows.
fn begins_repetition(rest: &str) -> bool {
    let Some((inside, _)) = rest.split_once('}') else {
        return false;
    };
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match inside.split_once(',') {
        None => number(inside),
        Some((least, most)) => number(least) && (most.is_empty() || number(most)),
    }
}

impl Translation<'_> {
    /// Translates what follows a backslash.
    fn escape(&mut self, in_class: bool) -> Result<(), String> {
        let Some(c) = self.rest.next() else {
            return Err("trailing backslash at end of expression".to_owned());
        };
        let ascii = match c {
            'd' => "[0-9]",
            'D' => "[^0-9]",
            's' => "[\\t\\n\\f\\r ]",
            'S' => "[^\\t\\n\\f\\r ]",
            'w' => "[0-9A-Za-z_]",
            'W' => "[^0-9A-Za-z_]",
            'b' if !in_class => "(?-u:\\b)",
            'B' if !in_class => "(?-u:\\B)",
            'Q' if !in_class => return self.quoted(),
            'A' | 'z' if !in_class => return self.keep(c),
            'a' | 'f' | 'n' | 'r' | 't' | 'v' | 'x' | 'p' | 'P' => return self.keep(c),
            '0'..='7' => return self.octal(c),
            c if c.is_ascii_alphanumeric() => return Err(format!("invalid escape sequence: `\\{c}`")),
            c => {
                self.out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
                return Ok(());
            }
        };
        self.out.push_str(ascii);
        Ok(())
    }

    fn keep(&mut self, c: char) -> Result<(), String> {
        self.out.push('\\');
        self.out.push(c);
        Ok(())
    }

    /// `\0`, `\012`, `\123`; a single other digit would be a reference back, which Go does not have.
    fn octal(&mut self, first: char) -> Result<(), String> {
        let digits: String = self
            .rest
            .as_str()
            .chars()
            .take(2)
            .take_while(|c| matches!(c, '0'..='7'))
            .collect();
        if first != '0' && digits.is_empty() {
            return Err(format!("invalid escape sequence: `\\{first}`"));
        }
        self.rest = self.rest.as_str()[digits.len()..].chars();
        let code = u32::from_str_radix(&format!("{first}{digits}"), 8).unwrap_or_default();
        self.out.push_str(&format!("\\x{{{code:x}}}"));
        Ok(())
    }

    /// `\Q…\E`, or to the end.
    fn quoted(&mut self) -> Result<(), String> {
        let rest = self.rest.as_str();
        let (literal, after) = rest.split_once("\\E").unwrap_or((rest, ""));
        self.out.push_str(&regex::escape(literal));
        self.rest = after.chars();
        Ok(())
    }

    /// A class, after its opening bracket.
    fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        let mut first = true;
        if self.rest.as_str().starts_with('^') {
            self.rest.next();
            self.out.push('^');
        }
        while let Some(c) = self.rest.next() {
            match c {
                ']' if first => self.out.push_str("\\]"),
                ']' => {
                    self.out.push(']');
                    return Ok(());
                }
                '[' if self.rest.as_str().starts_with(':') && self.rest.as_str().contains(":]") => {
                    let (name, after) = self.rest.as_str().split_once(":]").unwrap_or_default();
                    self.out.push('[');
                    self.out.push_str(name);
                    self.out.push_str(":]");
                    self.rest = after.chars();
                }
                '[' | '&' | '~' => {
                    self.out.push('\\');
                    self.out.push(c);
                }
                '-' if first || self.rest.as_str().starts_with(']') => self.out.push_str("\\-"),
                '\\' => self.escape(true)?,
                _ => self.out.push(c),
            }
            first = false;
        }
        Err("missing closing ]".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn a_pattern_reads_as_in_go() {
        let table = [
            ("web", "web", true),
            ("web", "web2", false),
            ("web.*", "web2", true),
            ("a|b", "ab", false),
            ("a|b", "b", true),
            (r"v\d", "v1", true),
            (r"v\d", "v\u{664}", false),
            (r"[\d[]+", "1[", true),
            (r"[a&&b]+", "a&b", true),
            ("[]a]+", "]a", true),
            ("[^]a]+", "bc", true),
            ("[a-]+", "a-", true),
            ("[[:alpha:]]+", "abc", true),
            (r"\Qa.b\E.", "a.bc", true),
            (r"\Qa.b\E.", "aXbc", false),
            ("a{,2}", "a{,2}", true),
            ("a{1,2}", "aa", true),
            (r"\<a\>", "<a>", true),
            (r"\101", "A", true),
            (r"\0x", "\0x", true),
            (r"[\w-]+", "a-b", true),
            ("(?i)web", "WEB", true),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(
                Pattern::whole(pattern).unwrap().matches(text),
                expected,
                "{pattern} {text}"
            );
        }
        assert!(Pattern::anywhere("we").unwrap().matches("a web"));
        assert!(
            Pattern::anywhere("^we").unwrap().matches("web") && !Pattern::anywhere("^we").unwrap().matches("a web")
        );
    }

    #[test]
    fn errors_quote_the_pattern() {
        for pattern in ["a(", "*a", "[a", r"a\", r"\1", "(?<!a)b"] {
            let error = Pattern::whole(pattern).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("\"{pattern}\" is not a regular expression: ")),
                "{error}"
            );
        }
    }
}
