//! `terrace cache`: what was fetched and is kept, and taking away what is not used.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;
use yaml::Sources;

use crate::args::TERRACE;
use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::output::{self, AnswerFormat};
use crate::programs::duration;
use crate::remote::cache_directory;

/// Show what is kept of repositories and remote files, or remove what is not used.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Where the cache is, and how large
  terrace cache list

  # Remove what no build has used for 30 days; safe while builds run
  terrace cache prune --older-than 30d
")]
pub(crate) struct CacheArgs {
    #[command(subcommand)]
    command: CacheCommand,
}

#[derive(Debug, Subcommand)]
enum CacheCommand {
    /// Show where the cache is and what it holds.
    List(ListArgs),
    /// Remove what was not used for some time. A build that needs it again fetches it again.
    Prune(PruneArgs),
}

#[derive(Args, Debug)]
struct ListArgs {
    /// How to print it.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: AnswerFormat,
}

#[derive(Args, Debug)]
struct PruneArgs {
    /// Remove what was not used for so long: 90m, 12h, 30d.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "30d")]
    older_than: Duration,
    /// How to print what was removed.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: AnswerFormat,
}

#[derive(Serialize)]
struct Record {
    directory: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    files: u64,
    bytes: u64,
}

pub(crate) fn run(args: &CacheArgs) -> Exit {
    let directory = cache_directory();
    let shown = directory.display().to_string();
    let record = |kind, size: fetch::CacheSize| Record {
        directory: shown.clone(),
        kind,
        files: size.files,
        bytes: size.bytes,
    };
    let (records, format) = match &args.command {
        CacheCommand::List(args) => {
            let sizes = fetch::cache_sizes(&directory);
            let records = sizes.map(|sizes| sizes.into_iter().map(|(kind, size)| record(Some(kind), size)).collect());
            (records, args.output)
        }
        CacheCommand::Prune(args) => {
            let removed = fetch::prune_cache(&directory, args.older_than);
            (removed.map(|removed| vec![record(None, removed)]), args.output)
        }
    };
    let printed = records
        .map_err(|error| {
            let message = format!("cannot use the cache \"{shown}\": {error}");
            Box::new(Diagnostic::error(message).hint("give this user permission to read and write there"))
        })
        .and_then(|records: Vec<Record>| output::answer(&[render(&records, format)]));
    match printed {
        Ok(()) => Exit::Done,
        Err(diagnostic) => {
            TERRACE.error(&diagnostic, &Sources::new());
            Exit::WrongInput
        }
    }
}

fn render(records: &[Record], format: AnswerFormat) -> Vec<u8> {
    if format == AnswerFormat::Json {
        let mut text = serde_json::to_vec_pretty(records).unwrap_or_default();
        text.push(b'\n');
        return text;
    }
    let mut text = String::new();
    for record in records {
        let size = format!("{} files, {:.1} MB", record.files, record.bytes as f64 / 1e6);
        match record.kind {
            Some(kind) => text += &format!("{}/{kind}: {size}\n", record.directory),
            None => text += &format!("{}: removed {size}\n", record.directory),
        }
    }
    text.into_bytes()
}
