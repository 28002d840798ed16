//! `terrace identity`: who may do what, and what is missing.

mod apply;
mod cluster;
mod drift;
mod grants;
mod graph;
mod ground;
mod json;
mod matrix;
mod plan;
mod refresh;
mod removal;
mod text;
mod trees;

pub(crate) use grants::{GrantArgs, of_files};

use std::mem::ManuallyDrop;

use build::Session;
use clap::{Args, Subcommand};
use identity::rbac::{Action, Rbac};
use identity::{Access, Decision, Documents, Explanation, Methods, Reasoner, ResourceName, State};
use resource::{Finding, Resource, Severity};

use self::cluster::Question;
use self::grants::{resource_name, subject};
use self::trees::TreeArgs;
use super::check::{self, CheckArgs, Scope};
use crate::diagnostic::{Diagnostic, Reporter, has_colour};
use crate::exit::Exit;
use crate::output::{self, AnswerFormat};
use crate::setup::{Setup, SetupArgs};

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
    Drift(Box<drift::DriftArgs>),
    Graph(graph::GraphArgs),
    Matrix(matrix::MatrixArgs),
    Explain(ExplainArgs),
    WhoCan(WhoCanArgs),
    Refresh(refresh::RefreshArgs),
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
///
/// A permission of two words or three is one of a cluster: \"create jobs.batch\", \"get pods/log web\", \"get /metrics\".
/// It is looked for in the roles and bindings of --tree, of --rbac, or without them of every environment of terrace.yaml;
/// where it is missing, the role and binding to make are printed. Of several environments, each must grant it.
///
/// A method of an API, as storage.objects.insert or google.cloud.aiplatform.v1.JobService.CreateCustomJob, stands for
/// the permissions that it needs.
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

  # May it call this method?
  terrace identity explain trainer@acme.iam.gserviceaccount.com \\
    google.cloud.aiplatform.v1.JobService.CreateCustomJob projects/acme --iam iam.json

  # May they create jobs in their namespace? In a tree, in every environment of terrace.yaml, in a cluster
  terrace identity explain system:serviceaccount:ml:trainer 'create jobs.batch' -n ml --tree overlays/prod
  terrace identity explain system:serviceaccount:ml:trainer 'create jobs.batch' -n ml
  kubectl get roles,rolebindings,clusterroles,clusterrolebindings -A -o json > rbac.json
  terrace identity explain system:serviceaccount:ml:trainer 'create jobs.batch' -n ml --rbac rbac.json
")]
struct ExplainArgs {
    /// Who asks: the address of a user or service account, a Kubernetes service account as
    /// PROJECT.svc.id.goog[NAMESPACE/NAME], or a principal as in a policy; of a cluster, also
    /// system:serviceaccount:NAMESPACE:NAME, the name of a user, or group:NAME.
    #[arg(value_name = "SUBJECT")]
    subject: String,
    /// As storage.objects.get, or a method of an API; of a cluster, \"VERB RESOURCE[.GROUP][/SUBRESOURCE] [NAME]\" or \"VERB /PATH\".
    #[arg(value_name = "PERMISSION")]
    permission: String,
    /// A full resource name (//SERVICE/PATH), or projects/ID, gs://BUCKET/OBJECT, the address of a service account;
    /// without one, the only project of the grants.
    #[arg(value_name = "RESOURCE")]
    resource: Option<String>,
    /// What the identity provider says of a federated subject: attribute.repository=acme/iris, google.groups=ID.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = pair)]
    attributes: Vec<(String, String)>,
    /// The namespace of a cluster's resource; the whole cluster without it.
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// A group of a cluster's user, beside those that everybody is in. May be repeated.
    #[arg(long = "group", value_name = "NAME")]
    user_groups: Vec<String>,
    #[command(flatten)]
    grants: GrantArgs,
    #[command(flatten)]
    trees: TreeArgs,
    /// How to print the answer.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: AnswerFormat,
    #[command(flatten)]
    setup: SetupArgs,
}

/// Everybody who has a permission on a resource, with the grant that gives it.
///
/// A permission of two words or three is one of a cluster, as of terrace identity explain.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Who may read the models?
  terrace identity who-can storage.objects.get gs://models --iam iam.json

  # Who may act as the trainer?
  terrace identity who-can iam.serviceAccounts.getAccessToken trainer@acme.iam.gserviceaccount.com --iam iam.json

  # Who may read the secrets of the namespace ml?
  terrace identity who-can 'get secrets' -n ml --tree overlays/prod
