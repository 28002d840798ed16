//! Runs programs with limits, and leaves nothing of them behind.
//!
//! In go a command, what it reads and its limits; out come its status and what it wrote. A program runs
//! in a process group of its own. When it is done, takes too long or writes too much, the group is
//! ended, and so it is when this process is interrupted or killed. What leaves its group on purpose (`setsid`) is
//! found again on Linux, where nothing may outlive a program ([`run_alone`]). What it leaves elsewhere is a [`Debt`].

mod debt;
mod group;
mod live;
mod mark;
mod running;
mod scratch;
mod streams;
#[cfg(unix)]
mod watchdog;

use std::fmt;
use std::io;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

pub use debt::Debt;
pub use running::Running;
pub use scratch::Scratch;

use live::Live;
use streams::{Event, Streams};

/// What a program may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub time: Duration,
    /// Bytes on its standard output. Of its standard error as much is kept, and the rest is dropped.
    pub output: usize,
}

/// What a program wrote before it ended by itself.
#[derive(Clone, Debug)]
pub struct Output {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

/// A program did not come to an end of its own, or could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("cannot be started: {0}")]
    Start(#[source] io::Error),
    #[error("did not end within {limit}", limit = Seconds(*limit))]
    Time { limit: Duration, stderr: Vec<u8> },
    #[error("wrote more than {limit} bytes")]
    Output { limit: usize, stderr: Vec<u8> },
    #[error("was ended: it used more than it may")]
    Stopped,
    #[error("left a program behind that holds its output")]
    Held,
    #[error("cannot be waited for: {0}")]
    Wait(#[source] io::Error),
}

impl Failure {
    /// What the program wrote to its standard error until then.
    pub fn stderr(&self) -> &[u8] {
        match self {
            Failure::Time { stderr, .. } | Failure::Output { stderr, .. } => stderr,
            Failure::Start(_) | Failure::Stopped | Failure::Held | Failure::Wait(_) => &[],
        }
    }
}

/// A time limit as people say it: `20s`, `1.5s`.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0.as_secs_f64())
    }
}

/// How long what a program started may go on writing after it, and how long an asked program may take
/// to end by itself.
const GRACE: Duration = Duration::from_secs(1);
/// How often a program that closed its streams is looked at.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Runs a program to its end. It reads `stdin`, or nothing; an exit code that is not 0 is no failure here.
///
/// # Errors
/// [`Failure`] where it cannot be started or reaches a limit; then it and what it started are ended.
pub fn run(command: &mut Command, stdin: Option<Vec<u8>>, limits: &Limits) -> Result<Output, Failure> {
    run_watched(command, stdin, limits, &mut || true)
}

/// Runs a program to its end, and ends all that it started, also what left its group.
///
/// # Errors
/// As [`run`].
pub fn run_alone(command: &mut Command, stdin: Option<Vec<u8>>, limits: &Limits) -> Result<Output, Failure> {
    let mark = mark::Mark::put(command);
    let output = run(command, stdin, limits);
    drop(mark);
    output
}

/// Runs a program to its end, and asks often whether it may go on.
///
/// # Errors
/// As [`run`], and [`Failure::Stopped`] where it may not.
pub fn run_watched(
    command: &mut Command,
    stdin: Option<Vec<u8>>,
    limits: &Limits,
    may_go_on: &mut dyn FnMut() -> bool,
) -> Result<Output, Failure> {
    command
        .stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut program = Live::start(command).map_err(Failure::Start)?;
    let mut streams = Streams::start(program.child(), stdin, limits.output);
    let deadline = Instant::now().checked_add(limits.time);
    let mut pause = SHORTEST_PAUSE;
    // The end of the program, and when its output is no longer waited for.
    let mut patience: Option<Instant> = None;
    loop {
        let now = Instant::now();
        if deadline.is_some_and(|deadline| now >= deadline) && patience.is_none() {
            program.end(GRACE);
            let stderr = streams.rest(GRACE).1.unwrap_or_default();
            let limit = limits.time;
            return Err(Failure::Time { limit, stderr });
        }
        if patience.is_none() && !may_go_on() {
            program.end(GRACE);
            return Err(Failure::Stopped);
        }
        if patience.is_none() && program.has_exited().map_err(Failure::Wait)? {
            patience = Some(now + GRACE);
        }
        if patience.is_some_and(|patience| now >= patience || streams.are_closed()) {
            break;
        }
        match streams.next(pause) {
            Ok(Event::TooMuch) => {
                program.end(GRACE);
                let stderr = streams.rest(GRACE).1.unwrap_or_default();
                let limit = limits.output;
                return Err(Failure::Output { limit, stderr });
            }
            Ok(Event::Closed) => pause = SHORTEST_PAUSE,
            Err(RecvTimeoutError::Timeout) => pause = (pause * 2).min(LONGEST_PAUSE),
            // Both streams are closed: only its end is waited for.
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
    let status = program.finish().map_err(Failure::Wait)?;
    match streams.rest(GRACE) {
        (Some(stdout), Some(stderr)) => Ok(Output { status, stdout, stderr }),
        _ => Err(Failure::Held),
    }
}
