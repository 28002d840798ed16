//! `edit fix`: deprecated fields become those that replace them, comments included. Helm's old field is in
//! [`helm`], variables are in [`vars`].

mod helm;
mod vars;

use std::fs;
use std::path::{Path, PathBuf};

use yaml::{Map, Node, Step, Tag};

use crate::error::{Error, Result, refused};
use crate::file::{Kustomization, replace};

/// What the kustomization builds to after it was fixed, seen from what it built to before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    Same,
    /// The result now.
    Different(Vec<u8>),
    /// Why it cannot be built now.
    Fails(String),
}

/// Moves what stands in deprecated fields; with `vars`, variables become replacements, and the files that use
/// them get placeholders. `build` gives the bytes that the directory builds to, or why it does not.
///
/// # Errors
/// If the file is no kustomization, or something in it cannot be converted: then nothing is changed.
pub fn fix(directory: &Path, vars: bool, build: &dyn Fn() -> Result<Vec<u8>, String>) -> Result<Comparison> {
    let before = build().unwrap_or_default();
    let mut file = Kustomization::open(directory)?;
    deprecated(&mut file, directory)?;
    let files = if vars {
        vars::to_replacements(&mut file, directory)?
    } else {
        Vec::new()
    };
    save(&file, &files)?;
    Ok(match build() {
        Err(message) => Comparison::Fails(message),
        Ok(after) if after == before => Comparison::Same,
        Ok(after) => Comparison::Different(after),
    })
}

fn deprecated(file: &mut Kustomization, directory: &Path) -> Result<()> {
    file.move_items("bases", "resources")?;
    file.move_items("imageTags", "images")?;
    for field in ["configMapGenerator", "secretGenerator"] {
        env_to_envs(file, field)?;
    }
    helm::charts(file)?;
    file.move_items("patchesJson6902", "patches")?;
    for (index, item) in file.items("patchesStrategicMerge").iter().enumerate() {
        let text = item.as_str().unwrap_or_default();
        let field = if directory.join(text).is_file() {
            "path"
        } else {
            "patch"
        };
        let mut patch = Map::new();
        patch.insert(field, Node::string(text));
        file.set(
            &[Step::Key("patchesStrategicMerge"), Step::Index(index)],
            &Node::map(patch),
        )?;
    }
    file.move_items("patchesStrategicMerge", "patches")?;
    common_labels(file)?;
    type_of_file(file)
}

/// An `env` is the last of the `envs`.
fn env_to_envs(file: &mut Kustomization, field: &str) -> Result<()> {
    for (index, entry) in file.items(field).iter().enumerate() {
        let Some(key) = spelled(entry, "env") else { continue };
        let env = entry.get(&key).and_then(Node::as_str).unwrap_or_default();
        let at = [Step::Key(field), Step::Index(index), Step::Key(&key)];
        let envs = [Step::Key(field), Step::Index(index), Step::Key("envs")];
        if env.is_empty() {
            file.remove(&at)?;
        } else if entry.get("envs").is_none() {
            file.set(&at, &Node::seq([Node::string(env)].as_slice()))?;
            file.rename(&at, "envs")?;
        } else {
            file.push(&envs, &Node::string(env))?;
            file.remove(&at)?;
        }
    }
    Ok(())
}

fn common_labels(file: &mut Kustomization) -> Result<()> {
    let Some(pairs) = file
        .get("commonLabels")
        .filter(|pairs| !pairs.is_null_or_empty())
        .cloned()
    else {
        return Ok(());
    };
    for label in file.items("labels") {
        for entry in pairs.as_map().into_iter().flatten() {
            let key = entry.key.as_str().unwrap_or_default();
            if label.get("pairs").is_some_and(|pairs| pairs.get(key).is_some()) {
                return refused(format!("label name '{key}' exists in both commonLabels and labels"));
            }
        }
    }
    let with_selectors = Node::scalar("true", Tag::Bool);
    file.nest("commonLabels", "labels", ("includeSelectors", &with_selectors), "pairs")
}

/// `apiVersion` and `kind`, where they are missing.
fn type_of_file(file: &mut Kustomization) -> Result<()> {
    let text = |file: &Kustomization, field: &str| {
        let text = file.get(field).and_then(Node::as_str);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let kind = text(file, "kind");
    let version = match kind.as_deref() {
        Some("Component") => "kustomize.config.k8s.io/v1alpha1",
        _ => build::config::KUSTOMIZATION_VERSION,
    };
    if kind.is_none() {
        file.set_first("kind", build::config::KUSTOMIZATION_KIND)?;
    }
    if text(file, "apiVersion").is_none() {
        file.set_first("apiVersion", version)?;
    }
    Ok(())
}

/// The key of an entry as it is spelled; kustomize does not mind the case.
fn spelled(map: &Node, field: &str) -> Option<String> {
    let keys = || {
        map.as_map()
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.key.as_str())
    };
    let exact = keys().find(|key| *key == field);
    exact
        .or_else(|| keys().find(|key| key.eq_ignore_ascii_case(field)))
        .map(str::to_owned)
}

/// Writes files, and the kustomization as the last one. If one cannot be written, all are as they were.
fn save(file: &Kustomization, files: &[(PathBuf, String)]) -> Result<()> {
    let mut written: Vec<(&Path, Vec<u8>)> = Vec::new();
    let write = |path: &Path, text: &str| -> Result<Vec<u8>> {
        let old = fs::read(path).map_err(|cause| Error::Io {
            action: "read",
            path: path.to_owned(),
            cause,
        })?;
        replace(path, text.as_bytes())?;
        Ok(old)
    };
    let mut result = Ok(());
    for (path, text) in files {
        match write(path, text) {
            Ok(old) => written.push((path, old)),
            Err(error) => result = Err(error),
        }
        if result.is_err() {
            break;
        }
    }
    if let Err(error) = result.and_then(|()| file.save()) {
        for (path, old) in written {
            replace(path, &old)?;
        }
        return Err(error);
    }
    Ok(())
}
