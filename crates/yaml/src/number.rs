//! Numbers in text: what go-yaml reads as an integer or a float, and how Go writes a float.
//!
//! The reading side follows the resolve functions of go.yaml.in/yaml (v2 and v3 agree on it) and the
//! parts of Go's strconv they call; the writing side follows strconv and encoding/json.

/// An integer or a float as go-yaml decodes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Int(i64),
    /// Only for values beyond `i64::MAX`.
    Uint(u64),
    Float(f64),
}

/// Which octal notation is known beside `0777`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    V2,
    V3,
}

/// Reads a plain scalar that begins with a digit or a sign. `None` means it is no number.
pub(crate) fn parse_number(text: &str, dialect: Dialect) -> Option<Number> {
    if let Some(number) = parse_short_decimal(text.as_bytes()) {
        return Some(Number::Int(number));
    }
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_'))
    {
        return None;
    }
    if text.contains('_') {
        let plain: String = text.chars().filter(|&c| c != '_').collect();
        return parse_without_underscores(&plain, dialect);
    }
    parse_without_underscores(text, dialect)
}

/// Up to 18 decimal digits without a leading zero: nearly every number there is.
#[inline]
fn parse_short_decimal(bytes: &[u8]) -> Option<i64> {
    if bytes.is_empty() || bytes.len() > 18 || (bytes[0] == b'0' && bytes.len() > 1) {
        return None;
    }
    let mut value = 0i64;
    for &byte in bytes {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    Some(value)
}

fn parse_without_underscores(plain: &str, dialect: Dialect) -> Option<Number> {
    if let Some(number) = parse_integer(plain) {
        return Some(number);
    }
    if is_decimal_float(plain.as_bytes()) {
        return parse_finite(plain);
    }
    // Left over from the time before Go knew these prefixes: a sign may follow the prefix.
    if let Some(rest) = plain.strip_prefix("0b") {
        return parse_signed(rest, 2);
    }
    match plain.strip_prefix("0o") {
        Some(rest) if dialect == Dialect::V3 => parse_signed(rest, 8),
        _ => None,
    }
}

/// Go's ParseInt with base 0, then ParseUint with base 0.
fn parse_integer(plain: &str) -> Option<Number> {
    let (negative, signed, digits) = match plain.as_bytes().first()? {
        b'-' => (true, true, &plain[1..]),
        b'+' => (false, true, &plain[1..]),
        _ => (false, false, plain),
    };
    let bytes = digits.as_bytes();
    if bytes.is_empty() {
        return None;
    }
    let (radix, digits) = if bytes[0] == b'0' && bytes.len() > 1 {
        match bytes[1] {
            b'x' | b'X' if bytes.len() >= 3 => (16, &digits[2..]),
            b'b' | b'B' if bytes.len() >= 3 => (2, &digits[2..]),
            b'o' | b'O' if bytes.len() >= 3 => (8, &digits[2..]),
            _ => (8, &digits[1..]),
        }
    } else {
        (10, digits)
    };
    number(negative, magnitude(digits, radix)?, signed)
}

fn magnitude(digits: &str, radix: u32) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| (byte as char).is_digit(radix)) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

fn number(negative: bool, magnitude: u64, signed: bool) -> Option<Number> {
    if negative {
        return 0i64.checked_sub_unsigned(magnitude).map(Number::Int);
    }
    match i64::try_from(magnitude) {
        Ok(value) => Some(Number::Int(value)),
        Err(_) if !signed => Some(Number::Uint(magnitude)),
        Err(_) => None,
    }
}

fn parse_signed(digits: &str, radix: u32) -> Option<Number> {
    match digits.as_bytes().first()? {
        b'-' => number(true, magnitude(&digits[1..], radix)?, true),
        b'+' => number(false, magnitude(&digits[1..], radix)?, true),
        _ => number(false, magnitude(digits, radix)?, false),
    }
}

