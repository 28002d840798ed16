//! Points in time and durations, as CEL has them.

use chrono::{Offset, TimeZone};

/// A point in time: nanoseconds since 1970, in the years 1 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub(crate) i128);

/// A duration in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub(crate) i64);

const SECOND: i128 = 1_000_000_000;
const DAY_SECONDS: i128 = 86_400;

/// The parts of a point in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    pub(crate) nanosecond: i64,
    /// Sunday is 0.
    pub(crate) weekday: i64,
    /// The first of January is 0.
    pub(crate) yearday: i64,
}

/// Days since 1970 of a date (Howard Hinnant's `days_from_civil`).
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

impl Timestamp {
    /// In the years 1 to 9999.
    pub(crate) fn new(nanoseconds: i128) -> Option<Timestamp> {
        let first = i128::from(days_of(1, 1, 1)) * DAY_SECONDS * SECOND;
        let end = i128::from(days_of(10_000, 1, 1)) * DAY_SECONDS * SECOND;
        (first..end).contains(&nanoseconds).then_some(Timestamp(nanoseconds))
    }

    /// A moment in seconds since 1970.
    pub fn from_seconds(seconds: u64) -> Option<Timestamp> {
        Timestamp::new(i128::from(seconds) * SECOND)
    }

    /// Reads RFC 3339.
    pub fn parse(text: &str) -> Option<Timestamp> {
        let bytes = text.as_bytes();
        let number = |from: usize, count: usize| -> Option<i64> {
            let digits = text.get(from..from + count)?;
            digits
                .bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| digits.parse().ok())?
        };
        let mark = |at: usize, marks: &[u8]| bytes.get(at).is_some_and(|byte| marks.contains(byte));
        let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
        let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
        let is_well_formed = mark(4, b"-") && mark(7, b"-") && mark(10, b"Tt") && mark(13, b":") && mark(16, b":");
        if !(1..=12).contains(&month) {
            return None;
        }
        let last = yaml::days_in_month(u8::try_from(month).ok()?, u16::try_from(year).ok()?);
        if !is_well_formed || !(1..=i64::from(last)).contains(&day) || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let mut at = 19;
        let mut fraction = 0;
        if mark(at, b".") {
            let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return None;
            }
            let text: String = text[at + 1..at + 1 + digits]
                .chars()
                .chain("000000000".chars())
                .take(9)
                .collect();
            fraction = text.parse().ok()?;
            at += 1 + digits;
        }
        let offset = match bytes.get(at)? {
            b'Z' | b'z' if bytes.len() == at + 1 => 0,
            b'+' | b'-' if bytes.len() == at + 6 => parse_offset(&text[at..])?,
            _ => return None,
        };
        let seconds = i128::from(days_of(year, month, day)) * DAY_SECONDS
            + i128::from(hour * 3600 + minute * 60 + second - offset);
        Timestamp::new(seconds * SECOND + fraction)
    }

    /// The parts in a time zone: UTC, an offset as `+02:00`, or a name of the tz database.
    pub(crate) fn parts(self, zone: &str) -> Option<Parts> {
        let offset = match zone {
            "" | "UTC" => 0,
            zone if zone.contains(':') => parse_offset(zone)?,
            zone => {
                let zone: chrono_tz::Tz = zone.parse().ok()?;
                let seconds = i64::try_from(self.0.div_euclid(SECOND)).ok()?;
                let time = chrono::DateTime::from_timestamp(seconds, 0)?.naive_utc();
                i64::from(zone.offset_from_utc_datetime(&time).fix().local_minus_utc())
            }
        };
        let local = self.0 + i128::from(offset) * SECOND;
        let seconds = local.div_euclid(SECOND);
        let days = i64::try_from(seconds.div_euclid(DAY_SECONDS)).ok()?;
        let clock = i64::try_from(seconds.rem_euclid(DAY_SECONDS)).ok()?;
        let (year, month, day) = date_of(days);
        Some(Parts {
            year,
            month,
            day,
            hour: clock / 3600,
            minute: clock / 60 % 60,
            second: clock % 60,
            nanosecond: i64::try_from(local.rem_euclid(SECOND)).ok()?,
            weekday: (days + 4).rem_euclid(7),
            yearday: days - days_of(year, 1, 1),
        })
    }
}

/// `+02:00`, `-02:00` or `02:00` in seconds.
fn parse_offset(text: &str) -> Option<i64> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |text: &str| -> Option<i64> {
        (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(parts) = self.parts("") else {
            return Err(std::fmt::Error);
        };
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            parts.year, parts.month, parts.day, parts.hour, parts.minute, parts.second
        )?;
        if parts.nanosecond > 0 {
            let fraction = format!("{:09}", parts.nanosecond);
            write!(f, ".{}", fraction.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

impl Duration {
    /// At most the 290 years that fit.
    pub(crate) fn new(nanoseconds: i128) -> Option<Duration> {
        i64::try_from(nanoseconds).ok().map(Duration)
    }

    /// Reads `1h30m`, `-1.5s`, `100ms`, as Go's `time.ParseDuration`.
    pub fn parse(text: &str) -> Option<Duration> {
        let (sign, mut rest) = match text.as_bytes().first()? {
            b'-' => (-1, &text[1..]),
            b'+' => (1, &text[1..]),
            _ => (1, text),
        };
        if rest == "0" {
            return Some(Duration(0));
        }
        if rest.is_empty() {
            return None;
        }
        let mut total: i128 = 0;
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let (number, after) = rest.split_at(end);
            let unit_end = after
                .find(|c: char| c.is_ascii_digit() || c == '.')
                .unwrap_or(after.len());
            let (unit, after) = after.split_at(unit_end);
            let unit: i128 = match unit {
                "ns" => 1,
                "us" | "µs" | "μs" => 1000,
                "ms" => 1_000_000,
                "s" => SECOND,
                "m" => 60 * SECOND,
                "h" => 3600 * SECOND,
                _ => return None,
            };
            let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
            if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
                return None;
            }
            let digits = |text: &str| {
                if text.is_empty() {
                    Some(0)
                } else {
                    text.parse::<i128>().ok()
                }
            };
            total = total.checked_add(digits(whole)?.checked_mul(unit)?)?;
            let fraction = &fraction[..fraction.len().min(18)];
            let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
            total = total.checked_add(digits(fraction)?.checked_mul(unit)? / scale)?;
            rest = after;
        }
        Duration::new(sign * total)
    }
}

impl std::fmt::Display for Duration {
    /// Seconds, as `cel-go` prints a duration: `1.5s`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanoseconds = self.0.unsigned_abs();
        write!(f, "{sign}{}", nanoseconds / 1_000_000_000)?;
        let fraction = nanoseconds % 1_000_000_000;
        if fraction > 0 {
            write!(f, ".{}", format!("{fraction:09}").trim_end_matches('0'))?;
        }
        f.write_str("s")
    }
}
