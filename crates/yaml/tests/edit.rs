//! The preserving editor: layouts of all kinds, and that taking a change back gives the same bytes.

use proptest::prelude::*;
use yaml::{Editor, Map, Node, Step};

fn path<'p>(text: &'p str) -> Vec<Step<'p>> {
    let steps = text.split('.').filter(|step| !step.is_empty());
    steps
        .map(|step| step.parse().map_or(Step::Key(step), Step::Index))
        .collect()
}

fn image(name: &str, tag: &str) -> Node {
    let mut map = Map::new();
    map.insert("name", Node::string(name));
    map.insert("newTag", Node::string(tag));
    Node::map(map)
}

#[track_caller]
fn pushed(before: &str, at: &str, item: &Node, after: &str) {
    let mut editor = Editor::new(before).unwrap();
    editor.push(&path(at), item).unwrap();
    assert_eq!(editor.text(), after);
    let last = path(at).iter().fold(editor.node().clone(), |node, step| match step {
        Step::Key(key) => node.get(key).unwrap().clone(),
        Step::Index(index) => node.as_seq().unwrap()[*index].clone(),
    });
    let mut taken = path(at);
    taken.push(Step::Index(last.as_seq().unwrap().len() - 1));
    editor.remove(&taken).unwrap();
    assert_eq!(editor.text(), before);
}

#[test]
fn items_are_added_and_taken_away_in_the_manner_of_the_file() {
    let x = Node::string("x");
    pushed("", "resources", &x, "resources:\n- x\n");
    pushed("# c\n", "resources", &x, "# c\nresources:\n- x\n");
    pushed("---\n# c", "resources", &x, "---\n# c\nresources:\n- x");
    pushed("a: b", "resources", &x, "a: b\nresources:\n- x");
    pushed("a: b\r\n", "resources", &x, "a: b\r\nresources:\r\n- x\r\n");
    pushed("r:\n- a # c\n\n# d\nb: c\n", "r", &x, "r:\n- a # c\n- x\n\n# d\nb: c\n");
    pushed("r:\n  - a\nb:\n  - c\n", "d", &x, "r:\n  - a\nb:\n  - c\nd:\n  - x\n");
    pushed("r: []\n", "r", &x, "r: [x]\n");
    pushed("r: [a]  # c\n", "r", &x, "r: [a, x]  # c\n");
    pushed("r: [a, ]\n", "r", &x, "r: [a, x, ]\n");
    pushed(
        "r: [\n  a, # c\n  b # d\n]\n",
        "r",
        &x,
        "r: [\n  a, # c\n  b, # d\n  x\n]\n",
    );
    pushed("r: [\n  a,\n  b, # d\n]\n", "r", &x, "r: [\n  a,\n  b, # d\n  x,\n]\n");
    pushed("r: [a,\n    b]\n", "r", &x, "r: [a,\n    b, x]\n");
    pushed(
        "images:\n  -   name: a # c\n      newTag: b\n# end\n",
        "images",
        &image("c", "1.5"),
        "images:\n  -   name: a # c\n      newTag: b\n  - name: c\n    newTag: \"1.5\"\n# end\n",
    );
    pushed(
        "p:\n- patch: |-\n    - op: x\n\n\n# c\nq: r\n",
        "p",
        &x,
        "p:\n- patch: |-\n    - op: x\n- x\n\n\n# c\nq: r\n",
    );
    pushed(
        "p:\n- patch: |+\n    x\n\n\nq: r\n",
        "p",
        &x,
        "p:\n- patch: |+\n    x\n\n\n- x\nq: r\n",
    );
    pushed("a: &x\n- b\nc: *x\nr: [a]\n", "r", &x, "a: &x\n- b\nc: *x\nr: [a, x]\n");
    pushed("r:\n- a\n---\nr:\n- z\n", "r", &x, "r:\n- a\n- x\n---\nr:\n- z\n");
}

