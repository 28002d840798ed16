//! A directory that a program fills: what it makes stands beside until it is done, and is moved as a whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use build::ProgramError;
use process::Scratch;

/// A directory that is being filled.
pub(crate) struct Filled {
    target: PathBuf,
    /// There until the end.
    staging: Option<Scratch>,
}

impl Filled {
    /// Makes the directory, and the one beside its content that the program gets.
    pub(crate) fn prepare(target: &Path) -> Result<Filled, ProgramError> {
        let staging = fs::create_dir_all(target).and_then(|()| Scratch::below(target, ".terrace-"));
        Ok(Filled {
            target: target.to_owned(),
            staging: Some(staging.map_err(|error| unwritable(target, &error))?),
        })
    }

    pub(crate) fn path(&self) -> PathBuf {
        let staging = self.staging.as_ref().map(Scratch::path);
        staging.unwrap_or(&self.target).to_owned()
    }

    /// Moves what was made to its place. What is there already, perhaps by another process, stays.
    pub(crate) fn keep(self) -> Result<(), ProgramError> {
        let fail = |error: io::Error| unwritable(&self.target, &error);
        for entry in fs::read_dir(self.path()).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let place = self.target.join(entry.file_name());
            if let Err(error) = fs::rename(entry.path(), &place)
                && !place.exists()
            {
                return Err(fail(error));
            }
        }
        Ok(())
    }
}

impl Drop for Filled {
    fn drop(&mut self) {
        drop(self.staging.take());
        // Where nothing came of it, no empty directory is left; what holds something stays.
        let _ = fs::remove_dir(&self.target);
    }
}

fn unwritable(directory: &Path, error: &io::Error) -> ProgramError {
    ProgramError::new(format!("cannot write to \"{}\": {error}", directory.display()))
        .hint("give this user permission to write there")
}
