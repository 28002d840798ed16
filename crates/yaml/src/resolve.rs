//! What a scalar means: the tag of a plain scalar, and the value of a node as go-yaml decodes it.
//!
//! Kubernetes objects are read with the rules of go.yaml.in/yaml/v3, kustomization files with those
//! of v2 (resolve.go of either). The first byte decides almost always.

use std::borrow::Cow;

use crate::node::{Node, Style, Tag, Value};
use crate::number::{Dialect, Number, parse_number, parse_point_float};
use crate::timestamp::Timestamp;

/// The value of a scalar.
#[derive(Clone, Debug, PartialEq)]
pub enum Typed<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// An integer beyond `i64::MAX`.
    Uint(u64),
    Float(f64),
    Str(Cow<'a, str>),
    Timestamp(Timestamp),
}

/// Why a scalar has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypeError {
    #[error("value is {}, its tag says {}", .found.name(), .wanted.name())]
    Mismatch { found: Tag, wanted: Tag },
    #[error("!!binary value contains invalid base64 data")]
    Base64,
}

impl Tag {
    /// The short tag as it is written in YAML.
    pub fn name(self) -> &'static str {
        match self {
            Tag::Unset | Tag::Other => "",
            Tag::Null => "!!null",
            Tag::Bool => "!!bool",
            Tag::Int => "!!int",
            Tag::Float => "!!float",
            Tag::Str => "!!str",
            Tag::Timestamp => "!!timestamp",
            Tag::Binary => "!!binary",
            Tag::Merge => "!!merge",
            Tag::Map => "!!map",
            Tag::Seq => "!!seq",
        }
    }
}

/// Bytes that can begin a plain scalar which is not a string.
const fn first_bytes() -> [bool; 256] {
    let mut table = [false; 256];
    let all = b"+-.0123456789nNtTfFyYoO~";
    let mut at = 0;
    while at < all.len() {
        table[all[at] as usize] = true;
        at += 1;
    }
    table
}

const FIRST: [bool; 256] = first_bytes();

/// The tag of a plain scalar in a Kubernetes object.
#[inline]
pub fn resolve_v3(text: &str) -> Tag {
    match text.as_bytes().first() {
        Some(&first) if !FIRST[first as usize] => Tag::Str,
        _ => tag_of(&plain(text, Dialect::V3, true)),
    }
}

/// The tag of a plain scalar in a kustomization file.
#[inline]
pub fn resolve_v2(text: &str) -> Tag {
    match text.as_bytes().first() {
        Some(&first) if !FIRST[first as usize] => Tag::Str,
        _ => tag_of(&plain(text, Dialect::V2, true)),
    }
}

fn tag_of(value: &Typed<'_>) -> Tag {
    match value {
        Typed::Null => Tag::Null,
        Typed::Bool(_) => Tag::Bool,
        Typed::Int(_) | Typed::Uint(_) => Tag::Int,
        Typed::Float(_) => Tag::Float,
        Typed::Str(_) => Tag::Str,
        Typed::Timestamp(_) => Tag::Timestamp,
    }
}

/// Resolves a plain scalar without a tag. Timestamps are only looked for if `timestamps` is set.
fn plain(text: &str, dialect: Dialect, timestamps: bool) -> Typed<'_> {
    let bytes = text.as_bytes();
    let Some(&first) = bytes.first() else {
        return Typed::Null;
    };
    let found = match first {
        b'0'..=b'9' | b'+' | b'-' => {
            if timestamps && let Some(timestamp) = Timestamp::parse(text) {
                return Typed::Timestamp(timestamp);
            }
            match parse_number(text, dialect) {
                Some(Number::Int(value)) => Some(Typed::Int(value)),
                Some(Number::Uint(value)) => Some(Typed::Uint(value)),
                Some(Number::Float(value)) => Some(Typed::Float(value)),
                None if bytes.len() == 5 => infinity(text),
                None => None,
            }
        }
        b'.' => match text {
            ".nan" | ".NaN" | ".NAN" => Some(Typed::Float(f64::NAN)),
            _ => infinity(text).or_else(|| parse_point_float(text).map(Typed::Float)),
        },
        _ if bytes.len() > 5 => None,
        b'~' | b'n' | b'N' if matches!(text, "~" | "null" | "Null" | "NULL") => Some(Typed::Null),
        b't' | b'T' if matches!(text, "true" | "True" | "TRUE") => Some(Typed::Bool(true)),
        b'f' | b'F' if matches!(text, "false" | "False" | "FALSE") => Some(Typed::Bool(false)),
        _ if dialect == Dialect::V2 => yes_or_no(text).map(Typed::Bool),
        _ => None,
    };
    found.unwrap_or(Typed::Str(Cow::Borrowed(text)))
}

