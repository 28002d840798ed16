//! Where a build gets what is not in its tree: Git repositories and files behind HTTP.

use std::path::PathBuf;

use crate::error::{BuildError, ErrorKind};
use crate::repo_spec::RepoSpec;
use yaml::Mark;

/// A way to the outside. Every method may be called from several threads at once.
pub trait Fetch: Sync {
    /// The directory that holds the tree of a repository at the reference of `spec`; absolute, links resolved.
    ///
    /// # Errors
    /// [`FetchError`] where it cannot be had.
    fn repository(&self, spec: &RepoSpec) -> Result<PathBuf, FetchError>;

    /// The bytes behind an HTTP URL.
    ///
    /// # Errors
    /// [`FetchError`] where they cannot be had.
    fn file(&self, url: &str) -> Result<Vec<u8>, FetchError>;
}

/// Something could not be fetched.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct FetchError {
    /// A lower-case fragment that quotes the URL.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl FetchError {
    pub fn new(message: impl Into<String>) -> FetchError {
        FetchError {
            message: message.into(),
            hint: None,
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> FetchError {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn at(self, mark: Mark) -> BuildError {
        BuildError {
            hint: self.hint,
            ..BuildError::new(ErrorKind::File, mark, self.message)
        }
    }
}
