//! The answers under the name `kustomize`: its commands, its words, its exit codes.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::args::{BuildFlags, NetworkArgs, go_bool};
use crate::commands::{build, completions, edit, function, localize, openapi, package, version};
use crate::diagnostic::{ErrorFormat, Face, Reporter};
use crate::exit::Exit;
use crate::programs::ProgramArgs;
use crate::setup::Setup;

/// Manages declarative configuration of Kubernetes.
#[derive(Debug, Parser)]
#[command(
    name = "kustomize",
    about = "Manages declarative configuration of Kubernetes",
    max_term_width = 100,
    args_override_self = true
)]
pub(crate) struct Kustomize {
    #[command(subcommand)]
    command: Option<Command>,
    /// Taken and without effect: errors say what led to them.
    #[arg(long, global = true, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    stack_trace: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Build(KustomizeBuildArgs),
    /// Commands for reading and writing configuration.
    Cfg(package::PackageArgs),
    Edit(edit::EditArgs),
    #[command(alias = "init")]
    Create(edit::CreateArgs),
    Completion(completions::CompletionsArgs),
    /// Commands for running functions against configuration.
    Fn(function::FunctionArgs),
    Localize(localize::LocalizeArgs),
    #[command(hide = true)]
    Openapi(openapi::OpenApiArgs),
    Version(VersionArgs),
}

/// Build a kustomization target from a directory.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  # Build the current working directory\n  kustomize build\n\n  \
    # Build some shared configuration directory\n  kustomize build /home/config/production\n"
)]
struct KustomizeBuildArgs {
    /// The directory of a kustomization; without it, the working directory.
    #[arg(value_name = "DIR")]
    directories: Vec<OsString>,
    /// Write the result to this file, or to one file for each object in this directory.
    #[arg(short, long, value_name = "PATH", allow_hyphen_values = true)]
    output: Option<OsString>,
    #[command(flatten)]
    flags: BuildFlags,
}

/// Prints the version of kustomize whose results are reproduced.
#[derive(Args, Debug)]
struct VersionArgs {
    /// Short form. Deprecated.
    #[arg(long)]
    short: bool,
    /// One of 'yaml' or 'json'.
    #[arg(
        short,
        long,
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    output: String,
    #[arg(hide = true)]
    ignored: Vec<OsString>,
}

const REPORTER: Reporter = Reporter {
    face: Face::Kustomize,
    format: ErrorFormat::Text,
    quiet: false,
};

/// Topics of kustomize's help, and where to read them.
const ABSENT: [(&str, &str); 7] = [
    ("docs-fn", NO_TOPICS),
    ("docs-fn-spec", NO_TOPICS),
    ("docs-io-annotations", NO_TOPICS),
    ("docs-merge", NO_TOPICS),
    ("docs-merge3", NO_TOPICS),
    ("tutorials-command-basics", NO_TOPICS),
    ("tutorials-function-basics", NO_TOPICS),
];
const NO_TOPICS: &str = "read it at https://kubectl.docs.kubernetes.io";

/// Answers a command line as kustomize does: every failure is 1.
pub(crate) fn run(arguments: &[OsString]) -> Exit {
    let cli = match Kustomize::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) if !error.use_stderr() => {
            let _ = error.print();
            return Exit::Done;
        }
        Err(error) => {
            return match group_help(&error, arguments) {
                Some(help) => print(&help),
                None => fail(&usage(&error)),
            };
        }
    };
    match cli.command {
        None => print(&<Kustomize as CommandFactory>::command().render_help().to_string()),
        Some(Command::Build(args)) => run_build(args),
        Some(Command::Cfg(args)) => package::run(&args, &REPORTER),
        Some(Command::Fn(args)) => function::run(&args, &REPORTER),
        Some(Command::Edit(args)) => edit::run(args, &REPORTER),
        Some(Command::Create(args)) => edit::run_create(args, &REPORTER),
        Some(Command::Completion(args)) => completions::print_for::<Kustomize>("kustomize", &args),
        Some(Command::Localize(args)) => localize::run(&args, &REPORTER, NetworkArgs::default()),
        Some(Command::Openapi(args)) => openapi::run(&args, &REPORTER),
        Some(Command::Version(args)) => print_version(&args),
    }
}

