//! A record in a file of SQLite's.
//!
//! The journal is a write-ahead log that is synchronised at each commit (`synchronous=FULL`): one wait for the disk in place of
//! three, and readers do not wait for writers. A commit that was not complete is not there after a crash; a full disk fails the
//! commit and leaves what was there. It needs a file system whose locks work, which those of networks often do not.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

use super::{Head, PAGE, Store};
use crate::chain::{Hash, RecordId, Row};
use crate::error::RecordError;

/// What makes a database a record: `Terr`, in the place that SQLite has for it.
const APPLICATION: i32 = 0x5465_7272;
/// The version of the tables.
const VERSION: i32 = 1;
/// How long to wait for another process.
const PATIENCE: Duration = Duration::from_secs(20);

/// There are no columns beside the text, so that nothing can be shown that is not under the hash. The triggers are for
/// accidents: who means harm removes them, and is found by the hashes.
const TABLES: &str = "
    CREATE TABLE record (id TEXT NOT NULL) STRICT;
    CREATE TABLE entry (sequence INTEGER PRIMARY KEY, previous BLOB NOT NULL, hash BLOB NOT NULL, text TEXT NOT NULL) STRICT;
    CREATE TABLE open (intent INTEGER PRIMARY KEY) STRICT;
    CREATE TRIGGER entry_is_not_changed BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'the record only grows'); END;
    CREATE TRIGGER entry_is_not_removed BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'the record only grows'); END;
";

pub(crate) struct SqliteStore {
    connection: Connection,
    path: PathBuf,
    id: RecordId,
    /// The file that was opened, where the system numbers files.
    file: Option<u64>,
}

impl SqliteStore {
    /// Opens a record for writing, and makes it, with its directory, where there is none.
    pub(crate) fn open(path: &Path) -> Result<SqliteStore, RecordError> {
        make_file(path).map_err(|error| {
            RecordError::location(format!("the record {} cannot be made: {error}", path.display()))
                .hint("name a place that can be written with --record")
        })?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || -> rusqlite::Result<(Connection, Option<RecordId>)> {
            let mut connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(PATIENCE)?;
            connection.execute_batch("PRAGMA foreign_keys=OFF; PRAGMA fullfsync=1; PRAGMA checkpoint_fullfsync=1;")?;
            let id = make_tables(&mut connection)?;
            Ok((connection, id))
        };
        let (connection, made) = open().map_err(|error| explain(path, &error))?;
        let id = match made {
            Some(id) => id,
            None => id_of(&connection, path)?,
        };
        let journal = || -> rusqlite::Result<()> {
            connection.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
        };
        journal().map_err(|error| explain(path, &error))?;
        Ok(SqliteStore {
            connection,
            id,
            file: file_number(path),
            path: path.to_owned(),
        })
    }

    /// Opens a record that is there, to read it.
    pub(crate) fn open_to_read(path: &Path) -> Result<SqliteStore, RecordError> {
        let size = fs::metadata(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => RecordError::location(format!("there is no record {}", path.display()))
                .hint("name it with --record, TERRACE_RECORD or `record` in terrace.yaml"),
            _ => RecordError::location(format!("the record {} cannot be read: {error}", path.display())),
        })?;
        if !size.is_file() {
            let message = format!("the record {} is no file", path.display());
            return Err(RecordError::location(message));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let open = |options: &str| -> rusqlite::Result<Connection> {
            let connection = Connection::open_with_flags(uri(path, options), flags)?;
            connection.busy_timeout(PATIENCE)?;
            // The first that is read, so that it shows whether it can be.
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            Ok(connection)
        };
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let opened = match open("") {
            // In a directory that cannot be written, a file that nobody writes to is read as it is.
            Err(_) if !Path::new(&log).exists() => open("?immutable=1"),
            opened => opened,
        };
        let connection = opened.map_err(|error| explain(path, &error))?;
        Ok(SqliteStore {
            id: id_of(&connection, path)?,
            connection,
            file: file_number(path),
            path: path.to_owned(),
        })
    }

    fn explain<T>(&self, result: rusqlite::Result<T>) -> Result<T, RecordError> {
        result.map_err(|error| explain(&self.path, &error))
    }
}

/// Makes an empty file that only its owner reads, so that the journal is as it is.
fn make_file(path: &Path) -> std::io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // That there is such a file is in its directory.
    File::open(directory)?.sync_all()
}

fn file_number(path: &Path) -> Option<u64> {
    #[cfg(unix)]
    return fs::metadata(path)
        .ok()
        .map(|file| std::os::unix::fs::MetadataExt::ino(&file));
    #[cfg(not(unix))]
    return None;
}

