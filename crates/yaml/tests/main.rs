//! The tests of the crate: recorded documents of kustomize, and case files of our own.
#![expect(clippy::disallowed_methods, reason = "tests read their cases from files")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails as a test does")]

mod cases;
mod depth;
mod edit;
mod fixed_point;
mod layout;
mod roundtrip;
