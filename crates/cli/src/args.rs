//! The command line: what can be said, and which command answers it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use build::{LoadRestrictor, Options, Reorder};
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands;
use crate::diagnostic::{ErrorFormat, Face, Reporter};
use crate::exit::{self, Exit};
use crate::kustomize;

const EXAMPLES: &str = "\
Examples:
  # Render one environment
  terrace build overlays/prod

  # Why has this container this image?
  terrace explain overlays/prod Deployment/iris 'spec.template.spec.containers[name=server].image'

  # Render every environment below a directory into one file each
  terrace build --all . --output-dir rendered
";

/// Kubernetes configuration from one tree to every environment.
#[derive(Debug, Parser)]
#[command(
    name = "terrace",
    version = version_text(),
    about = "Renders kustomizations as kustomize does, and says which line made each value",
    after_help = format!("{EXAMPLES}\n{}", exit::help()),
    max_term_width = 100,
    args_override_self = true
)]
pub(crate) struct Cli<C: Subcommand = Command> {
    #[command(subcommand)]
    command: C,
}

/// The one command that hooks and loops run for every directory: it does not wait until the words of all
/// the others are made.
#[derive(Debug, Subcommand)]
pub(crate) enum BuildAlone {
    Build(commands::build::BuildArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Build(commands::build::BuildArgs),
    Check(commands::check::CheckArgs),
    Diff(commands::diff::DiffArgs),
    Explain(commands::explain::ExplainArgs),
    Edit(commands::edit::EditArgs),
    #[command(visible_alias = "init")]
    Create(commands::edit::CreateArgs),
    Localize(LocalizeOptions),
    Cfg(commands::package::PackageArgs),
    Fn(commands::function::FunctionArgs),
    Report(commands::report::ComplianceArgs),
    Rules(commands::rules::RulesArgs),
    Lock(commands::lock::LockArgs),
    Cache(commands::cache::CacheArgs),
    Policy(commands::policy::PolicyArgs),
    Identity(commands::identity::IdentityArgs),
    Audit(commands::audit::AuditArgs),
    Emulator(commands::emulator::EmulatorArgs),
    Schema(commands::schema::SchemaArgs),
    Secrets(commands::secrets::SecretsArgs),
    Completions(commands::completions::CompletionsArgs),
    Man(commands::man::ManArgs),
    Version(commands::version::VersionArgs),
}

#[derive(Args, Debug)]
pub(crate) struct LocalizeOptions {
    #[command(flatten)]
    localize: commands::localize::LocalizeArgs,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    report: ReportArgs,
}

pub(crate) const TERRACE: Reporter = Reporter {
    face: Face::Terrace,
    format: ErrorFormat::Text,
    quiet: false,
};

/// How to report, the same for every command that reads kustomizations.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReportArgs {
    /// How errors and warnings are written to standard error.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    error_format: ErrorFormat,
    /// Print no warnings and no progress.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Whether the network may be used.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct NetworkArgs {
    /// Do not use the network: only what was fetched before.
    #[arg(long)]
    pub(crate) offline: bool,
}

impl ReportArgs {
    pub(crate) fn reporter(&self) -> Reporter {
        Reporter {
            face: Face::Terrace,
            format: self.error_format,
            quiet: self.quiet,
        }
    }
}

/// The flags of `kustomize build` that say how to build, with its names and meaning.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Flags of kustomize")]
pub(crate) struct BuildFlags {
    /// Use the user and group of the caller in containers of functions.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub(crate) as_current_user: bool,
    /// Enable functions in containers and plugins. Not for configuration of strangers.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub(crate) enable_alpha_plugins: bool,
    /// With --enable-alpha-plugins, enable functions that are programs on this machine too.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub(crate) enable_exec: bool,
    /// Enable Helm charts, which the helm program inflates.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub(crate) enable_helm: bool,
    /// Label every object as made by kustomize. Deprecated: use `managedByLabel` in `buildMetadata`.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    enable_managedby_label: Option<bool>,
    /// An environment variable for functions: NAME, or NAME=VALUE. May be repeated.
    #[arg(short, long, value_name = "VARIABLE", allow_hyphen_values = true)]
    pub(crate) env: Vec<String>,
    /// A version of a Kubernetes API that Helm takes as available. May be repeated.
    #[arg(long, value_name = "VERSION", allow_hyphen_values = true)]
    pub(crate) helm_api_versions: Vec<String>,
    /// The helm program.
    #[arg(long, value_name = "PATH", default_value = "helm", allow_hyphen_values = true)]
    pub(crate) helm_command: String,
    /// Let helm print what it does.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub(crate) helm_debug: bool,
    /// The version of Kubernetes that Helm takes for the cluster's.
    #[arg(long, value_name = "VERSION", allow_hyphen_values = true)]
    pub(crate) helm_kube_version: Option<String>,
    /// Which files a kustomization may read: those in or below its directory, or all.
    #[arg(long, value_name = "RESTRICTION", default_value = ROOT_ONLY, value_parser = load_restrictors(),
        allow_hyphen_values = true)]
    load_restrictor: String,
    /// A storage that containers of functions may read. May be repeated.
    #[arg(long, value_name = "MOUNT", allow_hyphen_values = true)]
    pub(crate) mount: Vec<String>,
    /// Give the network to functions that ask for it.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub(crate) network: bool,
    /// The container network of functions. Accepted and without effect, as in kustomize: functions that ask
    /// for the network get that of the host.
    #[arg(long, value_name = "NAME", default_value = "bridge", allow_hyphen_values = true)]
    network_name: String,
    /// The order of the objects. Deprecated: use `sortOptions`.
    #[arg(long, value_name = "ORDER", value_enum, allow_hyphen_values = true)]
    reorder: Option<ReorderArg>,
    /// Accepted and without effect.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide = true)]
    stack_trace: bool,
}

