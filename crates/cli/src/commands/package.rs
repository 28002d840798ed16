//! `cfg`: the objects of directories and streams, printed, counted, searched and drawn as kustomize's `cfg` does it.

use std::io::Read;
use std::path::Path;

use clap::{Args, Subcommand};
use package::{
    Error, Field, Query, Reading, Result, Step, Structure, Tree, Wrapping, clean, format, keep_local, packages,
    read_package, read_stream, through, write_objects,
};
use yaml::{Layout, LayoutStyle};

use crate::args::go_bool;
use crate::diagnostic::{Diagnostic, Face, Reporter};
use crate::exit::Exit;
use crate::output;

/// Print, count, search and draw the objects of a directory, whether or not it is a kustomization.
#[derive(Args, Debug)]
pub(crate) struct PackageArgs {
    #[command(subcommand)]
    command: Package,
}

#[derive(Debug, Subcommand)]
enum Package {
    Cat(Box<CatArgs>),
    Count(CountArgs),
    Grep(GrepArgs),
    Tree(Box<TreeArgs>),
}

/// Print the objects of a directory, or of standard input.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # The objects of a directory, with their fields in the usual order
  terrace cfg cat my-dir

  # The same as a ResourceList with a configuration
  terrace cfg cat my-dir --wrap-kind ResourceList --wrap-version config.kubernetes.io/v1 --function-config fn.yaml
")]
struct CatArgs {
    #[arg(value_name = "DIR")]
    directories: Vec<String>,
    /// Say in annotations where each object was read.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    annotate: bool,
    /// Write to a file.
    #[arg(long, value_name = "FILE", default_value = "", hide_default_value = true)]
    dest: String,
    #[command(flatten)]
    local: LocalArgs,
    /// Bring fields into the usual order.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "true", default_missing_value = "true")]
    format: bool,
    /// A file with the configuration of a function, for a ResourceList.
    #[arg(long, value_name = "FILE", default_value = "", hide_default_value = true)]
    function_config: String,
    #[command(flatten)]
    packages: RecurseArgs,
    /// Leave comments away.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    strip_comments: bool,
    /// Styles: TaggedStyle, DoubleQuotedStyle, SingleQuotedStyle, LiteralStyle, FoldedStyle, FlowStyle.
    #[arg(long, value_name = "STYLES", value_delimiter = ',')]
    style: Vec<String>,
    /// Print a list of this kind that holds the objects.
    #[arg(long, value_name = "KIND", default_value = "", hide_default_value = true)]
    wrap_kind: String,
    /// The apiVersion of that list.
    #[arg(long, value_name = "VERSION", default_value = "", hide_default_value = true)]
    wrap_version: String,
}

/// Which objects are meant.
#[derive(Args, Clone, Copy, Debug)]
struct LocalArgs {
    /// Include objects that are for tools only (config.kubernetes.io/local-config).
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    include_local: bool,
    /// Leave out all other objects.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    exclude_non_local: bool,
}

#[derive(Args, Clone, Copy, Debug)]
struct RecurseArgs {
    /// Go into directories that are packages of their own (with a Krmfile).
    #[arg(short = 'R', long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "true", default_missing_value = "true")]
    recurse_subpackages: bool,
}

/// Count the objects of a directory, or of standard input.
#[derive(Args, Debug)]
struct CountArgs {
    #[arg(value_name = "DIR")]
    directories: Vec<String>,
    /// Count by kind.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "true", default_missing_value = "true")]
    kind: bool,
    #[command(flatten)]
    packages: RecurseArgs,
}

/// Print the objects of a directory, or of standard input, that have a field with a value.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Objects of a kind
  terrace cfg grep kind=Deployment my-dir

  # Those with an image; `\\.` is a dot
  terrace cfg grep 'spec.template.spec.containers[name=nginx].image=nginx:1\\.7\\.9' my-dir

  # Those with many replicas
  terrace cfg grep 'spec.replicas>3' my-dir
")]
struct GrepArgs {
    /// A path and a pattern: path.to.field=pattern, list[field=pattern].field>=amount.
    #[arg(value_name = "QUERY [DIR]")]
    query_and_directory: Vec<String>,
    /// Say in annotations where each object was read.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "true", default_missing_value = "true")]
    annotate: bool,
    /// Print those that do not match.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    invert_match: bool,
    #[command(flatten)]
    packages: RecurseArgs,
}

/// Draw the objects of a directory as a tree, or those of standard input (-).
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Directories, files and objects
  terrace cfg tree my-dir

  # With the images of containers, and any other field
  terrace cfg tree my-dir --image --field metadata.annotations.team

  # Objects of a cluster below their owners
  kubectl get all -o yaml | terrace cfg tree -
