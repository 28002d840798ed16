//! Mirrors and checkpoints: what nobody sees in the chain alone.

use std::fs;
use std::path::Path;
use std::process::Command;

use record::{
    Checkpoint, Comparison, Directory, ErrorKind, FaultKind, Hash, PublicKey, Record, RecordError, SigningKey, Time,
    compare, mirror, verify,
};
use rusqlite::Connection;

use super::{location, recorder, rows, skipped, write};

fn time() -> Time {
    Time::parse("2026-11-22T02:00:00Z").unwrap()
}

fn hashes(path: &Path) -> (Record, Vec<Hash>) {
    let mut record = Record::open(&location(path)).unwrap();
    let mut hashes = Vec::new();
    let verified = verify(&mut record, |_, hash| hashes.push(hash)).unwrap();
    assert_eq!(verified.faults, [], "the chain alone shows nothing");
    (record, hashes)
}

fn compared(path: &Path, directory: &Path, keys: &[PublicKey]) -> Result<Comparison, RecordError> {
    let (record, hashes) = hashes(path);
    compare(record.id(), &hashes, &Directory::new(directory), keys)
}

fn mirrored(path: &Path, directory: &Path, key: Option<&SigningKey>) -> Result<u64, RecordError> {
    let mut record = Record::open(&location(path)).unwrap();
    mirror(&mut record, &Directory::new(directory), key.map(|key| (key, time()))).map(|mirrored| mirrored.copied)
}

fn unguarded(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch("DROP TRIGGER entry_is_not_changed; DROP TRIGGER entry_is_not_removed")
        .unwrap();
    connection
}

/// A chain that is written anew from an entry on, with right hashes.
fn forge(path: &Path, from: usize) {
    let connection = unguarded(path);
    let rows = rows(path);
    let mut previous = rows[from - 1].previous;
    for row in &rows[from - 1..] {
        let text = row.text.replace("ann@acme.com", "bob@acme.com").replace("BwY=", "BwX=");
        let hash = previous.behind(&text);
        let bytes = |hash: Hash| -> Vec<u8> {
            let digits = hash.to_string();
            (0..32)
                .map(|byte| u8::from_str_radix(&digits[2 * byte..2 * byte + 2], 16).unwrap())
                .collect()
        };
        let statement = "UPDATE entry SET text = ?2, previous = ?3, hash = ?4 WHERE sequence = ?1";
        let sequence = i64::try_from(row.sequence).unwrap();
        connection
            .execute(statement, (sequence, text, bytes(previous), bytes(hash)))
            .unwrap();
        previous = hash;
    }
}

#[test]
fn a_mirror_finds_what_the_chain_cannot() {
    let directory = tempfile::tempdir().unwrap();
    let (path, copy) = (directory.path().join("record.db"), directory.path().join("mirror"));
    let key = SigningKey::create(&directory.path().join("key.pem")).unwrap();
    let keys = [key.public()];
    write(&recorder(&path), 3);
    assert_eq!(mirrored(&path, &copy, Some(&key)).unwrap(), 6);
    assert_eq!(mirrored(&path, &copy, Some(&key)).unwrap(), 0);
    write(&recorder(&path), 2);
    assert_eq!(mirrored(&path, &copy, Some(&key)).unwrap(), 4);
    write(&recorder(&path), 1);
    let comparison = compared(&path, &copy, &keys).unwrap();
    assert_eq!(
        (comparison.mirror.entries, comparison.checkpoints, comparison.signed),
        (10, 2, 10)
    );
    assert_eq!((comparison.faults, comparison.defects), (vec![], vec![]));
    let names = |of: &str| -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(copy.join(of))
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(
        names("entries"),
        [
            "00000000000000000001-00000000000000000006.jsonl",
            "00000000000000000007-00000000000000000010.jsonl"
        ]
    );
    assert_eq!(names("checkpoints").len(), 2);

    // A tail that is cut off.
    let whole = fs::read(&path).unwrap();
    unguarded(&path)
        .execute_batch("DELETE FROM entry WHERE sequence > 7; DELETE FROM open; INSERT INTO open VALUES (7)")
        .unwrap();
    let found = compared(&path, &copy, &keys).unwrap().faults;
    assert_eq!((found[0].sequence, &found[0].kind), (8, &FaultKind::CutOff(7)));
    let error = mirrored(&path, &copy, Some(&key)).unwrap_err();
    assert!(
        error
            .message
            .starts_with("entry 10 of the record is not the one that the mirror"),
        "{error}"
    );
    // By a checkpoint alone.
    fs::remove_dir_all(copy.join("entries")).unwrap();
    let found = compared(&path, &copy, &keys).unwrap().faults;
    assert_eq!((found[0].sequence, &found[0].kind), (10, &FaultKind::CutOff(7)));

    // A chain that is written anew.
    fs::remove_dir_all(&copy).unwrap();
    fs::write(&path, &whole).unwrap();
    mirrored(&path, &copy, Some(&key)).unwrap();
    forge(&path, 5);
    let found = compared(&path, &copy, &keys).unwrap().faults;
    assert_eq!(found[0].sequence, 5);
    assert_eq!(
        found[0].kind,
        FaultKind::Differs(format!("the mirror {}", copy.display()))
    );
    let error = mirrored(&path, &copy, None).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Damaged, "{error}");

    // Another record.
    let other = directory.path().join("other.db");
    write(&recorder(&other), 1);
    for error in [
        compared(&other, &copy, &keys).unwrap_err(),
        mirrored(&other, &copy, None).unwrap_err(),
    ] {
        assert!(error.message.ends_with("is the mirror of another record"), "{error}");
    }
}

