//! `terrace audit show`: one act, with all that is recorded of it.

use std::fmt::Write as _;

use build::Session;
use clap::Args;
use record::{Act, Entry, Outcome, Row, Who};
use serde::Serialize;

use super::act::{Deed, plain};
use super::{boxed, open};
use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::output::{self, AnswerFormat};
use crate::record_place::RecordArgs;

/// One act, with all that is recorded of it: who, as whom, why, and the whole answer.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # By the number that terrace audit list prints
  terrace audit show 17

  # Both entries and their hashes
  terrace audit show 17 -o json
")]
pub(super) struct ShowArgs {
    /// The number of its intent or its outcome.
    #[arg(value_name = "NUMBER")]
    number: u64,
    /// How to print it.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: AnswerFormat,
    #[command(flatten)]
    record: RecordArgs,
}

#[derive(Serialize)]
struct Document<'r> {
    entry: Entry,
    hash: String,
    previous: &'r record::Hash,
}

pub(super) fn run(args: &ShowArgs, session: &Session<'_>) -> Result<Exit, Box<Diagnostic>> {
    let (mut record, place) = open(&args.record, session)?;
    let mut found = None;
    record
        .read(args.number, |row| {
            found = (row.sequence == args.number).then_some(row);
            Ok(false)
        })
        .map_err(boxed)?;
    let Some(row) = found else {
        let message = format!("there is no entry {} in the record {}", args.number, place.location);
        return Err(Box::new(
            Diagnostic::error(message).hint("terrace audit list shows which there are"),
        ));
    };
    let number = match Entry::read(&row.text).map_err(boxed)?.act {
        Act::Intent(_) => row.sequence,
        Act::Outcome { intent, .. } => intent,
    };
    let (mut intent, mut outcome) = (None, None);
    record
        .read(number, |row| {
            let is_it = match Entry::read(&row.text)?.act {
                Act::Intent(_) => row.sequence == number,
                Act::Outcome { intent, .. } => intent == number,
            };
            if is_it && row.sequence == number {
                intent = Some(row);
            } else if is_it {
                outcome = Some(row);
            }
            Ok(outcome.is_none())
        })
        .map_err(boxed)?;
    let rows: Vec<Row> = intent.into_iter().chain(outcome).collect();
    output::answer(&[match args.output {
        AnswerFormat::Text => text(&rows)?,
        AnswerFormat::Json => json(&rows)?,
    }])?;
    Ok(Exit::Done)
}

fn json(rows: &[Row]) -> Result<String, Box<Diagnostic>> {
    let mut documents = Vec::new();
    for row in rows {
        documents.push(Document {
            entry: Entry::read(&row.text).map_err(boxed)?,
            hash: row.hash.to_string(),
            previous: &row.previous,
        });
    }
    Ok(serde_json::to_string_pretty(&documents).unwrap_or_default() + "\n")
}

fn text(rows: &[Row]) -> Result<String, Box<Diagnostic>> {
    let mut entries = rows.iter().map(|row| Entry::read(&row.text).map_err(boxed));
    let (intent, outcome) = (entries.next().transpose()?, entries.next().transpose()?);
    let Some(deed) = intent.map(|intent| Deed { intent, outcome }) else {
        return Ok(String::new());
    };
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a text cannot fail.
        let _ = writeln!(out, "{name:<12} {}", plain(value));
    };
    line("intent", &format!("{} at {}", deed.intent.sequence, deed.intent.time));
    let Some((intent, done)) = deed.parts() else {
        return Ok(out);
    };
    let kind = match &intent.who {
        Who::User { .. } => "user",
        Who::ServiceAccount { .. } => "service account",
        Who::Pod { .. } => "pod of the service account",
    };
    line("who", &format!("{kind} {}", intent.who.name()));
    if let Who::Pod { claims, .. } = &intent.who {
        line("claims", &serde_json::to_string(claims).unwrap_or_default());
    }
    for (name, value) in [
        ("as", &intent.as_whom),
        ("environment", &intent.environment),
        ("trigger", &intent.why.trigger),
        ("commit", &intent.why.commit),
        ("release", &intent.why.release),
        ("approval", &intent.why.approval),
    ] {
        if let Some(value) = value {
            line(name, value);
        }
    }
    line("verb", &intent.what.verb);
    line("resource", &intent.what.resource);
    for change in &intent.what.changes {
        line("change", change);
    }
    if let Some(body) = intent.what.body {
        line("body", &format!("sha256:{body}"));
    }
    match (done, &deed.outcome) {
        (
            Some(Outcome {
                status,
                message,
                answer,
            }),
            Some(entry),
        ) => {
            line(
                "outcome",
                &format!("{} at {}: {}", entry.sequence, entry.time, status.word()),
            );
            if let Some(message) = message {
                line("message", message);
            }
            if let Some(answer) = answer {
                let answer = serde_json::to_string_pretty(answer).unwrap_or_default();
                answer
                    .lines()
                    .enumerate()
                    .for_each(|(at, text)| line(if at == 0 { "answer" } else { "" }, text));
            }
        }
        _ => line("outcome", "open: somebody is at it, or was ended before it was done"),
    }
    Ok(out)
}
