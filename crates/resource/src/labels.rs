//! Label selectors in Kubernetes' syntax: `app=web,tier in (a,b),!legacy`.
//!
//! Grammar, operators and error texts are those of `k8s.io/apimachinery` v0.19 (`pkg/labels`), the copy
//! that kustomize carries. A selector of annotations has the same syntax.

use std::fmt::Write;

/// A text is no label selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LabelSelectorError {
    message: String,
}

fn error(message: impl Into<String>) -> LabelSelectorError {
    LabelSelectorError {
        message: message.into(),
    }
}

/// A parsed selector: all of its requirements must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Exists,
    Missing,
    In(Vec<String>),
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

impl LabelSelector {
    /// Parses a selector; the empty text selects everything.
    pub fn parse(text: &str) -> Result<LabelSelector, LabelSelectorError> {
        let mut parser = Parser {
            tokens: tokens(text),
            next: 0,
        };
        Ok(LabelSelector {
            requirements: parser.requirements()?,
        })
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether all requirements hold. `value_of` finds the value of a label.
    pub fn matches<'a>(&self, value_of: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements
            .iter()
            .all(|requirement| requirement.holds(value_of(&requirement.key)))
    }
}

impl Requirement {
    fn holds(&self, value: Option<&str>) -> bool {
        let among = |values: &[String], value: &str| values.iter().any(|other| other == value);
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match &self.test {
            Test::Exists => value.is_some(),
            Test::Missing => value.is_none(),
            Test::In(values) => value.is_some_and(|value| among(values, value)),
            Test::NotIn(values) => value.is_none_or(|value| !among(values, value)),
            Test::Above(limit) => number().is_some_and(|number| number > *limit),
            Test::Below(limit) => number().is_some_and(|number| number < *limit),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    End,
    Open,
    Close,
    Comma,
    Not,
    Equals,
    DoubleEquals,
    NotEquals,
    Greater,
    Less,
    In,
    NotIn,
    Word,
}

#[derive(Clone, Copy)]
struct Token<'t> {
    kind: Kind,
    text: &'t str,
}

/// The tokens of a selector; the last one is the end. A NUL byte ends the text.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let special = |c: char| matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<');
    let blank = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
    let mut rest = text.split('\0').next().unwrap_or_default().trim_start_matches(blank);
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let len = match first {
            '=' | '!' if rest[1..].starts_with('=') => 2,
            _ if special(first) => 1,
            _ => rest.find(|c| special(c) || blank(c)).unwrap_or(rest.len()),
        };
        let (text, after) = rest.split_at(len);
        let kind = match text {
            "(" => Kind::Open,
            ")" => Kind::Close,
            "," => Kind::Comma,
            "!" => Kind::Not,
            "=" => Kind::Equals,
            "==" => Kind::DoubleEquals,
            "!=" => Kind::NotEquals,
            ">" => Kind::Greater,
            "<" => Kind::Less,
            "in" => Kind::In,
            "notin" => Kind::NotIn,
            _ => Kind::Word,
        };
        tokens.push(Token { kind, text });
        rest = after.trim_start_matches(blank);
    }
    tokens.push(Token {
        kind: Kind::End,
        text: "",
    });
    tokens
}

struct Parser<'t> {
    tokens: Vec<Token<'t>>,
    next: usize,
}

