//! Why a package could not be read, changed or written.

use std::io;
use std::path::Path;

use yaml::{Layout, LayoutKind, LayoutWriter, ParseError, Problem, Source};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// In kustomize's words, which some commands print among the objects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl Error {
    pub fn new(message: impl Into<String>) -> Error {
        Error {
            message: message.into(),
            hint: None,
        }
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hint = Some(hint.into());
        self
    }

    /// The same about a file.
    #[must_use]
    pub(crate) fn in_file(self, path: &Path) -> Error {
        Error {
            message: format!("{}: {}", path.display(), self.message),
            ..self
        }
    }

    pub(crate) fn io(action: &str, path: &Path, error: &io::Error) -> Error {
        let said = match error.kind() {
            io::ErrorKind::NotFound => "no such file or directory".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        };
        Error::new(format!("{action} {}: {said}", path.display()))
    }

    /// A text that is no YAML, with the line that go-yaml names: the scanner counts from 1, the grammar from 0.
    pub(crate) fn malformed(error: &ParseError, source: &Source) -> Error {
        if matches!(error.problem, Problem::Separator(_)) {
            return Error::new(error.to_string());
        }
        let is_grammar = matches!(error.problem, Problem::Expected(_));
        let line_of = |mark: yaml::Mark| source.line_column(mark.offset).0.saturating_sub(1);
        let context = error.context.map_or(0, line_of);
        let line = if context > 0 { context } else { line_of(error.mark) };
        let place = match (line, is_grammar) {
            (0, _) => String::new(),
            (line, true) => format!("line {line}: "),
            (line, false) => format!("line {}: ", line + 1),
        };
        let said = match &error.problem {
            Problem::MappingNotAllowed => "mapping values are not allowed in this context",
            Problem::SequenceNotAllowed => "block sequence entries are not allowed in this context",
            Problem::MissingColon => "could not find expected ':'",
            Problem::Character(_) => "found character that cannot start any token",
            Problem::Tab => "found a tab character that violates indentation",
            Problem::Unclosed => "found unexpected end of stream",
            Problem::MarkerInQuotes => "found unexpected document indicator",
            Problem::Escape => "found unknown escape character",
            Problem::BlockHeader => "did not find expected comment or line break",
            Problem::ControlCharacter(_) => "control characters are not allowed",
            Problem::UnknownAnchor(name) => {
                return Error::new(format!("MalformedYAMLError: yaml: unknown anchor '{name}' referenced"));
            }
            other => return Error::new(format!("MalformedYAMLError: yaml: {place}{other}")),
        };
        Error::new(format!("MalformedYAMLError: yaml: {place}{said}"))
    }

    /// A node that is something else than it must be.
    pub(crate) fn wrong_kind(expected: LayoutKind, node: &Layout) -> Error {
        let mut writer = LayoutWriter::new();
        writer.write(node, false);
        Error::new(format!(
            "wrong node kind: expected {} but got {}: node contents:\n{}",
            name(expected),
            name(node.kind),
            writer.finish()
        ))
    }
}

fn name(kind: LayoutKind) -> &'static str {
    match kind {
        LayoutKind::Document => "DocumentNode",
        LayoutKind::Mapping => "MappingNode",
        LayoutKind::Sequence => "SequenceNode",
        LayoutKind::Scalar => "ScalarNode",
        LayoutKind::Alias => "AliasNode",
    }
}
