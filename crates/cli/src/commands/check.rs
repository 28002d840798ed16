//! `terrace check`: what is wrong with what is built, at the line that caused it.

use std::collections::BTreeSet;
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::str::FromStr;

use build::{Session, parallel};
use check::{Checked, Context, Inventory, Links, Locations, Report, Schemas, Settings, TargetFindings};
use clap::Args;
use identity::{Landscape, Reasoner, State, Tree};
use platform::Platform;
use resource::{Finding, Severity};
use yaml::Sources;

use crate::args::working_directory;
use crate::commands::identity::GrantArgs;
use crate::diagnostic::{Diagnostic, has_colour};
use crate::exit::Exit;
use crate::hidden::Hidden;
use crate::policies::Library;
use crate::report::{self, Format, Rendering};
use crate::setup::{Setup, SetupArgs};
use crate::targets::{Target, TargetArgs, Targets, build_each, read_platform, targets};
use crate::watch::{Parts, Watched};
use crate::{date, output};

/// Check environments: rules, each finding at the line of your files that caused it.
///
/// Without a directory, every environment of terrace.yaml is checked, in parallel. A defect that several
/// environments share is told once. The exit code is 1 if a finding is as severe as `failOn` says.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Every environment of terrace.yaml
  terrace check

  # One of them
  terrace check --environment prod

  # Directories, with or without a terrace.yaml
  terrace check overlays/prod

  # For two versions of Kubernetes, with the definitions of custom resources in a directory
  terrace check --kubernetes-version 1.35 --kubernetes-version 1.37 --schema-location crds

  # For programs
  terrace check -o json

  # While writing: what a change brings and mends
  terrace check --watch

  # In CI: at the lines of a pull request, for code scanning, and as a page to keep
  terrace check -o github --output-file results.sarif --output-file report.html
")]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    selection: Selection,
    /// How to print the findings. With --quiet, text is the summary alone.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Format,
    /// Write the findings to a file as well, in the format that is named or that the end of the name says
    /// (.json, .sarif, .xml, .html, .txt). May be repeated.
    #[arg(long, value_name = "[FORMAT=]PATH")]
    output_file: Vec<OutputFile>,
    /// Check again whenever a file changes that was read, and print what is new and what is gone, until interrupted.
    #[arg(long, conflicts_with_all = ["output", "output_file"])]
    watch: bool,
}

/// What is checked, and how it is built.
#[derive(Args, Debug)]
pub(crate) struct Selection {
    #[command(flatten)]
    targets: TargetArgs,
    /// Fail from this severity on, whatever terrace.yaml says.
    #[arg(long, value_name = "SEVERITY", value_enum)]
    fail_on: Option<FailOn>,
    /// Policies to run beside those of terrace.yaml and of the tree: a file, a directory of files or a
    /// kustomization. May be repeated.
    #[arg(long, value_name = "PATH")]
    policy: Vec<PathBuf>,
    /// Check against this minor version of Kubernetes, such as 1.35. May be repeated, to prepare an upgrade.
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    kubernetes_version: Vec<String>,
    /// Where schemas of custom resources are: a file or directory of definitions or JSON schemas, or a path with
    /// kubeconform's variables. May be repeated.
    #[arg(long, value_name = "PATH")]
    schema_location: Vec<String>,
    #[command(flatten)]
    grants: GrantArgs,
    #[command(flatten)]
    setup: SetupArgs,
}

/// Which rules are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    All,
    /// Those about identities alone.
    Identities,
}

/// Whether the process ends when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    Once,
    Again,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum FailOn {
    Note,
    Warning,
    Error,
}

/// A file that a report is written to.
#[derive(Clone, Debug)]
struct OutputFile {
    format: Format,
    path: PathBuf,
}

impl FromStr for OutputFile {
    type Err = String;

    fn from_str(text: &str) -> Result<OutputFile, String> {
        let named = text.split_once('=').and_then(|(name, path)| {
            let format = <Format as clap::ValueEnum>::from_str(name, false).ok()?;
            Some((format, PathBuf::from(path)))
        });
        let (format, path) = match named {
            Some(named) => named,
            None => {
                let path = PathBuf::from(text);
                let extension = path.extension().and_then(|extension| extension.to_str());
                let format = extension.and_then(Format::of_extension);
                let format = format.ok_or_else(|| format!("name its format: sarif={text}"))?;
                (format, path)
            }
        };
        if path.as_os_str().is_empty() {
            return Err("the path is missing".to_owned());
        }
        Ok(OutputFile { format, path })
    }
}

