//! Where a build reads from. Every byte of input comes through [`Files`], so that a build can run on a
//! disk, in memory, or on a Git object store.

use std::ffi::OsString;
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

    /// What a symbolic link says: a path, absolute or relative to the directory of the link.
    fn read_link(&self, path: &Path) -> io::Result<PathBuf>;

    /// The bytes of a file; an error of kind [`io::ErrorKind::FileTooLarge`] past `limit` bytes.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;

    /// The names in a directory, in any order.
    fn list(&self, directory: &Path) -> io::Result<Vec<String>>;

    /// The absolute form of a path that the user gave.
    fn absolute(&self, path: &Path) -> io::Result<PathBuf>;

    /// The path as the user would type it.
    fn display(&self, path: &Path) -> String;
}

/// Links that one path may lead through, as on Linux.
const MAX_LINKS: usize = 40;

/// Resolves a path from `/` through the links of a tree, which says by `kind` what stands at a path whose
/// directories are resolved, and by `target` where a link leads.
pub(crate) fn resolve_links(
    path: &Path,
    kind: &dyn Fn(&Path) -> io::Result<EntryKind>,
    target: &dyn Fn(&Path) -> io::Result<PathBuf>,
) -> io::Result<(PathBuf, FileKind)> {
    let mut open = parts(path);
    let mut resolved = PathBuf::from("/");
    let mut found = FileKind::Directory;
    let mut links = 0;
    while let Some(part) = open.pop() {
        if found == FileKind::File {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        if part == ".." {
            resolved.pop();
            continue;
        }
        let next = resolved.join(&part);
        match kind(&next)? {
            EntryKind::Directory => resolved = next,
            EntryKind::File => (resolved, found) = (next, FileKind::File),
            EntryKind::Link => {
                links += 1;
                if links > MAX_LINKS {
                    return Err(io::Error::other("too many levels of symbolic links"));
                }
                let target = target(&next)?;
                if target.is_absolute() {
                    resolved = PathBuf::from("/");
                }
                open.extend(parts(&target));
            }
        }
    }
    Ok((resolved, found))
}

/// The parts of a path below the root, last first.
fn parts(path: &Path) -> Vec<OsString> {
    let parts = path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    parts.collect()
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
