//! `terrace lock`: writes down what the URLs of a kustomization lead to.

use std::path::{Path, PathBuf};

use build::{Failure, Session};
use clap::Args;
use fetch::{LOCK_NAME, Lock};

use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::output;
use crate::remote::lock_beside;
use crate::setup::{Setup, SetupArgs};

/// Write down what the URLs of a kustomization lead to.
///
/// Writes `terrace.lock` beside the kustomization file of each directory: every remote repository and
/// file that its build needs, with its commit and digest. From then on a build of that directory uses
/// only these, and fails where one of them is different or missing. Run it again to lock what the URLs
/// lead to by then.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Lock what production needs
  terrace lock overlays/prod

  # In CI: fail where the lock is not what would be written now
  terrace lock --check overlays/prod

  # Build without the network, from the cache, to the byte what was locked
  terrace build overlays/prod --offline
")]
pub(crate) struct LockArgs {
    /// Directories of kustomizations; without one, the working directory.
    #[arg(value_name = "DIR")]
    directories: Vec<PathBuf>,
    /// Write nothing; fail where a lock is not what would be written.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    setup: SetupArgs,
}

pub(crate) fn run(args: &LockArgs) -> Exit {
    let setup = args.setup.setup();
    let working = [PathBuf::from(".")];
    let directories = match args.directories.as_slice() {
        [] => &working[..],
        directories => directories,
    };
    let mut exit = Exit::Done;
    for directory in directories {
        let answer = lock(args, directory, &setup);
        exit = if exit == Exit::Done { answer } else { exit };
    }
    exit
}

fn lock(args: &LockArgs, directory: &Path, setup: &Setup) -> Exit {
    let reporter = &setup.reporter;
    let session = setup.session();
    let path = directory.join(LOCK_NAME);
    if !directory.is_dir() && directory.to_string_lossy().contains(':') {
        let message = format!(
            "\"{}\" is remote, and a lock is written beside a kustomization",
            directory.display()
        );
        let hint = "name a directory of yours whose kustomization lists this URL";
        reporter.error(&Diagnostic::error(message).hint(hint), session.sources());
        return Exit::WrongInput;
    }
    let fetcher = setup.outside.fetcher(None);
    if let Err(Failure { error, sources }) = session.beside(&fetcher).build(directory, &setup.options) {
        let exit = Exit::of(error.kind);
        reporter.error(&error.into(), &sources);
        return exit;
    }
    let now = fetcher.given();
    let done = if args.check {
        check(&session, directory, &path, &now)
    } else {
        write(&path, &now)
    };
    match done {
        Ok(()) => Exit::Done,
        Err(diagnostic) => {
            reporter.error(&diagnostic, session.sources());
            Exit::WrongInput
        }
    }
}

fn write(path: &Path, now: &Lock) -> Result<(), Diagnostic> {
    output::write_file(path, now.to_text().as_bytes())
        .map_err(|error| Diagnostic::error(format!("cannot write \"{}\": {error}", path.display())))?;
    let (repositories, files) = now.len();
    let counted = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let line = format!(
        "{}: {}, {}\n",
        path.display(),
        counted(repositories, "repository", "repositories"),
        counted(files, "file", "files")
    );
    output::answer(&[line]).map_err(|diagnostic| *diagnostic)
}

/// Fails where the lock that is there is not the one of now.
fn check(session: &Session<'_>, directory: &Path, path: &Path, now: &Lock) -> Result<(), Diagnostic> {
    let there = lock_beside(session, directory)?;
    let differences = there.clone().unwrap_or_default().differences(now);
    let hint = format!("run `terrace lock {}`", directory.display());
    match there {
        Some(_) if differences.is_empty() => Ok(()),
        None => Err(Diagnostic::error(format!("there is no \"{}\"", path.display())).hint(hint)),
        Some(_) => {
            let message = format!("\"{}\" is stale: {}", path.display(), differences.join("; "));
            Err(Diagnostic::error(message).hint(hint))
        }
    }
}