/// What came of one target.
struct Outcome {
    is_built: bool,
    objects: usize,
    secrets: Vec<yaml::Mark>,
    findings: Vec<Finding>,
    tree: Tree,
    /// What objects of Config Connector grant.
    grants: State,
}

pub(crate) fn run(args: &CheckArgs, scope: Scope) -> Exit {
    if args.watch {
        return watch(args, scope);
    }
    args.selection.check(scope, Run::Once, |report, sources| {
        write(args, report, sources)?;
        Ok(match report.fails() {
            true => Exit::WrongInput,
            false => Exit::Done,
        })
    })
}

/// Checks again and again.
fn watch(args: &CheckArgs, scope: Scope) -> Exit {
    let colour = has_colour(&std::io::stdout());
    crate::watch::run(Parts::Paragraphs, || {
        let mut answer = None;
        // What cannot be checked is told; the platform file may mend it.
        let mut watched = Watched::of(&Sources::new(), &[PathBuf::from(platform::FILE_NAME)]);
        args.selection.check(scope, Run::Again, |report, sources| {
            let rendering = Rendering {
                report,
                sources,
                hidden: Hidden::new(sources, &report.hidden),
                quiet: args.selection.setup.is_quiet(),
                colour,
            };
            let bytes = report::render(Format::Text, &rendering);
            answer = Some(String::from_utf8_lossy(&bytes).into_owned());
            watched = Watched::of(sources, &[]);
            Ok(Exit::Done)
        });
        (answer, watched)
    })
}

/// Prints the findings and writes the files that were asked for.
fn write(args: &CheckArgs, report: &Report<'_>, sources: &Sources) -> Result<(), Box<Diagnostic>> {
    let mut rendering = Rendering {
        report,
        sources,
        hidden: Hidden::new(sources, &report.hidden),
        quiet: false,
        colour: false,
    };
    for OutputFile { format, path } in &args.output_file {
        let bytes = report::render(*format, &rendering);
        output::write_file(path, &bytes).map_err(|error| {
            let message = format!("cannot write \"{}\": {error}", path.display());
            Box::new(Diagnostic::error(message).hint("its directory must be there"))
        })?;
    }
    rendering.quiet = args.selection.setup.is_quiet();
    rendering.colour = has_colour(&std::io::stdout());
    output::answer(&[report::render(args.output, &rendering)])
}

