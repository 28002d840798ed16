//! Runs the `git` program: one reference of one repository, without its history.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use build::{FetchError, FetchErrorKind, RepoSpec, without_password};
use process::{Failure, Limits, Output};

use crate::cache::too_large;
use crate::digest::TreeLimits;
use crate::git_error;
use crate::retry::{Trouble, retry};

/// As much as `git` may write: the list of a large tree is the longest.
const OUTPUT_LIMIT: usize = 128 << 20;
/// Submodules of submodules, as deep as this: a loop would never end.
const SUBMODULE_DEPTH: usize = 8;

/// Refuses what `git` could take for an option or for a command to run.
pub(crate) fn refuse_unsafe(spec: &RepoSpec) -> Result<(), FetchError> {
    let url = &spec.clone_url;
    let host = url.split_once("://").map_or(&**url, |(_, rest)| rest);
    let is_odd = |text: &str| text.chars().any(|c| c.is_control());
    let fail = |message: String| Err(FetchError::new(FetchErrorKind::Input, message));
    if url.starts_with('-') || host.starts_with('-') || url.contains("@-") || url.contains("::") || is_odd(url) {
        return fail(format!(
            "\"{}\" is no safe URL of a repository",
            without_password(&spec.raw).escape_debug()
        ));
    }
    let reference = &spec.reference;
    if reference.starts_with(['-', '^', '+'])
        || reference.contains([':', ' ', '*', '?', '[', '\\', '~'])
        || is_odd(reference)
    {
        return fail(format!(
            "\"{}\" is no name of a branch, tag or commit",
            reference.escape_debug()
        ));
    }
    Ok(())
}

/// Whether a text is the full name of a commit.
pub(crate) fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A repository, seen from a directory in which `git` runs.
pub(crate) struct Git<'a> {
    pub(crate) spec: &'a RepoSpec,
    pub(crate) directory: &'a Path,
    pub(crate) limits: &'a TreeLimits,
}

