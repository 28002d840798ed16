//! Why a command did not change the file.

use std::path::PathBuf;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The arguments say nothing that can be done; in kustomize's words.
    #[error("{0}")]
    Argument(String),
    /// The file does not allow what is asked; in kustomize's words.
    #[error("{0}")]
    Refused(String),
    /// The file is no kustomization.
    #[error("invalid Kustomization: {0}")]
    Invalid(String),
    #[error("cannot edit {path}: {cause}", path = path.display())]
    Edit { path: PathBuf, cause: yaml::EditError },
    #[error("cannot {action} {path}: {cause}", path = path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        cause: std::io::Error,
    },
}

pub(crate) fn argument<T>(message: impl Into<String>) -> Result<T> {
    Err(Error::Argument(message.into()))
}

pub(crate) fn refused<T>(message: impl Into<String>) -> Result<T> {
    Err(Error::Refused(message.into()))
}
