//! `localize`: a kustomization and all that it names, copied into one new directory, with what is remote under
//! `localized-files`; as `kustomize localize` lays it out.
//!
//! Everything is read before anything is written ([`localize`] makes a [`Localized`] in memory), and the new
//! directory appears in one step: nothing is left behind by what fails. Kustomizations and the files of
//! plugins keep their comments and layout; only paths in them change.

mod changes;
mod charts;
mod fields;
mod names;
mod plugins;
mod root;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use build::{BuildError, ErrorKind, Failure, Fetch, FileKind, Files, RepoSpec};
use yaml::{Mark, Sources};

use root::{Root, Work};
pub use tree::{Staged, Tree};

/// What is to be localized, in the words of the command line; empty ones say nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'r> {
    /// A directory or the URL of one in a Git repository; the working directory where it is empty.
    pub target: &'r str,
    /// The directory that local paths may not leave; the target where it is empty.
    pub scope: &'r str,
    /// The directory to be made; in the working directory and named after the target where it is empty.
    pub destination: &'r str,
}

/// A localized copy that is not written yet.
#[derive(Clone, Debug)]
pub struct Localized {
    /// The directory to be made, absolute.
    pub destination: PathBuf,
    /// Where the target is in it.
    pub target: PathBuf,
    pub tree: Tree,
}

/// Reads a kustomization with all that it names.
///
/// # Errors
/// If something cannot be read, fetched or understood, or if the destination is there already.
pub fn localize(files: &dyn Files, fetch: Option<&dyn Fetch>, request: &Request<'_>) -> Result<Localized, Failure> {
    let sources = Arc::new(Sources::new());
    let fail = |error| Failure {
        error,
        sources: sources.clone(),
    };
    let mut work = Work::new(files, fetch, sources.clone());
    let (root, start) = start(&mut work, request).map_err(fail)?;
    work.root(&root).map_err(fail)?;
    Ok(Localized {
        destination: start.destination,
        target: root.place,
        tree: work.tree,
    })
}

struct Start {
    destination: PathBuf,
}

fn start(work: &mut Work<'_>, request: &Request<'_>) -> build::Result<(Root, Start)> {
    let fail = |message: String| BuildError::new(ErrorKind::File, Mark::NONE, message);
    let target = if request.target.is_empty() { "." } else { request.target };
    let (directory, scope, clone, name) = match RepoSpec::parse(target) {
        Some(spec) => {
            if spec.reference.is_empty() {
                return Err(root::without_reference(target, Mark::NONE));
            }
            let (directory, top) = work.repository(&spec, Mark::NONE)?;
            if !request.scope.is_empty() {
                let scope = request.scope;
                return Err(fail(format!(
                    "invalid localize scope \"{scope}\": it is specified for the remote target \"{target}\""
                ))
                .hint("leave --scope away: the scope of a remote target is its repository"));
            }
            let name = names::destination_of_remote(&spec, &directory, &top);
            (directory, top.clone(), Some((spec.raw, top)), name)
        }
        None => {
            let directory = directory(work.files, target)?;
            let scope = match request.scope {
                "" => directory.clone(),
                scope => directory_of_scope(work.files, scope)?,
            };
            if !directory.starts_with(&scope) {
                return Err(fail(format!(
                    "invalid localize scope \"{}\": it does not contain the target \"{target}\"",
                    request.scope
                ))
                .hint("name a directory that the target is in"));
            }
            let name = names::destination_of_local(&directory);
            (directory, scope, None, name)
        }
    };
    let destination = match request.destination {
        "" => &*name,
        destination => destination,
    };
    let destination = free_place(work.files, destination)?;
    let place = directory.strip_prefix(&scope).unwrap_or(Path::new("")).to_owned();
    work.scope = scope;
    let root = Root::top(directory, place, clone);
    Ok((root, Start { destination }))
}

/// A directory that the user named, links resolved.
fn directory(files: &dyn Files, asked: &str) -> build::Result<PathBuf> {
    let fail = |message: String| BuildError::new(ErrorKind::File, Mark::NONE, message);
    let found = files.absolute(Path::new(asked)).and_then(|path| files.resolve(&path));
    match found {
        Ok((directory, FileKind::Directory)) => Ok(directory),
        Ok(_) => Err(fail(format!("\"{asked}\" is a file, a directory is needed here"))),
        Err(error) => Err(fail(format!(
            "unable to establish localize target \"{asked}\": {error}"
        ))),
    }
}

fn directory_of_scope(files: &dyn Files, scope: &str) -> build::Result<PathBuf> {
    directory(files, scope).map_err(|error| BuildError {
        message: format!("invalid localize scope \"{scope}\": {}", error.message),
        ..error
    })
}

/// The absolute path of a directory that is to be made.
fn free_place(files: &dyn Files, asked: &str) -> build::Result<PathBuf> {
    let fail = |message: String| BuildError::new(ErrorKind::File, Mark::NONE, message);
    let full = files
        .absolute(Path::new(asked))
        .map_err(|error| fail(format!("invalid localize destination \"{asked}\": {error}")))?;
    if files.entry_kind(&full).is_ok() {
        return Err(fail(format!("localize destination \"{asked}\" already exists"))
            .hint("remove it, or name a directory that is not there yet"));
    }
    let parent = full.parent().map(|parent| files.resolve(parent));
    match (parent, full.file_name()) {
        (Some(Ok((parent, FileKind::Directory))), Some(name)) => Ok(parent.join(name)),
        _ => Err(fail(format!(
            "invalid localize destination \"{asked}\": the directory it is to be made in is not there"
        ))
        .hint("make that directory first")),
    }
}
