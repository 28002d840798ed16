//! Directories of Helm charts: copied as they are, links left out.

use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};

use build::{BuildError, EntryKind, ErrorKind, Result, clean_join, relative_to};
use yaml::Mark;

use super::root::{Root, Work, clean_below, written};

/// Where charts are if nothing is said.
const DEFAULT: &str = "charts";

impl Work<'_> {
    /// Copies a directory of charts; the path it has then. None is named by the empty text, and one that is not
    /// there may still be made by Helm.
    pub(super) fn chart_home(&mut self, root: &Root, asked: &str, mark: Mark) -> Result<String> {
        let path = if asked.is_empty() { DEFAULT } else { asked };
        if Path::new(path).is_absolute() {
            let message = format!("absolute path \"{path}\" of a chart home cannot be localized");
            return Err(BuildError::new(ErrorKind::Config, mark, message).hint("name it relative to the kustomization"));
        }
        let full = clean_join(&root.directory, path);
        let named = relative_to(&full, &root.directory);
        let home = match self.files.resolve(&full) {
            Err(error) if error.kind() == IoErrorKind::NotFound => None,
            _ => Some(self.local_root(root, &written(&named), mark)?),
        };
        let place = match &home {
            // The default one is found by its name alone, and so it keeps that where it is a link.
            Some(home) if full != root.directory.join(DEFAULT) => relative_to(home, &root.directory),
            _ => named,
        };
        if let Some(home) = home {
            let inside = clean_below(&root.place, &place);
            if !self.tree.holds(&inside) {
                self.copy(&home, inside, mark)?;
            }
        }
        Ok(if asked.is_empty() {
            String::new()
        } else {
            written(&place)
        })
    }

    fn copy(&mut self, directory: &Path, place: PathBuf, mark: Mark) -> Result<()> {
        let shown = self.files.display(directory);
        let failed = |error: std::io::Error| {
            let message = format!("cannot copy \"{shown}\": {error}");
            BuildError::new(ErrorKind::File, mark, message)
        };
        self.tree.insert_directory(place.clone());
        for name in self.files.list(directory).map_err(failed)? {
            let (path, place) = (directory.join(&name), place.join(&name));
            match self.files.entry_kind(&path).map_err(failed)? {
                EntryKind::Link => {}
                EntryKind::Directory => self.copy(&path, place, mark)?,
                EntryKind::File => {
                    let bytes = self.files.read(&path, build::DEFAULT_FILE_LIMIT).map_err(failed)?;
                    self.tree.insert(place, bytes);
                }
            }
        }
        Ok(())
    }
}
