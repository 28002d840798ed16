//! Whatever is changed, lost, put in or moved is found, at its entry.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use proptest::prelude::*;
use record::FaultKind;
use rusqlite::{Connection, params};

use super::{faults, intent, recorder, rows, verified, write};

/// A record whose entries are not guarded any more.
fn unguarded(path: &Path, acts: usize) -> Connection {
    write(&recorder(path), acts);
    unguard(path)
}

fn unguard(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    let triggers = "DROP TRIGGER entry_is_not_changed; DROP TRIGGER entry_is_not_removed";
    connection
        .execute_batch(&format!("PRAGMA synchronous=OFF; {triggers}"))
        .unwrap();
    connection
}

#[derive(Clone, Debug)]
enum Tampering {
    /// A byte of the text.
    Text {
        at: i64,
        byte: usize,
        with: u8,
    },
    Hash {
        at: i64,
        byte: usize,
        with: u8,
    },
    Previous {
        at: i64,
        byte: usize,
        with: u8,
    },
    /// Text and hash, as by somebody who knows how they are made.
    Rewritten {
        at: i64,
    },
    Lost {
        at: i64,
        count: i64,
    },
    Swapped {
        at: i64,
        with: i64,
    },
    /// A copy of an entry, and what is behind it moves on.
    PutIn {
        at: i64,
        copy: i64,
    },
    /// A new entry with right hashes for where it stands, in the place of another.
    Forged {
        at: i64,
    },
}

const ACTS: i64 = 12;
const ENTRIES: i64 = 2 * ACTS;

fn tampering() -> impl Strategy<Value = Tampering> {
    let at = 1..=ENTRIES;
    prop_oneof![
        (at.clone(), 0..400_usize, 1..=255_u8).prop_map(|(at, byte, with)| Tampering::Text { at, byte, with }),
        (at.clone(), 0..32_usize, 1..=255_u8).prop_map(|(at, byte, with)| Tampering::Hash { at, byte, with }),
        (at.clone(), 0..32_usize, 1..=255_u8).prop_map(|(at, byte, with)| Tampering::Previous { at, byte, with }),
        (1..ENTRIES).prop_map(|at| Tampering::Rewritten { at }),
        (1..ENTRIES, 1..4_i64).prop_map(|(at, count)| Tampering::Lost {
            at,
            count: count.min(ENTRIES - at)
        }),
        (at.clone(), at.clone()).prop_filter_map("two", |(at, with)| (at < with)
            .then_some(Tampering::Swapped { at, with })),
        (at.clone(), at.clone()).prop_map(|(at, copy)| Tampering::PutIn { at, copy }),
        (1..ENTRIES).prop_map(|at| Tampering::Forged { at }),
    ]
}