")]
struct TreeArgs {
    #[arg(value_name = "DIR")]
    directories: Vec<String>,
    /// Show all of the fields below.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    all: bool,
    /// Show the arguments of containers.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    args: Option<bool>,
    /// Show the commands of containers.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    command: Option<bool>,
    /// Show the environment of containers.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    env: Option<bool>,
    /// Show a field.
    #[arg(long, value_name = "PATHS", value_delimiter = ',')]
    field: Vec<String>,
    /// What the branches are: owners or directory.
    #[arg(long, value_name = "STRUCTURE", default_value = "", hide_default_value = true)]
    graph_structure: String,
    /// Show the images of containers.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    image: Option<bool>,
    #[command(flatten)]
    local: LocalArgs,
    /// Show the names of containers.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    name: Option<bool>,
    /// Show the ports of containers and services.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    ports: Option<bool>,
    /// Show the number of replicas.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    replicas: Option<bool>,
    /// Show the resources of containers.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    resources: Option<bool>,
}

/// What is printed, and why no more is.
type Answer = (String, Result<()>);

pub(crate) fn run(args: &PackageArgs, reporter: &Reporter) -> Exit {
    let (text, done) = match &args.command {
        Package::Cat(args) => match cat(args) {
            Ok(text) if args.dest.is_empty() => (text, Ok(())),
            Ok(text) => {
                let written = output::write_file(Path::new(&args.dest), text.as_bytes());
                let failed = |error| Error::new(format!("open {}: {error}", args.dest));
                (String::new(), written.map_err(failed))
            }
            Err(error) => (String::new(), Err(error)),
        },
        Package::Count(args) => count(args),
        Package::Grep(args) => whole(grep(args)),
        Package::Tree(args) => whole(tree(args)),
    };
    let printed = output::print(&[text.as_bytes()]).map_err(|error| Error::new(error.to_string()));
    match done.and(printed) {
        Ok(()) => Exit::Done,
        Err(error) => fail(&error, reporter),
    }
}

pub(super) fn fail(error: &Error, reporter: &Reporter) -> Exit {
    if reporter.face == Face::Kustomize {
        reporter.plain_error(&error.to_string());
    } else {
        let shown = Diagnostic::error(error.to_string());
        let shown = match &error.hint {
            Some(hint) => shown.hint(hint.clone()),
            None => shown,
        };
        reporter.error(&shown, &yaml::Sources::new());
    }
    Exit::WrongInput
}

fn whole(text: Result<String>) -> Answer {
    match text {
        Ok(text) => (text, Ok(())),
        Err(error) => (String::new(), Err(error)),
    }
}

/// The only argument, if there is one.
pub(super) fn only(arguments: &[String]) -> Result<Option<&str>> {
    match arguments {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        more => Err(Error::new(format!("accepts at most 1 arg(s), received {}", more.len()))),
    }
}

pub(super) fn stdin() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().read_to_end(&mut bytes);
    read.map_err(|error| Error::new(format!("cannot read standard input: {error}")))?;
    Ok(bytes)
}

fn read(package: &str) -> Result<Vec<Layout>> {
    let reading = Reading {
        own_files_only: true,
        ..Reading::default()
    };
    read_package(Path::new(package), reading)
}

/// The text of each package at and below a directory; what is wrong with one stands in its place.
fn each(root: &str, recurse: bool, text: &dyn Fn(Vec<Layout>) -> Result<String>, place: bool) -> Result<String> {
    let all = packages(root, recurse)?;
    let mut out = String::new();
    for (number, package) in all.iter().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        let text = match read(package).and_then(text) {
            Ok(text) => text,
            Err(error) if recurse => {
                out.push_str(&error.to_string());
                if place {
                    out.push_str(&format!(" in package {package:?}"));
                }
                out.push('\n');
                continue;
            }
            Err(error) => return Err(error),
        };
        if !text.is_empty() {
            out.push_str(&text);
            out.push_str("---");
        }
    }
    out.truncate(out.strip_suffix("---").map_or(out.len(), str::len));
    Ok(out)
}

fn style(names: &[String]) -> Option<LayoutStyle> {
    let is = |name| names.iter().any(|given| given == name);
    let style = LayoutStyle {
        tagged: is("TaggedStyle"),
        double_quoted: is("DoubleQuotedStyle"),
        single_quoted: is("SingleQuotedStyle"),
        literal: is("LiteralStyle"),
        folded: is("FoldedStyle"),
        flow: is("FlowStyle"),
    };
    (style != LayoutStyle::PLAIN).then_some(style)
}

