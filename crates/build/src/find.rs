//! Every kustomization below a directory.

use std::path::{Path, PathBuf};

use yaml::Mark;

use crate::error::{BuildError, ErrorKind, Result};
use crate::files::{EntryKind, FileKind};
use crate::load::KUSTOMIZATION_NAMES;
use crate::session::Session;

/// The directories at and below `directory` that hold a kustomization and are no components, sorted.
/// Hidden directories are passed over, links are not followed. A kustomization that cannot be read
/// counts: building it says why.
pub fn find_kustomizations(session: &Session<'_>, directory: &Path) -> Result<Vec<PathBuf>> {
    let files = session.files();
    let fail = |path: &Path, error: std::io::Error| {
        BuildError::new(
            ErrorKind::File,
            Mark::NONE,
            format!("cannot read \"{}\": {error}", files.display(path)),
        )
    };
    let top = files.absolute(directory).map_err(|error| fail(directory, error))?;
    let top = match session.resolve(&top) {
        Ok((top, FileKind::Directory)) => top,
        Ok((top, FileKind::File)) => {
            let message = format!("\"{}\" is a file, a directory is needed here", files.display(&top));
            return Err(BuildError::new(ErrorKind::File, Mark::NONE, message));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(session.missing(&top, Mark::NONE, &directory.display().to_string()));
        }
        Err(error) => return Err(fail(&top, error)),
    };
    let mut found = Vec::new();
    let mut open = vec![top];
    while let Some(directory) = open.pop() {
        let names = files.list(&directory).map_err(|error| fail(&directory, error))?;
        if let Some(name) = KUSTOMIZATION_NAMES
            .iter()
            .find(|&&known| names.iter().any(|name| name == known))
            && !is_component(session, &directory.join(name))
        {
            found.push(directory.clone());
        }
        for name in names.iter().filter(|name| !name.starts_with('.')) {
            let path = directory.join(name);
            if matches!(files.entry_kind(&path), Ok(EntryKind::Directory)) {
                open.push(path);
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Whether a directory holds a kustomization file.
pub fn has_kustomization(session: &Session<'_>, directory: &Path) -> bool {
    let files = session.files();
    let is_file = |name: &str| matches!(files.resolve(&directory.join(name)), Ok((_, FileKind::File)));
    KUSTOMIZATION_NAMES.into_iter().any(is_file)
}

fn is_component(session: &Session<'_>, file: &Path) -> bool {
    let Ok((file, _)) = session.resolve(file) else {
        return false;
    };
    let shown = session.files().display(&file);
    let loaded = session
        .yaml_file(&file, Mark::NONE, &shown)
        .and_then(|file| file.kustomization_ahead());
    loaded.is_ok_and(|loaded| loaded.kustomization.kind == "Component")
}