impl<'t> Parser<'t> {
    /// The next token; `in` and `notin` are words where a key or a value may stand.
    fn peek(&self) -> Token<'t> {
        let mut token = self.tokens[self.next.min(self.tokens.len() - 1)];
        if matches!(token.kind, Kind::In | Kind::NotIn) {
            token.kind = Kind::Word;
        }
        token
    }

    fn take(&mut self) -> Token<'t> {
        let token = self.peek();
        self.next += 1;
        token
    }

    fn requirements(&mut self) -> Result<Vec<Requirement>, LabelSelectorError> {
        let mut requirements = Vec::new();
        loop {
            let token = self.peek();
            match token.kind {
                Kind::End => return Ok(requirements),
                Kind::Word | Kind::Not => {}
                _ => {
                    return Err(error(format!(
                        "found '{}', expected: !, identifier, or 'end of string'",
                        token.text
                    )));
                }
            }
            let requirement = self
                .requirement()
                .map_err(|cause| error(format!("unable to parse requirement: {cause}")))?;
            requirements.push(requirement);
            let token = self.take();
            match token.kind {
                Kind::End => return Ok(requirements),
                Kind::Comma => {
                    let token = self.peek();
                    if !matches!(token.kind, Kind::Word | Kind::Not) {
                        return Err(error(format!("found '{}', expected: identifier after ','", token.text)));
                    }
                }
                _ => {
                    return Err(error(format!(
                        "found '{}', expected: ',' or 'end of string'",
                        token.text
                    )));
                }
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, LabelSelectorError> {
        let mut token = self.take();
        let negated = token.kind == Kind::Not;
        if negated {
            token = self.take();
        }
        if token.kind != Kind::Word {
            return Err(error(format!("found '{}', expected: identifier", token.text)));
        }
        let key = token.text.to_owned();
        check_key(&key)?;
        if negated {
            return Ok(Requirement {
                key,
                test: Test::Missing,
            });
        }
        if matches!(self.peek().kind, Kind::End | Kind::Comma) {
            return Ok(Requirement {
                key,
                test: Test::Exists,
            });
        }
        let operator = self.tokens[self.next];
        self.next += 1;
        let values = match operator.kind {
            Kind::In | Kind::NotIn => self.values()?,
            Kind::Equals | Kind::DoubleEquals | Kind::NotEquals | Kind::Greater | Kind::Less => vec![self.value()?],
            _ => {
                return Err(error(format!(
                    "found '{}', expected: '=', '!=', '==', 'in', notin'",
                    operator.text
                )));
            }
        };
        let limit = || {
            let number = parse_int(&values[0]);
            number.ok_or_else(|| error("for 'Gt', 'Lt' operators, the value must be an integer"))
        };
        let test = match operator.kind {
            Kind::Greater => Test::Above(limit()?),
            Kind::Less => Test::Below(limit()?),
            _ => {
                values.iter().try_for_each(|value| check_value(&key, value))?;
                if matches!(operator.kind, Kind::NotIn | Kind::NotEquals) {
                    Test::NotIn(values)
                } else {
                    Test::In(values)
                }
            }
        };
        Ok(Requirement { key, test })
    }

    /// `(a,b)`; an empty place between commas is the empty value.
    fn values(&mut self) -> Result<Vec<String>, LabelSelectorError> {
        let token = self.take();
        if token.kind != Kind::Open {
            return Err(error(format!("found '{}' expected: '('", token.text)));
        }
        let token = self.peek();
        match token.kind {
            Kind::Close => {
                self.take();
                return Ok(vec![String::new()]);
            }
            Kind::Word | Kind::Comma => {}
            _ => {
                return Err(error(format!(
                    "found '{}', expected: ',', ')' or identifier",
                    token.text
                )));
            }
        }
        let mut values = Vec::new();
        loop {
            let token = self.take();
            let next = self.peek();
            match token.kind {
                Kind::Word => {
                    values.push(token.text.to_owned());
                    match next.kind {
                        Kind::Comma => {}
                        Kind::Close => break,
                        _ => return Err(error(format!("found '{}', expected: ',' or ')'", next.text))),
                    }
                }
                Kind::Comma => {
                    if values.is_empty() {
                        values.push(String::new());
                    }
                    match next.kind {
                        Kind::Close => {
                            values.push(String::new());
                            break;
                        }
                        Kind::Comma => {
                            self.take();
                            values.push(String::new());
                        }
                        _ => {}
                    }
                }
                _ => return Err(error(format!("found '{}', expected: ',', or identifier", token.text))),
            }
        }
        self.take();
        values.sort_unstable();
        values.dedup();
        Ok(values)
    }

    fn value(&mut self) -> Result<String, LabelSelectorError> {
        let token = self.peek();
        if matches!(token.kind, Kind::End | Kind::Comma) {
            return Ok(String::new());
        }
        self.take();
        if token.kind != Kind::Word {
            return Err(error(format!("found '{}', expected: identifier", token.text)));
        }
        Ok(token.text.to_owned())
    }
}

/// As Go's `strconv.ParseInt` in base ten.
fn parse_int(text: &str) -> Option<i64> {
    text.parse().ok()
}

const NAME_FORM: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const PREFIX_FORM: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const NAME_MAX: usize = 63;
const PREFIX_MAX: usize = 253;

fn form_error(message: &str, form: &str, examples: &[&str]) -> String {
    let mut text = format!("{message} (e.g. ");
    for (at, example) in examples.iter().enumerate() {
        let or = if at > 0 { " or " } else { "" };
        let _ = write!(text, "{or}'{example}', ");
    }
    let _ = write!(text, "regex used for validation is '{form}')");
    text
}

fn name_form_error() -> String {
    let message = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
    form_error(message, NAME_FORM, &["MyName", "my.name", "123-abc"])
}

fn is_name(text: &str) -> bool {
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    ends(bytes.first())
        && ends(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn is_subdomain(text: &str) -> bool {
    let ends = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    text.split('.').all(|label| {
        let bytes = label.as_bytes();
        ends(bytes.first()) && ends(bytes.last()) && bytes.iter().all(|byte| *byte == b'-' || ends(Some(byte)))
    })
}

/// A qualified name: `[prefix/]name` (`validation.IsQualifiedName`).
fn check_key(key: &str) -> Result<(), LabelSelectorError> {
    let mut defects = Vec::new();
    let mut parts = key.split('/');
    let name = match (parts.next().unwrap_or_default(), parts.next(), parts.next()) {
        (name, None, _) => name,
        (prefix, Some(name), None) => {
            if prefix.is_empty() {
                defects.push("prefix part must be non-empty".to_owned());
            } else {
                if prefix.len() > PREFIX_MAX {
                    defects.push(format!("prefix part must be no more than {PREFIX_MAX} characters"));
                }
                if !is_subdomain(prefix) {
                    let message = "a DNS-1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
                    defects.push(format!(
                        "prefix part {}",
                        form_error(message, PREFIX_FORM, &["example.com"])
                    ));
                }
            }
            name
        }
        _ => {
            defects.push(format!(
                "a qualified name {} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
                name_form_error()
            ));
            return Err(key_error(key, &defects));
        }
    };
    if name.is_empty() {
        defects.push("name part must be non-empty".to_owned());
    } else if name.len() > NAME_MAX {
        defects.push(format!("name part must be no more than {NAME_MAX} characters"));
    }
    if !is_name(name) {
        defects.push(format!("name part {}", name_form_error()));
    }
    if defects.is_empty() {
        Ok(())
    } else {
        Err(key_error(key, &defects))
    }
}

fn key_error(key: &str, defects: &[String]) -> LabelSelectorError {
    error(format!("invalid label key {key:?}: {}", defects.join("; ")))
}

/// The value of a label (`validation.IsValidLabelValue`).
fn check_value(key: &str, value: &str) -> Result<(), LabelSelectorError> {
    let mut defects = Vec::new();
    if value.len() > NAME_MAX {
        defects.push(format!("must be no more than {NAME_MAX} characters"));
    }
    if !value.is_empty() && !is_name(value) {
        let message = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
        let form = format!("({NAME_FORM})?");
        defects.push(form_error(message, &form, &["MyValue", "my_value", "12345"]));
    }
    if defects.is_empty() {
        return Ok(());
    }
    Err(error(format!(
        "invalid label value: {value:?}: at key: {key:?}: {}",
        defects.join("; ")
    )))
}

#[cfg(test)]
mod tests {
    use super::LabelSelector;

    /// Whether a selector selects the labels `app=web`, `tier=`, `example.com/rank=7`.
    fn selects(selector: &str) -> Result<bool, String> {
        let labels = [("app", "web"), ("tier", ""), ("example.com/rank", "7")];
        let selector = LabelSelector::parse(selector).map_err(|error| error.to_string())?;
        Ok(selector.matches(|key| labels.iter().find(|label| label.0 == key).map(|label| label.1)))
    }

    #[test]
    fn operators() {
        let table = [
            ("", true),
            ("app", true),
            ("!app", false),
            ("!other", true),
            ("app=web", true),
            ("app == web", true),
            ("app=", false),
            ("tier=", true),
            ("tier=,app", true),
            ("other=", false),
            ("app!=web", false),
            ("other!=web", true),
            ("app in (a, web)", true),
            ("app in ()", false),
            ("tier in ()", true),
            ("tier in (a,)", true),
            ("tier in (,a)", true),
            ("tier in (a,,b)", true),
            ("app notin (a,web)", false),
            ("other notin (a)", true),
            ("in notin (in)", true),
            ("app in (in,notin,web)", true),
            ("example.com/rank>6", true),
            ("example.com/rank>7", false),
            ("example.com/rank < 8 , app", true),
            ("app<8", false),
            ("app=web,tier in (a)", false),
        ];
        for (selector, expected) in table {
            assert_eq!(selects(selector), Ok(expected), "{selector}");
        }
    }

    #[test]
    fn errors_are_those_of_kubernetes() {
        let table = [
            ("app=web,", "found '', expected: identifier after ','"),
            (",app", "found ',', expected: !, identifier, or 'end of string'"),
            (
                "app web",
                "unable to parse requirement: found 'web', expected: '=', '!=', '==', 'in', notin'",
            ),
            ("!app=web", "found '=', expected: ',' or 'end of string'"),
            ("app in web", "unable to parse requirement: found 'web' expected: '('"),
            (
                "app in (web",
                "unable to parse requirement: found '', expected: ',' or ')'",
            ),
            ("app=(", "unable to parse requirement: found '(', expected: identifier"),
            (
                "app>x",
                "unable to parse requirement: for 'Gt', 'Lt' operators, the value must be an integer",
            ),
            ("!", "unable to parse requirement: found '', expected: identifier"),
            (
                "-a",
                "unable to parse requirement: invalid label key \"-a\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
            ),
            (
                "a=a/b",
                "unable to parse requirement: invalid label value: \"a/b\": at key: \"a\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
            ),
        ];
        for (selector, expected) in table {
            assert_eq!(selects(selector), Err(expected.to_owned()), "{selector}");
        }
    }
}
