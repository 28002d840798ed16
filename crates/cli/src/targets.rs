//! What a command looks at: directories, or the environments of the platform file, each built with what it needs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use build::{Built, Session, parallel};
use check::{Facts, Settings};
use clap::Args;
use identity::{Place, Pool, RunsAs};
use platform::{Level, Marked, Platform, PlatformError, Waiver};
use resource::Severity;
use secret::Destination;

use crate::args::working_directory;
use crate::commands::evidence;
use crate::diagnostic::Diagnostic;
use crate::progress::Progress;
use crate::remote::Locks;
use crate::setup::Setup;

/// Which targets.
#[derive(Args, Debug)]
pub(crate) struct TargetArgs {
    /// Directories of kustomizations. One that belongs to an environment of terrace.yaml is taken as such.
    #[arg(value_name = "DIR", conflicts_with = "environment")]
    directories: Vec<PathBuf>,
    /// Only this environment. May be repeated.
    #[arg(long, value_name = "NAME")]
    environment: Vec<String>,
}

impl TargetArgs {
    /// Some environments of the platform file; all, where none is named.
    pub(crate) fn of_environments(names: &[String]) -> TargetArgs {
        TargetArgs {
            directories: Vec::new(),
            environment: names.to_vec(),
        }
    }

    /// Whether the command line names directories.
    pub(crate) fn is_named(&self) -> bool {
        !self.directories.is_empty()
    }
}

/// A kustomization, and what the platform file says of it.
pub(crate) struct Target<'p> {
    pub(crate) directory: PathBuf,
    /// The words of its path in terrace.yaml.
    pub(crate) words: BTreeMap<String, String>,
    pub(crate) facts: Facts,
    pub(crate) settings: Settings,
    pub(crate) waivers: &'p [Marked<Waiver>],
    pub(crate) fail_on: Severity,
    /// Who is who there.
    pub(crate) place: Place,
}

/// The targets of a run.
pub(crate) struct Targets<'p> {
    pub(crate) chosen: Vec<Target<'p>>,
    /// Others of the platform file, which may have what the chosen ones count on.
    pub(crate) others: Vec<Target<'p>>,
}

/// Builds targets in parallel, each under its own lock, and makes something of each.
pub(crate) fn build_each<T: Send + Sync>(
    targets: &[&Target<'_>],
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
        let target = targets[at];
        let built = locks.choose(at, &sessions).and_then(|session| {
            let built = session.build(&target.directory, &setup.options);
            built.map(with_intents).map_err(|failure| failure.error)
        });
        progress.step(&target.facts.target);
        make(target, built)
    })
}

/// What a build holds for tools alone is not looked at, but for what Terrace itself reads.
fn with_intents(mut built: Built) -> Built {
    let local = std::mem::take(&mut built.local);
    built.objects.extend(local.into_iter().filter(secret::is_intent));
    built
}

/// The directory of the platform file: of the working directory, or of one above it in the same
/// repository.
pub(crate) fn find_platform() -> Option<PathBuf> {
    let here = working_directory();
    let repository = here.ancestors().find(|directory| directory.join(".git").exists());
    let top = repository.unwrap_or(&here);
    let found = here
        .ancestors()
        .take_while(|directory| directory.starts_with(top))
        .find(|directory| directory.join(platform::FILE_NAME).is_file());
    found.map(Path::to_owned)
}

/// The platform file, where there is one.
pub(crate) fn read_platform(args: &TargetArgs, session: &Session<'_>) -> Result<Option<Platform>, Box<Diagnostic>> {
    // Without directories there must be one, and the working directory is where it is missed.
    let here = || args.directories.is_empty().then(|| PathBuf::from("."));
    let found = find_platform()
        .or_else(here)
        .map(|directory| platform::read(session, &directory));
    found.transpose().map_err(|error| Box::new(error.into()))
}

/// What the command line chooses, and the rest of the platform file.
pub(crate) fn targets<'p>(
    args: &TargetArgs,
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
        place: Place {
            target: directory.display().to_string(),
            ..Place::default()
        },
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
            let secrets = destination(environment, &found)?;
            targets.push(Target {
                place: Place {
                    secrets: secrets.clone(),
                    ..place(environment, &found, session)?
                },
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
                    secrets,
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

/// Where the secrets of a target are kept.
fn destination(
    environment: &platform::Environment,
    found: &platform::Target<'_>,
) -> Result<Option<Destination>, Box<Diagnostic>> {
    let Some(secrets) = &environment.secrets else {
        return Ok(None);
    };
    let expand = |text: &Option<String>| text.as_deref().map(|text| found.expand(text));
    if let Some(reader) = &secrets.reader {
        named_account(reader, found)?;
    }
    Ok(Some(Destination {
        delivery: secrets.value.clone(),
        words: found.words.clone(),
        project: expand(&environment.project),
        namespace: expand(&environment.namespace),
    }))
}

/// An identity that the platform file names.
fn named_account(text: &Marked<String>, found: &platform::Target<'_>) -> Result<RunsAs, Box<Diagnostic>> {
    let name = found.expand(&text.value);
    RunsAs::named(&name).ok_or_else(|| {
        Box::new(Diagnostic {
            mark: text.mark,
            ..Diagnostic::error(format!("\"{name}\" is no service account"))
                .hint(
                    "write NAMESPACE/NAME for one of the cluster, the address of a Google service account, or principal://…",
                )
        })
    })
}

/// Who is who in a target.
fn place(
    environment: &Marked<platform::Environment>,
    found: &platform::Target,
    session: &Session<'_>,
) -> Result<Place, Box<Diagnostic>> {
    let expand = |text: &Option<String>| text.as_deref().map(|text| found.expand(text));
    let namespace = expand(&environment.namespace);
    let project = expand(&environment.project);
    let identity = |text: &Option<Marked<String>>| -> Result<Option<RunsAs>, Box<Diagnostic>> {
        text.as_ref().map(|text| named_account(text, found)).transpose()
    };
    let (pool, provider) = match &environment.identity_pool {
        Some(pool) => {
            let id = found.expand(&pool.value);
            match id.strip_suffix(".svc.id.goog") {
                Some(project) => (Some(Pool::of_gke(project)), None),
                None => {
                    let named = Pool::parse(&id).ok_or_else(|| {
                        let hint = "it is PROJECT.svc.id.goog, or outside of GKE \
                                    projects/NUMBER/locations/global/workloadIdentityPools/POOL";
                        Box::new(Diagnostic {
                            mark: pool.mark,
                            ..Diagnostic::error(format!("\"{id}\" is no pool of a cluster")).hint(hint)
                        })
                    })?;
                    (Some(named.0), named.1)
                }
            }
        }
        None => (project.as_deref().map(Pool::of_gke), None),
    };
    Ok(Place {
        environment: environment.name.clone(),
        target: session.files().display(&found.directory),
        cluster: expand(&environment.cluster),
        project_number: environment.project_number.clone(),
        location: expand(&environment.location),
        launcher: identity(&environment.launcher)?,
        nodes: identity(&environment.nodes)?,
        namespace,
        project,
        pool,
        provider,
        issuer: expand(&environment.issuer),
        secrets: None,
    })
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
