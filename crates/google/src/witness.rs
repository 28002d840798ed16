//! Who is told of every call that changes something, before it is sent and when its answer is there.

use serde_json::Value;

use crate::error::Error;

/// A call that changes something.
#[derive(Clone, Copy, Debug)]
pub struct Change<'c> {
    /// The name of the method, as `setIamPolicy`.
    pub verb: &'c str,
    /// The full name of the resource.
    pub resource: &'c str,
    /// What it changes, in words.
    pub words: &'c [String],
    /// What is sent.
    pub body: &'c Value,
}

/// Is told of changes. A change that it refuses is not made.
pub trait Witness {
    /// A change is about to be asked for; a number for its end.
    ///
    /// # Errors
    /// [`Error`] of the kind `Unrecorded`: it is not asked for then.
    fn before(&self, change: &Change<'_>) -> Result<u64, Error>;

    /// The answer came, or the error that stands for it.
    ///
    /// # Errors
    /// [`Error`] of the kind `Unrecorded`.
    fn after(&self, number: u64, answer: Result<&str, &Error>) -> Result<(), Error>;
}
