//! Names of buckets and objects (<https://cloud.google.com/storage/docs/buckets#naming>,
//! <https://cloud.google.com/storage/docs/objects#naming>), and the keys that documents have for them.
//!
//! A name is never a path: contents are in files with names of their own.

use crate::error::{ApiError, Result};

const LONGEST_OBJECT: usize = 1024;

/// Refuses what cannot be the name of a bucket.
pub(super) fn check_bucket(name: &str) -> Result<()> {
    let is_edge = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let has_right_characters = name.bytes().all(|byte| is_edge(byte) || b"-_.".contains(&byte))
        && name.bytes().next().is_some_and(is_edge)
        && name.bytes().next_back().is_some_and(is_edge);
    let longest = if name.contains('.') { 222 } else { 63 };
    let has_right_length = (3..=longest).contains(&name.len());
    let has_right_parts = name.split('.').all(|part| (1..=63).contains(&part.len()));
    let is_google = name.starts_with("goog") || name.contains("google") || name.contains("g00gle");
    let is_address = name.parse::<std::net::Ipv4Addr>().is_ok();
    match has_right_characters && has_right_length && has_right_parts && !is_google && !is_address {
        true => Ok(()),
        false => Err(ApiError::invalid(format!("Invalid bucket name: '{name}'"))),
    }
}

/// Refuses what cannot be the name of an object.
pub(super) fn check_object(name: &str) -> Result<()> {
    let defect = match name {
        "" => "it is empty",
        "." | ".." => "it is . or ..",
        _ if name.len() > LONGEST_OBJECT => "it is longer than 1024 bytes",
        _ if name.contains(['\r', '\n', '\0']) => "it holds a line break or a zero byte",
        _ if name.starts_with(".well-known/acme-challenge/") => "it begins with .well-known/acme-challenge/",
        _ => return Ok(()),
    };
    Err(ApiError::invalid(format!("Invalid object name {name:?}: {defect}.")))
}

/// The key of an object's live version.
pub(super) fn key(bucket: &str, name: &str) -> String {
    format!("{bucket}/{name}")
}

/// The key of a noncurrent version: those of an object follow each other, from the oldest on.
pub(super) fn version_key(bucket: &str, name: &str, generation: u64) -> String {
    format!("{bucket}/{name}\0{generation:020}")
}

/// The least text that is greater than all that begin with this one; none if there is no such text.
pub(super) fn behind(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        let next = match last {
            '\u{D7FF}' => Some('\u{E000}'),
            _ => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            text.push(next);
            return Some(text);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_buckets() {
        let long = "a".repeat(64);
        for name in ["iris-models", "a.b.c", "0_0", &long[..63], "1.2.3.4.5"] {
            assert!(check_bucket(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "ab",
            "Iris",
            "-iris",
            "iris-",
            "a..b",
            "10.0.0.1",
            "goog-iris",
            "my-google-iris",
            &long,
            "../etc",
            "a/b",
            "..",
            "a\0b",
        ] {
            assert!(check_bucket(name).is_err(), "{name}");
        }
    }

    #[test]
    fn names_of_objects() {
        let long = "ä".repeat(512);
        for name in ["a", "../../etc/passwd", "/a", "a//b/", "...", "日本/a b%2F#?", &long] {
            assert!(check_object(name).is_ok(), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            "a\0",
            "a\nb",
            "a\r",
            ".well-known/acme-challenge/x",
            &format!("{long}a"),
        ] {
            assert!(check_object(name).is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_behind_a_prefix() {
        assert_eq!(behind("a/").as_deref(), Some("a0"));
        assert_eq!(behind("a\u{10FFFF}").as_deref(), Some("b"));
        assert_eq!(behind("\u{D7FF}").as_deref(), Some("\u{E000}"));
        assert_eq!(behind("\u{10FFFF}"), None);
        assert_eq!(behind(""), None);
    }
}
