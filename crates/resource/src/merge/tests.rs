//! Where values come from after a merge, what is shared, and what is refused.

use std::fmt::Write;

use yaml::{Seq, Sources, Style, read_documents};

use super::*;

fn layer() -> Arc<Layer> {
    Arc::new(Layer::new("kustomization.yaml".into(), "patches[0]".into(), Mark::NONE))
}

fn read(sources: &Sources, name: &str, text: &str) -> Node {
    read_documents(&sources.add(name, text.to_owned()))
        .unwrap()
        .nodes
        .remove(0)
}

/// Merges, and lists the place of every scalar and of what it replaced: `path place <- previous`, with `*`
/// for the ones the layer set.
fn origins(target: &str, patch: &str) -> (Merged, String) {
    let sources = Sources::new();
    let mut node = read(&sources, "target", target);
    let patch = read(&sources, "patch", patch);
    let merged = strategic_merge(&mut node, &patch, &Schema::builtin(), &layer()).unwrap();
    let mut out = String::new();
    list(&sources, &node, "", &mut out);
    (merged, out)
}

fn list(sources: &Sources, node: &Node, path: &str, out: &mut String) {
    let place = |node: &Node| {
        sources
            .place(node.mark)
            .map(|place| place.to_string())
            .unwrap_or_default()
    };
    let previous = node.origin.as_ref().and_then(|change| change.previous.as_ref());
    if node.is_scalar() || previous.is_some() {
        let star = if node.origin.is_some() { "*" } else { "" };
        let previous = previous.map(|node| format!(" <- {}", place(node))).unwrap_or_default();
        writeln!(out, "{path} {}{star}{previous}", place(node)).unwrap();
    }
    match &node.value {
        Value::Scalar(_) => {}
        Value::Map(map) => {
            map.iter().for_each(|entry| {
                list(
                    sources,
                    &entry.value,
                    &format!("{path}/{}", entry.key.as_str().unwrap()),
                    out,
                )
            });
        }
        Value::Seq(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(at, item)| list(sources, item, &format!("{path}/{at}"), out));
        }
    }
}

const POD: &str = "\
apiVersion: v1
kind: Pod
spec:
  hostNetwork: true
  tolerations: [{key: a}]
  containers:
  - name: a
    image: a:1
  - name: b
    image: b:1
";

#[test]
fn set_values_know_the_patch_and_what_was_there() {
    let patch = "\
apiVersion: v1
kind: Pod
spec:
  hostNetwork: true
  tolerations: [{key: b}]
  nodeSelector: {disk: ssd}
  containers:
  - name: new
    image: n:1
  - name: b
    image: b:2
    args: [x]
";
    let (merged, found) = origins(POD, patch);
    assert_eq!(
        merged,
        Merged {
            deleted: false,
            changed: true
        }
    );
    let expected = "\
/apiVersion target:1:13
/kind target:2:7
/spec/hostNetwork target:4:16
/spec/tolerations patch:5:16* <- target:5:16
/spec/tolerations/0/key patch:5:23*
/spec/containers/0/name patch:8:11*
/spec/containers/0/image patch:9:12*
/spec/containers/1/name target:9:11
/spec/containers/1/image patch:11:12* <- target:10:12
/spec/containers/1/args/0 patch:12:12*
/spec/containers/2/name target:7:11
/spec/containers/2/image target:8:12
/spec/nodeSelector/disk patch:6:24*
";
    assert_eq!(found, expected);
}

#[test]
fn says_whether_anything_changed() {
    let head = "apiVersion: v1\nkind: Pod\n";
    for (patch, changed, deleted) in [
        ("spec: {hostNetwork: true}", false, false),
        ("spec: {containers: [{name: a, image: a:1}]}", false, false),
        (
            "spec: {missing: null, containers: [{name: c, $patch: delete}]}",
            false,
            false,
        ),
        ("spec: {tolerations: [{key: a}]}", false, false),
        ("$patch: replace\nspec: {}", false, false),
        ("spec: {containers: [{name: b}]}", true, false),
        ("spec: {hostNetwork: \"true\"}", true, false),
        ("spec: {hostNetwork: null}", true, false),
        ("spec: {containers: [{name: b, $patch: delete}]}", true, false),
        ("spec: {containers: [{image: x}]}", true, false),
        ("$patch: delete", true, true),
    ] {
        assert_eq!(
            origins(POD, &format!("{head}{patch}\n")).0,
            Merged { deleted, changed },
            "{patch}"
        );
    }
}