/// Does it; the first entry that a fault may be told at, and the last.
fn tamper(connection: &Connection, path: &Path, tampering: &Tampering) -> (i64, i64) {
    let rows = rows(path);
    let row = |at: i64| &rows[usize::try_from(at).unwrap() - 1];
    let set = |at: i64, column: &str, bytes: &[u8]| {
        let statement = format!("UPDATE entry SET {column} = ?2 WHERE sequence = ?1");
        let is_text = column == "text";
        let text = String::from_utf8_lossy(bytes).into_owned();
        match is_text {
            true => connection.execute(&statement, params![at, text]).unwrap(),
            false => connection.execute(&statement, params![at, bytes]).unwrap(),
        };
    };
    let bytes = |hash: record::Hash| -> Vec<u8> {
        let digits = hash.to_string();
        (0..32)
            .map(|byte| u8::from_str_radix(&digits[2 * byte..2 * byte + 2], 16).unwrap())
            .collect()
    };
    match *tampering {
        Tampering::Text { at, byte, with } => {
            let mut text = row(at).text.clone().into_bytes();
            let byte = byte % text.len();
            // Stays UTF-8, and differs.
            text[byte] = if text[byte] == with & 0x7f { b'~' } else { with & 0x7f };
            set(at, "text", &text);
            (at, at)
        }
        Tampering::Hash { at, byte, with } => {
            let mut hash = bytes(row(at).hash);
            hash[byte] ^= with;
            set(at, "hash", &hash);
            (at, at)
        }
        Tampering::Previous { at, byte, with } => {
            let mut hash = bytes(row(at).previous);
            hash[byte] ^= with;
            set(at, "previous", &hash);
            (at, at)
        }
        Tampering::Rewritten { at } => {
            let text = row(at).text.replace("acme", "evil").replace("BwY", "BwX");
            set(at, "text", text.as_bytes());
            set(at, "hash", &bytes(row(at).previous.behind(&text)));
            (at + 1, at + 1)
        }
        Tampering::Lost { at, count } => {
            let statement = "DELETE FROM entry WHERE sequence >= ?1 AND sequence < ?2";
            connection.execute(statement, params![at, at + count]).unwrap();
            (at, at)
        }
        Tampering::Swapped { at, with } => {
            for (from, to) in [(at, 1000), (with, at), (1000, with)] {
                let statement = "UPDATE entry SET sequence = ?2 WHERE sequence = ?1";
                connection.execute(statement, params![from, to]).unwrap();
            }
            (at, at)
        }
        Tampering::PutIn { at, copy } => {
            connection
                .execute_batch("UPDATE entry SET sequence = -sequence")
                .unwrap();
            let statement = "UPDATE entry SET sequence = -sequence + (-sequence >= ?1)";
            connection.execute(statement, [at]).unwrap();
            let copied = if copy >= at { copy + 1 } else { copy };
            let statement = "INSERT INTO entry SELECT ?1, previous, hash, text FROM entry WHERE sequence = ?2";
            connection.execute(statement, params![at, copied]).unwrap();
            // A copy of the entry itself stands right, and what follows is out of its place.
            (at, at + 1)
        }
        Tampering::Forged { at } => {
            let text = row(at).text.replace("\"version\":1", "\"version\":1 ");
            set(at, "text", text.as_bytes());
            set(at, "hash", &bytes(row(at).previous.behind(&text)));
            (at + 1, at + 1)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_change_is_found(tampering in tampering()) {
        static WHOLE: OnceLock<Vec<u8>> = OnceLock::new();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("record.db");
        let whole = WHOLE.get_or_init(|| {
            write(&recorder(&path), usize::try_from(ACTS).unwrap());
            fs::read(&path).unwrap()
        });
        fs::write(&path, whole).unwrap();
        let connection = unguard(&path);
        prop_assert_eq!(verified(&path).fault_count, 0);
        let (first, last) = tamper(&connection, &path, &tampering);
        let found = faults(&path);
        prop_assert!(!found.is_empty(), "{:?} is not found", tampering);
        prop_assert!((first..=last).contains(&i64::try_from(found[0].0).unwrap()), "{:?}: {:?}", tampering, found);
    }
}

#[test]
fn faults_are_named() {
    let table: [(&str, &[(u64, FaultKind)]); 9] = [
        (
            "UPDATE entry SET text = replace(text, 'acme1', 'acme9') WHERE sequence = 3",
            &[(3, FaultKind::Changed)],
        ),
        ("DELETE FROM entry WHERE sequence = 4", &[(4, FaultKind::Missing)]),
        (
            "DELETE FROM entry WHERE sequence BETWEEN 4 AND 6",
            &[(4, FaultKind::MissingUpTo(6))],
        ),
        (
            "UPDATE entry SET sequence = 100 WHERE sequence = 3; UPDATE entry SET sequence = 3 WHERE sequence = 5;
             UPDATE entry SET sequence = 5 WHERE sequence = 100",
            &[
                (3, FaultKind::Moved(5)),
                (4, FaultKind::Unchained),
                (5, FaultKind::Moved(3)),
                (6, FaultKind::Unchained),
            ],
        ),
        (
            "INSERT INTO entry SELECT 0, previous, hash, text FROM entry WHERE sequence = 1",
            &[
                (0, FaultKind::Unchained),
                (0, FaultKind::Moved(1)),
                (1, FaultKind::Unchained),
            ],
        ),
        (
            "INSERT INTO entry SELECT -3, previous, hash, text FROM entry WHERE sequence = 1",
            &[
                (0, FaultKind::Unchained),
                (0, FaultKind::Moved(1)),
                (1, FaultKind::Unchained),
            ],
        ),
        ("DELETE FROM open", &[(9, FaultKind::NotMarked)]),
        ("INSERT INTO open VALUES (2)", &[(2, FaultKind::NotOpen)]),
        (
            "UPDATE entry SET hash = x'00' WHERE sequence = 9",
            &[(9, FaultKind::Changed)],
        ),
    ];
    for (statements, wanted) in table {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("record.db");
        let connection = unguarded(&path, 4);
        let _ = recorder(&path).begin(&intent("open")).unwrap();
        assert_eq!(faults(&path), []);
        connection.execute_batch(statements).unwrap();
        assert_eq!(faults(&path), wanted, "{statements}");
    }
}
