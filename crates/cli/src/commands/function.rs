//! `fn run`: functions on the objects of a directory, as kustomize's `fn run` does it.

use std::io::Write;
use std::path::{Path, PathBuf};

use build::PluginSettings;
use clap::{Args, Subcommand};
use package::{Error, Functions, Result, Target};

use super::package::{fail, stdin};
use crate::args::{go_bool, working_directory};
use crate::diagnostic::{Face, Reporter};
use crate::exit::Exit;
use crate::output;
use crate::programs::ProgramArgs;

/// Run functions on the objects of a directory, whether or not it is a kustomization.
#[derive(Args, Debug)]
pub(crate) struct FunctionArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<RunArgs>),
}

/// Run the functions that the objects of a directory declare, one after the other, and write back what they make.
///
/// An object declares a function in the annotation config.kubernetes.io/function; it runs on the objects of its
/// directory and below. Without DIR, objects come from standard input and go to standard output.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # The functions of a directory
  terrace fn run my-dir

  # One function, with its data; the result is only shown
  terrace fn run my-dir --image example.com/fn:v1 --dry-run -- key=value
")]
pub(crate) struct RunArgs {
    #[arg(value_name = "DIR")]
    directories: Vec<String>,
    /// What the function is given: its kind, and KEY=VALUE.
    #[arg(last = true)]
    data: Vec<String>,
    /// Use the user and group of the caller in containers.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    as_current_user: bool,
    /// Print the result, and change no file.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    dry_run: bool,
    /// Enable functions that are programs on this machine. Not for configuration of strangers.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    enable_exec: bool,
    /// An environment variable for functions: NAME, or NAME=VALUE. May be repeated.
    #[arg(short, long, value_name = "VARIABLE")]
    env: Vec<String>,
    /// Run this program as a function, instead of those of the directory.
    #[arg(long, value_name = "PROGRAM", default_value = "", hide_default_value = true)]
    exec_path: String,
    /// Read functions from these directories instead.
    #[arg(long, value_name = "DIRS", value_delimiter = ',')]
    fn_path: Vec<String>,
    /// Functions are for all objects, wherever they stand.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    global_scope: bool,
    /// Run this image as a function, instead of those of the directory.
    #[arg(long, value_name = "IMAGE", default_value = "", hide_default_value = true)]
    image: String,
    /// Taken and without effect, as in kustomize.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "true", default_missing_value = "true")]
    include_subpackages: bool,
    /// Say which function runs.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    log_steps: bool,
    /// A mount for containers, in docker's words. May be repeated.
    #[arg(long, value_name = "MOUNT")]
    mount: Vec<String>,
    /// Let functions that ask for the network use it.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    network: bool,
    /// Write the results of each function to a file in this directory.
    #[arg(long, value_name = "DIR", default_value = "", hide_default_value = true)]
    results_dir: String,
    #[command(flatten)]
    limits: ProgramArgs,
}

pub(crate) fn run(args: &FunctionArgs, reporter: &Reporter) -> Exit {
    let Command::Run(args) = &args.command;
    let printed = run_functions(args, reporter).and_then(|text| match text {
        Some(text) => output::print(&[text.as_bytes()]).map_err(|error| Error::new(error.to_string())),
        None => Ok(()),
    });
    match printed {
        Ok(()) => Exit::Done,
        Err(error) => fail(&error, reporter),
    }
}

fn run_functions(args: &RunArgs, reporter: &Reporter) -> Result<Option<String>> {
    let has_program = !args.exec_path.is_empty();
    if has_program && !args.enable_exec {
        return Err(Error::new("must specify --enable-exec with --exec-path"));
    }
    if !args.data.is_empty() && args.image.is_empty() && !has_program {
        return Err(Error::new("must specify --image"));
    }
    let directory = match args.directories.as_slice() {
        [] => None,
        [one] => Some(Path::new(one)),
        _ => {
            return Err(Error::new(
                "0 or 1 arguments supported, function arguments go after '--'",
            ));
        }
    };
    let image = Some(&*args.image).filter(|image| !image.is_empty());
    let named = (image.is_some() || has_program)
        .then(|| Functions::named(image, &args.exec_path, args.network, &args.data))
        .transpose()?;
    let path = directory.map_or_else(PathBuf::new, |directory| working_directory().join(directory));
    let input = match directory {
        None => stdin()?,
        Some(_) => Vec::new(),
    };
    let target = match directory {
        None => Target::Stream(&input),
        Some(_) => Target::Package {
            path: &path,
            dry: args.dry_run,
        },
    };
    let log = |line: &str| say(format!("{line}\n").as_bytes());
    let programs = args.limits.executor("helm");
    let functions = Functions {
        programs: &programs,
        settings: PluginSettings {
            exec: args.enable_exec,
            network: args.network,
            mounts: args.mount.clone(),
            variables: args.env.clone(),
            user: if args.as_current_user {
                exec::current_user()
            } else {
                "nobody".to_owned()
            },
        },
        directory: working_directory(),
        paths: args.fn_path.clone(),
        named,
        global: args.global_scope,
        results: (!args.results_dir.is_empty()).then(|| PathBuf::from(&args.results_dir)),
        log: (args.log_steps && (reporter.face == Face::Kustomize || !reporter.quiet)).then_some(&log),
        say: &say,
    };
    package::run(&functions, target)
}

fn say(bytes: &[u8]) {
    // Where nobody can hear it, nothing else can be said.
    let _ = std::io::stderr().write_all(bytes);
}
