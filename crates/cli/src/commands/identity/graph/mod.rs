//! `terrace identity graph`: identities as a picture, a page, and for programs.

mod dot;
mod drawing;
mod page;
mod record;
mod svg;

use build::Session;
use clap::{Args, ValueEnum};
use identity::graph::Graph;
use identity::{Landscape, Reasoner};

use super::ground::GroundArgs;
use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::output;
use crate::setup::Setup;

/// A picture of identities: what runs, whom it runs as, whom that may be, and what all of them may do to what.
///
/// Shown are the workloads and service accounts of the trees, all that they reach by links and grants, and everybody
/// who reaches the projects, resources and accounts that the trees use. Halves of links, roles that are too broad and
/// permissions that a workload needs and lacks are marked. A page (-o html) can be moved, zoomed, searched and filtered,
/// and says of each node and edge the lines that declare it; it needs nothing from elsewhere.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Every environment of terrace.yaml, as a page
  terrace identity graph --iam iam.json -o html > identities.html

  # One environment, as a picture
  terrace identity graph --environment prod -o svg > identities.svg

  # What leads to the trainer, and what it leads to
  terrace identity graph --focus trainer@acme.iam.gserviceaccount.com > trainer.svg

  # For Graphviz, and for programs
  terrace identity graph -o dot | dot -Tpdf > identities.pdf
  terrace identity graph -o json | jq '.edges[] | select(.tooBroad)'
")]
pub(crate) struct GraphArgs {
    #[command(flatten)]
    pub(super) ground: GroundArgs,
    /// Only this node, what leads to it and what it leads to: an address, NAMESPACE/NAME, the name of a workload,
    /// bucket or project. May be repeated.
    #[arg(long, alias = "subject", value_name = "NAME")]
    focus: Vec<String>,
    /// How to print the graph.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Format,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// A picture.
    #[default]
    Svg,
    /// A page of its own.
    Html,
    /// For Graphviz.
    Dot,
    Json,
}

pub(super) fn run(args: &GraphArgs, setup: &Setup, session: &Session<'_>) -> Result<Exit, Box<Diagnostic>> {
    let ground = args.ground.ground(setup, session)?;
    let reasoner = Reasoner::new(&ground.state);
    let landscape = Landscape::new(&ground.trees, &reasoner, args.ground.grants.time());
    let mut graph = Graph::new(&landscape);
    if !args.focus.is_empty() {
        graph = focused(&graph, &args.focus)?;
    }
    let mut environments: Vec<&str> = Vec::new();
    for tree in &ground.trees {
        if !environments.contains(&tree.place.home()) {
            environments.push(tree.place.home());
        }
    }
    let sources = session.sources();
    let text = match args.output {
        Format::Svg => svg::picture(&graph, &environments),
        Format::Html => page::page(&graph, &environments, sources),
        Format::Dot => dot::render(&graph, &environments),
        Format::Json => super::json::pretty(&record::record(&graph, sources)),
    };
    output::answer(&[text])?;
    Ok(Exit::Done)
}

/// What is around the nodes of some names.
fn focused(graph: &Graph, names: &[String]) -> Result<Graph, Box<Diagnostic>> {
    let mut nodes = Vec::new();
    for name in names {
        nodes.extend(graph.find(name).map_err(|near| {
            let hint = match &near[..] {
                [] => "the names are those of -o json".to_owned(),
                near => format!("there is {}", near.join(", ")),
            };
            Box::new(Diagnostic::error(format!("the graph has no node \"{name}\"")).hint(hint))
        })?);
    }
    Ok(graph.around(&nodes))
}
