//! The tests of the command line, all of which run the real program: case directories, what a case
//! directory cannot say, the recorded suites where they are at hand, and kustomize itself where it is
//! installed.
//!
//! `UPDATE=1 cargo test -p cli` writes what the program answers into the case directories; read the
//! difference before you keep it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(
    clippy::print_stderr,
    reason = "how many recorded cases agree is told whether or not all do"
)]

mod audit;
mod cases;
mod conformance;
mod google;
mod helm;
mod peer;
mod picture;
mod programs;
mod random;
mod revisions;
mod run;
mod sarif;
#[expect(dead_code, reason = "of its answers, only the tests of the client need all")]
#[path = "../../../google/tests/server.rs"]
mod server;
mod shell;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials: Vec<Trial> = cases::trials();
    trials.extend(shell::trials());
    trials.extend(revisions::trials());
    trials.extend(audit::trials());
    trials.extend(google::trials());
    trials.extend(sarif::trials());
    trials.extend(conformance::trials());
    trials.extend(peer::trials());
    trials.extend(picture::trials());
    trials.extend(helm::trials());
    trials.extend(programs::trials());
    trials.extend(random::trials());
    libtest_mimic::run(&arguments, trials).exit();
}
