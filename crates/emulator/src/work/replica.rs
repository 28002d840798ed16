//! One replica: the command of a container as a program of this machine, with the environment that Vertex AI gives
//! (<https://cloud.google.com/vertex-ai/docs/training/code-requirements#environment-variables>), and its lines in the log.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use process::Running;
use serde_json::Value as Json;

use crate::cloud::Cloud;
use crate::logging;

/// How long a program may take to end by itself when it is told to.
const GRACE: Duration = Duration::from_secs(5);
/// A longer line is cut.
const LONGEST_LINE: u64 = 256 << 10;

/// What a replica is started with.
#[derive(Debug)]
pub(crate) struct Program {
    /// The program with its arguments.
    pub(crate) words: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    /// Where it runs: a directory of its own.
    pub(crate) directory: PathBuf,
    /// The directory that it sees as `/gcs`.
    pub(crate) buckets: PathBuf,
}

/// Where its lines go.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) project: String,
    /// The name of the log: `workerpool0-0`.
    pub(crate) name: String,
    /// The type and labels of the resource that the entries are of.
    pub(crate) resource: (&'static str, Json),
}

/// A program that runs.
pub(crate) struct Replica {
    running: Running,
    readers: Vec<JoinHandle<()>>,
}

impl Program {
    /// Starts the program. Its standard output becomes entries of severity INFO, its standard error of ERROR, as on
    /// Vertex AI.
    pub(crate) fn start(&self, cloud: &Arc<Cloud>, log: &Log) -> std::io::Result<Replica> {
        self.find()?;
        fs::create_dir_all(&self.directory)?;
        fs::create_dir_all(&self.buckets)?;
        let mut command = self.command();
        command
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut running = Running::start(&mut command)?;
        let child = running.child();
        let stdout = child.stdout.take().map(|stream| read(stream, cloud, log, "INFO"));
        let stderr = child.stderr.take().map(|stream| read(stream, cloud, log, "ERROR"));
        Ok(Replica {
            running,
            readers: stdout.into_iter().chain(stderr).collect(),
        })
    }

    /// Whether the program is there, before a shell is asked to become it.
    fn find(&self) -> std::io::Result<()> {
        let program = self.words.first().map(Path::new).unwrap_or(Path::new(""));
        let is_there = match program.components().count() {
            1 => {
                let path = std::env::var_os("PATH").unwrap_or_default();
                std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
            }
            _ => program.is_file() || program.starts_with("/gcs"),
        };
        match is_there {
            true => Ok(()),
            false => Err(std::io::Error::from(std::io::ErrorKind::NotFound)),
        }
    }

    fn command(&self) -> Command {
        let mount = can_mount().then_some(["unshare", "--mount", "--", "sh", "-c", MOUNT, "sh"]);
        let buckets = self.buckets.to_string_lossy();
        // Where nothing can be mounted, the path is written out where it is known.
        let in_place = |text: &str| match mount {
            Some(_) => text.to_owned(),
            None => with_folder(text, &buckets),
        };
        let mut words: Vec<String> = mount.iter().flatten().map(|word| (*word).to_owned()).collect();
        if mount.is_some() {
            words.push(buckets.to_string());
        }
        words.extend(self.words.iter().map(|word| in_place(word)));
        let (program, arguments) = words
            .split_first()
            .map_or(("false", &[][..]), |(program, rest)| (program.as_str(), rest));
        let mut command = Command::new(program);
        command.args(arguments).env_clear();
        // Of this machine a program sees where programs are, and nothing that opens anything.
        for name in [
            "PATH",
            "HOME",
            "LANG",
            "LC_ALL",
            "TMPDIR",
            "LD_LIBRARY_PATH",
            "VIRTUAL_ENV",
        ] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        for (name, value) in &self.environment {
            command.env(name, in_place(value));
        }
        command
    }
}

/// Mounts the buckets, and becomes the program.
const MOUNT: &str = r#"mount --bind "$1" /gcs && shift && exec "$@""#;

/// Whether a process of ours can have a `/gcs` of its own: asked once, by trying.
fn can_mount() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| {
        if !Path::new("/gcs").is_dir() && fs::create_dir("/gcs").is_err() {
            return false;
        }
        let mut probe = Command::new("unshare");
        probe.args(["--mount", "--", "sh", "-c", MOUNT, "sh", "/tmp", "true"]);
        let status = probe
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let can = status.is_ok_and(|status| status.success());
        if !can {
            crate::log::warn(
                "/gcs cannot be mounted here: it is written out in commands, arguments and variables only",
            );
        }
        can
    })
}

fn with_folder(text: &str, buckets: &str) -> String {
    let starts = text == "/gcs" || text.starts_with("/gcs/");
    let text = text.replace("=/gcs/", &format!("={buckets}/"));
    match starts {
        true => format!("{buckets}{}", &text["/gcs".len()..]),
        false => text,
    }
}

impl Replica {
    /// Whether it has ended.
    pub(crate) fn has_exited(&mut self) -> std::io::Result<bool> {
        self.running.has_exited()
    }

    /// Its status; all of its lines are in the log then.
    pub(crate) fn finish(self) -> std::io::Result<ExitStatus> {
        let status = self.running.finish();
        for reader in self.readers {
            // A reader that panicked has said so.
            let _ = reader.join();
        }
        status
    }

    /// Tells it to end, and ends it if it does not.
    pub(crate) fn end(self) {
        let mut running = self.running;
        running.end(GRACE);
        // What left its group has the streams still, until it is ended as well.
        drop(running);
        for reader in self.readers {
            let _ = reader.join();
        }
    }
}

fn read(stream: impl Read + Send + 'static, cloud: &Arc<Cloud>, log: &Log, severity: &'static str) -> JoinHandle<()> {
    let (cloud, log) = (Arc::clone(cloud), log.clone());
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        loop {
            let mut line = Vec::new();
            match stream.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end_matches(['\n', '\r']);
            let entry = logging::entry(
                &log.project,
                &log.name,
                (log.resource.0, log.resource.1.clone()),
                severity,
                text,
            );
            if let Err(error) = logging::append(&cloud.store, &log.project, vec![entry]) {
                crate::log::warn(&format!("a line of {} is lost: {error}", log.name));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_buckets_is_written_out() {
        assert_eq!(with_folder("/gcs/iris/data.csv", "/s/gcs"), "/s/gcs/iris/data.csv");
        assert_eq!(
            with_folder("--data=/gcs/iris/data.csv", "/s/gcs"),
            "--data=/s/gcs/iris/data.csv"
        );
        assert_eq!(with_folder("/gcsx", "/s/gcs"), "/gcsx");
        assert_eq!(with_folder("gs://iris", "/s/gcs"), "gs://iris");
    }
}
