//! What the cloud holds, in one SQLite file: documents by kind and name, and sequences that only grow.
//!
//! A write is there when the call returns, whatever happens to the process then. (A machine that loses its power may
//! lose the last ones, but nothing is half there.)

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior, params};
use serde_json::Value as Json;

/// How long another emulator on the directory may take to end.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// The layout of the file; another one is not read.
const VERSION: i64 = 1;

/// Why the state cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot use the directory {0}: {1}")]
    Directory(PathBuf, std::io::Error),
    #[error("another emulator runs on {0}")]
    InUse(PathBuf),
    #[error(
        "{0} was written by another version of the emulator (layout {1}, this one has {VERSION}): name a new directory"
    )]
    Version(PathBuf, i64),
    #[error("{0} is damaged, or no state of the emulator: {1}")]
    Damaged(PathBuf, rusqlite::Error),
    #[error("the state (state.db): {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("a document is no JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl StoreError {
    /// The error with the name of the file, where that is damaged.
    pub(crate) fn of_start(self, directory: &Path) -> StoreError {
        match self {
            StoreError::Sqlite(error)
                if matches!(
                    error.sqlite_error_code(),
                    Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)
                ) =>
            {
                StoreError::Damaged(directory.join("state.db"), error)
            }
            other => other,
        }
    }
}

pub(crate) type Result<T, E = StoreError> = std::result::Result<T, E>;

/// The state of the cloud.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Mutex<Connection>,
    /// Locked as long as this process uses the directory.
    _lock: File,
    directory: PathBuf,
}

/// A document with its name.
pub(crate) type Named = (String, Json);

impl Store {
    /// Opens the state in a directory, which is made if it is not there.
    pub(crate) fn open(directory: &Path) -> Result<Store> {
        let on_directory = |error| StoreError::Directory(directory.to_owned(), error);
        fs::create_dir_all(directory).map_err(on_directory)?;
        let lock = File::create(directory.join("lock")).map_err(on_directory)?;
        let deadline = Instant::now() + LONGEST_WAIT;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                // One that is about to end holds it, or a program that it was just starting.
                Err(fs::TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(LOCK_PAUSE),
                Err(fs::TryLockError::WouldBlock) => return Err(StoreError::InUse(directory.to_owned())),
                Err(fs::TryLockError::Error(error)) => return Err(on_directory(error)),
            }
        }
        let path = directory.join("state.db");
        let damaged = |error: rusqlite::Error| StoreError::Sqlite(error).of_start(directory);
        let is_new = !path.exists();
        let connection = Connection::open(&path).map_err(damaged)?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(damaged)?;
        connection
            .pragma_update(None, "synchronous", "NORMAL")
            .map_err(damaged)?;
        let version: i64 = connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(damaged)?;
        // A file that was being made when its maker was killed has no layout yet.
        if is_new || version == 0 {
            connection
                .execute_batch(
                    "BEGIN;
                     CREATE TABLE IF NOT EXISTS documents (
                         kind TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, name)
                     ) WITHOUT ROWID;
                     CREATE TABLE IF NOT EXISTS entries (
                         number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, body TEXT NOT NULL
                     );
                     CREATE INDEX IF NOT EXISTS entries_by_kind ON entries (kind, number);
                     COMMIT;",
                )
                .map_err(damaged)?;
            connection
                .pragma_update(None, "user_version", VERSION)
                .map_err(damaged)?;
        } else if version != VERSION {
            return Err(StoreError::Version(path, version));
        }
        Ok(Store {
            connection: Mutex::new(connection),
            _lock: lock,
            directory: directory.to_owned(),
        })
    }

    /// The directory of the state.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn get(&self, kind: &str, name: &str) -> Result<Option<Json>> {
        read(&self.connection(), kind, name)
    }

    /// Puts a document in place of what is there.
    pub(crate) fn put(&self, kind: &str, name: &str, body: &Json) -> Result<()> {
        write(&self.connection(), kind, name, body)
    }

    /// Adds a document; false if there is one of the name.
    pub(crate) fn insert(&self, kind: &str, name: &str, body: &Json) -> Result<bool> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached("INSERT INTO documents (kind, name, body) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?;
        Ok(statement.execute(params![kind, name, body.to_string()])? == 1)
    }

    /// Removes a document; false if there is none.
    pub(crate) fn delete(&self, kind: &str, name: &str) -> Result<bool> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("DELETE FROM documents WHERE kind = ?1 AND name = ?2")?;
        Ok(statement.execute([kind, name])? == 1)
    }

    /// Reads a document and writes what becomes of it, with nothing in between: `None` from `change` removes it. What
    /// `change` fails with leaves it as it was.
    pub(crate) fn change<T, E: From<StoreError>>(
        &self,
        kind: &str,
        name: &str,
        change: impl FnOnce(&mut Option<Json>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
        let mut document = read(&transaction, kind, name)?;
        let before = document.clone();
        let result = change(&mut document)?;
        if document != before {
            match &document {
                Some(body) => write(&transaction, kind, name, body)?,
                None => {
                    transaction
                        .execute("DELETE FROM documents WHERE kind = ?1 AND name = ?2", [kind, name])
                        .map_err(StoreError::from)?;
                }
            }
        }
        transaction.commit().map_err(StoreError::from)?;
        Ok(result)
    }

    /// Reads and writes with nothing in between, all or none: what `act` fails with leaves everything as it was.
    pub(crate) fn transact<T, E: From<StoreError>>(
        &self,
        act: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
        let transaction = Transaction(transaction);
        let result = act(&transaction)?;
        transaction.0.commit().map_err(StoreError::from)?;
        Ok(result)
    }

    /// The documents of a kind from one name to before another, in the order of their names.
    pub(crate) fn range(&self, kind: &str, from: &str, to: Option<&str>, limit: usize) -> Result<Vec<Named>> {
        range(&self.connection(), kind, (from, to), limit)
    }

    /// The documents of a kind whose names begin so, in the order of their names, after one of them.
    pub(crate) fn list(&self, kind: &str, prefix: &str, after: &str, limit: usize) -> Result<Vec<Named>> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT name, body FROM documents WHERE kind = ?1 AND name >= ?2 AND name < ?3 AND name > ?4 ORDER BY name LIMIT ?5",
        )?;
        let end = format!("{prefix}\u{10FFFF}");
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![kind, prefix, end, after, limit], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })?;
        rows.map(|row| {
            let (name, body) = row?;
            Ok((name, serde_json::from_str(&body)?))
        })
        .collect()
    }

    /// All documents of a kind.
    pub(crate) fn all(&self, kind: &str) -> Result<Vec<Named>> {
        self.list(kind, "", "", usize::MAX)
    }

    /// Adds entries to a sequence, all or none.
    pub(crate) fn append<'b>(&self, kind: &str, bodies: impl IntoIterator<Item = &'b Json>) -> Result<()> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        {
            let mut statement = transaction.prepare_cached("INSERT INTO entries (kind, body) VALUES (?1, ?2)")?;
            for body in bodies {
                statement.execute(params![kind, body.to_string()])?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Entries of a sequence with their numbers, after one of them.
    pub(crate) fn entries(&self, kind: &str, after: i64, limit: usize) -> Result<Vec<(i64, Json)>> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT number, body FROM entries WHERE kind = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![kind, after, limit], |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?))
        })?;
        rows.map(|row| {
            let (number, body) = row?;
            Ok((number, serde_json::from_str(&body)?))
        })
        .collect()
    }

    /// The next number of a counter, which is never given twice.
    pub(crate) fn next(&self, counter: &str) -> Result<u64> {
        self.next_of(counter, 1)
    }

    /// The first of so many next numbers of a counter.
    pub(crate) fn next_of(&self, counter: &str, count: u64) -> Result<u64> {
        self.change("counter", counter, |document| {
            let next = document.as_ref().and_then(Json::as_u64).unwrap_or(1);
            *document = Some((next + count).into());
            Ok(next)
        })
    }
}

