//! Texts: `ext.Strings` of `cel-go` in its version 2, and Kubernetes' regular expressions.

use regex::Regex;

use super::{Form, Row, int, no_overload, text};
use crate::eval::{Meter, Result, fail};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Row] = &[
    ("charAt", Form::Receiver, &[1], char_at),
    ("format", Form::Receiver, &[1], crate::format_text::format),
    ("indexOf", Form::Receiver, &[1, 2], index_of),
    ("lastIndexOf", Form::Receiver, &[1, 2], last_index_of),
    ("join", Form::Receiver, &[0, 1], join),
    ("lowerAscii", Form::Receiver, &[0], |meter, values| {
        let text = text("lowerAscii", values, 0)?;
        meter.read(text.len())?;
        Ok(Value::from(text.to_ascii_lowercase()))
    }),
    ("upperAscii", Form::Receiver, &[0], |meter, values| {
        let text = text("upperAscii", values, 0)?;
        meter.read(text.len())?;
        Ok(Value::from(text.to_ascii_uppercase()))
    }),
    ("trim", Form::Receiver, &[0], |meter, values| {
        let text = text("trim", values, 0)?;
        meter.read(text.len())?;
        Ok(Value::from(text.trim()))
    }),
    ("replace", Form::Receiver, &[2, 3], replace),
    ("split", Form::Receiver, &[1, 2], split),
    ("substring", Form::Receiver, &[1, 2], substring),
    ("strings.quote", Form::Global, &[1], quote),
    ("find", Form::Receiver, &[1], |meter, values| {
        let (whole, pattern) = (text("find", values, 0)?, text("find", values, 1)?);
        let found = regex(meter, pattern, whole)?
            .find(whole)
            .map_or("", |found| found.as_str());
        Ok(Value::from(found))
    }),
    ("findAll", Form::Receiver, &[1, 2], find_all),
];

/// A compiled pattern that may read a text: both cost.
pub(super) fn regex(meter: &Meter, pattern: &str, text: &str) -> Result<Regex> {
    meter.spend((1 + text.len() as u64 / 10).saturating_mul(1 + pattern.len() as u64 / 4))?;
    let built = regex::RegexBuilder::new(pattern).size_limit(1 << 20).build();
    built.or_else(|_| fail(format!("\"{pattern}\" is no regular expression")))
}

/// The byte where a character stands.
fn byte_at(text: &str, position: i64) -> Option<usize> {
    let position = usize::try_from(position).ok()?;
    let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    starts.into_iter().nth(position)
}

fn char_at(meter: &Meter, values: &[Value]) -> Result {
    let (whole, at) = (text("charAt", values, 0)?, int("charAt", values, 1)?);
    meter.read(whole.len())?;
    match byte_at(whole, at) {
        Some(byte) => Ok(Value::from(
            whole[byte..].chars().next().map(String::from).unwrap_or_default(),
        )),
        None => fail(format!("index out of range: {at}")),
    }
}

fn position(text: &str, byte: usize) -> Value {
    Value::Int(i64::try_from(text[..byte].chars().count()).unwrap_or(i64::MAX))
}

pub(super) fn index_of(meter: &Meter, values: &[Value]) -> Result {
    let (whole, part) = (text("indexOf", values, 0)?, text("indexOf", values, 1)?);
    meter.read(whole.len())?;
    let from = if values.len() == 3 {
        int("indexOf", values, 2)?
    } else {
        0
    };
    let Some(start) = byte_at(whole, from) else {
        return fail(format!("index out of range: {from}"));
    };
    let found = whole[start..].find(part);
    Ok(found.map_or(Value::Int(-1), |at| position(whole, start + at)))
}

pub(super) fn last_index_of(meter: &Meter, values: &[Value]) -> Result {
    let (whole, part) = (text("lastIndexOf", values, 0)?, text("lastIndexOf", values, 1)?);
    meter.read(whole.len())?;
    let end = if values.len() == 3 {
        let last = int("lastIndexOf", values, 2)?;
        match byte_at(whole, last) {
            Some(byte) => (byte + part.len()).min(whole.len()),
            None => return fail(format!("index out of range: {last}")),
        }
    } else {
        whole.len()
    };
    // The end may fall into a character, which the part then does not reach.
    let end = (0..=end).rev().find(|at| whole.is_char_boundary(*at)).unwrap_or(0);
    let found = whole[..end].rfind(part);
    Ok(found.map_or(Value::Int(-1), |at| position(whole, at)))
}

