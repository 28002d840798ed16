//! Errors and findings for a person (with the lines of their files) or for a program (JSON lines).

use std::borrow::Cow;
use std::io::{IsTerminal, Write};

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};
use build::BuildError;
use record::RecordError;
use resource::{Finding, Severity};
use serde::Serialize;
use yaml::{Mark, Place, Sources};

use crate::excerpt::{Excerpt, excerpt, visible, visible_lines};
use crate::exit::Exit;
use crate::hidden::Hidden;

/// How standard error is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ErrorFormat {
    /// For a person, with the lines of the files.
    #[default]
    Text,
    /// One JSON object a line, for a program.
    Json,
}

/// The program whose manners are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    Terrace,
    Kustomize,
}

/// Something to tell, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diagnostic {
    pub(crate) severity: Severity,
    pub(crate) rule: Option<Cow<'static, str>>,
    pub(crate) message: String,
    pub(crate) mark: Mark,
    pub(crate) hint: Option<String>,
    pub(crate) related: Vec<(Mark, String)>,
    pub(crate) trail: Vec<(Mark, String)>,
    /// The object it is about, and its field.
    pub(crate) object: Option<String>,
    /// Whether its lines hold a secret: then only its places are shown.
    pub(crate) concealed: bool,
    /// Whether a person is shown the name of the rule.
    pub(crate) shows_rule: bool,
    /// The environments or directories it holds in, where there are several.
    pub(crate) holds_in: Vec<String>,
    /// The kustomizations whose build ended here, where there are several.
    pub(crate) directories: Vec<String>,
    /// How a run ends that ends with it.
    pub(crate) exit: Exit,
}

impl Diagnostic {
    /// An error that no file of the user's causes.
    pub(crate) fn error(message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            rule: None,
            message: message.into(),
            mark: Mark::NONE,
            hint: None,
            related: Vec::new(),
            trail: Vec::new(),
            object: None,
            concealed: false,
            shows_rule: false,
            holds_in: Vec::new(),
            directories: Vec::new(),
            exit: Exit::WrongInput,
        }
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(hint.into());
        self
    }
}

impl From<BuildError> for Diagnostic {
    fn from(error: BuildError) -> Diagnostic {
        let BuildError {
            message,
            mark,
            hint,
            related,
            trail,
            kind,
            ..
        } = error;
        Diagnostic {
            exit: Exit::of(kind),
            message,
            mark,
            hint,
            related,
            trail,
            ..Diagnostic::error("")
        }
    }
}

impl From<google::Error> for Diagnostic {
    fn from(error: google::Error) -> Diagnostic {
        Diagnostic {
            hint: error.hint,
            exit: match error.kind {
                google::ErrorKind::Refused | google::ErrorKind::Credentials => Exit::Refused,
                google::ErrorKind::Failed => Exit::OutsideFailed,
                google::ErrorKind::Unrecorded => Exit::NotRecorded,
            },
            ..Diagnostic::error(error.message)
        }
    }
}

/// Of a record that is read. One that should have been written has [`Exit::NotRecorded`].
impl From<RecordError> for Diagnostic {
    fn from(error: RecordError) -> Diagnostic {
        Diagnostic {
            hint: error.hint,
            exit: match error.kind {
                record::ErrorKind::Location | record::ErrorKind::Damaged | record::ErrorKind::Refused => {
                    Exit::WrongInput
                }
                record::ErrorKind::Forbidden => Exit::Refused,
                record::ErrorKind::Store => Exit::OutsideFailed,
            },
            ..Diagnostic::error(error.message)
        }
    }
}

impl From<Finding> for Diagnostic {
    fn from(finding: Finding) -> Diagnostic {
        let Finding {
            rule,
            severity,
            message,
            mark,
            hint,
            object,
            field,
            related,
            concealed,
            word: _,
        } = finding;
        Diagnostic {
            severity,
            rule: Some(rule),
            message,
            mark,
            hint,
            related,
            concealed,
            object: object.map(|object| match field.as_str() {
                "" => object.full_name(),
                field => format!("{} {field}", object.full_name()),
            }),
            ..Diagnostic::error("")
        }
    }
}

/// Writes diagnostics to standard error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reporter {
    pub(crate) face: Face,
    pub(crate) format: ErrorFormat,
    /// Only errors.
    pub(crate) quiet: bool,
}

impl Reporter {
    /// Errors, always.
    pub(crate) fn error(&self, diagnostic: &Diagnostic, sources: &Sources) {
        self.write(&match self.format {
            ErrorFormat::Text => text(diagnostic, sources, &Hidden::default(), self.face, stderr_has_colour()),
            ErrorFormat::Json => json(diagnostic, sources),
        });
    }

