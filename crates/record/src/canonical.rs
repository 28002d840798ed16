//! Canonical JSON: one text for one value, after RFC 8785 (JCS).

use std::fmt::Write as _;

use serde_json::{Number, Value};

/// The canonical text of a value: members in the order of their UTF-16 code units, numbers as ECMAScript writes doubles.
pub fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (at, (name, value)) in members.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_text(name, out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let short = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            0x08 => "\\b",
            b'\t' => "\\t",
            b'\n' => "\\n",
            0x0c => "\\f",
            b'\r' => "\\r",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[from..at]);
        match short {
            // Writing to a text cannot fail.
            "" => drop(write!(out, "\\u{byte:04x}")),
            short => out.push_str(short),
        }
        from = at + 1;
    }
    out.push_str(&text[from..]);
    out.push('"');
}

fn write_number(number: &Number, out: &mut String) {
    // Doubles hold these exactly, and write them so.
    const EXACT: i64 = 1 << 53;
    match number.as_i64() {
        Some(whole) if (-EXACT..=EXACT).contains(&whole) => drop(write!(out, "{whole}")),
        // A number of JSON is finite.
        _ => write_double(number.as_f64().unwrap_or_default(), out),
    }
}

/// As `Number.prototype.toString` of ECMAScript: the shortest digits that give the number again.
fn write_double(number: f64, out: &mut String) {
    if number == 0.0 {
        out.push('0');
        return;
    }
    let (digits, exponent) = shortest(number.abs());
    if number < 0.0 {
        out.push('-');
    }
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or_default());
    let length = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    // Where the point stands: behind so many digits.
    match exponent + 1 {
        point @ 1..=21 if point >= length => {
            out.push_str(&digits);
            out.push_str(&zeros(point - length));
        }
        point @ 1..=21 => {
            let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or_default());
            let _ = write!(out, "{whole}.{fraction}");
        }
        point @ -5..=0 => {
            let _ = write!(out, "0.{}{digits}", zeros(-point));
        }
        _ => {
            let (first, rest) = digits.split_at(1);
            let dot = if rest.is_empty() { "" } else { "." };
            let _ = write!(out, "{first}{dot}{rest}e{exponent:+}");
        }
    }
}

/// The shortest digits of a number, and the power of ten of the first. Between two that are as near, the even one is taken,
/// as JSON's writer does and the standard library does not.
fn shortest(number: f64) -> (String, i32) {
    let text = Number::from_f64(number).map_or_else(String::new, |number| number.to_string());
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    let plain = all.trim_start_matches('0');
    let zeros = i32::try_from(all.len() - plain.len()).unwrap_or_default();
    let point = i32::try_from(whole.len()).unwrap_or_default();
    (plain.trim_end_matches('0').to_owned(), exponent + point - 1 - zeros)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        canonical(&serde_json::from_str(text).unwrap())
    }

    /// The numbers of RFC 8785, appendix B, by their bits.
    #[test]
    fn numbers_are_those_of_the_rfc() {
        for (bits, wanted) in [
            (0x0000_0000_0000_0000, "0"),
            (0x8000_0000_0000_0000, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
            (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0x41b3_de43_5555_5554, "333333333.33333325"),
            (0x41b3_de43_5555_5555, "333333333.3333333"),
            (0x41b3_de43_5555_5556, "333333333.3333334"),
            (0x41b3_de43_5555_5557, "333333333.33333343"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
            (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
        ] {
            let number = f64::from_bits(bits);
            let mut text = String::new();
            write_double(number, &mut text);
            assert_eq!(text, wanted, "{bits:x}");
            // In a value, too.
            assert_eq!(canonical(&Value::from(number)), wanted);
        }
    }

    /// The examples of sections 3.2.2 to 3.2.4.
    #[test]
    fn members_and_texts_are_those_of_the_rfc() {
        let example = r#"{
            "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
            "literals": [null, true, false]
        }"#;
        assert_eq!(
            of(example),
            "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
             \"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"
        );
        let order = r#"{
            "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
            "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"
        }"#;
        assert_eq!(
            of(order),
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\
             \"\u{f6}\":\"Latin Small Letter O With Diaeresis\",\"\u{20ac}\":\"Euro Sign\",\
             \"\u{1f600}\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}"
        );
    }

    /// From the test data that the RFC's authors publish (arrays, french, structures, unicode, weird, values).
    #[test]
    fn the_published_files_come_out_as_published() {
        for (input, wanted) in [
            (
                r#"[56, {"d": true, "10": null, "1": []}]"#,
                r#"[56,{"1":[],"10":null,"d":true}]"#,
            ),
            (
                r#"{"peach": "This sorting order", "péché": "is wrong according to French", "pêche": "but canonicalization MUST",
                    "sin": "ignore locale"}"#,
                r#"{"peach":"This sorting order","péché":"is wrong according to French","pêche":"but canonicalization MUST","sin":"ignore locale"}"#,
            ),
            (
                r#"{"1": {"f": {"f": "hi", "F": 5}, "\n": 56.0}, "10": {}, "": "empty", "a": {},
                    "111": [{"e": "yes", "E": "no"}], "A": {}}"#,
                r#"{"":"empty","1":{"\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],"A":{},"a":{}}"#,
            ),
            (
                r#"{"Unnormalized Unicode": "A\u030a"}"#,
                "{\"Unnormalized Unicode\":\"A\u{30a}\"}",
            ),
            (
                r#"{"\u20ac": "Euro Sign", "\r": "CR", "\u000a": "Newline", "1": "One", "\u0080": "Control\u007f",
                    "\ud83d\ude02": "Smiley", "\u00f6": "o", "\ufb33": "Hebrew", "</script>": "Browser Challenge"}"#,
                "{\"\\n\":\"Newline\",\"\\r\":\"CR\",\"1\":\"One\",\"</script>\":\"Browser Challenge\",\
                 \"\u{80}\":\"Control\u{7f}\",\"\u{f6}\":\"o\",\"\u{20ac}\":\"Euro Sign\",\"\u{1f602}\":\"Smiley\",\
                 \"\u{fb33}\":\"Hebrew\"}",
            ),
        ] {
            assert_eq!(of(input), wanted);
        }
    }

    #[test]
    fn a_canonical_text_stays_as_it_is() {
        for text in ["1e21", "-1e-7", "100", "123456789012345678", "0.1", "1.5e300", "[-0.0]"] {
            assert_eq!(of(&of(text)), of(text));
        }
        assert_eq!(of("18446744073709551615"), "18446744073709552000");
        assert_eq!(of("[-0.0]"), "[0]");
    }
}
