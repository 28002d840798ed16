//! A program that runs beside this process for as long as it likes.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use crate::live::Live;
use crate::mark::Mark;

/// A program in a group of its own. When this is dropped, it and all that it started are ended; and so they are when
/// this process is interrupted or killed.
pub struct Running {
    live: Live,
    _mark: Mark,
}

impl Running {
    /// Starts a program.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Running> {
        let mark = Mark::put(command);
        let live = Live::start(command)?;
        Ok(Running { live, _mark: mark })
    }

    /// The program, for its streams.
    pub fn child(&mut self) -> &mut Child {
        self.live.child()
    }

    /// Whether it has ended.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn has_exited(&mut self) -> io::Result<bool> {
        self.live.has_exited()
    }

    /// Asks it to end, and ends it with all it started if it does not within `grace`.
    pub fn end(&mut self, grace: Duration) {
        self.live.end(grace);
    }

    /// Ends what is left of its group, and gives its status.
    ///
    /// # Errors
    /// If it cannot be waited for.
    pub fn finish(mut self) -> io::Result<ExitStatus> {
        self.live.finish()
    }
}
