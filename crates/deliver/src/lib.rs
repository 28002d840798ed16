//! What changes something outside: each change is a plan that was made before by a function of its input, and a run of
//! it that may be killed at any point and started again. Every change is recorded before it is asked for and when it is
//! answered; what cannot be recorded is not done.

pub mod grants;
mod mirror;
mod recording;

pub use mirror::mirror;
pub use recording::{Actor, Recording};
