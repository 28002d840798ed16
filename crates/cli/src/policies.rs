//! Policies that are named by files, directories and kustomizations.

use std::path::{Path, PathBuf};

use build::{FileKind, Options, Session};
use policy::Policies;
use policy::suite::Reader;
use resource::Resource;
use yaml::Node;

use crate::diagnostic::Diagnostic;

/// Policies for a whole run, and what they were read from.
pub(crate) struct Library {
    nodes: Vec<Node>,
    policies: Policies,
}

impl Library {
    /// Reads every policy that the paths lead to: files, kustomizations, and directories of YAML files.
    pub(crate) fn read(
        session: &Session<'_>,
        options: &Options,
        paths: &[PathBuf],
    ) -> Result<Library, Box<Diagnostic>> {
        let mut nodes = Vec::new();
        for path in paths {
            let before = nodes.len();
            read(session, options, path, &mut nodes)?;
            if nodes.len() == before {
                let message = format!("{} holds no policy", path.display());
                let hint =
                    "policies are constraint templates, constraints, validating admission policies and their bindings";
                return Err(Box::new(Diagnostic::error(message).hint(hint)));
            }
        }
        let policies = Policies::read(&nodes);
        Ok(Library { nodes, policies })
    }

    /// The findings about objects, of these policies and of those among the objects, made on up to `jobs` threads.
    pub(crate) fn check(&self, objects: &[Resource], jobs: usize) -> Vec<resource::Finding> {
        let own = || {
            objects
                .iter()
                .map(|object| &object.node)
                .filter(|node| Policies::is_policy(node))
        };
        if own().next().is_none() {
            return self.policies.check(objects, jobs);
        }
        Policies::read(self.nodes.iter().chain(own())).check(objects, jobs)
    }
}

fn read(session: &Session<'_>, options: &Options, path: &Path, nodes: &mut Vec<Node>) -> Result<(), Box<Diagnostic>> {
    let files = session.files();
    let cannot = |error: std::io::Error| {
        Box::new(Diagnostic::error(format!(
            "cannot read the policies {}: {error}",
            path.display()
        )))
    };
    let (path, kind) = files
        .absolute(path)
        .and_then(|path| files.resolve(&path))
        .map_err(cannot)?;
    if kind == FileKind::Directory && build::has_kustomization(session, &path) {
        let built = session
            .build(&path, options)
            .map_err(|failure| Box::new(Diagnostic::from(failure.error)))?;
        nodes.extend(
            built
                .objects
                .into_iter()
                .map(|object| object.node)
                .filter(Policies::is_policy),
        );
        return Ok(());
    }
    let reader = Reader {
        files,
        sources: session.sources(),
    };
    let found = reader.files_below(&path).and_then(|found| {
        for file in found {
            nodes.extend(reader.documents(&file)?.into_iter().filter(Policies::is_policy));
        }
        Ok(())
    });
    found.map_err(|(message, mark)| {
        Box::new(Diagnostic {
            mark,
            ..Diagnostic::error(message)
        })
    })
}
