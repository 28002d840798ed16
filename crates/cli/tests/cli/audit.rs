//! `terrace audit` on a record that the library wrote, also after somebody changed it.

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};
use record::{Hash, Intent, Location, Outcome, Recorder, Secrets, Status, Time, What, Who, Why};
use serde_json::{Value, json};

use crate::run::{Answer, TERRACE, ends, run};

type Test = fn() -> Result<(), Failed>;

pub(crate) fn trials() -> Vec<Trial> {
    let all: [(&str, Test); 6] = [
        ("acts are listed, filtered and shown", list_and_show),
        ("an export is what was written, and can be checked", export),
        (
            "verify finds what was changed, and what was cut off beside a mirror",
            verify,
        ),
        (
            "a record lies where the flag, the variable or terrace.yaml says",
            places,
        ),
        ("what is no record is said", no_record),
        ("a key is made once and not shown", key),
    ];
    all.into_iter()
        .map(|(name, test)| Trial::test(format!("audit {name}"), test))
        .collect()
}

struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Scene {
        Scene(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn terrace(&self, arguments: &[&str]) -> Answer {
        self.terrace_with(arguments, &[("TERRACE_RECORD", "record.db")])
    }

    fn terrace_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Answer {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut all = vec![("HOME".to_owned(), self.0.path().display().to_string())];
        all.extend(
            variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        run(Path::new(TERRACE), &arguments, self.0.path(), &all)
    }

    /// Four acts: one that worked, one that failed, one that nobody knows of, one that is open.
    fn write(&self) {
        write(&self.at("record.db"), 4);
    }
}

fn write(path: &Path, acts: usize) {
    let recorder = Recorder::open(&Location::File(path.to_owned()), Secrets::default()).unwrap();
    let recorder = recorder.with_clock(|| Time::from_micros(1_795_312_800_123_456).unwrap());
    let all = [
        (
            "prod",
            "ann@acme.com",
            "//storage.googleapis.com/projects/_/buckets/models",
            Some(Status::Succeeded),
        ),
        (
            "dev",
            "bob@acme.com",
            "//cloudresourcemanager.googleapis.com/projects/acme-dev",
            Some(Status::Failed),
        ),
        (
            "prod",
            "bob@acme.com",
            "//cloudresourcemanager.googleapis.com/projects/acme",
            Some(Status::Unknown),
        ),
        (
            "prod",
            "ann\u{1b}[31m@acme.com",
            "//cloudresourcemanager.googleapis.com/projects/acme",
            None,
        ),
    ];
    for (environment, who, resource, status) in &all[..acts] {
        let pending = recorder.begin(&Intent {
            who: Who::User {
                name: (*who).to_owned(),
            },
            what: What {
                verb: "setIamPolicy".to_owned(),
                resource: (*resource).to_owned(),
                changes: vec!["grant roles/viewer to user:eve@acme.com".to_owned()],
                body: Some(Hash::of(b"{}")),
            },
            as_whom: (*environment == "dev").then(|| "deployer@acme-dev.iam.gserviceaccount.com".to_owned()),
            environment: Some((*environment).to_owned()),
            why: Why {
                commit: Some("139b030".to_owned()),
                ..Why::default()
            },
        });
        let Some(status) = status else {
            let _ = pending.unwrap();
            continue;
        };
        let outcome = Outcome {
            status: *status,
            message: (*status != Status::Succeeded).then(|| "Google said no".to_owned()),
            answer: Some(json!({"etag": "BwY=", "bindings": []})),
        };
        pending.unwrap().finish(&outcome).unwrap();
    }
}

fn same(found: &str, wanted: &str) -> Result<(), Failed> {
    match found == wanted {
        true => Ok(()),
        false => Err(format!("found:\n{found}\nwanted:\n{wanted}").into()),
    }
}

fn contains(text: &str, part: &str) -> Result<(), Failed> {
    match text.contains(part) {
        true => Ok(()),
        false => Err(format!("\"{part}\" is not in:\n{text}").into()),
    }
}

const LIST: &str = "\
1  2026-11-22T02:00:00Z  succeeded  prod  ann@acme.com                                               setIamPolicy  //storage.googleapis.com/projects/_/buckets/models
3  2026-11-22T02:00:00Z  failed     dev   bob@acme.com as deployer@acme-dev.iam.gserviceaccount.com  setIamPolicy  //cloudresourcemanager.googleapis.com/projects/acme-dev
5  2026-11-22T02:00:00Z  unknown    prod  bob@acme.com                                               setIamPolicy  //cloudresourcemanager.googleapis.com/projects/acme
7  2026-11-22T02:00:00Z  open       prod  ann\\u{1b}[31m@acme.com                                     setIamPolicy  //cloudresourcemanager.googleapis.com/projects/acme
";

const SHOW: &str = "\
intent       3 at 2026-11-22T02:00:00.123456Z
who          user bob@acme.com
as           deployer@acme-dev.iam.gserviceaccount.com
environment  dev
commit       139b030
verb         setIamPolicy
resource     //cloudresourcemanager.googleapis.com/projects/acme-dev
change       grant roles/viewer to user:eve@acme.com
body         sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a
outcome      4 at 2026-11-22T02:00:00.123456Z: failed
message      Google said no
answer       {
               \"bindings\": [],
               \"etag\": \"BwY=\"
             }
";

fn list_and_show() -> Result<(), Failed> {
    let scene = Scene::new();
    scene.write();
    let (out, _) = ends(&scene.terrace(&["audit", "list"]), 0)?;
    same(&out, LIST)?;
    let numbers = |arguments: &[&str]| -> Result<String, Failed> {
        let (out, _) = ends(&scene.terrace(&[&["audit", "list"], arguments].concat()), 0)?;
        let numbers = out.lines().filter_map(|line| line.split_whitespace().next());
        Ok(numbers
            .filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()))
            .collect::<Vec<_>>()
            .join(" "))
    };
    for (arguments, wanted) in [
        (&["--environment", "prod"][..], "1 5 7"),
        (&["--actor", "bob@*"], "3 5"),
        (&["--actor", "deployer@acme-dev.iam.gserviceaccount.com"], "3"),
        (&["--outcome", "open"], "7"),
        (&["--outcome", "unknown"], "5"),
        (&["--resource", "*/buckets/*"], "1"),
        (&["--verb", "setIam"], ""),
        (&["--since", "2026-11-22T02:00:00.2Z"], ""),
        (&["--until", "2026-11-23", "--since", "2026-11-22"], "1 3 5 7"),
    ] {
        same(&numbers(arguments)?, wanted)?;
    }
    let (out, _) = ends(&scene.terrace(&["audit", "list", "--limit", "1"]), 0)?;
    contains(&out, "\n3 older: --limit 0 shows all\n")?;
    let (out, _) = ends(
        &scene.terrace(&["audit", "list", "-o", "jsonl", "--outcome", "failed"]),
        0,
    )?;
    let deed: Value = serde_json::from_str(&out)?;
    same(&deed["intent"]["act"]["who"]["name"].to_string(), "\"bob@acme.com\"")?;
    same(&deed["outcome"]["act"]["outcome"]["status"].to_string(), "\"failed\"")?;
    for number in ["3", "4"] {
        let (out, _) = ends(&scene.terrace(&["audit", "show", number]), 0)?;
        same(&out, SHOW)?;
    }
    let (_, error) = ends(&scene.terrace(&["audit", "show", "8"]), 1)?;
    contains(&error, "there is no entry 8 in the record")?;
    ends(&scene.terrace(&["audit", "list", "--since", "yesterday"]), 2)?;
    Ok(())
}

fn export() -> Result<(), Failed> {
    let scene = Scene::new();
    scene.write();
    let (out, _) = ends(&scene.terrace(&["audit", "export"]), 0)?;
    let lines: Vec<Value> = out.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    same(&lines.len().to_string(), "7")?;
    for (line, value) in out.lines().zip(&lines) {
        same(&record::canonical(value), line)?;
        let previous = Hash::parse(value["previous"].as_str().unwrap()).unwrap();
        same(
            &previous.behind(&record::canonical(&value["entry"])).to_string(),
            value["hash"].as_str().unwrap(),
        )?;
    }
    ends(
        &scene.terrace(&["audit", "export", "--environment", "dev", "--output-file", "dev.jsonl"]),
        0,
    )?;
    let lines: Vec<&str> = out.lines().collect();
    same(
        &fs::read_to_string(scene.at("dev.jsonl"))?,
        &format!("{}\n{}\n", lines[2], lines[3]),
    )
}

fn verify() -> Result<(), Failed> {
    let scene = Scene::new();
    scene.write();
    let (out, _) = ends(&scene.terrace(&["audit", "verify"]), 0)?;
    contains(&out, "record.db: intact, 7 entries\n")?;
    contains(&out, "1 act has no outcome: 7\n")?;
    let (public, _) = ends(&scene.terrace(&["audit", "key", "key.pem"]), 0)?;
    fs::write(scene.at("public.pem"), public)?;
    let (out, _) = ends(&scene.terrace(&["audit", "mirror", "copy", "--key", "key.pem"]), 0)?;
    contains(&out, "copy: 7 entries copied, 7 there, signed\n")?;
    let beside = ["audit", "verify", "--mirror", "copy", "--public-key", "public.pem"];
    let (out, _) = ends(&scene.terrace(&beside), 0)?;
    contains(&out, "copy: 7 entries, 1 checkpoints, the last of entry 7\n")?;
    let whole = fs::read(scene.at("record.db"))?;

    let tamper = |statements: &str| -> Result<(), Failed> {
        fs::write(scene.at("record.db"), &whole)?;
        let connection = rusqlite::Connection::open(scene.at("record.db"))?;
        let triggers = "DROP TRIGGER entry_is_not_changed; DROP TRIGGER entry_is_not_removed;";
        connection.execute_batch(&format!("{triggers}{statements}"))?;
        Ok(())
    };
    tamper("UPDATE entry SET text = replace(text, 'eve', 'ida') WHERE sequence = 5")?;
    let (out, _) = ends(&scene.terrace(&["audit", "verify"]), 1)?;
    contains(&out, "entry 5 was changed: its hash is not that of its text\n")?;
    contains(&out, "record.db: not as it was written, 7 entries\n")?;
    let (out, _) = ends(&scene.terrace(&["audit", "verify", "-o", "json"]), 1)?;
    let document: Value = serde_json::from_str(&out)?;
    same(&document["isIntact"].to_string(), "false")?;
    same(&document["faults"][0]["entry"].to_string(), "5")?;

    // A tail that is cut off shows beside the mirror, or a checkpoint of it.
    tamper("DELETE FROM entry WHERE sequence > 4; DELETE FROM open;")?;
    ends(&scene.terrace(&["audit", "verify"]), 0)?;
    let (out, _) = ends(&scene.terrace(&beside), 1)?;
    contains(
        &out,
        "entry 5 is not there: the record was cut off behind entry 4, or taken back to an older copy\n",
    )?;
    let checkpoint = fs::read_dir(scene.at("copy/checkpoints"))?
        .next()
        .unwrap()?
        .path()
        .display()
        .to_string();
    let arguments = [
        "audit",
        "verify",
        "--checkpoint",
        &checkpoint,
        "--public-key",
        "public.pem",
    ];
    let (out, _) = ends(&scene.terrace(&arguments), 1)?;
    contains(&out, "entry 7 is not there: the record was cut off behind entry 4")?;
    let (_, error) = ends(&scene.terrace(&["audit", "mirror", "copy"]), 1)?;
    contains(&error, "is not the one that the mirror")
}

fn places() -> Result<(), Failed> {
    let scene = Scene::new();
    let platform = |record: &str| {
        let text = format!(
            "apiVersion: terrace.dev/v1alpha1\nkind: Platform\nmetadata: {{name: demo}}\nspec:\n  environments:\n  - {{name: prod, \
             path: prod}}\n{record}"
        );
        fs::write(scene.at("terrace.yaml"), text)
    };
    let list = |arguments: &[&str], variables: &[(&str, &str)]| -> Result<usize, Failed> {
        let answer = scene.terrace_with(&[&["audit", "list"], arguments].concat(), variables);
        Ok(ends(&answer, 0)?.0.lines().count())
    };
    write(&scene.at("state/terrace/record.db"), 1);
    let state = scene.at("state").display().to_string();
    same(&list(&[], &[("XDG_STATE_HOME", &state)])?.to_string(), "1")?;
    platform("")?;
    write(&scene.at(".terrace/record.db"), 2);
    same(&list(&[], &[("XDG_STATE_HOME", &state)])?.to_string(), "2")?;
    platform("  record: {url: audit/record.db, mirror: copy, publicKeys: [public.pem]}\n")?;
    write(&scene.at("audit/record.db"), 3);
    same(&list(&[], &[])?.to_string(), "3")?;
    write(&scene.at("variable.db"), 4);
    same(&list(&[], &[("TERRACE_RECORD", "variable.db")])?.to_string(), "4")?;
    same(
        &list(
            &["--record", "audit/../audit/record.db"],
            &[("TERRACE_RECORD", "variable.db")],
        )?
        .to_string(),
        "3",
    )?;

    let (_, error) = ends(&scene.terrace_with(&["audit", "verify"], &[]), 1)?;
    contains(&error, "public.pem")?;
    let (public, _) = ends(&scene.terrace(&["audit", "key", "key.pem"]), 0)?;
    fs::write(scene.at("public.pem"), public)?;
    ends(&scene.terrace_with(&["audit", "mirror", "--key", "key.pem"], &[]), 0)?;
    let (out, _) = ends(&scene.terrace_with(&["audit", "verify"], &[]), 0)?;
    contains(&out, "copy: 6 entries, 1 checkpoints, the last of entry 6\n")?;

    platform("  record: {url: ftp://x}\n")?;
    let (_, error) = ends(&scene.terrace_with(&["audit", "list"], &[]), 1)?;
    contains(&error, "a record cannot lie in \"ftp://\"")?;
    contains(&error, "terrace.yaml:7:17")?;
    platform("  record: {path: x}\n")?;
    let (_, error) = ends(&scene.terrace_with(&["audit", "list"], &[]), 1)?;
    contains(&error, "path")
}

fn no_record() -> Result<(), Failed> {
    let scene = Scene::new();
    let (_, error) = ends(&scene.terrace(&["audit", "list"]), 1)?;
    contains(&error, "there is no record ")?;
    contains(&error, "--record, TERRACE_RECORD or `record` in terrace.yaml")?;
    fs::write(scene.at("record.db"), "no database".repeat(100))?;
    for command in [
        &["list"][..],
        &["show", "1"],
        &["verify"],
        &["export"],
        &["mirror", "copy"],
    ] {
        let (_, error) = ends(&scene.terrace(&[&["audit"], command].concat()), 1)?;
        contains(&error, "record.db holds no record")?;
    }
    match scene.at("copy").exists() {
        true => Err("a mirror of nothing was made".into()),
        false => Ok(()),
    }
}

fn key() -> Result<(), Failed> {
    let scene = Scene::new();
    let (out, _) = ends(&scene.terrace(&["audit", "key", "key.pem"]), 0)?;
    same(out.lines().next().unwrap_or_default(), "-----BEGIN PUBLIC KEY-----")?;
    contains(&fs::read_to_string(scene.at("key.pem"))?, "-----BEGIN PRIVATE KEY-----")?;
    let (out, error) = ends(&scene.terrace(&["audit", "key", "key.pem"]), 1)?;
    contains(&error, "a key that is there is never written over")?;
    same(&out, "")
}
