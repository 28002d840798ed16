//! Where a record lies, and what a store of it can do.

mod postgres;
mod sqlite;

pub use postgres::Target;

use std::path::{Path, PathBuf};

use crate::chain::{Hash, RecordId, Row};
use crate::entry::Entry;
use crate::error::RecordError;

/// How many rows are read at a time.
const PAGE: u64 = 4096;

/// The last entry of a record, or what the first is chained to, as number 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub sequence: u64,
    pub hash: Hash,
}

/// Where a record lies.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A file of SQLite's.
    File(PathBuf),
    /// A database of a PostgreSQL server.
    Postgres(Target),
}

impl Location {
    /// A path, `file:PATH`, `sqlite:PATH`, or `postgres://USER@HOST/DATABASE`, with libpq's variables for what that leaves out.
    ///
    /// # Errors
    /// [`RecordError`] for the URL of something that keeps no record.
    pub fn parse(text: &str) -> Result<Location, RecordError> {
        if let Some(path) = ["sqlite://", "sqlite:", "file://", "file:"]
            .iter()
            .find_map(|it| text.strip_prefix(it))
        {
            return Ok(Location::File(PathBuf::from(path)));
        }
        match text.split_once("://") {
            Some(("postgres" | "postgresql", _)) => Ok(Location::Postgres(postgres::Target::parse(text, |name| {
                std::env::var(name).ok()
            })?)),
            Some((scheme, _)) => {
                let message = format!("a record cannot lie in \"{scheme}://\"");
                Err(RecordError::location(message).hint("name a file, or a database as postgres://USER@HOST/DATABASE"))
            }
            None if text.is_empty() => Err(RecordError::location("the record has no place: its name is empty")),
            None => Ok(Location::File(PathBuf::from(text))),
        }
    }

    /// The same, with a path that is not absolute taken from a directory.
    #[must_use]
    pub fn below(self, directory: &Path) -> Location {
        match self {
            Location::File(path) => Location::File(directory.join(path)),
            Location::Postgres(_) => self,
        }
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Location::File(path) => path.display().fmt(f),
            Location::Postgres(target) => target.fmt(f),
        }
    }
}

impl std::fmt::Debug for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// What keeps rows. One transaction at a time; between `begin` and `commit` nobody else writes, in any process.
pub(crate) trait Store: Send {
    fn id(&self) -> &RecordId;

    /// Begins to write.
    fn begin(&mut self) -> Result<Head, RecordError>;

    /// Those of some intents that are open.
    fn are_open(&mut self, intents: &[u64]) -> Result<Vec<u64>, RecordError>;

    /// Adds rows behind the last one, and marks intents as open or finished.
    fn insert(&mut self, rows: &[Row], opened: &[u64], finished: &[u64]) -> Result<(), RecordError>;

    /// Returns when everything is on the disk.
    fn commit(&mut self) -> Result<(), RecordError>;

    /// As if it had never begun. Does nothing where nothing has begun.
    fn roll_back(&mut self);

    /// Rows from a number on, in their order, until `each` says that it is enough.
    fn read(&mut self, from: u64, each: &mut dyn FnMut(Row) -> Result<bool, RecordError>) -> Result<(), RecordError>;

    /// The last row's number.
    fn last(&mut self) -> Result<u64, RecordError>;

    /// The numbers of open intents, in their order.
    fn open(&mut self) -> Result<Vec<u64>, RecordError>;
}

/// Opens a store for writing, and makes it where there is none.
pub(crate) fn open(location: &Location) -> Result<Box<dyn Store>, RecordError> {
    match location {
        Location::File(path) => Ok(Box::new(sqlite::SqliteStore::open(path)?)),
        Location::Postgres(target) => Ok(Box::new(postgres::PostgresStore::open(target)?)),
    }
}

pub(crate) fn open_intents(store: &mut dyn Store) -> Result<Vec<Entry>, RecordError> {
    let mut entries = Vec::new();
    for intent in store.open()? {
        store.read(intent, &mut |row| {
            if row.sequence == intent {
                entries.push(Entry::read(&row.text)?);
            }
            Ok(false)
        })?;
    }
    Ok(entries)
}

/// A record that is read, while others may write to it.
pub struct Record {
    store: Box<dyn Store>,
    location: Location,
}

impl Record {
    /// # Errors
    /// [`RecordError`] where there is none, it cannot be read, or it is of another version.
    pub fn open(location: &Location) -> Result<Record, RecordError> {
        let store: Box<dyn Store> = match location {
            Location::File(path) => Box::new(sqlite::SqliteStore::open_to_read(path)?),
            Location::Postgres(target) => Box::new(postgres::PostgresStore::open_to_read(target)?),
        };
        Ok(Record {
            store,
            location: location.clone(),
        })
    }

    pub fn id(&self) -> &RecordId {
        self.store.id()
    }

    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The number of the last entry, 0 where there is none.
    ///
    /// # Errors
    /// [`RecordError`] where the store fails.
    pub fn last(&mut self) -> Result<u64, RecordError> {
        self.store.last()
    }

    /// Rows from a number on, in their order, until `each` says that it is enough by false.
    ///
    /// # Errors
    /// [`RecordError`] where the store fails, and those of `each`.
    pub fn read(
        &mut self,
        from: u64,
        mut each: impl FnMut(Row) -> Result<bool, RecordError>,
    ) -> Result<(), RecordError> {
        self.store.read(from, &mut each)
    }

    /// Intents without an outcome, oldest first.
    ///
    /// # Errors
    /// [`RecordError`] where the store fails, or an entry cannot be read.
    pub fn open_intents(&mut self) -> Result<Vec<Entry>, RecordError> {
        open_intents(self.store.as_mut())
    }

    /// The numbers that the store keeps of open intents.
    pub(crate) fn open_numbers(&mut self) -> Result<Vec<u64>, RecordError> {
        self.store.open()
    }
}
