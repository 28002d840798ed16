//! The fast way against the exact way: on the recorded documents, where they are at hand, on damaged
//! copies of them, and on documents made of lines as they come.
#![expect(
    clippy::disallowed_methods,
    reason = "these tests read recorded documents and take their number of rounds from outside"
)]

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::{compose, fast, nodes, read};
use crate::node::{Node, Value};
use crate::number::Dialect;
use crate::source::{Source, Sources};

/// A tree as text, with everything that must be the same.
fn show(node: &Node, out: &mut String) {
    use std::fmt::Write;
    let _ = write!(out, "{:?}/{:?}@{}", node.tag, node.style, node.mark.offset);
    match &node.value {
        Value::Scalar(text) => {
            let _ = writeln!(out, " {text:?}");
        }
        Value::Seq(items) => {
            out.push_str(" [\n");
            items.iter().for_each(|item| show(item, out));
            out.push_str("]\n");
        }
        Value::Map(map) => {
            out.push_str(" {\n");
            for entry in map {
                show(&entry.key, out);
                show(&entry.value, out);
            }
            out.push_str("}\n");
        }
    }
}

/// Whether the fast way was gone at all; panics if it led somewhere else.
fn compare(source: &Arc<Source>) -> bool {
    compare_range(source, 0..source.text().len())
}

fn compare_range(source: &Arc<Source>, range: Range<usize>) -> bool {
    if read::check_characters(source, range.clone()).is_err() {
        return false;
    }
    let Some(fast) = fast::parse(source, range.clone(), &mut nodes::Nodes::default()) else {
        return false;
    };
    let exact = compose::compose(source, range, Dialect::V3);
    let text = |node: &Option<Node>| {
        let mut out = String::new();
        node.iter().for_each(|node| show(node, &mut out));
        out
    };
    match exact {
        Ok(exact) => assert_eq!(text(&Some(fast)), text(&exact.node), "of the text\n{}", source.text()),
        Err(error) => panic!("{error} in the text\n{}", source.text()),
    }
    true
}

const SAMPLES: &[&str] = &[
    "a: b\nc:\n- d\n-  e: f\n   g: 'h''i'\n- \"j\\tk\"\n-\nl: {m: n, \"o\":[p, -1,]}\n",
    "# c\n\na:   # d\n  b: |\n    x\n\n     y\n  c: >-\n    z\n    w\nd: e\n   f\n   g\nh: \"i\n  j\"\n",
    "- - a\n  - b: c\n    d:\n    - e\n- \n- {a: 'b', c: [d e, {f: g}]}\n",
    "{\"a\": [1, 2.5, null,\n true], \"b\": {\"c\": \"d\\u00e9\"}}\n",
    "---\na: --- b\n   c\nd: - e\nf: a:b #c\ng: 'x\\y'\n'k' : v\n\"q\"#: w\n",
];

fn samples() -> Vec<String> {
    let mut samples: Vec<String> = SAMPLES.iter().map(|&text| text.to_owned()).collect();
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .find_map(|folder| std::fs::read_to_string(folder.join("shared/conformance/yaml-roundtrip/cases.jsonl")).ok());
    for line in recorded.as_deref().unwrap_or_default().lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        samples.extend(
            case["in"]
                .as_str()
                .filter(|text| text.len() < 20_000)
                .map(str::to_owned),
        );
    }
    samples
}

#[test]
fn fast_way_agrees_with_exact_way() {
    let sources = Sources::new();
    let samples = samples();
    let fast = samples
        .iter()
        .filter(|text| compare(&sources.add("x", (*text).clone())))
        .count();
    assert!(
        fast * 3 > samples.len(),
        "{fast} of {} went the fast way",
        samples.len()
    );
}

#[test]
fn fast_way_agrees_on_damaged_documents() {
    const PIECES: &[&str] = &[
        " ", "  ", "\n", "\n\n", ":", ": ", "- ", "-", "#", " #", "'", "\"", "[", "]", "{", "}", ",", "|", ">", "?",
        "\t", "\\", "a", "---", "...", "~", "<<", "&a ", "*a", "!", "|-\n", "é", "\u{2028}", "0", "\n  ", "\n- ",
        "\r\n", ": |\n", ",\n", "'a'", "\"b\"", "'<<': ", "\"<<\": ",
    ];
    let samples = samples();
    // A fixed sequence of numbers, so that a failure can be seen again.
    let mut state = 0x2545_F491_4F6C_DD1Du64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as usize % below.max(1)
    };
    let rounds = std::env::var("ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(20_000);
    for _ in 0..rounds {
        let mut text = samples[random(samples.len())].clone();
        text.truncate(
            (0..=2000.min(text.len()))
                .rev()
                .find(|&at| text.is_char_boundary(at))
                .unwrap_or(0),
        );
        for _ in 0..=random(3) {
            let place = |at: usize, text: &str| (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
            let from = place(random(text.len() + 1), &text);
            let to = place((from + random(4)).min(text.len()), &text).max(from);
            let piece = PIECES[random(PIECES.len())];
            text.replace_range(from..to, if random(4) == 0 { "" } else { piece });
        }
        compare(&Sources::new().add("x", text));
    }
}

/// Texts of all lengths up to some words of the machine, and some that mean more than they say.
fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-zA-Z0-9/._-]{0,40}",
        2 => "[a-z]{0,20}[ :#,]{1,2}[a-z]{0,20}",
        1 => "[a-z]{0,16}[é\u{85}\u{2028}😀][a-z]{0,16}",
        1 => "-?[0-9]{1,3}([.e:_-][0-9]{1,4}){0,3}",
        2 => prop::sample::select(vec!["~", "null", "true", "no", "<<", ".inf", "-", "=", "|", ">-", "{}", "[]"]).prop_map(str::to_owned),
        2 => "'[a-z '\\\\]{0,20}'",
        2 => "\"[a-z \\\\n]{0,20}\"",
        1 => "[\\[{][a-z]{1,9}: ?[a-z\"]{0,17}, ?[a-z]{0,8}[\\]}]",
    ]
}

fn line() -> impl Strategy<Value = String> {
    let shape = prop::sample::select(vec![
        "K: V", "K:", "- V", "- K: V", "- - V", "V", "", "K: V  ", "K: V # c", "# c",
    ]);
    (0..5usize, shape, scalar(), scalar()).prop_map(|(depth, shape, key, value)| {
        let line = shape.replace('V', &value).replace('K', &key);
        format!("{}{line}\n", "  ".repeat(depth))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn fast_way_agrees_on_documents_of_any_lines(lines in prop::collection::vec(line(), 0..7), more in scalar()) {
        let text = lines.concat();
        compare(&Sources::new().add("x", text.trim_end().to_owned()));
        compare(&Sources::new().add("x", text.clone()));
        // A piece of a longer text: what stands behind it is not read.
        let range = more.len()..more.len() + text.len();
        compare_range(&Sources::new().add("x", format!("{more}{text}{more}")), range);
    }

    #[test]
    fn fast_way_agrees_on_mappings(entries in prop::collection::vec((scalar(), scalar()), 1..5)) {
        let text: String = entries.iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
        compare(&Sources::new().add("x", text));
    }
}
