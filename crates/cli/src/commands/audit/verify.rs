//! `terrace audit verify`: whether the record is as it was written.

use std::fmt::Write as _;
use std::path::PathBuf;

use build::Session;
use clap::Args;
use record::{Checkpoint, Comparison, Fault, Hash, PublicKey, compare, compare_checkpoint, verify};
use serde::Serialize;

use super::{boxed, mirror, open};
use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::output::{self, AnswerFormat};
use crate::record_place::{RecordArgs, RecordPlace, below};

/// Find entries of the record that were changed, lost, put in or moved.
///
/// The hashes show that of the record alone, but for a tail that was cut off and a chain that was written anew from some entry on:
/// these show beside a mirror or a signed checkpoint. The exit code is 1 if something is wrong.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # The chain alone
  terrace audit verify

  # Beside a mirror, whose checkpoints somebody signed
  terrace audit verify --mirror /mnt/audit/acme --public-key record.pub.pem

  # Beside a checkpoint that was kept elsewhere
  terrace audit verify --checkpoint 2026-11.json --public-key record.pub.pem -o json
")]
pub(super) struct VerifyArgs {
    /// Hold it against this mirror. Without it, record.mirror of terrace.yaml.
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// Hold it against this signed checkpoint, an object of a mirror. May be repeated.
    #[arg(long, value_name = "FILE", requires = "public_key")]
    checkpoint: Vec<PathBuf>,
    /// A key that signed checkpoints, as a PEM file. May be repeated. Without it, record.publicKeys of terrace.yaml.
    #[arg(long, value_name = "FILE")]
    public_key: Vec<PathBuf>,
    /// How to print it.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: AnswerFormat,
    #[command(flatten)]
    record: RecordArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    record: String,
    id: String,
    is_intact: bool,
    entries: u64,
    /// The hash of the last.
    head: Hash,
    open: Vec<u64>,
    fault_count: u64,
    faults: Vec<FaultDocument>,
    /// What is wrong with checkpoints that were given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    defects: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mirror: Option<MirrorDocument>,
}