    /// Several errors, with an empty line between them for a person.
    pub(crate) fn errors(&self, diagnostics: &[Diagnostic], sources: &Sources) {
        for (at, diagnostic) in diagnostics.iter().enumerate() {
            if at > 0 && self.format == ErrorFormat::Text {
                self.write("\n");
            }
            self.error(diagnostic, sources);
        }
    }

    /// An error in kustomize's way, in one line or in its own lines.
    pub(crate) fn plain_error(&self, message: &str) {
        self.write(&format!("Error: {message}\n"));
    }

    /// Something that went well, unless that is not wanted.
    pub(crate) fn note(&self, message: &str) {
        if self.quiet {
            return;
        }
        if self.face == Face::Kustomize {
            return self.write(&format!("{message}\n"));
        }
        let diagnostic = Diagnostic {
            severity: Severity::Note,
            ..Diagnostic::error(message)
        };
        self.error(&diagnostic, &Sources::new());
    }

    /// Warnings, unless they are not wanted. Those that kustomize prints have its words.
    pub(crate) fn warning(&self, finding: &Finding, sources: &Sources) {
        if finding.rule == build::PROGRAM_OUTPUT && !self.quiet && self.format == ErrorFormat::Text {
            return self.write(&format!("{}\n", visible_lines(&finding.message)));
        }
        let is_kustomizes_own = finding.rule == "deprecated_field";
        if self.quiet || (self.face == Face::Kustomize && !is_kustomizes_own) {
            return;
        }
        if is_kustomizes_own && self.format == ErrorFormat::Text {
            let hint = finding.hint.as_deref().unwrap_or_default();
            self.write(&format!("# Warning: {} {hint}\n", finding.message));
        } else {
            self.error(&finding.clone().into(), sources);
        }
    }

    /// A deprecated flag was used, in kustomize's words.
    pub(crate) fn deprecated_flag(&self, flag: &str, words: &str) {
        if self.quiet {
            return;
        }
        let message = format!("Flag {flag} has been deprecated, {words}");
        if self.format == ErrorFormat::Text {
            return self.write(&format!("{message}\n"));
        }
        let diagnostic = Diagnostic {
            severity: Severity::Warning,
            rule: Some("deprecated_flag".into()),
            ..Diagnostic::error(message)
        };
        self.error(&diagnostic, &Sources::new());
    }

