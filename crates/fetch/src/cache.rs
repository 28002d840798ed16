//! The trees that were fetched, by URL and commit, and the commit that each reference had last.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use build::{FetchError, RepoSpec};
use sha2::{Digest, Sha256};

/// What a killed run left behind is removed after this time.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug)]
pub(crate) struct Cache {
    top: PathBuf,
}

/// A directory of this process alone.
pub(crate) struct Room(PathBuf);

impl Room {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn clear(self) {
        // It is found and removed later where this fails.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Cache {
    pub(crate) fn new(top: PathBuf) -> Cache {
        Cache { top }
    }

    /// The tree that a reference had when it was fetched last.
    pub(crate) fn find(&self, spec: &RepoSpec) -> Option<PathBuf> {
        let commit = fs::read_to_string(self.reference(spec)).ok()?;
        fs::canonicalize(self.tree(spec, commit.trim())).ok()
    }

    /// An empty directory to work in.
    pub(crate) fn room(&self) -> Result<Room, FetchError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let rooms = self.top.join("tmp");
        self.remove_abandoned(&rooms);
        let name = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = rooms.join(name);
        // A process of the same number may have been killed here.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).map_err(|error| unwritable(&self.top, &error))?;
        Ok(Room(path))
    }

    /// Makes the tree in a directory the one of this commit, all of it at once.
    pub(crate) fn keep(&self, spec: &RepoSpec, commit: &str, from: &Path) -> Result<PathBuf, FetchError> {
        let fail = |error: std::io::Error| unwritable(&self.top, &error);
        let tree = self.tree(spec, commit);
        for directory in ["trees", "refs"] {
            fs::create_dir_all(self.top.join(directory)).map_err(fail)?;
        }
        if !tree.is_dir()
            && let Err(error) = fs::rename(from, &tree)
            && !tree.is_dir()
        {
            // Another process may have been faster: then its tree is there.
            return Err(fail(error));
        }
        let reference = self.reference(spec);
        let room = self.room()?;
        let written = room.path().join("ref");
        let result = fs::write(&written, commit).and_then(|()| fs::rename(&written, reference));
        room.clear();
        result.map_err(fail)?;
        fs::canonicalize(tree).map_err(fail)
    }

    fn tree(&self, spec: &RepoSpec, commit: &str) -> PathBuf {
        self.top.join("trees").join(name(&[
            &spec.clone_url,
            commit,
            if spec.submodules { "all" } else { "" },
        ]))
    }

    fn reference(&self, spec: &RepoSpec) -> PathBuf {
        self.top.join("refs").join(name(&[
            &spec.clone_url,
            &spec.reference,
            if spec.submodules { "all" } else { "" },
        ]))
    }

    fn remove_abandoned(&self, rooms: &Path) {
        for room in fs::read_dir(rooms).into_iter().flatten().flatten() {
            let modified = room.metadata().and_then(|metadata| metadata.modified());
            let age = modified.ok().and_then(|at| SystemTime::now().duration_since(at).ok());
            if age.is_some_and(|age| age > ABANDONED) {
                let _ = fs::remove_dir_all(room.path());
            }
        }
    }
}

fn name(parts: &[&str]) -> String {
    Sha256::digest(parts.join("\0"))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn unwritable(top: &Path, error: &std::io::Error) -> FetchError {
    FetchError::new(format!("cannot write to the cache \"{}\": {error}", top.display()))
        .hint("set XDG_CACHE_HOME to a directory that this user may write to")
}
