//! What a program leaves in a place where ending it does not reach: a container in the daemon that runs it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::live;

/// How long such a command may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A command that tidies up after a program. It is run when this process is interrupted or killed, or when it is
/// asked for; where the program came to its own end, it is not needed.
#[derive(Debug)]
pub struct Debt(Vec<String>);

impl Debt {
    /// Notes a command: a program on the path, and words without spaces.
    pub fn new(words: &[&str]) -> Debt {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        debug_assert!(
            words
                .iter()
                .all(|word| !word.contains(|c: char| c.is_whitespace() || c == ';'))
        );
        live::note_debt(&words);
        Debt(words)
    }

    /// Runs it now.
    pub fn pay(self) {
        pay(&self.0);
    }
}

impl Drop for Debt {
    fn drop(&mut self) {
        live::forget_debt(&self.0);
    }
}

/// Runs a command to its end. What it says about what is not there is nobody's business.
pub(crate) fn pay(words: &[String]) {
    if let Some((program, arguments)) = words.split_first() {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let Ok(mut child) = command.spawn() else { return };
        let deadline = Instant::now() + PATIENCE;
        while matches!(child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ = child.kill();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
