//! `create`: a new kustomization file, from what is said or what is found.

use std::fs;
use std::path::Path;

use yaml::{Map, Node, Sources, Step};

use crate::error::{Error, Result, refused};
use crate::file::Kustomization;
use crate::{Notes, glob, pairs};

/// The flags of `create`; lists are separated by commas.
#[derive(Clone, Debug, Default)]
pub struct New {
    pub resources: String,
    pub namespace: String,
    pub annotations: String,
    pub labels: String,
    pub name_prefix: String,
    pub name_suffix: String,
    pub detect: bool,
    pub recursive: bool,
}

/// Makes the kustomization file of a directory that has none.
///
/// # Errors
/// If there is one, or a resource is not there.
pub fn create(directory: &Path, new: &New) -> Result<Notes> {
    let list = |text: &str| -> Vec<String> {
        text.split(',')
            .filter(|_| !text.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let mut resources = glob::files_or_remote(directory, &list(&new.resources), true)?;
    match Kustomization::open(directory) {
        Err(Error::Refused(message)) if message.starts_with("Missing") => {}
        _ => return refused("kustomization file already exists"),
    }
    if new.detect {
        let mut found = Vec::new();
        detect(directory, "", new.recursive, &mut found)?;
        found.retain(|name| !resources.contains(name));
        resources.extend(found);
    }
    let mut file = Kustomization::from_text(directory.join("kustomization.yaml"), String::new())?;
    let texts = |file: &mut Kustomization, fields: &[(&str, &str)]| {
        let said = fields.iter().filter(|(_, value)| !value.is_empty());
        said.map(|(key, value)| file.set(&[Step::Key(key)], &Node::string(*value)))
            .collect::<Result<()>>()
    };
    let version = build::config::KUSTOMIZATION_VERSION;
    texts(
        &mut file,
        &[("apiVersion", version), ("kind", build::config::KUSTOMIZATION_KIND)],
    )?;
    resources
        .iter()
        .try_for_each(|name| file.push_text("resources", name))?;
    let names = [
        ("namePrefix", &*new.name_prefix),
        ("nameSuffix", &*new.name_suffix),
        ("namespace", &*new.namespace),
    ];
    texts(&mut file, &names)?;
    for (field, word, said) in [
        ("commonLabels", "label", &new.labels),
        ("commonAnnotations", "annotation", &new.annotations),
    ] {
        let said = list(said);
        let mut pairs = pairs::pairs(said.iter().map(String::as_str), word)?;
        pairs.sort();
        let mut map = Map::new();
        for (key, value) in pairs {
            map.insert(key, Node::string(value));
        }
        if !map.is_empty() {
            file.set(&[Step::Key(field)], &Node::map(map))?;
        }
    }
    file.save()?;
    Ok(Notes::new())
}

/// The files of objects below a directory, and the directories that have a kustomization of their own.
fn detect(directory: &Path, below: &str, recursive: bool, found: &mut Vec<String>) -> Result<()> {
    let here = directory.join(below);
    let failed = |cause| Error::Io {
        action: "read",
        path: here.clone(),
        cause,
    };
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(&here).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    for name in names {
        let path = if below.is_empty() {
            name
        } else {
            format!("{below}/{name}")
        };
        let full = directory.join(&path);
        if full.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
            let has_own = ["kustomization.yaml", "kustomization.yml", "Kustomization"]
                .iter()
                .any(|name| full.join(name).exists());
            match (recursive, has_own) {
                (true, true) => found.push(path),
                (true, false) => detect(directory, &path, recursive, found)?,
                (false, _) => {}
            }
        } else {
            let bytes = fs::read(&full).map_err(|cause| Error::Io {
                action: "read",
                path: full.clone(),
                cause,
            })?;
            if holds_objects(bytes) {
                found.push(path);
            }
        }
    }
    Ok(())
}

/// Whether a file is nothing but Kubernetes objects, or nothing at all.
fn holds_objects(bytes: Vec<u8>) -> bool {
    let Ok(text) = yaml::decode(bytes) else {
        return false;
    };
    let source = Sources::new().add("", yaml::normalize_newlines(text));
    let Ok(documents) = yaml::read_documents(&source) else {
        return false;
    };
    documents.nodes.iter().all(|node| {
        let kind = node.get("kind").and_then(Node::as_str).unwrap_or_default();
        let name = node
            .get_path(["metadata", "name"])
            .and_then(Node::as_str)
            .unwrap_or_default();
        !kind.is_empty() && (!name.is_empty() || kind.ends_with("List"))
    })
}
