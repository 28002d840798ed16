//! Why a build failed, and where.

use yaml::Mark;

/// A build failed. The text says what; the mark says where in the user's files.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct BuildError {
    pub kind: ErrorKind,
    /// A lower-case fragment that quotes the user's own word.
    pub message: String,
    /// The place, or [`Mark::NONE`].
    pub mark: Mark,
    /// What to do next.
    pub hint: Option<String>,
    /// Other places that matter, each with a few words.
    pub related: Vec<(Mark, String)>,
    /// The steps that led here, innermost first: `resources[2]` of which file.
    pub trail: Vec<(Mark, String)>,
}

/// The cause of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A text is not YAML, or not YAML of the expected form.
    Syntax,
    /// A file or directory is missing, unreadable, or out of bounds.
    File,
    /// A kustomization or configuration says something that cannot be done.
    Config,
    /// Two objects have one id, or an object lacks what it needs.
    Object,
    /// A transformer cannot be applied to the objects there are.
    Transform,
    /// A program that the build ran failed, or printed what cannot be used.
    Program,
    /// It needs something that this version does not do.
    Unsupported,
    /// The outside said no: there is no such repository, reference or file, or it is not for this user.
    Refused,
    /// The outside failed or took too long.
    OutsideFailed,
}

impl BuildError {
    pub fn new(kind: ErrorKind, mark: Mark, message: impl Into<String>) -> BuildError {
        BuildError {
            kind,
            message: message.into(),
            mark,
            hint: None,
            related: Vec::new(),
            trail: Vec::new(),
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> BuildError {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn related(mut self, mark: Mark, words: impl Into<String>) -> BuildError {
        self.related.push((mark, words.into()));
        self
    }

    /// Adds the step that asked for what failed.
    #[must_use]
    pub fn within(mut self, mark: Mark, step: impl Into<String>) -> BuildError {
        self.trail.push((mark, step.into()));
        self
    }
}

impl From<yaml::ParseError> for BuildError {
    fn from(error: yaml::ParseError) -> BuildError {
        let built = BuildError::new(ErrorKind::Syntax, error.mark, error.to_string());
        match error.hint() {
            Some(hint) => built.hint(hint),
            None => built,
        }
    }
}

pub type Result<T, E = BuildError> = std::result::Result<T, E>;
