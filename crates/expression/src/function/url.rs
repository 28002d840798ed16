//! URLs, read as Go's `url.ParseRequestURI` reads them.

use std::sync::Arc;

use super::{Form, Row, no_overload, text};
use crate::eval::{Meter, Result, fail};
use crate::value::{Key, Map, Value};

pub(super) const FUNCTIONS: &[Row] = &[
    ("url", Form::Global, &[1], |meter, values| {
        let text = text("url", values, 0)?;
        meter.read(text.len())?;
        Url::parse(text).map_or_else(
            || fail(format!("URL parse error during conversion from string: \"{text}\"")),
            |url| Ok(Value::Url(Arc::new(url))),
        )
    }),
    ("isURL", Form::Global, &[1], |meter, values| {
        let text = text("isURL", values, 0)?;
        meter.read(text.len())?;
        Ok(Value::Bool(Url::parse(text).is_some()))
    }),
    ("getScheme", Form::Receiver, &[0], |_, values| {
        part("getScheme", values, |url| url.scheme.clone())
    }),
    ("getHost", Form::Receiver, &[0], |_, values| {
        part("getHost", values, |url| url.host.clone())
    }),
    ("getHostname", Form::Receiver, &[0], |_, values| {
        part("getHostname", values, |url| url.name_and_port().0.to_owned())
    }),
    ("getPort", Form::Receiver, &[0], |_, values| {
        part("getPort", values, |url| url.name_and_port().1.to_owned())
    }),
    ("getEscapedPath", Form::Receiver, &[0], |_, values| {
        part("getEscapedPath", values, |url| url.path.clone())
    }),
    ("getQuery", Form::Receiver, &[0], query),
];

/// The parts of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    pub(crate) text: String,
    scheme: String,
    host: String,
    path: String,
    query: String,
}

impl Url {
    /// Reads an absolute URL, or an absolute path.
    pub(crate) fn parse(text: &str) -> Option<Url> {
        if text.is_empty() || text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return None;
        }
        let (before, _fragment) = text.split_once('#').unwrap_or((text, ""));
        let scheme_end = before.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.'));
        let (scheme, rest) = match scheme_end {
            Some(at) if before[at..].starts_with(':') => {
                if !before.starts_with(|c: char| c.is_ascii_alphabetic()) {
                    return None;
                }
                (before[..at].to_ascii_lowercase(), &before[at + 1..])
            }
            _ => (String::new(), before),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        if !rest.starts_with('/') {
            // `mailto:a@b` has no path and no host, which Go takes with a scheme alone.
            if scheme.is_empty() {
                return None;
            }
            return Some(Url {
                text: text.to_owned(),
                scheme,
                host: String::new(),
                path: String::new(),
                query: query.to_owned(),
            });
        }
        let (host, path) = match rest.strip_prefix("//") {
            Some(authority) if !scheme.is_empty() || !rest.starts_with("///") => {
                let end = authority.find('/').unwrap_or(authority.len());
                let host = &authority[..end];
                (host.rsplit_once('@').map_or(host, |(_, host)| host), &authority[end..])
            }
            _ => ("", rest),
        };
        if !is_host(host) || !is_escaped(path) {
            return None;
        }
        Some(Url {
            text: text.to_owned(),
            scheme,
            host: host.to_owned(),
            path: escape_path(path),
            query: query.to_owned(),
        })
    }

    fn name_and_port(&self) -> (&str, &str) {
        match self.host.strip_prefix('[').and_then(|host| host.split_once(']')) {
            Some((name, rest)) => (name, rest.strip_prefix(':').unwrap_or_default()),
            None => self.host.rsplit_once(':').unwrap_or((&self.host, "")),
        }
    }
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(inner) => match inner.split_once(']') {
            Some((name, "")) => (name, ""),
            Some((name, rest)) if rest.starts_with(':') => (name, &rest[1..]),
            _ => return false,
        },
        None => host.rsplit_once(':').unwrap_or((host, "")),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:%\"<>[]".contains(c) || !c.is_ascii();
    (host.starts_with('[') || !name.contains(':'))
        && name.chars().all(is_name)
        && port.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_escaped(path: &str) -> bool {
    path.match_indices('%').all(|(at, _)| {
        path.get(at + 1..at + 3)
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    })
}

/// Escapes what a path may not hold as it is.
fn escape_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@%!'()*[]".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn unescape(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'%' => {
                out.push(u8::from_str_radix(text.get(at + 1..at + 3)?, 16).ok()?);
                at += 3;
                continue;
            }
            b'+' => out.push(b' '),
            byte => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8(out).ok()
}

fn receiver<'v>(name: &str, values: &'v [Value]) -> Result<&'v Url> {
    match &values[0] {
        Value::Url(url) => Ok(url),
        _ => no_overload(name, values),
    }
}

fn part(name: &str, values: &[Value], of: fn(&Url) -> String) -> Result {
    Ok(Value::from(of(receiver(name, values)?)))
}

fn query(meter: &Meter, values: &[Value]) -> Result {
    let url = receiver("getQuery", values)?;
    meter.read(url.query.len())?;
    let mut found: Vec<(String, Vec<Value>)> = Vec::new();
    for pair in url
        .query
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.contains(';'))
    {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(name), Some(value)) = (unescape(name), unescape(value)) else {
            continue;
        };
        let value = Value::from(value);
        match found.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => found.push((name, vec![value])),
        }
    }
    let entries = found.into_iter();
    let entries = entries.map(|(name, values)| (Key::String(name.into()), Value::list(values)));
    Ok(Value::Map(Arc::new(Map::new(entries.collect()))))
}
