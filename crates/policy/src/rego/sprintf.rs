//! `sprintf` as OPA has it: Go's verbs, and Go's words where arguments are too few or too many.
//!
//! The engine's own gives nothing at all where a template has one verb too many, and the violation is lost.

use std::fmt::Write;

use regorus::Value;

/// A width or precision that is asked for is at most this.
const MAX_WIDTH: usize = 1000;

/// The text, unless the arguments are no text and no array.
pub(super) fn sprintf(values: &[Value]) -> Option<Value> {
    let (pattern, arguments) = (values[0].as_string().ok()?, values[1].as_array().ok()?);
    let mut arguments = arguments.iter();
    let mut out = String::new();
    let mut rest: &str = pattern;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let verb_at = rest.find(|c: char| !"+-# 0123456789.".contains(c));
        let Some(verb) = verb_at.and_then(|at| rest[at..].chars().next()) else {
            out.push_str("%!(NOVERB)");
            rest = "";
            break;
        };
        let flags = &rest[..verb_at.unwrap_or(0)];
        rest = &rest[flags.len() + verb.len_utf8()..];
        if verb == '%' {
            out.push('%');
            continue;
        }
        match arguments.next() {
            Some(value) => out.push_str(&padded(flags, &shown(verb, flags, value))),
            None => {
                let _ = write!(out, "%!{verb}(MISSING)");
            }
        }
    }
    out.push_str(rest);
    let extra: Vec<String> = arguments
        .map(|value| format!("{}={}", go_type(value), text(value, false)))
        .collect();
    if !extra.is_empty() {
        let _ = write!(out, "%!(EXTRA {})", extra.join(", "));
    }
    Some(Value::from(out))
}

/// The name of the Go type that OPA hands to `fmt`.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Number(_) if value.as_i64().is_ok() => "int",
        Value::Number(_) => "float64",
        _ => "string",
    }
}

fn shown(verb: char, flags: &str, value: &Value) -> String {
    let precision = flags
        .split_once('.')
        .map(|(_, digits)| digits.parse().unwrap_or(0).min(MAX_WIDTH));
    let wrong = || format!("%!{verb}({}={})", go_type(value), text(value, false));
    let whole = value.as_i64().ok().filter(|_| matches!(value, Value::Number(_)));
    let number = value.as_f64().ok().filter(|_| matches!(value, Value::Number(_)));
    match (verb, whole, number) {
        ('v', ..) => text(value, false),
        ('s', None, None) => {
            let text = text(value, false);
            precision.map_or(text.clone(), |most| text.chars().take(most).collect())
        }
        ('q', None, None) => format!("{:?}", text(value, false)),
        ('d', Some(number), _) if flags.contains('+') => format!("{number:+}"),
        ('d', Some(number), _) => number.to_string(),
        ('x', Some(number), _) => format!("{number:x}"),
        ('X', Some(number), _) => format!("{number:X}"),
        ('o', Some(number), _) => format!("{number:o}"),
        ('b', Some(number), _) => format!("{number:b}"),
        ('x', None, None) => text(value, false).bytes().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        }),
        ('f' | 'F', None, Some(number)) => format!("{number:.*}", precision.unwrap_or(6)),
        ('g' | 'e', None, Some(number)) => number.to_string(),
        _ => wrong(),
    }
}

fn padded(flags: &str, text: &str) -> String {
    let before = flags.split('.').next().unwrap_or_default();
    let digits = before.trim_start_matches(['+', '-', '#', ' ', '0']);
    let width = digits.parse().unwrap_or(0).min(MAX_WIDTH);
    match (before.contains('-'), before.starts_with('0')) {
        (true, _) => format!("{text:<width$}"),
        (false, true) => format!("{text:0>width$}"),
        (false, false) => format!("{text:>width$}"),
    }
}

/// A value as OPA prints a term; a text in quotes where it is inside another value.
fn text(value: &Value, is_inner: bool) -> String {
    let list = |open: &str, items: Vec<String>, close: &str| format!("{open}{}{close}", items.join(", "));
    match value {
        Value::String(text) if !is_inner => text.to_string(),
        Value::Array(items) => list("[", items.iter().map(|item| text(item, true)).collect(), "]"),
        Value::Set(items) if items.is_empty() => "set()".to_owned(),
        Value::Set(items) => list("{", items.iter().map(|item| text(item, true)).collect(), "}"),
        Value::Object(fields) => {
            let field = |(name, value): (&Value, &Value)| format!("{}: {}", text(name, true), text(value, true));
            list("{", fields.iter_sorted().map(field).collect(), "}")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use regorus::Value;

    use super::sprintf;

    #[test]
    fn verbs_and_wrong_numbers_of_arguments() {
        for (pattern, arguments, expected) in [
            ("%v of %v", "[\"a\", 1]", "a of 1"),
            ("%v, %v", "[1]", "1, %!v(MISSING)"),
            ("%v", "[1, \"b\"]", "1%!(EXTRA string=b)"),
            (
                "%s|%5d|%-4s|%03d|%.2f",
                "[\"x\", 42, \"y\", 7, 1.5]",
                "x|   42|y   |007|1.50",
            ),
            ("%v %v", "[{\"a\": [1, \"b\"]}, null]", "{\"a\": [1, \"b\"]} null"),
            ("100%% %q", "[\"a\\\"b\"]", "100% \"a\\\"b\""),
            ("%d", "[\"a\"]", "%!d(string=a)"),
        ] {
            let arguments = Value::from_json_str(arguments).unwrap();
            assert_eq!(
                sprintf(&[Value::from(pattern), arguments]),
                Some(Value::from(expected)),
                "{pattern}"
            );
        }
    }
}
