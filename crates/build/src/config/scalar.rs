//! The values of scalars as Go's YAML and JSON see them on the way into a structure.

use std::borrow::Cow;

use yaml::{Node, Source, Tag, Value};

/// What a node is in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Number,
    String,
    List,
    Mapping,
}

/// What a node becomes when YAML is turned into JSON.
pub(crate) fn kind(node: &Node) -> Kind {
    match (&node.value, node.tag) {
        (Value::Map(_), _) => Kind::Mapping,
        (Value::Seq(_), _) => Kind::List,
        (_, Tag::Null) => Kind::Null,
        (_, Tag::Bool) => Kind::Bool,
        (_, Tag::Int | Tag::Float) => Kind::Number,
        _ => Kind::String,
    }
}

/// The node in words: `the number `5``, `a list`.
pub(crate) fn describe(node: &Node) -> String {
    describe_as(node, node.as_str().unwrap_or_default())
}

/// The node in words, where its scalar was written as `word`.
pub(crate) fn describe_as(node: &Node, word: &str) -> String {
    match kind(node) {
        Kind::Null => "null".to_owned(),
        Kind::Bool => format!("the boolean `{word}`"),
        Kind::Number => format!("the number `{word}`"),
        Kind::String => format!("the text `{}`", shortened(word)),
        Kind::List => "a list".to_owned(),
        Kind::Mapping => "a mapping".to_owned(),
    }
}

/// A number or boolean as it stands in its source: the tree holds what it means.
pub(crate) fn written<'t>(node: &'t Node, source: Option<&'t Source>) -> &'t str {
    let meaning = node.as_str().unwrap_or_default();
    let plain = matches!(kind(node), Kind::Bool | Kind::Number);
    let Some(source) = source.filter(|source| plain && node.mark.source == source.id()) else {
        return meaning;
    };
    let rest = source.text().get(node.mark.offset as usize..).unwrap_or_default();
    let word = rest
        .split(|c: char| c.is_whitespace() || ",[]{}".contains(c))
        .next()
        .unwrap_or_default();
    match word.chars().next() {
        None | Some('!' | '&' | '*' | '"' | '\'') => meaning,
        _ => word,
    }
}

/// The first line of a text, and not too much of it.
pub(crate) fn shortened(text: &str) -> Cow<'_, str> {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(60) {
        Some((end, _)) => Cow::Owned(format!("{}…", &line[..end])),
        None if line.len() < text.trim_end().len() => Cow::Owned(format!("{line}…")),
        None => Cow::Borrowed(line),
    }
}

/// A boolean, in any of the spellings that are tagged as one.
pub(crate) fn boolean(node: &Node) -> Option<bool> {
    if kind(node) != Kind::Bool {
        return None;
    }
    Some(matches!(
        node.as_str()?,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON"
    ))
}

/// A text that kyaml takes for a boolean.
pub(crate) fn boolean_text(node: &Node) -> Option<bool> {
    match node.as_str()? {
        "y" | "Y" | "yes" | "on" => Some(true),
        "n" | "N" | "no" | "off" => Some(false),
        _ => None,
    }
}

const TWO_TO_63: f64 = 9.223_372_036_854_776e18;

/// A number that is whole and fits.
pub(crate) fn integer(node: &Node) -> Option<i64> {
    match number(node)? {
        Number::Int(value) => i64::try_from(value).ok(),
        Number::Float(value) => {
            // JSON writes whole floats below 1e21 without a point.
            let whole = value.fract() == 0.0 && (-TWO_TO_63..TWO_TO_63).contains(&value);
            whole.then_some(value as i64)
        }
    }
}

/// The text that a scalar becomes where a string is wanted and numbers are welcome, and that a key
/// of a mapping becomes. `None` for null and for collections.
pub(crate) fn coerced(node: &Node) -> Option<Cow<'_, str>> {
    let text = node.as_str()?;
    match kind(node) {
        Kind::String => Some(Cow::Borrowed(text)),
        Kind::Bool => Some(Cow::Borrowed(if boolean(node)? { "true" } else { "false" })),
        Kind::Number => match number(node)? {
            Number::Int(value) => Some(Cow::Owned(value.to_string())),
            Number::Float(value) => Some(Cow::Owned(go_float(value, Precision::Single))),
        },
        _ => None,
    }
}

/// Like [`coerced`], for a scalar that was JSON in between: there whole numbers have no point and, below
/// 1e21, no exponent.
pub(crate) fn coerced_from_json(node: &Node, precision: Precision) -> Option<Cow<'_, str>> {
    match number(node) {
        Some(Number::Float(value)) if value.fract() == 0.0 && value.abs() < 1e21 => {
            Some(Cow::Owned((value as i128).to_string()))
        }
        Some(Number::Float(value)) => Some(Cow::Owned(go_float(value, precision))),
        _ => coerced(node),
    }
}

/// How many bits of a floating-point number are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precision {
    Single,
    Double,
}

enum Number {
    Int(i128),
    Float(f64),
}

fn number(node: &Node) -> Option<Number> {
    if kind(node) != Kind::Number {
        return None;
    }
    let plain: String = node.as_str()?.chars().filter(|&c| c != '_').collect();
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let sign = |value: i128| Number::Int(if negative { -value } else { value });
    if node.tag == Tag::Int {
        let radix = [("0x", 16), ("0X", 16), ("0b", 2), ("0B", 2), ("0o", 8), ("0O", 8)];
        for (prefix, radix) in radix {
            if let Some(digits) = digits.strip_prefix(prefix) {
                return i128::from_str_radix(digits, radix).ok().map(sign);
            }
        }
        if digits.len() > 1 && digits.starts_with('0') {
            return i128::from_str_radix(digits, 8).ok().map(sign);
        }
        return digits.parse().ok().map(sign);
    }
    let value = match digits {
        ".inf" | ".Inf" | ".INF" => f64::INFINITY,
        ".nan" | ".NaN" | ".NAN" => f64::NAN,
        digits => digits.parse().ok()?,
    };
    Some(Number::Float(if negative { -value } else { value }))
}

/// Go's `strconv.FormatFloat(value, 'g', -1, bits)`, with YAML's words for what is no number.
fn go_float(value: f64, precision: Precision) -> String {
    let single = value as f32;
    let (plain, scientific) = match precision {
        _ if value.is_nan() => return ".nan".to_owned(),
        Precision::Single if single.is_finite() => (format!("{single}"), format!("{single:e}")),
        Precision::Double if value.is_finite() => (format!("{value}"), format!("{value:e}")),
        _ => return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned(),
    };
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{digits}e{sign}{:02}", exponent.abs())
    } else {
        plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_texts_as_in_go() {
        let cases: &[(&str, Tag, &str)] = include!("scalar_expected.in");
        for &(text, tag, expected) in cases {
            assert_eq!(coerced(&Node::scalar(text, tag)).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn whole_numbers_lose_their_point_in_json() {
        let text = |text, precision| {
            coerced_from_json(&Node::scalar(text, Tag::Float), precision)
                .unwrap()
                .into_owned()
        };
        assert_eq!(text("1234567.0", Precision::Single), "1234567");
        assert_eq!(text("0.123456789012", Precision::Single), "0.12345679");
        assert_eq!(text("0.123456789012", Precision::Double), "0.123456789012");
        assert_eq!(text("1e21", Precision::Double), "1e+21");
    }
}
