//! What a build needs from outside: Git repositories through the `git` program, kept in a cache.
//!
//! In goes a [`build::RepoSpec`]; out comes the directory of its tree. Trees of a cache are written
//! elsewhere and renamed, so that whatever is there is whole.

mod cache;
mod git;

use std::path::PathBuf;

use build::{Fetch, FetchError, RepoSpec};
use cache::Cache;

/// Fetches with the `git` program into a cache directory.
#[derive(Debug)]
pub struct Fetcher {
    cache: Cache,
    offline: bool,
}

impl Fetcher {
    /// Keeps trees in `cache`. Offline, only what is there is used.
    pub fn new(cache: PathBuf, offline: bool) -> Fetcher {
        Fetcher {
            cache: Cache::new(cache),
            offline,
        }
    }
}

impl Fetch for Fetcher {
    fn repository(&self, spec: &RepoSpec) -> Result<PathBuf, FetchError> {
        git::refuse_unsafe(spec)?;
        let is_commit = spec.reference.len() == 40 && spec.reference.bytes().all(|byte| byte.is_ascii_hexdigit());
        if (is_commit || self.offline)
            && let Some(tree) = self.cache.find(spec)
        {
            return Ok(tree);
        }
        if self.offline {
            let message = format!(
                "\"{}\" is not in the cache, and --offline forbids to fetch it",
                spec.raw
            );
            return Err(FetchError::new(message).hint("build once without --offline"));
        }
        let room = self.cache.room()?;
        let fetched = git::fetch(spec, room.path()).and_then(|commit| self.cache.keep(spec, &commit, room.path()));
        // Where it was kept, the room is gone already.
        room.clear();
        fetched
    }

    fn file(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        Err(FetchError::new(format!(
            "\"{url}\" is a remote file, and remote files cannot be read yet"
        ))
        .hint("download it into the tree and name its path there"))
    }
}
