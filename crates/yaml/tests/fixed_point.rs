//! Properties: what was printed once is printed the same again, and no text makes the reader panic.

use proptest::prelude::*;
use yaml::{Map, Node, Sources, Text, emit, encode_v3, json, read_config, read_documents};

fn print(node: &Node) -> Option<String> {
    let mut out = Vec::new();
    emit(node, &mut out).ok()?;
    Some(String::from_utf8(out).unwrap())
}

fn json_of(node: &Node) -> Option<String> {
    let mut out = Vec::new();
    json::write(node, &mut out).ok()?;
    Some(String::from_utf8(out).unwrap())
}

fn read_one(text: String) -> Node {
    let source = Sources::new().add("x.yaml", text);
    read_documents(&source).unwrap().nodes.pop().unwrap()
}

/// Strings with what matters to quoting: indicators, blanks, line breaks, numbers. A key `<<` is left out:
/// it is printed without quotes, as kustomize does it, and read as a merge key.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9:#'\"\\-\\[\\]{},&*!|>%@`?~. ]{0,12}",
        "[ \\t\\na-c#:-]{0,10}",
        "(yes|no|on|off|y|n|null|true|~|012|0x1F|1e3|1_0|2001-12-14|1:30|\\.5|=|-|\\+|0b1|0o7)",
        "([a-z]{1,9} ){8,30}",
        "\\PC{0,6}",
    ]
}

fn tree() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![text().prop_map(Node::string), Just(Node::null())];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| Node::seq(yaml::Seq::from(items))),
            prop::collection::btree_map(text(), inner, 0..5).prop_map(|entries| {
                let mut map = Map::new();
                for (key, value) in entries {
                    map.insert(Text::from(key), value);
                }
                Node::map(map)
            }),
        ]
    })
}

fn object() -> impl Strategy<Value = Node> {
    tree().prop_map(|value| {
        let mut map = Map::new();
        map.insert("spec", value);
        Node::map(map)
    })
}

proptest! {
    #[test]
    fn printing_is_a_fixed_point(object in object()) {
        if let Some(first) = print(&object) {
            let again = read_one(first.clone());
            prop_assert_eq!(json_of(&again), json_of(&object));
            prop_assert_eq!(print(&again).unwrap(), first);
        }
    }

    #[test]
    fn own_style_keeps_the_values(object in object()) {
        if let Some(json) = json_of(&object) {
            prop_assert_eq!(json_of(&read_one(encode_v3(&object))).unwrap(), json);
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[-a-c0: \\n\\t#'\"\\[\\]{},&*!|>%?.~<\\\\é]{0,60}") {
        let source = Sources::new().add("x.yaml", text);
        let _ = read_config(&source);
        for node in read_documents(&source).map(|documents| documents.nodes).unwrap_or_default() {
            let _ = encode_v3(&node);
            let _ = json_of(&node);
            if let Some(first) = print(&node) {
                let again = read_documents(&Sources::new().add("y.yaml", first.clone())).unwrap().nodes;
                prop_assert_eq!(again.first().and_then(print).unwrap_or(first.clone()), first);
            }
        }
    }
}
