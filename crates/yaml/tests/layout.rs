//! Documents with their layout: what go-yaml v3.0.3 prints of what it reads, with kyaml's settings.

use proptest::prelude::*;
use yaml::{LayoutWriter, Sources, encode_v3, read_documents, read_layout};

fn printed(text: &str) -> String {
    let source = Sources::new().add("test", text.to_owned());
    let (documents, _) = read_layout(&source).unwrap();
    let mut writer = LayoutWriter::new();
    for document in &documents {
        writer.write(document, false);
    }
    writer.finish()
}

#[test]
fn comments_styles_and_tags_stay_as_in_go_yaml() {
    let table = [
        (
            "# doc head\n\n# head of a\na: [1, # one\n  2, {x: y, # xy\n   z: w}, # last\n  # foot\n]\nb: {a: 1, # c\n  # h\n  b: 2\n  # f\n}\n",
            "# doc head\n\n# head of a\na: [1, # one\n  2, {x: y, # xy\n    z: w,} # last\n  # foot\n]\nb: {a: 1, # c\n  # h\n  b: 2,\n  # f\n}\n",
        ),
        (
            "? [complex, key]\n: v # vc\nc: &anc # anchor line\n  # inner\n  k: !!str 5 # five\nd: *anc # al\ne: !Ref foo\nf: | # lit\n  text\ng: >-\n  folded\n  more\n\n  x\n\"q\": 'it''s'\n",
            "? [complex, key]\n: v # vc\nc: &anc\n  # inner\n  k: !!str 5 # five\nd: *anc # al\ne: !Ref foo # anchor line\nf: | # lit\n  text\ng: >-\n  folded more\n\n  x\n\"q\": 'it''s'\n",
        ),
        (
            "- # c\n  a: b\n# h\n- # d\n  - x\n  -\n  # e\n  - y # z\n\n# foot\n",
            "- # c\n  a: b\n# h\n- # d\n  - x\n  -\n  # e\n  - y # z\n\n# foot\n",
        ),
        (
            "m:\n    x: 1\n    # foot\n\n  # odd\nk: a   # on k\nl: # on l\n  # first\n  - a # ta\n  # last\n",
            "m:\n  x: 1\n  # foot\n# odd\n\nk: a # on k\nl: # on l\n# first\n- a # ta\n# last\n",
        ),
        (
            "a:\n  b: 1\n\n  # foot of b\n\nc: 2\n# below c\n\n# end\n",
            "a:\n  b: 1\n  # foot of b\nc: 2\n# below c\n\n# end\n",
        ),
        (
            "a: &x\n  b: 1\nc:\n  <<: *x\n  n: ~\n  t: 2024-01-01\n  o: \"yes\"\n  e: ''\n",
            "a: &x\n  b: 1\nc:\n  !!merge <<: *x\n  n: ~\n  t: 2024-01-01\n  o: \"yes\"\n  e: ''\n",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(printed(text), expected, "{text}");
    }
}

#[test]
fn documents_are_told_apart_with_their_comments() {
    let text = "--- # sep\n# h\na: 1\n...\n# after\n---\n\n# only\n---\nb: 2 # l\n# f\n\n# g\n";
    let expected = "# sep\n# h\na: 1\n\n# after\n---\nb: 2 # l\n\n# f\n\n# g\n";
    assert_eq!(printed(text), expected);
}

#[test]
fn what_is_printed_is_read_as_the_same() {
    let text = "# a\n\n# b\nk: # c\n- x # d\n# e\n- {y: [1, 2]}\n\n# f\nl: |\n  t\n";
    let once = printed(text);
    assert_eq!(printed(&once), once);
}

/// What a text says, without its comments.
fn content(text: &str) -> Option<Vec<String>> {
    let source = Sources::new().add("test", text.to_owned());
    let documents = read_documents(&source).ok()?;
    Some(documents.nodes.iter().map(encode_v3).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Comments and empty lines anywhere do not change what is printed of the content.
    #[test]
    fn comments_change_nothing(
        lines in proptest::collection::vec((0usize..4, 0usize..8, any::<bool>()), 1..20)
    ) {
        let mut text = String::new();
        for (number, (indent, kind, behind)) in lines.into_iter().enumerate() {
            let ahead = "  ".repeat(indent);
            let behind = if behind { " # behind" } else { "" };
            match kind {
                0 => text.push_str(&format!("{ahead}# comment {number}")),
                1 => {}
                2 => text.push_str(&format!("{ahead}- item{number}{behind}")),
                3 => text.push_str(&format!("{ahead}k{number}:{behind}")),
                4 => text.push_str(&format!("{ahead}- k{number}: v{behind}")),
                5 => text.push_str(&format!("{ahead}k{number}: [a, {{b: c}}]{behind}")),
                _ => text.push_str(&format!("{ahead}k{number}: v{number}{behind}")),
            }
            text.push('\n');
        }
        if let Some(before) = content(&text) {
            prop_assert_eq!(content(&printed(&text)), Some(before), "{}", text);
        }
    }
}
