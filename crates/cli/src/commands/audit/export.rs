//! `terrace audit export`: entries as they were written, with their hashes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use build::Session;
use clap::Args;

use super::act;
use super::filter::FilterArgs;
use super::{boxed, open};
use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::output;
use crate::record_place::RecordArgs;

/// Entries as they were written, one JSON object a line, with their hashes.
///
/// A line is {"entry":...,"hash":...,"previous":...}, in canonical JSON (RFC 8785). The hash is the SHA-256 of the 32 bytes of
/// previous and the text of entry, so that anybody can check it. Of acts that are asked for, both entries are there.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Everything, for an archive
  terrace audit export --output-file record.jsonl

  # A year of one environment, for an auditor
  terrace audit export --since 2026-01-01 --until 2027-01-01 --environment prod
")]
pub(super) struct ExportArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Write to this file, which is there whole or not at all, in place of standard output.
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
    #[command(flatten)]
    record: RecordArgs,
}

pub(super) fn run(args: &ExportArgs, session: &Session<'_>) -> Result<Exit, Box<Diagnostic>> {
    let (mut record, _) = open(&args.record, session)?;
    let mut lines: Vec<(u64, String)> = Vec::new();
    let deeds = act::read(
        &mut record,
        |entry| args.filter.wants_intent(entry),
        |row, intent| lines.push((intent.unwrap_or(row.sequence), row.line())),
    );
    let deeds = deeds.map_err(boxed)?;
    let wanted = deeds
        .iter()
        .filter(|deed| args.filter.wants(deed))
        .map(|deed| deed.intent.sequence);
    let wanted: BTreeSet<u64> = wanted.collect();
    let lines = lines
        .into_iter()
        .filter(|(intent, _)| wanted.contains(intent))
        .map(|(_, line)| line);
    let text: String = lines.collect();
    match &args.output_file {
        Some(path) => output::write_file(path, text.as_bytes())
            .map_err(|error| Box::new(Diagnostic::error(format!("cannot write {}: {error}", path.display()))))?,
        None => output::answer(&[text])?,
    }
    Ok(Exit::Done)
}
