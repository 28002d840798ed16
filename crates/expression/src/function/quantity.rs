//! Kubernetes' quantities: `500m`, `1Gi`, `1.5e3`, exact to the nano.

use std::cmp::Ordering;

use super::{Form, Row, no_overload, text};
use crate::eval::{Meter, Result, fail};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Row] = &[
    ("quantity", Form::Global, &[1], |meter, values| {
        let text = text("quantity", values, 0)?;
        meter.read(text.len())?;
        Quantity::parse(text).map_or_else(
            || fail(format!("\"{text}\" is no quantity")),
            |quantity| Ok(Value::Quantity(quantity)),
        )
    }),
    ("isQuantity", Form::Global, &[1], |meter, values| {
        let text = text("isQuantity", values, 0)?;
        meter.read(text.len())?;
        Ok(Value::Bool(Quantity::parse(text).is_some()))
    }),
    ("sign", Form::Receiver, &[0], |_, values| {
        Ok(Value::Int(match receiver("sign", values)?.nanos.cmp(&0) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        }))
    }),
    ("isInteger", Form::Receiver, &[0], |_, values| {
        Ok(Value::Bool(receiver("isInteger", values)?.integer().is_some()))
    }),
    ("asInteger", Form::Receiver, &[0], |_, values| {
        let integer = receiver("asInteger", values)?.integer();
        integer.map_or_else(
            || fail("cannot convert value to integer"),
            |number| Ok(Value::Int(number)),
        )
    }),
    ("asApproximateFloat", Form::Receiver, &[0], |_, values| {
        #[expect(clippy::cast_precision_loss, reason = "it is approximate")]
        Ok(Value::Double(
            receiver("asApproximateFloat", values)?.nanos as f64 / 1e9,
        ))
    }),
    ("add", Form::Receiver, &[1], |_, values| {
        combine("add", values, i128::checked_add)
    }),
    ("sub", Form::Receiver, &[1], |_, values| {
        combine("sub", values, i128::checked_sub)
    }),
    ("isLessThan", Form::Receiver, &[1], is_less),
    ("isGreaterThan", Form::Receiver, &[1], is_greater),
    ("compareTo", Form::Receiver, &[1], compare),
];

/// A quantity in nanos.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity {
    nanos: i128,
}

const NANO: i128 = 1_000_000_000;

impl Quantity {
    /// Reads a quantity (`resource.ParseQuantity`); what is finer than a nano is rounded up.
    pub fn parse(text: &str) -> Option<Quantity> {
        let (is_negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        // The factor as a power of two and a power of ten.
        let (binary, decimal): (u32, i32) = match suffix {
            "" => (0, 0),
            "n" => (0, -9),
            "u" => (0, -6),
            "m" => (0, -3),
            "k" => (0, 3),
            "M" => (0, 6),
            "G" => (0, 9),
            "T" => (0, 12),
            "P" => (0, 15),
            "E" => (0, 18),
            "Ki" => (10, 0),
            "Mi" => (20, 0),
            "Gi" => (30, 0),
            "Ti" => (40, 0),
            "Pi" => (50, 0),
            "Ei" => (60, 0),
            _ => (0, suffix.strip_prefix(['e', 'E'])?.parse().ok()?),
        };
        let digits = format!("{whole}{fraction}");
        let digits = digits.trim_start_matches('0');
        let scale = i64::from(decimal) + 9 - i64::try_from(fraction.len()).ok()?;
        let nanos = if digits.is_empty() {
            0
        } else {
            scaled(digits, scale, binary).unwrap_or(i128::from(i64::MAX) * NANO)
        };
        // Kubernetes keeps at most what 64 bits hold.
        let nanos = nanos.min(i128::from(i64::MAX) * NANO);
        Some(Quantity {
            nanos: if is_negative { -nanos } else { nanos },
        })
    }

    fn integer(self) -> Option<i64> {
        (self.nanos % NANO == 0).then(|| i64::try_from(self.nanos / NANO).ok())?
    }
}

/// `digits` × 10^`scale` × 2^`binary`, rounded up; `None` where it is too large.
fn scaled(digits: &str, scale: i64, binary: u32) -> Option<i128> {
    if digits.len() > 60 {
        return if scale > -60 { None } else { Some(1) };
    }
    let number: i128 = match digits.parse() {
        Ok(number) => number,
        // More digits than fit: only the first ones count.
        Err(_) => {
            let kept = &digits[..30];
            return scaled(kept, scale + i64::try_from(digits.len() - 30).ok()?, binary);
        }
    };
    let number = number.checked_mul(1_i128.checked_shl(binary)?)?;
    if scale >= 0 {
        return number.checked_mul(10_i128.checked_pow(u32::try_from(scale).ok()?)?);
    }
    let Some(divisor) = u32::try_from(-scale).ok().and_then(|power| 10_i128.checked_pow(power)) else {
        return Some(1);
    };
    Some(number / divisor + i128::from(number % divisor != 0))
}

impl std::fmt::Display for Quantity {
    /// In the largest decimal unit that is exact.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let units = [
            (NANO * 1_000_000_000_000_000_000, "E"),
            (NANO * 1_000_000_000_000_000, "P"),
            (NANO * 1_000_000_000_000, "T"),
            (NANO * 1_000_000_000, "G"),
            (NANO * 1_000_000, "M"),
            (NANO * 1000, "k"),
            (NANO, ""),
            (1_000_000, "m"),
            (1000, "u"),
            (1, "n"),
        ];
        let exact = units
            .into_iter()
            .find(|(unit, _)| self.nanos != 0 && self.nanos % unit == 0);
        let (unit, suffix) = exact.unwrap_or((NANO, ""));
        write!(f, "{}{suffix}", self.nanos / unit)
    }
}

fn receiver(name: &str, values: &[Value]) -> Result<Quantity> {
    match values[0] {
        Value::Quantity(quantity) => Ok(quantity),
        _ => no_overload(name, values),
    }
}

fn both(name: &str, values: &[Value]) -> Result<(Quantity, Quantity)> {
    match (&values[0], &values[1]) {
        (Value::Quantity(a), Value::Quantity(b)) => Ok((*a, *b)),
        _ => no_overload(name, values),
    }
}

fn combine(name: &str, values: &[Value], with: fn(i128, i128) -> Option<i128>) -> Result {
    let a = receiver(name, values)?;
    let other = match values[1] {
        Value::Quantity(other) => other.nanos,
        Value::Int(other) => i128::from(other) * NANO,
        _ => return no_overload(name, values),
    };
    match with(a.nanos, other) {
        Some(nanos) => Ok(Value::Quantity(Quantity { nanos })),
        None => fail("quantity overflow"),
    }
}

pub(super) fn is_less(_: &Meter, values: &[Value]) -> Result {
    let (a, b) = both("isLessThan", values)?;
    Ok(Value::Bool(a < b))
}

pub(super) fn is_greater(_: &Meter, values: &[Value]) -> Result {
    let (a, b) = both("isGreaterThan", values)?;
    Ok(Value::Bool(a > b))
}

pub(super) fn compare(_: &Meter, values: &[Value]) -> Result {
    let (a, b) = both("compareTo", values)?;
    Ok(Value::Int(match a.cmp(&b) {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    }))
}
