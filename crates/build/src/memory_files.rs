//! [`Files`] in memory: for programs that have their tree from somewhere else than a disk, and for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::files::{EntryKind, FileKind, Files, clean_join};

/// A tree of files in memory, below `/`. It has no links.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles {
    files: BTreeMap<PathBuf, Vec<u8>>,
    directories: BTreeSet<PathBuf>,
}

impl MemoryFiles {
    pub fn new() -> MemoryFiles {
        MemoryFiles::default()
    }

    /// Adds a file and the directories above it. A relative path is taken from `/`.
    pub fn insert(&mut self, path: impl AsRef<Path>, bytes: impl Into<Vec<u8>>) {
        let path = absolute(path.as_ref());
        self.directories.extend(path.ancestors().skip(1).map(Path::to_owned));
        self.files.insert(path, bytes.into());
    }

    fn kind(&self, path: &Path) -> io::Result<FileKind> {
        if self.files.contains_key(path) {
            Ok(FileKind::File)
        } else if self.directories.contains(path) {
            Ok(FileKind::Directory)
        } else {
            Err(io::ErrorKind::NotFound.into())
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
        Ok((path.to_owned(), self.kind(path)?))
    }

    fn entry_kind(&self, path: &Path) -> io::Result<EntryKind> {
        Ok(match self.kind(path)? {
            FileKind::File => EntryKind::File,
            FileKind::Directory => EntryKind::Directory,
        })
    }

    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        if self.kind(path)? == FileKind::Directory {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let bytes = &self.files[path];
        if bytes.len() as u64 > limit {
            Err(io::ErrorKind::FileTooLarge.into())
        } else {
            Ok(bytes.clone())
        }
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        if self.kind(directory)? == FileKind::File {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let inside = self
            .files
            .keys()
            .chain(&self.directories)
            .filter(|path| path.parent() == Some(directory));
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
