//! What can be wrong with a text: one error type for reading, with the place and a hint.

use crate::source::Mark;

/// Most levels of nesting in one document, as in go-yaml.
pub const MAX_DEPTH: usize = 10_000;

/// Most nodes that the aliases of one document may add to it.
pub const MAX_ALIASED_NODES: usize = 1_000_000;

/// A text that is not YAML, or not YAML that kustomize accepts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct ParseError {
    pub problem: Problem,
    /// Where the problem shows.
    pub mark: Mark,
    /// The beginning of the construct that is wrong, where that is another place.
    pub context: Option<Mark>,
}

/// The cause of a [`ParseError`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    #[error("control character U+{0:04X} is not allowed")]
    ControlCharacter(u32),
    #[error("file is larger than 4 GiB")]
    TooLarge,
    #[error("invalid document separator: {0}")]
    Separator(String),
    #[error("found a tab where indentation is expected")]
    Tab,
    #[error("character '{0}' cannot start a value")]
    Character(char),
    #[error("could not find the ':' that ends the key")]
    MissingColon,
    #[error("a key with its value is not allowed here")]
    MappingNotAllowed,
    #[error("a list item is not allowed here")]
    SequenceNotAllowed,
    #[error("did not find expected {0}")]
    Expected(&'static str),
    #[error("{0} nested more than {MAX_DEPTH} levels deep")]
    TooDeep(&'static str),
    #[error("quoted text is never closed")]
    Unclosed,
    #[error("document marker inside quoted text")]
    MarkerInQuotes,
    #[error("unknown escape in double-quoted text")]
    Escape,
    #[error("indentation indicator of a block scalar must be 1 to 9")]
    IndentationIndicator,
    #[error("found text after the header of a block scalar")]
    BlockHeader,
    #[error("name of an anchor or alias is missing or not alphanumeric")]
    AnchorName,
    #[error("malformed tag: {0}")]
    Tag(&'static str),
    #[error("undefined tag handle '{0}'")]
    TagHandle(String),
    #[error("{0} directive")]
    Directive(&'static str),
    #[error("unknown anchor '{0}'")]
    UnknownAnchor(String),
    #[error("anchor '{0}' contains itself")]
    RecursiveAnchor(String),
    #[error("aliases add more than {MAX_ALIASED_NODES} nodes")]
    AliasBomb,
    #[error("merge key '<<' given twice")]
    DuplicateMerge,
    #[error("merge key '<<' needs a map or a list of maps")]
    MergeValue,
    #[error("{0} cannot be the key of a mapping")]
    Key(&'static str),
    #[error("{0}")]
    Value(crate::resolve::TypeError),
}

impl ParseError {
    pub(crate) fn new(problem: Problem, mark: Mark) -> ParseError {
        ParseError {
            problem,
            mark,
            context: None,
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self.problem {
            Problem::Tab => Some("indent with spaces"),
            Problem::Character('@' | '`' | '%') => Some("put the value in quotes"),
            Problem::MappingNotAllowed => Some("put a value that contains ': ' in quotes"),
            Problem::MissingColon => Some("write 'key: value'; a key must fit on one line and in 1024 characters"),
            Problem::Separator(_) => Some("a separator line is '---', with at most a comment after it"),
            Problem::UnknownAnchor(_) => Some("anchors are known only below their definition and in the same document"),
            Problem::RecursiveAnchor(_) => Some("an alias cannot stand inside the value of its own anchor"),
            Problem::Directive(_) => Some("remove the line, directives have no use in Kubernetes files"),
            _ => None,
        }
    }
}
