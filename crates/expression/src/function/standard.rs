//! The functions of the CEL specification: sizes, conversions, texts.

use super::{Form, Row, no_overload, text};
use crate::eval::{Meter, Result, fail};
use crate::time::{Duration, Timestamp};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Row] = &[
    ("size", Form::Global, &[1], size),
    ("size", Form::Receiver, &[0], size),
    ("contains", Form::Receiver, &[1], contains),
    ("startsWith", Form::Receiver, &[1], starts_with),
    ("endsWith", Form::Receiver, &[1], ends_with),
    ("matches", Form::Receiver, &[1], matches),
    ("matches", Form::Global, &[2], matches),
    ("int", Form::Global, &[1], to_int),
    ("uint", Form::Global, &[1], to_uint),
    ("double", Form::Global, &[1], to_double),
    ("string", Form::Global, &[1], to_string),
    ("bytes", Form::Global, &[1], to_bytes),
    ("bool", Form::Global, &[1], to_bool),
    ("dyn", Form::Global, &[1], |_, values| Ok(values[0].clone())),
    ("type", Form::Global, &[1], |_, values| {
        Ok(Value::Type(values[0].type_of()))
    }),
    ("duration", Form::Global, &[1], to_duration),
    ("timestamp", Form::Global, &[1], to_timestamp),
];

