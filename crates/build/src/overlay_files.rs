//! [`Files`] with changes on top: "what would this tree build to if these files were different?".
//!
//! The changes are few and in memory, the tree below is any other [`Files`]. A path is resolved in the tree as
//! it is with the changes: a link below leads to a file that is written above.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::files::{EntryKind, FileKind, Files, clean_join, resolve_links};

/// A tree of files, seen with changes that are made nowhere but here.
///
/// ```
/// use std::path::Path;
/// use build::{MemoryFiles, Options, OverlayFiles, build};
///
/// let committed = MemoryFiles::from_iter([
///     ("prod/kustomization.yaml", "resources: [config.yaml]\n"),
///     ("prod/config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: model}\n"),
/// ]);
/// let mut proposed = OverlayFiles::new(&committed);
/// proposed.write("/prod/kustomization.yaml", "resources: [config.yaml]\nnamePrefix: new-\n");
///
/// let built = build(&proposed, Path::new("/prod"), &Options::default())?;
/// assert_eq!(built.objects[0].name(), "new-model");
/// let built = build(&committed, Path::new("/prod"), &Options::default())?;
/// assert_eq!(built.objects[0].name(), "model");
/// # Ok::<(), build::Failure>(())
/// ```
#[derive(Clone)]
pub struct OverlayFiles<'l> {
    lower: &'l dyn Files,
    /// What is written, by absolute path; links have their text.
    written: BTreeMap<PathBuf, Written>,
    /// The directories above what is written.
    directories: BTreeSet<PathBuf>,
    /// What of the tree below is hidden, with all that is in it.
    removed: BTreeSet<PathBuf>,
}

#[derive(Clone, Debug)]
enum Written {
    File(Vec<u8>),
    Link(PathBuf),
}

impl<'l> OverlayFiles<'l> {
    /// Nothing is changed yet.
    pub fn new(lower: &'l dyn Files) -> OverlayFiles<'l> {
        OverlayFiles {
            lower,
            written: BTreeMap::new(),
            directories: BTreeSet::new(),
            removed: BTreeSet::new(),
        }
    }

    /// Writes a file, with the directories above it. Whatever was there is hidden; where links lead there, the
    /// file itself is written and the links stay. A relative path is taken from `/`.
    pub fn write(&mut self, path: impl AsRef<Path>, bytes: impl Into<Vec<u8>>) {
        self.put(path.as_ref(), Written::File(bytes.into()));
    }

    /// Writes a symbolic link. What it leads to need not be there.
    pub fn link(&mut self, path: impl AsRef<Path>, target: impl Into<PathBuf>) {
        self.put(path.as_ref(), Written::Link(target.into()));
    }

    /// Takes away what stands at a path, with all that is in it; of a link, the link.
    pub fn remove(&mut self, path: impl AsRef<Path>) {
        let path = self.place(path.as_ref());
        self.written.retain(|written, _| !written.starts_with(&path));
        self.directories.retain(|directory| !directory.starts_with(&path));
        self.removed.insert(path);
    }

    fn put(&mut self, path: &Path, written: Written) {
        let follow = matches!(written, Written::File(_));
        let mut path = self.place(path);
        if follow && let Ok((file, FileKind::File)) = self.resolve(&path) {
            path = file;
        }
        // A directory that is there is replaced by the file, and a file by the directory.
        self.written.retain(|known, _| !known.starts_with(&path));
        self.directories.retain(|directory| !directory.starts_with(&path));
        if matches!(self.lower.entry_kind(&path), Ok(EntryKind::Directory)) {
            self.removed.insert(path.clone());
        }
        for above in path.ancestors().skip(1) {
            if self.written.remove(above).is_some() || matches!(self.lower_kind(above), Ok(EntryKind::File)) {
                self.removed.insert(above.to_owned());
            }
            self.directories.insert(above.to_owned());
        }
        self.written.insert(path, written);
    }

    /// A path whose directories have their links resolved, as far as they are there.
    fn place(&self, path: &Path) -> PathBuf {
        let path = clean_join(Path::new("/"), &path.to_string_lossy());
        let Some(name) = path.file_name() else {
            return path;
        };
        for above in path.ancestors().skip(1) {
            if let Ok((directory, FileKind::Directory)) = self.resolve(above) {
                return directory.join(path.strip_prefix(above).unwrap_or(Path::new(name)));
            }
        }
        path
    }

    /// What stands at a path of the tree below, unless it is hidden. The directories on the way have no links.
    fn lower_kind(&self, path: &Path) -> io::Result<EntryKind> {
        if path.ancestors().any(|above| self.removed.contains(above)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.lower.entry_kind(path)
    }

    /// What stands at a path whose directories have no links.
    fn kind(&self, path: &Path) -> io::Result<EntryKind> {
        match self.written.get(path) {
            Some(Written::File(_)) => Ok(EntryKind::File),
            Some(Written::Link(_)) => Ok(EntryKind::Link),
            None if self.directories.contains(path) => Ok(EntryKind::Directory),
            None => self.lower_kind(path),
        }
    }

    /// Where a link leads, absolute or relative to its directory.
    fn target(&self, path: &Path) -> io::Result<PathBuf> {
        match self.written.get(path) {
            Some(Written::Link(target)) => Ok(target.clone()),
            _ => self.lower.read_link(path),
        }
    }
}

impl Files for OverlayFiles<'_> {
    fn resolve(&self, path: &Path) -> io::Result<(PathBuf, FileKind)> {
        resolve_links(path, &|path| self.kind(path), &|path| self.target(path))
    }

    fn entry_kind(&self, path: &Path) -> io::Result<EntryKind> {
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => self.kind(&self.resolve(parent)?.0.join(name)),
            _ => Ok(EntryKind::Directory),
        }
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => self.target(&self.resolve(parent)?.0.join(name)),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let (path, kind) = self.resolve(path)?;
        if kind == FileKind::Directory {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        match self.written.get(&path) {
            Some(Written::File(bytes)) if bytes.len() as u64 > limit => Err(io::ErrorKind::FileTooLarge.into()),
            Some(Written::File(bytes)) => Ok(bytes.clone()),
            _ => self.lower.read(&path, limit),
        }
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let (directory, kind) = self.resolve(directory)?;
        if kind == FileKind::File {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let mut names = BTreeSet::new();
        if matches!(self.lower_kind(&directory), Ok(EntryKind::Directory)) {
            let lower = self.lower.list(&directory)?;
            names.extend(
                lower
                    .into_iter()
                    .filter(|name| !self.removed.contains(&directory.join(name))),
            );
        }
        let above = self.written.keys().chain(&self.directories);
        let inside = above.filter(|path| path.parent() == Some(&directory));
        names.extend(inside.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())));
        Ok(names.into_iter().collect())
    }

    fn absolute(&self, path: &Path) -> io::Result<PathBuf> {
        self.lower.absolute(path)
    }

    fn display(&self, path: &Path) -> String {
        self.lower.display(path)
    }
}

impl std::fmt::Debug for OverlayFiles<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OverlayFiles")
            .field("written", &self.written.keys())
            .field("removed", &self.removed)
            .finish_non_exhaustive()
    }
}
