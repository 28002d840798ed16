//! What makes an entry of a kustomization, or the object of a built-in that says the same, invalid by
//! itself: the checks of the `Config` functions in `api/internal/builtins`.

use yaml::Mark;

use super::types::*;
use crate::error::{BuildError, ErrorKind, Result};

fn invalid(mark: Mark, message: impl Into<String>) -> BuildError {
    BuildError::new(ErrorKind::Config, mark, message)
}

impl Patch {
    /// The patch in place, without white space around it; that is what kustomize reads.
    pub fn trimmed(&self) -> &str {
        self.patch.as_ref().map_or("", |patch| patch.trim())
    }

    /// For an entry of `patches`: exactly one of `patch` and `path`.
    pub fn check(&self) -> Result<()> {
        match (self.trimmed(), &self.path) {
            ("", None) => Err(invalid(self.mark, "must specify one of patch and path")),
            ("", Some(_)) | (_, None) => Ok(()),
            (_, Some(path)) => Err(invalid(path.mark, "patch and path can't be set at the same time")
                .hint("remove one of them, or make two patches of it")),
        }
    }

    /// For an entry of `patchesJson6902`: a target with a name, and exactly one of `patch` and `path`.
    pub fn check_json6902(&self) -> Result<()> {
        match &self.target {
            Some(target) if !target.id.name.is_empty() => {}
            Some(target) => {
                return Err(invalid(target.mark, "must specify the target name")
                    .hint("to patch several objects at once, use `patches`"));
            }
            None => return Err(invalid(self.mark, "must specify the target name")),
        }
        match (&self.patch, &self.path) {
            (None, None) => Err(invalid(self.mark, "empty file path and empty jsonOp")),
            (Some(_), Some(path)) => Err(invalid(path.mark, "must specify a file path or jsonOp, not both")),
            _ => Ok(()),
        }
    }
}

impl ReplacementField {
    /// A file of replacements, or one in place.
    pub fn check(&self) -> Result<()> {
        let in_place = self.replacement.source.is_some() || !self.replacement.targets.is_empty();
        match &self.path {
            Some(path) if in_place => Err(invalid(path.mark, "cannot specify both path and inline replacement")
                .hint("make two entries of `replacements` of it")),
            _ => Ok(()),
        }
    }
}

impl SortOptions {
    /// A known order, and options only where they have an effect.
    pub fn check(&self) -> Result<()> {
        match &*self.order {
            "legacy" => Ok(()),
            "fifo" if self.legacy.is_none() => Ok(()),
            "fifo" => Err(invalid(
                self.mark,
                "the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', not 'legacy'",
            )),
            _ => Err(invalid(
                self.mark,
                "the field 'sortOptions.order' must be one of [fifo, legacy]",
            )),
        }
    }
}

impl HelmChart {
    /// A name, and a known way to merge values.
    pub fn check(&self) -> Result<()> {
        if self.name.is_empty() {
            return Err(invalid(self.mark, "chart name cannot be empty"));
        }
        match &*self.values_merge {
            "" | "merge" | "override" | "replace" => Ok(()),
            _ => Err(invalid(
                self.mark,
                "valuesMerge must be one of [merge override replace]",
            )),
        }
    }
}
