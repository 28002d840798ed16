//! Points in time, to the microsecond, as RFC 3339 writes them in UTC.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

const DAY: i64 = 24 * 60 * 60;

/// Microseconds since 1970, in the years 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Time(i64);

impl Time {
    /// The last that can be written.
    const LAST: i64 = 253_402_300_799_999_999;

    /// By the clock of this machine.
    pub fn now() -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time(i64::try_from(since.as_micros()).map_or(Time::LAST, |micros| micros.min(Time::LAST)))
    }

    /// Of microseconds since 1970; none outside of the years 1970 to 9999.
    pub fn from_micros(micros: i64) -> Option<Time> {
        (0..=Time::LAST).contains(&micros).then_some(Time(micros))
    }

    /// Microseconds since 1970.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// As `2026-11-22T02:00:00.123456Z`, with fewer digits behind the point or none, with an offset in place of the Z; or a
    /// day alone, which is its first moment.
    pub fn parse(text: &str) -> Option<Time> {
        let (date, rest) = text.split_at_checked(10)?;
        let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
        let days = days_of(year, month, day)?;
        let (seconds, micros) = match rest.strip_prefix(['T', 't', ' ']) {
            Some(rest) => of_day(rest)?,
            None if rest.is_empty() => (0, 0),
            None => return None,
        };
        Time::from_micros((days * DAY + seconds) * 1_000_000 + micros)
    }
}

/// Seconds, less those of the offset, and microseconds.
fn of_day(text: &str) -> Option<(i64, i64)> {
    let (clock, rest) = text.split_at_checked(8)?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let (fraction, offset) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())),
        None => ("0", rest),
    };
    let micros: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let offset = match offset {
        "Z" | "z" => 0,
        _ => {
            let (sign, clock) = match offset.split_at_checked(1)? {
                ("+", clock) => (1, clock),
                ("-", clock) => (-1, clock),
                _ => return None,
            };
            let [hours, minutes] = numbers(clock, ':', [2, 2])?;
            (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60)?
        }
    };
    let is_clock = hour < 24 && minute < 60 && second <= 60 && !fraction.is_empty();
    is_clock.then_some((hour * 3600 + minute * 60 + second - offset, micros))
}

fn numbers<const N: usize>(text: &str, between: char, lengths: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(between);
    let mut numbers = [0; N];
    for (number, length) in numbers.iter_mut().zip(lengths) {
        let part = parts.next()?;
        let is_number = part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
        *number = is_number.then(|| part.parse().ok())??;
    }
    parts.next().is_none().then_some(numbers)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && year % 100 != 0 || year % 400 == 0
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Leap days before a year.
fn leap_days(year: i64) -> i64 {
    let before = year - 1;
    before / 4 - before / 100 + before / 400
}

/// Days since 1970.
fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_date = year >= 1970 && (1..=12).contains(&month) && (1..=month_length(year, month)).contains(&day);
    let of_months: i64 = (1..month).map(|month| month_length(year, month)).sum();
    is_date.then_some((year - 1970) * 365 + leap_days(year) - leap_days(1970) + of_months + day - 1)
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0 / 1_000_000, self.0 % 1_000_000);
        let (mut day, second) = (seconds / DAY, seconds % DAY);
        let mut year = 1970 + day / 366;
        day -= (year - 1970) * 365 + leap_days(year) - leap_days(1970);
        while day >= 365 + i64::from(is_leap(year)) {
            day -= 365 + i64::from(is_leap(year));
            year += 1;
        }
        let mut month = 1;
        while day >= month_length(year, month) {
            day -= month_length(year, month);
            month += 1;
        }
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let day = day + 1;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"
        )
    }
}

impl From<Time> for String {
    fn from(time: Time) -> String {
        time.to_string()
    }
}

impl TryFrom<String> for Time {
    type Error = String;

    fn try_from(text: String) -> Result<Time, String> {
        Time::parse(&text).ok_or_else(|| format!("\"{text}\" is no time"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400_000_001, "2000-02-29T00:00:00.000001Z"),
            (1_795_312_800_123_456, "2026-11-22T02:00:00.123456Z"),
            (4_107_542_399_999_999, "2100-02-28T23:59:59.999999Z"),
            (Time::LAST, "9999-12-31T23:59:59.999999Z"),
        ] {
            let time = Time::from_micros(micros).unwrap();
            assert_eq!(time.to_string(), text);
            assert_eq!(Time::parse(text), Some(time));
        }
        for day in 0..2_932_896_i64 {
            let time = Time::from_micros(day * DAY * 1_000_000).unwrap();
            assert_eq!(Time::parse(&time.to_string()), Some(time));
        }
        let parse = |text| Time::parse(text).map(|time| time.to_string());
        assert_eq!(parse("2026-11-22").as_deref(), Some("2026-11-22T00:00:00.000000Z"));
        assert_eq!(
            parse("2026-11-22T01:00:00+02:30").as_deref(),
            Some("2026-11-21T22:30:00.000000Z")
        );
        assert_eq!(
            parse("2026-11-22T01:00:00.5Z").as_deref(),
            Some("2026-11-22T01:00:00.500000Z")
        );
        for text in [
            "",
            "2026",
            "2026-02-29",
            "2026-11-22T",
            "2026-11-22T25:00:00Z",
            "2026-11-22T01:00:00",
            "2026-11-22x",
            "2026-11-22T01:00:00.Z",
            "ä026-11-22",
            "2026-1-022",
        ] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }
}
