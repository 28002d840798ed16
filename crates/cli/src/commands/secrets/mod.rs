//! `terrace secrets`: intents of the trees, and what they are in each environment.

mod list;
mod render;

use build::Session;
use clap::{Args, Subcommand};
use platform::Platform;
use secret::{DecodeError, Destination, Intent};
use yaml::Mark;

use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::setup::{Setup, SetupArgs};
use crate::targets::{Target, TargetArgs, build_each, read_platform, targets};

/// Secrets: what applications want to know, written out for the backend of each environment.
///
/// A `SecretIntent` names a secret, its keys and their path. Where an environment keeps secrets, and in which form they
/// come into its cluster, stands in terrace.yaml under `secrets`. Values are never read.
#[derive(Args, Debug)]
pub(crate) struct SecretsArgs {
    #[command(subcommand)]
    command: SecretsCommand,
}

#[derive(Debug, Subcommand)]
enum SecretsCommand {
    Render(render::RenderArgs),
    List(list::ListArgs),
}

/// Which environments.
#[derive(Args, Debug)]
struct WhichArgs {
    #[command(flatten)]
    targets: TargetArgs,
    #[command(flatten)]
    setup: SetupArgs,
}

pub(crate) fn run(args: &SecretsArgs) -> Exit {
    match &args.command {
        SecretsCommand::Render(args) => with_session(&args.which, |setup, session| render::run(args, setup, session)),
        SecretsCommand::List(args) => with_session(&args.which, |setup, session| list::run(args, setup, session)),
    }
}

fn with_session(which: &WhichArgs, answer: impl FnOnce(&Setup, &Session<'_>) -> Result<Exit, Box<Diagnostic>>) -> Exit {
    let setup = which.setup.setup();
    let session = setup.session();
    answer(&setup, &session).unwrap_or_else(|diagnostic| {
        setup.reporter.error(&diagnostic, session.sources());
        Exit::WrongInput
    })
}

/// The intents of one target.
struct Intents<'p> {
    target: Target<'p>,
    intents: Vec<Result<Intent, DecodeError>>,
}

impl WhichArgs {
    /// Builds the targets, and reads their intents.
    fn intents<'p>(
        &self,
        setup: &Setup,
        session: &Session<'_>,
        platform: Option<&'p Platform>,
    ) -> Result<Vec<Intents<'p>>, Box<Diagnostic>> {
        let chosen = targets(&self.targets, session, platform)?.chosen;
        let borrowed: Vec<&Target<'_>> = chosen.iter().collect();
        let read = build_each(&borrowed, setup, session, !self.setup.is_quiet(), |_, built| {
            let built = built?;
            let intents = built.objects.iter().filter(|object| secret::is_intent(object));
            Ok(intents.map(Intent::read).collect())
        });
        let mut all = Vec::new();
        for (target, intents) in chosen.into_iter().zip(read) {
            let intents = intents.map_err(|error: build::BuildError| Box::new(Diagnostic::from(error)))?;
            all.push(Intents { target, intents });
        }
        Ok(all)
    }

    fn platform(&self, session: &Session<'_>) -> Result<Option<Platform>, Box<Diagnostic>> {
        read_platform(&self.targets, session)
    }
}

impl Intents<'_> {
    /// Where the secrets of the target are kept.
    ///
    /// # Errors
    /// Where terrace.yaml does not say it, at the intent.
    fn destination(&self, intent: &Intent) -> Result<&Destination, Box<Diagnostic>> {
        let name = match self.target.facts.environment.as_str() {
            "" => &self.target.facts.target,
            environment => environment,
        };
        self.target.place.secrets.as_ref().ok_or_else(|| {
            let message = format!("nobody says how secrets come into {name}");
            let hint = "say it in terrace.yaml, at the environment: secrets: {backend: secretManager, form: csi}";
            at(intent.mark, Diagnostic::error(message).hint(hint))
        })
    }
}

fn at(mark: Mark, diagnostic: Diagnostic) -> Box<Diagnostic> {
    Box::new(Diagnostic { mark, ..diagnostic })
}

fn wrong(error: DecodeError) -> Diagnostic {
    Diagnostic {
        mark: error.mark,
        hint: error.hint,
        ..Diagnostic::error(error.message)
    }
}