/// The documents as they are within [`Store::transact`].
pub(crate) struct Transaction<'c>(rusqlite::Transaction<'c>);

impl Transaction<'_> {
    pub(crate) fn get(&self, kind: &str, name: &str) -> Result<Option<Json>> {
        read(&self.0, kind, name)
    }

    pub(crate) fn put(&self, kind: &str, name: &str, body: &Json) -> Result<()> {
        write(&self.0, kind, name, body)
    }

    pub(crate) fn delete(&self, kind: &str, name: &str) -> Result<()> {
        let mut statement = self
            .0
            .prepare_cached("DELETE FROM documents WHERE kind = ?1 AND name = ?2")?;
        statement.execute([kind, name])?;
        Ok(())
    }

    pub(crate) fn range(&self, kind: &str, from: &str, to: Option<&str>, limit: usize) -> Result<Vec<Named>> {
        range(&self.0, kind, (from, to), limit)
    }
}

fn range(connection: &Connection, kind: &str, names: (&str, Option<&str>), limit: usize) -> Result<Vec<Named>> {
    let mut statement = connection.prepare_cached(
        "SELECT name, body FROM documents WHERE kind = ?1 AND name >= ?2 AND (?3 IS NULL OR name < ?3) ORDER BY name LIMIT ?4",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![kind, names.0, names.1, limit], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?;
    rows.map(|row| {
        let (name, body) = row?;
        Ok((name, serde_json::from_str(&body)?))
    })
    .collect()
}

fn read(connection: &Connection, kind: &str, name: &str) -> Result<Option<Json>> {
    let mut statement = connection.prepare_cached("SELECT body FROM documents WHERE kind = ?1 AND name = ?2")?;
    let body: Option<String> = statement.query_row([kind, name], |row| row.get(0)).optional()?;
    Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
}

fn write(connection: &Connection, kind: &str, name: &str, body: &Json) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO documents (kind, name, body) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET body = excluded.body",
    )?;
    statement.execute(params![kind, name, body.to_string()])?;
    Ok(())
}
