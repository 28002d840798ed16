//! What was fetched, kept by the digest of its content; and indexes that lead from URLs to digests.
//!
//! | path | holds |
//! |---|---|
//! | `trees/DIGEST/` | the files of a repository |
//! | `blobs/DIGEST` | the bytes of a file |
//! | `commits/KEY` | the digest of the tree of a URL at a commit |
//! | `refs/KEY` | the commit that a reference of a URL had last |
//! | `urls/KEY` | the digest of what a URL gave last |
//! | `tmp/ROOM/` | what is being fetched |
//!
//! Everything is written in a room and renamed when it is whole, so a process that is killed leaves
//! nothing else than its room, which a later one removes. Several processes may use one cache: none
//! changes what is there, and of two that bring the same thing, one wins. Every content is compared with
//! its digest when it is used; what is damaged counts as not there.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use build::{FetchError, FetchErrorKind, RepoSpec, without_password};

use crate::digest::{self, Digest, TreeLimits};

/// A room is taken as abandoned when nobody holds its lock; younger ones may not have it yet.
const YOUNG: Duration = Duration::from_secs(60);
/// The file in a room that its process holds locked.
const LOCK: &str = "lock";

#[derive(Clone, Debug)]
pub(crate) struct Cache {
    top: PathBuf,
}

/// A directory of this process alone; removed when it is dropped.
pub(crate) struct Room {
    path: PathBuf,
    _lock: File,
}

impl Room {
    /// An empty directory.
    pub(crate) fn tree(&self) -> PathBuf {
        self.path.join("tree")
    }

    fn file(&self) -> PathBuf {
        self.path.join("file")
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // It is found and removed later where this fails.
        let _ = fs::remove_dir_all(&self.path);
    }
}

impl Cache {
    pub(crate) fn new(top: PathBuf) -> Cache {
        Cache { top }
    }

    /// The tree of a digest, if it is there and whole.
    pub(crate) fn tree(&self, digest: &Digest, limits: &TreeLimits) -> Option<PathBuf> {
        let path = fs::canonicalize(self.tree_path(digest)).ok()?;
        if digest::of_tree(&path, limits).ok()? == *digest {
            return Some(path);
        }
        // Out of the way, so that a whole one can take its place.
        if let Ok(room) = self.room() {
            let _ = fs::rename(&path, room.path.join("damaged"));
        }
        None
    }

