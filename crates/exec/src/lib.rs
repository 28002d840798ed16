//! The programs of a build, run on this machine: helm, docker, functions and plugins.
//!
//! In goes a [`build::Call`]; out comes what the program wrote. Each runs with limits of time and output;
//! its files stand in a directory of their own, which goes when it is done.

mod filled;
mod plugin_home;

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, ExitStatus};

use build::{Call, Program, ProgramError, Programs, Ran, Word};
use process::{Debt, Failure};

use filled::Filled;
pub use plugin_home::PluginHome;
pub use process::{Limits, Scratch};

/// Runs programs with limits.
#[derive(Clone, Debug)]
pub struct Executor {
    helm: String,
    limits: Limits,
    plugins: PluginHome,
}

impl Executor {
    /// `helm` is the name or the path of the helm program.
    pub fn new(helm: impl Into<String>, limits: Limits, plugins: PluginHome) -> Executor {
        Executor {
            helm: helm.into(),
            limits,
            plugins,
        }
    }

    fn program(&self, call: &Call) -> PathBuf {
        match &call.program {
            Program::Helm => PathBuf::from(&self.helm),
            Program::Docker => PathBuf::from("docker"),
            Program::Path(path) => match &call.directory {
                Some(directory) if path.contains('/') => directory.join(path),
                _ => PathBuf::from(path),
            },
        }
    }

    fn failed(&self, call: &Call, failure: &Failure) -> ProgramError {
        let name = match &call.program {
            Program::Helm => &self.helm,
            Program::Docker => "docker",
            Program::Path(path) => path,
        };
        let error = ProgramError::new(format!("\"{name}\" {failure}")).stderr(failure.stderr());
        match (failure, &call.program) {
            (Failure::Start(cause), _) => match Self::start_hint(call, name, cause.kind()) {
                Some(hint) => error.hint(hint),
                None => error,
            },
            (Failure::Time { .. }, _) => error.hint("give it longer with --program-timeout"),
            _ => error,
        }
    }

    /// What to do about a program that cannot be started.
    fn start_hint(call: &Call, name: &str, cause: io::ErrorKind) -> Option<String> {
        let hint = match (cause, &call.program) {
            (io::ErrorKind::PermissionDenied, Program::Helm) => {
                format!("\"{name}\" is not executable: chmod +x it, or name another with --helm-command")
            }
            (io::ErrorKind::PermissionDenied, Program::Docker) => "the docker program is not executable".to_owned(),
            (io::ErrorKind::PermissionDenied, Program::Path(_)) => format!("make it executable: chmod +x {name}"),
            (io::ErrorKind::NotFound, Program::Helm) => "install helm, or name it with --helm-command".to_owned(),
            (io::ErrorKind::NotFound, Program::Docker) => "functions in containers need the docker program".to_owned(),
            (_, Program::Helm) => "name a helm that runs on this machine with --helm-command".to_owned(),
            _ => return None,
        };
        Some(hint)
    }
}

impl Programs for Executor {
    fn run(&self, call: &Call) -> Result<Ran, ProgramError> {
        let unwritable = |error: io::Error| {
            ProgramError::new(format!("cannot make a temporary file: {error}"))
                .hint("set TMPDIR to a directory that this user may write to")
        };
        let scratch = Scratch::new(call.scratch).map_err(unwritable)?;
        for (name, bytes) in &call.files {
            let path = scratch_path(&scratch, name)?;
            fs::write(path, bytes).map_err(unwritable)?;
        }
        let filled = call.fills.as_deref().map(Filled::prepare).transpose()?;
        let word = |word: &Word| match word {
            Word::Text(text) => Ok(PathBuf::from(text)),
            Word::Filled => Ok(filled.as_ref().map(Filled::path).unwrap_or_default()),
            Word::Scratch(name) => scratch_path(&scratch, name),
        };
        let mut command = Command::new(self.program(call));
        let mut arguments = call.arguments.iter();
        // A container is in the hands of a daemon: ending the program that asked for it does not end it.
        let mut container = None;
        if call.program == Program::Docker
            && let Some(first) = arguments.next()
            && let Some(name) = scratch.path().file_name().and_then(OsStr::to_str)
        {
            command.arg(word(first)?).args(["--name", name]);
            container = Some(Debt::new(&["docker", "kill", name]));
        }
        for argument in arguments {
            command.arg(word(argument)?);
        }
        for (name, value) in &call.variables {
            command.env(name, word(value)?);
        }
        if let Some(directory) = &call.directory {
            command.current_dir(directory);
        }
        let output = process::run_alone(&mut command, call.stdin.clone(), &self.limits).map_err(|failure| {
            if let Some(container) = container.take().filter(|_| !matches!(failure, Failure::Start(_))) {
                container.pay();
            }
            self.failed(call, &failure)
        })?;
        if let Some(filled) = filled.filter(|_| output.status.success()) {
            filled.keep()?;
        }
        Ok(Ran {
            failure: (!output.status.success()).then(|| describe(output.status)),
            stdout: output.stdout,
            stderr: output.stderr,
        })
    }

    fn plugin(&self, path: &str) -> Result<PathBuf, ProgramError> {
        self.plugins.find(path)
    }
}

/// A path in the directory of a call. Names come from the user: none of them may lead out of it.
fn scratch_path(scratch: &Scratch, name: &str) -> Result<PathBuf, ProgramError> {
    let is_below = Path::new(name)
        .components()
        .all(|component| matches!(component, Component::Normal(_)));
    if !is_below {
        return Err(ProgramError::new(format!("\"{name}\" is no name for a file")));
    }
    Ok(scratch.path().join(name))
}

fn describe(status: ExitStatus) -> String {
    if let Some(code) = status.code() {
        return format!("exit code {code}");
    }
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("ended by signal {signal}");
    }
    status.to_string()
}

/// The user and group of this process, in docker's words.
pub fn current_user() -> String {
    #[cfg(unix)]
    return format!(
        "{}:{}",
        rustix::process::getuid().as_raw(),
        rustix::process::getgid().as_raw()
    );
    #[cfg(not(unix))]
    return "nobody".to_owned();
}
