//! A tree of files in memory, and how it comes to the disk: all of it or nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use process::Scratch;

use crate::error::{Error, Result};

/// Files by their paths, relative to the top; a directory that may be empty has no bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    entries: BTreeMap<PathBuf, Option<Vec<u8>>>,
}

impl Tree {
    /// The files, sorted by path.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        let entries = self.entries.iter();
        entries.filter_map(|(path, bytes)| Some((path.as_path(), bytes.as_deref()?)))
    }

    /// Adds a file; false if another one is there already.
    pub(super) fn insert(&mut self, path: PathBuf, bytes: Vec<u8>) -> bool {
        match self.entries.get(&path) {
            Some(Some(known)) => *known == bytes,
            Some(None) => false,
            None => {
                self.entries.insert(path, Some(bytes));
                true
            }
        }
    }

    pub(super) fn insert_directory(&mut self, path: PathBuf) {
        self.entries.entry(path).or_insert(None);
    }

    /// Whether there is something at or below a path.
    pub(super) fn holds(&self, path: &Path) -> bool {
        self.entries
            .range(path.to_owned()..)
            .next()
            .is_some_and(|(first, _)| first.starts_with(path))
    }

    /// Writes the tree beside the directory that it is to become, whose parent is there.
    ///
    /// # Errors
    /// If something cannot be written: then nothing is left.
    pub fn stage(&self, destination: &Path) -> Result<Staged> {
        let parent = destination.parent().unwrap_or(Path::new("/"));
        let room = Scratch::below(parent, ".terrace-localize-").map_err(failed(parent))?;
        // The room is for this user alone; the copy is for whom the user's files are for.
        let top = room.path().join(destination.file_name().unwrap_or_default());
        fs::create_dir(&top).map_err(failed(&top))?;
        for (path, bytes) in &self.entries {
            let full = top.join(path);
            let directory = if bytes.is_some() { full.parent() } else { Some(&*full) };
            if let Some(directory) = directory {
                fs::create_dir_all(directory).map_err(failed(directory))?;
            }
            if let Some(bytes) = bytes {
                fs::write(&full, bytes).map_err(failed(&full))?;
            }
        }
        Ok(Staged {
            _room: room,
            top,
            destination: destination.to_owned(),
        })
    }
}

/// A tree that is written, and not where it belongs yet. It is removed when it is dropped, and when this process is
/// interrupted or killed.
#[derive(Debug)]
pub struct Staged {
    _room: Scratch,
    top: PathBuf,
    destination: PathBuf,
}

impl Staged {
    /// The top of the tree.
    pub fn path(&self) -> &Path {
        &self.top
    }

    /// Moves it to its place, in one step.
    ///
    /// # Errors
    /// If the directory is there already, or cannot be made.
    pub fn publish(self) -> Result<()> {
        fs::rename(&self.top, &self.destination).map_err(failed(&self.destination))
    }
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |cause| Error::Io {
        action: "write",
        path,
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appears_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let names = || -> Vec<String> {
            let entries = fs::read_dir(directory.path()).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.collect()
        };
        let mut tree = Tree::default();
        assert!(tree.insert(PathBuf::from("base/a.yaml"), b"a".to_vec()));
        tree.insert_directory(PathBuf::from("empty"));
        let copy = directory.path().join("copy");
        let staged = tree.stage(&copy).unwrap();
        assert!(staged.path().join("base/a.yaml").is_file() && !copy.exists());
        drop(staged);
        assert_eq!(names(), [""; 0]);
        tree.stage(&copy).unwrap().publish().unwrap();
        assert_eq!(names(), ["copy"]);
        assert!(copy.join("empty").is_dir());
        // What is there is not touched.
        assert!(tree.stage(&copy).unwrap().publish().is_err());
        assert_eq!(names(), ["copy"]);
    }
}
