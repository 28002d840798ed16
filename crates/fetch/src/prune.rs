//! What a cache holds, and taking away what was not used for long.
//!
//! Safe beside running builds: they see copies, and what they miss in the cache they fetch again.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::cache::{KINDS, remove_abandoned};

/// A use is noted in the time of a file when the last one was so long ago.
const USE_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Files of a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheSize {
    pub files: u64,
    pub bytes: u64,
}

/// The kinds of files that a cache holds, and how much of each there is; nothing of what is being fetched.
///
/// # Errors
/// Where the cache cannot be read. One that is not there is empty.
pub fn cache_sizes(top: &Path) -> io::Result<Vec<(&'static str, CacheSize)>> {
    let size = |kind| {
        let mut size = CacheSize::default();
        each(top, kind, &mut |_, metadata| {
            size.files += 1;
            size.bytes += metadata.len();
            Ok(())
        })?;
        Ok((kind, size))
    };
    KINDS.into_iter().map(size).collect()
}

/// Removes what was last used longer ago than `age`, and what killed processes left; gives how much that was.
///
/// # Errors
/// Where the cache cannot be read or written to.
pub fn prune_cache(top: &Path, age: Duration) -> io::Result<CacheSize> {
    let mut removed = CacheSize::default();
    let now = SystemTime::now();
    for kind in KINDS {
        each(top, kind, &mut |path, metadata| {
            let unused = now.duration_since(metadata.modified()?).unwrap_or_default();
            if unused < age {
                return Ok(());
            }
            match fs::remove_file(path) {
                Ok(()) => {
                    removed.files += 1;
                    removed.bytes += metadata.len();
                    Ok(())
                }
                // Another process was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                Err(error) => Err(error),
            }
        })?;
    }
    remove_abandoned(&top.join("tmp"));
    Ok(removed)
}

/// Notes that a file is used.
pub(crate) fn note_use(file: &File) {
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    let now = SystemTime::now();
    let age = modified.ok().and_then(|at| now.duration_since(at).ok());
    if age.is_some_and(|age| age > USE_INTERVAL) {
        // In a cache that may only be read, nothing is pruned either.
        let _ = file.set_modified(now);
    }
}

fn each(top: &Path, kind: &str, visit: &mut dyn FnMut(&PathBuf, &fs::Metadata) -> io::Result<()>) -> io::Result<()> {
    let entries = match fs::read_dir(top.join(kind)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        match entry.metadata() {
            Ok(metadata) if metadata.is_file() => visit(&entry.path(), &metadata)?,
            _ => {}
        }
    }
    Ok(())
}
