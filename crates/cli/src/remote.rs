//! What a command sees of the outside: the user's cache, and the lock beside a kustomization.

use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::sync::OnceLock;

use build::{BuildError, DEFAULT_FILE_LIMIT, ErrorKind, Session};
use fetch::{Fetcher, LOCK_NAME, Lock};
use yaml::Mark;

use crate::args::NetworkArgs;
use crate::diagnostic::Reporter;
use crate::progress;

/// How to fetch, the same for everything that a command builds.
#[derive(Clone, Debug)]
pub(crate) struct Outside {
    cache: PathBuf,
    offline: bool,
    /// Whether the user can read what is fetched, and wants to.
    is_watched: bool,
}

impl Outside {
    pub(crate) fn new(network: NetworkArgs, reporter: &Reporter) -> Outside {
        Outside {
            cache: cache_directory(),
            offline: network.offline,
            is_watched: !reporter.quiet && progress::is_readable(),
        }
    }

    /// Fetches what a lock names; without one, what the URLs lead to now.
    pub(crate) fn fetcher(&self, lock: Option<Lock>) -> Fetcher {
        let fetcher = Fetcher::new(self.cache.clone(), self.offline).with_lock(lock);
        if self.is_watched {
            fetcher.watched(progress::fetching())
        } else {
            fetcher
        }
    }
}

/// Where what is fetched is kept: in the user's cache directory. A user without one, and without a home, has one
/// among the temporary files.
pub(crate) fn cache_directory() -> PathBuf {
    let set = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let caches = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    match caches {
        Some(caches) => caches.join("terrace"),
        None => temporary_cache(),
    }
}

/// A cache among the temporary files, which only this user can write to. Where somebody else has taken its name,
/// one for this run alone.
#[cfg(unix)]
fn temporary_cache() -> PathBuf {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    static FOR_THIS_RUN: OnceLock<Option<exec::Scratch>> = OnceLock::new();
    let user = exec::current_user();
    let user = user.split(':').next().unwrap_or_default();
    let directory = std::env::temp_dir().join(format!("terrace-{user}"));
    // It may be there already: then it matters whose it is.
    let _ = std::fs::DirBuilder::new().mode(0o700).create(&directory);
    let is_own = std::fs::symlink_metadata(&directory)
        .is_ok_and(|metadata| metadata.is_dir() && metadata.uid().to_string() == user && metadata.mode() & 0o077 == 0);
    if is_own {
        return directory;
    }
    let scratch = FOR_THIS_RUN.get_or_init(|| exec::Scratch::new("terrace-cache-").ok());
    scratch.as_ref().map_or(directory, |scratch| scratch.path().to_owned())
}

#[cfg(not(unix))]
fn temporary_cache() -> PathBuf {
    std::env::temp_dir().join("terrace")
}

/// The locks of several directories: those with the same lock see one outside.
pub(crate) struct Locks {
    kinds: Vec<Option<Lock>>,
    /// Which of the kinds each directory has.
    of: Vec<Result<usize, BuildError>>,
}

impl Locks {
    pub(crate) fn read<'d>(session: &Session<'_>, directories: impl Iterator<Item = &'d Path>) -> Locks {
        let mut kinds: Vec<Option<Lock>> = Vec::new();
        let of = directories.map(|directory| {
            let lock = lock_beside(session, directory)?;
            let known = kinds.iter().position(|kind| *kind == lock);
            Ok(known.unwrap_or_else(|| {
                kinds.push(lock);
                kinds.len() - 1
            }))
        });
        let of = of.collect();
        Locks { kinds, of }
    }

    /// A fetcher for each kind.
    pub(crate) fn fetchers(&self, outside: &Outside) -> Vec<Fetcher> {
        self.kinds.iter().map(|lock| outside.fetcher(lock.clone())).collect()
    }

    /// What there is of the kind that the directory at a position has.
    pub(crate) fn choose<'k, T>(&self, at: usize, kinds: &'k [T]) -> Result<&'k T, BuildError> {
        self.of[at].clone().map(|kind| &kinds[kind])
    }
}

/// The lock beside the kustomization in a directory, if there is one.
pub(crate) fn lock_beside(session: &Session<'_>, directory: &Path) -> Result<Option<Lock>, BuildError> {
    let path = directory.join(LOCK_NAME);
    let files = session.files();
    let cannot = |error: &dyn std::fmt::Display| {
        let message = format!("cannot read \"{}\": {error}", path.display());
        BuildError::new(ErrorKind::File, Mark::NONE, message)
    };
    let full = files.absolute(&path).map_err(|error| cannot(&error))?;
    let bytes = match files.read(&full, DEFAULT_FILE_LIMIT) {
        Ok(bytes) => bytes,
        // A URL, or a directory that is not there: the build has more to say about it.
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(cannot(&error)),
    };
    let text = yaml::decode(bytes).map_err(|error| cannot(&error))?;
    let source = session
        .sources()
        .add(files.display(&full), yaml::normalize_newlines(text));
    Lock::read(&source).map(Some)
}
