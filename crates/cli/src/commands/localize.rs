//! `localize`: a copy of a kustomization that needs nothing from outside, and whether it builds to the same.

use std::path::Path;

use build::{BuildError, Failure, Options, OsFiles, Session};
use clap::Args;
use edit::localize::{Request, localize};

use crate::args::{NetworkArgs, go_bool, working_directory};
use crate::diagnostic::{Diagnostic, Face, Reporter};
use crate::exit::Exit;
use crate::remote::{Outside, lock_beside};

/// Copy a kustomization with all that it names, remote parts included, into a new directory.
///
/// Files and directories that the kustomization names are copied; what is remote is downloaded into
/// `localized-files` beside the kustomization that names it. Comments and layout of kustomizations stay.
/// Nothing is left behind if it fails.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # The working directory, into localized-NAME
  terrace localize

  # A directory that uses others beside it
  terrace localize overlays/prod copy --scope .

  # A directory of a Git repository
  terrace localize 'https://github.com/kubernetes-sigs/kustomize//examples/helloWorld?ref=v5.8.1' copy
")]
pub(crate) struct LocalizeArgs {
    /// A directory, or the URL of one in a Git repository; without it, the working directory.
    #[arg(default_value = ".", hide_default_value = true)]
    target: String,
    /// The directory to be made.
    #[arg(default_value = "", hide_default_value = true)]
    destination: String,
    #[arg(hide = true)]
    more: Vec<String>,
    /// The directory that local paths may not leave; without it, the target.
    #[arg(long, value_name = "DIR", default_value = "", hide_default_value = true)]
    scope: String,
    /// Do not build the target and its copy to compare them.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    no_verify: bool,
}

pub(crate) fn run(args: &LocalizeArgs, reporter: &Reporter, network: NetworkArgs) -> Exit {
    let none = yaml::Sources::new();
    if !args.more.is_empty() {
        let message = format!("accepts at most 2 arg(s), received {}", 2 + args.more.len());
        reporter.error(&Diagnostic::error(message), &none);
        return if reporter.face == Face::Terrace {
            Exit::WrongUsage
        } else {
            Exit::WrongInput
        };
    }
    let target = &*args.target;
    let files = OsFiles::new(working_directory());
    let session = Session::new(&files);
    let lock = match lock_beside(&session, Path::new(target)) {
        Ok(lock) => lock,
        Err(error) => return failed(error, &none, reporter),
    };
    let fetcher = Outside::new(network, reporter).fetcher(lock);
    let session = session.beside(&fetcher);
    let request = Request {
        target,
        scope: &args.scope,
        destination: &args.destination,
    };
    let localized = match localize(&files, Some(&fetcher), &request) {
        Ok(localized) => localized,
        Err(Failure { mut error, sources }) => {
            error.message = format!("unable to localize target \"{target}\": {}", error.message);
            return failed(error, &sources, reporter);
        }
    };
    let unwritable = |error: edit::Error| {
        reporter.error(&Diagnostic::error(error.to_string()), &none);
        Exit::WrongInput
    };
    let staged = match localized.tree.stage(&localized.destination) {
        Ok(staged) => staged,
        Err(error) => return unwritable(error),
    };
    let verified = (!args.no_verify).then(|| verify(&session, target, &staged.path().join(&localized.target)));
    let is_good = matches!(verified, None | Some(Ok(true)));
    // kustomize leaves a copy that it could not verify.
    if (is_good || reporter.face == Face::Kustomize)
        && let Err(error) = staged.publish()
    {
        return unwritable(error);
    }
    let written = localized.destination.display();
    match verified {
        None => {}
        Some(Ok(true)) => reporter.note(&format!(
            "VERIFICATION SUCCESS: `kustomize build` for {target} and {written} are the same after localization."
        )),
        Some(Ok(false)) => {
            let message = format!(
                "VERIFICATION FAILED: `kustomize build` for {target} and {written} are different after localization."
            );
            let hint = "use --no-verify to have the copy all the same";
            let error = Diagnostic::error(message);
            let error = if reporter.face == Face::Terrace {
                error.hint(hint)
            } else {
                error
            };
            reporter.error(&error, &none);
            return Exit::WrongInput;
        }
        Some(Err(Failure { error, sources })) => {
            let hint = match reporter.face {
                Face::Terrace => "if the target needs flags to build, use --no-verify, and build both with them",
                Face::Kustomize => {
                    "the copy is written; if the target needs flags to build, use --no-verify and build both with them"
                }
            };
            let hint = match &error.hint {
                Some(first) => format!("{first}\n{hint}"),
                None => hint.to_owned(),
            };
            let error = error.hint(hint);
            return failed(error, &sources, reporter);
        }
    }
    reporter.note(&format!("SUCCESS: localized \"{target}\" to directory {written}"));
    Exit::Done
}

fn failed(error: BuildError, sources: &yaml::Sources, reporter: &Reporter) -> Exit {
    let exit = Exit::of(error.kind);
    reporter.error(&error.into(), sources);
    match reporter.face {
        Face::Terrace => exit,
        Face::Kustomize => Exit::WrongInput,
    }
}

/// Whether target and copy build to the same bytes.
fn verify(session: &Session<'_>, target: &str, copy: &Path) -> Result<bool, Failure> {
    let bytes = |directory: &Path| {
        let built = session.build(directory, &Options::default())?;
        built.to_yaml().map_err(|error| Failure {
            error,
            sources: built.sources.clone(),
        })
    };
    Ok(bytes(Path::new(target))? == bytes(copy)?)
}
