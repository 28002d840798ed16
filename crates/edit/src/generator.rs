//! `add` and `set` of ConfigMaps and Secrets.

use std::path::Path;

use yaml::{Map, Node, Step, Tag};

use crate::error::{Result, argument, refused};
use crate::file::Kustomization;
use crate::{Notes, glob};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    ConfigMap,
    Secret,
}

impl Kind {
    pub(crate) fn field(self) -> &'static str {
        match self {
            Kind::ConfigMap => "configMapGenerator",
            Kind::Secret => "secretGenerator",
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Kind::ConfigMap => "configmap",
            Kind::Secret => "secret",
        }
    }

    /// Whether an entry has this name and namespace; no namespace is `default`.
    pub(crate) fn is(self, entry: &Node, name: &str, namespace: &str) -> bool {
        let text = |field| {
            entry
                .get(field)
                .filter(|node| !node.is_null())
                .and_then(Node::as_str)
                .unwrap_or("")
        };
        let or_default = |namespace| if namespace == "" { "default" } else { namespace };
        text("name") == name && or_default(text("namespace")) == or_default(namespace)
    }
}

/// The flags of `add configmap` and `add secret`.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    pub files: Vec<String>,
    pub literals: Vec<String>,
    pub env_file: String,
    pub behavior: String,
    pub namespace: String,
    /// The type of a new Secret.
    pub secret_type: String,
    pub disable_name_suffix_hash: bool,
}

/// Adds sources to a generator, which is made if there is none of that name.
pub fn add(directory: &Path, kind: Kind, arguments: &[String], sources: &Sources) -> Result<Notes> {
    let mut notes = Notes::new();
    let files = expand(directory, &sources.files, &mut notes)?;
    let invalid = |message: &str| argument(format!("failed to validate flags: {message}"));
    let [name] = arguments else {
        return invalid("name must be specified once");
    };
    if sources.env_file.is_empty() && files.is_empty() && sources.literals.is_empty() {
        return invalid("at least from-env-file, or from-file or from-literal must be set");
    }
    if !sources.env_file.is_empty() && !(files.is_empty() && sources.literals.is_empty()) {
        return invalid("from-env-file cannot be combined with from-file or from-literal");
    }
    if !matches!(sources.behavior.as_str(), "" | "create" | "merge" | "replace") {
        return invalid("invalid behavior: must be one of \"create\", \"merge\", or \"replace\"");
    }
    let failed = |message: String| refused(format!("failed to create {}: {message}", kind.word()));
    if let Some(literal) = sources
        .literals
        .iter()
        .find(|literal| !literal.contains('=') || literal.starts_with('='))
    {
        return failed(format!("invalid literal source {literal}, expected key=value"));
    }
    if !sources.env_file.is_empty() && !directory.join(&sources.env_file).is_file() {
        return failed(format!("env source files: \"{}\" is no file", sources.env_file));
    }
    let mut file = Kustomization::open(directory)?;
    let field = kind.field();
    let index = match file
        .items(field)
        .iter()
        .position(|entry| kind.is(entry, name, &sources.namespace))
    {
        Some(index) => index,
        None => {
            let mut entry = Map::new();
            let secret_type = if kind == Kind::Secret {
                sources.secret_type.as_str()
            } else {
                ""
            };
            for (key, value) in [
                ("name", name.as_str()),
                ("namespace", &sources.namespace),
                ("type", secret_type),
            ] {
                if !value.is_empty() {
                    entry.insert(key, Node::string(value));
                }
            }
            file.push(&[Step::Key(field)], &Node::map(entry))?;
            file.items(field).len() - 1
        }
    };
    let at = |key| [Step::Key(field), Step::Index(index), Step::Key(key)];
    if !sources.env_file.is_empty() {
        let old = file.items(field)[index]
            .get("env")
            .and_then(Node::as_str)
            .map(str::to_owned);
        if let Some(old) = old {
            file.remove(&at("env"))?;
            file.push(&at("envs"), &Node::string(old))?;
        }
        file.push(&at("envs"), &Node::string(sources.env_file.as_str()))?;
    }
    for (key, texts) in [("literals", &sources.literals), ("files", &files)] {
        for text in texts {
            file.push(&at(key), &Node::string(text.as_str()))?;
        }
    }
    if let Some(key) = repeated_key(&file.items(field)[index]) {
        return failed(format!("cannot add key {key}, another key by that name already exists"));
    }
    if sources.disable_name_suffix_hash {
        let on = Node::scalar("true", Tag::Bool);
        let has_options = file.items(field)[index]
            .get("options")
            .is_some_and(|options| options.as_map().is_some());
        if has_options {
            file.set(
                &[&at("options")[..], &[Step::Key("disableNameSuffixHash")]].concat(),
                &on,
            )?;
        } else {
            let mut options = Map::new();
            options.insert("disableNameSuffixHash", on);
            file.set(&at("options"), &Node::map(options))?;
        }
    }
    if !sources.behavior.is_empty() {
        file.set(&at("behavior"), &Node::string(sources.behavior.as_str()))?;
    }
    file.save()?;
    Ok(notes)
}

