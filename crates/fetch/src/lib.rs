//! What a build needs from outside: Git repositories through the `git` program, and files behind HTTP;
//! kept in a cache, and held where a lock says.
//!
//! In goes a [`build::RepoSpec`] or a URL; out comes the directory of a tree, or bytes.

mod cache;
mod definitions;
mod digest;
mod git;
mod git_error;
mod http;
mod lock;
mod proxy;
mod retry;
mod revision;

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use build::{Fetch, FetchError, FetchErrorKind, FileRequest, RepoSpec, without_password};
use cache::Cache;
use git::Git;
use http::Http;
use lock::{Pin, RepositoryKey};

pub use definitions::{Kubectl, PullError, pull_definitions};
pub use digest::{Digest, TreeLimits};
pub use http::HttpLimits;
pub use lock::{LOCK_NAME, Lock};
pub use revision::Revision;

/// What is told of a fetch: the URL when it begins, nothing when it is over.
type Watch = Box<dyn Fn(Option<&str>) + Send + Sync>;

/// Fetches into a cache directory. It notes what it gave, as a lock would hold it.
pub struct Fetcher {
    cache: Cache,
    offline: bool,
    lock: Option<Lock>,
    given: Mutex<Lock>,
    tree_limits: TreeLimits,
    http_limits: HttpLimits,
    http: OnceLock<Http>,
    watch: Option<Watch>,
}

impl Fetcher {
    /// Keeps what is fetched in `cache`. Offline, only what is there is used.
    pub fn new(cache: PathBuf, offline: bool) -> Fetcher {
        Fetcher {
            cache: Cache::new(cache),
            offline,
            lock: None,
            given: Mutex::default(),
            tree_limits: TreeLimits::default(),
            http_limits: HttpLimits::default(),
            http: OnceLock::new(),
            watch: None,
        }
    }

    /// Gives only what a lock names, as it was when it was locked.
    #[must_use]
    pub fn with_lock(mut self, lock: Option<Lock>) -> Fetcher {
        self.lock = lock;
        self
    }

    #[must_use]
    pub fn with_limits(mut self, tree: TreeLimits, http: HttpLimits) -> Fetcher {
        (self.tree_limits, self.http_limits) = (tree, http);
        self
    }

    /// Tells of each fetch that goes to the network.
    #[must_use]
    pub fn watched(mut self, watch: impl Fn(Option<&str>) + Send + Sync + 'static) -> Fetcher {
        self.watch = Some(Box::new(watch));
        self
    }

    /// A lock of what was given so far.
    pub fn given(&self) -> Lock {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, note: impl FnOnce(&mut Lock)) {
        note(&mut self.given.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn watching<T>(&self, url: &str, work: impl FnOnce() -> T) -> T {
        let tell = |url| self.watch.iter().for_each(|watch| watch(url));
        let shown = without_password(url);
        tell(Some(&shown));
        let done = work();
        tell(None);
        done
    }

    /// The tree of the commit that a lock names.
    fn locked_tree(&self, spec: &RepoSpec, pin: &Pin) -> Result<PathBuf, FetchError> {
        if let Some(tree) = self.cache.tree(&pin.digest, &self.tree_limits) {
            return Ok(tree);
        }
        self.need_network(&spec.raw)?;
        let room = self.cache.room()?;
        let directory = room.tree();
        let git = self.git(spec, &directory);
        self.watching(&spec.raw, || git.fetch_commit(&pin.commit))?;
        let (digest, tree) = self.cache.keep_tree(&room, spec, &pin.commit, &self.tree_limits)?;
        match digest == pin.digest {
            true => Ok(tree),
            false => Err(mismatch(
                &spec.raw,
                &format!(" at {}", pin.commit),
                &digest,
                &pin.digest,
            )),
        }
    }

    /// The tree that a reference leads to now; offline, the one it led to when it was fetched last.
    fn current_tree(&self, spec: &RepoSpec) -> Result<(PathBuf, Pin), FetchError> {
        let known = if git::is_commit(&spec.reference) {
            Some(spec.reference.clone())
        } else {
            match self.cache.last_commit(spec) {
                Some(last) if self.offline => Some(last),
                // Worth asking: what is there may still be what is wanted.
                Some(_) => self.current_commit(spec)?,
                None => None,
            }
        };
        if let Some(commit) = known
            && let Some(digest) = self.cache.digest_at(spec, &commit)
            && let Some(tree) = self.cache.tree(&digest, &self.tree_limits)
        {
            if !self.offline {
                self.cache.note_commit(spec, &commit)?;
            }
            return Ok((tree, Pin { commit, digest }));
        }
        self.need_network(&spec.raw)?;
        let room = self.cache.room()?;
        let directory = room.tree();
        let commit = self.watching(&spec.raw, || self.git(spec, &directory).fetch())?;
        let (digest, tree) = self.cache.keep_tree(&room, spec, &commit, &self.tree_limits)?;
        Ok((tree, Pin { commit, digest }))
    }

    fn current_commit(&self, spec: &RepoSpec) -> Result<Option<String>, FetchError> {
        let here = std::env::temp_dir();
        self.watching(&spec.raw, || self.git(spec, &here).current_commit())
    }

    fn git<'a>(&'a self, spec: &'a RepoSpec, directory: &'a std::path::Path) -> Git<'a> {
        Git {
            spec,
            directory,
            limits: &self.tree_limits,
        }
    }

