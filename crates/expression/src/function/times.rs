//! The parts of points in time and of durations, in a time zone: a name, or an offset such as `+02:00`.

use super::{Form, Row, no_overload, text};
use crate::eval::{Meter, Result, fail};
use crate::time::Parts;
use crate::value::Value;

pub(super) const FUNCTIONS: &[Row] = &[
    ("getFullYear", Form::Receiver, &[0, 1], |_, values| {
        part("getFullYear", values, |parts| parts.year)
    }),
    ("getMonth", Form::Receiver, &[0, 1], |_, values| {
        part("getMonth", values, |parts| parts.month - 1)
    }),
    ("getDate", Form::Receiver, &[0, 1], |_, values| {
        part("getDate", values, |parts| parts.day)
    }),
    ("getDayOfMonth", Form::Receiver, &[0, 1], |_, values| {
        part("getDayOfMonth", values, |parts| parts.day - 1)
    }),
    ("getDayOfWeek", Form::Receiver, &[0, 1], |_, values| {
        part("getDayOfWeek", values, |parts| parts.weekday)
    }),
    ("getDayOfYear", Form::Receiver, &[0, 1], |_, values| {
        part("getDayOfYear", values, |parts| parts.yearday)
    }),
    ("getHours", Form::Receiver, &[0, 1], |meter, values| {
        span(meter, values, 3600 * 1_000_000_000, |parts| parts.hour)
    }),
    ("getMinutes", Form::Receiver, &[0, 1], |meter, values| {
        span(meter, values, 60 * 1_000_000_000, |parts| parts.minute)
    }),
    ("getSeconds", Form::Receiver, &[0, 1], |meter, values| {
        span(meter, values, 1_000_000_000, |parts| parts.second)
    }),
    ("getMilliseconds", Form::Receiver, &[0, 1], |_, values| {
        match &values[0] {
            Value::Duration(duration) => Ok(Value::Int(duration.0 / 1_000_000 % 1000)),
            _ => part("getMilliseconds", values, |parts| parts.nanosecond / 1_000_000),
        }
    }),
];

fn part(name: &str, values: &[Value], of: fn(Parts) -> i64) -> Result {
    let Value::Timestamp(time) = &values[0] else {
        return no_overload(name, values);
    };
    let zone = if values.len() == 2 { text(name, values, 1)? } else { "" };
    match time.parts(zone) {
        Some(parts) => Ok(Value::Int(of(parts))),
        None => fail(format!("the time zone \"{zone}\" is not known")),
    }
}

/// A part of a point in time, or a whole duration in a unit.
fn span(_: &Meter, values: &[Value], unit: i64, of: fn(Parts) -> i64) -> Result {
    match &values[0] {
        Value::Duration(duration) if values.len() == 1 => Ok(Value::Int(duration.0 / unit)),
        _ => part("getHours", values, of),
    }
}
