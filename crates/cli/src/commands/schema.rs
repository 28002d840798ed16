//! `terrace schema`: schemas out of a cluster, and out of Terrace.

use std::path::PathBuf;
use std::time::Duration;

use check::Export;
use clap::{Args, Subcommand};
use fetch::{Kubectl, PullError};
use yaml::Sources;

use crate::args::TERRACE;
use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::output;

/// Schemas: pull those of a cluster, export those that Terrace knows.
#[derive(Args, Debug)]
pub(crate) struct SchemaArgs {
    #[command(subcommand)]
    command: SchemaCommand,
}

#[derive(Debug, Subcommand)]
enum SchemaCommand {
    Pull(PullArgs),
    Export(ExportArgs),
}

/// Write the CustomResourceDefinitions of a cluster as files, for --schema-location.
///
/// They are asked for with kubectl, so that its credentials and programs work. The directory is there with all of
/// them, one file each, or as it was before; what was pulled into it before is replaced.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # The cluster of the current context
  terrace schema pull crds
  terrace check --schema-location crds

  # Another one
  terrace schema pull crds --context gke_acme_europe-west4_prod
")]
struct PullArgs {
    /// The directory to write.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The context of the kubeconfig.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// The kubeconfig file.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The kubectl program.
    #[arg(long, value_name = "PROGRAM", default_value = "kubectl")]
    kubectl: PathBuf,
    /// How long kubectl may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
}

/// Write JSON schemas for editors and other programs.
///
/// A name is `kustomization`, `platform` (terrace.yaml), a kind, or a kind with its API version. Without one, the
/// schemas of what Terrace reads are written: kustomization files, terrace.yaml, and its own kinds.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # For an editor
  terrace schema export --output-dir .schemas

  # One schema, to standard output
  terrace schema export platform
  terrace schema export apps/v1/Deployment --kubernetes-version 1.35
")]
struct ExportArgs {
    /// What to export.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Write files into this directory: GROUP/KIND_VERSION.json, as --schema-location finds them.
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
    /// The version of Kubernetes; without it, the newest known.
    #[arg(long, value_name = "VERSION")]
    kubernetes_version: Option<String>,
}

pub(crate) fn run(args: &SchemaArgs) -> Exit {
    let result = match &args.command {
        SchemaCommand::Pull(args) => pull(args),
        SchemaCommand::Export(args) => export(args).map_err(|diagnostic| (diagnostic, Exit::WrongInput)),
    };
    match result {
        Ok(()) => Exit::Done,
        Err((diagnostic, exit)) => {
            TERRACE.error(&diagnostic, &Sources::new());
            exit
        }
    }
}

fn pull(args: &PullArgs) -> Result<(), (Box<Diagnostic>, Exit)> {
    let kubectl = Kubectl {
        program: args.kubectl.clone(),
        kubeconfig: args.kubeconfig.clone(),
        context: args.context.clone(),
        timeout: Duration::from_secs(args.timeout),
    };
    let shown = args.directory.display();
    let count = fetch::pull_definitions(&kubectl, &args.directory).map_err(|error| {
        let diagnostic = Diagnostic::error(error.to_string());
        let (exit, hint) = match error {
            PullError::Program { .. } => (Exit::OutsideFailed, "is it installed? --kubectl names another program"),
            PullError::Refused(_) => (
                Exit::Refused,
                "you need the permission to list customresourcedefinitions; --context names another cluster",
            ),
            PullError::Failed(_) | PullError::Unreadable(_) => {
                (Exit::OutsideFailed, "try `kubectl get customresourcedefinitions`")
            }
            PullError::Occupied(..) => (Exit::WrongInput, "name a directory of its own, which need not be there"),
            PullError::Write { .. } => (Exit::WrongInput, "may it be written?"),
        };
        (Box::new(diagnostic.hint(hint)), exit)
    })?;
    let text = format!("{count} definitions in {shown}\n");
    output::answer(&[text]).map_err(|diagnostic| (diagnostic, Exit::WrongInput))
}

fn export(args: &ExportArgs) -> Result<(), Box<Diagnostic>> {
    let versions = schema::versions(args.kubernetes_version.as_deref())
        .map_err(|(_, message)| Diagnostic::error(message).hint("leave it out for the newest"))?;
    let mut exports = Vec::new();
    for name in &args.names {
        exports.extend(check::schemas_named(name, versions).map_err(|near| {
            let error = Diagnostic::error(format!("there is no schema of \"{name}\""));
            match near.as_slice() {
                [] => error,
                near => error.hint(format!("there are {}", near.join(", "))),
            }
        })?);
    }
    if args.names.is_empty() {
        exports = check::own_schemas();
    }
    match (&args.output_dir, exports.as_slice()) {
        (None, [one]) => output::answer(&[bytes(one)]),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|export| export.path.as_str()).collect();
            let error = Diagnostic::error(format!("there are several schemas: {}", names.join(", ")));
            Err(Box::new(error.hint("name one, or a directory with --output-dir")))
        }
        (Some(directory), exports) => {
            for export in exports {
                let path = directory.join(&export.path);
                let written = path
                    .parent()
                    .map_or(Ok(()), std::fs::create_dir_all)
                    .and_then(|()| output::write_file(&path, &bytes(export)));
                written.map_err(|error| Diagnostic::error(format!("cannot write \"{}\": {error}", path.display())))?;
            }
            Ok(())
        }
    }
}

fn bytes(export: &Export) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(&export.schema).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
