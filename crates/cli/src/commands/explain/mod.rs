//! `terrace explain`: the layers and lines that made an object, or one of its fields.

mod field;
mod history;
mod layers;
mod object;
mod report;
mod text;

use std::path::{Path, PathBuf};

use build::{Built, Failure};
use clap::Args;
use resource::Resource;

use crate::diagnostic::{Diagnostic, has_colour};
use crate::exit::Exit;
use crate::output::{self, AnswerFormat};
use crate::remote::lock_beside;
use crate::setup::SetupArgs;
use field::FieldPath;
use object::ObjectName;

/// Say which lines and layers made an object or a field.
///
/// For one value, every value it had, newest first: where each stands, and which step of which
/// kustomization set it. For an object or a part of one, every value in it with its place.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Every value of an object
  terrace explain overlays/prod Deployment/iris

  # One value: a list item by a field of its own, or by its position
  terrace explain overlays/prod Deployment/iris 'spec.template.spec.containers[name=server].image'
  terrace explain overlays/prod Deployment/iris 'spec.template.spec.containers[0].image'

  # A key that holds dots; an object of a group, in a namespace
  terrace explain overlays/prod Deployment.apps/iris.iris-prod 'metadata.annotations[\"a.b/c\"]'

  # For a program
  terrace explain overlays/prod Deployment/iris spec.replicas -o json
")]
pub(crate) struct ExplainArgs {
    /// The directory of a kustomization.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// KIND/NAME, with the group behind the kind and the namespace behind the name where that is needed:
    /// KIND.GROUP/NAME.NAMESPACE. Names from before a prefix, suffix or hash are known as well.
    #[arg(value_name = "OBJECT")]
    object: ObjectName,
    /// A field, such as spec.template.spec.containers[name=server].image.
    #[arg(value_name = "FIELD")]
    field: Option<FieldPath>,
    /// How to print it.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: AnswerFormat,
    #[command(flatten)]
    setup: SetupArgs,
}

pub(crate) fn run(args: &ExplainArgs) -> Exit {
    let setup = args.setup.setup();
    let reporter = &setup.reporter;
    let session = setup.session();
    let built = lock_beside(&session, &args.directory).and_then(|lock| {
        let fetcher = setup.outside.fetcher(lock);
        let built = session.beside(&fetcher).build(&args.directory, &setup.options);
        built.map_err(|Failure { error, .. }| error)
    });
    let result = match built {
        Ok(built) => explain(args, &built).map_err(|diagnostic| (Exit::WrongInput, diagnostic)),
        Err(error) => Err((Exit::of(error.kind), error.into())),
    };
    let result = result.and_then(|text| output::answer(&[text]).map_err(|diagnostic| (Exit::WrongInput, *diagnostic)));
    match result {
        Ok(()) => Exit::Done,
        Err((exit, diagnostic)) => {
            reporter.error(&diagnostic, session.sources());
            exit
        }
    }
}

fn explain(args: &ExplainArgs, built: &Built) -> Result<String, Diagnostic> {
    let object: &Resource = args.object.find(&built.objects)?;
    let node = match &args.field {
        Some(path) => path.find(&object.node).map_err(|missing| missing.diagnostic(object))?,
        None => &object.node,
    };
    let field = args.field.as_ref().map(FieldPath::to_string).unwrap_or_default();
    let directory = args.directory.canonicalize().ok();
    let is_root = |kustomization: &str| {
        let parent = Path::new(kustomization)
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        parent.unwrap_or(Path::new(".")).canonicalize().ok() == directory
    };
    let report = report::Report::new(built, object, node, &field, &is_root);
    Ok(match args.output {
        AnswerFormat::Text => text::render(&report, has_colour(&std::io::stdout())),
        AnswerFormat::Json => serde_json::to_string_pretty(&report).unwrap_or_default() + "\n",
    })
}
