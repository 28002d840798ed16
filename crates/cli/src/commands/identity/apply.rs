//! `terrace identity plan --apply`: the plan is shown, somebody says yes, and Google is asked to make it so.

use std::cell::Cell;
use std::io::{IsTerminal, Write};

use clap::Args;
use deliver::grants::{self, Event};
use google::Client;
use identity::{Plan, Removal};
use yaml::Sources;

use crate::diagnostic::{Diagnostic, Reporter};
use crate::exit::Exit;
use crate::output;

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
        sources: &Sources,
    ) -> Result<Exit, Box<Diagnostic>> {
        let changes = plan.grants.len() + removals.len();
        if changes == 0 {
            return Ok(Exit::Done);
        }
        if !self.yes && !said_yes(changes)? {
            output::answer(&["nothing was changed\n"])?;
            return Ok(Exit::WrongInput);
        }
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
            Ok(grants::apply(plan, removals, &client, on_event).await)
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
