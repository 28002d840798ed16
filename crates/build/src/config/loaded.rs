//! Configuration files from their text: what the decoder takes, and what only the text can tell.

use std::sync::Arc;

use resource::{Finding, Severity};
use yaml::Source;

use super::types::{Kustomization, TransformerConfig};
use crate::error::{BuildError, ErrorKind, Result};

/// A kustomization, what its file is called, and what kustomize warns of in it.
#[derive(Clone, Debug)]
pub struct LoadedKustomization {
    pub name: Arc<str>,
    pub kustomization: Kustomization,
    pub warnings: Vec<Finding>,
}

impl LoadedKustomization {
    /// Reads a kustomization file. A key that stands in its mapping twice is a note: the last one counts.
    pub fn read(source: &Arc<Source>) -> Result<LoadedKustomization> {
        let config = yaml::read_config(source)?;
        let (kustomization, mut warnings) = Kustomization::decode_text(&config.node, source.name(), Some(source))?;
        warnings.extend(config.duplicates.iter().map(|duplicate| {
            let message = format!("`{}` is there twice, and the last one counts", duplicate.key);
            Finding::new("repeated_key", Severity::Note, duplicate.mark, message).hint("remove one of them")
        }));
        Ok(LoadedKustomization {
            name: source.name().into(),
            kustomization,
            warnings,
        })
    }
}

impl TransformerConfig {
    /// Reads one file of `configurations`. Repeated keys are errors.
    pub fn read(source: &Arc<Source>) -> Result<TransformerConfig> {
        let config = yaml::read_config(source)?;
        if let Some(duplicate) = config.duplicates.first() {
            let message = format!("the key `{}` is there twice", duplicate.key);
            let error = BuildError::new(ErrorKind::Config, duplicate.mark, message);
            return Err(error.related(duplicate.first, "the first one"));
        }
        TransformerConfig::decode(&config.node)
    }
}
