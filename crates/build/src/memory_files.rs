//! [`Files`] in memory: for programs that have their tree from somewhere else than a disk, and for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::files::{EntryKind, FileKind, Files, clean_join, resolve_links};

/// A tree of files in memory, below `/`.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles {
    files: BTreeMap<PathBuf, Vec<u8>>,
    links: BTreeMap<PathBuf, PathBuf>,
    directories: BTreeSet<PathBuf>,
}

impl MemoryFiles {
    pub fn new() -> MemoryFiles {
        MemoryFiles::default()
    }

    /// Adds a file and the directories above it. A relative path is taken from `/`.
    pub fn insert(&mut self, path: impl AsRef<Path>, bytes: impl Into<Vec<u8>>) {
        let path = self.add_directories(path.as_ref());
        self.files.insert(path, bytes.into());
    }

    /// Adds a symbolic link, as trees of Git have them. What it leads to need not be there.
    pub fn insert_link(&mut self, path: impl AsRef<Path>, target: impl Into<PathBuf>) {
        let path = self.add_directories(path.as_ref());
        self.links.insert(path, target.into());
    }

    fn add_directories(&mut self, path: &Path) -> PathBuf {
        let path = absolute(path);
        self.directories.extend(path.ancestors().skip(1).map(Path::to_owned));
        path
    }

    /// What stands at a path whose directories have no links.
    fn kind(&self, path: &Path) -> io::Result<EntryKind> {
        if self.files.contains_key(path) {
            Ok(EntryKind::File)
        } else if self.links.contains_key(path) {
            Ok(EntryKind::Link)
        } else if self.directories.contains(path) {
            Ok(EntryKind::Directory)
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn target(&self, path: &Path) -> io::Result<PathBuf> {
        let target = self.links.get(path).cloned();
        target.ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }

    /// A path whose directories have their links resolved.
    fn place(&self, path: &Path) -> io::Result<PathBuf> {
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => Ok(self.resolve(parent)?.0.join(name)),
            _ => Ok(path.to_owned()),
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    clean_join(Path::new("/"), &path.to_string_lossy())
}

impl<P: AsRef<Path>, B: Into<Vec<u8>>> FromIterator<(P, B)> for MemoryFiles {
    fn from_iter<I: IntoIterator<Item = (P, B)>>(files: I) -> MemoryFiles {
        let mut memory = MemoryFiles::new();
        files.into_iter().for_each(|(path, bytes)| memory.insert(path, bytes));
        memory
    }
}

impl Files for MemoryFiles {
    fn resolve(&self, path: &Path) -> io::Result<(PathBuf, FileKind)> {
        resolve_links(path, &|path| self.kind(path), &|path| self.target(path))
    }

    fn entry_kind(&self, path: &Path) -> io::Result<EntryKind> {
        self.kind(&self.place(path)?)
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        self.target(&self.place(path)?)
    }

    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let (path, kind) = self.resolve(path)?;
        if kind == FileKind::Directory {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let bytes = &self.files[&path];
        if bytes.len() as u64 > limit {
            Err(io::ErrorKind::FileTooLarge.into())
        } else {
            Ok(bytes.clone())
        }
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let (directory, kind) = self.resolve(directory)?;
        if kind == FileKind::File {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let all = self.files.keys().chain(self.links.keys()).chain(&self.directories);
        let inside = all.filter(|path| path.parent() == Some(&directory));
        Ok(inside
            .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
            .collect())
    }

    fn absolute(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(absolute(path))
    }

    fn display(&self, path: &Path) -> String {
        path.strip_prefix("/").unwrap_or(path).display().to_string()
    }
}
