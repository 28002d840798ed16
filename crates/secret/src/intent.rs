//! The intent: the names of secrets, without their values.

use decode::{DecodeError, Marked, decode};
use resource::{ResId, Resource};
use schemars::JsonSchema;
use serde::Deserialize;
use yaml::Mark;

use crate::destination::{Destination, Layout};

pub const GROUP: &str = "secrets.terrace.dev";
pub const API_VERSION: &str = "secrets.terrace.dev/v1alpha1";
pub const KIND: &str = "SecretIntent";

/// A secret that an application needs, wherever an environment keeps it.
#[derive(Clone, Debug)]
pub struct Intent {
    /// The object, as it was built.
    pub object: ResId,
    pub mark: Mark,
    /// The name of the Secret.
    pub name: String,
    /// Empty where the object has none.
    pub namespace: String,
    spec: Spec,
}

/// One key of the Secret, and what it is in a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key of the Secret, or the name of the file that is mounted.
    pub name: String,
    /// What the backend calls it.
    pub key: String,
    /// The field of the value, where that is JSON or a mapping.
    pub property: Option<String>,
    /// Without one, the newest.
    pub version: Option<String>,
    /// Where the intent says so, as `spec.keys[0].name`.
    pub field: String,
    pub mark: Mark,
}

/// A kind of Terrace's own, as an editor sees it.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "SecretIntent")]
#[expect(dead_code, reason = "its fields are read by the JSON schema alone")]
struct Document {
    /// `secrets.terrace.dev/v1alpha1`.
    api_version: String,
    /// `SecretIntent`.
    kind: String,
    metadata: serde_json::Map<String, serde_json::Value>,
    spec: Spec,
}

/// What the application wants to know.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    /// The name of the Secret that is made; the name of this object without it.
    #[serde(default)]
    name: Option<Marked<String>>,
    /// Where backends keep it, as `ml/{env}/database`: `{env}` and the words of the environment's path stand for
    /// their values. For backends without paths, `/` is `-`.
    path: Marked<String>,
    /// The keys of the Secret.
    keys: Vec<Marked<Key>>,
    /// The type of the Secret; `Opaque` without it.
    #[serde(default, rename = "type")]
    secret_type: Option<String>,
}

/// A key of the Secret.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Key {
    /// Its name in the Secret, and of the file where it is mounted.
    name: Marked<String>,
    /// Its name in the backend; the same without it.
    #[serde(default)]
    key: Option<Marked<String>>,
    /// The field of the value in the backend, where that is JSON.
    #[serde(default)]
    property: Option<Marked<String>>,
    /// The version in the backend; the newest without it.
    #[serde(default)]
    version: Option<Marked<String>>,
}

/// Whether an object is an intent, of whatever version.
pub fn is_intent(object: &Resource) -> bool {
    object.kind() == KIND && &*object.gvk().group == GROUP
}

/// The JSON schema of the kind.
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Document).to_value();
    schema["properties"]["apiVersion"]["const"] = API_VERSION.into();
    schema["properties"]["kind"]["const"] = KIND.into();
    schema
}

fn wrong(mark: Mark, message: impl Into<String>, hint: impl Into<String>) -> DecodeError {
    DecodeError {
        message: message.into(),
        mark,
        hint: Some(hint.into()),
    }
}

impl Intent {
    /// Reads an object of the kind.
    ///
    /// # Errors
    /// At the first field that is wrong.
    pub fn read(object: &Resource) -> Result<Intent, DecodeError> {
        let intent = Intent::decode(object)?;
        intent.check(object)?;
        Ok(intent)
    }

    /// Reads what a schema would let pass.
    ///
    /// # Errors
    /// At the first field that is missing, unknown or of another type.
    pub fn decode(object: &Resource) -> Result<Intent, DecodeError> {
        let mark = object.node.nearest_mark(["kind"]);
        let Some(spec) = object.node.get("spec") else {
            return Err(wrong(mark, "the field `spec` is missing", "it has a path, and keys"));
        };
        let spec: Spec = decode(spec)?;
        let own = object
            .previous
            .first()
            .map_or(object.name(), |first| first.name.as_str());
        Ok(Intent {
            object: object.id(),
            mark,
            name: spec.name.as_ref().map_or(own, |name| &name.value).to_owned(),
            namespace: object.namespace().to_owned(),
            spec,
        })
    }