/// The help of a command that only holds others (`edit`, `edit set`): kustomize prints it where none of these,
/// or none that it knows, is asked for, and is content.
fn group_help(error: &clap::Error, arguments: &[OsString]) -> Option<String> {
    let is_about_group = matches!(
        error.kind(),
        ErrorKind::InvalidSubcommand
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    let mut root = <Kustomize as CommandFactory>::command();
    root.build();
    let mut group = &mut root;
    let mut depth = 0;
    for argument in arguments.iter().skip(1).filter_map(|argument| argument.to_str()) {
        if group.find_subcommand(argument).is_none() {
            break;
        }
        group = group.find_subcommand_mut(argument)?;
        depth += 1;
    }
    (is_about_group && depth > 0 && group.has_subcommands()).then(|| group.render_help().to_string())
}

fn run_build(args: KustomizeBuildArgs) -> Exit {
    let (network, programs) = (NetworkArgs::default(), ProgramArgs::default());
    let setup = Setup::new(REPORTER, network, programs, &args.flags);
    let directory = match args.directories.as_slice() {
        [] => ".".into(),
        [directory] => directory.into(),
        _ => return fail("specify one path to kustomization.yaml"),
    };
    // An empty path is no path to kustomize.
    let output = args.output.filter(|path| !path.is_empty()).map(Into::into);
    match build::run_one(directory, output, &setup) {
        Exit::Done => Exit::Done,
        _ => Exit::WrongInput,
    }
}

fn print_version(args: &VersionArgs) -> Exit {
    if args.short {
        REPORTER.deprecated_flag("--short", "and will be removed in the future.");
    }
    let kustomize_version = ::build::KUSTOMIZE_VERSION;
    let fields = [
        ("version", kustomize_version),
        ("gitCommit", "unknown"),
        ("buildDate", "unknown"),
        ("goOs", version::go_os()),
        ("goArch", version::go_arch()),
        ("goVersion", "unknown"),
    ];
    match (args.short, args.output.as_str()) {
        (true, "") => print(&format!("{{{kustomize_version}  unknown   }}\n")),
        (true, _) => fail("--short and --output are mutually exclusive"),
        (false, "") => print(&format!("{kustomize_version}\n")),
        (false, "json") => {
            let fields = fields.map(|(name, value)| format!("  \"{name}\": \"{value}\""));
            print(&format!("{{\n{}\n}}\n", fields.join(",\n")))
        }
        (false, "yaml") => print(&format!(
            "{}\n\n",
            fields.map(|(name, value)| format!("{name}: {value}")).join("\n")
        )),
        (false, _) => Exit::Done,
    }
}

fn print(text: &str) -> Exit {
    match crate::output::print(&[text.as_bytes()]) {
        Ok(()) => Exit::Done,
        Err(error) => fail(&error.to_string()),
    }
}

fn fail(message: &str) -> Exit {
    REPORTER.plain_error(message);
    Exit::WrongInput
}

/// A wrong command line in the words of kustomize's flag library.
fn usage(error: &clap::Error) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    let argument = context(ContextKind::InvalidArg);
    let flag = argument.split([' ', '=', '[']).next().unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownArgument if flag.starts_with("--") => format!("unknown flag: {flag}"),
        ErrorKind::UnknownArgument if flag.starts_with('-') => {
            let letter = flag.chars().nth(1).unwrap_or('-');
            format!("unknown shorthand flag: '{letter}' in {argument}")
        }
        ErrorKind::InvalidSubcommand => {
            let command = context(ContextKind::InvalidSubcommand);
            if let Some((_, instead)) = ABSENT.iter().find(|(name, _)| *name == command) {
                return format!("the command \"{command}\" of kustomize is not answered here: {instead}");
            }
            format!("unknown command \"{command}\" for \"kustomize\"\nRun 'kustomize --help' for usage.")
        }
        ErrorKind::InvalidValue if context(ContextKind::InvalidValue).is_empty() => {
            format!("flag needs an argument: {flag}")
        }
        ErrorKind::InvalidValue => {
            let Some(ContextValue::Strings(legal)) = error.get(ContextKind::ValidValue) else {
                return error.to_string();
            };
            let legal: Vec<&str> = legal
                .iter()
                .map(String::as_str)
                .filter(|value| !value.is_empty())
                .collect();
            let value = context(ContextKind::InvalidValue);
            format!("illegal flag value {flag} {value}; legal values: [{}]", legal.join(" "))
        }
        ErrorKind::ValueValidation => {
            let value = context(ContextKind::InvalidValue);
            format!(
                "invalid argument \"{value}\" for \"{flag}\" flag: strconv.ParseBool: parsing \"{value}\": invalid syntax"
            )
        }
        _ => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            first.strip_prefix("error: ").unwrap_or(first).to_owned()
        }
    }
}
