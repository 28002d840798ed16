//! The clock, as the APIs write it.

use std::time::{SystemTime, UNIX_EPOCH};

use expression::Timestamp;

/// Microseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Seconds since 1970.
pub(crate) fn now_seconds() -> u64 {
    now() / 1_000_000
}

/// Whether a text is a moment, as RFC 3339 has them.
pub(crate) fn is_timestamp(text: &str) -> bool {
    Timestamp::parse(text).is_some()
}

/// For conditions on the time.
pub(crate) fn now_timestamp() -> Option<Timestamp> {
    Timestamp::from_seconds(now_seconds())
}

/// A moment as `2026-08-05T12:00:00.123456Z`.
pub(crate) fn rfc3339(micros: u64) -> String {
    let Some(seconds) = Timestamp::from_seconds(micros / 1_000_000) else {
        return String::new();
    };
    let text = seconds.to_string();
    format!("{}.{:06}Z", text.trim_end_matches('Z'), micros % 1_000_000)
}

/// This moment as `2026-08-05T12:00:00.123456Z`.
pub(crate) fn now_text() -> String {
    rfc3339(now())
}

/// A moment in seconds as `2026-08-05T12:00:00Z`.
pub(crate) fn rfc3339_seconds(seconds: u64) -> String {
    Timestamp::from_seconds(seconds)
        .map(|time| time.to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_the_apis_do() {
        assert_eq!(rfc3339(1_785_931_200_000_042), "2026-08-05T12:00:00.000042Z");
        assert_eq!(rfc3339_seconds(1_785_931_200), "2026-08-05T12:00:00Z");
    }
}