#[derive(Serialize)]
struct FaultDocument {
    entry: u64,
    message: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MirrorDocument {
    url: String,
    entries: u64,
    checkpoints: u64,
    /// The last entry that a checkpoint is of.
    signed: u64,
    defects: Vec<String>,
}

pub(super) fn run(args: &VerifyArgs, session: &Session<'_>) -> Result<Exit, Box<Diagnostic>> {
    let (mut record, place) = open(&args.record, session)?;
    let keys = keys(args, &place)?;
    let mut hashes: Vec<Hash> = Vec::new();
    let verified = verify(&mut record, |_, hash| hashes.push(hash)).map_err(boxed)?;
    let mut faults = verified.faults.clone();
    let mut fault_count = verified.fault_count;
    let mut add = |found: Vec<Fault>| {
        // Beside a chain with gaps, numbers say nothing.
        if verified.faults.is_empty() {
            fault_count += found.len() as u64;
            faults.extend(found);
        }
    };
    let mut defects = Vec::new();
    for file in &args.checkpoint {
        let bytes = std::fs::read(file).map_err(|error| {
            let message = format!("cannot read the checkpoint {}: {error}", file.display());
            Box::new(Diagnostic::error(message))
        })?;
        match Checkpoint::read(&bytes, &keys) {
            Ok(checkpoint) if checkpoint.record != *record.id() => {
                defects.push(format!("the checkpoint {} is of another record", file.display()));
            }
            Ok(checkpoint) => add(compare_checkpoint(&hashes, &checkpoint).into_iter().collect()),
            Err(why) => defects.push(format!("the checkpoint {} {why}", file.display())),
        }
    }
    let mut mirror_document = None;
    if let Some(objects) = mirror::objects(args.mirror.as_deref(), &place)? {
        let comparison = compare(record.id(), &hashes, objects.as_ref(), &keys).map_err(boxed)?;
        add(comparison.faults.clone());
        mirror_document = Some(mirror_of(&comparison, objects.url()));
    }
    let is_intact = faults.is_empty()
        && defects.is_empty()
        && mirror_document.as_ref().is_none_or(|mirror| mirror.defects.is_empty());
    let document = Document {
        record: place.location.to_string(),
        id: record.id().as_str().to_owned(),
        is_intact,
        entries: verified.entries,
        head: verified.head.hash,
        open: verified.open.clone(),
        fault_count,
        faults: faults.iter().map(FaultDocument::of).collect(),
        defects,
        mirror: mirror_document,
    };
    output::answer(&[match args.output {
        AnswerFormat::Text => text(&document, !keys.is_empty()),
        AnswerFormat::Json => serde_json::to_string_pretty(&document).unwrap_or_default() + "\n",
    }])?;
    Ok(if is_intact { Exit::Done } else { Exit::WrongInput })
}

/// Those of the command line, or those that the platform names.
fn keys(args: &VerifyArgs, place: &RecordPlace) -> Result<Vec<PublicKey>, Box<Diagnostic>> {
    if !args.public_key.is_empty() {
        return args
            .public_key
            .iter()
            .map(|file| PublicKey::read(file).map_err(boxed))
            .collect();
    }
    let Some(platform) = &place.platform else {
        return Ok(Vec::new());
    };
    let read = |file: &platform::Marked<String>| {
        PublicKey::read(&below(platform, file)).map_err(|error| {
            Box::new(Diagnostic {
                mark: file.mark,
                ..Diagnostic::from(error)
            })
        })
    };
    platform.spec.record.public_keys.iter().map(read).collect()
}

fn mirror_of(comparison: &Comparison, url: String) -> MirrorDocument {
    let own = comparison
        .mirror
        .faults
        .iter()
        .map(|fault| format!("entry {} {}", fault.sequence, fault.kind));
    let defects = comparison.defects.iter().map(|(object, why)| format!("{object} {why}"));
    MirrorDocument {
        url,
        entries: comparison.mirror.entries,
        checkpoints: comparison.checkpoints,
        signed: comparison.signed,
        defects: own.chain(defects).collect(),
    }
}

impl FaultDocument {
    fn of(fault: &Fault) -> FaultDocument {
        FaultDocument {
            entry: fault.sequence,
            message: fault.kind.to_string(),
        }
    }
}

fn text(document: &Document, has_keys: bool) -> String {
    let mut out = String::new();
    // Writing to a text cannot fail.
    for fault in &document.faults {
        let _ = writeln!(out, "entry {} {}", fault.entry, fault.message);
    }
    let untold = document.fault_count.saturating_sub(document.faults.len() as u64);
    if untold > 0 {
        let _ = writeln!(out, "and {untold} more");
    }
    for defect in &document.defects {
        let _ = writeln!(out, "{defect}");
    }
    if let Some(mirror) = &document.mirror {
        for defect in &mirror.defects {
            let _ = writeln!(out, "the mirror {}: {defect}", mirror.url);
        }
    }
    if !out.is_empty() {
        out.push('\n');
    }
    let verdict = if document.is_intact {
        "intact"
    } else {
        "not as it was written"
    };
    let _ = writeln!(out, "{}: {verdict}, {} entries", document.record, document.entries);
    if document.entries > 0 {
        let _ = writeln!(out, "last hash {}", document.head);
    }
    match document.open.len() {
        0 => {}
        1 => drop(writeln!(out, "1 act has no outcome: {}", document.open[0])),
        count => drop(writeln!(
            out,
            "{count} acts have no outcome: terrace audit list --outcome open"
        )),
    }
    if let Some(mirror) = &document.mirror {
        let signed = match (mirror.checkpoints, has_keys) {
            (0, false) => "no key was given to look at its checkpoints".to_owned(),
            (0, true) => "no checkpoint".to_owned(),
            (count, _) => format!("{count} checkpoints, the last of entry {}", mirror.signed),
        };
        let _ = writeln!(out, "{}: {} entries, {signed}", mirror.url, mirror.entries);
    }
    out
}
