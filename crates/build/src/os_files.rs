//! [`Files`] on the disk: the one file of this crate that touches it.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the place where the file system is read"
)]

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::files::{EntryKind, FileKind, Files, clean_join, relative_to};

/// The files of the disk, seen from a working directory.
#[derive(Debug)]
pub struct OsFiles {
    working_directory: PathBuf,
}

impl OsFiles {
    /// Relative paths are taken from `working_directory`, which must be absolute.
    pub fn new(working_directory: PathBuf) -> OsFiles {
        OsFiles { working_directory }
    }
}

impl Files for OsFiles {
    fn resolve(&self, path: &Path) -> io::Result<(PathBuf, FileKind)> {
        let path = fs::canonicalize(path)?;
        let kind = if fs::metadata(&path)?.is_dir() {
            FileKind::Directory
        } else {
            FileKind::File
        };
        Ok((path, kind))
    }

    fn entry_kind(&self, path: &Path) -> io::Result<EntryKind> {
        let kind = fs::symlink_metadata(path)?.file_type();
        Ok(match kind {
            _ if kind.is_symlink() => EntryKind::Link,
            _ if kind.is_dir() => EntryKind::Directory,
            _ => EntryKind::File,
        })
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        fs::read_link(path)
    }

    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if metadata.len() > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        // What says no length (a pipe, a file of the kernel's) is read to its end, or one byte past the limit.
        let length = Some(metadata.len()).filter(|&length| metadata.is_file() && length > 0);
        let mut bytes = Vec::with_capacity(metadata.len() as usize);
        file.take(length.unwrap_or(limit + 1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(directory)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn absolute(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(clean_join(&self.working_directory, &path.to_string_lossy()))
    }

    fn display(&self, path: &Path) -> String {
        if let Ok(below) = path.strip_prefix(&self.working_directory)
            && below != Path::new("")
        {
            return below.display().to_string();
        }
        let relative = relative_to(path, &self.working_directory);
        let ups = relative
            .components()
            .take_while(|part| *part == std::path::Component::ParentDir)
            .count();
        let shorter = if ups > 3 { path } else { &relative };
        shorter.display().to_string()
    }
}
