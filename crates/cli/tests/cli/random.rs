//! Random trees, checked against kustomize itself where it is on the search path: a base and an overlay
//! with the fields that meet each other most (names, namespaces, references, generators, patches).

use std::fs;
use std::path::Path;

use libtest_mimic::Trial;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use crate::peer::kustomize;
use crate::run::{TERRACE, run};

/// Trees a run tries; `RANDOM_TREES` says otherwise.
const CASES: u32 = 48;

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("peer kustomize says the same of random trees", || {
        let Some(kustomize) = kustomize() else { return Ok(()) };
        let cases = std::env::var("RANDOM_TREES")
            .ok()
            .and_then(|cases| cases.parse().ok())
            .unwrap_or(CASES);
        let config = Config {
            cases,
            failure_persistence: None,
            max_shrink_iters: 200,
            ..Config::default()
        };
        let tried = TestRunner::new(config).run(&tree(), |tree| {
            let temporary = tempfile::tempdir().unwrap();
            write(temporary.path(), &tree);
            let arguments = ["build".to_owned(), "overlay".to_owned()];
            let theirs = run(&kustomize, &arguments, temporary.path(), &[]);
            let ours = run(Path::new(TERRACE), &arguments, temporary.path(), &[]);
            prop_assert_eq!(ours.code, theirs.code, "{}", String::from_utf8_lossy(&ours.error));
            if theirs.code == Some(0) {
                prop_assert_eq!(String::from_utf8_lossy(&ours.out), String::from_utf8_lossy(&theirs.out));
            }
            Ok(())
        });
        eprintln!("peer: {cases} random trees compared with kustomize");
        tried.map_err(|failure| failure.to_string().into())
    })]
}

/// Objects and kustomizations of a base and an overlay.
#[derive(Clone, Debug)]
struct Tree {
    base_objects: Vec<Value>,
    overlay_objects: Vec<Value>,
    base: Value,
    overlay: Value,
}

fn write(root: &Path, tree: &Tree) {
    let put = |directory: &str, objects: &[Value], kustomization: &Value, bases: &[&str]| {
        let directory = root.join(directory);
        fs::create_dir_all(&directory).unwrap();
        let documents: Vec<String> = objects.iter().map(Value::to_string).collect();
        fs::write(directory.join("objects.yaml"), documents.join("\n---\n")).unwrap();
        let mut kustomization = kustomization.clone();
        let mut resources: Vec<&str> = bases.to_vec();
        resources.extend((!objects.is_empty()).then_some("objects.yaml"));
        kustomization["resources"] = json!(resources);
        fs::write(directory.join("kustomization.yaml"), kustomization.to_string()).unwrap();
    };
    put("base", &tree.base_objects, &tree.base, &[]);
    put("overlay", &tree.overlay_objects, &tree.overlay, &["../base"]);
}

fn tree() -> impl Strategy<Value = Tree> {
    let objects = |least| prop::collection::vec(object(), least..5);
    (objects(1), objects(0), kustomization(), kustomization()).prop_map(
        |(base_objects, overlay_objects, base, overlay)| Tree {
            base_objects,
            overlay_objects,
            base,
            overlay,
        },
    )
}

fn name() -> impl Strategy<Value = &'static str> {
    select(vec!["web", "db", "iris", "1", "true", "x-y", "train", "cache"])
}

