//! What a build has run for it: helm, functions, plugins. A build says what to run, to the last
//! argument; whoever implements [`Programs`] runs it, with limits.

use std::path::PathBuf;

use yaml::Mark;

use crate::error::{BuildError, ErrorKind};

/// A way to run programs. Every method may be called from several threads at once.
pub trait Programs: Sync {
    /// Runs a program to its end.
    ///
    /// # Errors
    /// [`ProgramError`] where it cannot be started, or did not come to an end of its own.
    fn run(&self, call: &Call) -> Result<Ran, ProgramError>;

    /// The file of a plugin: `path` below the directory of plugins.
    ///
    /// # Errors
    /// [`ProgramError`] where there is no such file, or it cannot be run.
    fn plugin(&self, path: &str) -> Result<PathBuf, ProgramError>;
}

/// One run of a program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    pub program: Program,
    pub arguments: Vec<Word>,
    /// Added to the environment that the build itself was started in.
    pub variables: Vec<(String, Word)>,
    /// Where it runs, if that matters.
    pub directory: Option<PathBuf>,
    /// What it reads; nothing without it.
    pub stdin: Option<Vec<u8>>,
    /// Files that are made for it, in a directory of this call alone that goes when it is done.
    pub files: Vec<(String, Vec<u8>)>,
    /// How the name of that directory begins.
    pub scratch: &'static str,
    /// A directory that the program fills, [`Word::Filled`]. It fills another one: what it made is moved here
    /// when it has succeeded, so that nothing here is ever half done.
    pub fills: Option<PathBuf>,
}

/// What is run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Program {
    /// helm, under the name that the user gave it.
    Helm,
    /// docker, found on the path.
    Docker,
    /// A program by its path: relative to the directory of the call where it holds a slash, found on
    /// the path where it holds none.
    Path(String),
}

/// A word of a command line or of the environment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    Text(String),
    /// The path of this name in the directory of the call.
    Scratch(String),
    /// The path of the directory that the program fills.
    Filled,
}

impl Word {
    /// The word, unless only who runs the program knows it.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Word::Text(text) => Some(text),
            Word::Scratch(_) | Word::Filled => None,
        }
    }
}

impl<T: Into<String>> From<T> for Word {
    fn from(text: T) -> Word {
        Word::Text(text.into())
    }
}

/// What a program left.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// How it failed, in a few words: `exit code 1`. `None` where it succeeded.
    pub failure: Option<String>,
}

/// A program did not do what it was run for.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ProgramError {
    /// A lower-case fragment that quotes the program.
    pub message: String,
    /// What it wrote to its standard error until then.
    pub stderr: Vec<u8>,
    /// What to do next.
    pub hint: Option<String>,
}

/// What a build may run; nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Permissions {
    pub helm: Option<HelmSettings>,
    pub plugins: Option<PluginSettings>,
}

/// What every chart of a build has in common.
#[derive(Clone, Debug, Default)]
pub struct HelmSettings {
    /// Versions of APIs that are taken as available, where a chart says none.
    pub api_versions: Vec<String>,
    /// The version of Kubernetes, where a chart says none.
    pub kube_version: String,
    pub debug: bool,
}

/// What every function and plugin of a build has in common.
#[derive(Clone, Debug, Default)]
pub struct PluginSettings {
    /// Functions that are programs on this machine may run, not only those in containers.
    pub exec: bool,
    /// Functions that ask for the network get it.
    pub network: bool,
    /// Mounts for containers, in docker's words.
    pub mounts: Vec<String>,
    /// Variables for functions: `NAME` or `NAME=VALUE`.
    pub variables: Vec<String>,
    /// The user in containers, in docker's words.
    pub user: String,
}

/// As much of what a program said is shown in an error.
const SHOWN_LINES: usize = 30;
const SHOWN_LINE: usize = 400;

impl ProgramError {
    pub fn new(message: impl Into<String>) -> ProgramError {
        ProgramError {
            message: message.into(),
            stderr: Vec::new(),
            hint: None,
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> ProgramError {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn stderr(mut self, stderr: impl Into<Vec<u8>>) -> ProgramError {
        self.stderr = stderr.into();
        self
    }

    /// The error at the line that named the program.
    pub(crate) fn at(&self, mark: Mark) -> BuildError {
        let error = BuildError {
            hint: self.hint.clone(),
            ..BuildError::new(ErrorKind::Program, mark, self.message.clone())
        };
        match quote(&self.stderr) {
            Some(said) => error.related(Mark::NONE, format!("it said:\n{said}")),
            None => error,
        }
    }
}

/// The last lines of what a program said; nothing where it said nothing.
pub(crate) fn quote(stderr: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let left_out = lines.len().saturating_sub(SHOWN_LINES);
    let cut = |line: &&str| match line.char_indices().nth(SHOWN_LINE) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => (*line).to_owned(),
    };
    let mut shown: Vec<String> = lines[left_out..].iter().map(cut).collect();
    if left_out > 0 {
        shown.insert(0, format!("({left_out} lines before)"));
    }
    (!shown.is_empty()).then(|| shown.join("\n"))
}
