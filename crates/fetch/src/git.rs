//! Runs the `git` program: one reference of one repository, without its history.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use build::{FetchError, RepoSpec};

/// Transports that a repository, or a submodule of it, may ask for. `file` is for the repository
/// itself; for submodules the user's own configuration decides.
const TRANSPORTS: [&str; 3] = ["https", "http", "ssh"];
/// As much of what `git` says is kept.
const OUTPUT_LIMIT: u64 = 64 << 10;

/// Refuses what `git` could take for an option or for a command to run.
pub(crate) fn refuse_unsafe(spec: &RepoSpec) -> Result<(), FetchError> {
    let url = &spec.clone_url;
    let host = url.split_once("://").map_or(&**url, |(_, rest)| rest);
    let is_odd = |text: &str| text.chars().any(|c| c.is_control());
    if url.starts_with('-') || host.starts_with('-') || url.contains("@-") || url.contains("::") || is_odd(url) {
        return Err(FetchError::new(format!(
            "\"{}\" is no safe URL of a repository",
            spec.raw.escape_debug()
        )));
    }
    let reference = &spec.reference;
    if reference.starts_with(['-', '^', '+'])
        || reference.contains([':', ' ', '*', '?', '[', '\\', '~'])
        || is_odd(reference)
    {
        let message = format!("\"{}\" is no name of a branch, tag or commit", reference.escape_debug());
        return Err(FetchError::new(message));
    }
    Ok(())
}

/// Puts the tree of a reference into an empty directory; gives its commit.
pub(crate) fn fetch(spec: &RepoSpec, directory: &Path) -> Result<String, FetchError> {
    let reference = if spec.reference.is_empty() {
        "HEAD"
    } else {
        &spec.reference
    };
    let run = |arguments: &[&str]| run(spec, directory, arguments);
    run(&["init", "--quiet"])?;
    // Submodules named relative to the repository need its origin.
    run(&["remote", "add", "origin", "--", &spec.clone_url])?;
    let file = ["-c", "protocol.file.allow=always"];
    let fetch = [
        "fetch",
        "--quiet",
        "--depth=1",
        "--no-recurse-submodules",
        "--",
        &spec.clone_url,
        reference,
    ];
    run(&[&file[..], &fetch[..]].concat())?;
    run(&["checkout", "--quiet", "FETCH_HEAD"])?;
    if spec.submodules {
        run(&["submodule", "--quiet", "update", "--init", "--recursive"])?;
    }
    let commit = run(&["rev-parse", "HEAD"])?;
    remove_git(directory).map_err(|error| FetchError::new(format!("cannot keep \"{}\": {error}", spec.clone_url)))?;
    Ok(commit.trim().to_owned())
}

/// Removes what is Git's own, of submodules too.
fn remove_git(directory: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let is_directory = entry.file_type()?.is_dir();
        match (entry.file_name() == ".git", is_directory) {
            (true, true) => std::fs::remove_dir_all(entry.path())?,
            (true, false) => std::fs::remove_file(entry.path())?,
            (false, true) => remove_git(&entry.path())?,
            (false, false) => {}
        }
    }
    Ok(())
}

fn run(spec: &RepoSpec, directory: &Path, arguments: &[&str]) -> Result<String, FetchError> {
    let url = &spec.raw;
    let mut command = Command::new("git");
    for setting in [
        "protocol.allow=never",
        "core.hooksPath=/dev/null",
        "core.fsmonitor=false",
        "gc.auto=0",
    ] {
        command.args(["-c", setting]);
    }
    for transport in TRANSPORTS {
        command.args(["-c", &format!("protocol.{transport}.allow=always")]);
    }
    command
        .args(["-c", "protocol.ext.allow=never"])
        .args(arguments)
        .current_dir(directory);
    for variable in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_NAMESPACE",
        "GIT_ALLOW_PROTOCOL",
    ] {
        command.env_remove(variable);
    }
    command.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(|error| {
        FetchError::new(format!("cannot run git to fetch \"{url}\": {error}")).hint("install git, and have it on PATH")
    })?;
    let out = read(child.stdout.take());
    let err = read(child.stderr.take());
    let deadline = Instant::now().checked_add(spec.timeout);
    let mut pause = Duration::from_millis(1);
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if deadline.is_some_and(|deadline| Instant::now() >= deadline) => {
                kill(&mut child);
                let message = format!("hit {:?} timeout running git for \"{url}\"", spec.timeout);
                return Err(FetchError::new(message).hint("try again, or give it longer with ?timeout=120s in the URL"));
            }
            Ok(None) => std::thread::sleep(pause),
            Err(error) => return Err(FetchError::new(format!("cannot wait for git: {error}"))),
        }
        pause = (pause * 2).min(Duration::from_millis(20));
    };
    let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
    if status.success() {
        return Ok(out);
    }
    let line = err
        .lines()
        .find(|line| line.starts_with("fatal: ") || line.starts_with("error: "));
    let words = line
        .or(err.lines().last())
        .unwrap_or("git failed")
        .replace(char::is_control, " ");
    let error = FetchError::new(format!("cannot fetch \"{url}\": {words}"));
    Err(match words {
        words if words.contains("could not read Username") || words.contains("Authentication failed") => {
            error.hint("give git credentials for it, by a credential helper or over ssh")
        }
        words if words.contains("couldn't find remote ref") => error.hint("name a branch, a tag or a full commit hash"),
        _ => error,
    })
}

fn read(stream: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What cannot be read is not reported; the rest is read away so that git never waits.
            let _ = stream.by_ref().take(OUTPUT_LIMIT).read_to_end(&mut bytes);
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Ends a child and all that it started.
fn kill(child: &mut std::process::Child) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}
