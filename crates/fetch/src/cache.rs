//! What was fetched, kept by the digest of its content; and indexes that lead from URLs to digests.
//!
//! | path | holds |
//! |---|---|
//! | `blobs/DIGEST` | the bytes of a file, of a repository or behind HTTP |
//! | `manifests/DIGEST` | what a tree, or a part of one, holds: paths, modes and digests |
//! | `parts/KEY` | the digest of the manifest of a path in the tree of a commit |
//! | `commits/KEY` | that a URL has had a commit |
//! | `refs/KEY` | the commit that a reference of a URL had last |
//! | `urls/KEY` | the digest of what a URL gave last |
//! | `tmp/ROOM/` | what is being fetched, and the trees that a build sees |
//!
//! Everything is written in a room and renamed when it is whole, so a process that is killed leaves
//! nothing else than its room, which a later one removes. Several processes may use one cache: none
//! changes what is there, and of two that bring the same thing, one wins. Every content is compared with
//! its digest when it is used; what is damaged counts as not there.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use build::{FetchError, FetchErrorKind, RepoSpec, without_password};
use process::Scratch;

use crate::digest::Digest;
use crate::manifest::{Content, Manifest, TreeLimits};
use crate::prune::note_use;

/// A room is taken as abandoned when nobody holds its lock; younger ones may not have it yet.
const YOUNG: Duration = Duration::from_secs(60);
/// The file in a room that its process holds locked.
const LOCK: &str = "lock";

/// The directories of what is kept.
pub(crate) const KINDS: [&str; 6] = ["blobs", "manifests", "parts", "commits", "refs", "urls"];
/// A part of which only its kind is known.
const DIRECTORY: &str = "directory";

/// What is known of a path in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// It is a directory.
    Directory,
    /// All of it is in the manifest of this digest; nothing is, where there is nothing at the path.
    Whole(Digest),
}

#[derive(Debug)]
pub(crate) struct Cache {
    top: PathBuf,
    /// Where this process works.
    own: OnceLock<Room>,
}

/// A directory of this process alone; removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    scratch: Scratch,
    _lock: File,
}

impl Room {
    /// An empty directory.
    pub(crate) fn tree(&self) -> PathBuf {
        self.scratch.path().join("tree")
    }

    /// A name that nothing in it has yet.
    fn unused(&self) -> PathBuf {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        self.scratch
            .path()
            .join(COUNT.fetch_add(1, Ordering::Relaxed).to_string())
    }
}

impl Cache {
    pub(crate) fn new(top: PathBuf) -> Cache {
        let own = OnceLock::new();
        Cache { top, own }
    }

    /// The manifest of a digest, if it is there and whole.
    pub(crate) fn manifest(&self, digest: &Digest) -> Option<Manifest> {
        let mut text = Vec::new();
        let mut file = File::open(self.path("manifests", digest)).ok()?;
        file.read_to_end(&mut text).ok()?;
        note_use(&file);
        if Digest::of_bytes(&text) != *digest {
            return None;
        }
        Manifest::parse(&text)
    }

    /// Keeps a manifest.
    pub(crate) fn keep_manifest(&self, manifest: &Manifest) -> Result<Digest, FetchError> {
        let digest = manifest.digest();
        if self.manifest(&digest).is_none() {
            self.write(&self.path("manifests", &digest), &manifest.to_bytes())?;
        }
        Ok(digest)
    }

    /// Keeps a content of a tree. A file stays where it is, and has another name here.
    pub(crate) fn keep_content(&self, content: &Content<'_>) -> io::Result<()> {
        let (digest, bytes) = match content {
            Content::File(_, bytes, digest) | Content::Link(bytes, digest) => (digest, *bytes),
        };
        if self.blob(digest, bytes.len() as u64).is_some() {
            return Ok(());
        }
        let path = self.path("blobs", digest);
        // What is damaged makes room.
        let _ = fs::remove_file(&path);
        if let Content::File(file, ..) = content {
            self.directory(&self.top.join("blobs"))?;
            if fs::hard_link(file, &path).is_ok() {
                return Ok(());
            }
        }
        self.write(&path, bytes)
            .map_err(|error| io::Error::other(error.message))
    }

