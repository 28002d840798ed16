//! `terrace diff`: what differs between two directories, revisions or environments, by object and field.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use build::{FileKind, Files, Session, parallel};
use clap::Args;
use fetch::Revision;
use resource::{Resource, Schema};
use yaml::Sources;

use crate::args::working_directory;
use crate::diagnostic::{Diagnostic, has_colour};
use crate::exit::Exit;
use crate::output;
use crate::remote::Locks;
use crate::report::difference::{self as report, Comparison, Sides};
use crate::setup::{Setup, SetupArgs};

/// Show what differs between two directories, two environments, or two Git revisions of one.
///
/// Both sides are built, and compared by object and field: lists by their merge keys, names without the hash of
/// their content. Each value is shown with the line and the layer that set it. A side is the directory of a
/// kustomization, an environment of terrace.yaml, or either of them at a Git revision: REVISION:DIR.
/// The values of Secrets are not shown.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Two environments
  terrace diff staging prod

  # What this branch changes in production
  terrace diff --rev main..HEAD prod

  # What is not committed yet, for the description of a pull request
  terrace diff HEAD:overlays/prod overlays/prod -o markdown
")]
pub(crate) struct DiffArgs {
    /// The first side, or with --rev what to compare: a directory or an environment; the working directory, without it.
    #[arg(value_name = "A", required_unless_present = "rev")]
    first: Option<String>,
    /// The second side.
    #[arg(value_name = "B", required_unless_present = "rev", conflicts_with = "rev")]
    second: Option<String>,
    /// Compare two revisions, FROM..TO, or a revision with the working tree: FROM.
    #[arg(long, value_name = "FROM[..TO]")]
    rev: Option<String>,
    /// How to print the difference.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Format,
    /// Exit with 1 if there is a difference.
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    setup: SetupArgs,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Format {
    /// For a person.
    #[default]
    Text,
    /// One JSON document, for a program.
    Json,
    /// For a pull request.
    Markdown,
    /// One HTML page, side by side.
    Html,
}

/// What is built on one side.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Side {
    revision: Option<String>,
    /// A directory, or the name of an environment.
    what: String,
}

impl Side {
    /// `REVISION:DIR`, unless it is the name of something that is there.
    fn read(text: &str) -> Side {
        let is_there = Path::new(text).exists();
        match text.split_once(':') {
            Some((revision, what)) if !is_there && !revision.is_empty() && !what.starts_with("//") => Side {
                revision: Some(revision.to_owned()),
                what: if what.is_empty() { "." } else { what }.to_owned(),
            },
            _ => Side {
                revision: None,
                what: text.to_owned(),
            },
        }
    }

    fn shown(&self) -> String {
        match &self.revision {
            Some(revision) => format!("{revision}:{}", self.what),
            None => self.what.clone(),
        }
    }
}

/// The objects of one side, by the directory they are from.
struct Built {
    parts: Vec<(String, Vec<Resource>)>,
    sources: Arc<Sources>,
}

pub(crate) fn run(args: &DiffArgs) -> Exit {
    let setup = args.setup.setup();
    let reporter = &setup.reporter;
    let (before, after) = sides(args);
    let build = |side: &Side| built(side, &setup);
    let (old, new) = match (build(&before), build(&after)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(exit), _) | (_, Err(exit)) => return exit,
    };
    let mut comparison = Comparison::new(Sides {
        before: before.shown(),
        after: after.shown(),
    });
    compare(&old, &new, &mut comparison);
    let bytes = match args.output {
        Format::Text => report::text(&comparison, has_colour(&std::io::stdout())).into_bytes(),
        Format::Json => report::json(&comparison),
        Format::Markdown => report::markdown(&comparison).into_bytes(),
        Format::Html => report::html(&comparison).into_bytes(),
    };
    if let Err(diagnostic) = output::answer(&[bytes]) {
        reporter.error(&diagnostic, &old.sources);
        return Exit::WrongInput;
    }
    if args.exit_code && !comparison.is_empty() {
        Exit::WrongInput
    } else {
        Exit::Done
    }
}

fn sides(args: &DiffArgs) -> (Side, Side) {
    let first = args.first.as_deref().unwrap_or(".");
    let Some(revisions) = &args.rev else {
        return (Side::read(first), Side::read(args.second.as_deref().unwrap_or(".")));
    };
    let (from, to) = revisions.split_once("..").unwrap_or((revisions, ""));
    let at = |revision: &str| Side {
        revision: (!revision.is_empty()).then(|| revision.to_owned()),
        what: first.to_owned(),
    };
    (at(if from.is_empty() { "HEAD" } else { from }), at(to))
}

