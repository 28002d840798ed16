//! `terrace audit list`: what was done, a line for each act.

use std::fmt::Write as _;

use build::Session;
use clap::{Args, ValueEnum};

use super::act::{self, Deed, plain};
use super::filter::FilterArgs;
use super::{boxed, open};
use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::output;
use crate::record_place::RecordArgs;

/// What was done, a line for each act, the newest last.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # What was done since yesterday in production
  terrace audit list --since 1d --environment prod

  # What Ann changed on buckets, and what failed of it
  terrace audit list --actor ann@acme.com --resource '//storage.googleapis.com/*' --outcome failed

  # What was begun and never finished
  terrace audit list --outcome open --limit 0

  # For a program: one JSON object a line
  terrace audit list --verb setIamPolicy -o jsonl
")]
pub(super) struct ListArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// The newest so many; 0 for all.
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    limit: usize,
    /// How to print them.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    record: RecordArgs,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// For a person.
    #[default]
    Text,
    /// One JSON document: acts, each with its two entries.
    Json,
    /// The same, one act a line.
    Jsonl,
}

pub(super) fn run(args: &ListArgs, session: &Session<'_>) -> Result<Exit, Box<Diagnostic>> {
    let (mut record, _) = open(&args.record, session)?;
    let deeds = act::read(&mut record, |entry| args.filter.wants_intent(entry), |_, _| {}).map_err(boxed)?;
    let mut deeds: Vec<Deed> = deeds.into_iter().filter(|deed| args.filter.wants(deed)).collect();
    let hidden = match args.limit {
        0 => 0,
        limit => deeds.len().saturating_sub(limit),
    };
    deeds.drain(..hidden);
    output::answer(&[match args.output {
        Format::Text => text(&deeds, hidden),
        Format::Json => serde_json::to_string_pretty(&deeds).unwrap_or_default() + "\n",
        Format::Jsonl => deeds
            .iter()
            .map(|deed| serde_json::to_string(deed).unwrap_or_default() + "\n")
            .collect(),
    }])?;
    Ok(Exit::Done)
}

fn text(deeds: &[Deed], hidden: usize) -> String {
    let rows: Vec<[String; 7]> = deeds.iter().filter_map(row).collect();
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    // Writing to a text cannot fail.
    for row in &rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            let _ = write!(line, "{cell:width$}  ");
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
    let _ = match (rows.len(), hidden) {
        (0, _) => writeln!(out, "nothing was recorded that fits"),
        (_, 0) => Ok(()),
        (_, hidden) => writeln!(out, "\n{hidden} older: --limit 0 shows all"),
    };
    out
}

fn row(deed: &Deed) -> Option<[String; 7]> {
    let (intent, _) = deed.parts()?;
    let mut time = deed.intent.time.to_string();
    time.truncate("YYYY-MM-DDTHH:MM:SS".len());
    let who = match &intent.as_whom {
        Some(principal) => format!("{} as {principal}", intent.who.name()),
        None => intent.who.name().to_owned(),
    };
    Some([
        deed.intent.sequence.to_string(),
        time + "Z",
        deed.status().to_owned(),
        plain(intent.environment.as_deref().unwrap_or("-")),
        plain(&who),
        plain(&intent.what.verb),
        plain(&intent.what.resource),
    ])
}
