//! Why something could not be recorded or read.

/// What kind of trouble it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Where the record lies cannot be, or is not there.
    Location,
    /// What is there is no record, of another version, or damaged.
    Damaged,
    /// The disk or the server did not take it.
    Store,
    /// The place of a mirror said no: permission, quota, not found.
    Forbidden,
    /// What was asked of it cannot be: an intent that is not open, a key that is none.
    Refused,
}

/// An error of the record. An act whose intent has one is not done.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct RecordError {
    pub kind: ErrorKind,
    /// A lower-case fragment.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl RecordError {
    fn new(kind: ErrorKind, message: impl Into<String>) -> RecordError {
        RecordError {
            kind,
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn location(message: impl Into<String>) -> RecordError {
        RecordError::new(ErrorKind::Location, message)
    }

    pub(crate) fn damaged(message: impl Into<String>) -> RecordError {
        RecordError::new(ErrorKind::Damaged, message)
    }

    pub(crate) fn store(message: impl Into<String>) -> RecordError {
        RecordError::new(ErrorKind::Store, message)
    }

    /// Where a mirror refuses.
    pub fn forbidden(message: impl Into<String>) -> RecordError {
        RecordError::new(ErrorKind::Forbidden, message)
    }

    /// Where a mirror or the way to it fails.
    pub fn failed(message: impl Into<String>) -> RecordError {
        RecordError::store(message)
    }

    pub(crate) fn refused(message: impl Into<String>) -> RecordError {
        RecordError::new(ErrorKind::Refused, message)
    }

    /// With what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> RecordError {
        self.hint = Some(hint.into());
        self
    }
}
