//! Objects of trees that the command line names: where a cluster's roles and objects of Config Connector are.

use std::path::PathBuf;

use build::{Session, parallel};
use clap::Args;
use resource::Resource;

use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::remote::Locks;
use crate::setup::Setup;

/// Which trees.
#[derive(Args, Debug)]
pub(super) struct TreeArgs {
    /// The directory of a kustomization, built for its roles and bindings and its objects of Config Connector. May be
    /// repeated.
    #[arg(long = "tree", value_name = "DIR")]
    directories: Vec<PathBuf>,
}

impl TreeArgs {
    pub(super) fn is_empty(&self) -> bool {
        self.directories.is_empty()
    }

    /// The objects of all trees, in order. What is wrong with a tree is reported here.
    pub(super) fn objects(&self, setup: &Setup, session: &Session<'_>) -> Result<Vec<Resource>, Exit> {
        let reporter = &setup.reporter;
        let locks = Locks::read(session, self.directories.iter().map(PathBuf::as_path));
        let fetchers = locks.fetchers(&setup.outside);
        let sessions: Vec<Session<'_>> = fetchers.iter().map(|fetcher| session.beside(fetcher)).collect();
        let results = parallel::map(self.directories.len(), parallel::default_jobs(), |at| {
            let session = locks.choose(at, &sessions)?;
            let built = session.build(&self.directories[at], &setup.options);
            built.map_err(|failure| failure.error)
        });
        let mut objects = Vec::new();
        let mut failed = None;
        for result in results {
            match result {
                Ok(built) => {
                    for warning in &built.warnings {
                        reporter.warning(warning, session.sources());
                    }
                    objects.extend(built.objects);
                }
                Err(error) => {
                    failed = failed.max(Some(Exit::of(error.kind)));
                    reporter.error(&Diagnostic::from(error), session.sources());
                }
            }
        }
        match failed {
            Some(exit) => Err(exit),
            None => Ok(objects),
        }
    }
}
