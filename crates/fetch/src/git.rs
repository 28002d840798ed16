//! Runs the `git` program: one reference of one repository, without its history.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use build::{EntryKind, FetchError, FetchErrorKind, RepoSpec, without_password};
use process::{Failure, Limits, Output};

use crate::cache::{Room, too_large};
use crate::git_error;
use crate::manifest::TreeLimits;
use crate::retry::{Trouble, retry};
use crate::watched::Watched;

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

/// The commit that the reference of a repository has now; nothing where it lists no such reference.
pub(crate) fn current_commit(spec: &RepoSpec, limits: &TreeLimits) -> Result<Option<String>, FetchError> {
    let here = std::env::temp_dir();
    let reference = reference(spec);
    let git = Git {
        room: None,
        ..Git::new(spec, &here, limits)
    };
    let listed = git.outside(&["ls-remote", "--quiet", "--", &spec.clone_url, reference])?;
    // The names that `git fetch` tries, in its order; of an annotated tag, what it leads to.
    let names = ["", "refs/", "refs/tags/", "refs/heads/"].map(|prefix| format!("{prefix}{reference}"));
    let commit = |name: &str| {
        let of = |name: &str| {
            let mut lines = listed.stdout.lines().filter_map(|line| line.split_once('\t'));
            lines
                .find(|(_, listed)| *listed == name)
                .map(|(commit, _)| commit.to_owned())
        };
        of(&format!("{name}^{{}}")).or_else(|| of(name))
    };
    Ok(names.iter().find_map(|name| commit(name)))
}

fn reference(spec: &RepoSpec) -> &str {
    match spec.reference.as_str() {
        "" => "HEAD",
        reference => reference,
    }
}

/// A repository that is being fetched: one commit, and of its files what is asked for, as far as the server can
/// send a part.
#[derive(Debug)]
pub(crate) struct Fetching {
    room: Room,
    commit: String,
    /// Whether files may be missing that the server has.
    is_partial: bool,
    /// The paths that are checked out; nothing while all are.
    sparse: Option<BTreeSet<String>>,
}

impl Fetching {
    /// Fetches what the reference has now.
    pub(crate) fn reference(spec: &RepoSpec, limits: &TreeLimits, room: Room) -> Result<Fetching, FetchError> {
        let directory = room.tree();
        let git = Git::new(spec, &directory, limits);
        git.start()?;
        let is_partial = git.fetch(reference(spec), Depth::One)?;
        Fetching::started(&git, "FETCH_HEAD", is_partial, room)
    }

    /// Fetches a commit.
    pub(crate) fn commit(
        spec: &RepoSpec,
        limits: &TreeLimits,
        room: Room,
        commit: &str,
    ) -> Result<Fetching, FetchError> {
        let directory = room.tree();
        let git = Git::new(spec, &directory, limits);
        git.start()?;
        let is_partial = match git.fetch(commit, Depth::One) {
            Ok(is_partial) => is_partial,
            Err(_) => {
                // Not every server gives what no reference leads to directly: then with its history.
                let is_partial = git.fetch(reference(spec), Depth::All)?;
                git.here(&["cat-file", "-e", &format!("{commit}^{{commit}}")])
                    .map_err(|_| no_commit(spec, commit))?;
                is_partial
            }
        };
        Fetching::started(&git, commit, is_partial, room)
    }

    fn started(git: &Git<'_>, what: &str, is_partial: bool, room: Room) -> Result<Fetching, FetchError> {
        let commit = git.here(&["rev-parse", "--verify", &format!("{what}^{{commit}}")])?;
        Ok(Fetching {
            commit: commit.trim().to_owned(),
            is_partial,
            sparse: Some(BTreeSet::new()),
            room,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.commit
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.room.tree()
    }

    /// Whether everything is checked out.
    pub(crate) fn has_all(&self) -> bool {
        self.sparse.is_none()
    }

    /// Whether all of the tree is to be taken: it is here already, or it has submodules, whose files are in other
    /// repositories.
    pub(crate) fn takes_all(&self, spec: &RepoSpec, limits: &TreeLimits) -> Result<bool, FetchError> {
        let directory = self.directory();
        let git = Git::new(spec, &directory, limits);
        Ok(!self.is_partial || (spec.submodules && git.kind(&self.commit, ".gitmodules")?.is_some()))
    }

    /// What is at a path of the tree.
    pub(crate) fn kind(
        &self,
        spec: &RepoSpec,
        limits: &TreeLimits,
        path: &str,
    ) -> Result<Option<EntryKind>, FetchError> {
        Git::new(spec, &self.directory(), limits).kind(&self.commit, path)
    }

    /// Puts what is at a path into the directory, with all below it; everything, if the path is empty.
    pub(crate) fn check_out(&mut self, spec: &RepoSpec, limits: &TreeLimits, paths: &[&str]) -> Result<(), FetchError> {
        let directory = self.directory();
        let git = Git::new(spec, &directory, limits);
        let Some(sparse) = &mut self.sparse else { return Ok(()) };
        let is_all = paths.contains(&"");
        for path in paths {
            git.refuse_large(&self.commit, path, self.is_partial)?;
        }
        if is_all && sparse.is_empty() {
            git.outside(&["checkout", "--quiet", "--force", &self.commit])?;
            if spec.submodules {
                git.submodules(SUBMODULE_DEPTH)?;
            }
            self.sparse = None;
            return Ok(());
        }
        sparse.extend(paths.iter().map(|path| (*path).to_owned()));
        let patterns = match is_all {
            true => "/*\n".to_owned(),
            false => sparse
                .iter()
                .map(|path| format!("/{}\n", escaped(path)))
                .collect::<String>(),
        };
        let file = directory.join(".git/info/sparse-checkout");
        let written =
            std::fs::create_dir_all(directory.join(".git/info")).and_then(|()| std::fs::write(file, patterns));
        written.map_err(|error| {
            let message = format!("cannot fetch \"{}\": {error}", without_password(&spec.raw));
            FetchError::new(FetchErrorKind::Failed, message)
        })?;
        let sparsely = ["-c", "core.sparseCheckout=true", "-c", "core.sparseCheckoutCone=false"];
        git.outside(&[&sparsely[..], &["read-tree", "-m", "-u", &self.commit]].concat())?;
        if is_all {
            self.sparse = None;
        }
        Ok(())
    }
}

/// A path as a pattern of Git's that means just it.
fn escaped(path: &str) -> String {
    let mut pattern = String::new();
    for c in path.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | ' ') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

fn no_commit(spec: &RepoSpec, commit: &str) -> FetchError {
    let (url, reference) = (without_password(&spec.raw), reference(spec));
    let message = format!("\"{url}\" has no commit {commit} any more, neither by itself nor below {reference}");
    FetchError::new(FetchErrorKind::Refused, message).hint("run `terrace lock` to lock what it has now")
}

/// How much history is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    One,
    All,
}

/// What `git` wrote.
struct Said {
    stdout: String,
    stderr: String,
}

/// A repository, seen from a directory in which `git` runs.
#[derive(Clone, Copy)]
struct Git<'a> {
    spec: &'a RepoSpec,
    directory: &'a Path,
    limits: &'a TreeLimits,
    /// All that is fetched is below this directory.
    room: Option<&'a Path>,
}

