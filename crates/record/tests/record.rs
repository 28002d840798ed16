//! What is written, and what is said where nothing can be.

use std::fs;

use record::{Act, Claims, Entry, ErrorKind, Location, Record, Recorder, Secrets, Status, Time, Who};
use rusqlite::Connection;

use super::{intent, location, outcome, recorder, rows, verified, write};

#[test]
fn an_act_is_two_entries_in_a_chain() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/record.db");
    let recorder = Recorder::open(&location(&path), Secrets::default()).unwrap();
    let recorder = recorder.with_clock(|| Time::from_micros(1_795_312_800_123_456).unwrap());
    let mut intent = intent("projects/acme");
    let claims = serde_json::json!({"sub": "system:serviceaccount:ml:trainer", "nonce": "x"});
    intent.who = Who::Pod {
        name: "ml/trainer".to_owned(),
        claims: Claims::of(claims.as_object().unwrap().clone()),
    };
    intent.why.commit = Some("139b030".to_owned());
    let pending = recorder.begin(&intent).unwrap();
    assert_eq!(recorder.open_intents().unwrap()[0].intent(), Some(&intent));
    pending.finish(&outcome()).unwrap();
    assert_eq!(recorder.open_intents().unwrap(), []);

    let rows = rows(&path);
    let digest = record::Hash::of(b"{}");
    assert_eq!(
        rows[0].text,
        format!(
            "{{\"act\":{{\"environment\":\"prod\",\"phase\":\"intent\",\"what\":{{\"body\":\"{digest}\",\"resource\":\"projects/acme\",\
             \"verb\":\"setIamPolicy\"}},\"who\":{{\"claims\":{{\"sub\":\"system:serviceaccount:ml:trainer\"}},\"kind\":\"pod\",\
             \"name\":\"ml/trainer\"}},\"why\":{{\"commit\":\"139b030\"}}}},\"sequence\":1,\
             \"time\":\"2026-11-22T02:00:00.123456Z\",\"version\":1}}"
        )
    );
    assert_eq!(
        rows[1].text,
        "{\"act\":{\"intent\":1,\"outcome\":{\"answer\":{\"etag\":\"BwY=\"},\"status\":\"succeeded\"},\"phase\":\"outcome\"},\
         \"sequence\":2,\"time\":\"2026-11-22T02:00:00.123456Z\",\"version\":1}"
    );
    assert_eq!(rows[0].previous, recorder.id().first());
    assert_eq!(rows[1].hash, rows[0].hash.behind(&rows[1].text));
    let Act::Outcome { intent: 1, outcome } = Entry::read(&rows[1].text).unwrap().act else {
        panic!("{}", rows[1].text);
    };
    assert_eq!(outcome.status, Status::Succeeded);
    let line: serde_json::Value = serde_json::from_str(&rows[1].line()).unwrap();
    assert_eq!(record::canonical(&line) + "\n", rows[1].line());
    let verified = verified(&path);
    assert_eq!(
        (verified.entries, verified.fault_count, verified.head.hash),
        (2, 0, rows[1].hash)
    );
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777,
        0o600
    );
}

#[test]
fn an_intent_is_finished_once_and_by_whoever_comes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("record.db");
    let number = recorder(&path).begin(&intent("projects/acme")).unwrap().sequence();
    let later = recorder(&path);
    let open = later.open_intents().unwrap();
    assert_eq!(open.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [number]);
    later.resume(number).finish(&outcome()).unwrap();
    for wrong in [number, 17] {
        let error = later.resume(wrong).finish(&outcome()).unwrap_err();
        assert_eq!(error.to_string(), format!("the record has no open intent {wrong}"));
        assert_eq!(error.kind, ErrorKind::Refused);
    }
    assert_eq!(verified(&path).entries, 2);
}

