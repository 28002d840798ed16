//! `terrace identity refresh`: Google's predefined roles as they are today, in place of those that come along.

use std::path::PathBuf;

use build::Session;
use clap::Args;
use google::{Client, roles};
use identity::PredefinedRoles;

use crate::args::working_directory;
use crate::date;
use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::output;
use crate::progress;
use crate::setup::{Setup, SetupArgs};

/// Write Google's predefined roles of today to a file, basic roles too.
///
/// The program comes with the roles of twelve services and their permissions as of a date; others are said to be
/// unknown. The file that is written holds all of today: name it in terrace.yaml (identity.roles) or with --roles, and
/// keep it in Git, so that a new permission of a role shows as a difference. Custom roles are read with --live.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  gcloud auth application-default login
  terrace identity refresh

  # As another account, to another file
  terrace identity refresh --impersonate-service-account auditor@acme.iam.gserviceaccount.com iam/roles.txt
")]
pub(super) struct RefreshArgs {
    /// The file to write; the one that terrace.yaml names, without it.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The service account to act as.
    #[arg(long, value_name = "ADDRESS")]
    impersonate_service_account: Option<String>,
    #[command(flatten)]
    pub(super) setup: SetupArgs,
}

pub(super) fn run(args: &RefreshArgs, setup: &Setup, session: &Session<'_>) -> Result<Exit, Box<Diagnostic>> {
    let path = match &args.file {
        Some(file) => working_directory().join(file),
        None => named(session)?,
    };
    let refused = |error: google::Error| Box::new(Diagnostic::from(error));
    let on_step = progress::asking();
    on_step("the predefined roles");
    let found = google::block_on(async {
        let client = Client::from_environment(args.impersonate_service_account.as_deref()).await?;
        roles::predefined(&client).await
    });
    let found = found.map_err(refused)?;
    drop(on_step);
    let found = found
        .into_iter()
        .map(|role| (role.name, role.title, role.included_permissions));
    let table = PredefinedRoles::new(&date::today(), found.collect())
        .map_err(|error| Box::new(Diagnostic::error(format!("the roles cannot be written: {error}"))))?;
    let shown = session.files().display(&path);
    let before = match session.files().read(&path, build::DEFAULT_FILE_LIMIT) {
        Ok(bytes) => PredefinedRoles::from_text(&String::from_utf8_lossy(&bytes)).ok(),
        Err(_) => None,
    };
    output::write_file(&path, table.to_text().as_bytes()).map_err(|error| {
        let message = format!("cannot write \"{shown}\": {error}");
        Box::new(Diagnostic::error(message).hint("its directory must be there"))
    })?;
    let (roles, permissions) = table.counts();
    let mut text = format!("{shown}: {roles} roles with {permissions} permissions\n");
    let (before, than) = match &before {
        Some(before) => (before, "the file before"),
        None => (PredefinedRoles::embedded(), "the table that comes along"),
    };
    let changed = before.changed_roles(&table);
    if !changed.is_empty() {
        text.push_str(&format!("other permissions than in {than} of {}:\n", before.date));
        for (role, added, removed) in changed {
            text.push_str(&format!("  {role}: {added} more, {removed} less\n"));
        }
    }
    output::answer(&[text])?;
    if args.file.is_some() && !setup.reporter.quiet {
        setup
            .reporter
            .note("name the file in terrace.yaml under identity.roles, or with --roles");
    }
    Ok(Exit::Done)
}

/// The file that the platform file names.
fn named(session: &Session<'_>) -> Result<PathBuf, Box<Diagnostic>> {
    let error = || {
        let hint = "name one, or have identity.roles in terrace.yaml";
        Box::new(Diagnostic::error("it is not said which file is to be written").hint(hint))
    };
    let directory = crate::targets::find_platform().ok_or_else(error)?;
    let platform = platform::read(session, &directory).map_err(|error| Box::new(Diagnostic::from(error)))?;
    let file = platform.spec.identity.roles.as_ref().ok_or_else(error)?;
    Ok(platform.root.join(&file.value))
}
