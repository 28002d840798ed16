//! `terrace audit mirror`: the record copied to where it cannot be changed with it, and signed.

use std::path::PathBuf;

use build::Session;
use clap::Args;
use record::{Objects, SigningKey, Time};

use super::{boxed, open};
use crate::args::working_directory;
use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::output;
use crate::record_place::{RecordArgs, RecordPlace};

/// Copy what is new in the record to a mirror, and sign a checkpoint of it.
///
/// Nothing in a mirror is ever written over. Who has it, or a checkpoint of it, finds out with terrace audit verify whether the
/// record was cut off or written anew.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # To a directory, signed
  terrace audit mirror /mnt/audit/acme --key ~/.config/terrace/record.pem

  # To a bucket, which had best have a retention policy
  terrace audit mirror gs://acme-audit/terrace --key ~/.config/terrace/record.pem

  # To the mirror that terrace.yaml names
  terrace audit mirror --key ~/.config/terrace/record.pem
")]
pub(super) struct MirrorArgs {
    /// A directory, or gs://BUCKET/START in Cloud Storage. Without it, record.mirror of terrace.yaml.
    #[arg(value_name = "URL")]
    url: Option<String>,
    /// The private key that signs, in a PEM file. Without it, there is no checkpoint.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    record: RecordArgs,
}

pub(super) fn run(args: &MirrorArgs, session: &Session<'_>) -> Result<Exit, Box<Diagnostic>> {
    let key = args.key.as_deref().map(SigningKey::read).transpose().map_err(boxed)?;
    let (mut record, place) = open(&args.record, session)?;
    let Some(objects) = objects(args.url.as_deref(), &place)? else {
        let error = Diagnostic::error("there is no mirror to copy the record to");
        return Err(Box::new(
            error.hint("name one, or put it in terrace.yaml under record.mirror"),
        ));
    };
    let key = key.as_ref().map(|key| (key, Time::now()));
    let mirrored = record::mirror(&mut record, objects.as_ref(), key).map_err(boxed)?;
    let signed = if mirrored.is_signed { ", signed" } else { "" };
    let text = format!(
        "{}: {} entries copied, {} there{signed}\n",
        objects.url(),
        mirrored.copied,
        mirrored.head.sequence
    );
    output::answer(&[text])?;
    Ok(Exit::Done)
}

/// The mirror of a URL, or the one that the platform names.
pub(super) fn objects(url: Option<&str>, place: &RecordPlace) -> Result<Option<Box<dyn Objects>>, Box<Diagnostic>> {
    let named = place
        .platform
        .as_ref()
        .and_then(|platform| Some((platform, platform.spec.record.mirror.as_ref()?)));
    let (url, below, mark) = match (url, named) {
        (Some(url), _) => (url, working_directory(), None),
        (None, Some((platform, mirror))) => (mirror.value.as_str(), platform.root.clone(), Some(mirror.mark)),
        (None, None) => return Ok(None),
    };
    let objects = deliver::mirror(url, &below);
    objects.map(Some).ok_or_else(|| {
        let error = Diagnostic::error(format!("a mirror cannot be in \"{url}\""));
        let error = error.hint("name a directory, or a bucket as gs://BUCKET/START");
        Box::new(Diagnostic {
            mark: mark.unwrap_or(error.mark),
            ..error
        })
    })
}
