//! Who writes: an intent before the act, an outcome after it, each on the disk when the call returns.
//!
//! Threads that write at the same time share one transaction: what queues up while one of them waits for the disk is
//! written by the next of them.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;

use crate::act::{Intent, Outcome};
use crate::canonical::canonical;
use crate::chain::{RecordId, Row};
use crate::clean::Secrets;
use crate::entry::{Act, Entry, VERSION};
use crate::error::RecordError;
use crate::store::{self, Location, Store};
use crate::time::Time;

/// Writes to a record. Shared by all threads that do.
pub struct Recorder {
    queue: Mutex<Queue>,
    /// Somebody has finished writing.
    written: Condvar,
    store: Mutex<Box<dyn Store>>,
    secrets: Secrets,
    clock: fn() -> Time,
}

#[derive(Default)]
struct Queue {
    /// What nobody has begun to write yet.
    waiting: Vec<Waiting>,
    is_written: bool,
}

/// An act that waits to be written, and where its number is to be put.
struct Waiting {
    act: Value,
    /// The intent that it is the outcome of.
    closes: Option<u64>,
    slot: Arc<Slot>,
}

type Slot = Mutex<Option<Result<u64, RecordError>>>;

/// An intent that is on the disk. What is meant may be done now.
#[derive(Debug)]
#[must_use = "an intent without an outcome stays open"]
pub struct Pending<'r> {
    recorder: &'r Recorder,
    intent: u64,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recorder")
    }
}

/// A thread that panicked while it held a lock left nothing half done: a transaction that was not committed is not there.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recorder {
    /// Opens a record, and makes it where there is none.
    ///
    /// # Errors
    /// [`RecordError`] where it cannot be written, is no record, or is of another version.
    pub fn open(location: &Location, secrets: Secrets) -> Result<Recorder, RecordError> {
        Ok(Recorder {
            queue: Mutex::default(),
            written: Condvar::new(),
            store: Mutex::new(store::open(location)?),
            secrets,
            clock: Time::now,
        })
    }

    /// With another clock.
    #[must_use]
    pub fn with_clock(self, clock: fn() -> Time) -> Recorder {
        Recorder { clock, ..self }
    }

    /// The name of the record.
    pub fn id(&self) -> RecordId {
        lock(&self.store).id().clone()
    }

    /// Records what is about to be done.
    ///
    /// # Errors
    /// [`RecordError`] where it could not be written: then it must not be done.
    pub fn begin(&self, intent: &Intent) -> Result<Pending<'_>, RecordError> {
        let intent = self.append("intent", intent, None)?;
        Ok(Pending { recorder: self, intent })
    }

    /// Intents without an outcome, oldest first: somebody is at it now, or was ended before it was done.
    ///
    /// # Errors
    /// [`RecordError`] where the record cannot be read.
    pub fn open_intents(&self) -> Result<Vec<Entry>, RecordError> {
        store::open_intents(lock(&self.store).as_mut())
    }

    /// Takes over an intent that is open, to finish it.
    pub fn resume(&self, intent: u64) -> Pending<'_> {
        Pending { recorder: self, intent }
    }

    fn append(&self, phase: &str, act: &impl Serialize, closes: Option<u64>) -> Result<u64, RecordError> {
        let unwritable = |error| RecordError::refused(format!("this cannot be written as JSON: {error}"));
        let mut act = serde_json::to_value(act).map_err(unwritable)?;
        self.secrets.clean(&mut act);
        let act = match closes {
            None => {
                act["phase"] = Value::from(phase);
                act
            }
            Some(intent) => serde_json::json!({"phase": phase, "intent": intent, "outcome": act}),
        };
        let slot = Arc::new(Slot::default());
        let mut queue = lock(&self.queue);
        queue.waiting.push(Waiting {
            act,
            closes,
            slot: slot.clone(),
        });
        loop {
            if let Some(written) = lock(&slot).take() {
                return written;
            }
            if !queue.is_written {
                break;
            }
            queue = self.written.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.is_written = true;
        let batch = std::mem::take(&mut queue.waiting);
        drop(queue);
        let done = Done(self);
        self.write(&batch);
        drop(done);
        // What was put in before was in the batch.
        let own = lock(&slot).take();
        own.unwrap_or_else(|| Err(RecordError::store("the entry was not written")))
    }

    /// Writes a batch, and puts the numbers where they are waited for.
    fn write(&self, batch: &[Waiting]) {
        let mut store = lock(&self.store);
        let written = write(store.as_mut(), batch, self.clock);
        if written.is_err() {
            store.roll_back();
        }
        let numbers = written.unwrap_or_else(|error| vec![Err(error); batch.len()]);
        for (waiting, number) in batch.iter().zip(numbers) {
            *lock(&waiting.slot) = Some(number);
        }
    }
}

/// Lets the next one write, also where this one panicked.
struct Done<'r>(&'r Recorder);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        lock(&self.0.queue).is_written = false;
        self.0.written.notify_all();
    }
}

/// Writes a batch in one transaction; the number of each, or why it alone was refused.
fn write(
    store: &mut dyn Store,
    batch: &[Waiting],
    clock: fn() -> Time,
) -> Result<Vec<Result<u64, RecordError>>, RecordError> {
    let mut head = store.begin()?;
    let closed: Vec<u64> = batch.iter().filter_map(|waiting| waiting.closes).collect();
    let mut open = store.are_open(&closed)?;
    let mut rows = Vec::with_capacity(batch.len());
    let mut numbers = Vec::with_capacity(batch.len());
    let mut opened = Vec::new();
    let mut finished = Vec::new();
    for waiting in batch {
        let sequence = head.sequence + 1;
        if let Some(intent) = waiting.closes {
            let Some(at) = open.iter().position(|number| *number == intent) else {
                let message = format!("the record has no open intent {intent}");
                numbers.push(Err(RecordError::refused(message).hint("it was finished before")));
                continue;
            };
            finished.push(open.swap_remove(at));
        } else {
            opened.push(sequence);
        }
        let entry = serde_json::json!({
            "version": VERSION,
            "sequence": sequence,
            "time": clock(),
            "act": waiting.act,
        });
        let text = canonical(&entry);
        let hash = head.hash.behind(&text);
        rows.push(Row {
            sequence,
            previous: head.hash,
            hash,
            text,
        });
        (head.sequence, head.hash) = (sequence, hash);
        numbers.push(Ok(sequence));
    }
    store.insert(&rows, &opened, &finished)?;
    store.commit()?;
    Ok(numbers)
}

impl Pending<'_> {
    /// The number of the intent.
    pub fn sequence(&self) -> u64 {
        self.intent
    }

    /// Records what came of it; the number of the outcome.
    ///
    /// # Errors
    /// [`RecordError`] where it could not be written: the intent stays open, and a later run finds it.
    pub fn finish(self, outcome: &Outcome) -> Result<u64, RecordError> {
        self.recorder.append("outcome", outcome, Some(self.intent))
    }
}

impl Entry {
    /// The intent of an entry that is one.
    pub fn intent(&self) -> Option<&Intent> {
        match &self.act {
            Act::Intent(intent) => Some(intent),
            Act::Outcome { .. } => None,
        }
    }
}