#[test]
fn threads_and_processes_write_to_one_chain() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("record.db");
    // Recorders of one process lock the file as those of several do.
    let recorders = [recorder(&path), recorder(&path), recorder(&path)];
    std::thread::scope(|scope| {
        for recorder in &recorders {
            for _ in 0..4 {
                scope.spawn(|| write(recorder, 10));
            }
        }
    });
    let verified = verified(&path);
    assert_eq!(
        (verified.entries, verified.fault_count, verified.open.len()),
        (240, 0, 0)
    );
}

#[test]
fn what_is_no_record_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(
        at("text"),
        "once upon a time there was a file that was no database at all\n".repeat(40),
    )
    .unwrap();
    Connection::open(at("other"))
        .unwrap()
        .execute_batch("CREATE TABLE t (a); PRAGMA application_id=7")
        .unwrap();
    write(&recorder(&at("newer")), 1);
    Connection::open(at("newer"))
        .unwrap()
        .execute_batch("PRAGMA user_version=2")
        .unwrap();
    write(&recorder(&at("half")), 300);
    let whole = fs::read(at("half")).unwrap();
    fs::write(at("half"), &whole[..whole.len() / 2]).unwrap();
    let table = [
        ("text", "holds no record", ErrorKind::Damaged),
        ("other", "is a database of another program", ErrorKind::Damaged),
        ("newer", "is of version 2, and this program knows 1", ErrorKind::Damaged),
        ("half", "is damaged: ", ErrorKind::Damaged),
    ];
    for (name, words, kind) in table {
        let before = fs::read(at(name)).unwrap();
        let writes = Recorder::open(&location(&at(name)), Secrets::default())
            .and_then(|recorder| recorder.begin(&intent("x")).map(|_| ()));
        let reads = Record::open(&location(&at(name)))
            .and_then(|mut record| record::verify(&mut record, |_, _| {}).map(|_| ()));
        for error in [writes.unwrap_err(), reads.unwrap_err()] {
            assert!(error.message.contains(words), "{name}: {error}");
            assert_eq!(error.kind, kind, "{error}");
            assert!(
                error.hint.is_some() && error.message.contains(at(name).to_str().unwrap()),
                "{error}"
            );
        }
        assert!(before == fs::read(at(name)).unwrap(), "{name} is left as it was");
    }
    let missing = Record::open(&location(&at("missing"))).err().unwrap();
    assert!(missing.message.starts_with("there is no record"), "{missing}");
    assert!(!at("missing").exists());
    fs::write(at("file"), "").unwrap();
    let below = Recorder::open(&location(&at("file/record.db")), Secrets::default()).unwrap_err();
    assert_eq!(below.kind, ErrorKind::Location, "{below}");
    assert!(Location::parse("ftp://x/y").unwrap_err().message.contains("\"ftp://\""));
}

#[test]
fn a_record_that_is_taken_away_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("record.db");
    let first = recorder(&path);
    write(&first, 1);
    fs::rename(&path, directory.path().join("old.db")).unwrap();
    let error = first.begin(&intent("x")).unwrap_err();
    assert!(error.message.contains("was removed or replaced"), "{error}");
    write(&recorder(&path), 1);
    assert!(first.begin(&intent("x")).is_err());
}

#[test]
fn a_new_file_that_its_maker_left_empty_becomes_a_record() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("record.db");
    fs::write(&path, "").unwrap();
    let error = Record::open(&location(&path)).err().unwrap();
    assert!(error.message.ends_with("holds no record"), "{error}");
    write(&recorder(&path), 1);
    assert_eq!(verified(&path).entries, 2);
}

#[test]
fn entries_cannot_be_changed_by_accident() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("record.db");
    write(&recorder(&path), 1);
    let connection = Connection::open(&path).unwrap();
    for statement in ["DELETE FROM entry WHERE sequence = 1", "UPDATE entry SET text = ''"] {
        let error = connection.execute(statement, []).unwrap_err();
        assert!(error.to_string().contains("the record only grows"), "{error}");
    }
}
