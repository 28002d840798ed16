//! `terrace identity`: who may do what, and what is missing.

mod grants;
mod ground;
mod json;
mod plan;
mod text;

pub(crate) use grants::GrantArgs;

use build::{OsFiles, Session};
use clap::{Args, Subcommand};
use identity::{Access, Decision, Explanation, Reasoner, ResourceName, State};

use self::grants::{resource_name, subject};
use super::check::{self, CheckArgs, Scope};
use crate::args::{ReportArgs, working_directory};
use crate::diagnostic::{Diagnostic, has_colour};
use crate::exit::Exit;
use crate::output::{self, AnswerFormat};
use crate::setup::Setup;

/// Identities: who may do what, by which grant, and which grant is missing.
#[derive(Args, Debug)]
pub(crate) struct IdentityArgs {
    #[command(subcommand)]
    command: IdentityCommand,
}

#[derive(Debug, Subcommand)]
enum IdentityCommand {
    /// Check the identities of environments: links, grants that are missing or too much, each at its line.
    ///
    /// As terrace check, with the rules about identities alone. What is granted comes from the files that terrace.yaml
    /// names under identity.iam, from --iam, and from objects of Config Connector in the trees.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Box<CheckArgs>),
    Plan(Box<plan::PlanArgs>),
    Explain(ExplainArgs),
    WhoCan(WhoCanArgs),
}

const CHECK_EXAMPLES: &str = "Examples:
  # The grants of an organization, once
  gcloud asset search-all-iam-policies --scope=organizations/1 --format=json > iam.json

  # Every environment of terrace.yaml
  terrace identity check --iam iam.json

  # One, for programs
  terrace identity check --environment prod --iam iam.json -o json
";

/// Why a subject has a permission on a resource, or which grant is missing.
///
/// The chain of service accounts that the subject acts as and the grant at its end; or the grants that come near, and
/// the one to make, as a command, as Terraform and for Config Connector. What is not known, such as the permissions of
/// a role in no table, is said. The exit code is 0 if the permission is held, and 1 if not or if nobody can tell.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # The grants of an organization, once
  gcloud asset search-all-iam-policies --scope=organizations/1 --format=json > iam.json

  # May the pods of the service account trainer in the namespace ml write the model?
  terrace identity explain 'acme.svc.id.goog[ml/trainer]' storage.objects.create gs://models/iris --iam iam.json

  # The same, from the policies of single resources
  gcloud storage buckets get-iam-policy gs://models --format=json > models.json
  terrace identity explain trainer@acme.iam.gserviceaccount.com storage.objects.create gs://models/iris \\
    --iam gs://models=models.json -o json
")]
struct ExplainArgs {
    /// Who asks: the address of a user or service account, a Kubernetes service account as
    /// PROJECT.svc.id.goog[NAMESPACE/NAME], or a principal as in a policy.
    #[arg(value_name = "SUBJECT")]
    subject: String,
    /// As storage.objects.get.
    #[arg(value_name = "PERMISSION")]
    permission: String,
    /// A full resource name (//SERVICE/PATH), or projects/ID, gs://BUCKET/OBJECT, the address of a service account;
    /// without one, the only project of the grants.
    #[arg(value_name = "RESOURCE")]
    resource: Option<String>,
    /// What the identity provider says of a federated subject: attribute.repository=acme/iris, google.groups=ID.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = pair)]
    attributes: Vec<(String, String)>,
    #[command(flatten)]
    grants: GrantArgs,
    /// How to print the answer.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: AnswerFormat,
    #[command(flatten)]
    report: ReportArgs,
}

/// Everybody who has a permission on a resource, with the grant that gives it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Who may read the models?
  terrace identity who-can storage.objects.get gs://models --iam iam.json

  # Who may act as the trainer?
  terrace identity who-can iam.serviceAccounts.getAccessToken trainer@acme.iam.gserviceaccount.com --iam iam.json
")]
struct WhoCanArgs {
    /// As storage.objects.get.
    #[arg(value_name = "PERMISSION")]
    permission: String,
    /// A full resource name (//SERVICE/PATH), or projects/ID, gs://BUCKET/OBJECT, the address of a service account.
    #[arg(value_name = "RESOURCE")]
    resource: String,
    #[command(flatten)]
    grants: GrantArgs,
    /// How to print the answer.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: AnswerFormat,
    #[command(flatten)]
    report: ReportArgs,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a name, =, and a value are needed")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(crate) fn run(args: &IdentityArgs) -> Exit {
    match &args.command {
        IdentityCommand::Check(args) => check::run(args, Scope::Identities),
        IdentityCommand::Plan(args) => on_ground(&args.ground, |setup, session| plan::run(args, setup, session)),
        IdentityCommand::Explain(args) => on_files(&args.report, |session| explain(args, session)),
        IdentityCommand::WhoCan(args) => on_files(&args.report, |session| who_can(args, session)),
    }
}