    fn write(&self, text: &str) {
        // Where standard error is gone there is nobody to tell.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}

fn stderr_has_colour() -> bool {
    has_colour(&std::io::stderr())
}

/// Colour on a terminal, unless `NO_COLOR` or `CLICOLOR` forbid or `CLICOLOR_FORCE` demands it.
pub(crate) fn has_colour(stream: &(impl anstream::stream::RawStream + IsTerminal)) -> bool {
    !matches!(anstream::AutoStream::choice(stream), anstream::ColorChoice::Never)
}

/// A diagnostic for a person.
pub(crate) fn text(diagnostic: &Diagnostic, sources: &Sources, hidden: &Hidden, face: Face, colour: bool) -> String {
    let level = match (diagnostic.severity, face) {
        (Severity::Error, Face::Kustomize) => Level::ERROR.with_name("Error"),
        (Severity::Error, Face::Terrace) => Level::ERROR,
        (Severity::Warning, _) => Level::WARNING,
        (Severity::Note, _) => Level::NOTE,
    };
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut title = level.primary_title(visible_lines(&diagnostic.message));
    if let Some(rule) = diagnostic.rule.as_deref().filter(|_| diagnostic.shows_rule) {
        title = title.id(rule);
    }
    let title = Group::with_title(title);
    let notes = notes(diagnostic, sources);
    let excerpt = |mark| match diagnostic.concealed {
        true => Excerpt::place_only(sources, mark),
        false => excerpt(sources, mark, hidden),
    };
    let main = excerpt(diagnostic.mark);
    let related: Vec<(Option<Excerpt>, String)> = diagnostic
        .related
        .iter()
        .map(|(mark, words)| (excerpt(*mark), visible_lines(words)))
        .collect();
    let mut rendered = Vec::new();
    if main.is_none() && related.iter().all(|(excerpt, _)| excerpt.is_none()) {
        rendered.push(renderer.render(&[title]));
        let related = related.into_iter().map(|(_, words)| (Level::NOTE, words));
        for (level, words) in related.chain(notes) {
            rendered.push(renderer.render(&[Group::with_title(level.secondary_title(words))]));
        }
    } else {
        let mut group = title;
        if let Some(main) = &main {
            group = group.elements(snippet(main, AnnotationKind::Primary, None));
        }
        for (excerpt, words) in &related {
            group = match excerpt {
                Some(excerpt) if excerpt.text.is_empty() => group
                    .elements(snippet(excerpt, AnnotationKind::Context, None))
                    .element(Level::NOTE.message(words)),
                Some(excerpt) => group.elements(snippet(excerpt, AnnotationKind::Context, Some(words))),
                None => group.element(Level::NOTE.message(words)),
            };
        }
        rendered.push(renderer.render(&[group.elements(notes.into_iter().map(|(level, words)| level.message(words)))]));
    }
    rendered.join("\n") + "\n"
}

/// What stands below the lines: the way that led there, the directories, the hint.
fn notes(diagnostic: &Diagnostic, sources: &Sources) -> Vec<(Level<'static>, String)> {
    let mut notes = Vec::new();
    // The place itself is shown already.
    for (mark, step) in diagnostic.trail.iter().filter(|(mark, _)| *mark != diagnostic.mark) {
        let step = visible_lines(step);
        notes.push((
            Level::NOTE,
            match sources.place(*mark) {
                Some(place) => format!("needed by {step} at {}", visible(&place.to_string())),
                None => format!("needed by {step}"),
            },
        ));
    }
    if let Some(object) = &diagnostic.object {
        notes.push((Level::NOTE, format!("in {}", visible_lines(object))));
    }
    if !diagnostic.holds_in.is_empty() {
        notes.push((Level::NOTE, format!("holds in {}", listed(&diagnostic.holds_in))));
    }
    if !diagnostic.directories.is_empty() {
        notes.push((
            Level::NOTE,
            format!("while building {}", listed(&diagnostic.directories)),
        ));
    }
    notes.extend(
        diagnostic
            .hint
            .as_deref()
            .map(|hint| (Level::HELP, visible_lines(hint))),
    );
    notes
}

fn snippet<'a>(excerpt: &'a Excerpt, kind: AnnotationKind, label: Option<&'a String>) -> Vec<Element<'a>> {
    let path = visible(&excerpt.place.file);
    let annotation = kind.span(excerpt.span.clone());
    let annotation = match label {
        Some(label) => annotation.label(label.as_str()),
        None => annotation,
    };
    let lines = Snippet::source(&excerpt.text)
        .line_start(excerpt.first_line)
        .fold(false)
        .annotation(annotation);
    if excerpt.is_whole && !excerpt.text.is_empty() {
        return vec![lines.path(path).into()];
    }
    // The column in what is shown is not the column of the file.
    let origin = Origin::path(path)
        .line(excerpt.place.line as usize)
        .char_column(excerpt.place.column as usize);
    if excerpt.text.is_empty() {
        vec![origin.into()]
    } else {
        vec![origin.into(), lines.into()]
    }
}

/// The first few names, and how many more.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| visible(name)).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A diagnostic as programs read it.
#[derive(Serialize)]
struct Record<'a> {
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'a str>,
    #[serde(flatten)]
    place: Option<PlaceRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<Located<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trail: Vec<Located<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    directories: &'a [String],
}

#[derive(Serialize)]
struct Located<'a> {
    message: &'a str,
    #[serde(flatten)]
    place: Option<PlaceRecord>,
}

/// A place as programs read it; line and column count from 1.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PlaceRecord {
    file: String,
    line: u32,
    column: u32,
}

impl PlaceRecord {
    pub(crate) fn is_in(&self, file: &str) -> bool {
        self.file == file
    }
}

impl From<Place> for PlaceRecord {
    fn from(place: Place) -> PlaceRecord {
        PlaceRecord {
            file: place.file,
            line: place.line,
            column: place.column,
        }
    }
}

impl std::fmt::Display for PlaceRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

fn json<'d>(diagnostic: &'d Diagnostic, sources: &Sources) -> String {
    let place = |mark: Mark| sources.place(mark).map(PlaceRecord::from);
    let located = |places: &'d [(Mark, String)]| -> Vec<Located<'d>> {
        places
            .iter()
            .map(|(mark, message)| Located {
                message,
                place: place(*mark),
            })
            .collect()
    };
    let record = Record {
        severity: match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        },
        rule: diagnostic.rule.as_deref(),
        message: &diagnostic.message,
        object: diagnostic.object.as_deref(),
        place: place(diagnostic.mark),
        hint: diagnostic.hint.as_deref(),
        related: located(&diagnostic.related),
        trail: located(&diagnostic.trail),
        directories: &diagnostic.directories,
    };
    let mut line = serde_json::to_string(&record).unwrap_or_default();
    line.push('\n');
    line
}
