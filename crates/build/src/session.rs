//! What several builds share: the files they read, parsed once, and the bases they have in common.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hashbrown::HashMap;
use resource::nearest;
use yaml::{Documents, Mark, Node, Source, Sources, Text};

use crate::accumulate::Accumulated;
use crate::config::LoadedKustomization;
use crate::error::{BuildError, ErrorKind, Result};
use crate::fetch::{Extent, Fetch, FetchError, FetchErrorKind, FileRequest, without_password};
use crate::files::{EntryKind, FileKind, Files};
use crate::parallel;
use crate::programs::{Permissions, Programs};
use crate::repo_spec::{RepoSpec, refuse_command, refuse_url};
use crate::run::Runner;

/// The largest file that is read, in bytes.
pub const DEFAULT_FILE_LIMIT: u64 = 128 << 20;

/// Links that one path may lead through, as on Linux.
const MAX_LINKS: usize = 40;

/// What is fetched once for each key.
type Fetched<K, T> = Mutex<HashMap<K, Arc<OnceLock<Result<T, FetchError>>>>>;

/// The state that builds share. Every method may be called from several threads at once.
pub struct Session<'f> {
    files: &'f dyn Files,
    fetch: Option<&'f dyn Fetch>,
    runner: Arc<Runner<'f>>,
    repositories: Fetched<String, PathBuf>,
    /// Whether there are any.
    has_repositories: AtomicBool,
    /// By URL, and whether web pages were refused.
    remote: Fetched<(String, bool), Vec<u8>>,
    remote_yaml: Mutex<HashMap<String, Arc<YamlFile>>>,
    sources: Arc<Sources>,
    file_limit: u64,
    threads: fn() -> usize,
    yaml_files: Arc<Mutex<HashMap<PathBuf, Slot<YamlFile>>>>,
    directories: Arc<Mutex<HashMap<PathBuf, PathBuf>>>,
    bases: Mutex<HashMap<BaseKey, Base>>,
}

/// What is known of the base in a directory. The first build that needs it has it for itself, so that
/// nothing is copied where nothing is shared; from the second on it is kept.
enum Base {
    /// Made ahead of the build that needs it.
    Ahead(Accumulated),
    /// A build has it.
    GivenAway,
    Kept(Arc<Accumulated>),
}

/// The directory of a base, and the namespace that its charts are given where that matters.
pub(crate) type BaseKey = (PathBuf, Option<Text>);

/// What one build makes and all others use.
type Slot<T> = Arc<OnceLock<Result<Arc<T>>>>;

/// A file that holds YAML, and what was parsed from it so far.
pub(crate) struct YamlFile {
    pub(crate) source: Arc<Source>,
    documents: Mutex<Parsed<Documents>>,
    config: Mutex<Parsed<Node>>,
    kustomization: Mutex<Parsed<Arc<LoadedKustomization>>>,
}

/// What is parsed from a file. The first reader has it for itself: most files are needed once. From the second
/// reader on it is kept.
#[derive(Default)]
enum Parsed<T> {
    #[default]
    NotYet,
    GivenAway,
    Kept(T),
}

impl<T: Clone> Parsed<T> {
    /// What is parsed, for a reader that is followed by another.
    fn get_ahead(parsed: &Mutex<Parsed<T>>, read: impl FnOnce() -> Result<T>) -> Result<T> {
        let fresh = Parsed::get(parsed, read)?;
        *lock(parsed) = Parsed::Kept(fresh.clone());
        Ok(fresh)
    }

    fn get(parsed: &Mutex<Parsed<T>>, read: impl FnOnce() -> Result<T>) -> Result<T> {
        let mut parsed = lock(parsed);
        if let Parsed::Kept(kept) = &*parsed {
            return Ok(kept.clone());
        }
        let fresh = read()?;
        *parsed = match *parsed {
            Parsed::NotYet => Parsed::GivenAway,
            _ => Parsed::Kept(fresh.clone()),
        };
        Ok(fresh)
    }
}

