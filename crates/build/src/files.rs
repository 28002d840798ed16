//! Where a build reads from. Every byte of input comes through [`Files`], so that a build can run on a
//! disk, in memory, or on a Git object store.

use std::io;
use std::path::{Component, Path, PathBuf};

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    File,
    Directory,
}

/// What stands at a path itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    File,
    Directory,
    /// A symbolic link, wherever it leads.
    Link,
}

/// A tree of files. Paths are absolute.
pub trait Files: Sync {
    /// The path with all symbolic links resolved, and what is there.
    fn resolve(&self, path: &Path) -> io::Result<(PathBuf, FileKind)>;

    /// What stands at a path, links not followed.
    fn entry_kind(&self, path: &Path) -> io::Result<EntryKind>;

    /// The bytes of a file; an error of kind [`io::ErrorKind::FileTooLarge`] past `limit` bytes.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;

    /// The names in a directory, in any order.
    fn list(&self, directory: &Path) -> io::Result<Vec<String>>;

    /// The absolute form of a path that the user gave.
    fn absolute(&self, path: &Path) -> io::Result<PathBuf>;

    /// The path as the user would type it.
    fn display(&self, path: &Path) -> String;
}

/// Joins and cleans without looking at the disk: `a/b/../c` is `a/c` (Go's `filepath.Join`).
pub fn clean_join(root: &Path, path: &str) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in root.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

/// `path` relative to `base`, going up where needed; both absolute and clean.
pub fn relative_to(path: &Path, base: &Path) -> PathBuf {
    let shared = path
        .components()
        .zip(base.components())
        .take_while(|(a, b)| a == b)
        .count();
    let up = base.components().skip(shared).map(|_| Component::ParentDir);
    let down = path.components().skip(shared);
    let relative: PathBuf = up.chain(down).collect();
    if relative.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        relative
    }
}
