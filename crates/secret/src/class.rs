//! A SecretProviderClass of Google's provider of the Secrets Store CSI Driver, as the provider reads it
//! (<https://github.com/GoogleCloudPlatform/secrets-store-csi-driver-provider-gcp>): what it does not know it passes
//! over, and what it misses keeps the pod from starting.

use decode::DecodeError;
use resource::{Resource, nearest};
use yaml::{Mark, Node, Sources};

pub const CLASS_GROUP: &str = "secrets-store.csi.x-k8s.io";
pub const CLASS_KIND: &str = "SecretProviderClass";

/// What the provider is told beside the secrets.
const PARAMETERS: [&str; 2] = ["secrets", "auth"];
const WAYS_TO_SIGN_IN: [&str; 3] = ["pod-adc", "provider-adc", "nodePublishSecretRef"];
/// The fields of a secret; `path` was `fileName` once.
const FIELDS: [&str; 6] = [
    "resourceName",
    "path",
    "fileName",
    "mode",
    "extractJSONKey",
    "extractYAMLKey",
];

/// What is wrong with the parameters of a class for Google's provider, each at its line.
pub fn check_class(class: &Resource) -> Vec<DecodeError> {
    let provider = class.node.get_path(["spec", "provider"]).and_then(Node::as_str);
    if !matches!(provider, Some("gcp" | "gke")) {
        return Vec::new();
    }
    let mut wrong = Vec::new();
    let parameters = class.node.get_path(["spec", "parameters"]);
    for entry in parameters.and_then(Node::as_map).into_iter().flat_map(yaml::Map::iter) {
        let name = entry.key.as_str().unwrap_or_default();
        // What the driver itself adds.
        if !PARAMETERS.contains(&name) && !name.starts_with("csi.storage.k8s.io/") {
            wrong.push(unknown("parameter", name, &PARAMETERS, entry.key.mark));
        }
    }
    let get = |name: &str| parameters.and_then(|parameters| parameters.get(name));
    if let Some(auth) = get("auth")
        && let Some(way) = auth.as_str().filter(|way| !WAYS_TO_SIGN_IN.contains(way))
    {
        wrong.push(unknown("way to sign in", way, &WAYS_TO_SIGN_IN, auth.mark));
    }
    match get("secrets") {
        Some(secrets) => check_secrets(secrets, &mut wrong),
        None => wrong.push(error(
            class.node.nearest_mark(["spec", "parameters"]),
            "the parameter `secrets` is missing: Google's provider mounts nothing without it",
            "list them: secrets: |, and below it - resourceName: projects/ID/secrets/NAME/versions/latest",
        )),
    }
    wrong
}

/// The list in the text of the parameter.
fn check_secrets(secrets: &Node, wrong: &mut Vec<DecodeError>) {
    let text = secrets.as_str().unwrap_or_default();
    let source = Sources::new().add("secrets", text.to_owned());
    let documents = match yaml::read_documents(&source) {
        Ok(documents) => documents,
        Err(broken) => {
            let message = format!("the parameter `secrets` is no YAML: {broken}");
            wrong.push(error(secrets.mark, message, "it is a text that holds a list"));
            return;
        }
    };
    let Some(items) = documents.nodes.first().and_then(Node::as_seq) else {
        let message = "the parameter `secrets` holds no list";
        wrong.push(error(secrets.mark, message, "begin each secret with - resourceName:"));
        return;
    };
    for (at, item) in items.iter().enumerate() {
        for entry in item.as_map().into_iter().flat_map(yaml::Map::iter) {
            let name = entry.key.as_str().unwrap_or_default();
            if !FIELDS.contains(&name) {
                wrong.push(unknown(&format!("field of secrets[{at}]"), name, &FIELDS, secrets.mark));
            }
        }
        let has = |name: &str| {
            item.get(name)
                .and_then(Node::as_str)
                .is_some_and(|text| !text.is_empty())
        };
        let version = item.get("resourceName").and_then(Node::as_str).unwrap_or_default();
        let segments: Vec<&str> = version.split('/').collect();
        let is_version = matches!(
            segments[..],
            ["projects", _, "secrets", _, "versions", _] | ["projects", _, "locations", _, "secrets", _, "versions", _]
        );
        if !is_version {
            let message = format!("secrets[{at}] has no version of a secret as its resourceName, but \"{version}\"");
            wrong.push(error(
                secrets.mark,
                message,
                "write projects/ID/secrets/NAME/versions/latest",
            ));
        }
        if !has("path") && !has("fileName") {
            let message = format!("secrets[{at}] has no path: nobody says which file it is");
            wrong.push(error(secrets.mark, message, "write path: NAME"));
        }
        if has("extractJSONKey") && has("extractYAMLKey") {
            let message = format!("secrets[{at}] takes a key out of JSON and out of YAML");
            wrong.push(error(
                secrets.mark,
                message,
                "keep one of extractJSONKey and extractYAMLKey",
            ));
        }
    }
}

fn unknown(what: &str, name: &str, known: &[&str], mark: Mark) -> DecodeError {
    let message = format!("Google's provider knows no {what} `{name}`");
    let near = nearest(name, known.iter().copied()).join(", ");
    error(mark, message, format!("it knows {near}"))
}

fn error(mark: Mark, message: impl Into<String>, hint: impl Into<String>) -> DecodeError {
    DecodeError {
        message: message.into(),
        mark,
        hint: Some(hint.into()),
    }
}