impl<'f> Session<'f> {
    pub fn new(files: &'f dyn Files) -> Session<'f> {
        Session {
            files,
            fetch: None,
            runner: Arc::default(),
            repositories: Mutex::default(),
            has_repositories: AtomicBool::new(false),
            remote: Mutex::default(),
            remote_yaml: Mutex::default(),
            sources: Arc::new(Sources::new()),
            file_limit: DEFAULT_FILE_LIMIT,
            threads: || 1,
            yaml_files: Arc::default(),
            directories: Arc::default(),
            bases: Mutex::default(),
        }
    }

    /// Repositories that a kustomization names are fetched by `fetch`; without one they are refused.
    #[must_use]
    pub fn with_fetch(mut self, fetch: &'f dyn Fetch) -> Session<'f> {
        self.fetch = Some(fetch);
        self
    }

    /// A session that shares the files that this one reads, and fetches with another fetcher: what is
    /// fetched, and the bases that may come from it, are its own.
    #[must_use]
    pub fn beside(&self, fetch: &'f dyn Fetch) -> Session<'f> {
        Session {
            runner: self.runner.clone(),
            sources: self.sources.clone(),
            file_limit: self.file_limit,
            threads: self.threads,
            yaml_files: self.yaml_files.clone(),
            directories: self.directories.clone(),
            ..Session::new(self.files).with_fetch(fetch)
        }
    }

    /// Programs that a kustomization names are run by `programs` as far as they are permitted; without
    /// this they are refused.
    #[must_use]
    pub fn with_programs(mut self, programs: &'f dyn Programs, permissions: Permissions) -> Session<'f> {
        self.runner = Arc::new(Runner::new(programs, permissions));
        self
    }

    pub(crate) fn runner(&self) -> &Runner<'f> {
        &self.runner
    }

    pub(crate) fn fetch(&self) -> Option<&'f dyn Fetch> {
        self.fetch
    }

    /// The tree of a repository, fetched once however often it is named.
    pub(crate) fn repository(&self, spec: &RepoSpec) -> Result<PathBuf, FetchError> {
        let fetch = self.outside(&spec.raw)?;
        let key = format!("{}\0{}\0{}", spec.clone_url, spec.reference, spec.submodules);
        let slot = lock(&self.repositories).entry(key).or_default().clone();
        let top = slot.get_or_init(|| fetch.repository(spec)).clone();
        self.has_repositories.store(true, Ordering::Release);
        top
    }

    /// Says which URLs are about to be used.
    pub(crate) fn expect<'u>(&self, urls: impl Iterator<Item = &'u str>) {
        if let Some(fetch) = self.fetch {
            let specs: Vec<RepoSpec> = urls.filter(may_be_remote).filter_map(RepoSpec::parse).collect();
            if !specs.is_empty() {
                fetch.expect(&specs);
            }
        }
    }

    /// Makes sure that all of a repository is there that a directory lies in, if it does: a program that runs in it
    /// may read what it likes.
    pub(crate) fn need_whole_repository(&self, directory: &Path, mark: Mark) -> Result<()> {
        if !self.has_repositories.load(Ordering::Acquire) {
            return Ok(());
        }
        let tops: Vec<PathBuf> = lock(&self.repositories)
            .values()
            .filter_map(|slot| slot.get()?.clone().ok())
            .collect();
        match tops.iter().find(|top| directory.starts_with(top)) {
            Some(top) => self.resolve(top).map(drop).map_err(|error| unresolved(&error, mark)),
            None => Ok(()),
        }
    }

    fn need(&self, path: &Path, extent: Extent) -> io::Result<()> {
        match self.fetch {
            Some(fetch) if self.has_repositories.load(Ordering::Acquire) => {
                fetch.need(path, extent).map_err(io::Error::other)
            }
            _ => Ok(()),
        }
    }

    /// A path as the user knows it.
    pub(crate) fn display(&self, path: &Path) -> String {
        let fetched = match self.fetch {
            Some(fetch) if self.has_repositories.load(Ordering::Acquire) => fetch.display(path),
            _ => None,
        };
        fetched.unwrap_or_else(|| self.files.display(path))
    }

    fn outside(&self, url: &str) -> Result<&'f dyn Fetch, FetchError> {
        self.fetch.ok_or_else(|| {
            let message = format!("\"{}\" is remote, and this build may not fetch", without_password(url));
            FetchError::new(FetchErrorKind::Input, message).hint("fetch it into the tree and name its path there")
        })
    }