/// Answers what needs files alone.
fn on_files(report: &ReportArgs, answer: impl FnOnce(&Session<'_>) -> Result<Exit, Box<Diagnostic>>) -> Exit {
    let files = OsFiles::new(working_directory());
    let session = Session::new(&files);
    answer(&session).unwrap_or_else(|diagnostic| {
        report.reporter().error(&diagnostic, session.sources());
        Exit::WrongInput
    })
}

/// Answers what needs trees that are built.
fn on_ground(
    args: &ground::GroundArgs,
    answer: impl FnOnce(&Setup, &Session<'_>) -> Result<Exit, Box<Diagnostic>>,
) -> Exit {
    let setup = args.setup.setup();
    let session = setup.session();
    answer(&setup, &session).unwrap_or_else(|diagnostic| {
        setup.reporter.error(&diagnostic, session.sources());
        Exit::WrongInput
    })
}

/// A question as it was asked, and its answer.
struct Answer<'a> {
    access: Access<'a>,
    explanation: Explanation,
}

fn explain(args: &ExplainArgs, session: &Session<'_>) -> Result<Exit, Box<Diagnostic>> {
    let state = state(&args.grants, session)?;
    let reasoner = Reasoner::new(&state);
    let subject = subject(&args.subject)?;
    let resource = match &args.resource {
        Some(text) => resource_name(text)?,
        None => only_project(&state)?,
    };
    note_unknown_permission(&reasoner, &state, &args.permission, &args.report);
    let access = Access {
        subject: &subject,
        attributes: &args.attributes,
        permission: &args.permission,
        resource: &resource,
        time: args.grants.time(),
    };
    let answer = Answer {
        explanation: reasoner.explain(&access),
        access,
    };
    let text = match args.output {
        AnswerFormat::Text => text::explanation(&answer, has_colour(&std::io::stdout())),
        AnswerFormat::Json => json::explanation(&answer),
    };
    output::answer(&[text])?;
    Ok(match answer.explanation.decision {
        Decision::Granted(_) => Exit::Done,
        _ => Exit::WrongInput,
    })
}

fn who_can(args: &WhoCanArgs, session: &Session<'_>) -> Result<Exit, Box<Diagnostic>> {
    let state = state(&args.grants, session)?;
    let reasoner = Reasoner::new(&state);
    let resource = resource_name(&args.resource)?;
    note_unknown_permission(&reasoner, &state, &args.permission, &args.report);
    let members = reasoner.who_can(&args.permission, &resource, args.grants.time());
    let text = match args.output {
        AnswerFormat::Text => text::who_can(&args.permission, &resource, &members),
        AnswerFormat::Json => json::who_can(&args.permission, &resource, &members),
    };
    output::answer(&[text])?;
    Ok(Exit::Done)
}

/// A permission that nobody knows is a slip most often.
fn note_unknown_permission(reasoner: &Reasoner<'_>, state: &State, permission: &str, report: &ReportArgs) {
    let is_custom = state
        .custom_roles
        .values()
        .any(|permissions| permissions.contains(permission));
    if report.quiet || is_custom || reasoner.roles().knows_permission(permission) {
        return;
    }
    let near = reasoner.roles().near_permissions(permission).join(", ");
    let near = if near.is_empty() {
        String::new()
    } else {
        format!("; near it are {near}")
    };
    report.reporter().note(&format!(
        "no role that is known has the permission {permission}{near} (Google's predefined roles as of {})",
        reasoner.roles().date
    ));
}

/// What the files say that the command line names, or without any, those of the platform file.
fn state(args: &GrantArgs, session: &Session<'_>) -> Result<State, Box<Diagnostic>> {
    if !args.is_empty() {
        return args.state(session, None);
    }
    match crate::targets::find_platform() {
        Some(directory) => {
            let platform = platform::read(session, &directory).map_err(|error| Box::new(error.into()))?;
            args.state(session, Some(&platform))
        }
        None => Err(Box::new(
            Diagnostic::error("no grants are given")
                .hint("name files with --iam, or in terrace.yaml under identity.iam"),
        )),
    }
}

fn only_project(state: &State) -> Result<ResourceName, Box<Diagnostic>> {
    let mut projects: Vec<&ResourceName> = state.policies.iter().map(|(name, _)| name).collect();
    projects.retain(|name| name.kind() == Some("cloudresourcemanager.googleapis.com/Project"));
    projects.dedup();
    match projects[..] {
        [project] => Ok(project.clone()),
        _ => Err(Box::new(
            Diagnostic::error(format!("the grants are of {} projects", projects.len()))
                .hint("name the resource behind the permission, as projects/ID"),
        )),
    }
}