impl Git<'_> {
    /// The commit that the reference has now; nothing where the repository lists no such reference.
    pub(crate) fn current_commit(&self) -> Result<Option<String>, FetchError> {
        let reference = self.reference();
        let listed = self.outside(&["ls-remote", "--quiet", "--", &self.spec.clone_url, reference])?;
        // The names that `git fetch` tries, in its order; of an annotated tag, what it leads to.
        let names = ["", "refs/", "refs/tags/", "refs/heads/"].map(|prefix| format!("{prefix}{reference}"));
        let commit = |name: &str| {
            let of = |name: &str| {
                let mut lines = listed.lines().filter_map(|line| line.split_once('\t'));
                lines
                    .find(|(_, listed)| *listed == name)
                    .map(|(commit, _)| commit.to_owned())
            };
            of(&format!("{name}^{{}}")).or_else(|| of(name))
        };
        Ok(names.iter().find_map(|name| commit(name)))
    }

    /// Puts the tree of the reference into the directory, which is empty; gives its commit.
    pub(crate) fn fetch(&self) -> Result<String, FetchError> {
        self.start()?;
        self.fetch_shallow(self.reference())?;
        self.check_out("FETCH_HEAD")
    }

    /// Puts the tree of a commit into the directory, which is empty.
    pub(crate) fn fetch_commit(&self, commit: &str) -> Result<(), FetchError> {
        self.start()?;
        if self.fetch_shallow(commit).is_err() {
            // Not every server gives what no reference leads to directly: then with its history.
            self.outside(&[
                "fetch",
                "--quiet",
                "--no-recurse-submodules",
                "--",
                &self.spec.clone_url,
                self.reference(),
            ])?;
            self.here(&["cat-file", "-e", &format!("{commit}^{{commit}}")])
                .map_err(|_| {
                    let (url, reference) = (without_password(&self.spec.raw), self.reference());
                    let message =
                        format!("\"{url}\" has no commit {commit} any more, neither by itself nor below {reference}");
                    FetchError::new(FetchErrorKind::Refused, message).hint("run `terrace lock` to lock what it has now")
                })?;
        }
        self.check_out(commit).map(drop)
    }

    fn reference(&self) -> &str {
        match self.spec.reference.as_str() {
            "" => "HEAD",
            reference => reference,
        }
    }

    fn start(&self) -> Result<(), FetchError> {
        self.here(&["init", "--quiet"])?;
        // Submodules named relative to the repository need its origin.
        self.here(&["remote", "add", "origin", "--", &self.spec.clone_url])?;
        Ok(())
    }

    fn fetch_shallow(&self, reference: &str) -> Result<(), FetchError> {
        let url = &self.spec.clone_url;
        let arguments = [
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-recurse-submodules",
            "--",
            url,
            reference,
        ];
        self.outside(&arguments).map(drop)
    }

    fn check_out(&self, what: &str) -> Result<String, FetchError> {
        self.refuse_large(what)?;
        self.here(&["checkout", "--quiet", what])?;
        if self.spec.submodules {
            self.submodules(SUBMODULE_DEPTH)?;
        }
        let commit = self.here(&["rev-parse", "HEAD"])?;
        remove_git(self.directory).map_err(|error| {
            let url = without_password(&self.spec.clone_url);
            FetchError::new(FetchErrorKind::Failed, format!("cannot keep \"{url}\": {error}"))
        })?;
        Ok(commit.trim().to_owned())
    }

    /// Refuses a tree by its list, before it is on the disk.
    fn refuse_large(&self, what: &str) -> Result<(), FetchError> {
        let listed = self.here(&["ls-tree", "-r", "-l", "--full-tree", what])?;
        let size = |line: &str| {
            line.split('\t')
                .next()?
                .split_ascii_whitespace()
                .nth(3)?
                .parse::<u64>()
                .ok()
        };
        let bytes = listed.lines().filter_map(size).fold(0, u64::saturating_add);
        if self.limits.refuses(listed.lines().count() as u64, bytes) {
            return Err(too_large(self.spec, self.limits));
        }
        Ok(())
    }

    /// Fetches the submodules, and theirs, level by level.
    fn submodules(&self, depth: usize) -> Result<(), FetchError> {
        if !self.directory.join(".gitmodules").exists() {
            return Ok(());
        }
        if depth == 0 {
            let url = without_password(&self.spec.raw);
            let message = format!("submodules of \"{url}\" hold each other, more than {SUBMODULE_DEPTH} deep");
            return Err(FetchError::new(FetchErrorKind::Input, message)
                .hint("leave them out with ?submodules=false in the URL"));
        }
        self.outside(&["submodule", "--quiet", "update", "--init"])?;
        let listed = self.here(&["ls-files", "--stage", "-z"])?;
        for entry in listed.split('\0').filter(|entry| entry.starts_with("160000 ")) {
            let Some((_, path)) = entry.split_once('\t') else {
                continue;
            };
            let directory = self.directory.join(path);
            let below = Git {
                directory: &directory,
                ..*self
            };
            below.submodules(depth - 1)?;
        }
        Ok(())
    }

    /// Runs what needs the network; tries again what may work the second time.
    fn outside(&self, arguments: &[&str]) -> Result<String, FetchError> {
        retry(|| self.run(arguments, true))
    }

    fn here(&self, arguments: &[&str]) -> Result<String, FetchError> {
        self.run(arguments, false).map_err(|trouble| trouble.error)
    }

    fn run(&self, arguments: &[&str], is_outside: bool) -> Result<String, Trouble> {
        let url = without_password(&self.spec.raw);
        let mut command = self.command();
        // For a repository on this machine; for its submodules the user's own configuration decides.
        if is_outside && arguments.first() != Some(&"submodule") {
            command.args(["-c", "protocol.file.allow=always"]);
        }
        if is_outside && let Some(ssh) = ssh_command() {
            command.env("GIT_SSH_COMMAND", ssh);
        }
        command.args(arguments);
        let limits = Limits {
            time: self.spec.timeout,
            output: OUTPUT_LIMIT,
        };
        let fail = |kind, message: String| Trouble::lasting(FetchError::new(kind, message));
        match process::run(&mut command, None, &limits) {
            Ok(Output { status, stdout, .. }) if status.success() => String::from_utf8(stdout).map_err(|_| {
                let message = format!("\"{url}\" has names of files that are no UTF-8");
                fail(FetchErrorKind::Input, message)
            }),
            Ok(Output { stderr, .. }) => Err(git_error::read(&url, &String::from_utf8_lossy(&stderr))),
            Err(Failure::Start(error)) => {
                let message = format!("cannot run git to fetch \"{url}\": {error}");
                let error = FetchError::new(FetchErrorKind::Failed, message);
                Err(Trouble::lasting(error.hint("install git, and have it on PATH")))
            }
            Err(Failure::Time { limit, .. }) => {
                let message = format!("hit {limit:?} timeout running git for \"{url}\"");
                let error = FetchError::new(FetchErrorKind::Failed, message);
                let hint = "try again, or give it longer with ?timeout=120s in the URL";
                Err(Trouble::lasting(error.hint(hint)))
            }
            Err(Failure::Output { .. }) => Err(Trouble::lasting(too_large(self.spec, self.limits))),
            Err(failure) => Err(fail(
                FetchErrorKind::Failed,
                format!("cannot run git to fetch \"{url}\": {failure}"),
            )),
        }
    }

    /// `git`, which may ask nobody, run no hooks, and use no transports but the ones that are needed.
    fn command(&self) -> Command {
        let mut command = Command::new("git");
        for setting in [
            "protocol.allow=never",
            "protocol.https.allow=always",
            "protocol.ssh.allow=always",
            "protocol.ext.allow=never",
            "core.hooksPath=/dev/null",
            "core.fsmonitor=false",
            // The same bytes on every machine.
            "core.autocrlf=false",
            "core.symlinks=true",
            "gc.auto=0",
            "maintenance.auto=false",
            "advice.detachedHead=false",
        ] {
            command.args(["-c", setting]);
        }
        // What begins safe stays safe: no redirect, and no submodule, from HTTPS to HTTP.
        if self.spec.clone_url.starts_with("http://") {
            command.args(["-c", "protocol.http.allow=always"]);
        }
        command.current_dir(self.directory);
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
    }
}

/// An `ssh` that never asks for a password or about an unknown host; nothing where the user chose one.
fn ssh_command() -> Option<&'static str> {
    static CHOSEN: OnceLock<bool> = OnceLock::new();
    let is_chosen = CHOSEN.get_or_init(|| {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let configured = || {
            let mut command = Command::new("git");
            command.args(["config", "--get", "core.sshCommand"]);
            let limits = Limits {
                time: build::DEFAULT_TIMEOUT,
                output: OUTPUT_LIMIT,
            };
            process::run(&mut command, None, &limits).is_ok_and(|output| output.status.success())
        };
        is_set("GIT_SSH_COMMAND") || is_set("GIT_SSH") || configured()
    });
    (!is_chosen).then_some("ssh -oBatchMode=yes")
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
