//! Packages: directories of Kubernetes objects, and streams of them, that are shown, searched and changed with their
//! comments and layout, as kustomize's `cfg` and `fn` do it (its kyaml/kio).
//!
//! In comes a directory or a text; out come objects with annotations that say where they were read, their counts, a
//! tree of them, or the directory with what functions made of it.

mod annotations;
mod error;
mod format;
mod function;
mod grep;
mod ignore;
mod matcher;
mod pipeline;
mod quantity;
mod read;
mod sync;
mod tree;
mod write;

use std::path::{Path, PathBuf};

pub use error::{Error, Result};
pub use format::format;
pub use function::{Functions, Target, run};
pub use grep::Query;
pub use pipeline::{Step, keep_local, through};
pub use read::{Reading, Stream, clean, read_package, read_stream};
pub use tree::{Field, Structure, Tree};
pub use write::{Wrapping, write_objects};

/// The file that makes a directory a package of its own.
pub const PACKAGE_FILE: &str = "Krmfile";

/// The packages at and below a directory or file, the first one itself. Paths begin as `root` does.
///
/// # Errors
/// If the directory, or one below it, cannot be read.
pub fn packages(root: &str, recurse: bool) -> Result<Vec<String>> {
    let mut found = Vec::new();
    if recurse {
        let mut walk = |path: &Path, _: bool| {
            if path.file_name().is_some_and(|name| name == PACKAGE_FILE) {
                found.push(shown_parent(path));
            }
            Ok(true)
        };
        read::walk(Path::new(root), &mut walk)?;
    } else if Path::new(root).join(PACKAGE_FILE).exists() {
        found.push(clean(Path::new(root)).display().to_string());
    }
    if !found.iter().any(|package| package == root) {
        found.insert(0, root.to_owned());
    }
    Ok(found)
}

fn shown_parent(path: &Path) -> String {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => ".".to_owned(),
        Some(parent) => parent.display().to_string(),
        None => PathBuf::from(".").display().to_string(),
    }
}