    fn download(&self, request: &FileRequest<'_>) -> Result<(Vec<u8>, Digest), FetchError> {
        self.need_network(request.url)?;
        let http = self.http.get_or_init(|| Http::new(self.http_limits));
        let bytes = self.watching(request.url, || http.get(request))?;
        let digest = self.cache.keep_blob(request.url, &bytes)?;
        Ok((bytes, digest))
    }

    fn need_network(&self, url: &str) -> Result<(), FetchError> {
        if !self.offline {
            return Ok(());
        }
        let message = format!(
            "\"{}\" is not in the cache, and --offline forbids to fetch it",
            without_password(url)
        );
        Err(FetchError::new(FetchErrorKind::Input, message).hint("run once without --offline"))
    }
}

impl Fetch for Fetcher {
    fn repository(&self, spec: &RepoSpec) -> Result<PathBuf, FetchError> {
        git::refuse_unsafe(spec)?;
        let (tree, pin) = match &self.lock {
            None => self.current_tree(spec)?,
            Some(lock) => {
                let pin = lock.repository(spec).ok_or_else(|| unlocked(&spec.raw))?;
                (self.locked_tree(spec, pin)?, pin.clone())
            }
        };
        self.note(|given| {
            given.repositories.insert(RepositoryKey::of(spec), pin);
        });
        Ok(tree)
    }

    fn file(&self, request: &FileRequest<'_>) -> Result<Vec<u8>, FetchError> {
        let url = request.url;
        let locked = match &self.lock {
            Some(lock) => Some(lock.file(url).ok_or_else(|| unlocked(url))?),
            None => None,
        };
        let known = match locked {
            Some(digest) => Some(*digest),
            None if self.offline => self.cache.last_digest(url),
            None => None,
        };
        let kept = known.and_then(|digest| Some((self.cache.blob(&digest, request.limit)?, digest)));
        let (bytes, digest) = match kept {
            Some(kept) => kept,
            None => self.download(request)?,
        };
        if let Some(locked) = locked.filter(|locked| **locked != digest) {
            return Err(mismatch(url, "", &digest, locked));
        }
        self.note(|given| {
            given.files.insert(without_password(url).into_owned(), digest);
        });
        Ok(bytes)
    }
}

fn unlocked(url: &str) -> FetchError {
    let message = format!("\"{}\" is not in {LOCK_NAME}", without_password(url));
    FetchError::new(FetchErrorKind::Input, message).hint("run `terrace lock` in the directory of that file to lock it")
}

fn mismatch(url: &str, at: &str, found: &Digest, locked: &Digest) -> FetchError {
    let message = format!(
        "\"{}\"{at} is {found}, and {LOCK_NAME} says {locked}",
        without_password(url)
    );
    FetchError::new(FetchErrorKind::Input, message)
        .hint("find out who changed it; if the change is wanted, run `terrace lock`")
}
