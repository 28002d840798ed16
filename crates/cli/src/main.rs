//! The `terrace` command: a command line comes in, a rendered answer and an exit code go out.
//!
//! Nothing here decides anything about kustomizations; that is `build`'s work.

mod actor;
mod args;
mod commands;
mod date;
mod diagnostic;
mod excerpt;
mod exit;
mod hidden;
mod kustomize;
mod output;
mod policies;
mod programs;
mod progress;
mod record_place;
mod remote;
mod report;
mod setup;
mod stack;
mod targets;
mod watch;

use std::process::ExitCode;

fn main() -> ExitCode {
    // YAML nests as deep as its author likes, and the main thread's stack is as small as its starter likes.
    stack::with_deep_stack(|| {
        // Nothing is left to be flushed, and giving back memory piece by piece takes time.
        std::process::exit(args::run().code())
    })
}
