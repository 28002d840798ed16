//! `terrace emulator`: the embedded cloud.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use build::{OsFiles, Session};
use clap::{Args, ValueEnum};
use emulator::{ContainerRuntime, Iam, Settings, StartError};
use identity::Member;
use serde::Serialize;

use super::identity::of_files;
use crate::args::{TERRACE, working_directory};
use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::output;
use crate::targets::find_platform;

const EXAMPLES: &str = "\
Examples:
  # A cloud whose only user may do everything with Vertex AI
  terrace emulator --policy projects/acme-dev=policy.json --token ann=user:ann@acme.com

  # Point clients at it
  eval \"$(terrace emulator --print-env)\"

  # Containers in podman, with their images
  terrace emulator --runtime podman

  # The grants of terrace.yaml, on a port that is free
  terrace emulator --port 0 --state /tmp/cloud
";

/// The embedded cloud: Vertex AI, Cloud Storage, Cloud Logging, IAM and its tokens on loopback.
///
/// It runs the work as processes of this machine, and says no where Google would: what terrace.yaml names under
/// identity.iam is granted, and what --policy adds. Who has a token is one of --token, of the metadata server, or
/// somebody the token service was given a token of. One line of JSON says where it is once it answers.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct EmulatorArgs {
    /// The port; 0 takes one that is free.
    #[arg(long, default_value_t = 8700)]
    port: u16,
    /// The address to listen on. Another one than of loopback lets everybody in the network run programs here.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    listen: IpAddr,
    /// Where its state is kept.
    #[arg(long, value_name = "DIR", default_value = ".terrace/emulator")]
    state: PathBuf,
    /// What is done where a permission is lacking.
    #[arg(long, value_enum, default_value_t)]
    iam: Enforcement,
    /// What runs containers. As processes, images are not looked at, and each needs a command.
    #[arg(long, value_enum, default_value_t)]
    runtime: Runtime,
    /// A file with grants, as gcloud prints them in JSON; or RESOURCE=FILE with the policy of one resource. May be
    /// repeated.
    #[arg(long, value_name = "[RESOURCE=]FILE")]
    policy: Vec<String>,
    /// A JSON file with the members of groups: {"ml@acme.com": ["user:ann@acme.com"]}.
    #[arg(long, value_name = "FILE")]
    groups: Option<String>,
    /// A token that stands for a principal: ann=user:ann@acme.com. May be repeated.
    #[arg(long, value_name = "NAME=PRINCIPAL", value_parser = token)]
    token: Vec<(String, Member)>,
    /// The project of the metadata server; the first of terrace.yaml, or local, without it.
    #[arg(long, value_name = "ID")]
    project: Option<String>,
    /// The service account whose tokens the metadata server gives.
    #[arg(long, value_name = "EMAIL")]
    service_account: Option<String>,
    /// Print the variables that point gcloud and the client libraries at the cloud, and start nothing.
    #[arg(long)]
    print_env: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Enforcement {
    /// Deny the call.
    #[default]
    Enforce,
    /// Let it pass, and say what was lacking.
    Log,
    /// Let everything pass.
    Off,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Runtime {
    /// Processes of this machine.
    #[default]
    Process,
    /// Containers of docker.
    Docker,
    /// Containers of podman.
    Podman,
}

fn token(text: &str) -> Result<(String, Member), String> {
    let (name, principal) = text.split_once('=').ok_or("it is written as NAME=PRINCIPAL")?;
    let Ok(member) = principal.parse::<Member>();
    match member {
        Member::Unknown(text) => Err(format!(
            "{text:?} is no principal: write user:ann@acme.com, or serviceAccount:…"
        )),
        _ if name.is_empty() || name.contains(char::is_whitespace) => {
            Err("its name is empty, or has spaces".to_owned())
        }
        member => Ok((name.to_owned(), member)),
    }
}

/// The line that says that the cloud answers.
#[derive(Serialize)]
struct Ready<'a> {
    status: &'static str,
    url: &'a str,
    issuer: String,
    state: String,
    project: &'a str,
    tokens: Vec<&'a str>,
}

pub(crate) fn run(args: &EmulatorArgs) -> Exit {
    if args.print_env {
        return match output::answer(&[environment(&url(args.listen, args.port))]) {
            Ok(()) => Exit::Done,
            Err(diagnostic) => fail(&diagnostic, None),
        };
    }
    let files = OsFiles::new(working_directory());
    let session = Session::new(&files);
    match start(args, &session) {
        Ok(()) => Exit::Done,
        Err(diagnostic) => fail(&diagnostic, Some(&session)),
    }
}

