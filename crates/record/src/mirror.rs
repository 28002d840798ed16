//! A copy of the record in an object store, with signed checkpoints: what is there is never written again, so that whoever
//! changes, cuts off or replaces the record is found by whoever has the copy.
//!
//! | object | holds |
//! |---|---|
//! | `record.json` | the name of the record |
//! | `entries/FIRST-LAST.jsonl` | entries, as `terrace audit export` prints them |
//! | `checkpoints/NUMBER-KEY.json` | a signed checkpoint |

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::chain::{Hash, RecordId, Row};
use crate::checkpoint::{Checkpoint, PublicKey, SigningKey, text_of};
use crate::error::RecordError;
use crate::store::{Head, Record};
use crate::time::Time;
use crate::verify::{Chain, Fault, FaultKind, Verified};

/// The most that one object holds.
const ENTRIES: usize = 10_000;
const BYTES: usize = 8 << 20;

const FORMAT: &str = "terrace.dev/record/v1";

/// Where a mirror is: objects by their names, which are made once and stay.
pub trait Objects {
    /// The names that begin so, in their order.
    ///
    /// # Errors
    /// [`RecordError`] where the store fails or refuses.
    fn list(&self, start: &str) -> Result<Vec<String>, RecordError>;

    /// What an object holds; none where there is none.
    ///
    /// # Errors
    /// [`RecordError`] where the store fails or refuses.
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, RecordError>;

    /// Makes an object; false where there is one, which stays as it is. It is there for good when this returns.
    ///
    /// # Errors
    /// [`RecordError`] where the store fails or refuses.
    fn make(&self, name: &str, bytes: &[u8]) -> Result<bool, RecordError>;

    /// As a user calls it.
    fn url(&self) -> String;
}

/// What was done to a mirror.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mirrored {
    /// Entries that it did not have.
    pub copied: u64,
    /// The last entry that it has now.
    pub head: Head,
    /// Whether a checkpoint was added.
    pub is_signed: bool,
}

/// What a mirror says of the record it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The mirror's own chain.
    pub mirror: Verified,
    /// Checkpoints whose signatures are right.
    pub checkpoints: u64,
    /// The last entry that a checkpoint is of.
    pub signed: u64,
    /// What is wrong with the record, by the mirror.
    pub faults: Vec<Fault>,
    /// What is wrong with the mirror itself: the object, and why.
    pub defects: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    id: RecordId,
}

/// The last row that a mirror has, by its objects.
fn tail(objects: &dyn Objects, id: &RecordId) -> Result<Head, RecordError> {
    let first = Head {
        sequence: 0,
        hash: id.first(),
    };
    let Some(last) = objects.list("entries/")?.pop() else {
        return Ok(first);
    };
    let bytes = objects.get(&last)?.unwrap_or_default();
    let line = bytes
        .trim_ascii_end()
        .rsplit(|byte| *byte == b'\n')
        .next()
        .and_then(parse_line);
    let line = line.ok_or_else(|| {
        let message = format!("the mirror {} is damaged: {last} ends in no entry", objects.url());
        RecordError::damaged(message).hint("terrace audit verify --mirror shows what is wrong")
    })?;
    Ok(Head {
        sequence: line.sequence,
        hash: line.hash,
    })
}

fn check_header(objects: &dyn Objects, id: &RecordId) -> Result<(), RecordError> {
    let header = text_of(&Header {
        format: FORMAT.to_owned(),
        id: id.clone(),
    }) + "\n";
    if objects.make("record.json", header.as_bytes())? {
        return Ok(());
    }
    let found = objects.get("record.json")?.unwrap_or_default();
    if found != header.as_bytes() {
        let message = format!("{} is the mirror of another record", objects.url());
        return Err(RecordError::refused(message).hint("each record has a mirror of its own"));
    }
    Ok(())
}