fn join(meter: &Meter, values: &[Value]) -> Result {
    let Value::List(list) = &values[0] else {
        return no_overload("join", values);
    };
    let separator = if values.len() == 2 {
        text("join", values, 1)?
    } else {
        ""
    };
    let mut joined = String::new();
    for (at, item) in list.items.iter().enumerate() {
        let Some(item) = item.as_str() else {
            return no_overload("join", values);
        };
        meter.read(item.len() + separator.len())?;
        if at > 0 {
            joined.push_str(separator);
        }
        joined.push_str(item);
    }
    Ok(Value::from(joined))
}

fn replace(meter: &Meter, values: &[Value]) -> Result {
    let (whole, old, new) = (
        text("replace", values, 0)?,
        text("replace", values, 1)?,
        text("replace", values, 2)?,
    );
    let limit = if values.len() == 4 {
        int("replace", values, 3)?
    } else {
        -1
    };
    let possible = if old.is_empty() {
        whole.len() + 1
    } else {
        whole.len() / old.len()
    };
    meter.read(whole.len().saturating_add(possible.saturating_mul(new.len())))?;
    Ok(Value::from(match usize::try_from(limit) {
        Ok(limit) => whole.replacen(old, new, limit),
        Err(_) => whole.replace(old, new),
    }))
}

fn split(meter: &Meter, values: &[Value]) -> Result {
    let (whole, separator) = (text("split", values, 0)?, text("split", values, 1)?);
    let limit = if values.len() == 3 {
        int("split", values, 2)?
    } else {
        -1
    };
    meter.read(whole.len())?;
    let parts: Vec<Value> = match limit {
        0 => Vec::new(),
        _ if separator.is_empty() => {
            let count = whole.chars().count();
            let limit = usize::try_from(limit).unwrap_or(count).min(count);
            let mut parts: Vec<Value> = Vec::new();
            let mut rest = whole;
            while parts.len() + 1 < limit {
                let Some(c) = rest.chars().next() else { break };
                parts.push(Value::from(c.to_string()));
                rest = &rest[c.len_utf8()..];
            }
            if !rest.is_empty() {
                parts.push(Value::from(rest));
            }
            parts
        }
        limit => match usize::try_from(limit) {
            Ok(limit) => whole.splitn(limit, separator).map(Value::from).collect(),
            Err(_) => whole.split(separator).map(Value::from).collect(),
        },
    };
    Ok(Value::list(parts))
}

fn substring(meter: &Meter, values: &[Value]) -> Result {
    let (whole, from) = (text("substring", values, 0)?, int("substring", values, 1)?);
    meter.read(whole.len())?;
    let Some(start) = byte_at(whole, from) else {
        return fail(format!("index out of range: {from}"));
    };
    let end = if values.len() == 3 {
        let to = int("substring", values, 2)?;
        match byte_at(whole, to) {
            Some(end) if end >= start => end,
            Some(_) => return fail(format!("invalid substring range. start: {from}, end: {to}")),
            None => return fail(format!("index out of range: {to}")),
        }
    } else {
        whole.len()
    };
    Ok(Value::from(&whole[start..end]))
}

fn quote(meter: &Meter, values: &[Value]) -> Result {
    let whole = text("strings.quote", values, 0)?;
    meter.read(whole.len())?;
    let mut quoted = String::from("\"");
    for c in whole.chars() {
        match c {
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    Ok(Value::from(quoted))
}

fn find_all(meter: &Meter, values: &[Value]) -> Result {
    let (whole, pattern) = (text("findAll", values, 0)?, text("findAll", values, 1)?);
    let limit = if values.len() == 3 {
        int("findAll", values, 2)?
    } else {
        -1
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let regex = regex(meter, pattern, whole)?;
    let found: Vec<Value> = regex
        .find_iter(whole)
        .take(limit)
        .map(|found| Value::from(found.as_str()))
        .collect();
    Ok(Value::list(found))
}