    /// Says what is wrong beside the types of its fields.
    ///
    /// # Errors
    /// The first field that is.
    pub fn check(&self, object: &Resource) -> Result<(), DecodeError> {
        if object.api_version() != API_VERSION {
            let mark = object.node.nearest_mark(["apiVersion"]);
            let message = format!("there is no {KIND} of {}", object.api_version());
            return Err(wrong(mark, message, format!("write {API_VERSION}")));
        }
        let keys = &self.spec.keys;
        if keys.is_empty() {
            let mark = object.node.nearest_mark(["spec", "keys"]);
            return Err(wrong(mark, "there are no keys", "name each: - name: password"));
        }
        for (at, key) in keys.iter().enumerate() {
            let name = &key.name;
            let is_key = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            if name.is_empty() || name.len() > 253 || !name.chars().all(is_key) {
                let message = format!("\"{}\" is no key of a Secret", name.value);
                return Err(wrong(
                    name.mark,
                    message,
                    "it has letters, digits, \"-\", \"_\" and \".\"",
                ));
            }
            if keys[..at].iter().any(|before| before.name.value == name.value) {
                let message = format!("the key {} is there twice", name.value);
                return Err(wrong(name.mark, message, "each key of a Secret is there once"));
            }
        }
        let path = &self.spec.path;
        if path.is_empty() || path.starts_with('/') || path.ends_with('/') || path.contains("//") {
            let message = format!("\"{}\" is no path of a secret", path.value);
            return Err(wrong(
                path.mark,
                message,
                "write names with / between: ml/prod/database",
            ));
        }
        Ok(())
    }

    pub(crate) fn secret_type(&self) -> Option<&str> {
        self.spec.secret_type.as_deref()
    }

    /// The names of the keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.spec.keys.iter().map(|key| key.name.as_str())
    }

    /// What each key is in the backend of an environment.
    ///
    /// # Errors
    /// A name that the backend does not allow, or a word of the path that nobody knows.
    pub fn entries(&self, destination: &Destination) -> Result<Vec<Entry>, DecodeError> {
        let path = destination.expand(&self.spec.path.value);
        if let Some(open) = path.find('{') {
            let word = path[open..].split_inclusive('}').next().unwrap_or_default();
            let known: Vec<String> = destination.words.keys().map(|word| format!("{{{word}}}")).collect();
            let message = format!("nobody says what {word} stands for");
            let hint = format!("the words of this environment are {}", known.join(", "));
            return Err(wrong(self.spec.path.mark, message, hint));
        }
        let layout = destination.layout();
        let mut entries = Vec::new();
        for (at, Marked { value: key, mark }) in self.spec.keys.iter().enumerate() {
            let text = |marked: &Option<Marked<String>>| marked.as_ref().map(|marked| marked.value.clone());
            let (below, property) = match (&key.property, layout) {
                (Some(property), _) => (text(&key.key), Some(property.value.clone())),
                (None, Layout::Entries) => (Some(text(&key.key).unwrap_or_else(|| key.name.value.clone())), None),
                (None, Layout::Properties) => (None, Some(text(&key.key).unwrap_or_else(|| key.name.value.clone()))),
            };
            let full = below.map_or_else(|| path.clone(), |below| format!("{path}/{below}"));
            let (name, written) = match &key.key {
                Some(written) => ("key", written.mark),
                None => ("name", key.name.mark),
            };
            let entry = Entry {
                name: key.name.value.clone(),
                key: destination.key(&full).map_err(|hint| {
                    let message = format!("\"{full}\" is no name of a secret in {}", destination.backend_name());
                    wrong(if written.is_some() { written } else { *mark }, message, hint)
                })?,
                property,
                version: text(&key.version),
                field: format!("spec.keys[{at}].{name}"),
                mark: written,
            };
            entries.push(entry);
        }
        Ok(entries)
    }
}
