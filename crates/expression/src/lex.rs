//! A text to tokens.

use crate::program::CompileError;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Ident(String),
    Int(i64),
    /// 9223372036854775808, which is an integer only after a minus.
    IntMinimum,
    Uint(u64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    /// An operator or a bracket.
    Mark(&'static str),
    End,
}

/// Operators and brackets, the long ones first.
const MARKS: [&str; 26] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")", "[", "]",
    "{", "}", "=", "|",
];

/// The tokens of a text with their offsets; the last one is [`Token::End`].
pub(crate) fn tokens(text: &str) -> Result<Vec<(Token, u32)>, CompileError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks();
        let offset = u32::try_from(lexer.at).unwrap_or(u32::MAX);
        let token = lexer.token().map_err(|message| CompileError { message, offset })?;
        let is_end = token == Token::End;
        tokens.push((token, offset));
        if is_end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with("//") {
                return;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    fn token(&mut self) -> Result<Token, String> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return Ok(Token::End);
        };
        if let Some(token) = self.string()? {
            return Ok(token);
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let end = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            self.at += end;
            return Ok(Token::Ident(rest[..end].to_owned()));
        }
        let is_fraction = first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit());
        if first.is_ascii_digit() || is_fraction {
            return self.number();
        }
        if first == '`' {
            let end = rest[1..].find('`').ok_or("a quoted name is not closed")?;
            self.at += end + 2;
            return Ok(Token::Ident(rest[1..=end].to_owned()));
        }
        for mark in MARKS {
            if rest.starts_with(mark) {
                self.at += mark.len();
                return Ok(Token::Mark(mark));
            }
        }
        Err(format!("unexpected {first:?}"))
    }

    fn number(&mut self) -> Result<Token, String> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if rest.starts_with("0x") || rest.starts_with("0X") {
            let count = bytes[2..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            let text = &rest[2..2 + count];
            self.at += 2 + count;
            return self.integer(text, 16);
        }
        let mut end = digits(0);
        let mut is_double = false;
        if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
            is_double = true;
            end += 1 + digits(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let count = digits((end + 1 + sign).min(bytes.len()));
            if count > 0 {
                is_double = true;
                end += 1 + sign + count;
            }
        }
        let text = &rest[..end];
        self.at += end;
        if is_double {
            let number: f64 = text.parse().map_err(|_| format!("{text} is no number"))?;
            return Ok(Token::Double(number));
        }
        self.integer(text, 10)
    }

    fn integer(&mut self, text: &str, radix: u32) -> Result<Token, String> {
        let number = u64::from_str_radix(text, radix).map_err(|_| format!("the number {text} is out of range"))?;
        if self.rest().starts_with(['u', 'U']) {
            self.at += 1;
            return Ok(Token::Uint(number));
        }
        match i64::try_from(number) {
            Ok(number) => Ok(Token::Int(number)),
            Err(_) if number == 1 << 63 => Ok(Token::IntMinimum),
            Err(_) => Err(format!("the number {text} is out of range")),
        }
    }

    /// A string or bytes, if one begins here.
    fn string(&mut self) -> Result<Option<Token>, String> {
        let rest = self.rest();
        let prefix = rest.len() - rest.trim_start_matches(['r', 'R', 'b', 'B']).len();
        let (is_raw, is_bytes) = match rest[..prefix].to_ascii_lowercase().as_str() {
            "" => (false, false),
            "r" => (true, false),
            "b" => (false, true),
            "rb" | "br" => (true, true),
            _ => return Ok(None),
        };
        let body = &rest[prefix..];
        let Some(quote) = ["\"\"\"", "'''", "\"", "'"]
            .into_iter()
            .find(|quote| body.starts_with(quote))
        else {
            return Ok(None);
        };
        self.at += prefix + quote.len();
        let mut out = Vec::new();
        loop {
            let rest = self.rest();
            if rest.starts_with(quote) {
                self.at += quote.len();
                break;
            }
            let Some(c) = rest.chars().next() else {
                return Err("a string is not closed".to_owned());
            };
            if matches!(c, '\n' | '\r') && quote.len() == 1 {
                return Err("a string is not closed on its line".to_owned());
            }
            self.at += c.len_utf8();
            if c == '\\' && !is_raw {
                self.escape(is_bytes, &mut out)?;
            } else if c == '\\' {
                // A raw string keeps the backslash, and what it stands before does not end the string.
                out.push(b'\\');
                if let Some(next) = self.peek() {
                    self.at += next.len_utf8();
                    push(next, &mut out);
                }
            } else {
                push(c, &mut out);
            }
        }
        Ok(Some(if is_bytes {
            Token::Bytes(out)
        } else {
            Token::Text(String::from_utf8(out).map_err(|_| "a string is not UTF-8".to_owned())?)
        }))
    }

    fn escape(&mut self, is_bytes: bool, out: &mut Vec<u8>) -> Result<(), String> {
        let c = self.peek().ok_or("a string is not closed")?;
        self.at += c.len_utf8();
        let (skip, radix, count) = match c {
            'x' | 'X' => (0, 16, 2),
            'u' if !is_bytes => (0, 16, 4),
            'U' if !is_bytes => (0, 16, 8),
            '0'..='3' => (1, 8, 3),
            _ => {
                let plain = match c {
                    'a' => '\u{7}',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'v' => '\u{b}',
                    '\\' | '\'' | '"' | '`' | '?' => c,
                    _ => return Err(format!("unknown escape \\{c}")),
                };
                push(plain, out);
                return Ok(());
            }
        };
        let from = self.at - skip;
        let digits = self.text.get(from..from + count).ok_or("an escape is cut short")?;
        let number = u32::from_str_radix(digits, radix).map_err(|_| format!("{digits} in an escape is no number"))?;
        self.at = from + count;
        if is_bytes {
            out.push(u8::try_from(number).map_err(|_| format!("\\{digits} is no byte"))?);
        } else {
            push(
                char::from_u32(number).ok_or_else(|| format!("\\{c}{digits} is no character"))?,
                out,
            );
        }
        Ok(())
    }
}

fn push(c: char, out: &mut Vec<u8>) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}
