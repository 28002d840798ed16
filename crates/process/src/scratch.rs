//! A directory for the files of one run.
//!
//! Its process holds it locked. Where nobody was left to remove it, the next one that makes a directory beside it
//! finds it with a free lock, and removes it.

use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::BuildHasher;
use std::io;
use std::path::Path;

use tempfile::TempDir;

use crate::live;

/// An empty directory that only this user may read; removed when it is dropped, and on an interrupt.
#[derive(Debug)]
pub struct Scratch {
    directory: TempDir,
    /// Free again when this process ends, however it ends. The system may have no such locks.
    _lock: Option<File>,
}

/// The directory below that for temporary files that holds all of a user.
const HOME: &str = "terrace-scratch-";

impl Scratch {
    /// Makes one below the system's directory for temporary files: `prefix` and digits.
    ///
    /// # Errors
    /// Where that directory cannot be written to.
    pub fn new(prefix: &str) -> io::Result<Scratch> {
        let temporary = std::path::absolute(std::env::temp_dir())?;
        let home = temporary.join(format!("{HOME}{}", owner::this_user()));
        loop {
            if !owner::make_private(&home)? {
                // Somebody else's: what is made in it could be exchanged.
                return Scratch::make(&temporary, prefix);
            }
            match Scratch::below(&home, prefix) {
                // Another process left, and took it along.
                Err(error) if error.kind() == io::ErrorKind::NotFound && temporary.is_dir() => {}
                made => return made,
            }
        }
    }

    /// Makes one in a directory, and removes those of this prefix whose processes are gone.
    ///
    /// # Errors
    /// Where the directory cannot be written to.
    pub fn below(directory: &Path, prefix: &str) -> io::Result<Scratch> {
        let is_home = is_home(directory);
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let digits = name.to_str().and_then(|name| name.strip_prefix(prefix));
            let is_one =
                digits.is_some_and(|digits| digits.len() > 8 && digits.bytes().all(|byte| byte.is_ascii_digit()));
            if is_home || is_one {
                remove_abandoned(&entry.path());
            }
        }
        Scratch::make(directory, prefix)
    }

    fn make(directory: &Path, prefix: &str) -> io::Result<Scratch> {
        loop {
            // Seeded by the system.
            let name = format!("{prefix}{}", RandomState::new().hash_one(prefix) >> 16);
            // Before it is there: a kill may come at any moment.
            let path = directory.join(&name);
            live::note_directory(&path);
            match tempfile::Builder::new()
                .prefix(&name)
                .rand_bytes(0)
                .tempdir_in(directory)
            {
                Ok(directory) => match lock(&path) {
                    Some(lock) => {
                        let _lock = lock;
                        return Ok(Scratch { directory, _lock });
                    }
                    // Somebody found it before it was locked.
                    None => live::forget_directory(&path),
                },
                Err(error) => {
                    live::forget_directory(&path);
                    if error.kind() != io::ErrorKind::AlreadyExists {
                        return Err(error);
                    }
                }
            }
        }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Where it cannot be removed, whoever tidies up tries again.
        let _ = remove(self.path());
        live::forget_directory(self.path());
    }
}

/// Removes a directory, and the one that holds all of this user where it was the last.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let removed = fs::remove_dir_all(path);
    if let Some(home) = path.parent().filter(|parent| is_home(parent)) {
        // Not where it holds others.
        let _ = fs::remove_dir(home);
    }
    removed
}

fn is_home(directory: &Path) -> bool {
    let name = directory.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(HOME))
}

/// Locks a new directory: `None` where it is gone, `Some(None)` where it cannot be locked.
fn lock(path: &Path) -> Option<Option<File>> {
    let Ok(directory) = File::open(path) else {
        return path.is_dir().then_some(None);
    };
    // Who removes it holds its lock.
    match directory.lock() {
        Ok(()) => path.is_dir().then_some(Some(directory)),
        Err(_) => Some(None),
    }
}

/// Removes a directory of this user that no process holds. What cannot be told or removed stays.
fn remove_abandoned(path: &Path) {
    if !owner::is_own_directory(path) {
        return;
    }
    if let Ok(directory) = File::open(path)
        && directory.try_lock().is_ok()
    {
        let _ = fs::remove_dir_all(path);
    }
}

#[cfg(unix)]
mod owner {
    use super::{Path, fs, io};
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};

    pub(super) fn this_user() -> String {
        rustix::process::geteuid().as_raw().to_string()
    }

    /// Whether there is a directory now that this user alone may write to.
    pub(super) fn make_private(path: &Path) -> io::Result<bool> {
        match fs::DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // It may have gone since.
        Ok(fs::symlink_metadata(path).map_or(true, |found| {
            found.is_dir() && found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o022 == 0
        }))
    }

    pub(super) fn is_own_directory(path: &Path) -> bool {
        fs::symlink_metadata(path)
            .is_ok_and(|found| found.is_dir() && found.uid() == rustix::process::geteuid().as_raw())
    }
}

#[cfg(not(unix))]
mod owner {
    use super::{Path, fs, io};

    pub(super) fn this_user() -> &'static str {
        "user"
    }

    pub(super) fn make_private(path: &Path) -> io::Result<bool> {
        match fs::create_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(path.is_dir()),
        }
    }

    /// Directories cannot be locked there.
    pub(super) fn is_own_directory(_: &Path) -> bool {
        false
    }
}
