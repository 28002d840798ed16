//! Formats of texts, as Kubernetes checks them in custom resources and decodes them in its own kinds.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use yaml::Timestamp;

use crate::name;
use crate::quantity;
use crate::types::Format;

/// What a text is not, in words; `None` if it has the format.
pub(crate) fn problem(format: Format, text: &str) -> Option<String> {
    let unless = |is_good: bool, words: &str| (!is_good).then(|| words.to_owned());
    match format {
        Format::None | Format::Int32 | Format::Int64 | Format::Labels | Format::Annotations | Format::JsonSchema => {
            None
        }
        Format::Byte => unless(is_base64(text), "base64 is expected"),
        Format::DateTime => unless(is_date_time(text), "a time is expected, as in 2026-11-21T14:00:00Z"),
        Format::Date => unless(is_date(text), "a date is expected, as in 2026-11-21"),
        Format::Duration => unless(is_duration(text), "a duration is expected, as in 1h30m"),
        Format::GoogleDuration => {
            let number = text.strip_suffix('s').unwrap_or_default();
            let number = number.strip_prefix('-').unwrap_or(number);
            let is_good = !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
                && number.parse::<f64>().is_ok();
            unless(is_good, "seconds are expected, as in 3600s")
        }
        Format::Int64Text => unless(text.parse::<i64>().is_ok(), "a whole number is expected"),
        Format::Uri => unless(is_uri(text), "a URI is expected, as in https://example.com/a"),
        Format::Email => {
            let is_good = text
                .split_once('@')
                .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
            unless(is_good, "an email address is expected")
        }
        Format::Hostname => unless(is_hostname(text), "a host name is expected"),
        Format::Ipv4 => unless(text.parse::<Ipv4Addr>().is_ok(), "an IPv4 address is expected"),
        Format::Ipv6 => unless(text.parse::<Ipv6Addr>().is_ok(), "an IPv6 address is expected"),
        Format::Cidr => unless(is_cidr(text), "a network is expected, as in 10.0.0.0/16"),
        Format::Mac => unless(is_mac(text), "a MAC address is expected"),
        Format::Uuid => unless(is_uuid(text), "a UUID is expected"),
        Format::Quantity => quantity::problem(text),
        Format::DnsLabel => name::label_problem(text),
        Format::PortName => name::port_name_problem(text),
    }
}

/// The format of a schema's word. Words that Kubernetes does not know mean nothing.
pub(crate) fn named(name: &str) -> Format {
    match name {
        "int32" => Format::Int32,
        "int64" => Format::Int64,
        "byte" => Format::Byte,
        "date-time" | "datetime" => Format::DateTime,
        "date" => Format::Date,
        "duration" => Format::Duration,
        "uri" => Format::Uri,
        "email" => Format::Email,
        "hostname" => Format::Hostname,
        "ipv4" => Format::Ipv4,
        "ipv6" => Format::Ipv6,
        "cidr" => Format::Cidr,
        "mac" => Format::Mac,
        "uuid" | "uuid3" | "uuid4" | "uuid5" => Format::Uuid,
        _ => Format::None,
    }
}

fn is_base64(text: &str) -> bool {
    let mut count = 0usize;
    let mut padding = 0usize;
    for byte in text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')) {
        match byte {
            b'=' => padding += 1,
            _ if padding > 0 => return false,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {}
            _ => return false,
        }
        count += 1;
    }
    count.is_multiple_of(4) && padding <= 2
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && Timestamp::parse(text).is_some()
}

/// RFC 3339.
fn is_date_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |from: usize, count: usize| {
        bytes
            .get(from..from + count)
            .is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    let has_time = bytes.len() >= 20
        && is_date(text.get(..10).unwrap_or_default())
        && matches!(bytes[10], b'T' | b't')
        && digits(11, 2)
        && bytes[13] == b':'
        && digits(14, 2)
        && bytes[16] == b':'
        && digits(17, 2);
    if !has_time
        || &bytes[11..13] > b"23".as_slice()
        || &bytes[14..16] > b"59".as_slice()
        || &bytes[17..19] > b"60".as_slice()
    {
        return false;
    }
    let mut rest = &bytes[19..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return false;
        }
        rest = &fraction[digits..];
    }
    match rest {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', a, b, b':', c, d] => [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()),
        _ => false,
    }
}

