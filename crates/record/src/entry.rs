//! An entry of the record: an [`Intent`] or an [`Outcome`] with its number and time.

use serde::{Deserialize, Serialize};

use crate::act::{Intent, Outcome};
use crate::error::RecordError;
use crate::time::Time;

/// The version of entries that this program writes, and the only one that it reads.
pub const VERSION: u32 = 1;

/// One entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    pub version: u32,
    /// From 1, without gaps.
    pub sequence: u64,
    pub time: Time,
    pub act: Act,
}

/// The two phases of an act.
#[expect(clippy::large_enum_variant, reason = "entries are read one at a time")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "camelCase")]
pub enum Act {
    Intent(Intent),
    Outcome {
        /// The number of the intent.
        intent: u64,
        outcome: Outcome,
    },
}

/// As much of an entry as the chain is about.
#[derive(Deserialize)]
pub(crate) struct Skeleton<'t> {
    pub(crate) version: u32,
    pub(crate) sequence: u64,
    #[serde(borrow)]
    pub(crate) act: Phase<'t>,
}

#[derive(Deserialize)]
pub(crate) struct Phase<'t> {
    pub(crate) phase: &'t str,
    #[serde(default)]
    pub(crate) intent: Option<u64>,
}

impl Entry {
    /// Reads an entry's canonical text.
    ///
    /// # Errors
    /// [`RecordError`] where it is none, or of another version.
    pub fn read(text: &str) -> Result<Entry, RecordError> {
        let skeleton: Result<Skeleton<'_>, _> = serde_json::from_str(text);
        if let Ok(Skeleton { version, sequence, .. }) = skeleton
            && version != VERSION
        {
            let message = format!("entry {sequence} is of version {version}, and this program reads {VERSION}");
            return Err(RecordError::damaged(message).hint("use the program that wrote it"));
        }
        serde_json::from_str(text).map_err(|error| RecordError::damaged(format!("an entry cannot be read: {error}")))
    }
}
