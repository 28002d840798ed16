//! A record in a PostgreSQL database, for those who share one.
//!
//! Whoever writes holds an advisory lock until the end of the transaction, so that nobody chains to the same entry. The server
//! answers a commit when it is on its disk, whatever it is set to otherwise (`synchronous_commit`).

mod scram;
mod target;
mod wire;

pub use target::Target;

use super::{Head, PAGE, Store};
use crate::chain::{Hash, RecordId, Row};
use crate::error::RecordError;
use wire::{Cells, Connection, Statement, WireError};

/// The version of the tables.
const VERSION: &str = "1";

const TABLES: &str = "
    CREATE TABLE terrace_record (id text NOT NULL, version integer NOT NULL);
    CREATE TABLE terrace_entry (sequence bigint PRIMARY KEY, previous text NOT NULL, hash text NOT NULL, entry text NOT NULL);
    CREATE TABLE terrace_open (intent bigint PRIMARY KEY);
    CREATE FUNCTION terrace_only_grows() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the record only grows'; END $$;
    CREATE TRIGGER terrace_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON terrace_entry
        FOR EACH STATEMENT EXECUTE FUNCTION terrace_only_grows();
";

/// Held by whoever writes; of this database, and of all records in it.
const LOCK: &str = "SELECT pg_advisory_xact_lock(6081097716)";

/// The catalog itself: what `to_regclass` remembers may be older than a lock that was waited for.
const IS_THERE: &str =
    "SELECT relname::text FROM pg_class WHERE relname = 'terrace_record' AND pg_table_is_visible(oid)";

pub(crate) struct PostgresStore {
    target: Target,
    /// None after it was lost.
    connection: Option<Connection>,
    id: RecordId,
    is_begun: bool,
}

fn statement<'s>(text: &'s str, parameters: impl IntoIterator<Item = String>) -> Statement<'s> {
    Statement {
        text,
        parameters: parameters.into_iter().collect(),
    }
}

fn plain(text: &str) -> Statement<'_> {
    statement(text, [])
}

impl PostgresStore {
    /// Opens a record for writing, and makes its tables where there are none.
    pub(crate) fn open(target: &Target) -> Result<PostgresStore, RecordError> {
        let mut connection = connect(target)?;
        if !has_tables(target, &mut connection)? {
            make_tables(&mut connection).map_err(|error| explain(target, &error))?;
        }
        PostgresStore::of(target, connection)
    }

    /// Opens a record that is there, to read it.
    pub(crate) fn open_to_read(target: &Target) -> Result<PostgresStore, RecordError> {
        let mut connection = connect(target)?;
        if !has_tables(target, &mut connection)? {
            let error = RecordError::location(format!("there is no record in {target}"));
            return Err(error.hint("name it with --record, TERRACE_RECORD or `record` in terrace.yaml"));
        }
        PostgresStore::of(target, connection)
    }

    fn of(target: &Target, mut connection: Connection) -> Result<PostgresStore, RecordError> {
        let rows = connection.run(&[plain("SELECT id, version::text FROM terrace_record")]);
        let rows = rows.map_err(|error| explain(target, &error))?;
        let row = rows.into_iter().next().unwrap_or_default();
        let mut cells = row.into_iter().flatten();
        let (Some(id), Some(version)) = (cells.next(), cells.next()) else {
            return Err(RecordError::damaged(format!("the record {target} has lost its name")));
        };
        if version != VERSION {
            let message = format!("the record {target} is of version {version}, and this program knows {VERSION}");
            return Err(RecordError::damaged(message).hint("use the program that made it"));
        }
        Ok(PostgresStore {
            target: target.clone(),
            connection: Some(connection),
            id: RecordId::of(id),
            is_begun: false,
        })
    }