/// The key that two sources of one generator give.
fn repeated_key(entry: &Node) -> Option<String> {
    let texts = |field: &str| {
        entry
            .get(field)
            .and_then(Node::as_seq)
            .into_iter()
            .flatten()
            .filter_map(Node::as_str)
    };
    let of_file = |text: &str| match text.split_once('=') {
        Some((key, _)) => key.to_owned(),
        None => text.rsplit('/').next().unwrap_or(text).to_owned(),
    };
    let literals = texts("literals").map(|text| text.split('=').next().unwrap_or(text).to_owned());
    let mut keys: Vec<String> = literals.chain(texts("files").map(of_file)).collect();
    keys.sort();
    keys.windows(2)
        .find(|pair| pair[0] == pair[1])
        .map(|pair| pair[0].clone())
}

/// The files of `--from-file=[key=]pattern`; a key needs exactly one.
fn expand(directory: &Path, patterns: &[String], notes: &mut Notes) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for pattern in patterns {
        let parts: Vec<&str> = pattern.split('=').collect();
        let (key, source) = if let [key, source] = parts[..] {
            (key, source)
        } else {
            ("", parts[0])
        };
        let found = glob::files(directory, &[source.to_owned()], notes)?;
        if key.is_empty() {
            all.extend(found);
        } else if let [file] = &found[..] {
            all.push(format!("{key}={file}"));
        } else {
            return argument(format!(
                "failed to expand file source: 'pattern '{pattern}' catches files [{}], should catch only one",
                found.join(" ")
            ));
        }
    }
    Ok(all)
}

/// Sets values of keys that a generator has, or its namespace.
pub fn set(
    directory: &Path,
    kind: Kind,
    arguments: &[String],
    literals: &[String],
    namespace: &str,
    new_namespace: &str,
) -> Result<Notes> {
    let [name] = arguments else {
        return argument("failed to validate flags: name must be specified once");
    };
    if literals.is_empty() && new_namespace.is_empty() {
        return argument(
            "failed to validate flags: at least one of [--from-literal, --new-namespace] must be specified",
        );
    }
    let mut file = Kustomization::open(directory)?;
    let field = kind.field();
    let title = if kind == Kind::ConfigMap { "ConfigMap" } else { "Secret" };
    let failed = |message: String| refused(format!("failed to create {}: {message}", kind.word()));
    let Some(index) = file
        .items(field)
        .iter()
        .position(|entry| kind.is(entry, name, namespace))
    else {
        return failed(format!(
            "could not set new {title} value: unable to find {title} with name \"{name}\""
        ));
    };
    for literal in literals {
        let update = |message: &str| failed(format!("failed to update literal sources: {message}"));
        let (key, _) = match literal.split_once('=') {
            Some((key, value)) if !value.contains('=') => (key, value),
            _ => {
                return update(
                    "failed to update resource: invalid format: literal values must be specified in the key=value format",
                );
            }
        };
        let known = file.items(field)[index]
            .get("literals")
            .and_then(Node::as_seq)
            .cloned()
            .unwrap_or_default();
        let is_meant = |item: &Node| item.as_str().is_some_and(|text| text.split('=').next() == Some(key));
        let Some(place) = known.iter().position(is_meant) else {
            return update(&format!("key '{key}' not found in resource"));
        };
        let path = [
            Step::Key(field),
            Step::Index(index),
            Step::Key("literals"),
            Step::Index(place),
        ];
        file.set(&path, &Node::string(literal.as_str()))?;
    }
    if !new_namespace.is_empty() {
        let path = [Step::Key(field), Step::Index(index), Step::Key("namespace")];
        file.set(&path, &Node::string(new_namespace))?;
    }
    file.save()?;
    Ok(Notes::new())
}