/// Copies what a mirror does not have yet, and signs what it has then.
///
/// # Errors
/// [`RecordError`] where the mirror is of another record, its last entry is not the record's, an entry is not as it was
/// written, or a store fails. Nothing is written over in any case.
pub fn mirror(
    record: &mut Record,
    objects: &dyn Objects,
    key: Option<(&SigningKey, Time)>,
) -> Result<Mirrored, RecordError> {
    let id = record.id().clone();
    check_header(objects, &id)?;
    let before = tail(objects, &id)?;
    let mut head = before;
    let mut is_known = before.sequence == 0;
    let mut segment = (0, String::new());
    let url = objects.url();
    let flush = |(first, text): &mut (u64, String), last: u64| -> Result<(), RecordError> {
        let name = format!("entries/{first:020}-{last:020}.jsonl");
        if !text.is_empty() && !objects.make(&name, text.as_bytes())? {
            let message = format!("somebody else writes to the mirror {url}");
            return Err(RecordError::store(message).hint("run it again"));
        }
        text.clear();
        Ok(())
    };
    let mut count = 0;
    record.read(before.sequence.max(1), |row| {
        if !is_known {
            if (row.sequence, row.hash) != (before.sequence, before.hash) {
                return Err(differs(&url, before.sequence));
            }
            is_known = true;
            return Ok(true);
        }
        if (row.sequence, row.previous) != (head.sequence + 1, head.hash) || row.previous.behind(&row.text) != row.hash
        {
            let message = format!("entry {} of the record is not as it was written", row.sequence);
            return Err(RecordError::damaged(message).hint("terrace audit verify shows what is wrong"));
        }
        if segment.1.is_empty() {
            segment.0 = row.sequence;
            count = 0;
        }
        segment.1.push_str(&row.line());
        count += 1;
        head = Head {
            sequence: row.sequence,
            hash: row.hash,
        };
        if count == ENTRIES || segment.1.len() > BYTES {
            flush(&mut segment, head.sequence)?;
        }
        Ok(true)
    })?;
    if !is_known {
        return Err(differs(&url, before.sequence));
    }
    flush(&mut segment, head.sequence)?;
    let is_signed = match key {
        Some((key, time)) if head.sequence > 0 => {
            let name = format!("checkpoints/{:020}-{}.json", head.sequence, key.public().id());
            objects.make(&name, Checkpoint::sign(&id, head, time, key).as_bytes())?
        }
        _ => false,
    };
    Ok(Mirrored {
        copied: head.sequence - before.sequence,
        head,
        is_signed,
    })
}

fn differs(url: &str, sequence: u64) -> RecordError {
    let message = format!("entry {sequence} of the record is not the one that the mirror {url} has");
    RecordError::damaged(message).hint("terrace audit verify --mirror shows where they part")
}

/// Holds a record against its mirror. `hashes` are those of the record's entries, by their numbers from 1 on, as
/// [`crate::verify`] tells them.
///
/// # Errors
/// [`RecordError`] where a store fails, or the mirror is of another record.
pub fn compare(
    id: &RecordId,
    hashes: &[Hash],
    objects: &dyn Objects,
    keys: &[PublicKey],
) -> Result<Comparison, RecordError> {
    let header = objects
        .get("record.json")?
        .and_then(|bytes| serde_json::from_slice::<Header>(&bytes).ok());
    match header {
        Some(header) if header.id == *id => {}
        Some(_) => {
            let message = format!("{} is the mirror of another record", objects.url());
            return Err(RecordError::refused(message).hint("one of them was put in the place of another"));
        }
        None => {
            let message = format!("there is no mirror in {}", objects.url());
            return Err(RecordError::location(message).hint("terrace audit mirror makes one"));
        }
    }
    let mut chain = Chain::new(id.first());
    let mut faults = Faults {
        hashes,
        found: Vec::new(),
    };
    let mut defects = Vec::new();
    let whose = format!("the mirror {}", objects.url());
    for name in objects.list("entries/")? {
        let bytes = objects.get(&name)?.unwrap_or_default();
        for (at, line) in bytes.trim_ascii_end().split(|byte| *byte == b'\n').enumerate() {
            let Some(row) = parse_line(line) else {
                defects.push((name.clone(), format!("line {} is no entry", at + 1)));
                continue;
            };
            chain.follow(row.sequence, row.previous, row.hash, &row.text);
            faults.compare(row.sequence, row.hash, &whose);
        }
    }
    let (mut checkpoints, mut signed) = (0, 0);
    for name in objects.list("checkpoints/")? {
        match Checkpoint::read(&objects.get(&name)?.unwrap_or_default(), keys) {
            Ok(checkpoint) if checkpoint.record != *id => defects.push((name, "is of another record".to_owned())),
            Ok(checkpoint) => {
                checkpoints += 1;
                signed = signed.max(checkpoint.sequence);
                faults.compare(
                    checkpoint.sequence,
                    checkpoint.hash,
                    &format!("the checkpoint of {}", checkpoint.time),
                );
            }
            Err(why) if !keys.is_empty() => defects.push((name, why)),
            Err(_) => {}
        }
    }
    let mirror = chain.end();
    faults.found.dedup_by_key(|fault| fault.sequence);
    Ok(Comparison {
        mirror,
        checkpoints,
        signed,
        faults: faults.found,
        defects,
    })
}

