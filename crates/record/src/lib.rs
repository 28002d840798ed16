//! The record: who did what, where, as whom and why, and what came of it. It only grows, and each entry is chained to the one
//! before it.
//!
//! An act is two entries: an [`Intent`] before it, an [`Outcome`] after it. [`Recorder::begin`] returns when the intent is on
//! the disk, and who has no [`Pending`] does not act. What is written passes one place that takes secrets out of it
//! ([`Secrets`]). [`verify`] finds what was changed, lost, added or moved since.
//!
//! In go intents and outcomes, and where the record lies ([`Location`]); out come [`Row`]s: an entry as canonical JSON, with
//! its hash.

mod act;
mod canonical;
mod chain;
mod checkpoint;
mod claims;
mod clean;
mod entry;
mod error;
mod mirror;
mod recorder;
mod store;
mod time;
mod verify;

pub use act::{Intent, Outcome, Status, What, Who, Why};
pub use canonical::canonical;
pub use chain::{Hash, RecordId, Row};
pub use checkpoint::{Checkpoint, PublicKey, SigningKey};
pub use claims::Claims;
pub use clean::Secrets;
pub use entry::{Act, Entry, VERSION};
pub use error::{ErrorKind, RecordError};
pub use mirror::{Comparison, Directory, Mirrored, Objects, compare, compare_checkpoint, mirror};
pub use recorder::{Pending, Recorder};
pub use store::{Head, Location, Record, Target};
pub use time::Time;
pub use verify::{Fault, FaultKind, Verified, verify};
