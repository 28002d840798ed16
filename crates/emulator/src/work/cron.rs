//! Cron expressions with a time zone: `TZ=Europe/Berlin 0 2 * * MON-FRI` (crontab(5), and
//! <https://cloud.google.com/vertex-ai/docs/pipelines/schedule-pipeline-run>).

use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::Tz;

/// How far a next time is looked for: over the longest pause between two leap days.
const LONGEST_DAYS: i64 = 9 * 366;
const MINUTE: i64 = 60;
/// A day may be so much longer or shorter than others, in minutes.
const SHIFT: i64 = 3 * 60;

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// When something is to happen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cron {
    zone: Tz,
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
}

/// The values of a field, as bits.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Field {
    bits: u64,
    /// Whether it was a star: it restricts nothing.
    is_any: bool,
}

impl Field {
    fn has(self, value: u32) -> bool {
        self.bits >> value & 1 == 1
    }
}

impl Cron {
    /// # Errors
    /// What is wrong with the text.
    pub(crate) fn parse(text: &str) -> Result<Cron, String> {
        let text = text.trim();
        let (zone, rest) = match text.strip_prefix("CRON_TZ=").or_else(|| text.strip_prefix("TZ=")) {
            Some(rest) => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
            None => ("UTC", text),
        };
        let zone: Tz = zone
            .parse()
            .map_err(|_| format!("{zone:?} is no time zone of the IANA database"))?;
        let rest = match rest.trim() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            other => other,
        };
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let &[minutes, hours, days, months, weekdays] = fields.as_slice() else {
            return Err(format!(
                "it has {} fields, and five are wanted: minute, hour, day of the month, month, day of the week",
                fields.len()
            ));
        };
        let mut weekdays = field(weekdays, "day of the week", (0, 7), &DAYS, 0)?;
        // Sunday is 0 and 7.
        weekdays.bits |= weekdays.bits >> 7 & 1;
        Ok(Cron {
            zone,
            minutes: field(minutes, "minute", (0, 59), &[], 0)?,
            hours: field(hours, "hour", (0, 23), &[], 0)?,
            days: field(days, "day of the month", (1, 31), &[], 1)?,
            months: field(months, "month", (1, 12), &MONTHS, 1)?,
            weekdays,
        })
    }

    /// The first time after a moment, both in seconds since 1970; none if there is none for years. A time that a change to
    /// summer time leaves out does not come, and one that the change back repeats comes twice.
    pub(crate) fn next(&self, after: i64) -> Option<i64> {
        let mut time = (after.div_euclid(MINUTE) + 1) * MINUTE;
        let end = after + LONGEST_DAYS * 24 * 60 * MINUTE;
        while time < end {
            let local = DateTime::<Utc>::from_timestamp(time, 0)?.with_timezone(&self.zone);
            if !self.has_day(&local) {
                let left = 24 * 60 - i64::from(local.hour() * 60 + local.minute());
                time += MINUTE * if left > SHIFT { left - SHIFT } else { 1 };
                continue;
            }
            if self.hours.has(local.hour()) && self.minutes.has(local.minute()) && local.second() == 0 {
                return Some(time);
            }
            time += MINUTE;
        }
        None
    }

    /// Where both kinds of days are restricted, one of them is enough.
    fn has_day(&self, local: &DateTime<Tz>) -> bool {
        let is_day = self.days.has(local.day());
        let is_weekday = self.weekdays.has(local.weekday().num_days_from_sunday());
        let is_it = match (self.days.is_any, self.weekdays.is_any) {
            (false, false) => is_day || is_weekday,
            _ => is_day && is_weekday,
        };
        is_it && self.months.has(local.month())
    }
}

