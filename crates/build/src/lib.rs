//! A directory to its objects, as kustomize builds it: load, generate, transform, finish.
//!
//! A build is a function of what [`Files`] gives it: no clock, no environment, no global state. Builds
//! that run at the same time share a [`Session`].

mod accumulate;
mod built;
pub mod config;
mod error;
mod external;
mod fetch;
mod field_path;
mod files;
mod find;
mod finish;
mod function;
mod generate;
mod json;
mod load;
mod memory_files;
mod origin;
mod os_files;
mod overlay_files;
pub mod parallel;
mod plugin;
mod programs;
mod repo_spec;
mod run;
mod session;
mod through_json;
mod transform;
mod yaml_comments;
mod yaml_text;

use std::path::Path;
use std::sync::Arc;

pub use built::{Built, Component, Setting, print};
pub use error::{BuildError, ErrorKind, Result};
pub use external::{FunctionCall, PROGRAM_OUTPUT};
pub use fetch::{Extent, Fetch, FetchError, FetchErrorKind, FileRequest, without_password};
pub use files::{EntryKind, FileKind, Files, clean_join, relative_to};
pub use find::{find_kustomizations, has_kustomization};
pub use load::{LoadRestrictor, read_objects};
pub use memory_files::MemoryFiles;
pub use os_files::OsFiles;
pub use overlay_files::OverlayFiles;
pub use programs::{Call, HelmSettings, Permissions, PluginSettings, Program, ProgramError, Programs, Ran, Word};
pub use repo_spec::{DEFAULT_TIMEOUT, RepoSpec, refuse_command};
pub use session::{DEFAULT_FILE_LIMIT, Session};

use accumulate::{Accumulated, Context, Target};
use hashbrown::HashSet;
use load::Root;
use resource::{BuildOrigin, Schema};
use yaml::Mark;

/// The version of kustomize whose results are reproduced.
pub const KUSTOMIZE_VERSION: &str = "v5.8.1";

/// The order of the result where the kustomization says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reorder {
    /// Not said: the legacy order.
    #[default]
    Unspecified,
    /// Namespaces and definitions first, webhooks last.
    Legacy,
    /// As loaded.
    None,
}

/// How to build.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub load_restrictor: LoadRestrictor,
    pub reorder: Reorder,
    /// Label every object as made by kustomize.
    pub managed_by_label: bool,
}

/// Builds the kustomization in a directory.
///
/// # Errors
/// [`BuildError`] where kustomize fails as well, with the place in the user's files.
pub fn build(files: &dyn Files, directory: &Path, options: &Options) -> Result<Built, Failure> {
    Session::new(files).build(directory, options)
}

/// A build that failed, with the files its marks point into.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Failure {
    pub error: BuildError,
    pub sources: Arc<yaml::Sources>,
}

impl Session<'_> {
    /// Builds the kustomization in a directory; files and bases that were read before are not read again.
    ///
    /// # Errors
    /// [`BuildError`] where kustomize fails as well, with the place in the user's files.
    pub fn build(&self, directory: &Path, options: &Options) -> Result<Built, Failure> {
        self.build_objects(directory, options).map_err(|error| Failure {
            error,
            sources: self.sources().clone(),
        })
    }

    fn build_objects(&self, directory: &Path, options: &Options) -> Result<Built> {
        let root = self.root(directory)?;
        let mut cx = Context {
            session: self,
            restrictor: options.load_restrictor,
            schema: Schema::builtin(),
            schema_is_set: false,
            schema_in_use: false,
            threads: self.threads(),
            track_origins: false,
        };
        let target = Target::load(&cx, root, BuildOrigin::default(), Mark::NONE, None)?;
        target.set_schema(&mut cx)?;
        cx.track_origins = !target.kustomization().build_metadata.is_empty();
        let mut acc = target.accumulate(&mut cx, Accumulated::empty())?;
        let local = accumulate::finish(&target, &mut acc, cx.threads)?;
        let warnings = std::mem::take(&mut acc.warnings);
        let mut seen = HashSet::new();
        let warnings = warnings
            .into_iter()
            .filter(|warning| seen.insert((warning.rule.clone(), warning.mark, warning.message.clone())))
            .collect();
        let components = std::mem::take(&mut acc.components);
        let objects = finish::finish(&target, acc, options)?;
        Ok(Built {
            objects,
            components,
            local,
            sources: self.sources().clone(),
            warnings,
        })
    }

    fn root(&self, directory: &Path) -> Result<Arc<Root>> {
        let asked = directory.display().to_string();
        if let Some(spec) = RepoSpec::parse(&asked)
            && self.fetch().is_some()
        {
            return Ok(Arc::new(load::clone_root(self, None, &spec, Mark::NONE)?));
        }
        Ok(Arc::new(Root {
            directory: self.root_directory(directory)?,
            parent: None,
            clone: None,
        }))
    }

    fn root_directory(&self, directory: &Path) -> Result<std::path::PathBuf> {
        let asked = directory.display().to_string();
        let fail = |message: String| BuildError::new(ErrorKind::File, Mark::NONE, message);
        let full = self
            .files()
            .absolute(directory)
            .map_err(|error| fail(format!("cannot find \"{asked}\": {error}")))?;
        match self.resolve(&full) {
            Ok((full, FileKind::Directory)) => Ok(full),
            Ok((_, FileKind::File)) => Err(fail(format!("\"{asked}\" is a file, a directory is needed here"))
                .hint("name the directory that holds the kustomization file")),
            Err(_) if RepoSpec::parse(&asked).is_some() => {
                Err(fail(format!("\"{asked}\" is remote, and this build may not fetch")))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(self.missing(&full, Mark::NONE, &asked)),
            Err(error) => Err(fail(format!("cannot read \"{asked}\": {error}"))),
        }
    }
}
