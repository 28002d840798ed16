//! `terrace secrets render`: intents as the objects and files of each environment.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use build::{DEFAULT_FILE_LIMIT, Session};
use clap::Args;
use secret::Written;

use super::{Intents, WhichArgs, wrong};
use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::output;
use crate::setup::Setup;

/// Write the secrets of environments out, as terrace.yaml says how they come into each cluster.
///
/// ExternalSecrets, SecretProviderClasses of the CSI driver, or references to files that kubeseal or sops sealed. With
/// --write they are put beside the kustomization of the environment, which then lists them; without it they are printed.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # What production is given
  terrace secrets render --environment prod

  # Into every environment of terrace.yaml
  terrace secrets render --write

  # In CI: fail where what is written is not what would be written now
  terrace secrets render --check
")]
pub(super) struct RenderArgs {
    #[command(flatten)]
    pub(super) which: WhichArgs,
    /// Write files beside the kustomizations, and list them there.
    #[arg(long, conflicts_with = "check")]
    write: bool,
    /// Write nothing; fail where files are not what would be written.
    #[arg(long)]
    check: bool,
}

const OBJECTS: &str = "secrets.terrace.yaml";
const GENERATORS: &str = "secrets.generators.terrace.yaml";
const HEADER: &str = "# Written by terrace secrets render --write: change the intents, not this file.\n";

/// What one target is given.
#[derive(Default)]
struct Given {
    objects: Vec<String>,
    generators: Vec<String>,
    /// Files that are there.
    files: Vec<(String, String)>,
}

pub(super) fn run(args: &RenderArgs, setup: &Setup, session: &Session<'_>) -> Result<Exit, Box<Diagnostic>> {
    let platform = args.which.platform(session)?;
    let all = args.which.intents(setup, session, platform.as_ref())?;
    let mut exit = Exit::Done;
    let mut printed = Vec::new();
    for target in &all {
        let (given, errors) = given(target, session);
        if !errors.is_empty() {
            exit = Exit::WrongInput;
            setup.reporter.errors(&errors, session.sources());
            continue;
        }
        if args.check {
            for message in given.differences(&target.target.directory, session) {
                exit = Exit::WrongInput;
                let hint = "run terrace secrets render --write";
                setup
                    .reporter
                    .error(&Diagnostic::error(message).hint(hint), session.sources());
            }
        } else if args.write {
            given
                .write(&target.target.directory)
                .map_err(|message| Box::new(Diagnostic::error(message)))?;
        } else {
            printed.extend(given.text());
        }
    }
    if !args.write && !args.check {
        output::answer(&[printed.join("---\n")])?;
    }
    Ok(exit)
}

/// Everything that a target is given, and what cannot be.
fn given(target: &Intents<'_>, session: &Session<'_>) -> (Given, Vec<Diagnostic>) {
    let (mut given, mut errors) = (Given::default(), Vec::new());
    let read = |name: &str| {
        let path = target.target.directory.join(name);
        let bytes = session.files().read(&path, DEFAULT_FILE_LIMIT);
        let shown = session.files().display(&path);
        let bytes = bytes.map_err(|error| match error.kind() {
            ErrorKind::NotFound => format!("there is no {shown}"),
            _ => format!("cannot read {shown}: {error}"),
        })?;
        String::from_utf8(bytes).map_err(|error| format!("cannot read {shown}: {error}"))
    };
    for intent in &target.intents {
        let written = match intent {
            Ok(intent) => target
                .destination(intent)
                .map_err(|diagnostic| *diagnostic)
                .and_then(|destination| destination.write(intent, &read).map_err(wrong)),
            Err(error) => Err(wrong(error.clone())),
        };
        match written {
            Ok(Written::Object(text)) => given.objects.push(text),
            Ok(Written::Generator(text)) => given.generators.push(text),
            Ok(Written::File { path, text }) => given.files.push((path, text)),
            Err(error) => errors.push(error),
        }
    }
    (given, errors)
}

impl Given {
    fn text(self) -> impl Iterator<Item = String> {
        let files = self.files.into_iter().map(|(_, text)| text);
        self.objects.into_iter().chain(self.generators).chain(files)
    }

    /// The files that are written, with their texts.
    fn written(&self) -> impl Iterator<Item = (&'static str, String)> {
        let named = [(OBJECTS, &self.objects), (GENERATORS, &self.generators)];
        named.into_iter().map(|(name, texts)| {
            (
                name,
                if texts.is_empty() {
                    String::new()
                } else {
                    HEADER.to_owned() + &texts.join("---\n")
                },
            )
        })
    }

    fn write(&self, directory: &Path) -> Result<(), String> {
        for (name, text) in self.written() {
            let path = directory.join(name);
            let is_resource = name == OBJECTS;
            if !text.is_empty() {
                output::write_file(&path, text.as_bytes())
                    .map_err(|error| format!("cannot write \"{}\": {error}", path.display()))?;
                list(directory, name, is_resource)?;
            } else if path.exists() {
                unlist(directory, name, is_resource)?;
                fs::remove_file(&path).map_err(|error| format!("cannot remove \"{}\": {error}", path.display()))?;
            }
        }
        for (name, _) in &self.files {
            list(directory, name, true)?;
        }
        Ok(())
    }

    fn differences(&self, directory: &Path, session: &Session<'_>) -> Vec<String> {
        let mut found = Vec::new();
        for (name, text) in self.written() {
            let path = directory.join(name);
            let there = fs::read_to_string(&path).unwrap_or_default();
            if there != text {
                let word = if there.is_empty() {
                    "is missing"
                } else {
                    "is not what the intents say"
                };
                found.push(format!("{} {word}", session.files().display(&path)));
            }
        }
        found
    }
}

/// Lists a file in the kustomization of a directory, unless it is there.
fn list(directory: &Path, name: &str, is_resource: bool) -> Result<(), String> {
    let names = [name.to_owned()];
    let listed = match is_resource {
        true => edit::add::resource(directory, &names, true),
        false => edit::add::generator(directory, &names),
    };
    listed.map(drop).map_err(|error| error.to_string())
}

fn unlist(directory: &Path, name: &str, is_resource: bool) -> Result<(), String> {
    let names = [name.to_owned()];
    match is_resource {
        true => edit::remove::resource(directory, &names)
            .map(drop)
            .map_err(|error| error.to_string()),
        // Nothing of kustomize's removes generators.
        false => Err(format!(
            "take {name} out of the generators of {}: no intent asks for it any more",
            directory.display()
        )),
    }
}
