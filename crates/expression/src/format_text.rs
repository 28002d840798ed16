//! `string.format`: `%s`, `%d`, `%f`, `%e`, `%b`, `%x`, `%X`, `%o`.

use std::fmt::Write;

use crate::eval::{Meter, Result, fail};
use crate::function::double_text;
use crate::value::Value;

/// How many digits after the point are allowed (`cel-go`).
const MAX_PRECISION: usize = 1000;

pub(crate) fn format(meter: &Meter, values: &[Value]) -> Result {
    let (Some(pattern), Value::List(arguments)) = (values[0].as_str(), &values[1]) else {
        return fail("no such overload: format");
    };
    meter.read(pattern.len())?;
    let mut out = String::new();
    let mut next = 0;
    let mut rest = pattern;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let mut precision = None;
        if let Some(after) = rest.strip_prefix('.') {
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            let number: usize = after[..digits].parse().unwrap_or(usize::MAX);
            if number > MAX_PRECISION {
                return fail("could not parse formatting clause: the precision is out of range");
            }
            precision = Some(number);
            rest = &after[digits..];
        }
        let Some(verb) = rest.chars().next() else {
            return fail("unexpected end of string");
        };
        rest = &rest[verb.len_utf8()..];
        let Some(argument) = arguments.items.get(next) else {
            return fail(format!("index {next} out of range"));
        };
        next += 1;
        let before = out.len();
        clause(meter, verb, precision, argument, &mut out)?;
        meter.read(out.len() - before)?;
    }
    out.push_str(rest);
    Ok(Value::from(out))
}

fn clause(meter: &Meter, verb: char, precision: Option<usize>, value: &Value, out: &mut String) -> Result<()> {
    let wrong = |wanted: &str| {
        fail(format!(
            "error during formatting: {wanted} clause can only be used on {wanted}s, was given {}",
            value.type_of().name()
        ))
    };
    match verb {
        's' => return plain(meter, value, out, false),
        'd' => match value {
            Value::Int(number) => push(out, number),
            Value::Uint(number) => push(out, number),
            Value::Double(number) if !number.is_finite() => out.push_str(special(*number)),
            _ => return wrong("integer"),
        },
        'f' | 'e' => {
            #[expect(clippy::cast_precision_loss, reason = "what is asked for")]
            let number = match value {
                Value::Double(number) => *number,
                Value::Int(number) => *number as f64,
                Value::Uint(number) => *number as f64,
                Value::String(text) if matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity") => {
                    out.push_str(text);
                    return Ok(());
                }
                _ => return wrong("double"),
            };
            if !number.is_finite() {
                out.push_str(special(number));
                return Ok(());
            }
            let precision = precision.unwrap_or(6);
            if verb == 'f' {
                let _ = write!(out, "{number:.precision$}");
                return Ok(());
            }
            let text = format!("{number:.precision$e}");
            let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let exponent: i32 = exponent.parse().unwrap_or(0);
            let sign = if exponent < 0 { '-' } else { '+' };
            let _ = write!(out, "{digits}e{sign}{:02}", exponent.unsigned_abs());
        }
        'b' => match value {
            Value::Int(number) => signed(out, *number, |out, number| write!(out, "{number:b}")),
            Value::Uint(number) => push(out, format_args!("{number:b}")),
            Value::Bool(value) => push(out, u8::from(*value)),
            _ => return wrong("integer"),
        },
        'o' => match value {
            Value::Int(number) => signed(out, *number, |out, number| write!(out, "{number:o}")),
            Value::Uint(number) => push(out, format_args!("{number:o}")),
            _ => return wrong("integer"),
        },
        'x' | 'X' => {
            let mut hex = String::new();
            match value {
                Value::Int(number) => signed(&mut hex, *number, |out, number| write!(out, "{number:x}")),
                Value::Uint(number) => push(&mut hex, format_args!("{number:x}")),
                Value::String(text) => text.bytes().for_each(|byte| push(&mut hex, format_args!("{byte:02x}"))),
                Value::Bytes(bytes) => bytes.iter().for_each(|byte| push(&mut hex, format_args!("{byte:02x}"))),
                _ => return wrong("integer"),
            }
            out.push_str(&if verb == 'X' { hex.to_uppercase() } else { hex });
        }
        other => {
            return fail(format!(
                "could not parse formatting clause: unrecognized formatting clause \"{other}\""
            ));
        }
    }
    Ok(())
}

fn push(out: &mut String, value: impl std::fmt::Display) {
    let _ = write!(out, "{value}");
}

fn signed(out: &mut String, number: i64, print: fn(&mut String, u64) -> std::fmt::Result) {
    if number < 0 {
        out.push('-');
    }
    let _ = print(out, number.unsigned_abs());
}

fn special(number: f64) -> &'static str {
    if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

/// `%s`; inside a collection too.
fn plain(meter: &Meter, value: &Value, out: &mut String, is_inner: bool) -> Result<()> {
    meter.spend(1)?;
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => push(out, value),
        Value::Int(number) => push(out, number),
        Value::Uint(number) => push(out, number),
        Value::Double(number) if number.is_finite() => out.push_str(&double_text(*number)),
        Value::Double(number) => out.push_str(special(*number)),
        Value::String(text) => {
            meter.read(text.len())?;
            out.push_str(text);
        }
        Value::Bytes(bytes) => out.push_str(&String::from_utf8_lossy(bytes)),
        Value::Type(found) => out.push_str(found.name()),
        Value::Timestamp(time) => push(out, time),
        Value::Duration(duration) => push(out, duration),
        Value::List(list) => {
            out.push('[');
            for (at, item) in list.items.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                plain(meter, item, out, true)?;
            }
            out.push(']');
        }
        Value::Map(map) => {
            let mut entries = Vec::new();
            for (key, value) in map.iter() {
                let mut text = String::new();
                plain(meter, &key.value(), &mut text, true)?;
                entries.push((text, value));
            }
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            out.push('{');
            for (at, (key, value)) in entries.into_iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                out.push_str(&key);
                out.push_str(": ");
                plain(meter, value, out, true)?;
            }
            out.push('}');
        }
        Value::Ip(address) if !is_inner => push(out, address),
        Value::Cidr(cidr) if !is_inner => push(out, cidr),
        Value::Quantity(quantity) if !is_inner => push(out, quantity),
        other => {
            return fail(format!(
                "error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given {}",
                other.type_of().name()
            ));
        }
    }
    Ok(())
}
