//! `terrace audit key`: a key that signs checkpoints.

use std::path::PathBuf;

use clap::Args;
use record::SigningKey;

use super::boxed;
use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::output;

/// Make a key that signs checkpoints, in a new file that only its owner may read, and print its public half.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # The public half goes into the repository, and is named by record.publicKeys in terrace.yaml
  terrace audit key ~/.config/terrace/record.pem > record.pub.pem

  # OpenSSL makes such keys, too
  openssl genpkey -algorithm ed25519 -out record.pem && openssl pkey -in record.pem -pubout
")]
pub(super) struct KeyArgs {
    /// The file to make. One that is there is left as it is.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn run(args: &KeyArgs) -> Result<Exit, Box<Diagnostic>> {
    let key = SigningKey::create(&args.file).map_err(boxed)?;
    output::answer(&[key.public().to_pem()])?;
    Ok(Exit::Done)
}
