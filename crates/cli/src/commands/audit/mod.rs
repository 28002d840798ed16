//! `terrace audit`: the record of who did what, read, held against its copies, and copied.

mod act;
mod export;
mod filter;
mod key;
mod list;
mod mirror;
mod show;
mod verify;

use build::{OsFiles, Session};
use clap::{Args, Subcommand};
use record::Record;

use crate::args::{TERRACE, working_directory};
use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::record_place::{RecordArgs, RecordPlace};

/// The record of who did what, where, as whom and why, and what came of it.
///
/// Every change that Terrace makes outside is recorded before it is tried, and again with the answer. The record only
/// grows, and each entry is chained to the one before it by its hash.
#[derive(Args, Debug)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Verify(verify::VerifyArgs),
    Export(export::ExportArgs),
    Mirror(mirror::MirrorArgs),
    Key(key::KeyArgs),
}

pub(crate) fn run(args: &AuditArgs) -> Exit {
    let files = OsFiles::new(working_directory());
    let session = Session::new(&files);
    let answer = match &args.command {
        AuditCommand::List(args) => list::run(args, &session),
        AuditCommand::Show(args) => show::run(args, &session),
        AuditCommand::Verify(args) => verify::run(args, &session),
        AuditCommand::Export(args) => export::run(args, &session),
        AuditCommand::Mirror(args) => mirror::run(args, &session),
        AuditCommand::Key(args) => key::run(args),
    };
    answer.unwrap_or_else(|diagnostic| {
        TERRACE.error(&diagnostic, session.sources());
        diagnostic.exit
    })
}

/// Opens the record to read it.
fn open(args: &RecordArgs, session: &Session<'_>) -> Result<(Record, RecordPlace), Box<Diagnostic>> {
    let place = args.place(session)?;
    let record = Record::open(&place.location).map_err(boxed)?;
    Ok((record, place))
}

fn boxed(error: record::RecordError) -> Box<Diagnostic> {
    Box::new(Diagnostic::from(error))
}
