//! `terrace check`: what is wrong with what is built, at the line that caused it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use build::{Built, Session, parallel};
use check::{Checked, Context, Facts, Inventory, Links, Locations, Report, Schemas, Settings, TargetFindings};
use clap::Args;
use platform::{Level, Marked, Platform, PlatformError, Waiver};
use resource::{Finding, Severity};
use yaml::Sources;

use crate::args::working_directory;
use crate::commands::evidence;
use crate::diagnostic::{Diagnostic, has_colour};
use crate::exit::Exit;
use crate::hidden::Hidden;
use crate::policies::Library;
use crate::progress::Progress;
use crate::remote::Locks;
use crate::report::{self, Format, Rendering};
use crate::setup::{Setup, SetupArgs};
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
}

/// What is checked, and how it is built.
#[derive(Args, Debug)]
pub(crate) struct Selection {
    /// Directories of kustomizations. One that belongs to an environment of terrace.yaml is checked as such.
    #[arg(value_name = "DIR", conflicts_with = "environment")]
    directories: Vec<PathBuf>,
    /// Check only this environment. May be repeated.
    #[arg(long, value_name = "NAME")]
    environment: Vec<String>,
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
    setup: SetupArgs,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum FailOn {
    Note,
    Warning,
    Error,
}

/// A kustomization to check.
struct Target<'p> {
    directory: PathBuf,
    /// The words of its path in terrace.yaml.
    words: BTreeMap<String, String>,
    facts: Facts,
    settings: Settings,
    waivers: &'p [Marked<Waiver>],
    fail_on: Severity,
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
}

/// The targets of a run.
struct Targets<'p> {
    chosen: Vec<Target<'p>>,
    /// Others of the platform file, which may have what the chosen ones count on.
    others: Vec<Target<'p>>,
}