fn object() -> impl Strategy<Value = Value> {
    let kind = select(vec![
        ("v1", "ConfigMap"),
        ("v1", "Secret"),
        ("v1", "Service"),
        ("v1", "ServiceAccount"),
        ("v1", "Namespace"),
        ("apps/v1", "Deployment"),
        ("batch/v1", "CronJob"),
        ("rbac.authorization.k8s.io/v1", "RoleBinding"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole"),
        ("networking.k8s.io/v1", "Ingress"),
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
        ("example.com/v1", "Trainer"),
    ]);
    let namespace = select(vec!["", "", "", "default", "ml", "prod"]);
    let annotation = prop::option::of(select(vec![
        json!("text"),
        json!(8080),
        json!(true),
        json!(null),
        json!("1"),
    ]));
    (kind, name(), namespace, annotation, [name(), name(), name()]).prop_map(
        |((api_version, kind), name, namespace, annotation, names)| {
            let mut metadata = json!({ "name": name });
            if !namespace.is_empty() {
                metadata["namespace"] = json!(namespace);
            }
            if let Some(annotation) = annotation {
                metadata["annotations"] = json!({ "note": annotation });
            }
            let mut object = json!({ "apiVersion": api_version, "kind": kind, "metadata": metadata });
            if let (Value::Object(object), Value::Object(fields)) = (&mut object, fields(kind, names, namespace)) {
                object.extend(fields);
            }
            object
        },
    )
}

/// What an object of this kind says beside its metadata; it refers to others by `names`.
fn fields(kind: &str, names: [&str; 3], namespace: &str) -> Value {
    let [first, second, third] = names;
    let pod = json!({
        "serviceAccountName": first,
        "containers": [{
            "name": "server",
            "image": "registry.example/serve:v1",
            "envFrom": [{ "configMapRef": { "name": second } }, { "secretRef": { "name": third } }],
            "env": [{ "name": "LEVEL", "value": "1" }],
        }],
    });
    let template = json!({ "metadata": { "labels": { "app": "x" } }, "spec": pod });
    match kind {
        "ConfigMap" => json!({ "data": { "key": first } }),
        "Service" => json!({ "spec": { "selector": { "app": "x" } } }),
        "Deployment" => {
            json!({ "spec": { "replicas": 1, "selector": { "matchLabels": { "app": "x" } }, "template": template } })
        }
        "CronJob" => json!({ "spec": { "jobTemplate": { "spec": { "template": template } } } }),
        "RoleBinding" => json!({
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": first },
            "subjects": [
                { "kind": "ServiceAccount", "name": second, "namespace": if namespace.is_empty() { "ml" } else { namespace } },
                { "kind": "ServiceAccount", "name": "default" },
            ],
        }),
        "ClusterRole" => json!({ "rules": [{ "resources": ["secrets"], "resourceNames": [first], "verbs": ["get"] }] }),
        "Ingress" => json!({ "spec": { "tls": [{ "secretName": first }] } }),
        "HorizontalPodAutoscaler" => {
            json!({ "spec": { "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": first } } })
        }
        "Trainer" => json!({ "spec": { "list": [{ "name": "a", "epochs": 1 }] } }),
        _ => json!({}),
    }
}

fn kustomization() -> impl Strategy<Value = Value> {
    let fields = prop::collection::vec(field(), 0..5);
    fields.prop_map(|fields| {
        Value::Object(
            fields
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect::<Map<_, _>>(),
        )
    })
}

/// One field of a kustomization.
fn field() -> impl Strategy<Value = (&'static str, Value)> {
    prop_oneof![
        select(vec!["pre-", "1"]).prop_map(|text| ("namePrefix", json!(text))),
        Just(("nameSuffix", json!("-suf"))),
        select(vec!["ml", "prod", "default"]).prop_map(|text| ("namespace", json!(text))),
        select(vec![json!({}), json!({ "includeSelectors": true }), json!({ "includeTemplates": true })]).prop_map(|mut label| {
            label["pairs"] = json!({ "env": "1" });
            ("labels", json!([label]))
        }),
        Just(("commonAnnotations", json!({ "owner": "ml" }))),
        select(vec![json!({ "newTag": "v2" }), json!({ "digest": "sha256:00" }), json!({ "newName": "other/serve", "newTag": "1" })])
            .prop_map(|mut image| {
                image["name"] = json!("registry.example/serve");
                ("images", json!([image]))
            }),
        (name(), select(vec!["create", "merge", "replace"]), any::<bool>()).prop_map(|(name, behavior, plain)| {
            let options = json!({ "disableNameSuffixHash": plain });
            let made = json!({ "name": name, "behavior": behavior, "literals": ["a=1"], "options": options });
            ("configMapGenerator", json!([made]))
        }),
        name().prop_map(|name| ("secretGenerator", json!([{ "name": name, "literals": ["s=t"] }]))),
        select(vec!["Deployment", "ConfigMap", ".*Role.*", "Trainer"]).prop_map(|kind| {
            let patch = json!([{ "op": "add", "path": "/metadata/labels", "value": { "patched": "yes" } }]);
            ("patches", json!([{ "target": { "kind": kind }, "patch": patch.to_string() }]))
        }),
        name().prop_map(|name| {
            let container = json!({ "name": "server", "env": [{ "name": "LEVEL", "value": "2" }, { "name": "MORE", "value": "x" }] });
            let patch = json!({
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": { "name": name },
                "spec": { "template": { "spec": { "containers": [container] } } },
            });
            ("patches", json!([{ "target": { "kind": "Deployment" }, "patch": patch.to_string() }]))
        }),
        select(vec!["fifo", "legacy"]).prop_map(|order| ("sortOptions", json!({ "order": order }))),
    ]
}