/// Directory by directory; one that a side lacks has no objects there.
fn compare(old: &Built, new: &Built, comparison: &mut Comparison) {
    let mut names: Vec<&str> = new
        .parts
        .iter()
        .chain(&old.parts)
        .map(|(name, _)| name.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    let objects = |built: &'_ Built, name: &str| built.parts.iter().position(|(part, _)| part == name);
    let schema = Schema::builtin();
    for name in names {
        let before = objects(old, name).map_or(&[][..], |at| &old.parts[at].1);
        let after = objects(new, name).map_or(&[][..], |at| &new.parts[at].1);
        let difference = difference::difference(before, after, &schema);
        comparison.add(name, &difference, &old.sources, &new.sources);
    }
}

/// Builds a side. What is wrong is reported here, with the files of this side.
fn built(side: &Side, setup: &Setup) -> Result<Built, Exit> {
    let here = working_directory();
    let Some(revision) = &side.revision else {
        return build_all(&setup.session(), &here, side, setup);
    };
    match Revision::read(&here, revision) {
        // A program would see the working tree: none is run.
        Ok(files) => build_all(&Session::new(&files), files.directory(), side, setup),
        Err(error) => {
            let diagnostic = Diagnostic::from(error.at(yaml::Mark::NONE));
            setup.reporter.error(&diagnostic, &Sources::new());
            Err(Exit::WrongInput)
        }
    }
}

fn build_all(session: &Session<'_>, here: &Path, side: &Side, setup: &Setup) -> Result<Built, Exit> {
    let reporter = &setup.reporter;
    let fail = |diagnostic: &Diagnostic| reporter.error(diagnostic, session.sources());
    let directories = directories(session, here, side).map_err(|diagnostic| {
        fail(&diagnostic);
        Exit::WrongInput
    })?;
    let locks = Locks::read(session, directories.iter().map(|(_, directory)| directory.as_path()));
    let fetchers = locks.fetchers(&setup.outside);
    let sessions: Vec<Session<'_>> = fetchers.iter().map(|fetcher| session.beside(fetcher)).collect();
    let results = parallel::map(directories.len(), parallel::default_jobs(), |at| {
        let session = locks.choose(at, &sessions)?;
        session
            .build(&directories[at].1, &setup.options)
            .map_err(|failure| failure.error)
    });
    let mut parts = Vec::new();
    let mut failed = None;
    for ((name, _), result) in directories.into_iter().zip(results) {
        match result {
            Ok(built) => {
                for warning in &built.warnings {
                    reporter.warning(warning, session.sources());
                }
                parts.push((name, built.objects));
            }
            Err(error) => {
                failed = failed.max(Some(Exit::of(error.kind)));
                fail(&Diagnostic::from(error));
            }
        }
    }
    match failed {
        Some(exit) => Err(exit),
        None => Ok(Built {
            parts,
            sources: session.sources().clone(),
        }),
    }
}

/// The directories of a side, each with the words of its path that the environment's name is not.
fn directories(session: &Session<'_>, here: &Path, side: &Side) -> Result<Vec<(String, PathBuf)>, Box<Diagnostic>> {
    let files = session.files();
    let is_directory = |path: &Path| matches!(files.resolve(path), Ok((_, FileKind::Directory)));
    let asked = Path::new(&side.what);
    let path = files.absolute(asked);
    let root = platform_root(files, here);
    // What has a slash is no name of an environment: what is wrong with it, the build says.
    let is_path = side.what.contains('/') || path.as_ref().is_ok_and(|path| is_directory(path));
    let (Some(root), false) = (root, is_path) else {
        return Ok(vec![(String::new(), asked.to_owned())]);
    };
    let platform = platform::read(session, &root).map_err(|error| Box::new(Diagnostic::from(error)))?;
    let environments = &platform.spec.environments;
    let Some(environment) = environments.iter().find(|environment| environment.name == side.what) else {
        let names: Vec<&str> = environments.iter().map(|environment| &*environment.name).collect();
        let message = format!("\"{}\" is neither a directory nor an environment", side.shown());
        return Err(Box::new(
            Diagnostic::error(message).hint(format!("the environments are {}", names.join(", "))),
        ));
    };
    let targets = platform.targets(session, environment);
    let targets = targets.map_err(|error| Box::new(Diagnostic::from(error)))?;
    let name = |words: &std::collections::BTreeMap<String, String>| {
        let others = words.iter().filter(|(word, _)| *word != "env");
        others
            .map(|(word, value)| format!("{word}={value}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    Ok(targets
        .into_iter()
        .map(|target| (name(&target.words), target.directory))
        .collect())
}

/// The directory of the platform file: this one, or one above it in the same repository.
fn platform_root(files: &dyn Files, here: &Path) -> Option<PathBuf> {
    for directory in here.ancestors() {
        if matches!(
            files.resolve(&directory.join(platform::FILE_NAME)),
            Ok((_, FileKind::File))
        ) {
            return Some(directory.to_owned());
        }
        if files.entry_kind(&directory.join(".git")).is_ok() {
            break;
        }
    }
    None
}