fn infinity(text: &str) -> Option<Typed<'static>> {
    match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(Typed::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => Some(Typed::Float(f64::NEG_INFINITY)),
        _ => None,
    }
}

/// The booleans of YAML 1.1 that YAML 1.2 gave up.
fn yes_or_no(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// The value of a scalar node in a Kubernetes object. Collections have none and read as null.
///
/// A quoted or block scalar is a string unless its tag is `!!binary`, as it is where kustomize
/// prints it.
pub fn typed(node: &Node) -> Result<Typed<'_>, TypeError> {
    let Value::Scalar(text) = &node.value else {
        return Ok(Typed::Null);
    };
    typed_scalar(text.as_str(), node.tag, node.style, Dialect::V3)
}

pub(crate) fn typed_scalar(text: &str, tag: Tag, style: Style, dialect: Dialect) -> Result<Typed<'_>, TypeError> {
    match tag {
        Tag::Str | Tag::Other | Tag::Merge | Tag::Map | Tag::Seq => Ok(Typed::Str(Cow::Borrowed(text))),
        Tag::Binary => match decode_base64(text) {
            Some(bytes) => Ok(Typed::Str(Cow::Owned(lossy(&bytes)))),
            None => Err(TypeError::Base64),
        },
        _ if !matches!(style, Style::Plain | Style::Flow) => Ok(Typed::Str(Cow::Borrowed(text))),
        Tag::Unset => Ok(plain(text, dialect, true)),
        Tag::Null | Tag::Bool | Tag::Int | Tag::Float | Tag::Timestamp => {
            let value = plain(text, dialect, true);
            let found = tag_of(&value);
            match value {
                value if found == tag => Ok(value),
                Typed::Int(value) if tag == Tag::Float => Ok(Typed::Float(value as f64)),
                // With another tag, a date is not taken for a timestamp.
                Typed::Timestamp(_) => {
                    let found = tag_of(&plain(text, dialect, false));
                    Err(TypeError::Mismatch { found, wanted: tag })
                }
                _ => Err(TypeError::Mismatch { found, wanted: tag }),
            }
        }
    }
}

/// Bytes as text, with a replacement character for every byte that is not UTF-8, as encoding/json
/// writes a string.
fn lossy(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(std::iter::repeat_n(char::REPLACEMENT_CHARACTER, chunk.invalid().len()));
    }
    text
}

/// Standard base64 with padding; line breaks are skipped, as Go's decoder does.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count, mut padding) = (0u32, 0, 0);
    for byte in text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')) {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' if count % 4 >= 2 => {
                padding += 1;
                count += 1;
                bits <<= 6;
                if count % 4 == 0 {
                    let [_, first, second, _] = bits.to_be_bytes();
                    out.push(first);
                    if padding == 1 {
                        out.push(second);
                    }
                }
                continue;
            }
            _ => return None,
        };
        if padding > 0 {
            return None;
        }
        bits = bits << 6 | u32::from(value);
        count += 1;
        if count % 4 == 0 {
            out.extend_from_slice(&bits.to_be_bytes()[1..]);
        }
    }
    (count % 4 == 0).then_some(out)
}
