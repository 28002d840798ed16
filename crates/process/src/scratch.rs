//! A directory for the files of one run.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io;
use std::path::Path;

use tempfile::TempDir;

use crate::live;

/// An empty directory that only this user may read; removed when it is dropped, and on an interrupt.
#[derive(Debug)]
pub struct Scratch(TempDir);

impl Scratch {
    /// Makes one in the system's directory for temporary files: `prefix` and digits.
    ///
    /// # Errors
    /// Where that directory cannot be written to.
    pub fn new(prefix: &str) -> io::Result<Scratch> {
        Scratch::below(&std::env::temp_dir(), prefix)
    }

    /// Makes one in a directory.
    ///
    /// # Errors
    /// Where the directory cannot be written to.
    pub fn below(directory: &Path, prefix: &str) -> io::Result<Scratch> {
        loop {
            // Seeded by the system.
            let name = format!("{prefix}{}", RandomState::new().hash_one(prefix) >> 16);
            // Before it is there: a kill may come at any moment.
            let path = directory.join(&name);
            live::note_directory(&path);
            match tempfile::Builder::new()
                .prefix(&name)
                .rand_bytes(0)
                .tempdir_in(directory)
            {
                Ok(directory) => return Ok(Scratch(directory)),
                Err(error) => {
                    live::forget_directory(&path);
                    if error.kind() != io::ErrorKind::AlreadyExists {
                        return Err(error);
                    }
                }
            }
        }
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Where it cannot be removed, whoever tidies up tries again.
        let _ = std::fs::remove_dir_all(self.0.path());
        live::forget_directory(self.0.path());
    }
}