    /// The bytes behind an HTTP URL, fetched once however often it is named.
    pub(crate) fn remote(&self, url: &str, refuse_pages: bool, mark: Mark) -> Result<Vec<u8>> {
        let fetch = self.outside(url).map_err(|error| error.at(mark))?;
        let slot = lock(&self.remote)
            .entry((url.to_owned(), refuse_pages))
            .or_default()
            .clone();
        let request = FileRequest {
            url,
            limit: self.file_limit,
            refuse_pages,
        };
        let fetched = slot.get_or_init(|| fetch.file(&request)).clone();
        fetched.map_err(|error| error.at(mark))
    }

    /// The YAML file behind an HTTP URL.
    pub(crate) fn remote_yaml(&self, url: &str, refuse_pages: bool, mark: Mark) -> Result<Arc<YamlFile>> {
        let bytes = self.remote(url, refuse_pages, mark)?;
        let known = lock(&self.remote_yaml).get(url).cloned();
        if let Some(file) = known {
            return Ok(file);
        }
        let file = Arc::new(self.make_yaml_file(without_password(url).into_owned(), bytes)?);
        Ok(lock(&self.remote_yaml).entry(url.to_owned()).or_insert(file).clone())
    }

    /// Files of more bytes than this are refused.
    #[must_use]
    pub fn with_file_limit(mut self, bytes: u64) -> Session<'f> {
        self.file_limit = bytes;
        self
    }

    /// How many threads one build may use, for the bases of its root and for objects. It is asked only where
    /// there are enough of them.
    #[must_use]
    pub fn with_threads(mut self, threads: fn() -> usize) -> Session<'f> {
        self.threads = threads;
        self
    }

    pub(crate) fn threads(&self) -> fn() -> usize {
        self.threads
    }

    pub fn files(&self) -> &'f dyn Files {
        self.files
    }

    pub fn sources(&self) -> &Arc<Sources> {
        &self.sources
    }

    /// Resolves symbolic links. A directory on the way is looked at once.
    pub(crate) fn resolve(&self, path: &Path) -> io::Result<(PathBuf, FileKind)> {
        self.resolve_to(path, Extent::Whole, MAX_LINKS)
    }

    fn resolve_to(&self, path: &Path, extent: Extent, links: usize) -> io::Result<(PathBuf, FileKind)> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return self.files.resolve(path);
        };
        let path = self.resolve_directory(parent, links)?.join(name);
        self.need(&path, extent)?;
        match self.files.entry_kind(&path)? {
            EntryKind::File => Ok((path, FileKind::File)),
            EntryKind::Directory => Ok((path, FileKind::Directory)),
            EntryKind::Link if self.has_repositories.load(Ordering::Acquire) => self.follow(&path, extent, links),
            EntryKind::Link => self.files.resolve(&path),
        }
    }

    /// Follows a link step by step: what it leads through in a repository may not be there yet.
    fn follow(&self, link: &Path, extent: Extent, links: usize) -> io::Result<(PathBuf, FileKind)> {
        let links = links
            .checked_sub(1)
            .ok_or_else(|| io::Error::other("too many levels of symbolic links"))?;
        let target = self.files.read_link(link)?;
        let mut found = match link.parent() {
            Some(parent) if !target.is_absolute() => (parent.to_owned(), FileKind::Directory),
            _ => (PathBuf::from("/"), FileKind::Directory),
        };
        let mut parts = target.components().peekable();
        while let Some(part) = parts.next() {
            match part {
                Component::ParentDir => {
                    found.0.pop();
                }
                Component::Normal(name) => {
                    let extent = if parts.peek().is_none() { extent } else { Extent::Entry };
                    found = self.resolve_to(&found.0.join(name), extent, links)?;
                }
                _ => {}
            }
        }
        Ok(found)
    }

    fn resolve_directory(&self, path: &Path, links: usize) -> io::Result<PathBuf> {
        if let Some(known) = lock(&self.directories).get(path) {
            return Ok(known.clone());
        }
        let (directory, kind) = self.resolve_to(path, Extent::Entry, links)?;
        if kind == FileKind::File {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        lock(&self.directories).insert(path.to_owned(), directory.clone());
        Ok(directory)
    }

    /// The bytes of a file. `mark` is the line that asked for it, `asked` the words it used.
    pub(crate) fn read(&self, path: &Path, mark: Mark, asked: &str) -> Result<Vec<u8>> {
        self.files
            .read(path, self.file_limit)
            .map_err(|error| self.cannot_read(path, mark, asked, &error))
    }

    /// A YAML file. `path` must be resolved.
    pub(crate) fn yaml_file(&self, path: &Path, mark: Mark, asked: &str) -> Result<Arc<YamlFile>> {
        let slot = lock(&self.yaml_files).entry_ref(path).or_default().clone();
        let mut first = false;
        let file = slot.get_or_init(|| {
            first = true;
            let bytes = self.read(path, mark, asked)?;
            Ok(Arc::new(self.make_yaml_file(self.display(path), bytes)?))
        });
        match file {
            Ok(file) => Ok(file.clone()),
            // Another build's line is no help: say whose line asked this time.
            Err(error) if !first && error.kind == ErrorKind::File => Err(BuildError { mark, ..error.clone() }),
            Err(error) => Err(error.clone()),
        }
    }

    fn make_yaml_file(&self, name: String, bytes: Vec<u8>) -> Result<YamlFile> {
        let readable = std::str::from_utf8(&bytes)
            .is_err()
            .then(|| String::from_utf8_lossy(&bytes).into_owned());
        match yaml::decode(bytes) {
            Ok(text) => Ok(YamlFile::new(self.sources.add(name, yaml::normalize_newlines(text)))),
            Err(error) => {
                let source = self.sources.add(name, readable.unwrap_or_default());
                let bad = source.text().find(char::REPLACEMENT_CHARACTER).unwrap_or(0);
                Err(BuildError::new(ErrorKind::Syntax, source.mark(bad), error.to_string())
                    .hint("save the file as UTF-8"))
            }
        }
    }

    fn cannot_read(&self, path: &Path, mark: Mark, asked: &str, error: &io::Error) -> BuildError {
        let shown = self.display(path);
        let (message, hint) = match error.kind() {
            io::ErrorKind::NotFound => return self.missing(path, mark, asked),
            io::ErrorKind::PermissionDenied => (
                format!("may not read \"{asked}\""),
                format!("give this user permission to read {shown}"),
            ),
            io::ErrorKind::FileTooLarge => (
                format!("\"{asked}\" is larger than {} MiB", self.file_limit >> 20),
                "split it, or leave it out of the build".to_owned(),
            ),
            io::ErrorKind::IsADirectory => (
                format!("\"{asked}\" is a directory, a file is needed here"),
                format!("name a file in {shown}"),
            ),
            _ => return BuildError::new(ErrorKind::File, mark, format!("cannot read \"{asked}\": {error}")),
        };
        BuildError::new(ErrorKind::File, mark, message).hint(hint)
    }

    /// The error for a path that leads nowhere, with the names that are near.
    pub(crate) fn missing(&self, path: &Path, mark: Mark, asked: &str) -> BuildError {
        if let Some(error) = refuse_command(asked, mark).or_else(|| refuse_url(asked, mark)) {
            return error;
        }
        let error = BuildError::new(ErrorKind::File, mark, format!("no such file or directory: \"{asked}\""));
        let mut there = path;
        let mut lost = None;
        while let Some(parent) = there.parent() {
            lost = there.file_name();
            there = parent;
            if self.files.list(there).is_ok() {
                break;
            }
        }
        let (Ok(names), Some(lost)) = (self.files.list(there), lost) else {
            return error;
        };
        let mut names: Vec<String> = names.into_iter().filter(|name| !name.starts_with('.')).collect();
        names.sort_unstable();
        let near = nearest(&lost.to_string_lossy(), names.iter().map(String::as_str));
        let shown = self.display(there);
        // Of a repository, only what was needed is there.
        let is_fetched = self.fetch.is_some_and(|fetch| fetch.display(there).is_some());
        if near.is_empty() && is_fetched {
            error
        } else if near.is_empty() {
            error.hint(format!(
                "{shown} holds nothing of a name like \"{}\"",
                lost.to_string_lossy()
            ))
        } else {
            error.hint(format!("{shown} holds {}", near.join(", ")))
        }
    }

    /// The finished base in a directory, if there is one to be had. Builds never wait for each other: two
    /// that need a base at the same time both make it.
    pub(crate) fn base(&self, key: &BaseKey) -> Option<Accumulated> {
        let mut bases = lock(&self.bases);
        let base = bases.get_mut(key)?;
        if let Base::Kept(kept) = base {
            let kept = kept.clone();
            drop(bases);
            return Some(Accumulated::clone(&kept));
        }
        match std::mem::replace(base, Base::GivenAway) {
            Base::Ahead(made) => Some(made),
            Base::GivenAway | Base::Kept(_) => None,
        }
    }

    /// Whether the next build that needs this base finds it finished.
    pub(crate) fn has_base(&self, key: &BaseKey) -> bool {
        matches!(lock(&self.bases).get(key), Some(Base::Ahead(_) | Base::Kept(_)))
    }

    /// Tells that a build made the base in a directory, and keeps a copy if it was needed before.
    pub(crate) fn made_base(&self, key: BaseKey, base: &Accumulated) {
        let before = lock(&self.bases).insert(key.clone(), Base::GivenAway);
        if before.is_some() {
            let kept = Base::Kept(Arc::new(base.without_index()));
            lock(&self.bases).insert(key, kept);
        }
    }

    /// Leaves a base for the build that will need it.
    pub(crate) fn made_base_ahead(&self, key: BaseKey, base: Accumulated) {
        let mut bases = lock(&self.bases);
        if !matches!(bases.get(&key), Some(Base::Kept(_))) {
            bases.insert(key, Base::Ahead(base));
        }
    }
}

