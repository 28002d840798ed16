//! The result of a build, and how it becomes bytes.

use std::sync::Arc;

use resource::{Finding, Resource};
use yaml::{Change, Mark, Node, Place, Sources, Text};

use crate::error::{BuildError, ErrorKind, Result};
use crate::parallel;

/// The objects of a kustomization, in the order they are printed.
#[derive(Debug)]
pub struct Built {
    /// The objects; nothing in them is only kustomize's own.
    pub objects: Vec<Resource>,
    /// Objects that are for tools alone (`config.kubernetes.io/local-config`), and printed by none.
    pub local: Vec<Resource>,
    /// The files that marks point into.
    pub sources: Arc<Sources>,
    /// What the user should know, without repeats.
    pub warnings: Vec<Finding>,
    /// The components that took part, in the order in which they were applied.
    pub components: Vec<Component>,
}

/// A component of a build.
#[derive(Clone, Debug)]
pub struct Component {
    /// Its kustomization file, as the user knows it.
    pub kustomization: Arc<str>,
    /// Where it is named.
    pub mark: Mark,
}

/// One value that a field had, and who set it.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The value, or `None` for a mapping or list.
    pub value: Option<Text>,
    /// Where the value stands, in the outermost file that holds it.
    pub place: Option<Place>,
    /// The kustomization that asked for it.
    pub kustomization: Arc<str>,
    /// The step of it: `resources[0]`, `namePrefix`, `patches[2]`.
    pub step: String,
}

impl Built {
    /// The canonical bytes: each object's YAML, with `---` between them.
    pub fn to_yaml(&self) -> Result<Vec<u8>> {
        Ok(self.to_yaml_on(|| 1)?.concat())
    }

    /// The same in several pieces, made on several threads.
    pub fn to_yaml_on(&self, threads: fn() -> usize) -> Result<Vec<Vec<u8>>> {
        const PART: usize = 256;
        let parts: Vec<&[Resource]> = self.objects.chunks(PART).collect();
        let threads = if parts.len() > 1 { threads() } else { 1 };
        let printed = parallel::map(parts.len(), threads, |at| -> Result<Vec<u8>> {
            let mut out = Vec::new();
            for object in parts[at] {
                if at > 0 || !out.is_empty() {
                    out.extend_from_slice(b"---\n");
                }
                print(object, &mut out)?;
            }
            out.shrink_to_fit();
            Ok(out)
        });
        printed.into_iter().collect()
    }

    /// The place of a mark.
    pub fn place(&self, mark: Mark) -> Option<Place> {
        self.sources.place(mark)
    }

    /// The values a node had, newest first.
    pub fn settings(&self, object: &Resource, node: &Node) -> Vec<Setting> {
        let mut settings = Vec::new();
        let mut node = Some(node);
        while let Some(current) = node {
            let change: Option<&Change> = current.origin.as_deref();
            let layer = change.map_or(&object.layer, |change| &change.layer);
            settings.push(Setting {
                value: current.text().cloned(),
                place: self.place(current.mark).or_else(|| self.place(layer.mark)),
                kustomization: layer.kustomization.clone(),
                step: layer.step.clone(),
            });
            node = change.and_then(|change| change.previous.as_ref());
        }
        settings
    }
}

/// Appends the canonical bytes of one object.
pub fn print(object: &Resource, out: &mut Vec<u8>) -> Result<()> {
    yaml::emit(&object.node, out).map_err(|error| {
        let built = BuildError::new(ErrorKind::Object, error.mark, format!("{error} in {}", object.id()));
        let built = match error.first {
            Some(first) => built.related(first, "the first"),
            None => built,
        };
        match error.hint() {
            Some(hint) => built.hint(hint),
            None => built,
        }
    })
}