#[test]
fn what_does_not_change_stays_shared() {
    let sources = Sources::new();
    let base = read(&sources, "target", POD);
    let mut target = base.clone();
    let patch = read(
        &sources,
        "patch",
        "apiVersion: v1\nkind: Pod\nspec:\n  hostNetwork: false\n",
    );
    strategic_merge(&mut target, &patch, &Schema::builtin(), &layer()).unwrap();
    let items = |node: &Node, field| {
        node.get_path(["spec", field])
            .and_then(Node::as_seq)
            .map(|items| items.as_ptr())
    };
    assert_eq!(items(&base, "containers"), items(&target, "containers"));
    assert_eq!(items(&base, "tolerations"), items(&target, "tolerations"));
    assert_eq!(
        base.get_path(["spec", "hostNetwork"]).and_then(Node::as_str),
        Some("true")
    );
}

#[test]
fn a_prepared_patch_is_not_copied() {
    let sources = Sources::new();
    let layer = layer();
    let patch = "apiVersion: v1\nkind: Pod\nspec:\n  initContainers: [{name: a, env: [{name: A}]}]\n";
    let patch = prepare(&read(&sources, "patch", patch), &layer).unwrap();
    let mut targets = [read(&sources, "one", POD), read(&sources, "two", POD)];
    for target in &mut targets {
        strategic_merge(target, &patch, &Schema::builtin(), &layer).unwrap();
    }
    let added = |node: &Node| {
        node.get_path(["spec", "initContainers"])
            .and_then(Node::as_seq)
            .map(|items| items.as_ptr())
    };
    assert_eq!(added(&targets[0]), added(&patch));
    assert_eq!(added(&targets[0]), added(&targets[1]));
    assert_eq!(
        targets[0]
            .get("spec")
            .and_then(|spec| spec.get("initContainers"))
            .map(|node| node.style),
        Some(Style::Plain)
    );
}

/// A mapping in a mapping (or, in pairs, in lists of containers), `depth` levels deep.
fn nested(depth: usize, leaf: &str) -> Node {
    (0..depth).fold(Node::string(leaf), |inside, at| {
        if at % 2 == 0 {
            let mut map = Map::new();
            map.insert("name", Node::string("n"));
            map.insert("steps", inside);
            Node::map(map)
        } else {
            Node::seq([inside].into_iter().collect::<Seq>())
        }
    })
}

#[test]
fn depth_is_limited() {
    let steps = "definitions: {S: {properties: {steps: {type: array, items: {$ref: '#/definitions/S'}, \
                 x-kubernetes-patch-strategy: merge, x-kubernetes-patch-merge-key: name}}, \
                 x-kubernetes-group-version-kind: [{version: v1, kind: S}]}}";
    let sources = Sources::new();
    let schema = Schema::from_openapi(&read(&sources, "schema", steps)).unwrap();
    let object = |depth, leaf| {
        let mut node = nested(depth, leaf);
        let map = node.as_map_mut().unwrap();
        map.insert("apiVersion", Node::string("v1"));
        map.insert("kind", Node::string("S"));
        node
    };
    let deepest = MAX_DEPTH - 1;
    let mut target = object(deepest, "a");
    assert!(
        strategic_merge(&mut target, &object(deepest, "b"), &schema, &layer())
            .unwrap()
            .changed
    );
    let mut target = object(3, "a");
    let error = strategic_merge(&mut target, &object(MAX_DEPTH + 1001, "b"), &schema, &layer()).unwrap_err();
    assert_eq!(error.message, "nested more than 400 levels deep");
    let mut target = object(MAX_DEPTH + 1001, "a");
    let patch = read(&sources, "patch", "apiVersion: v1\nkind: S\nname: m\n");
    let error = strategic_merge(&mut target, &patch, &schema, &layer()).unwrap_err();
    assert_eq!(error.message, "nested more than 400 levels deep");
}
