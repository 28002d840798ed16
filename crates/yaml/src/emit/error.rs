//! Why an object cannot be printed.

use crate::resolve::TypeError;
use crate::source::Mark;

/// An object that kustomize cannot print.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct EmitError {
    pub problem: EmitProblem,
    /// The node that is at fault.
    pub mark: Mark,
    /// Where a repeated key stood first.
    pub first: Option<Mark>,
}

/// The cause of an [`EmitError`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmitProblem {
    #[error("mapping key '{0}' is given twice")]
    DuplicateKey(String),
    #[error("mapping key '{0}' is not a string")]
    KeyNotString(String),
    #[error("a collection cannot be a mapping key")]
    CollectionKey,
    #[error("mapping key is longer than 1024 characters")]
    LongKey,
    #[error("{0}")]
    Type(TypeError),
    #[error("number is not finite")]
    NotFinite,
    #[error("time zone is a day or more away from UTC")]
    TimeZone,
    #[error("control character U+{0:04X} cannot be printed")]
    Character(u32),
    #[error("text of several lines begins with a tab")]
    BlockTab,
}

impl EmitError {
    pub(crate) fn new(problem: EmitProblem, mark: Mark) -> EmitError {
        EmitError {
            problem,
            mark,
            first: None,
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self.problem {
            EmitProblem::DuplicateKey(_) => Some("remove one of the two"),
            EmitProblem::KeyNotString(_) => Some("put the key in quotes"),
            EmitProblem::NotFinite => {
                Some("JSON knows no infinity and no NaN; put the value in quotes if it is a string")
            }
            _ => None,
        }
    }
}
