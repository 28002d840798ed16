//! `edit fix`: deprecated fields become those that replace them.

use std::path::Path;

use yaml::{Map, Node, Step, Tag};

use crate::Notes;
use crate::error::{Result, refused};
use crate::file::Kustomization;

/// Moves what stands in deprecated fields; variables stay as they are.
pub fn fix(directory: &Path) -> Result<Notes> {
    let mut file = Kustomization::open(directory)?;
    file.move_items("bases", "resources")?;
    file.move_items("imageTags", "images")?;
    for field in ["configMapGenerator", "secretGenerator"] {
        env_to_envs(&mut file, field)?;
    }
    file.move_items("patchesJson6902", "patches")?;
    let merges = file.texts("patchesStrategicMerge");
    if file.get("patchesStrategicMerge").is_some() {
        file.remove(&[Step::Key("patchesStrategicMerge")])?;
    }
    for text in merges {
        let field = if directory.join(&text).is_file() {
            "path"
        } else {
            "patch"
        };
        let mut patch = Map::new();
        patch.insert(field, Node::string(text));
        file.push(&[Step::Key("patches")], &Node::map(patch))?;
    }
    common_labels(&mut file)?;
    file.save()?;
    Ok(Notes::new())
}

fn env_to_envs(file: &mut Kustomization, field: &str) -> Result<()> {
    for (index, entry) in file.items(field).iter().enumerate() {
        if let Some(env) = entry.get("env").and_then(Node::as_str) {
            file.push(
                &[Step::Key(field), Step::Index(index), Step::Key("envs")],
                &Node::string(env),
            )?;
            file.remove(&[Step::Key(field), Step::Index(index), Step::Key("env")])?;
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
    file.remove(&[Step::Key("commonLabels")])?;
    let mut label = Map::new();
    label.insert("includeSelectors", Node::scalar("true", Tag::Bool));
    label.insert("pairs", pairs);
    file.push(&[Step::Key("labels")], &Node::map(label))
}