    /// What is known of a path in the tree of a commit.
    pub(crate) fn part(&self, tree: &str, path: &str) -> Option<Part> {
        match &*self.index_entry("parts", &part_key(tree, path))? {
            DIRECTORY => Some(Part::Directory),
            hex => Digest::from_hex(hex).map(Part::Whole),
        }
    }

    pub(crate) fn note_part(&self, tree: &str, path: &str, part: Part) -> Result<(), FetchError> {
        let text = match part {
            Part::Directory => DIRECTORY.to_owned(),
            Part::Whole(digest) => digest.hex(),
        };
        self.note("parts", &part_key(tree, path), &text)
    }

    /// The bytes of a digest, if they are there and whole.
    pub(crate) fn blob(&self, digest: &Digest, limit: u64) -> Option<Vec<u8>> {
        let file = File::open(self.path("blobs", digest)).ok()?;
        let mut bytes = Vec::new();
        note_use(&file);
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).ok()?;
        (Digest::of_bytes(&bytes) == *digest).then_some(bytes)
    }

    /// Whether a URL had a commit when something was fetched from it.
    pub(crate) fn has_commit(&self, spec: &RepoSpec, commit: &str) -> bool {
        self.index_entry("commits", &commit_key(spec, commit)).is_some()
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
        self.note("commits", &commit_key(spec, commit), commit)?;
        self.note("refs", &reference_key(spec), commit)
    }

    /// Keeps the bytes that a URL gave.
    pub(crate) fn keep_blob(&self, url: &str, bytes: &[u8]) -> Result<Digest, FetchError> {
        let digest = Digest::of_bytes(bytes);
        if self.blob(&digest, bytes.len() as u64).is_none() {
            self.write(&self.path("blobs", &digest), bytes)?;
        }
        self.note("urls", &without_password(url), &digest.hex())?;
        Ok(digest)
    }

    /// An empty directory for a tree that a build sees; it goes with this value.
    pub(crate) fn view(&self) -> Result<PathBuf, FetchError> {
        let view = self.own_room()?.unused();
        let made = fs::create_dir(&view).and_then(|()| fs::canonicalize(&view));
        made.map_err(|error| self.unwritable(&error))
    }

    fn own_room(&self) -> Result<&Room, FetchError> {
        if let Some(room) = self.own.get() {
            return Ok(room);
        }
        let room = self.room()?;
        Ok(self.own.get_or_init(|| room))
    }

    /// A place to work in.
    pub(crate) fn room(&self) -> Result<Room, FetchError> {
        let rooms = self.top.join("tmp");
        let make = || {
            self.directory(&rooms)?;
            remove_abandoned(&rooms);
            let scratch = Scratch::below(&std::path::absolute(&rooms)?, "room-")?;
            let lock = File::create(scratch.path().join(LOCK))?;
            lock.lock()?;
            fs::create_dir(scratch.path().join("tree"))?;
            Ok(Room { scratch, _lock: lock })
        };
        make().map_err(|error: io::Error| self.unwritable(&error))
    }

    fn path(&self, kind: &str, digest: &Digest) -> PathBuf {
        self.top.join(kind).join(digest.hex())
    }

    fn index_path(&self, index: &str, key: &str) -> PathBuf {
        self.top.join(index).join(Digest::of_bytes(key.as_bytes()).hex())
    }

    fn index_entry(&self, index: &str, key: &str) -> Option<String> {
        let mut text = String::new();
        let mut file = File::open(self.index_path(index, key)).ok()?;
        file.read_to_string(&mut text).ok()?;
        note_use(&file);
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
        let file = self.own_room()?.unused();
        // Not synchronized: a file that a failing disk cut off is not what its digest says.
        fs::write(&file, bytes).map_err(|error| self.unwritable(&error))?;
        self.put(&file, path)
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

    pub(crate) fn unwritable(&self, error: &io::Error) -> FetchError {
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

fn part_key(tree: &str, path: &str) -> String {
    format!("{tree}\0{path}")
}

fn commit_key(spec: &RepoSpec, commit: &str) -> String {
    format!("{}\0{commit}", without_password(&spec.clone_url))
}

fn reference_key(spec: &RepoSpec) -> String {
    commit_key(spec, &spec.reference)
}

/// Removes rooms of processes that ended without doing so.
pub(crate) fn remove_abandoned(rooms: &Path) {
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