")]
struct WhoCanArgs {
    /// As storage.objects.get, or a method of an API; of a cluster, \"VERB RESOURCE[.GROUP][/SUBRESOURCE] [NAME]\" or \"VERB /PATH\".
    #[arg(value_name = "PERMISSION")]
    permission: String,
    /// A full resource name (//SERVICE/PATH), or projects/ID, gs://BUCKET/OBJECT, the address of a service account;
    /// without one, the only project of the grants.
    #[arg(value_name = "RESOURCE")]
    resource: Option<String>,
    /// The namespace of a cluster's resource; the whole cluster without it.
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    #[command(flatten)]
    grants: GrantArgs,
    #[command(flatten)]
    trees: TreeArgs,
    /// How to print the answer.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: AnswerFormat,
    #[command(flatten)]
    setup: SetupArgs,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a name, =, and a value are needed")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(crate) fn run(args: &IdentityArgs) -> Exit {
    match &args.command {
        IdentityCommand::Check(args) => check::run(args, Scope::Identities),
        IdentityCommand::Plan(args) => on_ground(&args.ground.setup, |setup, session| plan::run(args, setup, session)),
        IdentityCommand::Drift(args) if args.watch => drift::watch(args),
        IdentityCommand::Drift(args) => {
            on_ground(&args.ground.setup, |setup, session| drift::run(args, setup, session))
        }
        IdentityCommand::Refresh(args) => on_ground(&args.setup, |setup, session| refresh::run(args, setup, session)),
        IdentityCommand::Graph(args) => {
            on_ground(&args.ground.setup, |setup, session| graph::run(args, setup, session))
        }
        IdentityCommand::Matrix(args) => {
            on_ground(&args.ground.setup, |setup, session| matrix::run(args, setup, session))
        }
        IdentityCommand::Explain(args) => ask(&args.setup, &args.trees, |asking| explain(args, asking)),
        IdentityCommand::WhoCan(args) => ask(&args.setup, &args.trees, |asking| who_can(args, asking)),
    }
}

/// Builds the trees and answers a question.
fn ask(setup: &SetupArgs, trees: &TreeArgs, answer: impl FnOnce(&Asking<'_>) -> Result<Exit, Box<Diagnostic>>) -> Exit {
    let setup = setup.setup();
    let session = setup.session();
    let asking = Asking {
        reporter: &setup.reporter,
        setup: &setup,
        session: &session,
        trees,
        objects: match trees.objects(&setup, &session) {
            Ok(objects) => objects,
            Err(exit) => return exit,
        },
        has_trees: !trees.is_empty(),
    };
    answer(&asking).unwrap_or_else(|diagnostic| {
        setup.reporter.error(&diagnostic, session.sources());
        diagnostic.exit
    })
}

/// What questions are asked of.
struct Asking<'a> {
    reporter: &'a Reporter,
    setup: &'a Setup,
    session: &'a Session<'a>,
    trees: &'a TreeArgs,
    /// Those of the trees that the command line names.
    objects: Vec<Resource>,
    has_trees: bool,
}

/// The roles and bindings of a cluster.
struct Cluster {
    /// Of the platform file, where that is asked.
    environment: Option<String>,
    rbac: Rbac,
}

impl Cluster {
    fn question<'a>(&'a self, action: &'a Action, asking: &'a Asking<'_>) -> Question<'a> {
        Question {
            rbac: &self.rbac,
            action,
            sources: asking.session.sources(),
            environment: self.environment.as_deref(),
        }
    }
}

/// Answers what needs trees that are built.
fn on_ground(setup: &SetupArgs, answer: impl FnOnce(&Setup, &Session<'_>) -> Result<Exit, Box<Diagnostic>>) -> Exit {
    let setup = setup.setup();
    let session = setup.session();
    answer(&setup, &session).unwrap_or_else(|diagnostic| {
        setup.reporter.error(&diagnostic, session.sources());
        diagnostic.exit
    })
}

/// A question as it was asked, and its answer.
struct Answer<'a> {
    access: Access<'a>,
    explanation: Explanation,
}

