//! `terrace identity`: who may do what, and what is missing.

mod json;
mod text;

use std::fs;
use std::path::Path;

use clap::{Args, Subcommand};
use identity::{Access, Decision, Explanation, Member, NameError, Reasoner, ResourceName, State, Timestamp};
use yaml::Sources;

use crate::args::ReportArgs;
use crate::date;
use crate::diagnostic::{Diagnostic, has_colour};
use crate::exit::Exit;
use crate::output::{self, AnswerFormat};

/// Identities: who may do what, by which grant, and which grant is missing.
#[derive(Args, Debug)]
pub(crate) struct IdentityArgs {
    #[command(subcommand)]
    command: IdentityCommand,
}

#[derive(Debug, Subcommand)]
enum IdentityCommand {
    Explain(ExplainArgs),
    WhoCan(WhoCanArgs),
}

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
    #[command(flatten)]
    report: ReportArgs,
}

/// Where the grants come from.
#[derive(Args, Debug)]
struct GrantArgs {
    /// A file with grants, as gcloud prints them in JSON: a search for policies in the inventory of assets, a custom
    /// role, a project; or RESOURCE=FILE with the policy or deny policy of one resource. May be repeated.
    #[arg(long = "iam", value_name = "[RESOURCE=]FILE", required = true)]
    files: Vec<String>,
    /// A JSON file with the members of groups: {\"ml@acme.com\": [\"user:ann@acme.com\"]}.
    #[arg(long, value_name = "FILE")]
    groups: Option<String>,
    /// The time for conditions on it, as 2026-08-05T12:00:00Z; now without it.
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Timestamp>,
    /// How to print the answer.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: AnswerFormat,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a name, =, and a value are needed")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "a time is written as 2026-08-05T12:00:00Z".to_owned())
}

pub(crate) fn run(args: &IdentityArgs) -> Exit {
    let sources = Sources::new();
    let (report, answered) = match &args.command {
        IdentityCommand::Explain(args) => (&args.report, explain(args, &sources)),
        IdentityCommand::WhoCan(args) => (&args.report, who_can(args, &sources)),
    };
    answered.unwrap_or_else(|diagnostic| {
        report.reporter().error(&diagnostic, &sources);
        Exit::WrongInput
    })
}

/// A question as it was asked, and its answer.
struct Answer<'a> {
    access: Access<'a>,
    explanation: Explanation,
}

fn explain(args: &ExplainArgs, sources: &Sources) -> Result<Exit, Box<Diagnostic>> {
    let state = args.grants.state(sources)?;
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
    let text = match args.grants.output {
        AnswerFormat::Text => text::explanation(&answer, has_colour(&std::io::stdout())),
        AnswerFormat::Json => json::explanation(&answer),
    };
    output::answer(&[text])?;
    Ok(match answer.explanation.decision {
        Decision::Granted(_) => Exit::Done,
        _ => Exit::WrongInput,
    })
}

fn who_can(args: &WhoCanArgs, sources: &Sources) -> Result<Exit, Box<Diagnostic>> {
    let state = args.grants.state(sources)?;
    let reasoner = Reasoner::new(&state);
    let resource = resource_name(&args.resource)?;
    note_unknown_permission(&reasoner, &state, &args.permission, &args.report);
    let members = reasoner.who_can(&args.permission, &resource, args.grants.time());
    let text = match args.grants.output {
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

impl GrantArgs {
    fn time(&self) -> Option<Timestamp> {
        self.at.or_else(date::now)
    }

    fn state(&self, sources: &Sources) -> Result<State, Box<Diagnostic>> {
        let mut state = State::default();
        for named in &self.files {
            // A name of a resource may hold no `=`, and a path rarely does.
            let (resource, path) = match named.split_once('=') {
                Some((resource, path)) if !Path::new(named).exists() => (Some(resource_name(resource)?), path),
                _ => (None, named.as_str()),
            };
            let text = read(path)?;
            state
                .read(&sources.add(path, text), resource.as_ref())
                .map_err(|error| {
                    let diagnostic = Diagnostic::error(format!("cannot read grants from {path}: {error}"));
                    Box::new(match error.hint() {
                        Some(hint) => diagnostic.hint(hint),
                        None => diagnostic,
                    })
                })?;
        }
        if let Some(path) = &self.groups {
            let groups: std::collections::BTreeMap<String, Vec<String>> =
                serde_json::from_str(&read(path)?).map_err(|error| {
                    let hint = "it is an object of addresses of groups, each with a list of members as in a policy";
                    Box::new(Diagnostic::error(format!("cannot read groups from {path}: {error}")).hint(hint))
                })?;
            for (group, members) in groups {
                let members = members.iter().map(|member| subject(member)).collect::<Result<_, _>>()?;
                state.groups.insert(group.to_ascii_lowercase(), members);
            }
        }
        Ok(state)
    }
}

fn read(path: &str) -> Result<String, Box<Diagnostic>> {
    fs::read_to_string(path).map_err(|error| Box::new(Diagnostic::error(format!("cannot read {path}: {error}"))))
}

/// A member as in a policy, or in short.
fn subject(text: &str) -> Result<Member, Box<Diagnostic>> {
    let full = match text {
        _ if text.contains(':') => text.to_owned(),
        _ if text.ends_with(']') => format!("serviceAccount:{text}"),
        _ if text.ends_with(".gserviceaccount.com") => format!("serviceAccount:{text}"),
        _ if text.contains('@') => format!("user:{text}"),
        _ => text.to_owned(),
    };
    let Ok(member) = full.parse();
    match member {
        Member::Unknown(_) => Err(Box::new(Diagnostic::error(format!("\"{text}\" is no principal")).hint(
            "write an address, PROJECT.svc.id.goog[NAMESPACE/NAME], or a principal as in a policy (user:, group:, \
             serviceAccount:, principal://)",
        ))),
        member => Ok(member),
    }
}

fn resource_name(text: &str) -> Result<ResourceName, Box<Diagnostic>> {
    ResourceName::parse(text).map_err(|error| Box::new(Diagnostic::error(error.to_string()).hint(NameError::HINT)))
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
