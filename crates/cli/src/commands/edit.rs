//! `terrace edit` and `terrace create`, and the same under the name `kustomize`.

use std::path::Path;

use clap::{Args, Subcommand};
use edit::generator::{self, Kind, Sources};
use edit::{Error, Notes, add, create, remove, set};

use crate::args::go_bool;
use crate::commands::fix;
use crate::diagnostic::{Diagnostic, Face, Reporter};
use crate::exit::Exit;
use crate::output;

/// Edit the kustomization file of the working directory, keeping its comments and layout.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  terrace edit add resource deployment.yaml\n  \
    terrace edit set image nginx:1.27 app=registry.example/app@sha256:0123\n  terrace edit remove label team\n")]
pub(crate) struct EditArgs {
    #[command(subcommand)]
    command: Edit,
}

#[derive(Debug, Subcommand)]
enum Edit {
    /// Add an item.
    Add {
        #[command(subcommand)]
        what: Add,
    },
    /// Remove items.
    Remove {
        #[command(subcommand)]
        what: Remove,
    },
    /// Set the value of a field.
    Set {
        #[command(subcommand)]
        what: Set,
    },
    /// Replace deprecated fields, and say whether the result is still the same.
    Fix {
        /// Convert vars to replacements as well. Files that use them get placeholders.
        #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
        vars: bool,
        /// Taken and without effect.
        #[arg(hide = true)]
        ignored: Vec<String>,
    },
    /// List the built-in plugins.
    AlphaListBuiltinPlugin {
        /// Taken and without effect.
        #[arg(hide = true)]
        ignored: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
enum Add {
    /// Files or directories of resources, by name or pattern.
    Resource {
        paths: Vec<String>,
        /// Add the names without looking for files.
        #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
        no_verify: bool,
    },
    /// Components, by name or pattern.
    Component { paths: Vec<String> },
    /// Directories of bases, separated by commas.
    Base { paths: Vec<String> },
    /// A patch.
    Patch(PatchArgs),
    /// Labels: KEY:VALUE.
    Label {
        pairs: Vec<String>,
        /// Overwrite what is there.
        #[arg(short, long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
        force: bool,
        /// Leave selectors alone.
        #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
        without_selector: bool,
        /// Label templates of pods as well.
        #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
        include_templates: bool,
    },
    /// Annotations: KEY:VALUE.
    Annotation {
        pairs: Vec<String>,
        /// Overwrite what is there.
        #[arg(short, long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
        force: bool,
    },
    /// Sources of a generated ConfigMap.
    Configmap {
        #[command(flatten)]
        sources: SourceArgs,
        /// How it is combined with one of a base: create, merge or replace.
        #[arg(long, default_value = "", hide_default_value = true)]
        behavior: String,
    },
    /// Sources of a generated Secret.
    Secret {
        #[command(flatten)]
        sources: SourceArgs,
        /// The type of a new Secret.
        #[arg(long, default_value = "Opaque")]
        r#type: String,
    },
    /// Files of generators.
    Generator { paths: Vec<String> },
    /// Files of transformers.
    Transformer { paths: Vec<String> },
    /// Options of buildMetadata, separated by commas.
    Buildmetadata { options: Vec<String> },
}

#[derive(Args, Debug)]
struct SourceArgs {
    name: Vec<String>,
    /// A file, or KEY=FILE; several separated by commas.
    #[arg(long, value_delimiter = ',')]
    from_file: Vec<String>,
    /// KEY=VALUE.
    #[arg(long, allow_hyphen_values = true)]
    from_literal: Vec<String>,
    /// A file of lines KEY=VALUE.
    #[arg(long, default_value = "", hide_default_value = true)]
    from_env_file: String,
    /// The namespace of the object.
    #[arg(long, default_value = "", hide_default_value = true)]
    namespace: String,
    /// Give the object exactly this name.
    #[arg(long = "disableNameSuffixHash", value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    disable_name_suffix_hash: bool,
}

#[derive(Args, Debug)]
struct PatchArgs {
    /// The file of the patch.
    #[arg(long, default_value = "", hide_default_value = true)]
    path: String,
    /// The patch itself.
    #[arg(long, default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    patch: String,
    /// API group of the target.
    #[arg(long, default_value = "", hide_default_value = true)]
    group: String,
    /// API version of the target.
    #[arg(long, default_value = "", hide_default_value = true)]
    version: String,
    /// Kind of the target.
    #[arg(long, default_value = "", hide_default_value = true)]
    kind: String,
    /// Name of the target.
    #[arg(long, default_value = "", hide_default_value = true)]
    name: String,
    /// Namespace of the target.
    #[arg(long, default_value = "", hide_default_value = true)]
    namespace: String,
    /// Annotations of the target.
    #[arg(long, default_value = "", hide_default_value = true)]
    annotation_selector: String,
    /// Labels of the target.
    #[arg(long, default_value = "", hide_default_value = true)]
    label_selector: String,
}

#[derive(Debug, Subcommand)]
enum Remove {
    /// Resources, by name or pattern.
    Resource { paths: Vec<String> },
    /// The patch that says exactly this.
    Patch(PatchArgs),
    /// Keys of commonLabels, separated by commas.
    Label {
        keys: Vec<String>,
        /// Say nothing about keys that are not there.
        #[arg(short, long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
        ignore_non_existence: bool,
    },
    /// Keys of commonAnnotations, separated by commas.
    Annotation {
        keys: Vec<String>,
        /// Say nothing about keys that are not there.
        #[arg(short, long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
        ignore_non_existence: bool,
    },
    /// Generated ConfigMaps, separated by commas.
    Configmap(RemoveArgs),
    /// Generated Secrets, separated by commas.
    Secret(RemoveArgs),
    /// Files of transformers, by name or pattern.
    Transformer { paths: Vec<String> },
    /// Options of buildMetadata, separated by commas.
    Buildmetadata { options: Vec<String> },
}

#[derive(Args, Debug)]
struct RemoveArgs {
    names: Vec<String>,
    /// The namespace of the objects.
    #[arg(long, default_value = "", hide_default_value = true)]
    namespace: String,
}

#[derive(Debug, Subcommand)]
enum Set {
    /// NAME=NEWNAME, :TAG, @DIGEST, or several of these; `*` leaves a part as it is.
    Image { images: Vec<String> },
    /// What stands before all names.
    Nameprefix {
        #[arg(allow_hyphen_values = true)]
        value: Vec<String>,
    },
    /// What stands behind all names.
    Namesuffix {
        #[arg(allow_hyphen_values = true)]
        value: Vec<String>,
    },
    /// The namespace of all objects.
    Namespace { value: Vec<String> },
    /// NAME=COUNT.
    Replicas { counts: Vec<String> },
    /// Labels: KEY:VALUE.
    Label { pairs: Vec<String> },
    /// Annotations: KEY:VALUE.
    Annotation { pairs: Vec<String> },
    /// Options of buildMetadata, separated by commas.
    Buildmetadata { options: Vec<String> },
    /// Values of keys of a generated ConfigMap.
    Configmap(SetArgs),
    /// Values of keys of a generated Secret.
    Secret(SetArgs),
}

#[derive(Args, Debug)]
struct SetArgs {
    name: Vec<String>,
    /// KEY=VALUE, of a key that is there.
    #[arg(long, allow_hyphen_values = true)]
    from_literal: Vec<String>,
    /// The namespace it has.
    #[arg(long, default_value = "", hide_default_value = true)]
    namespace: String,
    /// The namespace it is to have.
    #[arg(long, default_value = "", hide_default_value = true)]
    new_namespace: String,
}

/// Create a kustomization file in the working directory.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  terrace create --autodetect --recursive\n  \
    terrace create --resources deployment.yaml,../base --namespace staging\n")]
pub(crate) struct CreateArgs {
    /// Resources, separated by commas.
    #[arg(long, default_value = "", hide_default_value = true)]
    resources: String,
    /// The namespace of all objects.
    #[arg(long, default_value = "", hide_default_value = true)]
    namespace: String,
    /// Annotations: KEY:VALUE, separated by commas.
    #[arg(long, default_value = "", hide_default_value = true)]
    annotations: String,
    /// Labels: KEY:VALUE, separated by commas.
    #[arg(long, default_value = "", hide_default_value = true)]
    labels: String,
    /// What stands before all names.
    #[arg(long, default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    nameprefix: String,
    /// What stands behind all names.
    #[arg(long, default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    namesuffix: String,
    /// Add the files of the directory that hold Kubernetes objects.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    autodetect: bool,
    /// Look in directories below as well.
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", hide_default_value = true)]
    recursive: bool,
    /// Taken and without effect.
    #[arg(hide = true)]
    ignored: Vec<String>,
}

pub(crate) fn run(args: EditArgs, reporter: &Reporter) -> Exit {
    let here = Path::new(".");
    answer(
        match args.command {
            Edit::Add { what } => run_add(here, what),
            Edit::Remove { what } => run_remove(here, what),
            Edit::Set { what } => run_set(here, what),
            Edit::Fix { vars, .. } => return fix::run(here, vars, reporter),
            Edit::AlphaListBuiltinPlugin { .. } => return list_builtin_plugins(reporter),
        },
        reporter,
    )
}

pub(crate) fn run_create(args: CreateArgs, reporter: &Reporter) -> Exit {
    let new = create::New {
        resources: args.resources,
        namespace: args.namespace,
        annotations: args.annotations,
        labels: args.labels,
        name_prefix: args.nameprefix,
        name_suffix: args.namesuffix,
        detect: args.autodetect,
        recursive: args.recursive,
    };
    answer(create::create(Path::new("."), &new), reporter)
}

fn list_builtin_plugins(reporter: &Reporter) -> Exit {
    let names = build::config::BuiltinKind::names().map(|name| format!(" * {name}\n"));
    let text = format!("Builtin plugins:\n\n{}", names.collect::<String>());
    match output::print(&[text.as_bytes()]) {
        Ok(()) => Exit::Done,
        Err(error) => {
            reporter.plain_error(&format!("cannot write to standard output: {error}"));
            Exit::WrongInput
        }
    }
}

fn answer(result: edit::Result<Notes>, reporter: &Reporter) -> Exit {
    let none = yaml::Sources::new();
    match result {
        Ok(notes) => {
            for note in notes {
                let severity = resource::Severity::Note;
                reporter.error(
                    &Diagnostic {
                        severity,
                        ..Diagnostic::error(note)
                    },
                    &none,
                );
            }
            Exit::Done
        }
        Err(error) => {
            reporter.error(&Diagnostic::error(error.to_string()), &none);
            match error {
                Error::Argument(_) if reporter.face == Face::Terrace => Exit::WrongUsage,
                _ => Exit::WrongInput,
            }
        }
    }
}

fn run_add(here: &Path, what: Add) -> edit::Result<Notes> {
    match what {
        Add::Resource { paths, no_verify } => add::resource(here, &paths, !no_verify),
        Add::Component { paths } => add::component(here, &paths),
        Add::Base { paths } => add::base(here, &paths),
        Add::Patch(patch) => add::patch(here, &patch.into()),
        Add::Label {
            pairs,
            force,
            without_selector,
            include_templates,
        } => add::label(
            here,
            &pairs,
            force,
            add::LabelPlace {
                without_selector,
                include_templates,
            },
        ),
        Add::Annotation { pairs, force } => add::annotation(here, &pairs, force),
        Add::Configmap { sources, behavior } => {
            let (name, sources) = sources.split();
            generator::add(here, Kind::ConfigMap, &name, &Sources { behavior, ..sources })
        }
        Add::Secret { sources, r#type } => {
            let (name, sources) = sources.split();
            generator::add(
                here,
                Kind::Secret,
                &name,
                &Sources {
                    secret_type: r#type,
                    ..sources
                },
            )
        }
        Add::Generator { paths } => add::generator(here, &paths),
        Add::Transformer { paths } => add::transformer(here, &paths),
        Add::Buildmetadata { options } => add::build_metadata(here, &options),
    }
}

fn run_remove(here: &Path, what: Remove) -> edit::Result<Notes> {
    match what {
        Remove::Resource { paths } => remove::resource(here, &paths),
        Remove::Patch(patch) => remove::patch(here, &patch.into()),
        Remove::Label {
            keys,
            ignore_non_existence,
        } => remove::label(here, &keys, ignore_non_existence),
        Remove::Annotation {
            keys,
            ignore_non_existence,
        } => remove::annotation(here, &keys, ignore_non_existence),
        Remove::Configmap(args) => remove::generated(here, Kind::ConfigMap, &args.names, &args.namespace),
        Remove::Secret(args) => remove::generated(here, Kind::Secret, &args.names, &args.namespace),
        Remove::Transformer { paths } => remove::transformer(here, &paths),
        Remove::Buildmetadata { options } => remove::build_metadata(here, &options),
    }
}

fn run_set(here: &Path, what: Set) -> edit::Result<Notes> {
    let generated = |kind, args: SetArgs| {
        generator::set(
            here,
            kind,
            &args.name,
            &args.from_literal,
            &args.namespace,
            &args.new_namespace,
        )
    };
    match what {
        Set::Image { images } => set::image(here, &images),
        Set::Nameprefix { value } => set::field(here, set::Field::NamePrefix, &value),
        Set::Namesuffix { value } => set::field(here, set::Field::NameSuffix, &value),
        Set::Namespace { value } => set::field(here, set::Field::Namespace, &value),
        Set::Replicas { counts } => set::replicas(here, &counts),
        Set::Label { pairs } => set::label(here, &pairs),
        Set::Annotation { pairs } => set::annotation(here, &pairs),
        Set::Buildmetadata { options } => set::build_metadata(here, &options),
        Set::Configmap(args) => generated(Kind::ConfigMap, args),
        Set::Secret(args) => generated(Kind::Secret, args),
    }
}

impl SourceArgs {
    fn split(self) -> (Vec<String>, Sources) {
        let sources = Sources {
            files: self.from_file,
            literals: self.from_literal,
            env_file: self.from_env_file,
            namespace: self.namespace,
            disable_name_suffix_hash: self.disable_name_suffix_hash,
            ..Sources::default()
        };
        (self.name, sources)
    }
}

impl From<PatchArgs> for add::Patch {
    fn from(args: PatchArgs) -> add::Patch {
        add::Patch {
            path: args.path,
            patch: args.patch,
            target: vec![
                ("group", args.group),
                ("version", args.version),
                ("kind", args.kind),
                ("name", args.name),
                ("namespace", args.namespace),
                ("annotationSelector", args.annotation_selector),
                ("labelSelector", args.label_selector),
            ],
        }
    }
}