    /// The bytes of a digest, if they are there and whole.
    pub(crate) fn blob(&self, digest: &Digest, limit: u64) -> Option<Vec<u8>> {
        let file = File::open(self.blob_path(digest)).ok()?;
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).ok()?;
        (Digest::of_bytes(&bytes) == *digest).then_some(bytes)
    }

    /// The digest of the tree of a URL at a commit.
    pub(crate) fn digest_at(&self, spec: &RepoSpec, commit: &str) -> Option<Digest> {
        Digest::from_hex(&self.index_entry("commits", &commit_key(spec, commit))?)
    }

    /// The commit that a reference had when it was fetched last.
    pub(crate) fn last_commit(&self, spec: &RepoSpec) -> Option<String> {
        self.index_entry("refs", &reference_key(spec))
    }

    /// The digest of what a URL gave last.
    pub(crate) fn last_digest(&self, url: &str) -> Option<Digest> {
        Digest::from_hex(&self.index_entry("urls", &without_password(url))?)
    }

    /// Notes the commit that a reference has now.
    pub(crate) fn note_commit(&self, spec: &RepoSpec, commit: &str) -> Result<(), FetchError> {
        self.note("refs", &reference_key(spec), commit)
    }

    /// Keeps the tree that was made in a room.
    pub(crate) fn keep_tree(
        &self,
        room: &Room,
        spec: &RepoSpec,
        commit: &str,
        limits: &TreeLimits,
    ) -> Result<(Digest, PathBuf), FetchError> {
        let digest = digest::of_tree(&room.tree(), limits).map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => too_large(spec, limits),
            _ => self.unwritable(&error),
        })?;
        let tree = match self.tree(&digest, limits) {
            Some(tree) => tree,
            None => {
                let path = self.tree_path(&digest);
                self.put(&room.tree(), &path)?;
                fs::canonicalize(path).map_err(|error| self.unwritable(&error))?
            }
        };
        self.note("commits", &commit_key(spec, commit), &digest.hex())?;
        self.note_commit(spec, commit)?;
        Ok((digest, tree))
    }

    /// Keeps the bytes that a URL gave.
    pub(crate) fn keep_blob(&self, url: &str, bytes: &[u8]) -> Result<Digest, FetchError> {
        let digest = Digest::of_bytes(bytes);
        if self.blob(&digest, bytes.len() as u64).is_none() {
            self.write(&self.blob_path(&digest), bytes)?;
        }
        self.note("urls", &without_password(url), &digest.hex())?;
        Ok(digest)
    }

    /// A place to work in.
    pub(crate) fn room(&self) -> Result<Room, FetchError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let rooms = self.top.join("tmp");
        let make = || {
            self.directory(&rooms)?;
            remove_abandoned(&rooms);
            let age = SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default();
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = rooms.join(format!("{}-{}-{count}", std::process::id(), age.as_nanos()));
            fs::create_dir(&path)?;
            let lock = File::create(path.join(LOCK))?;
            lock.lock()?;
            fs::create_dir(path.join("tree"))?;
            Ok(Room { path, _lock: lock })
        };
        make().map_err(|error: io::Error| self.unwritable(&error))
    }

    fn tree_path(&self, digest: &Digest) -> PathBuf {
        self.top.join("trees").join(digest.hex())
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.top.join("blobs").join(digest.hex())
    }

    fn index_path(&self, index: &str, key: &str) -> PathBuf {
        self.top.join(index).join(Digest::of_bytes(key.as_bytes()).hex())
    }

    fn index_entry(&self, index: &str, key: &str) -> Option<String> {
        let text = fs::read_to_string(self.index_path(index, key)).ok()?;
        Some(text.strip_suffix('\n')?.to_owned())
    }

    fn note(&self, index: &str, key: &str, value: &str) -> Result<(), FetchError> {
        if self.index_entry(index, key).as_deref() == Some(value) {
            return Ok(());
        }
        self.write(&self.index_path(index, key), format!("{value}\n").as_bytes())
    }

    /// Writes a file, all of it at once.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), FetchError> {
        let room = self.room()?;
        let written = File::create_new(room.file()).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        written.map_err(|error| self.unwritable(&error))?;
        self.put(&room.file(), path)
    }

    /// Moves what is whole to its place, unless another process was faster.
    fn put(&self, from: &Path, to: &Path) -> Result<(), FetchError> {
        let moved = to
            .parent()
            .map_or(Ok(()), |parent| self.directory(parent))
            .and_then(|()| fs::rename(from, to));
        match moved {
            Err(error) if !to.is_dir() => Err(self.unwritable(&error)),
            _ => Ok(()),
        }
    }

    /// Makes a directory that other users may not read: repositories can be private.
    fn directory(&self, path: &Path) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path)
    }

    fn unwritable(&self, error: &io::Error) -> FetchError {
        let message = format!("cannot write to the cache \"{}\": {error}", self.top.display());
        FetchError::new(FetchErrorKind::Input, message)
            .hint("set XDG_CACHE_HOME to a directory that this user may write to")
    }
}

/// The error for a repository that is larger than is allowed.
pub(crate) fn too_large(spec: &RepoSpec, limits: &TreeLimits) -> FetchError {
    let message = format!(
        "\"{}\" holds more than {} files or {} MiB",
        without_password(&spec.raw),
        limits.files,
        limits.bytes >> 20
    );
    FetchError::new(FetchErrorKind::Input, message).hint("name a smaller repository")
}

fn commit_key(spec: &RepoSpec, commit: &str) -> String {
    format!("{}\0{commit}\0{}", without_password(&spec.clone_url), spec.submodules)
}

fn reference_key(spec: &RepoSpec) -> String {
    commit_key(spec, &spec.reference)
}

/// Removes rooms of processes that ended without doing so.
fn remove_abandoned(rooms: &Path) {
    for room in fs::read_dir(rooms).into_iter().flatten().flatten() {
        let modified = room.metadata().and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        if age.is_none_or(|age| age < YOUNG) {
            continue;
        }
        let is_free = File::open(room.path().join(LOCK)).map_or(true, |lock| lock.try_lock().is_ok());
        if is_free {
            let _ = fs::remove_dir_all(room.path());
        }
    }
}
