//! `terrace identity matrix`: which namespaces reach which projects, buckets and endpoints.

mod record;
mod sheet;
mod text;

use build::Session;
use clap::{Args, ValueEnum};
use identity::matrix::Matrix;
use identity::{Landscape, Reasoner};

use super::ground::GroundArgs;
use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::output;
use crate::setup::Setup;

/// Which namespace reaches which project, bucket and endpoint: the isolation of namespaces, as a table.
///
/// What is reached on Google Cloud is what the grants give the service accounts of a namespace, and whom they may act
/// as. What is reached in the cluster is what NetworkPolicies let through to Services and InferenceServices; pods that
/// policies tell apart by labels have columns of their own. A cell is the furthest that anything of the namespace gets:
/// call, read, write, admin, denied (-) or unknown (?).
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Every environment of terrace.yaml
  terrace identity matrix --iam iam.json

  # With the accounts, grants and policies that make each cell
  terrace identity matrix --iam iam.json --why

  # For a review, and for programs
  terrace identity matrix -o html > isolation.html
  terrace identity matrix -o csv > isolation.csv
  terrace identity matrix -o json | jq '.cells[] | select(.reach == \"admin\")'
")]
pub(crate) struct MatrixArgs {
    #[command(flatten)]
    pub(super) ground: GroundArgs,
    /// Say why each cell is what it is: the account, the grant, the policy.
    #[arg(long)]
    why: bool,
    /// How to print the matrix.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Format,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
    /// A table with commas.
    Csv,
    /// A table for pull requests.
    Markdown,
    /// A page of its own.
    Html,
}

pub(super) fn run(args: &MatrixArgs, setup: &Setup, session: &Session<'_>) -> Result<Exit, Box<Diagnostic>> {
    let ground = args.ground.ground(setup, session)?;
    let reasoner = Reasoner::new(&ground.state);
    let landscape = Landscape::new(&ground.trees, &reasoner, args.ground.grants.time());
    let matrix = Matrix::new(&landscape);
    let text = match args.output {
        Format::Text => text::render(&matrix, args.why),
        Format::Json => super::json::pretty(&record::record(&matrix)),
        Format::Csv => sheet::csv(&matrix),
        Format::Markdown => sheet::markdown(&matrix),
        Format::Html => sheet::html(&matrix),
    };
    output::answer(&[text])?;
    Ok(Exit::Done)
}
