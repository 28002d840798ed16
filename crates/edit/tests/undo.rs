//! An edit that is taken back leaves the identical bytes: every pair of commands, on files of random layout.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails as a test does")]

mod command;

use std::fs;

use command::run;
use proptest::prelude::*;

/// Pairs that bring something in and take it away again.
const ADDED: [(&str, &str); 14] = [
    ("add resource c.yaml", "remove resource c.yaml"),
    ("add base base", "remove resource base"),
    (
        "add patch --path q.yaml --kind Job",
        "remove patch --path q.yaml --kind Job",
    ),
    ("add label fresh:1.0", "remove label fresh"),
    ("add annotation fresh:x", "remove annotation fresh"),
    ("add configmap fresh --literal k=v", "remove configmap fresh"),
    ("add secret fresh --literal k=v", "remove secret fresh"),
    ("add transformer u.yaml", "remove transformer u.yaml"),
    (
        "add buildmetadata managedByLabel",
        "remove buildmetadata managedByLabel",
    ),
    ("set nameprefix x-", "set nameprefix "),
    ("set namesuffix -x", "set namesuffix "),
    ("set namespace x", "set namespace "),
    ("set label fresh:x", "remove label fresh"),
    ("set annotation fresh:x", "remove annotation fresh"),
];

/// Commands that set a value to `{}`, which is `old` in the files.
///
/// One thing cannot be taken back: quotes that the old value had without need, where the value in between needs
/// the same quotes. They are gone then, since nothing tells them from quotes that were written for need.
const SET: [&str; 8] = [
    "set image nginx:{}",
    "set nameprefix {}",
    "set namesuffix {}",
    "set namespace {}",
    "set label team:{}",
    "set annotation note:{}",
    "set configmap settings A={}",
    "set secret keys T={}",
];

/// A text as it can be written; never in double quotes that it does not need, see [`SET`].
fn written(text: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![3 => Just(text.to_owned()), 1 => Just(format!("'{text}'"))]
}

fn note() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just(""), 1 => Just("   # note"), 1 => Just(" # a: [x\t\ty"), 1 => Just("   ")]
}

fn gap() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        4 => Just(""), 1 => Just("\n"), 1 => Just("# about this\n"), 1 => Just("  # odd\n\n"), 1 => Just("\n# - off.yaml\n#\tx\n")
    ]
}

