//! Writing: objects to a text, or to the files that they remember.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path};

use serde_json::Value;
use yaml::{Layout, LayoutKind, LayoutStyle, LayoutWriter, Node, Tag, Typed};

use crate::annotations::{self, INDEX, Meta, OLD_INDEX, OLD_PATH, PATH, SEQUENCE_INDENT};
use crate::error::{Error, Result};
use crate::read::clean;

/// How objects are written.
#[derive(Clone, Debug, Default)]
pub struct Wrapping<'w> {
    /// The annotations of the reader stay.
    pub keep_index: bool,
    pub keep_path: bool,
    /// The kind and the version of a list that the objects are put into.
    pub list: Option<(&'w str, &'w str)>,
    pub function_config: Option<&'w Layout>,
    /// The style of the objects themselves, where it is not their own.
    pub style: Option<LayoutStyle>,
}

/// Writes objects one after the other, or as a list.
///
/// # Errors
/// If an object is no mapping.
pub fn write_objects(objects: &[Layout], wrapping: &Wrapping<'_>) -> Result<String> {
    let is_json = wrapping.list.is_none()
        && objects.len() == 1
        && Meta::of(&objects[0]).either((PATH, OLD_PATH)).ends_with(".json");
    let mut objects = objects.to_vec();
    let mut wide = Vec::with_capacity(objects.len());
    for object in &mut objects {
        wide.push(Meta::of(object).annotation(SEQUENCE_INDENT) == "wide");
        if !wrapping.keep_index {
            for name in [INDEX, OLD_INDEX, SEQUENCE_INDENT] {
                annotations::clear(object, name)?;
            }
        }
        if !wrapping.keep_path {
            for name in [OLD_PATH, PATH] {
                annotations::clear(object, name)?;
            }
        }
        annotations::clear_empty(object)?;
        if let Some(style) = wrapping.style {
            object.root_mut().style = style;
        }
    }
    if is_json {
        return Ok(json(&objects[0]));
    }
    let mut writer = LayoutWriter::new();
    match wrapping.list {
        None => {
            for (object, wide) in objects.iter().zip(wide) {
                writer.write(object, wide);
            }
        }
        Some((kind, version)) => writer.write(&list(&objects, kind, version, wrapping), false),
    }
    Ok(writer.finish())
}

fn list(objects: &[Layout], kind: &str, version: &str, wrapping: &Wrapping<'_>) -> Layout {
    let mut list = Layout {
        style: wrapping.style.unwrap_or_default(),
        ..Layout::new(LayoutKind::Mapping)
    };
    let items = Layout {
        content: objects.iter().map(|object| object.root().clone()).collect(),
        ..Layout::new(LayoutKind::Sequence)
    };
    list.push(Layout::scalar("apiVersion"), Layout::scalar(version));
    list.push(Layout::scalar("kind"), Layout::scalar(kind));
    list.push(Layout::scalar("items"), items);
    if let Some(config) = wrapping.function_config {
        list.push(Layout::scalar("functionConfig"), config.root().clone());
    }
    list
}

/// One object as Go's encoder writes it.
fn json(object: &Layout) -> String {
    let text = serde_json::to_string_pretty(&value(object.root())).unwrap_or_default();
    let mut escaped = String::with_capacity(text.len() + 1);
    for character in text.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => escaped.push_str(&format!("\\u{:04x}", character as u32)),
            _ => escaped.push(character),
        }
    }
    escaped.push('\n');
    escaped
}

fn value(node: &Layout) -> Value {
    match node.kind {
        LayoutKind::Mapping => {
            let sorted: BTreeMap<String, Value> = node
                .entries()
                .map(|(key, node)| (key.value.clone(), value(node)))
                .collect();
            Value::Object(sorted.into_iter().collect())
        }
        LayoutKind::Sequence => Value::Array(node.content.iter().map(value).collect()),
        LayoutKind::Document => value(node.root()),
        LayoutKind::Alias => Value::Null,
        LayoutKind::Scalar => {
            let tag = match node.short_tag() {
                "!!null" => Tag::Null,
                "!!bool" => Tag::Bool,
                "!!int" => Tag::Int,
                "!!float" => Tag::Float,
                _ => return Value::String(node.value.clone()),
            };
            match yaml::typed(&Node::scalar(&*node.value, tag)) {
                Ok(Typed::Null) => Value::Null,
                Ok(Typed::Bool(value)) => Value::Bool(value),
                Ok(Typed::Int(value)) => Value::from(value),
                Ok(Typed::Uint(value)) => Value::from(value),
                Ok(Typed::Float(value)) => Value::from(value),
                _ => Value::String(node.value.clone()),
            }
        }
    }
}