pub(crate) fn run(args: &CheckArgs) -> Exit {
    args.selection.check(|report, sources| {
        write(args, report, sources)?;
        Ok(match report.fails() {
            true => Exit::WrongInput,
            false => Exit::Done,
        })
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
    pub(crate) fn check(&self, write: impl FnOnce(&Report<'_>, &Sources) -> Result<Exit, Box<Diagnostic>>) -> Exit {
        let setup = self.setup.setup();
        let session = setup.session();
        match check(self, &setup, &session, write) {
            Ok(exit) => exit,
            Err(diagnostic) => {
                setup.reporter.error(&diagnostic, session.sources());
                Exit::WrongInput
            }
        }
    }
}

fn check(
    args: &Selection,
    setup: &Setup,
    session: &Session<'_>,
    write: impl FnOnce(&Report<'_>, &Sources) -> Result<Exit, Box<Diagnostic>>,
) -> Result<Exit, Box<Diagnostic>> {
    let found = find_platform(args)
        .map(|directory| platform::read(session, &directory))
        .transpose();
    let platform = found.map_err(|error| Box::new(error.into()))?;
    let Targets { chosen, others } = targets(args, session, platform.as_ref())?;
    let library = Library::read(session, &setup.options, &policies(args, platform.as_ref()))?;
    let locations = locations(args, session, platform.as_ref())?;
    let schemas = Schemas {
        versions: versions(args, platform.as_ref())?,
        lookup: Some(&locations),
    };
    let today = date::today();
    // Several targets are work enough for all processors.
    let jobs = if chosen.len() > 1 { 1 } else { parallel::default_jobs() };
    let results = build_each(&chosen, setup, session, !args.setup.is_quiet(), |target, built| {
        // A single target is compared with none.
        let objects = built.as_ref().ok().filter(|_| chosen.len() > 1);
        let objects = objects.map(|built| built.objects.as_slice());
        let inventory = Inventory::new(&target.facts.environment, &target.words, objects);
        let checked = match &built {
            Ok(built) => {
                let context = Context::new(&built.objects, &target.facts, &target.settings);
                let Checked { mut findings, links } = check::check(&context, &schemas, jobs);
                findings.extend(built.warnings.iter().cloned());
                findings.extend(library.check(&built.objects, jobs));
                let outcome = Outcome {
                    is_built: true,
                    objects: built.objects.len(),
                    secrets: check::secret_values(&built.objects),
                    findings,
                };
                (outcome, inventory, links)
            }
            Err(error) => {
                let outcome = Outcome {
                    is_built: false,
                    objects: 0,
                    secrets: Vec::new(),
                    findings: vec![build_failed(error)],
                };
                (outcome, inventory, Links::unbuilt(&target.facts))
            }
        };
        if chosen.len() == 1 {
            // The process ends soon; to free a large tree piece by piece would take a tenth of its time.
            std::mem::forget(built);
        }
        checked
    });
    let (mut inventories, mut links) = (Vec::new(), Vec::new());
    let mut outcomes = Vec::with_capacity(results.len());
    for (outcome, inventory, of_target) in results {
        outcomes.push(outcome);
        inventories.push(inventory);
        links.push(of_target);
    }
    let settings: Vec<&Settings> = chosen.iter().map(|target| &target.settings).collect();
    let missing = check::parity(&inventories, &settings);
    links.extend(links_beside(&links, others, setup, session));
    let unmet = check::unmet(&links);
    let further = missing.into_iter().zip(unmet);
    let results = chosen
        .iter()
        .zip(outcomes)
        .zip(further)
        .map(|((target, outcome), (missing, unmet))| {
            let findings = outcome.findings.into_iter().chain(missing).chain(unmet).collect();
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
    let report = Report::new(results.collect(), session.sources());
    write(&report, session.sources())
}

/// Builds targets in parallel, each under its own lock, and makes something of each.
fn build_each<T: Send + Sync>(
    targets: &[Target<'_>],
    setup: &Setup,
    session: &Session<'_>,
    shows_progress: bool,
    make: impl Fn(&Target<'_>, Result<Built, build::BuildError>) -> T + Sync,
) -> Vec<T> {
    let locks = Locks::read(session, targets.iter().map(|target| target.directory.as_path()));
    let fetchers = locks.fetchers(&setup.outside);
    // One target may use all processors, several have one each.
    let threads = if targets.len() > 1 {
        || 1
    } else {
        parallel::default_jobs
    };
    let sessions = fetchers
        .iter()
        .map(|fetcher| session.beside(fetcher).with_threads(threads));
    let sessions: Vec<Session<'_>> = sessions.collect();
    let progress = Progress::new(targets.len(), shows_progress);
    parallel::map(targets.len(), parallel::default_jobs(), |at| {
        let target = &targets[at];
        let built = locks.choose(at, &sessions).and_then(|session| {
            let built = session.build(&target.directory, &setup.options);
            built.map_err(|failure| failure.error)
        });
        progress.step(&target.facts.target);
        make(target, built)
    })
}

/// What the targets have that were not chosen, but may be counted on; they are built only then.
fn links_beside(links: &[Links], mut others: Vec<Target<'_>>, setup: &Setup, session: &Session<'_>) -> Vec<Links> {
    let open: Vec<&Links> = links.iter().filter(|links| links.is_open()).collect();
    others.retain(|other| open.iter().any(|links| links.is_beside(&other.facts)));
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

/// A build that fails is a finding: the others are still checked.
fn build_failed(error: &build::BuildError) -> Finding {
    let mut finding = Finding::new("build_failed", Severity::Error, error.mark, error.message.clone());
    finding.hint.clone_from(&error.hint);
    finding.related.clone_from(&error.related);
    finding
}

/// The directory of the platform file: of the working directory, or of one above it in the same
/// repository. With directories, there may be none.
fn find_platform(args: &Selection) -> Option<PathBuf> {
    let here = working_directory();
    let repository = here.ancestors().find(|directory| directory.join(".git").exists());
    let top = repository.unwrap_or(&here);
    let found = here
        .ancestors()
        .take_while(|directory| directory.starts_with(top))
        .find(|directory| directory.join(platform::FILE_NAME).is_file());
    match found {
        Some(directory) => Some(directory.to_owned()),
        None if args.directories.is_empty() => Some(PathBuf::from(".")),
        None => None,
    }
}

fn targets<'p>(
    args: &Selection,
    session: &Session<'_>,
    platform: Option<&'p Platform>,
) -> Result<Targets<'p>, Box<Diagnostic>> {
    let mut others = match platform {
        Some(platform) => platform_targets(session, platform, &args.environment)?,
        None => Vec::new(),
    };
    let mut chosen: Vec<Target<'p>> = Vec::new();
    if args.directories.is_empty() {
        if let Some(platform) = platform {
            are_known(platform, &args.environment)?;
        }
        let is_chosen = |target: &mut Target<'_>| {
            args.environment.is_empty() || args.environment.contains(&target.facts.environment)
        };
        chosen.extend(others.extract_if(.., is_chosen));
    } else {
        for directory in &args.directories {
            let absolute = session
                .files()
                .absolute(directory)
                .and_then(|path| session.files().resolve(&path))
                .map(|(path, _)| path);
            let known = others
                .iter()
                .position(|target| absolute.as_ref().is_ok_and(|path| *path == target.directory));
            chosen.push(match known {
                Some(at) => others.remove(at),
                None => plain_target(directory, platform)?,
            });
        }
    }
    if let Some(platform) = platform {
        let evidence = evidence::read(session, platform)?;
        for target in &mut chosen {
            target.facts.evidence = evidence.clone();
        }
    }
    if let Some(fail_on) = args.fail_on {
        for target in &mut chosen {
            target.fail_on = match fail_on {
                FailOn::Note => Severity::Note,
                FailOn::Warning => Severity::Warning,
                FailOn::Error => Severity::Error,
            };
        }
    }
    Ok(Targets { chosen, others })
}

/// A directory that no environment names.
fn plain_target<'p>(directory: &Path, platform: Option<&'p Platform>) -> Result<Target<'p>, Box<Diagnostic>> {
    let shown = directory.display().to_string();
    Ok(Target {
        directory: directory.to_owned(),
        words: BTreeMap::new(),
        facts: Facts {
            target: shown,
            ..Facts::default()
        },
        settings: settings(platform.map(|platform| &platform.spec.rules).into_iter())?,
        waivers: platform.map_or(&[], |platform| &platform.spec.waivers),
        fail_on: Severity::Error,
    })
}

fn settings<'p>(
    layers: impl Iterator<Item = &'p BTreeMap<String, Marked<platform::RuleSetting>>>,
) -> Result<Settings, Box<Diagnostic>> {
    Settings::read(layers).map_err(|error| Box::new(error.into()))
}

/// Refuses names that no environment has.
fn are_known(platform: &Platform, chosen: &[String]) -> Result<(), Box<Diagnostic>> {
    let environments = &platform.spec.environments;
    if let Some(unknown) = chosen
        .iter()
        .find(|name| environments.iter().all(|known| known.name != **name))
    {
        let names: Vec<&str> = environments.iter().map(|environment| &*environment.name).collect();
        let message = format!("{} has no environment \"{unknown}\"", platform::FILE_NAME);
        return Err(Box::new(
            Diagnostic::error(message).hint(format!("there are {}", names.join(", "))),
        ));
    }
    Ok(())
}

/// Every target of the platform file. Of environments that were not chosen, those that are there.
fn platform_targets<'p>(
    session: &Session<'_>,
    platform: &'p Platform,
    chosen: &[String],
) -> Result<Vec<Target<'p>>, Box<Diagnostic>> {
    let environments = &platform.spec.environments;
    let mut targets = Vec::new();
    for environment in environments {
        let foreign = |of: &dyn Fn(&platform::Environment) -> Vec<String>| -> Vec<(String, String)> {
            let others = environments.iter().filter(|other| other.name != environment.name);
            others
                .flat_map(|other| of(other).into_iter().map(|value| (other.name.clone(), value)))
                .collect()
        };
        let found = match platform.targets(session, environment) {
            Err(_) if !chosen.is_empty() && !chosen.contains(&environment.name) => continue,
            found => found.map_err(|error| Box::new(error.into()))?,
        };
        for found in found {
            let expand = |text: &Option<String>| text.as_deref().map(|text| found.expand(text));
            targets.push(Target {
                facts: Facts {
                    environment: environment.name.clone(),
                    target: session.files().display(&found.directory),
                    cluster: expand(&environment.cluster),
                    namespace: expand(&environment.namespace),
                    project: expand(&environment.project),
                    location: expand(&environment.location),
                    regions: match (environment.regions.as_slice(), expand(&environment.location)) {
                        ([], location) => location.into_iter().collect(),
                        (regions, _) => regions.to_vec(),
                    },
                    foreign_hosts: foreign(&|other| other.hosts.iter().map(|host| host.value.clone()).collect()),
                    foreign_namespaces: foreign(&|other| {
                        other.namespace.iter().map(|text| found.expand(text)).collect()
                    }),
                    foreign_projects: foreign(&|other| other.project.iter().cloned().collect()),
                    evidence: Arc::default(),
                },
                settings: settings([&platform.spec.rules, &environment.rules].into_iter())?,
                waivers: &platform.spec.waivers,
                fail_on: match environment.fail_on {
                    Some(Level::Note) => Severity::Note,
                    Some(Level::Warning) => Severity::Warning,
                    _ => Severity::Error,
                },
                directory: found.directory,
                words: found.words,
            });
        }
    }
    Ok(targets)
}

impl From<PlatformError> for Diagnostic {
    fn from(error: PlatformError) -> Diagnostic {
        Diagnostic {
            mark: error.mark,
            hint: error.hint,
            ..Diagnostic::error(error.message)
        }
    }
}