/// Whether the text is a decimal float by the pattern of go-yaml: digits, at most one point, an
/// exponent.
fn is_decimal_float(bytes: &[u8]) -> bool {
    let mut at = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(at);
    at += whole;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if whole == 0 && fraction == 0 {
            return false;
        }
        at += 1 + fraction;
    } else if whole == 0 {
        return false;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        at += usize::from(matches!(bytes.get(at), Some(b'-' | b'+')));
        let exponent = digits(at);
        if exponent == 0 {
            return false;
        }
        at += exponent;
    }
    at == bytes.len()
}

fn parse_finite(text: &str) -> Option<Number> {
    text.parse::<f64>()
        .ok()
        .filter(|value| value.is_finite())
        .map(Number::Float)
}

/// Reads a plain scalar that begins with a point, which Go's ParseFloat decides alone: underscores
/// may stand between digits.
pub(crate) fn parse_point_float(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    if !text.contains('_') {
        return match is_decimal_float(bytes).then(|| parse_finite(text))?? {
            Number::Float(value) => Some(value),
            _ => None,
        };
    }
    let between_digits =
        |at: usize| at > 0 && bytes[at - 1].is_ascii_digit() && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
    if (0..bytes.len()).any(|at| bytes[at] == b'_' && !between_digits(at)) {
        return None;
    }
    parse_point_float(&text.replace('_', ""))
}

/// Writes a float as Go's `FormatFloat(value, 'g', -1, 32)`; the value must be finite.
pub(crate) fn write_float_g32(value: f64, out: &mut Vec<u8>) {
    let value = value as f32;
    if value.is_finite() {
        write_g(split(&format!("{value:e}")), out);
    } else {
        out.extend_from_slice(if value > 0.0 { b".inf" } else { b"-.inf" });
    }
}

/// Shortest decimal digits of a finite float and its decimal exponent: `digits[0].digits[1..] * 10^exp`.
fn shortest(value: f64) -> (bool, Vec<u8>, i32) {
    split(&format!("{value:e}"))
}

fn split(text: &str) -> (bool, Vec<u8>, i32) {
    let (mantissa, exponent) = text.split_once('e').expect("exponent format has an exponent");
    let negative = mantissa.starts_with('-');
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    (negative, digits, exponent.parse().expect("exponent is an integer"))
}

/// Writes a float as Go's `FormatFloat(value, 'g', -1, 64)`; the value must be finite.
pub(crate) fn write_float_g(value: f64, out: &mut Vec<u8>) {
    write_g(shortest(value), out);
}

fn write_g((negative, digits, exponent): (bool, Vec<u8>, i32), out: &mut Vec<u8>) {
    if (-4..6).contains(&exponent) {
        write_positional(negative, &digits, exponent, out);
    } else {
        write_exponent(negative, &digits, exponent, 2, out);
    }
}

/// Writes a float as encoding/json does; the value must be finite.
pub(crate) fn write_float_json(value: f64, out: &mut Vec<u8>) {
    let (negative, digits, exponent) = shortest(value);
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        write_exponent(negative, &digits, exponent, 1, out);
    } else {
        write_positional(negative, &digits, exponent, out);
    }
}

fn write_exponent(negative: bool, digits: &[u8], exponent: i32, width: usize, out: &mut Vec<u8>) {
    if negative {
        out.push(b'-');
    }
    out.push(digits[0]);
    if digits.len() > 1 {
        out.push(b'.');
        out.extend_from_slice(&digits[1..]);
    }
    out.push(b'e');
    out.push(if exponent < 0 { b'-' } else { b'+' });
    out.extend_from_slice(format!("{:0width$}", exponent.abs()).as_bytes());
}

fn write_positional(negative: bool, digits: &[u8], exponent: i32, out: &mut Vec<u8>) {
    if negative {
        out.push(b'-');
    }
    if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', (-exponent - 1) as usize));
        out.extend_from_slice(digits);
        return;
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        out.extend_from_slice(digits);
        out.extend(std::iter::repeat_n(b'0', whole - digits.len()));
    } else {
        out.extend_from_slice(&digits[..whole]);
        out.push(b'.');
        out.extend_from_slice(&digits[whole..]);
    }
}
