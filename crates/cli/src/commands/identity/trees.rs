//! Objects of trees that the command line names: where a cluster's roles and objects of Config Connector are.

use std::path::PathBuf;
use std::sync::Arc;

use build::{Session, parallel};
use clap::Args;
use resource::{Resource, Schema};
use yaml::{Layer, Mark, Node};

use super::grants::read_source;
use crate::args::working_directory;
use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::remote::Locks;
use crate::setup::Setup;
use crate::targets::{Target, TargetArgs, build_each, find_platform, targets};

/// Which trees.
#[derive(Args, Debug)]
pub(super) struct TreeArgs {
    /// The directory of a kustomization, built for its roles and bindings and its objects of Config Connector. May be
    /// repeated.
    #[arg(long = "tree", value_name = "DIR")]
    directories: Vec<PathBuf>,
    /// Only this environment of terrace.yaml. May be repeated.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["directories", "rbac"])]
    pub(super) environment: Vec<String>,
    /// The roles and bindings of a cluster, as kubectl get roles,rolebindings,clusterroles,clusterrolebindings -A -o json
    /// prints them. May be repeated.
    #[arg(long, value_name = "FILE")]
    rbac: Vec<PathBuf>,
}

impl TreeArgs {
    pub(super) fn is_empty(&self) -> bool {
        self.directories.is_empty()
    }

    pub(super) fn has_rbac(&self) -> bool {
        !self.rbac.is_empty()
    }

    /// The objects of a cluster that files hold.
    ///
    /// # Errors
    /// A file that cannot be read, or is no list of objects.
    pub(super) fn of_cluster(&self, session: &Session<'_>) -> Result<Vec<Resource>, Box<Diagnostic>> {
        let mut objects = Vec::new();
        for path in &self.rbac {
            let source = read_source(session, &working_directory().join(path), Mark::NONE)?;
            let documents = yaml::read_documents(&source).map_err(|error| {
                Box::new(Diagnostic {
                    mark: error.mark,
                    ..Diagnostic::error(format!("cannot read roles from {}: {error}", path.display()))
                })
            })?;
            let layer = Arc::new(Layer::new(source.name().into(), "items".into(), Mark::NONE));
            let before = objects.len();
            for node in documents.nodes {
                let listed = node.get("items").and_then(Node::as_seq).cloned();
                let nodes = listed.map_or_else(|| vec![node], |items| items.iter().cloned().collect());
                let read = nodes.into_iter().filter(|node| node.get("kind").is_some());
                objects.extend(read.map(|node| Resource::new(node, layer.clone(), &Schema::builtin())));
            }
            if objects.len() == before {
                let hint =
                    "give what kubectl get roles,rolebindings,clusterroles,clusterrolebindings -A -o json prints";
                let message = format!("there are no objects in {}", path.display());
                return Err(Box::new(Diagnostic::error(message).hint(hint)));
            }
        }
        Ok(objects)
    }

    /// The objects of each environment that is chosen, in the order of the platform file.
    ///
    /// # Errors
    /// Where there is no platform file, or an environment cannot be built.
    pub(super) fn of_environments(
        &self,
        setup: &Setup,
        session: &Session<'_>,
    ) -> Result<Vec<(String, Vec<Resource>)>, Box<Diagnostic>> {
        let Some(directory) = find_platform() else {
            let hint =
                "name a directory with --tree or a file of the cluster with --rbac, or ask where terrace.yaml is";
            return Err(Box::new(
                Diagnostic::error("no roles and bindings are given").hint(hint),
            ));
        };
        let platform = platform::read(session, &directory).map_err(|error| Box::new(Diagnostic::from(error)))?;
        let args = TargetArgs::of_environments(&self.environment);
        let chosen = targets(&args, session, Some(&platform))?.chosen;
        let borrowed: Vec<&Target<'_>> = chosen.iter().collect();
        let built = build_each(&borrowed, setup, session, false, |_, built| built);
        let mut environments: Vec<(String, Vec<Resource>)> = Vec::new();
        for (target, built) in chosen.iter().zip(built) {
            let objects = built.map_err(|error| Box::new(Diagnostic::from(error)))?.objects;
            let name = &target.facts.environment;
            match environments.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => known.extend(objects),
                None => environments.push((name.clone(), objects)),
            }
        }
        Ok(environments)
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
