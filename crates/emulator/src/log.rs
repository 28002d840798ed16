//! What the person who runs the cloud is told, as lines on standard error.

use std::io::Write;

pub(crate) fn warn(line: &str) {
    // Where standard error is gone there is nobody to tell.
    let _ = writeln!(std::io::stderr().lock(), "emulator: {line}");
}
