//! The cloud as its clients see it: with plain HTTP, and with the clients that Google publishes for Python.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cloud;
mod python;
mod storage;
mod tokens;