/// A field: `1,5-10,*/15`, with names from the value `first` on.
fn field(text: &str, what: &str, (low, high): (u32, u32), names: &[&str], first: u32) -> Result<Field, String> {
    let wrong = || format!("the {what} {text:?} is none: {low} to {high} are, with * - / and ,");
    let value = |text: &str| {
        let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let value = match named {
            Some(at) => u32::try_from(at).ok().map(|at| at + first),
            None => text.parse().ok(),
        };
        value.filter(|value| (low..=high).contains(value)).ok_or_else(wrong)
    };
    let mut bits = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse().ok().filter(|step| *step > 0).ok_or_else(wrong)?),
            None => (part, 1),
        };
        let (from, to) = match range.split_once('-') {
            _ if matches!(range, "*" | "?") => (low, high),
            Some((from, to)) => (value(from)?, value(to)?),
            None if part.contains('/') => (value(range)?, high),
            None => (value(range)?, value(range)?),
        };
        if from > to {
            return Err(wrong());
        }
        for value in (from..=to).step_by(step) {
            bits |= 1 << value;
        }
    }
    let is_any = text.starts_with(['*', '?']);
    Ok(Field { bits, is_any })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp()
    }

    fn shown(seconds: i64) -> String {
        crate::time::rfc3339_seconds(u64::try_from(seconds).unwrap())
    }

    /// The next times after a moment.
    fn next(cron: &str, after: &str, count: usize) -> Vec<String> {
        let cron = Cron::parse(cron).unwrap();
        let mut time = seconds(after);
        let times = (0..count).map_while(|_| {
            time = cron.next(time)?;
            Some(shown(time))
        });
        times.collect()
    }

    #[test]
    fn times_come_in_their_order() {
        let after = "2026-11-22T06:37:30Z";
        assert_eq!(
            next("*/20 * * * *", after, 2),
            ["2026-11-22T06:40:00Z", "2026-11-22T07:00:00Z"]
        );
        assert_eq!(next("0 2 * * *", after, 1), ["2026-11-23T02:00:00Z"]);
        assert_eq!(
            next("15 10,12 1 JAN,feb *", after, 3),
            ["2027-01-01T10:15:00Z", "2027-01-01T12:15:00Z", "2027-02-01T10:15:00Z"]
        );
        // The 22nd is a Sunday.
        assert_eq!(next("0 9 * * MON-FRI", after, 1), ["2026-11-23T09:00:00Z"]);
        assert_eq!(next("0 9 * * 7", after, 1), ["2026-11-22T09:00:00Z"]);
        assert_eq!(
            next("0 0 1 * 2", after, 2),
            ["2026-11-24T00:00:00Z", "2026-12-01T00:00:00Z"]
        );
        assert_eq!(next("0 0 29 2 *", after, 1), ["2028-02-29T00:00:00Z"]);
        assert_eq!(next("59 23 31 12 ?", after, 1), ["2026-12-31T23:59:00Z"]);
        assert_eq!(
            next("5/30 * * * *", after, 2),
            ["2026-11-22T07:05:00Z", "2026-11-22T07:35:00Z"]
        );
        assert_eq!(next("@monthly", after, 1), ["2026-12-01T00:00:00Z"]);
        assert_eq!(next("0 0 31 2 *", after, 1), [""; 0]);
        assert_eq!(next("* * * * *", "2026-11-22T06:37:00Z", 1), ["2026-11-22T06:38:00Z"]);
    }

    #[test]
    fn times_are_those_of_their_zone() {
        assert_eq!(
            next("TZ=Europe/Berlin 0 2 * * *", "2026-11-22T06:00:00Z", 1),
            ["2026-11-23T01:00:00Z"]
        );
        assert_eq!(
            next("CRON_TZ=America/New_York 1 * * * *", "2026-07-01T00:00:00Z", 1),
            ["2026-07-01T00:01:00Z"]
        );
        assert_eq!(
            next("TZ=Asia/Kolkata 0 0 * * *", "2026-07-01T00:00:00Z", 1),
            ["2026-07-01T18:30:00Z"]
        );
        // On the 29th of March there is no half past two in Berlin.
        assert_eq!(
            next("TZ=Europe/Berlin 30 2 * * *", "2026-03-28T00:00:00Z", 2),
            ["2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z"]
        );
        // On the 25th of October there are two.
        assert_eq!(
            next("TZ=Europe/Berlin 30 2 * * *", "2026-10-24T12:00:00Z", 3),
            ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"]
        );
    }

    #[test]
    fn what_is_no_schedule_is_told() {
        for (text, part) in [
            ("* * * *", "it has 4 fields"),
            ("", "it has 0 fields"),
            ("60 * * * *", "the minute \"60\" is none: 0 to 59"),
            ("* * 0 * *", "day of the month"),
            ("* * * 13 *", "month"),
            ("* * * * FOO", "day of the week"),
            ("5-1 * * * *", "minute"),
            ("*/0 * * * *", "minute"),
            ("1,, * * * *", "minute"),
            ("TZ=Mars/Base * * * * *", "\"Mars/Base\" is no time zone"),
            ("TZ=UTC", "it has 0 fields"),
        ] {
            let error = Cron::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
