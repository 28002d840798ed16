//! Amounts as Kubernetes writes them (`100m`, `1Gi`, `1e3`), compared.

use std::cmp::Ordering;

use crate::error::{Error, Result};

/// Compares two amounts, to the billionth.
pub(crate) fn compare(one: &str, other: &str) -> Result<Ordering> {
    let one = billionths(one).map_err(|said| Error::new(format!("{one}: {said}")))?;
    let other = billionths(other).map_err(Error::new)?;
    Ok(one.cmp(&other))
}

const MALFORMED: &str = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const SUFFIX: &str = "unable to parse quantity's suffix";

fn billionths(text: &str) -> Result<i128, &'static str> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-')))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (negative, number) = match number.as_bytes().first() {
        Some(b'-') => (true, &number[1..]),
        Some(b'+') => (false, &number[1..]),
        _ => (false, number),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
        return Err(MALFORMED);
    }
    let (factor, ten): (i128, i32) = match suffix {
        "" => (1, 0),
        "n" => (1, -9),
        "u" => (1, -6),
        "m" => (1, -3),
        "k" => (1, 3),
        "M" => (1, 6),
        "G" => (1, 9),
        "T" => (1, 12),
        "P" => (1, 15),
        "E" => (1, 18),
        "Ki" => (1 << 10, 0),
        "Mi" => (1 << 20, 0),
        "Gi" => (1 << 30, 0),
        "Ti" => (1 << 40, 0),
        "Pi" => (1 << 50, 0),
        "Ei" => (1 << 60, 0),
        other => match other.strip_prefix(['e', 'E']).map(str::parse::<i32>) {
            Some(Ok(exponent)) => (1, exponent),
            _ => return Err(SUFFIX),
        },
    };
    // Digits beyond the billionth round up, as in Kubernetes.
    let mut value: i128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        value = value.saturating_mul(10).saturating_add(i128::from(digit - b'0'));
    }
    value = value.saturating_mul(factor);
    let mut scale = ten + 9 - i32::try_from(fraction.len()).unwrap_or(i32::MAX - 64);
    while scale > 0 && value != 0 && value != i128::MAX {
        value = value.saturating_mul(10);
        scale -= 1;
    }
    while scale < 0 && value != 0 {
        let rest = value % 10;
        value = value / 10 + i128::from(rest > 0);
        scale += 1;
        if value == 1 && rest > 0 {
            break;
        }
    }
    Ok(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_compared() {
        for (one, other, expected) in [
            ("1", "1000m", Ordering::Equal),
            ("1Gi", "1G", Ordering::Greater),
            ("1.5", "2", Ordering::Less),
            ("1e3", "1k", Ordering::Equal),
            ("-1", "0", Ordering::Less),
            ("0.5Ki", "512", Ordering::Equal),
        ] {
            assert_eq!(compare(one, other).unwrap(), expected, "{one} {other}");
        }
        assert!(compare("x", "1").is_err());
        assert!(compare("1", "1x").is_err());
    }
}
