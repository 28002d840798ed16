//! `terrace build`: kustomizations rendered to standard output or to files, several at once.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use build::{Built, Failure, Options, Session, find_kustomizations, parallel};
use clap::Args;
use resource::Finding;
use yaml::{Mark, Sources};

use crate::args::working_directory;
use crate::diagnostic::{Diagnostic, Reporter};
use crate::exit::Exit;
use crate::output;
use crate::progress::Progress;
use crate::remote::{Locks, lock_beside};
use crate::setup::{Setup, SetupArgs};

/// Render kustomizations, to the byte as kustomize does.
///
/// Without a directory, the working directory is rendered. Several directories are rendered at the same
/// time; their results come in the order of the directories, with `---` between them, and only if all of
/// them could be rendered.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # One environment
  terrace build overlays/prod

  # Straight to the cluster
  terrace build overlays/prod | kubectl apply -f -

  # One file for each object, in a directory that is there
  terrace build overlays/prod -o rendered/

  # Every kustomization below a directory that is no component, one file each
  terrace build --all . --output-dir rendered

  # In CI: errors as JSON, one object a line
  terrace build --all . --output-dir rendered --error-format json
")]
pub(crate) struct BuildArgs {
    /// Directories of kustomizations.
    #[arg(value_name = "DIR")]
    directories: Vec<PathBuf>,
    /// Render every kustomization at or below DIR that is no component. May be repeated.
    #[arg(long, value_name = "DIR")]
    all: Vec<PathBuf>,
    /// Write the result to this file, or to one file for each object if it is a directory.
    #[arg(
        short,
        long,
        value_name = "PATH",
        conflicts_with = "output_dir",
        allow_hyphen_values = true
    )]
    output: Option<PathBuf>,
    /// Write one file for each rendered directory below DIR: the path of the directory, with `.yaml`.
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
    /// How many directories to render at the same time; without it, one for each processor.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    #[command(flatten)]
    setup: SetupArgs,
}

/// A kustomization to render.
struct Target {
    directory: PathBuf,
    /// The directory as the user knows it.
    shown: String,
    /// Its file below the output directory.
    file: PathBuf,
}

/// What is kept of a build until all are done.
struct Rendered {
    /// The bytes, unless they were written already.
    bytes: Vec<u8>,
    warnings: Vec<Finding>,
}

pub(crate) fn run(args: &BuildArgs) -> Exit {
    let setup = args.setup.setup();
    let reporter = &setup.reporter;
    if args.directories.len() + args.all.len() < 2 && args.all.is_empty() && args.output_dir.is_none() {
        let directory = args.directories.first().cloned().unwrap_or_else(|| ".".into());
        return run_one(directory, args.output.clone(), &setup);
    }
    if let Some(directory) = args.output.as_deref().filter(|path| path.is_dir()) {
        let message = format!(
            "\"{}\" is a directory, and several kustomizations are rendered",
            directory.display()
        );
        let hint = "use --output-dir for one file each, or name a file for all of them";
        reporter.error(&Diagnostic::error(message).hint(hint), &Sources::new());
        return Exit::WrongUsage;
    }
    let session = setup.session();
    let targets = match targets(args, &session) {
        Ok(targets) => targets,
        Err((exit, diagnostic)) => {
            reporter.error(&diagnostic, session.sources());
            return exit;
        }
    };
    let jobs = args.jobs.map_or_else(parallel::default_jobs, usize::from);
    let progress = Progress::new(targets.len(), !args.setup.is_quiet());
    let locks = Locks::read(&session, targets.iter().map(|target| target.directory.as_path()));
    let fetchers = locks.fetchers(&setup.outside);
    let sessions: Vec<Session<'_>> = fetchers.iter().map(|fetcher| session.beside(fetcher)).collect();
    let results = parallel::map(targets.len(), jobs, |at| {
        let target = &targets[at];
        let session = locks.choose(at, &sessions);
        let result = session
            .map_err(|error| (Exit::of(error.kind), error.into()))
            .and_then(|session| render(session, target, args.output_dir.as_deref(), &setup.options));
        progress.step(&target.shown);
        result
    });
    drop(progress);
    finish(&targets, results, args.output.as_deref(), session.sources(), reporter)
}

