//! Fetches from real servers on loopback, with the real `git` program.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stderr, reason = "what is skipped is said")]
#![expect(dead_code, reason = "the program's tests use the servers too, and more of them")]
#![expect(unused_imports, reason = "the program's tests use the servers too, and more of them")]

mod git;
mod http;
mod parts;
mod servers;