/// Holds one signed checkpoint against a record.
pub fn compare_checkpoint(hashes: &[Hash], checkpoint: &Checkpoint) -> Option<Fault> {
    let mut faults = Faults {
        hashes,
        found: Vec::new(),
    };
    faults.compare(
        checkpoint.sequence,
        checkpoint.hash,
        &format!("the checkpoint of {}", checkpoint.time),
    );
    faults.found.pop()
}

struct Faults<'h> {
    hashes: &'h [Hash],
    found: Vec<Fault>,
}

impl Faults<'_> {
    fn compare(&mut self, sequence: u64, hash: Hash, whose: &str) {
        let at = usize::try_from(sequence).unwrap_or(usize::MAX).wrapping_sub(1);
        let kind = match self.hashes.get(at) {
            Some(found) if *found == hash => return,
            Some(_) => FaultKind::Differs(whose.to_owned()),
            None => FaultKind::CutOff(self.hashes.len() as u64),
        };
        // Where one differs, all behind it do.
        let is_told = self
            .found
            .iter()
            .any(|fault| std::mem::discriminant(&fault.kind) == std::mem::discriminant(&kind));
        if !is_told {
            self.found.push(Fault { sequence, kind });
        }
    }
}

/// A line of an export: [`Row::line`], without the line break.
fn parse_line(line: &[u8]) -> Option<Row> {
    #[derive(Deserialize)]
    struct Number {
        sequence: u64,
    }
    let line = std::str::from_utf8(line).ok()?;
    let rest = line.strip_prefix("{\"entry\":")?.strip_suffix("\"}")?;
    let (rest, previous) = rest.split_at_checked(rest.len().checked_sub(64)?)?;
    let rest = rest.strip_suffix("\",\"previous\":\"")?;
    let (rest, hash) = rest.split_at_checked(rest.len().checked_sub(64)?)?;
    let text = rest.strip_suffix(",\"hash\":\"")?;
    Some(Row {
        sequence: serde_json::from_str::<Number>(text).ok()?.sequence,
        previous: Hash::parse(previous)?,
        hash: Hash::parse(hash)?,
        text: text.to_owned(),
    })
}

/// A mirror in a directory, on another disk perhaps.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new(path: impl Into<PathBuf>) -> Directory {
        Directory(path.into())
    }

    fn cannot(&self, name: &str, error: &std::io::Error) -> RecordError {
        RecordError::store(format!("the mirror {}: {error}", self.0.join(name).display()))
    }
}

impl Objects for Directory {
    fn list(&self, start: &str) -> Result<Vec<String>, RecordError> {
        let directory = start.trim_end_matches('/');
        let entries = match fs::read_dir(self.0.join(directory)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| self.cannot(start, &error))?,
        };
        let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
        let names: Result<Vec<String>, _> = names.collect();
        let mut names = names.map_err(|error| self.cannot(start, &error))?;
        // What was being written when its writer was killed.
        names.retain(|name| !name.starts_with('.'));
        names.sort_unstable();
        Ok(names.into_iter().map(|name| format!("{directory}/{name}")).collect())
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, RecordError> {
        match fs::read(self.0.join(name)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            bytes => bytes.map(Some).map_err(|error| self.cannot(name, &error)),
        }
    }

    fn make(&self, name: &str, bytes: &[u8]) -> Result<bool, RecordError> {
        let path = self.0.join(name);
        make_file(&path, bytes).map_err(|error| self.cannot(name, &error))
    }

    fn url(&self) -> String {
        self.0.display().to_string()
    }
}

/// A file that is there whole or not at all, and never written over.
fn make_file(path: &Path, bytes: &[u8]) -> std::io::Result<bool> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    if path.exists() {
        return Ok(false);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = directory.join(format!(".{name}.{}", std::process::id()));
    let made = File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        // Unlike renaming, this fails where there is one.
        fs::hard_link(&temporary, path)
    });
    let _ = fs::remove_file(&temporary);
    match made {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        made => made?,
    }
    File::open(directory)?.sync_all()?;
    Ok(true)
}
