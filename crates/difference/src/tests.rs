//! Whole differences, as texts.

use std::sync::Arc;

use resource::{Resource, Schema};
use yaml::{Layer, Mark, Sources};

use super::*;

fn objects(text: &str) -> Vec<Resource> {
    let sources = Sources::new();
    let source = sources.add("a.yaml", text.to_owned());
    let layer = Arc::new(Layer::new("k".into(), "resources[0]".into(), Mark::NONE));
    let nodes = yaml::read_documents(&source).unwrap().nodes;
    let resource = |node: &Node| Resource::new(node.clone(), layer.clone(), &Schema::builtin());
    nodes.iter().map(resource).collect()
}

/// One line for each object and each field.
fn shown(before: &str, after: &str) -> Vec<String> {
    let (before, after) = (objects(before), objects(after));
    let difference = difference(&before, &after, &Schema::builtin());
    let mut lines = Vec::new();
    for object in &difference.objects {
        let name = object.id().full_name();
        match object {
            ObjectDifference::Added(_) => lines.push(format!("+ {name}")),
            ObjectDifference::Removed(_) => lines.push(format!("- {name}")),
            ObjectDifference::Changed(changed) => {
                lines.push(match changed.renamed {
                    None => format!("~ {name}"),
                    Some(how) => format!("~ {name} was {} ({how:?})", changed.before.id().full_name()),
                });
                for field in &changed.fields {
                    let text = |side: &Option<Side<'_>>| {
                        side.map_or_else(String::new, |side| side.node.as_str().unwrap_or("…").to_owned())
                    };
                    let follows = field
                        .follows
                        .as_ref()
                        .map_or_else(String::new, |id| format!(" follows {}", id.full_name()));
                    let secret = if field.is_secret { " secret" } else { "" };
                    lines.push(format!(
                        "  {}: {} -> {}{follows}{secret}",
                        field.path,
                        text(&field.before),
                        text(&field.after)
                    ));
                }
            }
        }
    }
    lines
}

#[test]
fn the_same_in_other_words_is_the_same() {
    let before = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {type: 'ClusterIP', ports: [{port: 80, name: x}, {port: 81, name: y}]}\n";
    let after = "kind: Service\napiVersion: \"v1\"\nmetadata:\n  name: a\nspec:\n  ports:\n  - {name: y, port: 81}\n  - {name: x, port: 80}\n  type: ClusterIP\n";
    assert_eq!(shown(before, after), [""; 0]);
}

#[test]
fn lists_are_compared_by_merge_key() {
    let pod = |containers: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a, finalizers: [x, y]}}\nspec:\n  containers: {containers}\n"
        )
    };
    let before = pod("[{name: a, image: a:1, args: [x, y, z]}, {name: b, image: b:1}]");
    let after =
        pod("[{name: c, image: c:1}, {name: a, image: a:2, args: [x, w, y, z], env: [{name: A.B, value: '1'}]}]");
    assert_eq!(
        shown(&before, &after),
        [
            "~ Pod/a",
            "  spec.containers[name=a].image: a:1 -> a:2",
            "  spec.containers[name=a].args[1]:  -> w",
            "  spec.containers[name=a].env:  -> …",
            "  spec.containers[name=b]: … -> ",
            "  spec.containers[name=c]:  -> …",
        ]
    );
    let ports = |ports: &str| pod(&format!("[{{name: a, ports: {ports}}}]"));
    assert_eq!(
        shown(
            &ports("[{containerPort: 80, protocol: TCP, name: x}, {containerPort: 80, protocol: UDP}]"),
            &ports("[{containerPort: 80, protocol: UDP}, {containerPort: 80, protocol: TCP, name: y}]")
        ),
        [
            "~ Pod/a",
            "  spec.containers[name=a].ports[containerPort=80,protocol=TCP].name: x -> y"
        ]
    );
}

#[test]
fn a_text_is_no_number() {
    let map = |value: &str| {
        format!("apiVersion: example.com/v1\nkind: Trainer\nmetadata: {{name: a}}\nspec: {{x: {value}}}\n")
    };
    assert_eq!(
        shown(&map("1"), &map("'1'")),
        ["~ Trainer.example.com/a", "  spec.x: 1 -> 1"]
    );
    assert_eq!(shown(&map("1"), &map("0x1")), [""; 0]);
}

#[test]
fn another_hash_is_the_same_object() {
    let objects = |hash: &str, level: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings-{hash}}}\ndata: {{level: {level}}}\n---\n\
             apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  volumes:\n  - name: s\n    configMap: {{name: settings-{hash}}}\n"
        )
    };
    assert_eq!(
        shown(&objects("2456789bcd", "info"), &objects("fghkmt2456", "debug")),
        [
            "~ ConfigMap/settings-fghkmt2456 was ConfigMap/settings-2456789bcd (Content)",
            "  data.level: info -> debug",
            "~ Pod/a",
            "  spec.volumes[name=s].configMap.name: settings-2456789bcd -> settings-fghkmt2456 follows ConfigMap/settings-fghkmt2456",
        ]
    );
}

#[test]
fn objects_come_and_go_and_move() {
    let map = |name: &str, namespace: &str, kind: &str| {
        format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\ndata: {{a.b: x}}\n")
    };
    assert_eq!(
        shown(
            &[map("a", "dev", "ConfigMap"), map("gone", "dev", "Secret")].join("---\n"),
            &[map("new", "prod", "Secret"), map("a", "prod", "ConfigMap")].join("---\n")
        ),
        [
            "+ Secret/new.prod",
            "~ ConfigMap/a.prod was ConfigMap/a.dev (Otherwise)",
            "- Secret/gone.dev",
        ]
    );
    // Which of two is meant cannot be known.
    assert_eq!(
        shown(
            &[map("a", "x", "ConfigMap"), map("a", "y", "ConfigMap")].join("---\n"),
            &map("a", "z", "ConfigMap")
        ),
        ["+ ConfigMap/a.z", "- ConfigMap/a.x", "- ConfigMap/a.y"]
    );
}

#[test]
fn values_of_secrets_are_known_as_such() {
    let secret = |value: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\ntype: {value}\ndata: {{x: {value}}}\n")
    };
    let lines = shown(&secret("eA=="), &secret("eQ=="));
    assert_eq!(
        lines,
        ["~ Secret/a", "  type: eA== -> eQ==", "  data.x: eA== -> eQ== secret"]
    );
}