/// A file as SQLite's URI (<https://www.sqlite.org/uri.html>).
fn uri(path: &Path, options: &str) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'%' | b'?' | b'#' | 0..=0x20 | 0x7f.. => uri.push_str(&format!("%{byte:02X}")),
            _ => uri.push(char::from(*byte)),
        }
    }
    uri + options
}

/// Makes the tables of a database that has none yet: a file that is new, or whose maker was killed.
fn make_tables(connection: &mut Connection) -> rusqlite::Result<Option<RecordId>> {
    let is_empty = |connection: &Connection| -> rusqlite::Result<bool> {
        let (application, version) = numbers(connection)?;
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((application, version, tables) == (0, 0, 0))
    };
    if !is_empty(connection)? {
        return Ok(None);
    }
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    if !is_empty(&transaction)? {
        return Ok(None);
    }
    let id = RecordId::new().map_err(|_| rusqlite::Error::InvalidQuery)?;
    transaction.execute_batch(TABLES)?;
    transaction.execute("INSERT INTO record (id) VALUES (?1)", [id.as_str()])?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(Some(id))
}

fn numbers(connection: &Connection) -> rusqlite::Result<(i32, i32)> {
    Ok((
        connection.query_row("PRAGMA application_id", [], |row| row.get(0))?,
        connection.query_row("PRAGMA user_version", [], |row| row.get(0))?,
    ))
}

/// The name of a record, of a database that is one.
fn id_of(connection: &Connection, path: &Path) -> Result<RecordId, RecordError> {
    let (application, version) = numbers(connection).map_err(|error| explain(path, &error))?;
    if application != APPLICATION {
        let what = if (application, version) == (0, 0) {
            "holds no record"
        } else {
            "is a database of another program"
        };
        return Err(RecordError::damaged(format!("{} {what}", path.display())).hint("name another file with --record"));
    }
    if version != VERSION {
        let message = format!(
            "the record {} is of version {version}, and this program knows {VERSION}",
            path.display()
        );
        return Err(RecordError::damaged(message).hint("use the program that made it"));
    }
    let id = connection
        .query_row("SELECT id FROM record", [], |row| row.get(0))
        .optional();
    let id = id.map_err(|error| explain(path, &error))?;
    let nameless = || RecordError::damaged(format!("the record {} has lost its name", path.display()));
    Ok(RecordId::of(id.ok_or_else(nameless)?))
}

fn explain(path: &Path, error: &rusqlite::Error) -> RecordError {
    let path = path.display();
    // The library's words for what the code says are left away; it adds its own behind them.
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => RecordError::store(format!("the disk is full: the record {path} was not written"))
            .hint("make room; what was recorded before is there"),
        Some(ErrorCode::NotADatabase) => {
            RecordError::damaged(format!("{path} holds no record")).hint("name another file with --record")
        }
        Some(ErrorCode::DatabaseCorrupt) => RecordError::damaged(format!("the record {path} is damaged: {error}"))
            .hint("keep it as it is, and take up another with --record; a mirror has what was in this one"),
        Some(ErrorCode::DatabaseBusy) => {
            let message = format!(
                "another process has held the record {path} for {} s",
                PATIENCE.as_secs()
            );
            RecordError::store(message).hint("end it, or try again")
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            RecordError::location(format!("the record {path} cannot be written: {error}"))
                .hint("it, its directory and what stands beside it must be writable")
        }
        Some(ErrorCode::SystemIoFailure) => RecordError::store(format!("the record {path} was not written: {error}"))
            .hint("look at the disk and the limits of file sizes; what was recorded before is there"),
        _ => RecordError::store(format!("the record {path}: {error}")),
    }
}

impl Store for SqliteStore {
    fn id(&self) -> &RecordId {
        &self.id
    }