/// A list of texts under a key.
fn list(key: &'static str, items: &'static [&'static str]) -> BoxedStrategy<String> {
    let texts = || {
        items
            .iter()
            .map(|item| (written(item), note(), gap()))
            .collect::<Vec<_>>()
    };
    let block = (texts(), 0..5usize, 1..4usize, note()).prop_map(move |(items, indent, space, head)| {
        let lines = items
            .iter()
            .map(|(item, note, gap)| format!("{gap}{:indent$}-{:space$}{item}{note}\n", "", ""));
        format!("{key}:{head}\n{}", lines.collect::<String>())
    });
    let flow = (texts(), note(), any::<bool>(), any::<bool>()).prop_map(move |(items, note, comma, lines)| {
        let comma = if comma { "," } else { "" };
        if lines {
            let items: Vec<String> = items
                .iter()
                .map(|(item, note, _)| format!("    {item},{note}\n"))
                .collect();
            format!("{key}: [\n{}  ]{note}\n", items.concat())
        } else {
            let items: Vec<&str> = items.iter().map(|(item, _, _)| item.as_str()).collect();
            format!("{key}: [{}{comma}]{note}\n", items.join(", "))
        }
    });
    // Not a key without a value: with its last item, a list in block style goes as a whole.
    prop_oneof![block, flow, Just(format!("{key}: []\n"))].boxed()
}

/// A list of one mapping, its fields in any order.
fn entries(key: &'static str, fields: &'static [(&'static str, &'static str)]) -> BoxedStrategy<String> {
    let values = || {
        fields
            .iter()
            .map(|(_, value)| (written(value), note()))
            .collect::<Vec<_>>()
    };
    let block = (values(), 0..4usize, 1..4usize, note()).prop_map(move |(values, indent, space, head)| {
        let mut text = format!("{key}:{head}\n");
        for (at, ((field, _), (value, note))) in fields.iter().zip(values).enumerate() {
            let (indent, dash) = (" ".repeat(indent), if at == 0 { "-" } else { " " });
            text += &format!("{indent}{dash}{:space$}{field}: {value}{note}\n", "");
        }
        text
    });
    let flow = (values(), note()).prop_map(move |(values, note)| {
        let values = fields
            .iter()
            .zip(values)
            .map(|((field, _), (value, _))| format!("{field}: {value}"));
        format!("{key}: [{{{}}}]{note}\n", values.collect::<Vec<_>>().join(", "))
    });
    prop_oneof![2 => block, 1 => flow].boxed()
}

fn pairs(key: &'static str, name: &'static str) -> BoxedStrategy<String> {
    let block = (written("old"), 1..5usize, note(), note()).prop_map(move |(value, indent, note, head)| {
        format!(
            "{key}:{head}\n{:indent$}other:   x # y\n{:indent$}{name}: {value}{note}\n",
            "", ""
        )
    });
    let flow = (written("old"), note())
        .prop_map(move |(value, note)| format!("{key}: {{{name}: {value} , other: x}}{note}\n"));
    prop_oneof![block, flow].boxed()
}

fn scalar(key: &'static str) -> BoxedStrategy<String> {
    (written("old"), 1..4usize, note())
        .prop_map(move |(value, space, note)| format!("{key}:{:space$}{value}{note}\n", ""))
        .boxed()
}

/// A generator that has one literal.
fn generator(key: &'static str, name: &'static str, literal: &'static str) -> BoxedStrategy<String> {
    (written(name), written(literal), 0..3usize, note(), any::<bool>())
        .prop_map(move |(name, literal, indent, note, flow)| {
            let indent = " ".repeat(indent);
            let literals = if flow {
                format!("literals: ['x=1', {literal}]")
            } else {
                format!("literals:\n{indent}  - 'x=1'{note}\n{indent}  - {literal}")
            };
            format!("{key}:\n{indent}- name: {name}{note}\n{indent}  {literals}{note}\n")
        })
        .boxed()
}

/// The value of every field: those that `set` changes are always there.
fn file() -> impl Strategy<Value = String> {
    let fields: Vec<BoxedStrategy<String>> = vec![
        list("resources", &["a.yaml", "b.yaml"]),
        list("transformers", &["t.yaml"]),
        list("buildMetadata", &["originAnnotations"]),
        entries("images", &[("name", "nginx"), ("newTag", "old")]),
        Just(String::new()).boxed(),
        scalar("namePrefix"),
        scalar("nameSuffix"),
        scalar("namespace"),
        pairs("commonLabels", "team"),
        pairs("commonAnnotations", "note"),
        generator("configMapGenerator", "settings", "A=old"),
        generator("secretGenerator", "keys", "T=old"),
        entries("patches", &[("path", "p.yaml")]),
    ];
    let fields: Vec<_> = fields.into_iter().map(|field| (gap(), field)).collect();
    let order = Just((0..13usize).collect::<Vec<_>>()).prop_shuffle();
    (fields, order, 0..4u8, any::<bool>(), any::<bool>(), 0..8u16).prop_map(
        |(fields, order, marker, crlf, cut, missing)| {
            let mut text = ["", "---\n", "# The shop.\n\n", "--- # all\n# c\n"][usize::from(marker)].to_owned();
            for at in order {
                // Lists may be missing; what `set` changes may not.
                if at > 2 || missing & (1 << at) == 0 {
                    let (gap, field) = &fields[at];
                    text += &format!("{gap}{field}");
                }
            }
            if cut && text.ends_with('\n') {
                text.pop();
            }
            if crlf { text.replace('\n', "\r\n") } else { text }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_added_and_removed_leaves_the_same_bytes(text in file(), bom in any::<bool>()) {
        let text = if bom { format!("\u{FEFF}{text}") } else { text };
        for (change, back) in ADDED {
            // A field that is set cannot be set back by taking it away.
            if change.starts_with("set name") {
                continue;
            }
            let directory = command::directory(text.as_bytes());
            let now = || fs::read_to_string(directory.path().join("kustomization.yaml")).unwrap();
            run(directory.path(), change).unwrap();
            prop_assert!(now() != text, "{} changes nothing in\n{}", change, text);
            run(directory.path(), back).unwrap();
            prop_assert_eq!(now(), text.clone(), "{}", change);
        }
    }

    #[test]
    fn what_is_set_and_set_back_leaves_the_same_bytes(text in file(), value in "[a-z0-9]([a-z0-9.-]{0,5}[a-z0-9])?") {
        prop_assume!(value != "old");
        for line in SET {
            let directory = command::directory(text.as_bytes());
            let now = || fs::read_to_string(directory.path().join("kustomization.yaml")).unwrap();
            run(directory.path(), &line.replace("{}", &value)).unwrap();
            run(directory.path(), &line.replace("{}", "old")).unwrap();
            prop_assert_eq!(now(), text.clone(), "{}", line);
        }
    }

    #[test]
    fn a_field_that_was_not_there_goes_again(text in file()) {
        for (change, back) in ADDED.into_iter().filter(|(change, _)| change.starts_with("set name")) {
            let key = match change.split(' ').nth(1).unwrap() {
                "nameprefix" => "namePrefix",
                "namesuffix" => "nameSuffix",
                _ => "namespace",
            };
            let directory = command::directory(text.as_bytes());
            let path = directory.path().join("kustomization.yaml");
            // Without the field, by the editor itself.
            run(directory.path(), back).unwrap();
            let without = fs::read_to_string(&path).unwrap();
            let is_gone = !without.contains(&format!("{key}:"));
            prop_assert!(is_gone, "{} is gone", key);
            run(directory.path(), change).unwrap();
            run(directory.path(), back).unwrap();
            prop_assert_eq!(fs::read_to_string(&path).unwrap(), without, "{}", change);
        }
    }
}
