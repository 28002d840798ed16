//! The tests of the crate: recorded documents of kustomize, and case files of our own.

mod edit;
mod roundtrip;
