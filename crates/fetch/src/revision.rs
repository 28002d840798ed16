//! A revision of a local repository as a tree of files, read through the `git` program: nothing is checked
//! out, and what lies in the working tree is not looked at.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use build::{EntryKind, FetchError, FetchErrorKind, FileKind, Files, MemoryFiles, OverlayFiles};
use process::Limits;

/// As long as `git` may take, and as much as it may write.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(120),
    output: 1 << 30,
};

static NOTHING: LazyLock<MemoryFiles> = LazyLock::new(MemoryFiles::new);

/// The files of a revision. The root of the repository is `/`.
pub struct Revision {
    name: String,
    files: OverlayFiles<'static>,
    /// The root of the repository on the disk.
    top: PathBuf,
    /// The directory that relative paths are taken from.
    here: PathBuf,
}

impl Revision {
    /// Reads a revision of the repository that a directory is in; relative paths are taken from there.
    ///
    /// # Errors
    /// [`FetchError`] where there is no repository, it has no such revision, or `git` fails.
    pub fn read(directory: &Path, name: &str) -> Result<Revision, FetchError> {
        let git = |arguments: &[&str], stdin: Option<Vec<u8>>| git(directory, arguments, stdin);
        let places = git(&["rev-parse", "--show-toplevel", "--show-prefix"], None)?;
        let places = String::from_utf8_lossy(&places);
        let (top, prefix) = places.split_once('\n').unwrap_or((&*places, ""));
        let commit = git(
            &[
                "rev-parse",
                "--verify",
                "--quiet",
                "--end-of-options",
                &format!("{name}^{{commit}}"),
            ],
            None,
        )
        .map_err(|_| {
            let message = format!("the repository has no revision \"{}\"", name.escape_debug());
            FetchError::new(FetchErrorKind::Input, message)
                .hint("a branch, a tag or a commit; `git fetch` may be needed")
        })?;
        let commit = String::from_utf8_lossy(&commit).trim().to_owned();
        let listed = git(&["ls-tree", "-r", "-z", "--full-tree", &commit], None)?;
        let entries: Vec<Listed> = listed.split(|byte| *byte == 0).filter_map(Listed::read).collect();
        let wanted: String = entries.iter().map(|entry| format!("{}\n", entry.object)).collect();
        let contents = git(&["cat-file", "--batch"], Some(wanted.into_bytes()))?;
        let mut files = OverlayFiles::new(&*NOTHING);
        let mut rest = &contents[..];
        for entry in entries {
            let (bytes, after) = next_blob(rest).ok_or_else(|| failed(directory, "what it wrote was cut off"))?;
            rest = after;
            let path = Path::new("/").join(&entry.path);
            if entry.is_link {
                files.link(path, PathBuf::from(String::from_utf8_lossy(bytes).into_owned()));
            } else {
                files.write(path, bytes);
            }
        }
        Ok(Revision {
            name: name.to_owned(),
            files,
            top: PathBuf::from(top),
            here: Path::new("/").join(prefix.trim_end_matches(['\n', '/'])),
        })
    }

    /// The directory that relative paths are taken from, seen from the root of the repository.
    pub fn directory(&self) -> &Path {
        &self.here
    }
}

/// A file of a tree.
struct Listed {
    object: String,
    path: String,
    is_link: bool,
}

impl Listed {
    /// `MODE TYPE OBJECT\tPATH`; submodules are no files.
    fn read(line: &[u8]) -> Option<Listed> {
        let line = String::from_utf8_lossy(line);
        let (facts, path) = line.split_once('\t')?;
        let mut facts = facts.split(' ');
        let (mode, kind, object) = (facts.next()?, facts.next()?, facts.next()?);
        (kind == "blob").then(|| Listed {
            object: object.to_owned(),
            path: path.to_owned(),
            is_link: mode == "120000",
        })
    }
}

/// `OBJECT TYPE SIZE\n`, the content, `\n`.
fn next_blob(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let size: usize = head.rsplit(' ').next()?.parse().ok()?;
    let content = bytes.get(end + 1..end + 1 + size)?;
    Some((content, bytes.get(end + 2 + size..)?))
}

fn git(directory: &Path, arguments: &[&str], stdin: Option<Vec<u8>>) -> Result<Vec<u8>, FetchError> {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(directory)
        .args(["-c", "core.fsmonitor=false"])
        .args(arguments)
        .env("LC_ALL", "C")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_NO_LAZY_FETCH", "1");
    let output =
        process::run(&mut command, stdin, &LIMITS).map_err(|failure| failed(directory, &failure.to_string()))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(failed(directory, String::from_utf8_lossy(&output.stderr).trim()))
    }
}

fn failed(directory: &Path, said: &str) -> FetchError {
    let message = format!("git cannot read the repository of \"{}\": {said}", directory.display());
    FetchError::new(FetchErrorKind::Input, message)
}

impl Files for Revision {
    fn resolve(&self, path: &Path) -> io::Result<(PathBuf, FileKind)> {
        self.files.resolve(path)
    }

    fn entry_kind(&self, path: &Path) -> io::Result<EntryKind> {
        self.files.entry_kind(path)
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        self.files.read_link(path)
    }

    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        self.files.read(path, limit)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        self.files.list(directory)
    }

    /// A path on the disk is that of the same file in the repository.
    fn absolute(&self, path: &Path) -> io::Result<PathBuf> {
        let inside = path.strip_prefix(&self.top).map(|inside| Path::new("/").join(inside));
        let path = inside.unwrap_or_else(|_| self.here.join(path));
        self.files.absolute(&path)
    }

    /// As `git` names it: `REVISION:PATH`.
    fn display(&self, path: &Path) -> String {
        let inside = path.strip_prefix("/").unwrap_or(path).display();
        format!("{}:{inside}", self.name)
    }
}
