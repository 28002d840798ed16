//! `edit remove`: what `edit add` adds.

use std::path::Path;

use yaml::{Node, Step};

use crate::add::Patch;
use crate::error::{Result, argument, refused};
use crate::file::Kustomization;
use crate::generator::Kind;
use crate::{Notes, glob, pairs};

/// Removes resources whose names match a pattern.
pub fn resource(directory: &Path, patterns: &[String]) -> Result<Notes> {
    if patterns.is_empty() {
        return argument("must specify a resource file");
    }
    names(directory, &["resources", "bases"], patterns)
}

/// Removes files of transformers whose names match a pattern.
pub fn transformer(directory: &Path, patterns: &[String]) -> Result<Notes> {
    if patterns.is_empty() {
        return argument("must specify a transformer file");
    }
    names(directory, &["transformers"], patterns)
}

fn names(directory: &Path, fields: &[&str], patterns: &[String]) -> Result<Notes> {
    let mut file = Kustomization::open(directory)?;
    for field in fields {
        let mut meant = Vec::new();
        for pattern in patterns {
            for name in file.texts(field) {
                if glob::matches(pattern, &name)? {
                    meant.push(name);
                }
            }
        }
        file.remove_items(field, |item| {
            item.as_str()
                .is_some_and(|name| meant.iter().any(|meant| meant == name))
        })?;
    }
    file.save()?;
    Ok(Notes::new())
}

/// Removes the patch that says exactly this.
pub fn patch(directory: &Path, patch: &Patch) -> Result<Notes> {
    patch.check()?;
    let mut file = Kustomization::open(directory)?;
    if !file.items("patches").iter().any(|entry| patch.is(entry)) {
        return Ok(vec![format!(
            "patch {} doesn't exist in kustomization file",
            patch.patch
        )]);
    }
    file.remove_items("patches", |entry| patch.is(entry))?;
    file.save()?;
    Ok(Notes::new())
}

/// Removes keys of `commonLabels`.
pub fn label(directory: &Path, arguments: &[String], ignore_missing: bool) -> Result<Notes> {
    common(directory, "commonLabels", "label", arguments, ignore_missing)
}

/// Removes keys of `commonAnnotations`.
pub fn annotation(directory: &Path, arguments: &[String], ignore_missing: bool) -> Result<Notes> {
    common(directory, "commonAnnotations", "annotation", arguments, ignore_missing)
}

fn common(directory: &Path, field: &str, word: &str, arguments: &[String], ignore_missing: bool) -> Result<Notes> {
    // For wrong arguments, kustomize speaks of labels in both commands.
    let keys: Vec<&str> = match arguments {
        [] => return argument("must specify label"),
        [keys] => keys.split(',').collect(),
        _ => return argument("labels must be comma-separated, with no spaces"),
    };
    if keys.contains(&"") {
        return argument("invalid label: '' (name is empty)");
    }
    let mut file = Kustomization::open(directory)?;
    if file.get(field).is_none() && !ignore_missing {
        return refused(format!("{field} is not defined in kustomization file"));
    }
    for key in keys {
        let known = file.get(field).is_some_and(|map| map.get(key).is_some());
        if known {
            file.remove(&[Step::Key(field), Step::Key(key)])?;
        } else if !ignore_missing {
            return refused(format!("{word} {key} is not defined in kustomization file"));
        }
    }
    file.save()?;
    Ok(Notes::new())
}

/// Removes generators of ConfigMaps or Secrets by name, the names separated by commas.
pub fn generated(directory: &Path, kind: Kind, arguments: &[String], namespace: &str) -> Result<Notes> {
    let word = kind.word();
    let names: Vec<&str> = match arguments {
        [] => return argument(format!("at least one {word} name must be specified")),
        [names] => names.split(',').collect(),
        _ => {
            return argument(format!(
                "too many arguments: [{}]; to provide multiple {word}s to remove, please separate {word} names by commas",
                arguments.join(" ")
            ));
        }
    };
    let mut file = Kustomization::open(directory)?;
    let is_meant = |item: &Node| names.iter().any(|name| kind.is(item, name, namespace));
    let items = file.items(kind.field());
    if !items.iter().any(is_meant) {
        return refused(format!(
            "no specified {word}(s) were found in the kustomization.yaml file"
        ));
    }
    let missing = names
        .iter()
        .filter(|name| !items.iter().any(|item| kind.is(item, name, namespace)));
    let notes = missing
        .map(|name| format!("{word} {name} doesn't exist in kustomization file"))
        .collect();
    file.remove_items(kind.field(), is_meant)?;
    file.save()?;
    Ok(notes)
}

/// Removes options of `buildMetadata`.
pub fn build_metadata(directory: &Path, arguments: &[String]) -> Result<Notes> {
    let options = pairs::build_metadata(arguments)?;
    let mut file = Kustomization::open(directory)?;
    file.remove_items("buildMetadata", |item| {
        item.as_str()
            .is_some_and(|text| options.iter().any(|option| option == text))
    })?;
    file.save()?;
    Ok(Notes::new())
}
