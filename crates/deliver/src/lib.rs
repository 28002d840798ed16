//! What changes something outside: each change is a plan that was made before by a function of its input, and a run of
//! it that may be killed at any point and started again.

pub mod grants;