fn length(count: usize) -> Result {
    Ok(Value::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

fn size(meter: &Meter, values: &[Value]) -> Result {
    match &values[0] {
        Value::String(text) => {
            meter.read(text.len())?;
            length(text.chars().count())
        }
        Value::Bytes(bytes) => length(bytes.len()),
        Value::List(list) => length(list.items.len()),
        Value::Map(map) => length(map.len()),
        _ => no_overload("size", values),
    }
}

fn contains(meter: &Meter, values: &[Value]) -> Result {
    // CIDR ranges have functions of other names; `contains` is of texts alone.
    let (whole, part) = (text("contains", values, 0)?, text("contains", values, 1)?);
    meter.read(whole.len())?;
    Ok(Value::Bool(whole.contains(part)))
}

fn starts_with(meter: &Meter, values: &[Value]) -> Result {
    let (whole, part) = (text("startsWith", values, 0)?, text("startsWith", values, 1)?);
    meter.read(part.len())?;
    Ok(Value::Bool(whole.starts_with(part)))
}

fn ends_with(meter: &Meter, values: &[Value]) -> Result {
    let (whole, part) = (text("endsWith", values, 0)?, text("endsWith", values, 1)?);
    meter.read(part.len())?;
    Ok(Value::Bool(whole.ends_with(part)))
}

fn matches(meter: &Meter, values: &[Value]) -> Result {
    let (whole, pattern) = (text("matches", values, 0)?, text("matches", values, 1)?);
    Ok(Value::Bool(
        super::strings::regex(meter, pattern, whole)?.is_match(whole),
    ))
}

fn out_of_range<T>() -> Result<T> {
    fail("range error: the number does not fit")
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn to_int(_: &Meter, values: &[Value]) -> Result {
    Ok(Value::Int(match &values[0] {
        Value::Int(number) => *number,
        Value::Uint(number) => i64::try_from(*number).or_else(|_| out_of_range())?,
        // cel-go refuses the ends of the range, where a double says too little.
        Value::Double(number) if number.abs() < 9.223_372_036_854_775e18 => number.trunc() as i64,
        Value::Double(_) => out_of_range()?,
        Value::String(text) => text
            .parse()
            .or_else(|_| fail(format!("\"{}\" is no int", text.as_str())))?,
        Value::Timestamp(time) => i64::try_from(time.0.div_euclid(1_000_000_000)).or_else(|_| out_of_range())?,
        Value::Duration(duration) => duration.0,
        _ => no_overload("int", values)?,
    }))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is checked"
)]
fn to_uint(_: &Meter, values: &[Value]) -> Result {
    Ok(Value::Uint(match &values[0] {
        Value::Uint(number) => *number,
        Value::Int(number) => u64::try_from(*number).or_else(|_| out_of_range())?,
        Value::Double(number) if (0.0..1.844_674_407_370_955e19).contains(number) => number.trunc() as u64,
        Value::Double(_) => out_of_range()?,
        Value::String(text) => text
            .parse()
            .or_else(|_| fail(format!("\"{}\" is no uint", text.as_str())))?,
        _ => no_overload("uint", values)?,
    }))
}

#[expect(clippy::cast_precision_loss, reason = "the conversion of the specification")]
fn to_double(_: &Meter, values: &[Value]) -> Result {
    Ok(Value::Double(match &values[0] {
        Value::Double(number) => *number,
        Value::Int(number) => *number as f64,
        Value::Uint(number) => *number as f64,
        Value::String(text) => text
            .parse()
            .or_else(|_| fail(format!("\"{}\" is no double", text.as_str())))?,
        _ => no_overload("double", values)?,
    }))
}

fn to_string(meter: &Meter, values: &[Value]) -> Result {
    Ok(match &values[0] {
        Value::String(_) => values[0].clone(),
        Value::Int(number) => Value::from(number.to_string()),
        Value::Uint(number) => Value::from(number.to_string()),
        Value::Double(number) => Value::from(double_text(*number)),
        Value::Bool(value) => Value::from(value.to_string()),
        Value::Bytes(bytes) => {
            meter.read(bytes.len())?;
            let text =
                std::str::from_utf8(bytes).or_else(|_| fail("invalid UTF-8 in bytes, cannot convert to string"))?;
            Value::from(text)
        }
        Value::Timestamp(time) => Value::from(time.to_string()),
        Value::Duration(duration) => Value::from(duration.to_string()),
        Value::Ip(address) => Value::from(address.to_string()),
        Value::Cidr(cidr) => Value::from(cidr.to_string()),
        Value::Url(url) => Value::from(url.text.clone()),
        Value::Quantity(quantity) => Value::from(quantity.to_string()),
        Value::Semver(version) => Value::from(version.to_string()),
        _ => no_overload("string", values)?,
    })
}

/// A double as Go's `strconv.FormatFloat` with `g` prints it.
pub(crate) fn double_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if number == 0.0 {
        return if number.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..21).contains(&exponent) {
        return number.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

fn to_bytes(_: &Meter, values: &[Value]) -> Result {
    match &values[0] {
        Value::Bytes(_) => Ok(values[0].clone()),
        Value::String(text) => Ok(Value::Bytes(text.as_bytes().into())),
        _ => no_overload("bytes", values),
    }
}

fn to_bool(_: &Meter, values: &[Value]) -> Result {
    match &values[0] {
        Value::Bool(value) => Ok(Value::Bool(*value)),
        Value::String(text) => match text.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            other => fail(format!("Type conversion error: \"{other}\" is no bool")),
        },
        _ => no_overload("bool", values),
    }
}

fn to_duration(_: &Meter, values: &[Value]) -> Result {
    match &values[0] {
        Value::Duration(_) => Ok(values[0].clone()),
        Value::Int(number) => Ok(Value::Duration(Duration(*number))),
        Value::String(text) => match Duration::parse(text) {
            // The range of a protobuf duration.
            Some(duration) => Ok(Value::Duration(duration)),
            None => fail(format!("range error: \"{}\" is no duration", text.as_str())),
        },
        _ => no_overload("duration", values),
    }
}

fn to_timestamp(_: &Meter, values: &[Value]) -> Result {
    let made = match &values[0] {
        Value::Timestamp(_) => return Ok(values[0].clone()),
        Value::Int(seconds) => Timestamp::new(i128::from(*seconds) * 1_000_000_000),
        Value::String(text) => Timestamp::parse(text),
        _ => return no_overload("timestamp", values),
    };
    made.map_or_else(|| fail("range error: no timestamp"), |time| Ok(Value::Timestamp(time)))
}

/// Base64 in the standard alphabet, padded.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(out)
}
