//! Whether a record is as it was written: every hash, every link, every number; and which entry is not.

use std::collections::BTreeSet;

use crate::chain::Hash;
use crate::entry::{Skeleton, VERSION};
use crate::error::RecordError;
use crate::store::{Head, Record};

/// What is told of at most so many faults; all are counted.
const TOLD: usize = 100;

/// What a record came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub entries: u64,
    pub head: Head,
    /// Intents without an outcome.
    pub open: Vec<u64>,
    /// The first of them, in the order of the entries.
    pub faults: Vec<Fault>,
    pub fault_count: u64,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The entry that it is at.
    pub sequence: u64,
    pub kind: FaultKind,
}

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    #[error("was changed: its hash is not that of its text")]
    Changed,
    #[error("is missing")]
    Missing,
    #[error("and those up to {0} are missing")]
    MissingUpTo(u64),
    #[error("does not follow the entry before it: one of them was replaced or put in")]
    Unchained,
    #[error("holds what was written as entry {0}: it was moved")]
    Moved(u64),
    #[error("cannot be read as an entry")]
    Unreadable,
    #[error("is of version {0}, which this program does not know")]
    Version(u32),
    #[error("is the outcome of entry {0}, which was no open intent then")]
    NoIntent(u64),
    #[error("is marked as an open intent, and is none")]
    NotOpen,
    #[error("is an intent without an outcome, and is not marked as open")]
    NotMarked,
    #[error("is not there: the record was cut off behind entry {0}, or taken back to an older copy")]
    CutOff(u64),
    #[error("is not the one of {0}")]
    Differs(String),
}

/// Follows a chain, one entry after the other.
pub(crate) struct Chain {
    head: Head,
    entries: u64,
    open: BTreeSet<u64>,
    faults: Vec<Fault>,
    fault_count: u64,
}

impl Chain {
    pub(crate) fn new(first: Hash) -> Chain {
        Chain {
            head: Head {
                sequence: 0,
                hash: first,
            },
            entries: 0,
            open: BTreeSet::new(),
            faults: Vec::new(),
            fault_count: 0,
        }
    }

    pub(crate) fn fault(&mut self, sequence: u64, kind: FaultKind) {
        self.fault_count += 1;
        if self.faults.len() < TOLD {
            self.faults.push(Fault { sequence, kind });
        }
    }

    /// The next entry, by its number, its hashes and its text.
    pub(crate) fn follow(&mut self, sequence: u64, previous: Hash, hash: Hash, text: &str) {
        let next = self.head.sequence + 1;
        let mut is_chained = previous == self.head.hash;
        match sequence {
            0 => self.fault(sequence, FaultKind::Unchained),
            _ if sequence <= next => {}
            _ if sequence == next + 1 => self.fault(next, FaultKind::Missing),
            _ => self.fault(next, FaultKind::MissingUpTo(sequence - 1)),
        }
        if sequence > next {
            // Told already.
            is_chained = true;
        }
        self.entries += 1;
        self.head = Head { sequence, hash };
        if previous.behind(text) != hash {
            return self.fault(sequence, FaultKind::Changed);
        }
        let Ok(skeleton) = serde_json::from_str::<Skeleton<'_>>(text) else {
            return self.fault(sequence, FaultKind::Unreadable);
        };
        if skeleton.version != VERSION {
            return self.fault(sequence, FaultKind::Version(skeleton.version));
        }
        if skeleton.sequence != sequence {
            return self.fault(sequence, FaultKind::Moved(skeleton.sequence));
        }
        if !is_chained {
            return self.fault(sequence, FaultKind::Unchained);
        }
        match (skeleton.act.phase, skeleton.act.intent) {
            ("intent", None) => drop(self.open.insert(sequence)),
            ("outcome", Some(intent)) => {
                // Where entries are missing or changed, its intent may be among them; that was told.
                if !self.open.remove(&intent) && self.fault_count == 0 {
                    self.fault(sequence, FaultKind::NoIntent(intent));
                }
            }
            _ => self.fault(sequence, FaultKind::Unreadable),
        }
    }

    /// Compares what is open with what is marked as open. It says nothing of a chain with faults.
    fn compare_open(&mut self, marked: &[u64]) {
        if self.fault_count > 0 {
            return;
        }
        let open = self.open.clone();
        let is_marked: BTreeSet<u64> = marked.iter().copied().collect();
        for intent in open.symmetric_difference(&is_marked) {
            let kind = if open.contains(intent) {
                FaultKind::NotMarked
            } else {
                FaultKind::NotOpen
            };
            self.fault(*intent, kind);
        }
    }

    pub(crate) fn end(self) -> Verified {
        Verified {
            entries: self.entries,
            head: self.head,
            open: self.open.into_iter().collect(),
            faults: self.faults,
            fault_count: self.fault_count,
        }
    }
}

/// Reads all of a record and says what is wrong. `on_row` sees the number and hash of every entry.
///
/// # Errors
/// [`RecordError`] where the store fails.
pub fn verify(record: &mut Record, mut on_row: impl FnMut(u64, Hash)) -> Result<Verified, RecordError> {
    let mut chain = Chain::new(record.id().first());
    record.read(0, |row| {
        chain.follow(row.sequence, row.previous, row.hash, &row.text);
        on_row(row.sequence, row.hash);
        Ok(true)
    })?;
    // What was written since is not in the chain.
    let mut marked = record.open_numbers()?;
    if record.last()? != chain.head.sequence {
        return Ok(chain.end());
    }
    marked.retain(|intent| *intent <= chain.head.sequence);
    chain.compare_open(&marked);
    Ok(chain.end())
}