fn explain(args: &ExplainArgs, asking: &Asking<'_>) -> Result<Exit, Box<Diagnostic>> {
    if cluster::is_asked(&args.permission) {
        let subject = cluster::subject(&args.subject)?;
        let action = cluster::action(&args.permission, args.namespace.as_deref())?;
        let clusters = asking.clusters(args.resource.as_deref())?;
        let mut answers = Vec::new();
        let mut exit = Exit::Done;
        for cluster in &clusters {
            let question = cluster.question(&action, asking);
            let (text, is_granted) = cluster::explain(&question, &subject, &args.user_groups, args.output);
            answers.push((question.environment, text));
            exit = if is_granted { exit } else { Exit::WrongInput };
        }
        cluster::print(&answers, args.output)?;
        return Ok(exit);
    }
    let documents = asking.documents(&args.grants)?;
    let subject = subject(&args.subject)?;
    let resource = match &args.resource {
        Some(text) => resource_name(text)?,
        None => only_project(&documents)?,
    };
    let permissions = permissions(documents.known(), &args.permission, asking.reporter)?;
    let time = args.grants.time();
    let accesses = permissions.iter().map(|permission| Access {
        subject: &subject,
        attributes: &args.attributes,
        permission,
        resource: &resource,
        time,
    });
    let accesses: Vec<Access<'_>> = accesses.collect();
    // The process ends soon; to free thousands of grants one by one would take a part of its time.
    let state = ManuallyDrop::new(documents.about(&accesses));
    let reasoner = ManuallyDrop::new(Reasoner::new(&state));
    let mut texts = Vec::new();
    let mut exit = Exit::Done;
    for access in accesses {
        let answer = Answer {
            explanation: reasoner.explain(&access),
            access,
        };
        texts.push(match args.output {
            AnswerFormat::Text => text::explanation(&answer, has_colour(&std::io::stdout())),
            AnswerFormat::Json => json::explanation(&answer),
        });
        if !matches!(answer.explanation.decision, Decision::Granted(_)) {
            exit = Exit::WrongInput;
        }
    }
    print_each(&texts, &args.permission, args.output)?;
    Ok(exit)
}

/// Prints an answer for each permission that a method needs.
fn print_each(texts: &[String], asked: &str, format: AnswerFormat) -> Result<(), Box<Diagnostic>> {
    let text = match (texts, format) {
        ([one], _) => one.clone(),
        ([], AnswerFormat::Text) => format!("granted: {asked} needs no permission\n"),
        (_, AnswerFormat::Text) => texts.join("\n"),
        (_, AnswerFormat::Json) => {
            let indented = texts.iter().map(|text| text.trim_end().replace('\n', "\n  "));
            format!("[\n  {}\n]\n", indented.collect::<Vec<_>>().join(",\n  "))
        }
    };
    output::answer(&[text])
}

fn who_can(args: &WhoCanArgs, asking: &Asking<'_>) -> Result<Exit, Box<Diagnostic>> {
    if cluster::is_asked(&args.permission) {
        let action = cluster::action(&args.permission, args.namespace.as_deref())?;
        let clusters = asking.clusters(args.resource.as_deref())?;
        let answers = clusters.iter().map(|cluster| {
            let question = cluster.question(&action, asking);
            (question.environment, cluster::who_can(&question, args.output))
        });
        return cluster::print(&answers.collect::<Vec<_>>(), args.output).map(|()| Exit::Done);
    }
    let documents = asking.documents(&args.grants)?;
    let resource = match &args.resource {
        Some(text) => resource_name(text)?,
        None => only_project(&documents)?,
    };
    let permissions = permissions(documents.known(), &args.permission, asking.reporter)?;
    let state = documents.on(&resource);
    let reasoner = Reasoner::new(&state);
    let texts = permissions.iter().map(|permission| {
        let members = reasoner.who_can(permission, &resource, args.grants.time());
        match args.output {
            AnswerFormat::Text if permissions.len() > 1 => {
                format!("{permission}:\n{}", text::who_can(permission, &resource, &members))
            }
            AnswerFormat::Text => text::who_can(permission, &resource, &members),
            AnswerFormat::Json => json::who_can(permission, &resource, &members),
        }
    });
    print_each(&texts.collect::<Vec<_>>(), &args.permission, args.output)?;
    Ok(Exit::Done)
}

