//! The evidence that the platform file names, read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use build::{DEFAULT_FILE_LIMIT, FileKind, Session};
use check::Evidence;
use platform::{Marked, Platform};
use serde_json::Value;

use crate::date;
use crate::diagnostic::Diagnostic;

/// Reads all of it.
///
/// # Errors
/// What is missing or is no such document, at the line that names it.
pub(crate) fn read(session: &Session<'_>, platform: &Platform) -> Result<Arc<Evidence>, Box<Diagnostic>> {
    let files = &platform.spec.evidence;
    let mut evidence = Evidence::on(date::today());
    // Where directories are named and empty, nothing was scanned.
    if !files.vulnerabilities.is_empty() {
        evidence.scans = Some(Vec::new());
    }
    if !files.sboms.is_empty() {
        evidence.contents = Some(Vec::new());
    }
    let kinds: [(&[Marked<String>], Add); 4] = [
        (&files.vulnerabilities, Evidence::add_vulnerabilities),
        (&files.vex, Evidence::add_vex),
        (&files.sboms, Evidence::add_contents),
        (&files.approvals, Evidence::add_approval),
    ];
    for (named, add) in kinds {
        for path in named {
            let fail = |message: String| {
                Box::new(Diagnostic {
                    mark: path.mark,
                    ..Diagnostic::error(message)
                })
            };
            for file in json_files(session, &platform.root.join(&path.value)).map_err(|error| {
                let message = format!("cannot read the evidence \"{}\": {error}", path.value);
                fail(message)
            })? {
                let shown = session.files().display(&file);
                let bytes = session.files().read(&file, DEFAULT_FILE_LIMIT);
                let bytes = bytes.map_err(|error| fail(format!("cannot read the evidence {shown}: {error}")))?;
                let document: Value = serde_json::from_slice(&bytes)
                    .map_err(|error| fail(format!("the evidence {shown} is not JSON: {error}")))?;
                add(&mut evidence, &document)
                    .map_err(|why| fail(format!("the evidence {shown} cannot be used: {why}")))?;
            }
        }
    }
    Ok(Arc::new(evidence))
}

type Add = fn(&mut Evidence, &Value) -> Result<(), String>;

/// A file, or the JSON files of a directory in the order of their names.
fn json_files(session: &Session<'_>, path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let files = session.files();
    let (path, kind) = files.resolve(path)?;
    if kind == FileKind::File {
        return Ok(vec![path]);
    }
    let mut names = files.list(&path)?;
    names.retain(|name| name.ends_with(".json"));
    names.sort_unstable();
    Ok(names.iter().map(|name| path.join(name)).collect())
}
