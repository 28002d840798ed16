//! Where a build gets what is not in its tree: Git repositories and files behind HTTP.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use crate::error::{BuildError, ErrorKind};
use crate::repo_spec::RepoSpec;
use yaml::Mark;

/// A way to the outside. Every method may be called from several threads at once.
pub trait Fetch: Sync {
    /// The directory of the tree of a repository at the reference of `spec`; absolute, links resolved. It
    /// need not hold anything yet: see [`Fetch::need`].
    ///
    /// # Errors
    /// [`FetchError`] where it cannot be had.
    fn repository(&self, spec: &RepoSpec) -> Result<PathBuf, FetchError>;

    /// Makes sure that what a tree has at a path is there, before the path is looked at. The directories on
    /// the way must have been asked for. Paths that are in no tree that was given are nobody's business here.
    ///
    /// # Errors
    /// [`FetchError`] where it cannot be had. That there is nothing at the path is no error.
    fn need(&self, path: &Path, extent: Extent) -> Result<(), FetchError>;

    /// Says which repositories will be asked for, so that what is needed of one can be fetched at once.
    fn expect(&self, _specs: &[RepoSpec]) {}

    /// A path in a tree that was given, as people know it: by the URL of its repository.
    fn display(&self, path: &Path) -> Option<String>;

    /// The bytes behind an HTTP URL.
    ///
    /// # Errors
    /// [`FetchError`] where they cannot be had.
    fn file(&self, request: &FileRequest<'_>) -> Result<Vec<u8>, FetchError>;
}

/// How much is needed of what is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// What it is: a link, or a directory on the way to something else.
    Entry,
    /// All of it, with what is below.
    Whole,
}

/// A file behind HTTP that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct FileRequest<'u> {
    pub url: &'u str,
    /// An answer of more bytes is an error.
    pub limit: u64,
    /// Objects are wanted: an answer for people (HTML) is an error.
    pub refuse_pages: bool,
}

/// Who is to blame that something could not be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchErrorKind {
    /// What was asked for, or what was forbidden here.
    Input,
    /// The outside said no: there is no such thing, or it is not for this user.
    Refused,
    /// The outside failed or took too long: it may work later.
    Failed,
}

/// Something could not be fetched.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct FetchError {
    pub kind: FetchErrorKind,
    /// A lower-case fragment that quotes the URL.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl FetchError {
    pub fn new(kind: FetchErrorKind, message: impl Into<String>) -> FetchError {
        FetchError {
            kind,
            message: message.into(),
            hint: None,
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> FetchError {
        self.hint = Some(hint.into());
        self
    }

    /// The error of a build, at the place that named what could not be fetched.
    pub fn at(self, mark: Mark) -> BuildError {
        let kind = match self.kind {
            FetchErrorKind::Input => ErrorKind::File,
            FetchErrorKind::Refused => ErrorKind::Refused,
            FetchErrorKind::Failed => ErrorKind::OutsideFailed,
        };
        BuildError {
            hint: self.hint,
            ..BuildError::new(kind, mark, self.message)
        }
    }
}

/// A URL as it may be shown and recorded: `https://user:secret@host/` without the secret.
pub fn without_password(url: &str) -> Cow<'_, str> {
    let secret = || {
        let authority = url.find("://")? + "://".len();
        let end = url[authority..]
            .find(['/', '?', '#'])
            .map_or(url.len(), |end| authority + end);
        let user_end = authority + url[authority..end].rfind('@')?;
        let colon = authority + url[authority..user_end].find(':')?;
        Some((colon, user_end))
    };
    match secret() {
        Some((from, to)) => Cow::Owned(format!("{}{}", &url[..from], &url[to..])),
        None => Cow::Borrowed(url),
    }
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn passwords_are_cut_out() {
        for (url, shown) in [
            ("https://me:secret@host/a:b@c", "https://me@host/a:b@c"),
            ("https://me:p@ss@host", "https://me@host"),
            ("https://:token@host/a", "https://@host/a"),
            ("https://me@host/a", "https://me@host/a"),
            ("https://host:8080/a@b", "https://host:8080/a@b"),
            ("git@host:a/b", "git@host:a/b"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
