//! A tree of files in memory, and how it comes to the disk: all of it or nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

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

    /// Writes the tree as a new directory, whose parent is there.
    ///
    /// # Errors
    /// If the directory is there already, or something cannot be written: then nothing is left.
    pub fn write(&self, destination: &Path) -> Result<()> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |cause| Error::Io {
                action: "write",
                path,
                cause,
            }
        };
        let name = destination.file_name().unwrap_or_default().to_string_lossy();
        let beside = destination.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
        let write = || -> Result<()> {
            fs::create_dir(&beside).map_err(failed(&beside))?;
            for (path, bytes) in &self.entries {
                let full = beside.join(path);
                let directory = if bytes.is_some() { full.parent() } else { Some(&*full) };
                if let Some(directory) = directory {
                    fs::create_dir_all(directory).map_err(failed(directory))?;
                }
                if let Some(bytes) = bytes {
                    fs::write(&full, bytes).map_err(failed(&full))?;
                }
            }
            fs::rename(&beside, destination).map_err(failed(destination))
        };
        write().inspect_err(|_| drop(fs::remove_dir_all(&beside)))
    }
}