fn cat(args: &CatArgs) -> Result<String> {
    let directory = only(&args.directories)?;
    let config = match &*args.function_config {
        "" => None,
        file => {
            let reading = Reading {
                unmarked: !args.annotate,
                ..Reading::default()
            };
            let mut found = read_package(Path::new(file), reading)?;
            if found.len() != 1 {
                let count = found.len();
                return Err(Error::new(format!("expected exactly 1 functionConfig, found {count}")));
            }
            found.pop()
        }
    };
    let wrapping = Wrapping {
        keep_index: args.annotate,
        keep_path: args.annotate,
        list: (!args.wrap_kind.is_empty()).then_some((&*args.wrap_kind, &*args.wrap_version)),
        function_config: config.as_ref(),
        style: style(&args.style),
    };
    let text = |objects| {
        let local = args.local;
        let mut steps: Vec<Box<Step<'_>>> = vec![Box::new(move |objects| {
            Ok(keep_local(objects, local.include_local, local.exclude_non_local))
        })];
        if args.format {
            steps.push(Box::new(|mut objects| {
                format(&mut objects)?;
                Ok(objects)
            }));
        }
        if args.strip_comments {
            steps.push(Box::new(|mut objects: Vec<Layout>| {
                objects.iter_mut().for_each(|object| object.root_mut().strip_comments());
                Ok(objects)
            }));
        }
        match through(objects, &mut steps)? {
            Some(objects) => write_objects(&objects, &wrapping),
            None => Ok(String::new()),
        }
    };
    match directory {
        None => text(read_stream(stdin()?)?.objects),
        Some(directory) => each(directory, args.packages.recurse_subpackages, &text, true),
    }
}

fn count(args: &CountArgs) -> Answer {
    let text = |objects: &[Layout]| {
        if !args.kind {
            return format!("{}\n", objects.len());
        }
        let mut kinds = std::collections::BTreeMap::<&str, usize>::new();
        for object in objects {
            let kind = object.root().get("kind").filter(|kind| !kind.is_null());
            *kinds.entry(kind.map_or("", |kind| &kind.value)).or_default() += 1;
        }
        kinds.iter().map(|(kind, count)| format!("{kind}: {count}\n")).collect()
    };
    let mut out = String::new();
    let done = (|| {
        let Some(root) = only(&args.directories)? else {
            out = text(&read_stream(stdin()?)?.objects);
            return Ok(());
        };
        let recurse = args.packages.recurse_subpackages;
        for (number, package) in packages(root, recurse)?.iter().enumerate() {
            if number > 0 {
                out.push('\n');
            }
            out.push_str(&format!("{package}/\n"));
            match read(package) {
                Ok(objects) => out.push_str(&text(&objects)),
                Err(error) if recurse => out.push_str(&format!("{error}\n")),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    })();
    (out, done)
}

fn grep(args: &GrepArgs) -> Result<String> {
    let (query, directory) = match args.query_and_directory.as_slice() {
        [] => return Err(Error::new("missing required argument: QUERY")),
        [query] => (query, None),
        [query, directory] => (query, Some(directory)),
        more => {
            let count = more.len();
            return Err(Error::new(format!("accepts at most 2 arg(s), received {count}")));
        }
    };
    let query = Query::parse(query)?;
    let wrapping = Wrapping {
        keep_index: args.annotate,
        keep_path: true,
        ..Wrapping::default()
    };
    let text = |objects| {
        let query = &query;
        let invert = args.invert_match;
        let mut steps: Vec<Box<Step<'_>>> = vec![Box::new(move |objects| query.select(objects, invert))];
        match through(objects, &mut steps)? {
            Some(objects) => write_objects(&objects, &wrapping),
            None => Ok(String::new()),
        }
    };
    match directory {
        None => text(read_stream(stdin()?)?.objects),
        Some(directory) => each(directory, args.packages.recurse_subpackages, &text, false),
    }
}

fn tree(args: &TreeArgs) -> Result<String> {
    let directory = only(&args.directories)?.unwrap_or(".");
    let (root, objects) = if directory == "-" {
        (".".to_owned(), read_stream(stdin()?)?.objects)
    } else {
        let objects = read_package(Path::new(directory), Reading::default())?;
        (clean(Path::new(directory)).display().to_string(), objects)
    };
    let mut fields = Vec::new();
    for path in &args.field {
        fields.push(Field::parse(path)?);
    }
    let is_wanted = |flag: Option<bool>| flag.unwrap_or(args.all);
    for (flag, part) in [
        (args.name, "name"),
        (args.image, "image"),
        (args.command, "command"),
        (args.args, "args"),
        (args.env, "env"),
    ] {
        if is_wanted(flag) {
            fields.extend(Field::of_containers(part));
        }
    }
    if is_wanted(args.replicas) {
        fields.push(Field::parse("spec.replicas")?);
    }
    if is_wanted(args.resources) {
        fields.extend(Field::of_containers("resources"));
    }
    if is_wanted(args.ports) {
        fields.extend(Field::of_containers("ports"));
        fields.push(Field::parse("spec.ports")?);
    }
    let tree = Tree {
        root: &root,
        fields,
        structure: match &*args.graph_structure {
            "owners" => Structure::Owners,
            "directory" => Structure::Directories,
            _ => Structure::Any,
        },
    };
    let local = args.local;
    let mut steps: Vec<Box<Step<'_>>> = vec![Box::new(move |objects| {
        Ok(keep_local(objects, local.include_local, local.exclude_non_local))
    })];
    match through(objects, &mut steps)? {
        Some(objects) => tree.draw(objects),
        None => Ok(String::new()),
    }
}