    fn begin(&mut self) -> Result<Head, RecordError> {
        if file_number(&self.path) != self.file {
            let message = format!(
                "the record {} was removed or replaced while it was written",
                self.path.display()
            );
            return Err(RecordError::store(message).hint("run it again; the file that was there is not"));
        }
        self.explain(self.connection.execute_batch("BEGIN IMMEDIATE"))?;
        let last = "SELECT sequence, hash FROM entry ORDER BY sequence DESC LIMIT 1";
        let last = self.connection.prepare(last).and_then(|mut statement| {
            statement
                .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))
                .optional()
        });
        match self.explain(last)? {
            None => Ok(Head {
                sequence: 0,
                hash: self.id.first(),
            }),
            Some((sequence, hash)) => Ok(Head {
                sequence: u64::try_from(sequence).unwrap_or_default(),
                hash: Hash::from_bytes(&hash).ok_or_else(|| {
                    let message = format!("entry {sequence} of the record {} has no hash", self.path.display());
                    RecordError::damaged(message).hint("terrace audit verify shows what is wrong")
                })?,
            }),
        }
    }

    fn are_open(&mut self, intents: &[u64]) -> Result<Vec<u64>, RecordError> {
        let find = || -> rusqlite::Result<Vec<u64>> {
            let mut statement = self.connection.prepare("SELECT 1 FROM open WHERE intent = ?1")?;
            let mut open = Vec::new();
            for intent in intents {
                if !open.contains(intent) && statement.exists([i64::try_from(*intent).unwrap_or(-1)])? {
                    open.push(*intent);
                }
            }
            Ok(open)
        };
        self.explain(find())
    }

    fn insert(&mut self, rows: &[Row], opened: &[u64], finished: &[u64]) -> Result<(), RecordError> {
        let number = |sequence: u64| i64::try_from(sequence).unwrap_or(i64::MAX);
        let insert = || -> rusqlite::Result<()> {
            let insert = "INSERT INTO entry (sequence, previous, hash, text) VALUES (?1, ?2, ?3, ?4)";
            let mut insert = self.connection.prepare(insert)?;
            for row in rows {
                insert.execute(params![
                    number(row.sequence),
                    row.previous.bytes(),
                    row.hash.bytes(),
                    row.text
                ])?;
            }
            let mut open = self.connection.prepare("INSERT INTO open (intent) VALUES (?1)")?;
            opened
                .iter()
                .try_for_each(|intent| open.execute([number(*intent)]).map(drop))?;
            let mut finish = self.connection.prepare("DELETE FROM open WHERE intent = ?1")?;
            finished
                .iter()
                .try_for_each(|intent| finish.execute([number(*intent)]).map(drop))
        };
        self.explain(insert())
    }

    fn commit(&mut self) -> Result<(), RecordError> {
        self.explain(self.connection.execute_batch("COMMIT"))
    }

    fn roll_back(&mut self) {
        if !self.connection.is_autocommit() {
            // Where even this fails, the transaction ends with the process.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    fn read(&mut self, from: u64, each: &mut dyn FnMut(Row) -> Result<bool, RecordError>) -> Result<(), RecordError> {
        let select = "SELECT sequence, previous, hash, text FROM entry WHERE sequence >= ?1 ORDER BY sequence LIMIT ?2";
        let mut statement = self.explain(self.connection.prepare(select))?;
        // One below 1 is no entry, and is to be found.
        let mut next = if from == 0 {
            i64::MIN
        } else {
            i64::try_from(from).unwrap_or(i64::MAX)
        };
        // In pages, so that writers can put their log away in between.
        loop {
            let mut rows = self.explain(statement.query(params![next, i64::try_from(PAGE).unwrap_or(i64::MAX)]))?;
            let mut count = 0;
            while let Some(row) = self.explain(rows.next())? {
                let sequence: i64 = self.explain(row.get(0))?;
                let row = self.explain(read_row(row))?;
                count += 1;
                next = sequence.saturating_add(1);
                if !each(row)? {
                    return Ok(());
                }
            }
            if count < PAGE {
                return Ok(());
            }
        }
    }

    fn last(&mut self) -> Result<u64, RecordError> {
        let last = self
            .connection
            .query_row("SELECT coalesce(max(sequence), 0) FROM entry", [], |row| row.get(0));
        Ok(u64::try_from(self.explain::<i64>(last)?).unwrap_or_default())
    }

    fn open(&mut self) -> Result<Vec<u64>, RecordError> {
        let list = || -> rusqlite::Result<Vec<u64>> {
            let mut statement = self.connection.prepare("SELECT intent FROM open ORDER BY intent")?;
            let numbers =
                statement.query_map([], |row| Ok(u64::try_from(row.get::<_, i64>(0)?).unwrap_or_default()))?;
            numbers.collect()
        };
        self.explain(list())
    }
}

/// A hash that is none is one that fits nothing.
fn read_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let hash = |at| -> rusqlite::Result<Hash> {
        let bytes = row.get_ref(at)?.as_bytes_or_null()?.unwrap_or_default();
        Ok(Hash::from_bytes(bytes).unwrap_or_else(|| Hash::of(b"no hash")))
    };
    let text = row.get_ref(3)?.as_bytes_or_null()?.unwrap_or_default();
    Ok(Row {
        sequence: u64::try_from(row.get::<_, i64>(0)?).unwrap_or_default(),
        previous: hash(1)?,
        hash: hash(2)?,
        text: String::from_utf8_lossy(text).into_owned(),
    })
}