impl<'a> Git<'a> {
    fn new(spec: &'a RepoSpec, directory: &'a Path, limits: &'a TreeLimits) -> Git<'a> {
        Git {
            spec,
            directory,
            limits,
            room: Some(directory),
        }
    }

    fn start(&self) -> Result<(), FetchError> {
        self.here(&["init", "--quiet"])?;
        // Submodules named relative to the repository need its origin.
        self.here(&["remote", "add", "origin", "--", &self.spec.clone_url])?;
        Ok(())
    }

    /// Fetches commits and trees, and files where the server cannot leave them out; gives whether it could.
    fn fetch(&self, reference: &str, depth: Depth) -> Result<bool, FetchError> {
        let mut arguments = vec![
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-recurse-submodules",
            "--filter=blob:none",
        ];
        if depth == Depth::One {
            arguments.push("--depth=1");
        }
        arguments.extend(["--", "origin", reference]);
        let said = self.outside(&arguments)?;
        Ok(!said.stderr.contains("filtering not recognized"))
    }

    fn kind(&self, commit: &str, path: &str) -> Result<Option<EntryKind>, FetchError> {
        if path.is_empty() {
            return Ok(Some(EntryKind::Directory));
        }
        let listed = self.here(&[
            "--literal-pathspecs",
            "ls-tree",
            "-z",
            "--full-tree",
            commit,
            "--",
            path,
        ])?;
        Ok(match listed.get(..6) {
            Some("040000" | "160000") => Some(EntryKind::Directory),
            Some("120000") => Some(EntryKind::Link),
            Some(_) => Some(EntryKind::File),
            None => None,
        })
    }

    /// Refuses a tree by its list, before it is on the disk. Of files that are not here yet, the sizes are not
    /// known: those are watched as they come.
    fn refuse_large(&self, commit: &str, path: &str, is_partial: bool) -> Result<(), FetchError> {
        let mut arguments = vec!["--literal-pathspecs", "ls-tree", "-r", "-z", "--full-tree"];
        if !is_partial {
            arguments.push("-l");
        }
        arguments.push(commit);
        if !path.is_empty() {
            arguments.extend(["--", path]);
        }
        let listed = self.here(&arguments)?;
        let files = || listed.split_terminator('\0');
        let size = |line: &str| {
            line.split('\t')
                .next()?
                .split_ascii_whitespace()
                .nth(3)?
                .parse::<u64>()
                .ok()
        };
        let bytes = files().filter_map(size).fold(0, u64::saturating_add);
        if self.limits.refuses(files().count() as u64, bytes) {
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
    fn outside(&self, arguments: &[&str]) -> Result<Said, FetchError> {
        retry(|| self.run(arguments, true))
    }

    fn here(&self, arguments: &[&str]) -> Result<String, FetchError> {
        let said = self.run(arguments, false).map_err(|trouble| trouble.error)?;
        Ok(said.stdout)
    }

    fn run(&self, arguments: &[&str], is_outside: bool) -> Result<Said, Trouble> {
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
        let mut room = self
            .room
            .filter(|_| is_outside)
            .map(|room| Watched::new(room, self.limits));
        let may_go_on = &mut || room.as_mut().is_none_or(Watched::is_within);
        match process::run_watched(&mut command, None, &limits, may_go_on) {
            Ok(Output { status, stdout, stderr }) if status.success() => {
                let stdout = String::from_utf8(stdout).map_err(|_| {
                    let message = format!("\"{url}\" has names of files that are no UTF-8");
                    fail(FetchErrorKind::Input, message)
                })?;
                let stderr = String::from_utf8_lossy(&stderr).into_owned();
                Ok(Said { stdout, stderr })
            }
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
            Err(Failure::Output { .. } | Failure::Stopped) => Err(Trouble::lasting(too_large(self.spec, self.limits))),
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
            // What comes is written to the disk as it comes, not collected in memory.
            "fetch.unpackLimit=1",
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