/// Whether a path is worth a closer look; most are those of files nearby.
fn may_be_remote(path: &&str) -> bool {
    path.contains(':') || path.contains("//") || path.contains("github.com")
}

/// The error for a path that could not be resolved because of what is outside, or of the disk.
pub(crate) fn unresolved(error: &io::Error, mark: Mark) -> BuildError {
    match fetch_error(error) {
        Some(error) => error.clone().at(mark),
        None => BuildError::new(ErrorKind::File, mark, error.to_string()),
    }
}

/// The error of a fetch that was made to resolve a path.
pub(crate) fn fetch_error(error: &io::Error) -> Option<&FetchError> {
    error.get_ref()?.downcast_ref()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Files of as many bytes are read on several threads, in so many parts.
const WORTH_THREADS: usize = 256 << 10;
const PARTS: usize = 16;

impl YamlFile {
    pub(crate) fn new(source: Arc<Source>) -> YamlFile {
        YamlFile {
            source,
            documents: Mutex::default(),
            config: Mutex::default(),
            kustomization: Mutex::default(),
        }
    }

    /// Its documents, read as resources are, on several threads if there is much to read.
    pub(crate) fn documents(&self, threads: fn() -> usize) -> Result<Documents> {
        Parsed::get(&self.documents, || {
            if self.source.text().len() < WORTH_THREADS {
                return Ok(yaml::read_documents(&self.source)?);
            }
            let chunks = yaml::split_documents(&self.source)?;
            let parts: Vec<_> = chunks.chunks(chunks.len().div_ceil(PARTS)).collect();
            let threads = if parts.len() > 1 { threads() } else { 1 };
            let read = parallel::map(parts.len(), threads, |at| yaml::read_chunks(&self.source, parts[at]));
            let nodes = read.into_iter().collect::<Result<Vec<_>, _>>()?;
            Ok(Documents {
                nodes: nodes.into_iter().flatten().collect(),
                chunks: chunks.len(),
            })
        })
    }

    /// Its first document, read as configuration is.
    pub(crate) fn config(&self) -> Result<Node> {
        Parsed::get(&self.config, || Ok(yaml::read_config(&self.source)?.node))
    }

    /// The kustomization it holds.
    pub(crate) fn kustomization(&self) -> Result<Arc<LoadedKustomization>> {
        Parsed::get(&self.kustomization, || {
            LoadedKustomization::read(&self.source).map(Arc::new)
        })
    }

    /// The same, when a build is about to need it.
    pub(crate) fn kustomization_ahead(&self) -> Result<Arc<LoadedKustomization>> {
        Parsed::get_ahead(&self.kustomization, || {
            LoadedKustomization::read(&self.source).map(Arc::new)
        })
    }
}
