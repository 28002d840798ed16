//! The directory that `git` fills, looked at while it does: no server says beforehand how much it sends.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::manifest::TreeLimits;

/// Between two looks, at least; a look that takes long is followed by a longer pause.
const PAUSE: Duration = Duration::from_millis(100);
/// Git's own files, and what is small beside what is worth to be limited.
const SLACK: u64 = 16 << 20;

/// A directory that may grow so far and no further.
pub(crate) struct Watched {
    directory: PathBuf,
    limit: u64,
    next_look: Instant,
}

impl Watched {
    /// A tree that is allowed is there twice: as Git packs it, and as files.
    pub(crate) fn new(directory: &Path, limits: &TreeLimits) -> Watched {
        Watched {
            directory: directory.to_owned(),
            limit: limits.bytes.saturating_mul(2).saturating_add(SLACK),
            next_look: Instant::now() + PAUSE,
        }
    }

    /// Whether it has not grown too far, as far as it is known yet.
    pub(crate) fn is_within(&mut self) -> bool {
        let now = Instant::now();
        if now < self.next_look {
            return true;
        }
        let is_within = size(&self.directory) <= self.limit;
        self.next_look = Instant::now() + PAUSE.max(now.elapsed() * 10);
        is_within
    }
}

/// The bytes of the files in a directory. What goes away meanwhile does not count.
fn size(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.fold(0, u64::saturating_add)
}
