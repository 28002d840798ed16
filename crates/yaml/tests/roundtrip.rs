//! Documents recorded with the real kustomize: every one must come out to the byte.
//!
//! The data lies beside the repository and is skipped where it is absent. Around the YAML stands a short
//! stand-in for what kustomize does with a single resource file; the build crate does it for real.

use std::path::Path;

use serde_json::Value as Json;
use yaml::{Node, Sources, Tag, Value, decode, emit, json, normalize_newlines, read_documents};

/// Cases that depend on steps of a build which this stand-in leaves out: name references (01186,
/// 02646), a check of namespaces (01679), migrated annotations (04536), a hash suffix (04979).
const OF_THE_BUILD: &[&str] = &["01186", "01679", "02646", "04536", "04979"];

#[test]
#[expect(clippy::print_stderr, reason = "a conformance suite reports how many cases passed")]
fn yaml_roundtrip() {
    let Some(text) = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .find_map(|folder| std::fs::read_to_string(folder.join("shared/conformance/yaml-roundtrip/cases.jsonl")).ok())
    else {
        return;
    };
    let (mut agree, mut all) = (0, 0);
    let mut report = String::new();
    for line in text.lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        let id = case["id"].as_str().unwrap();
        if OF_THE_BUILD.contains(&id) {
            continue;
        }
        all += 1;
        let got = build(bytes(&case, "in"));
        let want = (case["outcome"] == "yaml").then(|| bytes(&case, "out"));
        match (got, want) {
            (Ok(got), Some(want)) if got == want => agree += 1,
            (Err(_), None) => agree += 1,
            (got, want) => {
                let show = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
                report += &format!("{id} {} {}\n", case["class"], case["name"]);
                if std::env::var_os("VERBOSE").is_some() {
                    report += &format!(
                        "--- in\n{}\n--- want\n{}\n--- got\n{}\n",
                        show(bytes(&case, "in")),
                        want.map_or_else(|| case["error"].to_string(), show),
                        got.map_or_else(|e| format!("ERROR {e}"), show)
                    );
                }
            }
        }
    }
    assert!(report.is_empty(), "yaml-roundtrip: {agree} of {all} agree\n{report}");
    eprintln!("yaml-roundtrip: {agree} of {all} agree");
}

fn bytes(case: &Json, key: &str) -> Vec<u8> {
    match case[format!("{key}_base64")].as_str() {
        Some(text) => base64(text),
        None => case[key].as_str().unwrap_or_default().as_bytes().to_vec(),
    }
}

fn base64(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut out, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        bits = bits << 6 | alphabet.iter().position(|known| *known == byte).expect("base64") as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out
}

type Outcome<T> = Result<T, String>;

fn build(bytes: Vec<u8>) -> Outcome<Vec<u8>> {
    let sources = Sources::new();
    let mut objects = read(&sources, bytes)?;
    objects.retain(|object| {
        let local = object.get_path(["metadata", "annotations", "config.kubernetes.io/local-config"]);
        local.is_none_or(|value| value.as_str() == Some("false"))
    });
    for object in &mut objects {
        tidy_annotations(object);
    }
    let mut ids: Vec<_> = objects.iter().map(id).collect();
    ids.sort();
    if ids.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err("id registered twice".to_owned());
    }
    objects.sort_by_cached_key(sort_key);
    let mut out = Vec::new();
    for object in &objects {
        if !out.is_empty() {
            out.extend_from_slice(b"---\n");
        }
        emit(object, &mut out).map_err(|error| error.to_string())?;
    }
    Ok(out)
}

