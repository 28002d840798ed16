//! Versions as Semantic Versioning 2.0.0 has them.

use std::cmp::Ordering;
use std::sync::Arc;

use super::{Form, Row, no_overload, text};
use crate::eval::{Meter, Result, fail};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Row] = &[
    ("semver", Form::Global, &[1, 2], |meter, values| {
        read(meter, "semver", values)?.map_or_else(
            || fail("no semantic version"),
            |version| Ok(Value::Semver(Arc::new(version))),
        )
    }),
    ("isSemver", Form::Global, &[1, 2], |meter, values| {
        Ok(Value::Bool(read(meter, "isSemver", values)?.is_some()))
    }),
    ("major", Form::Receiver, &[0], |_, values| part("major", values, 0)),
    ("minor", Form::Receiver, &[0], |_, values| part("minor", values, 1)),
    ("patch", Form::Receiver, &[0], |_, values| part("patch", values, 2)),
    ("isLessThan", Form::Receiver, &[1], is_less),
    ("isGreaterThan", Form::Receiver, &[1], is_greater),
    ("compareTo", Form::Receiver, &[1], compare),
];

/// A version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Semver {
    numbers: [u64; 3],
    before: Vec<String>,
    build: String,
}

impl Semver {
    fn parse(text: &str) -> Option<Semver> {
        let (rest, build) = text
            .split_once('+')
            .map_or((text, None), |(rest, build)| (rest, Some(build)));
        let (rest, before) = rest
            .split_once('-')
            .map_or((rest, None), |(rest, before)| (rest, Some(before)));
        let mut parts = rest.split('.');
        let mut numbers = [0; 3];
        for number in &mut numbers {
            *number = number_of(parts.next()?)?;
        }
        let is_identifier =
            |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let before: Vec<&str> = before.map(|before| before.split('.').collect()).unwrap_or_default();
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let is_well_formed = parts.next().is_none()
            && before
                .iter()
                .all(|part| is_identifier(part) && (!is_number(part) || number_of(part).is_some()))
            && build.is_none_or(|build| build.split('.').all(|part| is_identifier(&part)));
        is_well_formed.then(|| Semver {
            numbers,
            before: before.into_iter().map(str::to_owned).collect(),
            build: build.unwrap_or_default().to_owned(),
        })
    }

    /// With a `v` before it, leading zeros or missing numbers.
    fn parse_tolerant(text: &str) -> Option<Semver> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let mut parts: Vec<String> = text.splitn(3, '.').map(str::to_owned).collect();
        for part in &mut parts {
            if part.len() > 1 {
                let trimmed = part.trim_start_matches('0');
                let starts_with_digit = trimmed.starts_with(|c: char| c.is_ascii_digit());
                *part = if starts_with_digit {
                    trimmed.to_owned()
                } else {
                    format!("0{trimmed}")
                };
            }
        }
        if parts.len() < 3 && parts.last().is_some_and(|last| last.contains(['+', '-'])) {
            return None;
        }
        parts.resize(3, "0".to_owned());
        Semver::parse(&parts.join("."))
    }

    /// The order of precedence: the build does not count.
    pub(crate) fn order(&self, other: &Semver) -> Ordering {
        let numbers = self.numbers.cmp(&other.numbers);
        if numbers.is_ne() {
            return numbers;
        }
        match (self.before.is_empty(), other.before.is_empty()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) => {}
        }
        for (a, b) in self.before.iter().zip(&other.before) {
            let order = match (a.parse::<u64>(), b.parse::<u64>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => a.cmp(b),
            };
            if order.is_ne() {
                return order;
            }
        }
        self.before.len().cmp(&other.before.len())
    }
}

impl std::fmt::Display for Semver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        if !self.before.is_empty() {
            write!(f, "-{}", self.before.join("."))?;
        }
        if !self.build.is_empty() {
            write!(f, "+{}", self.build)?;
        }
        Ok(())
    }
}

/// Digits without a leading zero.
fn number_of(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let has_leading_zero = text.len() > 1 && text.starts_with('0');
    (is_number && !has_leading_zero).then(|| text.parse().ok())?
}

fn read(meter: &Meter, name: &str, values: &[Value]) -> Result<Option<Semver>> {
    let text = text(name, values, 0)?;
    meter.read(text.len())?;
    match values.get(1) {
        None | Some(Value::Bool(false)) => Ok(Semver::parse(text)),
        Some(Value::Bool(true)) => Ok(Semver::parse_tolerant(text)),
        Some(_) => no_overload(name, values),
    }
}

fn part(name: &str, values: &[Value], at: usize) -> Result {
    match &values[0] {
        Value::Semver(version) => Ok(Value::Int(i64::try_from(version.numbers[at]).unwrap_or(i64::MAX))),
        _ => no_overload(name, values),
    }
}

fn order(name: &str, values: &[Value]) -> Result<Ordering> {
    match (&values[0], &values[1]) {
        (Value::Semver(a), Value::Semver(b)) => Ok(a.order(b)),
        _ => no_overload(name, values),
    }
}

pub(super) fn is_less(_: &Meter, values: &[Value]) -> Result {
    Ok(Value::Bool(order("isLessThan", values)?.is_lt()))
}

pub(super) fn is_greater(_: &Meter, values: &[Value]) -> Result {
    Ok(Value::Bool(order("isGreaterThan", values)?.is_gt()))
}

pub(super) fn compare(_: &Meter, values: &[Value]) -> Result {
    Ok(Value::Int(match order("compareTo", values)? {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    }))
}
