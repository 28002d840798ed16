//! The language of filters (<https://cloud.google.com/logging/docs/view/logging-query-language>): comparisons, joined by
//! AND, OR, NOT and parentheses. A bare word is looked for in all texts of an entry.

use serde_json::Value as Json;

/// A parsed filter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    All,
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Compare(Vec<String>, Operator, String),
    Word(String),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Operator {
    Equal,
    Unequal,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Has,
}

const SEVERITIES: [&str; 9] = [
    "DEFAULT",
    "DEBUG",
    "INFO",
    "NOTICE",
    "WARNING",
    "ERROR",
    "CRITICAL",
    "ALERT",
    "EMERGENCY",
];

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Text(String, bool),
    Operator(Operator),
    Open,
    Close,
    Minus,
}

impl Filter {
    /// # Errors
    /// What is wrong with the text.
    pub(crate) fn parse(text: &str) -> Result<Filter, String> {
        let tokens = tokens(text)?;
        if tokens.is_empty() {
            return Ok(Filter::All);
        }
        let mut parser = Parser { tokens, at: 0 };
        let filter = parser.any()?;
        match parser.peek() {
            None => Ok(filter),
            Some(token) => Err(format!("{token:?} was not expected")),
        }
    }

    pub(crate) fn takes(&self, entry: &Json) -> bool {
        match self {
            Filter::All => true,
            Filter::And(parts) => parts.iter().all(|part| part.takes(entry)),
            Filter::Or(parts) => parts.iter().any(|part| part.takes(entry)),
            Filter::Not(part) => !part.takes(entry),
            Filter::Compare(path, operator, wanted) => compare(path, *operator, wanted, entry),
            Filter::Word(word) => holds(entry, &word.to_lowercase()),
        }
    }
}

fn compare(path: &[String], operator: Operator, wanted: &str, entry: &Json) -> bool {
    let found = path.iter().try_fold(entry, |node, step| node.get(step));
    let Some(found) = found else {
        // What is not there differs from everything.
        return operator == Operator::Unequal;
    };
    let text = match found {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    if operator == Operator::Has {
        return wanted == "*" || text.to_lowercase().contains(&wanted.to_lowercase());
    }
    let is_severity = path == ["severity"];
    let rank = |text: &str| SEVERITIES.iter().position(|name| name.eq_ignore_ascii_case(text));
    let order = match (is_severity, text.parse::<f64>(), wanted.parse::<f64>()) {
        (true, ..) => rank(&text).cmp(&rank(wanted)),
        (_, Ok(a), Ok(b)) => a.total_cmp(&b),
        // Times of one form are in the order of their texts; with and without a fraction, of what stands before it.
        _ => {
            let plain = |text: &str| text.trim_end_matches('Z').to_owned();
            plain(&text).cmp(&plain(wanted))
        }
    };
    match operator {
        Operator::Equal => order.is_eq(),
        Operator::Unequal => order.is_ne(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterEqual => order.is_ge(),
        Operator::Less => order.is_lt(),
        Operator::LessEqual => order.is_le(),
        Operator::Has => false,
    }
}

fn holds(node: &Json, word: &str) -> bool {
    match node {
        Json::String(text) => text.to_lowercase().contains(word),
        Json::Array(items) => items.iter().any(|item| holds(item, word)),
        Json::Object(fields) => fields.values().any(|value| holds(value, word)),
        _ => false,
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Text(text, false)) if text == word)
    }

    // AND binds less than OR in this language.
    fn any(&mut self) -> Result<Filter, String> {
        let mut parts = vec![self.either()?];
        while let Some(token) = self.peek() {
            if *token == Token::Close {
                break;
            }
            if self.is_word("AND") {
                self.at += 1;
            }
            parts.push(self.either()?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Filter::And(parts)
        })
    }

    fn either(&mut self) -> Result<Filter, String> {
        let mut parts = vec![self.one()?];
        while self.is_word("OR") {
            self.at += 1;
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Filter::Or(parts)
        })
    }

    fn one(&mut self) -> Result<Filter, String> {
        if self.is_word("NOT") || self.peek() == Some(&Token::Minus) {
            self.at += 1;
            return Ok(Filter::Not(Box::new(self.one()?)));
        }
        match self.peek().cloned() {
            Some(Token::Open) => {
                self.at += 1;
                let inner = self.any()?;
                if self.peek() != Some(&Token::Close) {
                    return Err("a parenthesis is not closed".to_owned());
                }
                self.at += 1;
                Ok(inner)
            }
            Some(Token::Text(text, is_quoted)) => {
                self.at += 1;
                let Some(Token::Operator(operator)) = self.peek().cloned() else {
                    return Ok(Filter::Word(text));
                };
                self.at += 1;
                let path = if is_quoted { vec![text] } else { path(&text) };
                match self.peek().cloned() {
                    Some(Token::Text(value, _)) => {
                        self.at += 1;
                        Ok(Filter::Compare(path, operator, value))
                    }
                    // field=(A OR B)
                    Some(Token::Open) => {
                        let inner = self.one()?;
                        on_field(&path, operator, inner)
                    }
                    _ => Err(format!("{} is compared with nothing", path.join("."))),
                }
            }
            other => Err(format!("a comparison was expected, not {other:?}")),
        }
    }
}

