//! A directory for the files of one run.

use std::io;
use std::path::Path;

use tempfile::TempDir;

use crate::live;

/// An empty directory that only this user may read; removed when it is dropped, and on an interrupt.
#[derive(Debug)]
pub struct Scratch(TempDir);

impl Scratch {
    /// Makes one in the system's directory for temporary files.
    ///
    /// # Errors
    /// Where that directory cannot be written to.
    pub fn new() -> io::Result<Scratch> {
        let directory = tempfile::Builder::new().prefix("terrace-").tempdir()?;
        live::note_directory(directory.path());
        Ok(Scratch(directory))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        live::forget_directory(self.0.path());
    }
}