impl Selection {
    /// Builds and checks, and hands out what was found.
    pub(crate) fn check(
        &self,
        scope: Scope,
        run: Run,
        write: impl FnOnce(&Report<'_>, &Sources) -> Result<Exit, Box<Diagnostic>>,
    ) -> Exit {
        let setup = self.setup.setup();
        let session = setup.session();
        match check(self, scope, run, &setup, &session, write) {
            Ok(exit) => exit,
            Err(diagnostic) => {
                setup.reporter.error(&diagnostic, session.sources());
                diagnostic.exit
            }
        }
    }
}

fn check(
    args: &Selection,
    scope: Scope,
    run: Run,
    setup: &Setup,
    session: &Session<'_>,
    write: impl FnOnce(&Report<'_>, &Sources) -> Result<Exit, Box<Diagnostic>>,
) -> Result<Exit, Box<Diagnostic>> {
    let platform = read_platform(&args.targets, session)?;
    let Targets { mut chosen, others } = targets(&args.targets, session, platform.as_ref())?;
    for target in &mut chosen {
        match args.fail_on {
            Some(FailOn::Note) => target.fail_on = Severity::Note,
            Some(FailOn::Warning) => target.fail_on = Severity::Warning,
            Some(FailOn::Error) => target.fail_on = Severity::Error,
            None => {}
        }
        if scope == Scope::Identities {
            target.settings.keep(check::Rule::is_about_identities);
        }
    }
    let library = match scope {
        Scope::All => Some(Library::read(
            session,
            &setup.options,
            &policies(args, platform.as_ref()),
        )?),
        Scope::Identities => None,
    };
    let mut state = args.grants.state(session, platform.as_ref())?;
    let locations = locations(args, session, platform.as_ref())?;
    let schemas = Schemas {
        versions: versions(args, platform.as_ref())?,
        lookup: Some(&locations),
    };
    let today = date::today();
    // Several targets are work enough for all processors.
    let jobs = if chosen.len() > 1 { 1 } else { parallel::default_jobs() };
    let results = build_each(
        &chosen.iter().collect::<Vec<_>>(),
        setup,
        session,
        !args.setup.is_quiet(),
        |target, built| {
            // A single target is compared with none.
            let compared = built.as_ref().ok().filter(|_| chosen.len() > 1);
            let inventory = Inventory::new(&target.facts.environment, &target.words, compared);
            let checked = match &built {
                Ok(built) => {
                    let context = Context::new(&built.objects, &target.facts, &target.settings);
                    let identities = || {
                        let tree = Tree::new(&built.objects, &target.place, &state);
                        let grants = State::from_config_connector(&built.objects, target.place.project.as_deref());
                        (tree, grants)
                    };
                    let rules = || check::check(&context, &schemas, jobs);
                    let ((tree, grants), checked) = parallel::both(jobs, identities, rules);
                    let Checked { mut findings, links } = checked;
                    if let Some(library) = &library {
                        findings.extend(built.warnings.iter().cloned().map(in_own_words));
                        findings.extend(library.check(&built.objects, jobs));
                    }
                    let outcome = Outcome {
                        is_built: true,
                        objects: built.objects.len(),
                        secrets: check::secret_values(&built.objects),
                        findings,
                        tree,
                        grants,
                    };
                    (outcome, inventory, links)
                }
                Err(error) => {
                    let outcome = Outcome {
                        is_built: false,
                        objects: 0,
                        secrets: Vec::new(),
                        findings: vec![build_failed(error)],
                        tree: Tree {
                            place: target.place.clone(),
                            ..Tree::default()
                        },
                        grants: State::default(),
                    };
                    (outcome, inventory, Links::unbuilt(&target.facts))
                }
            };
            if chosen.len() == 1 && run == Run::Once {
                // The process ends soon; to free a large tree piece by piece would take a tenth of its time.
                std::mem::forget(built);
            }
            checked
        },
    );
    // The process ends soon: nothing is freed piece by piece.
    let (mut inventories, mut links) = (Vec::new(), ManuallyDrop::new(Vec::new()));
    let mut trees = ManuallyDrop::new(Vec::new());
    let mut outcomes = Vec::with_capacity(results.len());
    for (mut outcome, inventory, of_target) in results {
        trees.push(std::mem::take(&mut outcome.tree));
        state.merge(std::mem::take(&mut outcome.grants));
        outcomes.push(outcome);
        inventories.push(inventory);
        links.push(of_target);
    }
    let settings: Vec<&Settings> = chosen.iter().map(|target| &target.settings).collect();
    let missing = check::parity(&inventories, &settings);
    let unbuilt = chosen
        .iter()
        .zip(&outcomes)
        .filter(|(_, outcome)| !outcome.is_built)
        .map(|(target, _)| target);
    let partial: BTreeSet<&str> = unbuilt
        .chain(&others)
        .map(|target| target.place.environment.as_str())
        .collect();
    let of_identities = of_identities(&trees, &mut state, args.grants.time(), &settings, &partial, run);
    let beside = links_beside(&links, &others, setup, session);
    links.extend(beside);
    let unmet = check::unmet(&links);
    let further = missing.into_iter().zip(unmet).zip(of_identities);
    let results =
        chosen
            .iter()
            .zip(outcomes)
            .zip(further)
            .map(|((target, outcome), ((missing, unmet), of_identities))| {
                let further = missing.into_iter().chain(unmet).chain(of_identities);
                let findings = outcome.findings.into_iter().chain(further).collect();
                TargetFindings {
                    environment: target.facts.environment.clone(),
                    directory: target.facts.target.clone(),
                    objects: outcome.objects,
                    secrets: outcome.secrets,
                    is_built: outcome.is_built,
                    rules: target.settings.rules_on(),
                    fail_on: target.fail_on,
                    findings: check::judge(findings, target.waivers, &target.facts.environment, &today),
                }
            });
    let report = ManuallyDrop::new(Report::new(results.collect(), session.sources()));
    let written = write(&report, session.sources());
    if run == Run::Again {
        drop(ManuallyDrop::into_inner(report));
        drop(ManuallyDrop::into_inner(links));
        drop(ManuallyDrop::into_inner(trees));
    }
    written
}

/// The findings about identities, for each target.
fn of_identities(
    trees: &[Tree],
    state: &mut State,
    time: Option<identity::Timestamp>,
    settings: &[&Settings],
    partial: &BTreeSet<&str>,
    run: Run,
) -> Vec<Vec<Finding>> {
    let jobs = parallel::default_jobs();
    state.assume_buckets(trees);
    if run == Run::Again {
        let reasoner = Reasoner::new(state);
        return check::identities(&Landscape::new(trees, &reasoner, time), settings, partial, jobs);
    }
    // The process ends soon: nothing is freed piece by piece.
    let reasoner = ManuallyDrop::new(Reasoner::new(state));
    let landscape = ManuallyDrop::new(Landscape::new(trees, &reasoner, time));
    check::identities(&landscape, settings, partial, jobs)
}

/// What the targets have that were not chosen, but may be counted on; they are built only then.
fn links_beside(links: &[Links], others: &[Target<'_>], setup: &Setup, session: &Session<'_>) -> Vec<Links> {
    let open: Vec<&Links> = links.iter().filter(|links| links.is_open()).collect();
    let is_beside = |other: &&Target<'_>| open.iter().any(|links| links.is_beside(&other.facts));
    let others: Vec<&Target<'_>> = others.iter().filter(is_beside).collect();
    build_each(&others, setup, session, false, |target, built| match &built {
        Ok(built) => Links::new(&Context::new(&built.objects, &target.facts, &target.settings)),
        Err(_) => Links::unbuilt(&target.facts),
    })
}

/// The paths of policies: those of the platform file, then those of the command line.
fn policies(args: &Selection, platform: Option<&Platform>) -> Vec<PathBuf> {
    let named = platform.into_iter().flat_map(|platform| {
        let paths = platform.spec.policies.iter();
        paths.map(|path| platform.root.join(&path.value))
    });
    named.chain(args.policy.iter().cloned()).collect()
}

/// The versions of Kubernetes to check against: of the command line, of the platform file, or the newest.
fn versions(args: &Selection, platform: Option<&Platform>) -> Result<schema::Versions, Box<Diagnostic>> {
    let hint = "leave it out to check against the newest";
    if !args.kubernetes_version.is_empty() {
        return schema::versions(args.kubernetes_version.iter().map(String::as_str))
            .map_err(|(_, message)| Box::new(Diagnostic::error(message).hint(hint)));
    }
    let written = platform.map_or(&[][..], |platform| &platform.spec.kubernetes_versions);
    schema::versions(written.iter().map(|version| version.as_str())).map_err(|(at, message)| {
        Box::new(Diagnostic {
            mark: written[at].mark,
            ..Diagnostic::error(message).hint(hint)
        })
    })
}

/// Where schemas are, as the command line says from the working directory, and the platform file from its own.
fn locations<'s>(
    args: &Selection,
    session: &'s Session<'_>,
    platform: Option<&Platform>,
) -> Result<Locations<'s>, Box<Diagnostic>> {
    let mut locations = Locations::new(session.files());
    for location in &args.schema_location {
        locations
            .add(&working_directory(), location)
            .map_err(|error| Box::new(Diagnostic::error(error.message).hint(error.hint)))?;
    }
    if let Some(platform) = platform {
        for location in &platform.spec.schema_locations {
            locations.add(&platform.root, location).map_err(|error| {
                Box::new(Diagnostic {
                    mark: location.mark,
                    ..Diagnostic::error(error.message).hint(error.hint)
                })
            })?;
        }
    }
    Ok(locations)
}

/// A warning of the build names kustomize's command; here it is Terrace's.
fn in_own_words(mut warning: Finding) -> Finding {
    if let Some(hint) = &mut warning.hint {
        *hint = hint.replace("'kustomize edit fix'", "`terrace edit fix`");
    }
    warning
}

/// A build that fails is a finding: the others are still checked.
fn build_failed(error: &build::BuildError) -> Finding {
    let mut finding = Finding::new("build_failed", Severity::Error, error.mark, error.message.clone());
    finding.hint.clone_from(&error.hint);
    finding.related.clone_from(&error.related);
    finding
}