#[test]
fn a_mirror_that_was_changed_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let (path, copy) = (directory.path().join("record.db"), directory.path().join("mirror"));
    let key = SigningKey::create(&directory.path().join("key.pem")).unwrap();
    write(&recorder(&path), 2);
    mirrored(&path, &copy, Some(&key)).unwrap();
    let entries = copy.join("entries/00000000000000000001-00000000000000000004.jsonl");
    let text = fs::read_to_string(&entries).unwrap();
    fs::write(
        &entries,
        text.replacen("acme0", "acme9", 1)
            .replacen("\"previous\"", "\"prev\"", 1),
    )
    .unwrap();
    let checkpoint = copy.join(format!("checkpoints/00000000000000000004-{}.json", key.public().id()));
    let signed = fs::read_to_string(&checkpoint).unwrap();
    fs::write(&checkpoint, signed.replace("T02:00", "T03:00")).unwrap();
    let comparison = compared(&path, &copy, &[key.public()]).unwrap();
    let name = "entries/00000000000000000001-00000000000000000004.jsonl".to_owned();
    assert_eq!(comparison.defects[0], (name, "line 1 is no entry".to_owned()));
    assert_eq!(comparison.defects[1].1, "has a signature that is not of what it says");
    assert_eq!(comparison.mirror.faults[0].kind, FaultKind::Missing);
    let other = SigningKey::create(&directory.path().join("other.pem")).unwrap();
    let error = Checkpoint::read(signed.as_bytes(), &[other.public()]).unwrap_err();
    assert!(error.contains("which was not given"), "{error}");
}

#[test]
fn keys_are_files_of_openssl() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let key = SigningKey::create(&at("key.pem")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(at("key.pem")).unwrap().permissions().mode() & 0o777, 0o600);
        fs::copy(at("key.pem"), at("open.pem")).unwrap();
        fs::set_permissions(at("open.pem"), fs::Permissions::from_mode(0o640)).unwrap();
        let error = SigningKey::read(&at("open.pem")).err().unwrap();
        assert!(error.message.starts_with("others may read the key"), "{error}");
    }
    let error = SigningKey::create(&at("key.pem")).err().unwrap();
    assert!(error.message.contains("cannot be made"), "{error}");
    assert_eq!(SigningKey::read(&at("key.pem")).unwrap().public(), key.public());
    fs::write(at("public.pem"), key.public().to_pem()).unwrap();
    assert_eq!(PublicKey::read(&at("public.pem")).unwrap(), key.public());
    for (text, reader) in [
        ("", true),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", true),
        ("x", false),
    ] {
        fs::write(at("bad.pem"), text).unwrap();
        #[cfg(unix)]
        fs::set_permissions(at("bad.pem"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let error = match reader {
            true => SigningKey::read(&at("bad.pem")).err().unwrap(),
            false => PublicKey::read(&at("bad.pem")).err().unwrap(),
        };
        assert!(error.message.ends_with("holds no key of Ed25519"), "{error}");
    }

    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(directory.path())
            .output();
        output.ok().map(|output| {
            (
                output.status.success(),
                String::from_utf8_lossy(&output.stdout).into_owned(),
            )
        })
    };
    let Some((true, public)) = openssl(&["pkey", "-in", "key.pem", "-pubout"]) else {
        skipped("there is no openssl that knows Ed25519");
        return;
    };
    assert_eq!(public, key.public().to_pem());
    assert!(
        openssl(&["genpkey", "-algorithm", "ed25519", "-out", "theirs.pem"])
            .unwrap()
            .0
    );
    assert!(
        openssl(&["pkey", "-in", "theirs.pem", "-pubout", "-out", "theirs.pub"])
            .unwrap()
            .0
    );
    let theirs = SigningKey::read(&at("theirs.pem")).unwrap();
    assert_eq!(PublicKey::read(&at("theirs.pub")).unwrap(), theirs.public());

    // What is signed here is right there.
    let path = at("record.db");
    write(&recorder(&path), 1);
    mirrored(&path, &at("mirror"), Some(&theirs)).unwrap();
    let name = format!("mirror/checkpoints/00000000000000000002-{}.json", theirs.public().id());
    let signed: serde_json::Value = serde_json::from_slice(&fs::read(at(&name)).unwrap()).unwrap();
    fs::write(at("checkpoint"), record::canonical(&signed["checkpoint"])).unwrap();
    use base64::Engine as _;
    let signature = base64::engine::general_purpose::STANDARD
        .decode(signed["signature"].as_str().unwrap())
        .unwrap();
    fs::write(at("signature"), signature).unwrap();
    let verify = [
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        "theirs.pub",
        "-rawin",
        "-in",
        "checkpoint",
        "-sigfile",
        "signature",
    ];
    assert!(openssl(&verify).unwrap().0);
}