/// The permissions that are asked about: one, or those that a method needs.
///
/// # Errors
/// A method that is in no table.
fn permissions(state: &State, asked: &str, reporter: &Reporter) -> Result<Vec<String>, Box<Diagnostic>> {
    if state.roles().knows_permission(asked) {
        return Ok(vec![asked.to_owned()]);
    }
    let methods = Methods::embedded();
    let Some(method) = methods.find(asked) else {
        let is_custom = state
            .custom_roles
            .values()
            .any(|permissions| permissions.contains(asked));
        // A method has more words than a permission.
        if !is_custom && (asked.starts_with("google.") || asked.split('.').count() > 3 && !asked.contains('/')) {
            let near = methods.near(asked).join(", ");
            let hint = if near.is_empty() {
                "ask for a permission".to_owned()
            } else {
                format!("near it are {near}")
            };
            let message = format!(
                "which permissions the method {asked} needs is not known (methods as of {})",
                methods.date
            );
            return Err(Box::new(Diagnostic::error(message).hint(hint)));
        }
        note_unknown_permission(state, asked, reporter);
        return Ok(vec![asked.to_owned()]);
    };
    let needs = match method.permissions.as_slice() {
        [] => "no permission".to_owned(),
        some => some.join(" and "),
    };
    reporter.note(&format!("the method {asked} needs {needs} (as of {})", methods.date));
    Ok(method.permissions.clone())
}

/// A permission that nobody knows is a slip most often.
fn note_unknown_permission(state: &State, permission: &str, reporter: &Reporter) {
    let roles = state.roles();
    let is_custom = state
        .custom_roles
        .values()
        .any(|permissions| permissions.contains(permission));
    if reporter.quiet || is_custom || roles.knows_permission(permission) {
        return;
    }
    let near = roles.near_permissions(permission).join(", ");
    let near = if near.is_empty() {
        String::new()
    } else {
        format!("; near it are {near}")
    };
    reporter.note(&format!(
        "no role that is known has the permission {permission}{near} (Google's predefined roles as of {})",
        roles.date
    ));
}

impl Asking<'_> {
    /// The roles and bindings of the trees, of files of a cluster, or of each environment of the platform.
    fn clusters(&self, resource: Option<&str>) -> Result<Vec<Cluster>, Box<Diagnostic>> {
        if let Some(resource) = resource {
            let message = format!("a permission of a cluster is on no resource of Google Cloud, as \"{resource}\" is");
            let hint = "write the name of an object behind its kind, as in \"get pods web\", and the namespace with -n";
            return Err(Box::new(Diagnostic::error(message).hint(hint)));
        }
        if self.trees.has_rbac() {
            let mut objects = self.trees.of_cluster(self.session)?;
            objects.extend(self.objects.iter().cloned());
            return Ok(vec![Cluster {
                environment: None,
                rbac: Rbac::whole(&objects),
            }]);
        }
        if self.has_trees {
            return Ok(vec![Cluster {
                environment: None,
                rbac: Rbac::new(&self.objects),
            }]);
        }
        let environments = self.trees.of_environments(self.setup, self.session)?;
        let clusters = environments.into_iter().map(|(environment, objects)| Cluster {
            environment: Some(environment),
            rbac: Rbac::new(&objects),
        });
        Ok(clusters.collect())
    }

    /// What the files say that the command line names, or without any, those of the platform file; and the objects
    /// of Config Connector.
    fn documents(&self, args: &GrantArgs) -> Result<Documents, Box<Diagnostic>> {
        let of_environments = match self.trees.environment.is_empty() {
            true => Vec::new(),
            false => self.trees.of_environments(self.setup, self.session)?,
        };
        let has_platform = !of_environments.is_empty() || args.is_empty() && !self.has_trees;
        let mut documents = if has_platform {
            let directory = crate::targets::find_platform().ok_or_else(|| {
                let hint = "name files with --iam or trees with --tree, or files in terrace.yaml under identity.iam";
                Box::new(Diagnostic::error("no grants are given").hint(hint))
            })?;
            let platform = platform::read(self.session, &directory).map_err(|error| Box::new(error.into()))?;
            args.documents(self.session, Some(&platform))?
        } else {
            args.documents(self.session, None)?
        };
        documents.add(State::from_config_connector(&self.objects, None));
        for (_, objects) in &of_environments {
            documents.add(State::from_config_connector(objects, None));
        }
        for unresolved in &documents.known().unresolved {
            let finding = Finding::new(
                "unresolved_grant",
                Severity::Warning,
                unresolved.mark,
                unresolved.message.clone(),
            );
            self.reporter.warning(&finding, self.session.sources());
        }
        Ok(documents)
    }
}

fn only_project(documents: &Documents) -> Result<ResourceName, Box<Diagnostic>> {
    let projects = documents.projects();
    match &projects[..] {
        [project] => Ok(project.clone()),
        _ => Err(Box::new(
            Diagnostic::error(format!("the grants are of {} projects", projects.len()))
                .hint("name the resource behind the permission, as projects/ID"),
        )),
    }
}
