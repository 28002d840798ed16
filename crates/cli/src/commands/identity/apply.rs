//! `terrace identity plan --apply`: the plan is shown, somebody says yes, and Google is asked to make it so.

use std::cell::Cell;
use std::io::{IsTerminal, Write};

use build::Session;
use clap::Args;
use deliver::Recording;
use deliver::grants::{self, Event};
use google::Client;
use identity::{Plan, Removal};
use record::{Location, RecordError, Recorder, Secrets, Time};

use crate::actor::actor;
use crate::diagnostic::{Diagnostic, Reporter};
use crate::exit::Exit;
use crate::output;
use crate::record_place::{RecordArgs, RecordPlace, ignore_in_git};

/// Whether the plan is carried out.
#[derive(Args, Debug)]
pub(super) struct ApplyArgs {
    /// Make the roles and grants through Google's API, and take back what --remove names, after the plan was shown and
    /// somebody said yes.
    #[arg(long, conflicts_with = "output")]
    apply: bool,
    /// Say yes beforehand: there may be no terminal to ask at.
    #[arg(long, requires = "apply")]
    yes: bool,
    #[command(flatten)]
    record: RecordArgs,
}

impl ApplyArgs {
    pub(super) fn is_wanted(&self) -> bool {
        self.apply
    }

    /// Carries out a plan that was shown.
    pub(super) fn run(
        &self,
        plan: &Plan,
        removals: &[Removal],
        impersonate: Option<&str>,
        reporter: &Reporter,
        session: &Session<'_>,
    ) -> Result<Exit, Box<Diagnostic>> {
        let changes = plan.grants.len() + removals.len();
        if changes == 0 {
            return Ok(Exit::Done);
        }
        if !self.yes && !said_yes(changes)? {
            output::answer(&["nothing was changed\n"])?;
            return Ok(Exit::WrongInput);
        }
        let RecordPlace { location, platform } = self.record.place(session)?;
        let recorder = open_recorder(&location)?;
        let recording = Recording::new(
            &recorder,
            actor("terrace identity plan --apply", impersonate, platform.as_ref()),
        );
        let abandoned = recording.finish_abandoned(Time::now()).map_err(not_recorded)?;
        if abandoned > 0 && !reporter.quiet {
            let words = format!("{abandoned} acts of earlier runs had no outcome; what came of them is not known");
            output::answer(&[words + "\n"])?;
        }
        let sources = session.sources();
        let worst = Cell::new(Exit::Done);
        let on_event = |event: Event<'_>| {
            let line = match event {
                Event::Role { role, is_new: true } => format!("made {}\n", role.name()),
                Event::Role { role, is_new: false } => format!("there already: {}\n", role.name()),
                Event::Grant { grant, is_new } => {
                    let word = if is_new { "granted" } else { "there already:" };
                    format!(
                        "{word} {} on {} to {}\n",
                        grant.role,
                        grant.on.short(),
                        grant.member.short()
                    )
                }
                Event::Removal { grant, is_done } => {
                    let word = if is_done { "took" } else { "gone already:" };
                    format!(
                        "{word} {} on {} from {}\n",
                        grant.role,
                        grant.on.short(),
                        grant.member.short()
                    )
                }
                Event::Failed { what, error } => {
                    let diagnostic = Diagnostic::from(error);
                    worst.set(worst.get().max(diagnostic.exit));
                    let message = format!("cannot {what}: {}", diagnostic.message);
                    reporter.error(&Diagnostic { message, ..diagnostic }, sources);
                    return;
                }
            };
            // That nobody reads it any more is no reason to end in the middle.
            let _ = output::print(&[line]);
        };
        let outcome = google::block_on(async {
            let client = Client::from_environment(impersonate).await?;
            Ok(grants::apply(plan, removals, &client, &recording, on_event).await)
        });
        let outcome = outcome.map_err(|error| Box::new(Diagnostic::from(error)))?;
        let mut summary = format!("\n{} done, {} as it was", outcome.made, outcome.found);
        if outcome.failed > 0 {
            summary.push_str(&format!(", {} not done: run it again", outcome.failed));
        }
        summary.push('\n');
        output::answer(&[summary])?;
        Ok(worst.get())
    }
}

/// Opens the record, or nothing is done.
fn open_recorder(location: &Location) -> Result<Recorder, Box<Diagnostic>> {
    let tokens = ["CLOUDSDK_AUTH_ACCESS_TOKEN", "GOOGLE_OAUTH_ACCESS_TOKEN"];
    let secrets = Secrets::declared(tokens.into_iter().filter_map(|name| std::env::var(name).ok()));
    if let Err(error) = ignore_in_git(location) {
        let message = format!("the directory of the record {location} cannot be made: {error}");
        return Err(Box::new(Diagnostic {
            exit: Exit::NotRecorded,
            ..Diagnostic::error(message).hint("name another place with --record")
        }));
    }
    Recorder::open(location, secrets).map_err(not_recorded)
}

fn not_recorded(error: RecordError) -> Box<Diagnostic> {
    Box::new(Diagnostic {
        exit: Exit::NotRecorded,
        ..Diagnostic::from(error)
    })
}

/// Asks at the terminal.
fn said_yes(changes: usize) -> Result<bool, Box<Diagnostic>> {
    let (input, mut error) = (std::io::stdin(), std::io::stderr());
    if !input.is_terminal() || !error.is_terminal() {
        let message = "there is no terminal to ask at whether this is to be done";
        let diagnostic = Diagnostic::error(message).hint("--yes says so beforehand");
        return Err(Box::new(Diagnostic {
            exit: Exit::WrongUsage,
            ..diagnostic
        }));
    }
    let what = if changes == 1 { "this change" } else { "these changes" };
    let _ = write!(error, "\nMake {what}? [y/N] ");
    let mut answer = String::new();
    // Nothing that can be read is a no.
    let _ = input.read_line(&mut answer);
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