fn read(sources: &Sources, bytes: Vec<u8>) -> Outcome<Vec<Node>> {
    let text = normalize_newlines(decode(bytes).map_err(|error| error.to_string())?);
    let source = sources.add("in.yaml", text);
    let documents = read_documents(&source).map_err(|error| error.to_string())?;
    let mut nodes = Vec::new();
    for node in documents.nodes {
        let kind = text_of(node.get("kind"));
        let list = documents.chunks == 1 && matches!(kind.as_str(), "List" | "ResourceList");
        if list && let Some(items) = node.get("items") {
            nodes.extend(items.as_seq().into_iter().flatten().cloned());
            continue;
        }
        nodes.push(node);
    }
    let mut good = Vec::new();
    let mut queue = std::collections::VecDeque::from(nodes);
    while let Some(node) = queue.pop_front() {
        if node.is_null_or_empty() {
            continue;
        }
        let kind = text_of(node.get("kind"));
        let Value::Map(_) = node.value else {
            return Err("missing metadata".to_owned());
        };
        if kind.is_empty() {
            return Err("missing kind".to_owned());
        }
        if !kind.ends_with("List") {
            if node
                .get("metadata")
                .is_none_or(|metadata| text_of(metadata.get("name")).is_empty())
            {
                return Err("missing metadata.name".to_owned());
            }
            good.push(node);
            continue;
        }
        let mut json = Vec::new();
        json::write(&node, &mut json).map_err(|error| error.to_string())?;
        match node.get("items") {
            None => good.push(node),
            Some(items) if items.is_null() => {}
            Some(items) => {
                let items = items.as_seq().ok_or("expected array in items")?;
                for item in items {
                    let mut json = Vec::new();
                    json::write(item, &mut json).map_err(|error| error.to_string())?;
                    queue.extend(read(sources, json)?);
                }
            }
        }
    }
    Ok(good)
}

fn text_of(node: Option<&Node>) -> String {
    match node {
        Some(node) if !node.is_null() => node.as_str().unwrap_or_default().to_owned(),
        _ => String::new(),
    }
}

/// kustomize drops its own annotations, and makes strings of the values of the others.
fn tidy_annotations(object: &mut Node) {
    let Some(metadata) = object.get_mut("metadata").and_then(Node::as_map_mut) else {
        return;
    };
    let Some(annotations) = metadata.get_mut("annotations") else {
        return;
    };
    if let Some(map) = annotations.as_map_mut() {
        map.retain(|entry| {
            let key = entry.key.as_str().unwrap_or_default();
            !key.starts_with("internal.config.kubernetes.io/") && !OWN_ANNOTATIONS.contains(&key)
        });
        for entry in map.iter_mut() {
            let text = entry.value.text().cloned().unwrap_or_default();
            entry.value = Node {
                value: Value::Scalar(text),
                tag: Tag::Str,
                ..entry.value.clone()
            };
        }
    }
    if annotations.is_null_or_empty() {
        metadata.remove("annotations");
    }
}

const OWN_ANNOTATIONS: &[&str] = &[
    "config.kubernetes.io/index",
    "config.kubernetes.io/path",
    "config.k8s.io/id",
    "config.kubernetes.io/origin",
    "alpha.config.kubernetes.io/transformations",
];

fn id(object: &Node) -> (String, String, String, String) {
    let api_version = text_of(object.get("apiVersion"));
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    let metadata = object.get("metadata").unwrap_or(object);
    let _ = version;
    (
        group.to_owned(),
        text_of(object.get("kind")) + version,
        text_of(metadata.get("namespace")),
        text_of(metadata.get("name")),
    )
}

const FIRST: &[&str] = &[
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
const LAST: &[&str] = &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

fn sort_key(object: &Node) -> (isize, String, String) {
    let kind = text_of(object.get("kind"));
    let rank = match (
        FIRST.iter().position(|k| *k == kind),
        LAST.iter().position(|k| *k == kind),
    ) {
        (Some(at), _) => at as isize - FIRST.len() as isize,
        (_, Some(at)) => at as isize + 1,
        _ => 0,
    };
    let api_version = text_of(object.get("apiVersion"));
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    let or = |text: &str, other: &str| {
        if text.is_empty() {
            other.to_owned()
        } else {
            text.to_owned()
        }
    };
    let metadata = object.get("metadata").unwrap_or(object);
    let gvk = format!("{}_{}_{}", or(group, "~G"), or(version, "~V"), or(&kind, "~K"));
    let name = format!(
        "{}|{}",
        or(&text_of(metadata.get("namespace")), "~X"),
        or(&text_of(metadata.get("name")), "~N")
    );
    (rank, gvk, name)
}