/// The files that objects remember, relative to their package.
pub(crate) fn files_of(objects: &[Layout]) -> BTreeSet<String> {
    let paths = objects
        .iter()
        .map(|object| Meta::of(object).either((PATH, OLD_PATH)).to_owned());
    paths.collect()
}

/// Gives every object a file and a place in it that has none.
fn place_all(objects: &mut [Layout]) -> Result<()> {
    let mut next: BTreeMap<String, i64> = BTreeMap::new();
    place(objects, "")?;
    for object in objects.iter() {
        let meta = Meta::of(object);
        if let Ok(index) = meta.annotation(INDEX).parse::<i64>() {
            let highest = next.entry(meta.annotation(PATH).to_owned()).or_default();
            *highest = index.max(*highest);
        }
    }
    for object in objects {
        let meta = Meta::of(object);
        if meta.annotations.contains_key(INDEX) {
            continue;
        }
        let count = next.entry(meta.annotation(PATH).to_owned()).or_default();
        let index = count.to_string();
        *count += 1;
        annotations::set(object, INDEX, &index)?;
        annotations::set(object, OLD_INDEX, &index)?;
    }
    Ok(())
}

/// Gives every object a file that has none: of its kind and name, in a directory.
pub(crate) fn place(objects: &mut [Layout], directory: &str) -> Result<()> {
    for object in objects {
        annotations::complete(object)?;
        let meta = Meta::of(object);
        if meta.annotations.contains_key(PATH) {
            continue;
        }
        let name = format!("{}_{}.yaml", meta.kind.to_lowercase(), meta.name);
        let path = clean(&Path::new(directory).join(meta.namespace).join(name));
        let path = path.display().to_string();
        annotations::set(object, PATH, &path)?;
        annotations::set(object, OLD_PATH, &path)?;
    }
    Ok(())
}

/// Writes objects back to the files of a package; a file that was read and holds no object any more is removed.
pub(crate) fn write_package(package: &Path, mut objects: Vec<Layout>, read: &BTreeSet<String>) -> Result<()> {
    place_all(&mut objects)?;
    let directory = if package.is_dir() {
        package
    } else if package.exists() {
        package.parent().unwrap_or(package)
    } else {
        return Err(Error::new(format!(
            "could not write to \"{}\": file does not exist",
            package.display()
        )));
    };
    let mut files: BTreeMap<String, Vec<Layout>> = BTreeMap::new();
    for object in objects {
        let path = Meta::of(&object).annotation(PATH).to_owned();
        if Path::new(&path).is_absolute() {
            return Err(Error::new("package paths may not be absolute paths"));
        }
        let place = clean(Path::new(&path));
        if place.components().any(|part| part == Component::ParentDir) {
            let (package, path) = (directory.display(), place.display());
            return Err(Error::new(format!(
                "resource must be written under package {package}: {path}"
            )));
        }
        if directory.join(&path).is_dir() {
            return Err(Error::new(format!(
                "config.kubernetes.io/path cannot be a directory: {path}"
            )));
        }
        files.entry(path).or_default().push(object);
    }
    let mut texts = Vec::with_capacity(files.len());
    for (path, mut objects) in files {
        let index = |object: &Layout| Meta::of(object).annotation(INDEX).parse::<i64>().unwrap_or(-1);
        objects.sort_by_key(index);
        texts.push((path, write_objects(&objects, &Wrapping::default())?));
    }
    for (path, text) in &texts {
        let path = directory.join(path);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        let unwritable = |error| Error::io("open", &path, &error).hint("give this user permission to write there");
        made.and_then(|()| fs::write(&path, text)).map_err(unwritable)?;
    }
    for path in read {
        if texts.iter().all(|(written, _)| written != path) {
            let path = directory.join(path);
            fs::remove_file(&path).map_err(|error| Error::io("remove", &path, &error))?;
        }
    }
    Ok(())
}
