//! The cloud as its clients see it: with plain HTTP, and with the clients that Google publishes for Python.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a table says how many cases it has")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod agreement;
mod bad_input;
mod bodies;
mod cloud;
mod enforcement;
mod kill;
mod python;
mod scopes;
mod storage;
mod tokens;