#[test]
fn values_keep_their_quotes() {
    let set = |before: &str, at: &str, value: &str, after: &str| {
        let mut editor = Editor::new(before).unwrap();
        editor.set(&path(at), &Node::string(value)).unwrap();
        assert_eq!(editor.text(), after);
    };
    set("v: \"a\" # c\n", "v", "b", "v: \"b\" # c\n");
    set("v: 'a'\n", "v", "b", "v: 'b'\n");
    set("v: a\n", "v", "1.5", "v: \"1.5\"\n");
    set("v: \"1.5\"\n", "v", "b", "v: b\n");
    set("v: '1.5'\n", "v", "b", "v: 'b'\n");
    set("v:   # c\nm: 1\n", "v", "b", "v: b   # c\nm: 1\n");
    set("v: {a: b}\n", "v.a", "c", "v: {a: c}\n");
    set("v: {a: \"1.5\"}\n", "v.a", "c", "v: {a: c}\n");
    set("v: {a: \"b\"}\n", "v.a", "c", "v: {a: \"c\"}\n");
    set("v:\n    a: b\n", "v.c", "x: y", "v:\n    a: b\n    c: 'x: y'\n");
    set("- name: a\n  b: c\n", "0.name", "d", "- name: d\n  b: c\n");
    set("p: a\n", "p", "x\ny\n", "p: |\n  x\n  y\n");
}

#[test]
fn what_would_change_elsewhere_is_refused() {
    let mut editor = Editor::new("a: &x\n- b\nc: *x\n").unwrap();
    assert!(editor.push(&path("a"), &Node::string("d")).is_err());
    assert!(editor.push(&path("c"), &Node::string("d")).is_err());
    assert_eq!(editor.text(), "a: &x\n- b\nc: *x\n");
}

#[test]
fn the_first_field_of_an_item_leaves_its_dash() {
    let mut editor = Editor::new("- name: a # c\n  # d\n  b: c\n- e: f\n  g: h\n").unwrap();
    editor.remove(&path("0.name")).unwrap();
    editor.remove(&path("1.e")).unwrap();
    assert_eq!(editor.text(), "-  # c\n  # d\n  b: c\n- g: h\n");
}

/// Moves that keep what is written, and what they refuse.
#[test]
fn what_moves_keeps_its_comments() {
    let check = |before: &str, change: &dyn Fn(&mut Editor) -> Result<(), yaml::EditError>, after: &str| {
        let mut editor = Editor::new(before).unwrap();
        change(&mut editor).unwrap();
        assert_eq!(editor.text(), after);
    };
    let rename: &dyn Fn(&mut Editor) -> _ = &|editor| editor.rename(&path("a"), "new");
    check("a:   b # c\n", rename, "new:   b # c\n");
    check("x: y\n\"a\" : [b]\n", rename, "x: y\nnew : [b]\n");
    check("{a: b, c: d}\n", rename, "{new: b, c: d}\n");
    let append: &dyn Fn(&mut Editor) -> _ = &|editor| editor.append_list("a", "b");
    check("# x\na: # h\n- 1 # y\n", append, "# x\nb: # h\n- 1 # y\n");
    check("a:\n- 1 # y\nb: []\n", append, "b:\n- 1 # y\n");
    check(
        "b:\n    - x # z\n# tail\na:\n# of y\n- y:\n    z # w\n- |\n  text\n   more\nc: d\n",
        append,
        "b:\n    - x # z\n    # of y\n    - y:\n        z # w\n    - |\n      text\n       more\n# tail\nc: d\n",
    );
    check("a:\n    - y # w\nb:\n- x\n", append, "b:\n- x\n- y # w\n");
    check("a: [1, 2]\nb:\n- 0\n", append, "b:\n- 0\n- 1\n- 2\n");
    check("a:\n- 1\nb: [0]\n", append, "b: [0, 1]\n");
    let head = Node::string("h");
    let nest: &dyn Fn(&mut Editor) -> _ = &|editor| editor.nest("a", "b", ("k", &head), "in");
    check("a: # c\n  x: y # z\n", nest, "b: # c\n- k: h\n  in:\n    x: y # z\n");
    check(
        "b:\n  - x\na:\n      x: y # z\n",
        nest,
        "b:\n  - x\n  - k: h\n    in:\n      x: y # z\n",
    );
    check("a: {x: w}\nb:\n- x\n", nest, "b:\n- x\n- k: h\n  in:\n    x: w\n");
    let first: &dyn Fn(&mut Editor) -> _ = &|editor| editor.set_first("f", &Node::string("v"));
    check("", first, "f: v\n");
    check("# of all\na: b\n", first, "# of all\nf: v\na: b\n");
    check("# of all\n\n# of a\na: b\n", first, "# of all\n\nf: v\n# of a\na: b\n");
    check("\u{FEFF}a: b\r\n", first, "\u{FEFF}f: v\r\na: b\r\n");
    check("--- # d\na: b\n", first, "--- # d\nf: v\na: b\n");
    let mut editor = Editor::new("a: 1\nb: 2\n").unwrap();
    assert!(editor.rename(&path("a"), "b").is_err());
    assert!(editor.rename(&path("c"), "d").is_err());
    assert!(editor.append_list("a", "b").is_err());
    assert!(editor.set_first("a", &head).is_err());
    assert_eq!(editor.text(), "a: 1\nb: 2\n");
}

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9./-]{0,8}",
        "'[a-z #:,]{0,6}'",
        "\"[a-z #:,]{0,6}\"",
        "[0-9]{1,3}",
        "[a-z]{1,3} [a-z]{1,3}"
    ]
}