const ROOT_ONLY: &str = "LoadRestrictionsRootOnly";
const NO_RESTRICTION: &str = "LoadRestrictionsNone";
/// Set to `on`, it has the meaning of `--enable-managedby-label`.
const MANAGED_BY_VARIABLE: &str = "KUSTOMIZE_ENABLE_MANAGEDBY_LABEL";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ReorderArg {
    /// Namespaces and definitions first, webhooks last.
    Legacy,
    /// As loaded.
    None,
}

impl BuildFlags {
    /// The options of a build, after a word about what is deprecated.
    pub(crate) fn options(&self, reporter: &Reporter) -> Options {
        if self.reorder.is_some() {
            reporter.deprecated_flag(
                "--reorder",
                "use the new 'sortOptions' field in kustomization.yaml instead.",
            );
        }
        if self.enable_managedby_label.is_some() {
            let words = "The flag `enable-managedby-label` has been deprecated. \
                 Use the `managedByLabel` option in the `buildMetadata` field instead.";
            reporter.deprecated_flag("--enable-managedby-label", words);
        }
        let asked_by_variable = || std::env::var_os(MANAGED_BY_VARIABLE).is_some_and(|value| value == "on");
        Options {
            load_restrictor: match self.load_restrictor.as_str() {
                NO_RESTRICTION => LoadRestrictor::None,
                _ => LoadRestrictor::RootOnly,
            },
            reorder: match self.reorder {
                None => Reorder::Unspecified,
                Some(ReorderArg::Legacy) => Reorder::Legacy,
                Some(ReorderArg::None) => Reorder::None,
            },
            managed_by_label: self.enable_managedby_label == Some(true) || asked_by_variable(),
        }
    }
}

fn load_restrictors() -> PossibleValuesParser {
    PossibleValuesParser::new([
        PossibleValue::new(ROOT_ONLY),
        PossibleValue::new(NO_RESTRICTION),
        PossibleValue::new("").hide(true),
    ])
}

/// What Go takes for a boolean (`strconv.ParseBool`).
pub(crate) fn go_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err("it is true or false".to_owned()),
    }
}

/// `0.1.0 (kustomize v5.8.1)`.
pub(crate) fn version_text() -> String {
    format!("{} (kustomize {})", env!("CARGO_PKG_VERSION"), build::KUSTOMIZE_VERSION)
}

/// The working directory, which the system may not know.
pub(crate) fn working_directory() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"))
}

/// Answers the command line of this process.
pub(crate) fn run() -> Exit {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let name = arguments.first().and_then(|name| Path::new(name).file_stem());
    if name.is_some_and(|name| name == "kustomize") {
        return kustomize::run(&arguments);
    }
    if arguments.get(1).is_some_and(|command| command == "build") {
        return answer(&arguments, |BuildAlone::Build(args)| commands::build::run(&args));
    }
    answer(&arguments, |command| match command {
        Command::Build(args) => commands::build::run(&args),
        Command::Check(args) => commands::check::run(&args, commands::check::Scope::All),
        Command::Diff(args) => commands::diff::run(&args),
        Command::Explain(args) => commands::explain::run(&args),
        Command::Edit(args) => commands::edit::run(args, &TERRACE),
        Command::Create(args) => commands::edit::run_create(args, &TERRACE),
        Command::Localize(args) => commands::localize::run(&args.localize, &args.report.reporter(), args.network),
        Command::Cfg(args) => commands::package::run(&args, &TERRACE),
        Command::Fn(args) => commands::function::run(&args, &TERRACE),
        Command::Report(args) => commands::report::run(&args),
        Command::Rules(args) => commands::rules::run(&args),
        Command::Lock(args) => commands::lock::run(&args),
        Command::Cache(args) => commands::cache::run(&args),
        Command::Policy(args) => commands::policy::run(&args),
        Command::Identity(args) => commands::identity::run(&args),
        Command::Audit(args) => commands::audit::run(&args),
        Command::Emulator(args) => commands::emulator::run(&args),
        Command::Schema(args) => commands::schema::run(&args),
        Command::Secrets(args) => commands::secrets::run(&args),
        Command::Completions(args) => commands::completions::run(&args),
        Command::Man(args) => commands::man::run(&args),
        Command::Version(args) => commands::version::run(&args),
    })
}

fn answer<C: Subcommand>(arguments: &[OsString], run: impl FnOnce(C) -> Exit) -> Exit {
    match Cli::try_parse_from(arguments) {
        Ok(cli) => run(cli.command),
        Err(error) => {
            let _ = error.print();
            if error.use_stderr() {
                Exit::WrongUsage
            } else {
                Exit::Done
            }
        }
    }
}