/// Go's `time.ParseDuration`.
fn is_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let number = rest
            .bytes()
            .take_while(|byte| byte.is_ascii_digit() || *byte == b'.')
            .count();
        let figures = &rest[..number];
        if figures.matches('.').count() > 1 || !figures.bytes().any(|byte| byte.is_ascii_digit()) {
            return false;
        }
        rest = &rest[number..];
        let units = ["ns", "us", "µs", "μs", "ms", "s", "m", "h"];
        // "m" begins "ms".
        let unit = units
            .iter()
            .filter(|unit| rest.starts_with(**unit))
            .max_by_key(|unit| unit.len());
        match unit {
            Some(unit) => rest = &rest[unit.len()..],
            None => return false,
        }
    }
    true
}

fn is_uri(text: &str) -> bool {
    let scheme = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    };
    let is_clean = !text.bytes().any(|byte| byte <= b' ' || byte == 0x7f);
    is_clean
        && (text.starts_with('/')
            || text
                .split_once(':')
                .is_some_and(|(name, rest)| scheme(name) && !rest.is_empty()))
}

fn is_hostname(text: &str) -> bool {
    text.len() <= 253
        && text.strip_suffix('.').unwrap_or(text).split('.').all(|part| {
            let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            !part.is_empty()
                && part.len() <= 63
                && part.bytes().all(is_inner)
                && !part.starts_with('-')
                && !part.ends_with('-')
        })
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let limit = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.bytes().all(|byte| byte.is_ascii_digit()) && bits.parse::<u32>().is_ok_and(|bits| bits <= limit)
}

fn is_mac(text: &str) -> bool {
    let parts: Vec<&str> = text.split([':', '-']).collect();
    matches!(parts.len(), 6 | 8 | 20)
        && parts
            .iter()
            .all(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_uuid(text: &str) -> bool {
    let digits = text.bytes().filter(|byte| *byte != b'-').count();
    digits == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_accept_what_they_should() {
        let table: [(Format, &[&str], &[&str]); 12] = [
            (
                Format::DateTime,
                &["2026-11-21T14:00:00Z", "2026-11-21T14:00:00.123+02:00"],
                &[
                    "2026-11-21",
                    "2026-13-21T14:00:00Z",
                    "2026-11-21T24:00:00Z",
                    "2026-11-21T14:00:00",
                    "",
                ],
            ),
            (Format::Date, &["2024-02-29"], &["2023-02-29", "2024-2-1", ""]),
            (
                Format::Duration,
                &["1h30m", "1.5s", "0", "-3ms", "100µs"],
                &["", "1", "1d", "h", "1..5s", "."],
            ),
            (
                Format::Byte,
                &["", "YQ==", "YWI=\n", "YWJj"],
                &["a", "YQ=", "a-_=", "Y=Q=", "===="],
            ),
            (Format::Uri, &["https://a/b", "/a", "mailto:x"], &["", "a b", "x"]),
            (Format::Hostname, &["a.b", "A-1"], &["", "a_b", "-a"]),
            (
                Format::Cidr,
                &["10.0.0.0/8", "::/0"],
                &["10.0.0.0", "10.0.0.0/33", "x/1", "::/-1"],
            ),
            (Format::Ipv4, &["1.2.3.4"], &["1.2.3", "::1"]),
            (Format::Mac, &["00:1a:2B:3c:4d:5e"], &["00:1a"]),
            (Format::Uuid, &["123e4567-e89b-12d3-a456-426614174000"], &["123", "x"]),
            (Format::GoogleDuration, &["3600s", "0.5s"], &["1h", "s", "3600", "infs"]),
            (Format::Int64Text, &["12", "-1"], &["1.5", "", "x"]),
        ];
        for (format, good, bad) in table {
            for text in good {
                assert_eq!(problem(format, text), None, "{format:?} {text}");
            }
            for text in bad {
                assert!(problem(format, text).is_some(), "{format:?} {text}");
            }
        }
    }
}