fn comment() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just(""), 1 => Just(" # note"), 1 => Just("   #x: [")]
}

fn field(key: usize) -> impl Strategy<Value = String> {
    let items = || prop::collection::vec((scalar(), comment()), 1..4);
    let gap = prop_oneof![3 => Just(""), 1 => Just("\n"), 1 => Just("# about this\n"), 1 => Just("  # odd\n\n")];
    let value = prop_oneof![
        (scalar(), comment()).prop_map(|(value, note)| format!(" {value}{note}\n")),
        (items(), 0..4usize, comment()).prop_map(|(items, indent, note)| {
            let items = items
                .iter()
                .map(|(item, note)| format!("{:indent$}- {item}{note}\n", ""));
            format!("{note}\n{}", items.collect::<String>())
        }),
        (items(), comment(), any::<bool>()).prop_map(|(items, note, trailing)| {
            let items: Vec<_> = items.into_iter().map(|(item, _)| item).collect();
            format!(" [{}{}]{note}\n", items.join(", "), if trailing { "," } else { "" })
        }),
        items().prop_map(|items| {
            let items: Vec<_> = items.iter().map(|(item, note)| format!("  {item},{note}\n")).collect();
            format!(" [\n{}]\n", items.concat())
        }),
        (items(), 1..4usize).prop_map(|(items, indent)| {
            let entries = items
                .iter()
                .enumerate()
                .map(|(at, (item, note))| format!("{:indent$}k{at}: {item}{note}\n", ""));
            format!("\n{}", entries.collect::<String>())
        }),
        (items(), 0..3usize).prop_map(|(items, indent)| {
            let items = items
                .iter()
                .map(|(item, note)| format!("{:indent$}- name: {item}{note}\n{:indent$}  tag: x\n", "", ""));
            format!("\n{}", items.collect::<String>())
        }),
        Just(" |\n  literal # text\n    more\n\n".to_owned()),
        Just(" []\n".to_owned()),
        Just(" {}\n".to_owned()),
    ];
    (gap, value).prop_map(move |(gap, value)| format!("{gap}f{key}:{value}"))
}

fn file() -> impl Strategy<Value = String> {
    let fields = (0..6usize).prop_flat_map(|count| (0..count).map(field).collect::<Vec<_>>());
    (fields, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(fields, marker, crlf, cut)| {
        let mut text = format!("{}{}", if marker { "---\n" } else { "" }, fields.concat());
        if cut && !text.ends_with("\n\n") && text.ends_with('\n') {
            text.pop();
        }
        if crlf { text.replace('\n', "\r\n") } else { text }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn taking_a_change_back_is_the_identity(text in file(), key in 0..7usize, name in "[a-z0-9. :#-]{0,8}", whole in any::<bool>()) {
        let Ok(mut editor) = Editor::new(text.clone()) else {
            // No YAML, such as a comment that is none.
            return Ok(());
        };
        let key = format!("f{key}");
        let item = if whole { image(&name, "v1") } else { Node::string(name.clone()) };
        let field = editor.node().get(&key).cloned();
        match field {
            Some(Node { value: yaml::Value::Map(_), .. }) => {
                editor.set(&[Step::Key(&key), Step::Key("new")], &item).unwrap();
                editor.remove(&[Step::Key(&key), Step::Key("new")]).unwrap();
            }
            Some(Node { value: yaml::Value::Scalar(_), .. }) => {
                editor.set(&[Step::Key("new")], &item).unwrap();
                editor.remove(&[Step::Key("new")]).unwrap();
            }
            list => {
                let length = list.map_or(0, |list| list.as_seq().unwrap().len());
                editor.push(&[Step::Key(&key)], &item).unwrap();
                editor.remove(&[Step::Key(&key), Step::Index(length)]).unwrap();
            }
        }
        prop_assert_eq!(editor.text(), text);
    }
}
