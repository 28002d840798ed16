//! Values that are in files of the tree, sealed: by `kubeseal` for one cluster, or by `sops` for who has its keys.

use std::collections::BTreeMap;

use decode::DecodeError;
use serde::Serialize;
use yaml::{Node, Sources};

use crate::destination::{Destination, Written};
use crate::intent::Intent;
use crate::manifest::{Manifest, Metadata, yaml};

type Read<'r> = &'r dyn Fn(&str) -> Result<String, String>;

#[derive(Serialize)]
struct Files {
    files: Vec<String>,
}

/// A SealedSecret that is there and has every key.
pub(crate) fn sealed(destination: &Destination, intent: &Intent, read: Read<'_>) -> Result<Written, DecodeError> {
    let path = path(destination, intent, "{name}.sealed.yaml");
    let namespace = namespace(destination, intent);
    let from: Vec<String> = intent.keys().map(|key| format!("--from-file={key}")).collect();
    let command = format!(
        "seal it: kubectl create secret generic {} --namespace={namespace} {} --dry-run=client -o yaml | kubeseal -o \
         yaml > {path}",
        intent.name,
        from.join(" ")
    );
    let (text, node) = file(intent, &path, read, &command)?;
    let wrong = |message: String| refused(intent, &format!("{path} {message}"), &command);
    let at = |keys: &[&str]| {
        node.get_path(keys.iter().copied())
            .and_then(Node::as_str)
            .unwrap_or_default()
    };
    if at(&["kind"]) != "SealedSecret" {
        return Err(wrong("holds no SealedSecret".to_owned()));
    }
    let name = at(&["metadata", "name"]);
    if name != intent.name {
        return Err(wrong(format!("is the SealedSecret {name}, not {}", intent.name)));
    }
    // The name of the namespace is sealed with the values, unless the seal is for the whole cluster.
    let is_wide = at(&["metadata", "annotations", "sealedsecrets.bitnami.com/cluster-wide"]) == "true";
    let sealed_for = at(&["metadata", "namespace"]);
    if !is_wide && !sealed_for.is_empty() && sealed_for != namespace {
        return Err(wrong(format!(
            "is sealed for the namespace {sealed_for}, not {namespace}"
        )));
    }
    let kind = match at(&["spec", "template", "type"]) {
        "" => "Opaque",
        kind => kind,
    };
    let wanted = intent.secret_type().unwrap_or("Opaque");
    if kind != wanted {
        return Err(wrong(format!("becomes a Secret of the type {kind}, not {wanted}")));
    }
    has_keys(intent, &[node.get_path(["spec", "encryptedData"])]).map_err(wrong)?;
    Ok(Written::File { path, text })
}

/// The generator that decrypts a Secret that is there and has every key; `sops` leaves the keys as they are.
pub(crate) fn encrypted(destination: &Destination, intent: &Intent, read: Read<'_>) -> Result<Written, DecodeError> {
    let path = path(destination, intent, "{name}.enc.yaml");
    // Without the expression the kind and the name are encrypted, too, and nobody knows what the file is.
    let command = format!(
        "write the Secret and encrypt it: sops --encrypt --encrypted-regex '^(data|stringData)$' --in-place {path}"
    );
    let (_, node) = file(intent, &path, read, &command)?;
    let wrong = |message: String| refused(intent, &format!("{path} {message}"), &command);
    let at = |keys: &[&str]| {
        node.get_path(keys.iter().copied())
            .and_then(Node::as_str)
            .unwrap_or_default()
    };
    if node.get("sops").is_none() {
        return Err(wrong("is not encrypted".to_owned()));
    }
    if at(&["kind"]).starts_with("ENC[") {
        return Err(wrong("has its kind encrypted".to_owned()));
    }
    if at(&["kind"]) != "Secret" || at(&["metadata", "name"]) != intent.name {
        return Err(wrong(format!("is not the Secret {}", intent.name)));
    }
    let values = [node.get("stringData"), node.get("data")];
    has_keys(intent, &values).map_err(wrong)?;
    if let Some(key) = readable(&values) {
        return Err(wrong(format!("has the value of {key} as it is")));
    }
    let mut metadata = Metadata::of(intent);
    metadata.namespace = String::new();
    metadata.annotations = BTreeMap::from([("config.kubernetes.io/function", "exec:\n  path: ksops\n".to_owned())]);
    let generator = Manifest {
        api_version: "viaduct.ai/v1",
        kind: "ksops",
        metadata,
        body: Files { files: vec![path] },
    };
    yaml(&generator).map(Written::Generator)
}

fn namespace<'n>(destination: &'n Destination, intent: &'n Intent) -> &'n str {
    match intent.namespace.as_str() {
        "" => destination.namespace.as_deref().unwrap_or("default"),
        namespace => namespace,
    }
}

fn path(destination: &Destination, intent: &Intent, default: &str) -> String {
    let pattern = destination.delivery.files.as_deref().unwrap_or(default);
    destination.expand(&pattern.replace("{name}", &intent.name))
}

fn refused(intent: &Intent, message: &str, hint: &str) -> DecodeError {
    DecodeError {
        message: message.to_owned(),
        mark: intent.mark,
        hint: Some(hint.to_owned()),
    }
}

/// The file and the one object in it.
fn file(intent: &Intent, path: &str, read: Read<'_>, hint: &str) -> Result<(String, Node), DecodeError> {
    let text = read(path).map_err(|why| {
        refused(
            intent,
            &format!("the values of {} are not there: {why}", intent.name),
            hint,
        )
    })?;
    let source = Sources::new().add(path.to_owned(), text.clone());
    let documents =
        yaml::read_documents(&source).map_err(|error| refused(intent, &format!("{path} is no YAML: {error}"), hint))?;
    match documents.nodes.into_iter().next() {
        Some(node) => Ok((text, node)),
        None => Err(refused(intent, &format!("{path} is empty"), hint)),
    }
}

/// A key whose value sops did not encrypt. It leaves empty values as they are.
fn readable<'n>(maps: &[Option<&'n Node>]) -> Option<&'n str> {
    let entries = maps.iter().flatten().filter_map(|map| map.as_map());
    let open = |entry: &&yaml::Entry| {
        let value = entry.value.as_str();
        value.is_none_or(|text| !text.is_empty() && !text.starts_with("ENC["))
    };
    entries.flat_map(yaml::Map::iter).find(open)?.key.as_str()
}

/// Says which keys are not there.
fn has_keys(intent: &Intent, maps: &[Option<&Node>]) -> Result<(), String> {
    let is_there = |key: &str| maps.iter().flatten().any(|map| map.get(key).is_some());
    let missing: Vec<&str> = intent.keys().filter(|key| !is_there(key)).collect();
    match missing[..] {
        [] => Ok(()),
        [key] => Err(format!("lacks the key {key}")),
        _ => Err(format!("lacks the keys {}", missing.join(", "))),
    }
}
