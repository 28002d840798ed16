//! The tree of a repository as one build sees it: what is asked for is put there when it is asked for, from the
//! cache or from the repository.
//!
//! It stands in a directory of this process alone, so programs that write to it spoil nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use build::{EntryKind, Extent, FetchError, FetchErrorKind, RepoSpec, without_password};

use crate::cache::{Cache, Part, too_large};
use crate::digest::Digest;
use crate::git::Fetching;
use crate::lock::Pin;
use crate::manifest::{Content, Manifest, Mode, TreeLimits, is_absent, join};

/// So often more of a tree is fetched path by path; then the rest of it.
const MAX_WIDENINGS: usize = 8;

/// What goes on while a fetch is told of.
type Work<'w> = &'w mut dyn FnMut() -> Result<(), FetchError>;

/// What a checkout is made with.
pub(crate) struct Means<'m> {
    pub(crate) cache: &'m Cache,
    pub(crate) limits: &'m TreeLimits,
    /// Fails where the network may not be used.
    pub(crate) need_network: &'m dyn Fn() -> Result<(), FetchError>,
    /// Tells of a fetch while it goes on.
    pub(crate) watching: &'m dyn Fn(Work<'_>) -> Result<(), FetchError>,
    /// What else will be asked for.
    pub(crate) expected: BTreeSet<String>,
}

/// The tree of a commit, or what a lock holds of it.
#[derive(Debug)]
pub(crate) struct Checkout {
    pub(crate) spec: RepoSpec,
    pub(crate) top: PathBuf,
    commit: String,
    /// The paths and the digest that a lock names.
    pin: Option<Pin>,
    state: Mutex<State>,
    /// Manifests of the cache that were read.
    read: Mutex<BTreeMap<Digest, Arc<Manifest>>>,
}

#[derive(Debug, Default)]
struct State {
    /// The repository, as soon as something was fetched from it.
    fetching: Option<Fetching>,
    widenings: usize,
    /// What the lock holds, once it was compared with its digest.
    locked: Option<Arc<Manifest>>,
    /// What is in the directory.
    manifest: Manifest,
    /// The paths that are there with all below them, or known to be nothing.
    present: BTreeSet<String>,
    /// The paths that were asked for, as far as a lock must name them.
    used: BTreeSet<String>,
}

impl Checkout {
    pub(crate) fn new(
        spec: &RepoSpec,
        top: PathBuf,
        commit: String,
        pin: Option<Pin>,
        fetching: Option<Fetching>,
    ) -> Checkout {
        let state = State {
            fetching,
            ..State::default()
        };
        Checkout {
            spec: spec.clone(),
            top,
            commit,
            pin,
            state: Mutex::new(state),
            read: Mutex::default(),
        }
    }

    /// What a lock would name: the paths that were asked for.
    pub(crate) fn used(&self, cache: &Cache) -> Pin {
        let state = self.state();
        let is_below = |path: &str| ancestors(path).any(|above| state.used.contains(above));
        let paths: Vec<String> = state.used.iter().filter(|path| !is_below(path)).cloned().collect();
        let manifest = state.manifest.only(paths.iter().map(String::as_str));
        // Where it cannot be kept, it is put together again from its parts.
        let digest = cache.keep_manifest(&manifest).unwrap_or_else(|_| manifest.digest());
        Pin {
            commit: self.commit.clone(),
            paths,
            digest,
        }
    }