    /// Runs statements; a connection that is lost is given up.
    fn run(&mut self, statements: &[Statement<'_>]) -> Result<Vec<Cells>, RecordError> {
        let lost = || WireError::Connection("the connection was lost".to_owned());
        let ran = self
            .connection
            .as_mut()
            .map_or_else(|| Err(lost()), |connection| connection.run(statements));
        ran.map_err(|error| {
            if matches!(error, WireError::Connection(_)) {
                self.connection = None;
                self.is_begun = false;
            }
            explain(&self.target, &error)
        })
    }

    fn numbers(&mut self, statement: Statement<'_>) -> Result<Vec<u64>, RecordError> {
        let rows = self.run(&[statement])?;
        Ok(rows
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|cell| cell.parse().ok())
            .collect())
    }
}

fn connect(target: &Target) -> Result<Connection, RecordError> {
    let open = || {
        let mut connection = Connection::open(target)?;
        connection.run_text("SET synchronous_commit TO on; SET lock_timeout TO '50s'")?;
        Ok(connection)
    };
    open().map_err(|error| explain(target, &error))
}

fn has_tables(target: &Target, connection: &mut Connection) -> Result<bool, RecordError> {
    let rows = connection.run(&[plain(IS_THERE)]);
    let rows = rows.map_err(|error| explain(target, &error))?;
    Ok(rows.into_iter().flatten().any(|cell| cell.is_some()))
}

fn make_tables(connection: &mut Connection) -> Result<(), WireError> {
    let id = RecordId::new().map_err(|error| WireError::Connection(error.message))?;
    let made = connection
        .run(&[plain("BEGIN"), plain(LOCK)])
        // Another process may have made them while this one waited.
        .and_then(|_| connection.run(&[plain(IS_THERE)]))
        .and_then(|rows| match rows.into_iter().flatten().any(|cell| cell.is_some()) {
            true => Ok(()),
            false => connection.run_text(&format!(
                "{TABLES} INSERT INTO terrace_record VALUES ('{id}', {VERSION})"
            )),
        });
    let ended = connection.run_text(if made.is_ok() { "COMMIT" } else { "ROLLBACK" });
    made.and(ended)
}

fn explain(target: &Target, error: &WireError) -> RecordError {
    match error {
        WireError::Connection(message) => RecordError::store(format!("the record {target}: {message}"))
            .hint("look at the server and the network; what was recorded before is there"),
        WireError::Server { code, message } => {
            let text = format!("the record {target}: the server said: {message}");
            // Classes: no space or memory, locks, permissions, logins and databases that are not there.
            match code.get(..2).unwrap_or_default() {
                "53" => RecordError::store(text).hint("make room on the server; what was recorded before is there"),
                "55" => RecordError::store(text).hint("another process holds the record: end it, or try again"),
                "28" | "3D" => RecordError::location(text).hint("look at the user, the password and the database"),
                _ if code == "42501" => RecordError::location(text)
                    .hint("the user needs SELECT and INSERT on its tables, and DELETE on terrace_open"),
                _ => RecordError::store(text),
            }
        }
    }
}

fn hash(cell: Option<String>) -> Hash {
    // A hash that is none is one that fits nothing.
    cell.and_then(|text| Hash::parse(&text))
        .unwrap_or_else(|| Hash::of(b"no hash"))
}

impl Store for PostgresStore {
    fn id(&self) -> &RecordId {
        &self.id
    }

    fn begin(&mut self) -> Result<Head, RecordError> {
        const LAST: &str =
            "SELECT sequence::text, hash FROM terrace_entry ORDER BY terrace_entry.sequence DESC LIMIT 1";
        let statements = || [plain("BEGIN"), plain(LOCK), plain(LAST)];
        let mut rows = self.run(&statements());
        if rows.is_err() && self.connection.is_none() {
            // The server was started again, perhaps; nothing has begun.
            self.connection = Some(connect(&self.target)?);
            rows = self.run(&statements());
        }
        self.is_begun = self.connection.is_some();
        // That of the lock is a row, too.
        let last = rows?.into_iter().find(|row| row.len() == 2);
        let Some(mut last) = last else {
            return Ok(Head {
                sequence: 0,
                hash: self.id.first(),
            });
        };
        let (found, sequence) = (last.pop().flatten(), last.pop().flatten());
        Ok(Head {
            sequence: sequence.and_then(|text| text.parse().ok()).unwrap_or_default(),
            hash: found.and_then(|text| Hash::parse(&text)).ok_or_else(|| {
                let message = format!("the last entry of the record {} has no hash", self.target);
                RecordError::damaged(message).hint("terrace audit verify shows what is wrong")
            })?,
        })
    }

