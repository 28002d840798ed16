//! What a build needs from outside: Git repositories through the `git` program, and files behind HTTP;
//! kept in a cache, and held where a lock says.
//!
//! In goes a [`build::RepoSpec`] or a URL; out comes the directory of a tree, or bytes.

mod cache;
mod checkout;
mod definitions;
mod digest;
mod git;
mod git_error;
mod http;
mod lock;
mod manifest;
mod proxy;
mod prune;
mod retry;
mod revision;
mod watched;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use build::{Extent, Fetch, FetchError, FetchErrorKind, FileRequest, RepoSpec, clean_join, without_password};
use cache::Cache;
use checkout::{Checkout, Means};
use git::Fetching;
use http::Http;
use lock::{Pin, RepositoryKey};

pub use definitions::{Kubectl, PullError, pull_definitions};
pub use digest::Digest;
pub use http::HttpLimits;
pub use lock::{LOCK_NAME, Lock};
pub use manifest::TreeLimits;
pub use prune::{CacheSize, cache_sizes, prune_cache};
pub use revision::Revision;

/// What is told of a fetch: the URL when it begins, nothing when it is over.
type Watch = Box<dyn Fn(Option<&str>) + Send + Sync>;

/// Fetches into a cache directory. It notes what it gave, as a lock would hold it.
pub struct Fetcher {
    cache: Cache,
    offline: bool,
    lock: Option<Lock>,
    trees: Mutex<BTreeMap<RepositoryKey, Arc<Checkout>>>,
    /// Paths in repositories that will be asked for.
    expected: Mutex<BTreeMap<RepositoryKey, BTreeSet<String>>>,
    files: Mutex<BTreeMap<String, Digest>>,
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
            trees: Mutex::default(),
            expected: Mutex::default(),
            files: Mutex::default(),
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
        let trees = guard(&self.trees);
        let repositories = trees.iter().map(|(key, tree)| (key.clone(), tree.used(&self.cache)));
        Lock {
            repositories: repositories.collect(),
            files: guard(&self.files).clone(),
        }
    }

    fn watching<T>(&self, url: &str, work: impl FnOnce() -> T) -> T {
        let tell = |url| self.watch.iter().for_each(|watch| watch(url));
        let shown = without_password(url);
        tell(Some(&shown));
        let done = work();
        tell(None);
        done
    }

    /// The tree that a reference leads to now; offline, the one it led to when it was fetched last.
    fn current_tree(&self, spec: &RepoSpec) -> Result<Checkout, FetchError> {
        let known = if git::is_commit(&spec.reference) {
            Some(spec.reference.clone())
        } else {
            match self.cache.last_commit(spec) {
                Some(last) if self.offline => Some(last),
                // Worth asking: what is there may still be what is wanted.
                Some(_) => self.watching(&spec.raw, || git::current_commit(spec, &self.tree_limits))?,
                None => None,
            }
        };
        if let Some(commit) = known.filter(|commit| self.cache.has_commit(spec, commit)) {
            if !self.offline {
                self.cache.note_commit(spec, &commit)?;
            }
            return Ok(Checkout::new(spec, self.cache.view()?, commit, None, None));
        }
        self.need_network(&spec.raw)?;
        let room = self.cache.room()?;
        let fetching = self.watching(&spec.raw, || Fetching::reference(spec, &self.tree_limits, room))?;
        let commit = fetching.name().to_owned();
        self.cache.note_commit(spec, &commit)?;
        Ok(Checkout::new(spec, self.cache.view()?, commit, None, Some(fetching)))
    }

    fn locked_tree(&self, spec: &RepoSpec, pin: &Pin) -> Result<Checkout, FetchError> {
        Ok(Checkout::new(
            spec,
            self.cache.view()?,
            pin.commit.clone(),
            Some(pin.clone()),
            None,
        ))
    }

    /// The tree that a path lies in, and the path in it.
    fn find<'p>(&self, path: &'p Path) -> Option<(Arc<Checkout>, &'p Path)> {
        let trees = guard(&self.trees);
        let mut found = trees.values().map(|tree| (tree, path.strip_prefix(&tree.top)));
        found.find_map(|(tree, below)| Some((tree.clone(), below.ok()?)))
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
        let key = RepositoryKey::of(spec);
        if let Some(known) = guard(&self.trees).get(&key) {
            return Ok(known.top.clone());
        }
        let tree = match &self.lock {
            None => self.current_tree(spec)?,
            Some(lock) => {
                let pin = lock.repository(spec).ok_or_else(|| unlocked(&spec.raw))?;
                self.locked_tree(spec, pin)?
            }
        };
        let mut trees = guard(&self.trees);
        Ok(trees.entry(key).or_insert_with(|| Arc::new(tree)).top.clone())
    }

    fn need(&self, path: &Path, extent: Extent) -> Result<(), FetchError> {
        let Some((tree, below)) = self.find(path) else {
            return Ok(());
        };
        let url = &tree.spec.raw;
        let expected = guard(&self.expected).get(&RepositoryKey::of(&tree.spec)).cloned();
        let means = Means {
            cache: &self.cache,
            limits: &self.tree_limits,
            need_network: &|| self.need_network(url),
            watching: &|work| self.watching(url, work),
            expected: expected.unwrap_or_default(),
        };
        tree.need(&means, &below.to_string_lossy(), extent)
    }

    fn expect(&self, specs: &[RepoSpec]) {
        let mut expected = guard(&self.expected);
        for spec in specs {
            let path = clean_join(Path::new("/"), &spec.path);
            let path = path.strip_prefix("/").unwrap_or(&path).to_string_lossy().into_owned();
            expected.entry(RepositoryKey::of(spec)).or_default().insert(path);
        }
    }

    fn display(&self, path: &Path) -> Option<String> {
        let (tree, below) = self.find(path)?;
        let mut shown = without_password(&tree.spec.clone_url).into_owned();
        if below != Path::new("") {
            shown += &format!("//{}", below.display());
        }
        if !tree.spec.reference.is_empty() {
            shown += &format!("?ref={}", tree.spec.reference);
        }
        Some(shown)
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
        guard(&self.files).insert(without_password(url).into_owned(), digest);
        Ok(bytes)
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