fn on_field(path: &[String], operator: Operator, inner: Filter) -> Result<Filter, String> {
    let each = |parts: Vec<Filter>| {
        let parts = parts.into_iter().map(|part| on_field(path, operator, part));
        parts.collect::<Result<Vec<_>, _>>()
    };
    Ok(match inner {
        Filter::Word(value) => Filter::Compare(path.to_vec(), operator, value),
        Filter::And(parts) => Filter::And(each(parts)?),
        Filter::Or(parts) => Filter::Or(each(parts)?),
        Filter::Not(part) => Filter::Not(Box::new(on_field(path, operator, *part)?)),
        _ => return Err("a comparison in the values of a field".to_owned()),
    })
}

/// `labels."ml.googleapis.com/job_id"` in its parts.
fn path(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut is_quoted = false;
    for c in text.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            '.' if !is_quoted => parts.push(String::new()),
            c => {
                if let Some(last) = parts.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    parts
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '-' => (Token::Minus, 1),
            '=' => (Token::Operator(Operator::Equal), 1),
            ':' => (Token::Operator(Operator::Has), 1),
            '!' if rest.starts_with("!=") => (Token::Operator(Operator::Unequal), 2),
            '>' if rest.starts_with(">=") => (Token::Operator(Operator::GreaterEqual), 2),
            '<' if rest.starts_with("<=") => (Token::Operator(Operator::LessEqual), 2),
            '>' => (Token::Operator(Operator::Greater), 1),
            '<' => (Token::Operator(Operator::Less), 1),
            '#' => {
                rest = rest.split_once('\n').map_or("", |(_, after)| after).trim_start();
                continue;
            }
            '"' => {
                let (text, length) = quoted(rest)?;
                // A quoted text is a value, or a part of a field.
                (Token::Text(text, true), length)
            }
            _ => {
                let (text, length) = bare(rest)?;
                (Token::Text(text, false), length)
            }
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// A text in quotes, and how long it is with them.
fn quoted(text: &str) -> Result<(String, usize), String> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, at + 1)),
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    Err("a quote is not closed".to_owned())
}

/// A word with the quoted parts of a path in it. A colon is an operator, except within a time.
fn bare(text: &str) -> Result<(String, usize), String> {
    let is_time = text.starts_with(|c: char| c.is_ascii_digit());
    let mut end = 0;
    while let Some(c) = text[end..].chars().next() {
        let is_end = c.is_whitespace() || "()=!<>".contains(c) || c == ':' && !is_time;
        if is_end {
            break;
        }
        end += match c {
            '"' => quoted(&text[end..])?.1,
            c => c.len_utf8(),
        };
    }
    match end {
        0 => Err(format!("{:?} was not expected", text.chars().next())),
        end => Ok((text[..end].to_owned(), end)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn filters_take_what_they_say() {
        let entry = json!({
            "logName": "projects/p/logs/workerpool0-0",
            "resource": {"type": "ml_job", "labels": {"job_id": "42", "task_name": "workerpool0-0"}},
            "labels": {"ml.googleapis.com/job_id": "42"},
            "severity": "ERROR",
            "timestamp": "2026-08-05T12:00:00.123456Z",
            "textPayload": "Loss is NaN",
        });
        let table = [
            ("", true),
            (r#"resource.type="ml_job" resource.labels.job_id="42""#, true),
            (r#"resource.type="ml_job" AND resource.labels.job_id="43""#, false),
            (r#"resource.labels.job_id=("41" OR "42")"#, true),
            ("severity>=WARNING", true),
            ("severity>ERROR", false),
            (r#"timestamp>="2026-08-05T12:00:00Z""#, true),
            (r#"timestamp>"2026-08-05T12:00:00.123456Z""#, false),
            ("timestamp < 2026-08-05T12:00:01Z", true),
            (r#"labels."ml.googleapis.com/job_id"=42"#, true),
            ("textPayload:nan", true),
            ("NOT textPayload:nan", false),
            ("-severity=ERROR OR loss", true),
            ("resource.labels.missing!=\"x\"", true),
            ("resource.labels.missing:*", false),
            ("# a comment\nnan", true),
        ];
        for (text, expected) in table {
            let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(filter.takes(&entry), expected, "{text}: {filter:?}");
        }
        for text in ["a=", "(a", "a=\"b", ")"] {
            assert!(Filter::parse(text).is_err(), "{text}");
        }
    }
}
