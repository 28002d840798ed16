//! The day it is, for waivers, and the time, for conditions.

use std::time::{SystemTime, UNIX_EPOCH};

use identity::Timestamp;

/// Now, to the second; none where the clock is out of the years 1970 to 9999.
pub(crate) fn now() -> Option<Timestamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_seconds(since.as_secs())
}

/// Today in UTC, as `YYYY-MM-DD`; the last day of all where the clock is later.
pub(crate) fn today() -> String {
    let mut text = now().map_or_else(|| "9999-12-31".to_owned(), |now| now.to_string());
    text.truncate("YYYY-MM-DD".len());
    text
}

#[cfg(test)]
mod tests {
    use identity::Timestamp;

    #[test]
    fn days_are_dates() {
        for (days, date) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (20_778, "2026-11-21"),
        ] {
            let day = Timestamp::from_seconds(days * 24 * 60 * 60).map(|day| day.to_string());
            assert_eq!(day, Some(format!("{date}T00:00:00Z")));
        }
    }
}