/// Renders one directory: to standard output, to a file, or to a file for each object.
pub(crate) fn run_one(directory: PathBuf, output: Option<PathBuf>, setup: &Setup) -> Exit {
    let reporter = &setup.reporter;
    let session = setup.session().with_threads(parallel::default_jobs);
    let fetcher = match lock_beside(&session, &directory) {
        Ok(lock) => setup.outside.fetcher(lock),
        Err(error) => {
            let exit = Exit::of(error.kind);
            reporter.error(&error.into(), session.sources());
            return exit;
        }
    };
    let session = session.beside(&fetcher);
    let built = match session.build(&directory, &setup.options) {
        Ok(built) => built,
        Err(Failure { error, sources }) => {
            let exit = Exit::of(error.kind);
            reporter.error(&error.into(), &sources);
            return exit;
        }
    };
    for warning in &built.warnings {
        reporter.warning(warning, &built.sources);
    }
    let exit = match write(&built, output.as_deref()) {
        Ok(()) => Exit::Done,
        Err(diagnostic) => {
            reporter.error(&diagnostic, &built.sources);
            Exit::WrongInput
        }
    };
    // The process ends after this: giving back every node of the tree would be work for nothing.
    std::mem::forget((built, session));
    exit
}

fn write(built: &Built, output: Option<&Path>) -> Result<(), Diagnostic> {
    match output {
        Some(directory) if directory.is_dir() => {
            for (name, bytes) in output::object_files(&built.objects)? {
                write_file(&directory.join(name), &bytes)?;
            }
            Ok(())
        }
        Some(file) => write_file(file, &built.to_yaml_on(parallel::default_jobs)?.concat()),
        None => print(&built.to_yaml_on(parallel::default_jobs)?),
    }
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Diagnostic> {
    output::write_file(path, bytes).map_err(|error| {
        let diagnostic = Diagnostic::error(format!("cannot write \"{}\": {error}", path.display()));
        match error.kind() {
            std::io::ErrorKind::NotFound => diagnostic.hint("make its directory first"),
            _ => diagnostic,
        }
    })
}

fn print(chunks: &[Vec<u8>]) -> Result<(), Diagnostic> {
    output::answer(chunks).map_err(|diagnostic| *diagnostic)
}

/// What to render, in order, each directory once.
fn targets(args: &BuildArgs, session: &Session<'_>) -> Result<Vec<Target>, (Exit, Diagnostic)> {
    let working_directory = working_directory();
    let target = |directory: PathBuf| {
        let (shown, file) = (
            directory.display().to_string(),
            output::mirrored(&directory, &working_directory),
        );
        Target { directory, shown, file }
    };
    let mut targets: Vec<Target> = args.directories.iter().cloned().map(target).collect();
    for top in &args.all {
        let found = find_kustomizations(session, top).map_err(|error| (Exit::of(error.kind), error.into()))?;
        if found.is_empty() {
            let message = format!("no kustomization at or below \"{}\"", top.display());
            let hint = "name a directory with a kustomization.yaml that is no component, or one above it";
            return Err((Exit::WrongInput, Diagnostic::error(message).hint(hint)));
        }
        // They come with links resolved; the user knows them by the path that was typed.
        let resolved = top.canonicalize().unwrap_or_else(|_| top.clone());
        targets.extend(
            found
                .into_iter()
                .map(|directory| match directory.strip_prefix(&resolved) {
                    Ok(below) => target(join(top, below)),
                    Err(_) => target(directory),
                }),
        );
    }
    if targets.is_empty() {
        targets.push(target(".".into()));
    }
    let mut seen = HashSet::new();
    targets.retain(|target| {
        let absolute = session.files().absolute(&target.directory);
        seen.insert(absolute.unwrap_or_else(|_| target.directory.clone()))
    });
    if args.output_dir.is_some() {
        refuse_same_files(&targets)?;
    }
    Ok(targets)
}

/// `top` and what is below it, without a leading `./`.
fn join(top: &Path, below: &Path) -> PathBuf {
    let parts = top
        .components()
        .chain(below.components())
        .filter(|part| *part != Component::CurDir);
    let joined: PathBuf = parts.collect();
    if joined.as_os_str().is_empty() {
        ".".into()
    } else {
        joined
    }
}

/// Two directories cannot be written to one file.
fn refuse_same_files(targets: &[Target]) -> Result<(), (Exit, Diagnostic)> {
    let mut takers: HashMap<&Path, &Target> = HashMap::new();
    for target in targets {
        if let Some(other) = takers.insert(&target.file, target) {
            let (file, one, two) = (target.file.display(), &other.shown, &target.shown);
            let message = format!("\"{one}\" and \"{two}\" would both be written to {file} of the output directory");
            let hint = "name both relative to the working directory, or render them one after the other";
            return Err((Exit::WrongUsage, Diagnostic::error(message).hint(hint)));
        }
    }
    Ok(())
}

fn render(
    session: &Session<'_>,
    target: &Target,
    output_dir: Option<&Path>,
    options: &Options,
) -> Result<Rendered, (Exit, Diagnostic)> {
    let built = session
        .build(&target.directory, options)
        .map_err(|Failure { error, .. }| (Exit::of(error.kind), Diagnostic::from(error)))?;
    let wrong = |diagnostic| (Exit::WrongInput, diagnostic);
    let mut bytes = built.to_yaml().map_err(|error| wrong(error.into()))?;
    if let Some(output_dir) = output_dir {
        let path = output_dir.join(&target.file);
        // Most directories are there: one is made when a file asks for it.
        if let Err(error) = output::write_file(&path, &bytes) {
            if error.kind() == std::io::ErrorKind::NotFound
                && let Some(parent) = path.parent()
            {
                std::fs::create_dir_all(parent).map_err(|error| {
                    wrong(Diagnostic::error(format!(
                        "cannot make \"{}\": {error}",
                        parent.display()
                    )))
                })?;
            }
            write_file(&path, &bytes).map_err(wrong)?;
        }
        bytes = Vec::new();
    }
    Ok(Rendered {
        bytes,
        warnings: built.warnings,
    })
}

/// Reports every failure, and writes the results if there is none.
fn finish(
    targets: &[Target],
    results: Vec<Result<Rendered, (Exit, Diagnostic)>>,
    output: Option<&Path>,
    sources: &Sources,
    reporter: &Reporter,
) -> Exit {
    let mut failures: Vec<Diagnostic> = Vec::new();
    // What is wrong here is mended first; then what may pass by itself does not count.
    let mut exit = Exit::Done;
    let mut known: HashMap<(String, Mark), usize> = HashMap::new();
    let mut warned = HashSet::new();
    let mut chunks: Vec<Vec<u8>> = Vec::new();
    for (target, result) in targets.iter().zip(results) {
        match result {
            Ok(rendered) => {
                for warning in rendered.warnings {
                    if warned.insert((warning.mark, warning.message.clone())) {
                        reporter.warning(&warning, sources);
                    }
                }
                if !rendered.bytes.is_empty() {
                    if !chunks.is_empty() {
                        chunks.push(b"---\n".to_vec());
                    }
                    chunks.push(rendered.bytes);
                }
            }
            Err((worse, diagnostic)) => {
                exit = if exit == Exit::Done { worse } else { exit.min(worse) };
                // One broken base breaks many directories: it is told once.
                let at = *known
                    .entry((diagnostic.message.clone(), diagnostic.mark))
                    .or_insert(failures.len());
                if at == failures.len() {
                    failures.push(diagnostic);
                }
                failures[at].directories.push(target.shown.clone());
            }
        }
    }
    reporter.errors(&failures, sources);
    if !failures.is_empty() {
        return exit;
    }
    let written = match output {
        Some(file) => write_file(file, &chunks.concat()),
        None => print(&chunks),
    };
    match written {
        Ok(()) => Exit::Done,
        Err(diagnostic) => {
            reporter.error(&diagnostic, sources);
            Exit::WrongInput
        }
    }
}