    /// Makes sure that a path of the tree is there.
    pub(crate) fn need(&self, means: &Means<'_>, path: &str, extent: Extent) -> Result<(), FetchError> {
        let mut state = self.state();
        if extent == Extent::Whole && !covers(&state.used, path) {
            state.used.insert(path.to_owned());
        }
        if covers(&state.present, path) {
            return Ok(());
        }
        if extent == Extent::Entry {
            if self.top.join(path).is_dir() {
                return Ok(());
            }
            if self.kind(&mut state, means, path)? == Some(EntryKind::Directory) {
                return fs::create_dir_all(self.top.join(path)).map_err(|error| means.cache.unwritable(&error));
            }
            state.used.insert(path.to_owned());
        }
        self.put(&mut state, means, path)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name of the tree in the index of the cache.
    fn tree(&self) -> String {
        let submodules = if self.spec.submodules {
            ""
        } else {
            " without submodules"
        };
        format!("{}{submodules}", self.commit)
    }

    /// What is at a path, of which not everything is wanted.
    fn kind(&self, state: &mut State, means: &Means<'_>, path: &str) -> Result<Option<EntryKind>, FetchError> {
        if let Some(pin) = &self.pin {
            if pin.paths.iter().any(|locked| is_above(path, locked)) {
                return Ok(Some(EntryKind::Directory));
            }
            let locked = self.locked(state, means, pin)?;
            return Ok(kind_in(&locked, path));
        }
        match self.known(means, path) {
            Some(Known::Directory) => return Ok(Some(EntryKind::Directory)),
            Some(Known::Manifest(manifest)) => return Ok(kind_in(&manifest, path)),
            None => {}
        }
        let fetching = self.fetching(state, means)?;
        if fetching.takes_all(&self.spec, means.limits)? {
            self.fetch(state, means, &[""])?;
            return self.kind(state, means, path);
        }
        let kind = fetching.kind(&self.spec, means.limits, path)?;
        if kind == Some(EntryKind::Directory) {
            means.cache.note_part(&self.tree(), path, Part::Directory)?;
        }
        Ok(kind)
    }

    /// Puts what is at a path into the directory.
    fn put(&self, state: &mut State, means: &Means<'_>, path: &str) -> Result<(), FetchError> {
        let mut is_fetched = false;
        loop {
            let manifest = match &self.pin {
                Some(pin) if !pin.paths.iter().any(|locked| covers_path(locked, path)) => {
                    return Err(self.unlocked(path));
                }
                Some(pin) => Some(self.locked(state, means, pin)?),
                None => match self.known(means, path) {
                    Some(Known::Manifest(manifest)) => Some(manifest),
                    _ => None,
                },
            };
            if let Some(manifest) = manifest {
                match self.write(means, &manifest, path) {
                    Ok(()) => {
                        state.manifest.add(manifest.only([path]));
                        state.present.insert(path.to_owned());
                        return Ok(());
                    }
                    // Missing or damaged in the cache.
                    Err(error) if is_absent(&error) && !is_fetched => {}
                    Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                        return Err(too_large(&self.spec, means.limits));
                    }
                    Err(error) => return Err(means.cache.unwritable(&error)),
                }
            } else if is_fetched {
                return Err(means.cache.unwritable(&io::ErrorKind::NotFound.into()));
            }
            self.widen(state, means, path)?;
            is_fetched = true;
        }
    }

    /// What the lock holds, as it was when it was locked.
    fn locked(&self, state: &mut State, means: &Means<'_>, pin: &Pin) -> Result<Arc<Manifest>, FetchError> {
        if let Some(locked) = &state.locked {
            return Ok(locked.clone());
        }
        let locked = match self.manifest(means, &pin.digest) {
            Some(manifest) => manifest,
            None => {
                let paths: Vec<&str> = pin.paths.iter().map(String::as_str).collect();
                let manifest = match self.together(means, &paths) {
                    Some(manifest) => manifest,
                    None => {
                        self.fetch(state, means, &paths)?;
                        self.together(means, &paths).unwrap_or_default()
                    }
                };
                let digest = manifest.digest();
                if digest != pin.digest {
                    return Err(self.mismatch(&digest, pin));
                }
                means.cache.keep_manifest(&manifest)?;
                Arc::new(manifest)
            }
        };
        Ok(state.locked.insert(locked).clone())
    }

    /// The manifest of some paths, where all of them are known.
    fn together(&self, means: &Means<'_>, paths: &[&str]) -> Option<Manifest> {
        let mut together = Manifest::default();
        for path in paths {
            match self.known(means, path)? {
                Known::Manifest(manifest) => together.add(manifest.only([*path])),
                Known::Directory => return None,
            }
        }
        Some(together)
    }

