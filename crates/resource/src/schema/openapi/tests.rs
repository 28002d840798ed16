//! Documents of users: what they add, what they replace, and how they are refused.

use yaml::{Map, Node};

use super::*;

fn map<const N: usize>(entries: [(&str, Node); N]) -> Node {
    let mut map = Map::new();
    for (key, value) in entries {
        map.insert(key, value);
    }
    Node::map(map)
}

fn s(text: &str) -> Node {
    Node::string(text)
}

fn gvk(group: &str, version: &str, kind: &str) -> Node {
    map([("group", s(group)), ("version", s(version)), ("kind", s(kind))])
}

fn list_of(reference: &str, key: &str) -> Node {
    let items = map([("$ref", s(reference))]);
    map([
        ("type", s("array")),
        ("items", items),
        (STRATEGY, s("merge")),
        (MERGE_KEY, s(key)),
    ])
}

fn document() -> Node {
    let step = map([("properties", map([("env", list_of("#/definitions/Env", "name"))]))]);
    let spec = map([(
        "properties",
        map([("steps", list_of("#/definitions/Alias", "id")), ("any", s("string"))]),
    )]);
    let trainer = map([
        ("properties", map([("spec", map([("$ref", s("#/definitions/Spec"))]))])),
        (GVK, Node::seq([gvk("example.com", "v1", "Trainer")])),
    ]);
    let mut spec = spec;
    spec.get_mut("properties")
        .and_then(|properties| properties.as_map_mut()?.remove("any"));
    let definitions = map([
        ("Trainer", trainer),
        ("Spec", spec),
        ("Alias", map([("$ref", s("#/definitions/Step"))])),
        ("Step", step),
        (
            "Env",
            map([(
                "properties",
                map([("from", map([("$ref", s("#/definitions/Spec/properties/steps"))]))]),
            )]),
        ),
        ("Circle", map([("$ref", s("#/definitions/Circle"))])),
    ]);
    let get = |kind: &str| map([("get", map([(GVK, gvk("example.com", "v1", kind))]))]);
    let paths = map([
        ("/apis/example.com/v1/trainers", get("Trainer")),
        ("/apis/example.com/v1/namespaces/{namespace}/trainers", get("Trainer")),
        ("/apis/example.com/v1/pools", get("Pool")),
        ("/api/v1/widgets", get("Namespace")),
    ]);
    map([("definitions", definitions), ("paths", paths)])
}

fn keys(schema: &Schema, api_version: &str, kind: &str, path: &[&str]) -> Option<String> {
    let start = schema.type_of(api_version, kind)?;
    let found = path.iter().try_fold(start, |this, &name| match name {
        "[]" => this.elements(),
        name => this.field(name),
    })?;
    found.merge_keys().map(|keys| keys.join(","))
}

#[test]
fn replaces_builtin_types_but_not_builtin_scopes() {
    let schema = Schema::from_openapi(&document()).unwrap();
    let trainer = |path: &[&str]| keys(&schema, "example.com/v1", "Trainer", path);
    assert_eq!(trainer(&["spec", "steps"]).as_deref(), Some("id"));
    assert_eq!(trainer(&["spec", "steps", "[]", "env"]).as_deref(), Some("name"));
    assert_eq!(
        trainer(&["spec", "steps", "[]", "env", "[]", "from"]).as_deref(),
        Some("id")
    );
    assert!(schema.type_of("apps/v1", "Deployment").is_none());
    assert!(schema.is_cluster_scoped("v1", "Node"));
    assert!(schema.is_cluster_scoped("example.com/v1", "Pool"));
    assert!(!schema.is_cluster_scoped("example.com/v1", "Trainer"));
}

#[test]
fn adds_to_builtin_types() {
    let mut document = document();
    let reference = s("#/definitions/io.k8s.api.core.v1.PodTemplateSpec");
    let spec = document
        .get_mut("definitions")
        .and_then(|node| node.get_mut("Spec"))
        .unwrap();
    let properties = spec.get_mut("properties").and_then(Node::as_map_mut).unwrap();
    properties.insert("template", map([("$ref", reference)]));
    let schema = Schema::builtin().and_openapi(&document).unwrap();
    let path = ["spec", "template", "spec", "containers"];
    assert_eq!(keys(&schema, "apps/v1", "Deployment", &path).as_deref(), Some("name"));
    assert_eq!(
        keys(&schema, "example.com/v1", "Trainer", &path).as_deref(),
        Some("name")
    );
    let alone = Schema::from_openapi(&document).unwrap();
    assert_eq!(keys(&alone, "example.com/v1", "Trainer", &path), None);
}

#[test]
fn refuses() {
    for (document, expected) in [
        (s("text"), "invalid schema file: expected a mapping"),
        (
            map([("definitions", s("text"))]),
            "invalid schema file: `definitions` must be a mapping",
        ),
        (
            map([(
                "definitions",
                map([("A", map([(GVK, Node::seq([map([("kind", s("A"))])]))]))]),
            )]),
            "invalid schema file: x-kubernetes-group-version-kind must have a version and a kind",
        ),
    ] {
        assert_eq!(Schema::from_openapi(&document).unwrap_err().to_string(), expected);
    }
    assert!(Schema::from_openapi(&Node::null()).is_ok());
}
