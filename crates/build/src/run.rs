//! The programs of a session: what may be run, and what builds share of it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hashbrown::HashMap;

use crate::error::{BuildError, ErrorKind, Result};
use crate::programs::{Call, HelmSettings, Permissions, PluginSettings, ProgramError, Programs, Ran};
use yaml::Mark;

/// Runs programs for the builds of a session, as far as they may.
#[derive(Default)]
pub(crate) struct Runner<'f> {
    programs: Option<&'f dyn Programs>,
    permissions: Permissions,
    /// What did not come to an end is not tried again.
    failed: Mutex<HashMap<Call, ProgramError>>,
    /// Directories of charts, each of which one build fills at a time.
    charts: Mutex<HashMap<PathBuf, Arc<Mutex<()>>>>,
    /// What helm says of its version.
    pub(crate) helm_version: OnceLock<Result<(), BuildError>>,
}

impl<'f> Runner<'f> {
    pub(crate) fn new(programs: &'f dyn Programs, permissions: Permissions) -> Runner<'f> {
        Runner {
            programs: Some(programs),
            permissions,
            ..Runner::default()
        }
    }

    /// Whether charts may be inflated.
    pub(crate) fn has_helm(&self) -> bool {
        self.programs.is_some() && self.permissions.helm.is_some()
    }

    /// The settings of helm, if it may be run.
    pub(crate) fn helm(&self, mark: Mark) -> Result<(&'f dyn Programs, &HelmSettings)> {
        self.programs.zip(self.permissions.helm.as_ref()).ok_or_else(|| {
            let hint = "build with --enable-helm, which runs the helm program";
            BuildError::new(ErrorKind::Config, mark, "must specify --enable-helm").hint(hint)
        })
    }

    /// The settings of functions and plugins, if they may be run.
    pub(crate) fn plugins(&self, mark: Mark, kind: &str) -> Result<(&'f dyn Programs, &PluginSettings)> {
        self.programs.zip(self.permissions.plugins.as_ref()).ok_or_else(|| {
            let message = format!("external plugins disabled; unable to load external plugin '{kind}'");
            let hint = "build with --enable-alpha-plugins if you trust this configuration to run programs; \
                        kustomize's own kinds have the apiVersion `builtin`";
            BuildError::new(ErrorKind::Config, mark, message).hint(hint)
        })
    }

    /// Runs a program for the line at `mark`. A program that fails of its own is no error here.
    pub(crate) fn run(&self, programs: &dyn Programs, call: Call, mark: Mark) -> Result<Ran> {
        if let Some(error) = lock(&self.failed).get(&call) {
            return Err(error.at(mark));
        }
        programs.run(&call).map_err(|error| {
            let built = error.at(mark);
            lock(&self.failed).insert(call, error);
            built
        })
    }

    /// Does something to the directory of a chart that no other build does at the same time.
    pub(crate) fn with_chart<T>(&self, directory: &Path, act: impl FnOnce() -> T) -> T {
        let chart = lock(&self.charts).entry_ref(directory).or_default().clone();
        let _one = lock(&chart);
        act()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