fn fail(diagnostic: &Diagnostic, session: Option<&Session<'_>>) -> Exit {
    match session {
        Some(session) => TERRACE.error(diagnostic, session.sources()),
        None => TERRACE.error(diagnostic, &yaml::Sources::new()),
    }
    diagnostic.exit
}

fn start(args: &EmulatorArgs, session: &Session<'_>) -> Result<(), Box<Diagnostic>> {
    let platform = find_platform()
        .map(|directory| platform::read(session, &directory).map_err(|error| Box::new(Diagnostic::from(error))))
        .transpose()?;
    let granted = of_files(session, platform.as_ref(), &args.policy, args.groups.as_ref())?;
    let environments = platform.iter().flat_map(|platform| &platform.spec.environments);
    let mut projects = environments.filter_map(|environment| environment.project.as_deref());
    let project = args
        .project
        .as_deref()
        .or_else(|| projects.next())
        .unwrap_or("local")
        .to_owned();
    let settings = Settings {
        listen: SocketAddr::new(args.listen, args.port),
        state: working_directory().join(&args.state),
        iam: match args.iam {
            Enforcement::Enforce => Iam::Enforce,
            Enforcement::Log => Iam::Log,
            Enforcement::Off => Iam::Off,
        },
        runtime: match args.runtime {
            Runtime::Process => ContainerRuntime::Process,
            Runtime::Docker => ContainerRuntime::Docker,
            Runtime::Podman => ContainerRuntime::Podman,
        },
        granted,
        tokens: args.token.clone(),
        project: project.clone(),
        account: args.service_account.clone(),
    };
    let mut printed = Ok(());
    let ready = |address: SocketAddr| {
        let url = url(address.ip(), address.port());
        let line = Ready {
            status: "ready",
            url: &url,
            issuer: format!("{url}/oidc"),
            state: args.state.display().to_string(),
            project: &project,
            tokens: args.token.iter().map(|(name, _)| name.as_str()).collect(),
        };
        let text = serde_json::to_string(&line).unwrap_or_default();
        printed = output::answer(&[text, "\n".to_owned()]);
    };
    emulator::run(settings, ready).map_err(|error| Box::new(diagnostic(&error)))?;
    printed
}

fn url(address: IpAddr, port: u16) -> String {
    format!("http://{}", SocketAddr::new(address, port))
}

fn diagnostic(error: &StartError) -> Diagnostic {
    let diagnostic = Diagnostic::error(error.to_string());
    match error {
        StartError::Listen(..) => diagnostic.hint("name another --port, or 0 for one that is free"),
        StartError::Store(emulator::StoreError::InUse(_)) => {
            diagnostic.hint("name another --state, or end the other one")
        }
        StartError::Store(emulator::StoreError::Damaged(..)) => {
            diagnostic.hint("remove the directory, or name another --state")
        }
        StartError::Runtime(_) => diagnostic.hint("start it, or leave --runtime out: containers are processes then"),
        _ => diagnostic,
    }
}

/// The variables by which clients find the cloud, for a shell to evaluate.
fn environment(url: &str) -> String {
    let host = url.trim_start_matches("http://");
    let mut text = String::new();
    let mut add = |name: &str, value: &str| text.push_str(&format!("export {name}='{value}'\n"));
    // gcloud, and what is made with Terrace.
    for (service, path) in [
        ("AIPLATFORM", ""),
        ("STORAGE", "storage/v1/"),
        ("LOGGING", ""),
        ("IAM", ""),
        ("IAMCREDENTIALS", ""),
        ("STS", ""),
        ("CLOUDRESOURCEMANAGER", ""),
    ] {
        add(
            &format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{service}"),
            &format!("{url}/{path}"),
        );
    }
    // The client libraries of Cloud Storage, and google-auth in each language.
    add("STORAGE_EMULATOR_HOST", url);
    add("GCE_METADATA_HOST", host);
    add("GCE_METADATA_IP", host);
    add("GCE_METADATA_ROOT", host);
    // That for Node would ask its usual addresses first.
    add("METADATA_SERVER_DETECTION", "assume-present");
    add("TERRACE_EMULATOR", url);
    text
}
