//! A mark in the environment of a program and of all that it starts, so that what leaves its group (`setsid`, a
//! daemon) is found again where the system shows environments (Linux).

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::process::Command;

use crate::live;

/// The variable that holds the mark.
pub(crate) const VARIABLE: &str = "TERRACE_RUN";

/// A mark that is in use; when it is dropped, all that has it is ended.
#[derive(Debug)]
pub(crate) struct Mark(String);

impl Mark {
    pub(crate) fn put(command: &mut Command) -> Mark {
        let mark = format!("{}-{}", std::process::id(), RandomState::new().hash_one(VARIABLE));
        command.env(VARIABLE, &mark);
        live::note_mark(&mark);
        Mark(mark)
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        end(&self.0);
        live::forget_mark(&self.0);
    }
}

/// Ends everything that has a mark. What it starts meanwhile has it too.
#[cfg(target_os = "linux")]
pub(crate) fn end(mark: &str) {
    const ROUNDS: usize = 8;
    for _ in 0..ROUNDS {
        let found = marked(mark);
        if found.is_empty() {
            return;
        }
        for process in found {
            // It may have ended already.
            let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
        }
    }
}

#[cfg(target_os = "linux")]
fn marked(mark: &str) -> Vec<rustix::process::Pid> {
    let wanted = format!("{VARIABLE}={mark}");
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let number = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        let Some(process) = number.and_then(rustix::process::Pid::from_raw) else {
            continue;
        };
        // That of another user cannot be read, and of one that has ended nothing is left.
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        if environment
            .split(|&byte| byte == 0)
            .any(|entry| entry == wanted.as_bytes())
        {
            found.push(process);
        }
    }
    found
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn end(_: &str) {}
