//! `edit fix`: what was fixed is told, and whether the kustomization still builds to the same.

use std::path::Path;

use build::{Options, OsFiles, Session};
use edit::fix::{self, Comparison};

use crate::args::{NetworkArgs, working_directory};
use crate::diagnostic::{Diagnostic, Face, Reporter};
use crate::exit::Exit;
use crate::output;
use crate::remote::{Outside, lock_beside};

const FIXED: &str = "
Fixed fields:
  patchesJson6902 -> patches
  patchesStrategicMerge -> patches
  commonLabels -> labels
";

/// Fixes the kustomization of a directory; `vars` become replacements if that is asked for.
pub(crate) fn run(directory: &Path, vars: bool, reporter: &Reporter) -> Exit {
    let program = match reporter.face {
        Face::Terrace => "terrace",
        Face::Kustomize => "kustomize",
    };
    let comparison = match fix::fix(directory, vars, &|| build(directory, reporter)) {
        Ok(comparison) => comparison,
        Err(error) => {
            reporter.error(&Diagnostic::error(error.to_string()), &yaml::Sources::new());
            return Exit::WrongInput;
        }
    };
    let mut text = FIXED.as_bytes().to_vec();
    if vars {
        text.extend_from_slice(b"  vars -> replacements\n");
    } else {
        text.extend_from_slice(advice(program).as_bytes());
    }
    let warning = "Warning: 'Fixed' kustomization now produces";
    match comparison {
        Comparison::Same => {}
        Comparison::Fails(message) => {
            text.extend_from_slice(
                format!("{warning} the error when running `{program} build`: {message}\n").as_bytes(),
            );
        }
        Comparison::Different(bytes) => {
            text.extend_from_slice(
                format!("{warning} different output when running `{program} build`:\n...").as_bytes(),
            );
            text.extend_from_slice(&bytes);
            text.extend_from_slice(b"...\n");
        }
    }
    match output::print(&[text]) {
        Ok(()) => Exit::Done,
        Err(error) => {
            reporter.plain_error(&format!("cannot write to standard output: {error}"));
            Exit::WrongInput
        }
    }
}

fn advice(program: &str) -> String {
    // The words and the spaces are kustomize's: they are compared by those who call it.
    format!(
        "
To convert vars -> replacements, run the command `{program} edit fix --vars`

WARNING: Converting vars to replacements will potentially overwrite many resource files \n\
and the resulting files may not produce the same output when `{program} build` is run. \n\
We recommend doing this in a clean git repository where the change is easy to undo.
"
    )
}

/// What a directory builds to without any flags.
fn build(directory: &Path, reporter: &Reporter) -> Result<Vec<u8>, String> {
    let files = OsFiles::new(working_directory());
    let session = Session::new(&files);
    let lock = lock_beside(&session, directory).map_err(|error| error.to_string())?;
    let fetcher = Outside::new(NetworkArgs::default(), reporter).fetcher(lock);
    let session = session.beside(&fetcher);
    let built = session
        .build(directory, &Options::default())
        .map_err(|failure| failure.error.to_string())?;
    if reporter.face == Face::Kustomize {
        for warning in &built.warnings {
            reporter.warning(warning, &built.sources);
        }
    }
    built.to_yaml().map_err(|error| error.to_string())
}