    fn are_open(&mut self, intents: &[u64]) -> Result<Vec<u64>, RecordError> {
        if intents.is_empty() {
            return Ok(Vec::new());
        }
        let select = "SELECT intent::text FROM terrace_open WHERE intent = ANY($1::bigint[])";
        self.numbers(statement(select, [list(intents)]))
    }

    fn insert(&mut self, rows: &[Row], opened: &[u64], finished: &[u64]) -> Result<(), RecordError> {
        let insert = "INSERT INTO terrace_entry (sequence, previous, hash, entry) VALUES ($1::bigint, $2, $3, $4)";
        let mut statements: Vec<Statement<'_>> = Vec::with_capacity(rows.len() + 2);
        statements.extend(rows.iter().map(|row| {
            let Row {
                sequence,
                previous,
                hash,
                text,
            } = row;
            statement(
                insert,
                [
                    sequence.to_string(),
                    previous.to_string(),
                    hash.to_string(),
                    text.clone(),
                ],
            )
        }));
        let open = "INSERT INTO terrace_open SELECT unnest($1::bigint[])";
        let finish = "DELETE FROM terrace_open WHERE intent = ANY($1::bigint[])";
        for (text, numbers) in [(open, opened), (finish, finished)] {
            if !numbers.is_empty() {
                statements.push(statement(text, [list(numbers)]));
            }
        }
        self.run(&statements).map(drop)
    }

    fn commit(&mut self) -> Result<(), RecordError> {
        self.run(&[plain("COMMIT")])?;
        self.is_begun = false;
        Ok(())
    }

    fn roll_back(&mut self) {
        if std::mem::take(&mut self.is_begun) && self.run(&[plain("ROLLBACK")]).is_err() {
            // The server does it when the connection is gone.
            self.connection = None;
        }
    }

    fn read(&mut self, from: u64, each: &mut dyn FnMut(Row) -> Result<bool, RecordError>) -> Result<(), RecordError> {
        let select = "SELECT sequence::text, previous, hash, entry FROM terrace_entry WHERE sequence >= $1::bigint \
                      ORDER BY terrace_entry.sequence LIMIT $2::bigint";
        let mut next = i64::try_from(from).unwrap_or(i64::MAX);
        // The first may have a number below 1, which no entry has.
        if from == 0 {
            next = i64::MIN;
        }
        loop {
            let rows = self.run(&[statement(select, [next.to_string(), PAGE.to_string()])])?;
            let is_last = (rows.len() as u64) < PAGE;
            for row in rows {
                let mut cells = row.into_iter();
                let mut cell = || cells.next().flatten();
                let sequence: i64 = cell().and_then(|text| text.parse().ok()).unwrap_or_default();
                next = sequence.saturating_add(1);
                let row = Row {
                    sequence: u64::try_from(sequence).unwrap_or_default(),
                    previous: hash(cell()),
                    hash: hash(cell()),
                    text: cell().unwrap_or_default(),
                };
                if !each(row)? {
                    return Ok(());
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }

    fn last(&mut self) -> Result<u64, RecordError> {
        let numbers = self.numbers(plain("SELECT coalesce(max(sequence), 0)::text FROM terrace_entry"))?;
        Ok(numbers.first().copied().unwrap_or_default())
    }

    fn open(&mut self) -> Result<Vec<u64>, RecordError> {
        self.numbers(plain(
            "SELECT intent::text FROM terrace_open ORDER BY terrace_open.intent",
        ))
    }
}

/// Numbers as an array of PostgreSQL's.
fn list(numbers: &[u64]) -> String {
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    format!("{{{}}}", numbers.join(","))
}
