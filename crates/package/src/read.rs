//! Reading: a directory with its files, or a stream, to objects that remember their places in annotations.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use yaml::{Layout, LayoutKind};

use crate::PACKAGE_FILE;
use crate::annotations::{self, INDEX, Meta, OLD_INDEX, OLD_PATH, PATH};
use crate::error::{Error, Result};
use crate::ignore::Ignored;

/// What of a directory is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// Directories that are packages of their own are passed over.
    pub own_files_only: bool,
    /// Files whose names end so are objects too.
    pub json: bool,
    /// Objects are not told where they were read.
    pub unmarked: bool,
}

/// What a stream held.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    pub objects: Vec<Layout>,
    /// The configuration and the results of a list that was unwrapped.
    pub(crate) results: Option<Layout>,
}

/// Calls `visit` for a path and all below it, by name; `true` goes into a directory. Links are not followed.
pub(crate) fn walk(path: &Path, visit: &mut dyn FnMut(&Path, bool) -> Result<bool>) -> Result<()> {
    let found = fs::symlink_metadata(path).map_err(|error| Error::io("lstat", path, &error))?;
    if !visit(path, found.is_dir())? || !found.is_dir() {
        return Ok(());
    }
    let entries = fs::read_dir(path).map_err(|error| Error::io("open", path, &error))?;
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort_unstable();
    for name in names {
        // Go's walk cleans the paths that it makes.
        let below = clean(&path.join(&name));
        walk(&below, visit)?;
    }
    Ok(())
}

/// The shortest path to the same place, by its text alone; `.` for nothing.
pub fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => match clean.components().next_back() {
                Some(Component::Normal(_)) => {
                    clean.pop();
                }
                Some(Component::RootDir | Component::Prefix(_)) => {}
                _ => clean.push(part),
            },
            _ => clean.push(part),
        }
    }
    if clean.as_os_str().is_empty() {
        return PathBuf::from(".");
    }
    clean
}

/// Reads the objects of a directory, or of a file.
///
/// # Errors
/// If something cannot be read, or is no YAML.
pub fn read_package(package: &Path, reading: Reading) -> Result<Vec<Layout>> {
    if package.as_os_str().is_empty() {
        return Err(Error::new("must specify package path"));
    }
    let top = fs::canonicalize(package).map_err(|error| {
        let shown = std::path::absolute(package).unwrap_or_else(|_| package.to_owned());
        let shown = clean(&shown);
        let said = Error::io("lstat", &shown, &error);
        Error::new(format!("evalsymlink failure on '{}' : {said}", package.display()))
    })?;
    let base = if top.is_dir() {
        top.clone()
    } else {
        top.parent().unwrap_or(&top).to_owned()
    };
    let mut ignored = Ignored::default();
    let mut objects = Vec::new();
    walk(&top, &mut |path, is_directory| {
        if path == top && is_directory {
            ignored.enter(path)?;
            return Ok(true);
        }
        if is_directory {
            if ignored.holds(path, true) {
                return Ok(false);
            }
            return Ok(!reading.own_files_only || !path.join(PACKAGE_FILE).exists());
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_objects = name.ends_with(".yaml") || name.ends_with(".yml") || (reading.json && name.ends_with(".json"));
        if ignored.holds(path, false) || !is_objects {
            return Ok(false);
        }
        let place = path.strip_prefix(&base).unwrap_or(path).display().to_string();
        let bytes = fs::read(path).map_err(|error| Error::io("open", path, &error).in_file(path))?;
        let place = (!reading.unmarked).then_some(&*place);
        let read = read(&path.display().to_string(), bytes, place, !reading.unmarked, false);
        objects.extend(read.map_err(|error| error.in_file(path))?.objects);
        Ok(false)
    })?;
    Ok(objects)
}

/// Reads the objects of a stream; a list of objects that stands alone is unwrapped.
///
/// # Errors
/// If it is no YAML.
pub fn read_stream(bytes: Vec<u8>) -> Result<Stream> {
    read("standard input", bytes, None, true, true)
}

fn read(name: &str, bytes: Vec<u8>, place: Option<&str>, mark: bool, unwrap: bool) -> Result<Stream> {
    let text = yaml::decode(bytes).map_err(|error| Error::new(format!("MalformedYAMLError: yaml: {error}")))?;
    let source = yaml::Sources::new().add(name, yaml::normalize_newlines(text));
    let (documents, pieces) = yaml::read_layout(&source).map_err(|error| Error::malformed(&error, &source))?;
    let mut stream = Stream::default();
    for (index, mut document) in documents.into_iter().enumerate() {
        let mut wanted = BTreeMap::new();
        let index = index.to_string();
        if let Some(place) = place {
            wanted.extend([(OLD_PATH, place), (PATH, place)]);
        }
        if mark {
            annotations::complete(&mut document)?;
            wanted.extend([(OLD_INDEX, &*index), (INDEX, &*index)]);
        }
        for (key, value) in wanted {
            annotations::set(&mut document, key, value)?;
        }
        let is_list = matches!(Meta::of(&document).kind, "ResourceList" | "List");
        let root = document.root();
        if unwrap && pieces == 1 && is_list && (root.get("items").is_some() || root.get("functionConfig").is_some()) {
            stream.results = root.get("results").cloned();
            if let Some(items) = root.get("items") {
                stream.objects.extend(items.content.iter().cloned());
            }
            continue;
        }
        if document.kind == LayoutKind::Document {
            stream.objects.push(document);
        }
    }
    Ok(stream)
}