    fn manifest(&self, means: &Means<'_>, digest: &Digest) -> Option<Arc<Manifest>> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(manifest) = read.get(digest) {
            return Some(manifest.clone());
        }
        let manifest = Arc::new(means.cache.manifest(digest)?);
        read.insert(*digest, manifest.clone());
        Some(manifest)
    }

    /// What the cache knows of a path.
    fn known(&self, means: &Means<'_>, path: &str) -> Option<Known> {
        let tree = self.tree();
        let mut known = None;
        for at in std::iter::once(path).chain(ancestors(path)) {
            match means.cache.part(&tree, at) {
                Some(Part::Whole(digest)) => {
                    if let Some(manifest) = self.manifest(means, &digest) {
                        return Some(Known::Manifest(manifest));
                    }
                }
                Some(Part::Directory) if at == path => known = Some(Known::Directory),
                _ => {}
            }
        }
        known
    }

    /// Fetches a path, with what will be asked for soon.
    fn widen(&self, state: &mut State, means: &Means<'_>, path: &str) -> Result<(), FetchError> {
        state.widenings += 1;
        if state.widenings > MAX_WIDENINGS {
            return self.fetch(state, means, &[""]);
        }
        let locked = self.pin.iter().flat_map(|pin| &pin.paths);
        let soon = locked
            .chain(&means.expected)
            .filter(|soon| !covers(&state.present, soon));
        let mut paths: Vec<String> = soon.cloned().collect();
        paths.push(path.to_owned());
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        self.fetch(state, means, &paths)
    }

    /// Fetches paths into the cache.
    fn fetch(&self, state: &mut State, means: &Means<'_>, paths: &[&str]) -> Result<(), FetchError> {
        (means.need_network)()?;
        self.fetching(state, means)?;
        let Some(fetching) = &mut state.fetching else {
            return Ok(());
        };
        let checked_out = (means.watching)(&mut || {
            let paths = match fetching.takes_all(&self.spec, means.limits)? {
                true => &[""][..],
                false => paths,
            };
            fetching.check_out(&self.spec, means.limits, paths)
        });
        if let Err(error) = checked_out {
            // What came of it is in the way of what else is fetched.
            state.fetching = None;
            return Err(error);
        }
        let paths = match fetching.has_all() {
            true => &[""][..],
            false => paths,
        };
        for path in paths {
            let keep = &mut |content: &Content<'_>| means.cache.keep_content(content);
            let manifest = Manifest::of_tree(&fetching.directory(), path, means.limits, keep);
            let manifest = manifest.map_err(|error| match error.kind() {
                io::ErrorKind::FileTooLarge => too_large(&self.spec, means.limits),
                _ => means.cache.unwritable(&error),
            })?;
            let digest = means.cache.keep_manifest(&manifest)?;
            means.cache.note_part(&self.tree(), path, Part::Whole(digest))?;
        }
        Ok(())
    }

    /// The repository, with the commit and its trees.
    fn fetching<'s>(&self, state: &'s mut State, means: &Means<'_>) -> Result<&'s Fetching, FetchError> {
        if state.fetching.is_none() {
            (means.need_network)()?;
            let mut fetching = None;
            (means.watching)(&mut || {
                let room = means.cache.room()?;
                fetching = Some(Fetching::commit(&self.spec, means.limits, room, &self.commit)?);
                Ok(())
            })?;
            state.fetching = fetching;
        }
        match &state.fetching {
            Some(fetching) => Ok(fetching),
            None => Err(FetchError::new(FetchErrorKind::Failed, "nothing was fetched")),
        }
    }

    /// Writes files of the cache; an error of kind `NotFound` where one is missing or damaged there.
    fn write(&self, means: &Means<'_>, manifest: &Manifest, path: &str) -> io::Result<()> {
        let (mut files, mut bytes) = (0, 0);
        let mut made = PathBuf::new();
        for (path, mode, digest) in manifest.below(path) {
            let content = means.cache.blob(&digest, means.limits.bytes);
            let content = content.ok_or(io::ErrorKind::NotFound)?;
            files += 1;
            bytes += content.len() as u64;
            if means.limits.refuses(files, bytes) {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            let at = join(&self.top, path);
            if let Some(parent) = at.parent().filter(|parent| *parent != made) {
                fs::create_dir_all(parent)?;
                made = parent.to_owned();
            }
            write(&at, mode, &content)?;
        }
        Ok(())
    }

    fn unlocked(&self, path: &str) -> FetchError {
        let url = without_password(&self.spec.clone_url);
        let message = format!("\"{path}\" of \"{url}\" is not in {}", crate::LOCK_NAME);
        FetchError::new(FetchErrorKind::Input, message)
            .hint("run `terrace lock` in the directory of that file to lock it")
    }

    fn mismatch(&self, found: &Digest, pin: &Pin) -> FetchError {
        crate::mismatch(&self.spec.raw, &format!(" at {}", pin.commit), found, &pin.digest)
    }
}

/// What the cache knows of a path.
enum Known {
    Directory,
    /// It, and perhaps more.
    Manifest(Arc<Manifest>),
}

fn kind_in(manifest: &Manifest, path: &str) -> Option<EntryKind> {
    let (at, mode, _) = manifest.below(path).next()?;
    Some(match mode {
        _ if at.len() > path.len() => EntryKind::Directory,
        Mode::Link => EntryKind::Link,
        Mode::File | Mode::Program => EntryKind::File,
    })
}

/// The paths above a path, up to the root of the tree, which is empty.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let above = Path::new(path).ancestors().skip(1);
    above.map(|above| above.to_str().unwrap_or_default())
}

/// Whether a path is one of some, or below one of them.
fn covers(paths: &BTreeSet<String>, path: &str) -> bool {
    paths.contains(path) || ancestors(path).any(|above| paths.contains(above))
}

fn covers_path(whole: &str, path: &str) -> bool {
    whole == path || is_above(whole, path)
}

fn is_above(above: &str, path: &str) -> bool {
    above.is_empty() && !path.is_empty() || path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
}

/// Writes a file of a tree; it may be there already.
fn write(at: &Path, mode: Mode, content: &[u8]) -> io::Result<()> {
    if mode == Mode::Link {
        #[cfg(unix)]
        return match std::os::unix::fs::symlink(join(Path::new(""), content), at) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        };
        #[cfg(not(unix))]
        return Err(io::ErrorKind::Unsupported.into());
    }
    fs::write(at, content)?;
    #[cfg(unix)]
    if mode == Mode::Program {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(at, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}
