//! A record in a real PostgreSQL server, where there is one on this machine.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use record::{ErrorKind, FaultKind, Location, Record, Recorder, Secrets, verify};

use super::{intent, outcome, skipped, write};

/// A server of its own, on a socket and a port of loopback, with an encrypted door.
struct Server {
    directory: tempfile::TempDir,
    programs: PathBuf,
    port: u16,
    process: Child,
}

const USER: &str = "terrace";
const PASSWORD: &str = "correct horse battery";

/// Debian's, or what is on the path.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    found.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    found.reverse();
    found.extend(std::env::split_paths(&path));
    found
        .into_iter()
        .find(|path| path.join("initdb").exists() && path.join("postgres").exists())
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|file| std::os::unix::fs::MetadataExt::uid(&file) == 0)
}

/// The server refuses to run as root.
fn command(program: &Path) -> Command {
    match is_root() {
        false => Command::new(program),
        true => {
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--reset-env"])
                .arg(program);
            command
        }
    }
}

impl Server {
    /// None where there is no server to start.
    fn start() -> Option<Server> {
        let skip = |why: &str| {
            skipped(why);
            None
        };
        let Some(programs) = programs() else {
            return skip("there is no PostgreSQL");
        };
        let directory = tempfile::tempdir().unwrap();
        if is_root() {
            let chown = Command::new("chown").arg("postgres").arg(directory.path()).status();
            if !chown.is_ok_and(|status| status.success()) {
                return skip("this is root, and there is no user postgres");
            }
        }
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let password = directory.path().join("password");
        fs::write(&password, PASSWORD).unwrap();
        fs::set_permissions(&password, fs::Permissions::from_mode(0o644)).unwrap();
        let made = command(&programs.join("initdb"))
            .args([
                "--auth=scram-sha-256",
                "--username",
                USER,
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .arg(format!("--pwfile={}", password.display()))
            .arg(directory.path().join("data"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let process = Server::run(&programs, directory.path(), port);
        let server = Server {
            directory,
            programs,
            port,
            process,
        };
        server.wait();
        Some(server)
    }

    fn run(programs: &Path, directory: &Path, port: u16) -> Child {
        let mut command = command(&programs.join("postgres"));
        command
            .arg("-D")
            .arg(directory.join("data"))
            .arg("-k")
            .arg(directory)
            .arg("-p")
            .arg(port.to_string());
        command.args(["-c", "listen_addresses=127.0.0.1", "-c", "synchronous_commit=off"]);
        let certificate = directory.join("data/server.crt");
        if certificate.exists() {
            command.args(["-c", "ssl=on"]);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn wait(&self) {
        let start = Instant::now();
        loop {
            let ready = self.psql("SELECT 1");
            if ready.is_ok() {
                return;
            }
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "the server does not start: {ready:?}"
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn restart(&mut self, is_killed: bool) {
        let signal = if is_killed { "-QUIT" } else { "-INT" };
        Command::new("kill")
            .args([signal, &self.process.id().to_string()])
            .status()
            .unwrap();
        self.process.wait().unwrap();
        self.process = Server::run(&self.programs, self.directory.path(), self.port);
        self.wait();
    }

    /// By the server's own client.
    fn psql(&self, statements: &str) -> Result<String, String> {
        let output = Command::new(self.programs.join("psql"))
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &self.port.to_string(),
                "-U",
                USER,
                "-d",
                "postgres",
                "-At",
                "-c",
                statements,
            ])
            .env("PGPASSWORD", PASSWORD)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    fn location(&self, query: &str) -> Location {
        let password = PASSWORD.replace(' ', "%20");
        Location::parse(&format!(
            "postgres://{USER}:{password}@127.0.0.1:{}/postgres{query}",
            self.port
        ))
        .unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .args(["-QUIT", &self.process.id().to_string()])
            .status();
        let _ = self.process.wait();
    }
}

fn recorder(location: &Location) -> Recorder {
    Recorder::open(location, Secrets::default()).unwrap()
}

fn faults(location: &Location) -> (u64, Vec<(u64, FaultKind)>) {
    let verified = verify(&mut Record::open(location).unwrap(), |_, _| {}).unwrap();
    (
        verified.entries,
        verified
            .faults
            .into_iter()
            .map(|fault| (fault.sequence, fault.kind))
            .collect(),
    )
}

#[test]
fn a_record_in_postgresql_is_as_one_in_a_file() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let location = server.location("");
    assert_eq!(
        location.to_string(),
        format!("postgres://{USER}@127.0.0.1:{}/postgres", server.port)
    );
    let missing = Record::open(&location).err().unwrap();
    assert_eq!(
        (missing.kind, missing.message),
        (ErrorKind::Location, format!("there is no record in {location}"))
    );

    // Several that make and write it at once.
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let recorder = recorder(&location);
                std::thread::scope(|scope| {
                    for _ in 0..4 {
                        scope.spawn(|| write(&recorder, 10));
                    }
                });
            });
        }
    });
    assert_eq!(faults(&location), (240, vec![]));
    assert_eq!(server.psql("SELECT count(*) FROM terrace_entry").unwrap(), "240");

    // An intent that is left open, finished by another.
    let first = recorder(&location);
    let number = first.begin(&intent("projects/acme\u{0}\u{1f600}")).unwrap().sequence();
    let later = recorder(&location);
    let open = later.open_intents().unwrap();
    assert_eq!(open[0].intent().unwrap().what.resource, "projects/acme\u{0}\u{1f600}");
    later.resume(number).finish(&outcome()).unwrap();
    assert_eq!(
        first.resume(number).finish(&outcome()).unwrap_err().kind,
        ErrorKind::Refused
    );

    // A server that is started again, and one that dies.
    server.restart(false);
    write(&first, 1);
    server.restart(true);
    write(&first, 1);
    write(&later, 1);
    assert_eq!(faults(&location), (248, vec![]));

    // What is not allowed, and what is done all the same.
    for statement in [
        "DELETE FROM terrace_entry",
        "UPDATE terrace_entry SET entry = ''",
        "TRUNCATE terrace_entry",
    ] {
        let error = server.psql(statement).unwrap_err();
        assert!(error.contains("the record only grows"), "{error}");
    }
    let tamper = |statements: &str| {
        server
            .psql(&format!("ALTER TABLE terrace_entry DISABLE TRIGGER ALL; {statements}"))
            .unwrap();
        faults(&location).1
    };
    assert_eq!(
        tamper("DELETE FROM terrace_entry WHERE sequence = 7"),
        [(7, FaultKind::Missing)]
    );
    let found = tamper("UPDATE terrace_entry SET entry = replace(entry, 'acme', 'evil') WHERE sequence = 9");
    assert!(found.contains(&(9, FaultKind::Changed)), "{found:?}");
    let found =
        tamper("INSERT INTO terrace_entry SELECT -5, previous, hash, entry FROM terrace_entry WHERE sequence = 1");
    assert_eq!(found[0].0, 0, "{found:?}");

    // No such user, password, database; no server; another version.
    let port = server.port;
    let table = [
        (
            format!("postgres://{USER}:wrong@127.0.0.1:{port}/postgres"),
            ErrorKind::Location,
            "password authentication failed",
        ),
        (
            format!("postgres://{USER}:x@127.0.0.1:{port}/none"),
            ErrorKind::Location,
            "password authentication failed",
        ),
        (
            format!("postgres://{USER}@127.0.0.1:{port}/postgres"),
            ErrorKind::Store,
            "set PGPASSWORD",
        ),
        ("postgres://x:y@127.0.0.1:1/z".to_owned(), ErrorKind::Store, "refused"),
    ];
    for (url, kind, words) in table {
        let error = Recorder::open(&Location::parse(&url).unwrap(), Secrets::default()).unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(
            error.message.contains(words) && !error.message.contains("wrong@"),
            "{error}"
        );
    }
    server.psql("UPDATE terrace_record SET version = 2").unwrap();
    let error = Recorder::open(&location, Secrets::default()).unwrap_err();
    assert!(
        error.message.ends_with("is of version 2, and this program knows 1"),
        "{error}"
    );
}

#[test]
fn a_connection_is_encrypted_and_the_server_known() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let error = Recorder::open(&server.location("?sslmode=verify-full"), Secrets::default()).unwrap_err();
    assert!(error.message.contains("the server does not encrypt"), "{error}");
    let data = server.directory.path().join("data");
    let made = command(Path::new("openssl"))
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args([
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
        ])
        .arg(data.join("server.key"))
        .arg("-out")
        .arg(data.join("server.crt"))
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        skipped("there is no openssl");
        return;
    }
    server.restart(false);
    let copy = server.directory.path().join("root.crt");
    fs::copy(data.join("server.crt"), &copy).unwrap();
    let encrypted = server.location(&format!("?sslmode=verify-full&sslrootcert={}", copy.display()));
    write(&recorder(&encrypted), 2);
    let encryption =
        "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND application_name = 'terrace'";
    let held = recorder(&encrypted);
    assert_eq!(server.psql(encryption).unwrap(), "1");
    write(&held, 1);
    assert_eq!(faults(&encrypted), (6, vec![]));
    // Nobody vouches for it.
    let error = Recorder::open(&server.location("?sslmode=verify-full"), Secrets::default()).unwrap_err();
    assert!(error.message.contains("certificate"), "{error}");
}
