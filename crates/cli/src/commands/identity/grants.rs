//! Where grants come from: files of the command line and of the platform file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use build::{DEFAULT_FILE_LIMIT, FileKind, Session, parallel};
use clap::Args;
use google::Client;
use identity::{Documents, Member, NameError, PredefinedRoles, ResourceName, State, StateError, Timestamp};
use platform::Platform;
use yaml::{Mark, Source};

use crate::args::working_directory;
use crate::date;
use crate::diagnostic::Diagnostic;
use crate::progress;

/// Where the grants come from.
#[derive(Args, Debug)]
pub(crate) struct GrantArgs {
    /// A file with grants, as gcloud prints them in JSON: a search for policies in the inventory of assets, a custom
    /// role, a project; or RESOURCE=FILE with the policy or deny policy of one resource. May be repeated.
    #[arg(long = "iam", value_name = "[RESOURCE=]FILE")]
    files: Vec<String>,
    /// A JSON file with the members of groups: {"ml@acme.com": ["user:ann@acme.com"]}.
    #[arg(long, value_name = "FILE")]
    groups: Option<String>,
    /// Ask Google what is granted, beside what files say: in the projects of terrace.yaml, or in one project, folder or
    /// organization.
    #[arg(long, value_name = "SCOPE", num_args = 0..=1, require_equals = true)]
    live: Option<Option<String>>,
    /// The service account to act as when Google is asked.
    #[arg(long, value_name = "ADDRESS")]
    impersonate_service_account: Option<String>,
    /// A table of Google's predefined roles, as terrace identity refresh writes it, in place of the one that comes along.
    #[arg(long, value_name = "FILE")]
    roles: Option<String>,
    /// The time for conditions on it, as 2026-08-05T12:00:00Z; now without it.
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Timestamp>,
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "a time is written as 2026-08-05T12:00:00Z".to_owned())
}

impl GrantArgs {
    pub(crate) fn time(&self) -> Option<Timestamp> {
        self.at.or_else(date::now)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.live.is_none()
    }

    /// The account to act as when Google is asked.
    pub(super) fn impersonate(&self) -> Option<&str> {
        self.impersonate_service_account.as_deref()
    }

    /// Where Google is asked: what the command line names, or the projects of a platform file.
    fn scopes(&self, session: &Session<'_>, platform: Option<&Platform>) -> Result<Vec<String>, Box<Diagnostic>> {
        match &self.live {
            None => return Ok(Vec::new()),
            Some(Some(scope)) => {
                let (kind, id) = scope.split_once('/').unwrap_or_default();
                if !matches!(kind, "projects" | "folders" | "organizations") || id.is_empty() || id.contains('/') {
                    let error = Diagnostic::error(format!("\"{scope}\" is no scope"));
                    return Err(Box::new(error.hint("write projects/ID, folders/N or organizations/N")));
                }
                return Ok(vec![scope.clone()]);
            }
            Some(None) => {}
        }
        let found = match (platform, crate::targets::find_platform()) {
            (None, Some(directory)) => {
                Some(platform::read(session, &directory).map_err(|error| Box::new(Diagnostic::from(error)))?)
            }
            _ => None,
        };
        let environments = platform
            .or(found.as_ref())
            .into_iter()
            .flat_map(|it| &it.spec.environments);
        let mut scopes: Vec<String> = environments
            .filter_map(|environment| Some(format!("projects/{}", environment.project.as_ref()?)))
            .collect();
        scopes.sort_unstable();
        scopes.dedup();
        match scopes.is_empty() {
            true => {
                let error = Diagnostic::error("it is not said where Google is to be asked");
                let hint = "write --live=projects/ID, or name the project of environments in terrace.yaml";
                Err(Box::new(error.hint(hint)))
            }
            false => Ok(scopes),
        }
    }

    /// What Google says, if it is to be asked.
    fn live(&self, session: &Session<'_>, platform: Option<&Platform>) -> Result<State, Box<Diagnostic>> {
        let scopes = self.scopes(session, platform)?;
        if scopes.is_empty() {
            return Ok(State::default());
        }
        let on_step = progress::asking();
        let asked = google::block_on(async {
            let client = Client::from_environment(self.impersonate()).await?;
            google::live::state(&client, &scopes, &on_step).await
        });
        asked.map_err(|error| Box::new(error.into()))
    }

    /// What all files say: those of the platform file, then those of the command line.
    ///
    /// # Errors
    /// A file that cannot be read, at the line of the platform file that names it.
    pub(crate) fn state(&self, session: &Session<'_>, platform: Option<&Platform>) -> Result<State, Box<Diagnostic>> {
        let mut state = State::default();
        self.read(session, platform, &mut state)?;
        Ok(state)
    }

    /// The same, for one question.
    ///
    /// # Errors
    /// As of [`GrantArgs::state`].
    pub(super) fn documents(
        &self,
        session: &Session<'_>,
        platform: Option<&Platform>,
    ) -> Result<Documents, Box<Diagnostic>> {
        let mut documents = Documents::default();
        self.read(session, platform, &mut documents)?;
        Ok(documents)
    }

    fn read<T: Grants>(
        &self,
        session: &Session<'_>,
        platform: Option<&Platform>,
        read: &mut T,
    ) -> Result<(), Box<Diagnostic>> {
        let mut reading = Reading { session, read };
        if let Some(platform) = platform {
            let named = &platform.spec.identity;
            let files = named.iam.iter().map(|file| (file.value.as_str(), file.mark));
            reading.grants(&platform.root, files)?;
            if let Some(file) = &named.groups {
                reading.groups(&platform.root.join(&file.value), file.mark)?;
            }
            if let Some(file) = &named.roles {
                reading.roles(&platform.root.join(&file.value), file.mark)?;
            }
            if named.authoritative {
                let projects = platform.spec.environments.iter().filter_map(|it| it.project.as_deref());
                reading.add(State {
                    whole_projects: projects.map(ResourceName::project).collect(),
                    ..State::default()
                });
            }
        }
        reading.grants(
            &working_directory(),
            self.files.iter().map(|file| (file.as_str(), Mark::NONE)),
        )?;
        if let Some(file) = &self.groups {
            reading.groups(&working_directory().join(file), Mark::NONE)?;
        }
        if let Some(file) = &self.roles {
            reading.roles(&working_directory().join(file), Mark::NONE)?;
        }
        reading.add(self.live(session, platform)?);
        Ok(())
    }
}

/// What the platform file and some files say, without asking anybody.
///
/// # Errors
/// As of [`GrantArgs::state`].
pub(crate) fn of_files(
    session: &Session<'_>,
    platform: Option<&Platform>,
    files: &[String],
    groups: Option<&String>,
) -> Result<State, Box<Diagnostic>> {
    let args = GrantArgs {
        files: files.to_vec(),
        groups: groups.cloned(),
        live: None,
        impersonate_service_account: None,
        roles: None,
        at: None,
    };
    args.state(session, platform)
}

/// What some files say, as the command line names them.
pub(super) fn read_files(session: &Session<'_>, files: &[String]) -> Result<State, Box<Diagnostic>> {
    let mut state = State::default();
    let files = files.iter().map(|file| (file.as_str(), Mark::NONE));
    Reading {
        session,
        read: &mut state,
    }
    .grants(&working_directory(), files)?;
    Ok(state)
}

/// What documents become: all facts, or what one question is asked of.
trait Grants: Default + Send + Sync {
    fn read(&mut self, source: &Arc<Source>, resource: Option<&ResourceName>) -> Result<(), StateError>;
    fn extend(&mut self, others: Self);
    fn add(&mut self, state: State);
}

impl Grants for State {
    fn read(&mut self, source: &Arc<Source>, resource: Option<&ResourceName>) -> Result<(), StateError> {
        State::read(self, source, resource)
    }

    fn extend(&mut self, others: State) {
        self.merge(others);
    }

    fn add(&mut self, state: State) {
        self.merge(state);
    }
}

impl Grants for Documents {
    fn read(&mut self, source: &Arc<Source>, resource: Option<&ResourceName>) -> Result<(), StateError> {
        Documents::read(self, source, resource)
    }

    fn extend(&mut self, others: Documents) {
        Documents::extend(self, others);
    }

    fn add(&mut self, state: State) {
        Documents::add(self, state);
    }
}

struct Reading<'r, 's, T> {
    session: &'s Session<'s>,
    read: &'r mut T,
}

/// A file of grants, what it is set on where it does not say it itself, and what names it.
struct NamedFile {
    path: PathBuf,
    resource: Option<ResourceName>,
    mark: Mark,
}

impl<T: Grants> Reading<'_, '_, T> {
    fn add(&mut self, state: State) {
        self.read.add(state);
    }

    /// Files and directories of grants, and `RESOURCE=FILE`: all at once, and joined in their order.
    fn grants<'n>(&mut self, base: &Path, named: impl Iterator<Item = (&'n str, Mark)>) -> Result<(), Box<Diagnostic>> {
        let mut files = Vec::new();
        for (named, mark) in named {
            files.extend(self.named(base, named, mark)?);
        }
        let session = self.session;
        let read = parallel::map(files.len(), parallel::default_jobs(), |at| {
            read_grants(session, &files[at])
        });
        for read in read {
            self.read.extend(read?);
        }
        Ok(())
    }

    fn named(&self, base: &Path, named: &str, mark: Mark) -> Result<Vec<NamedFile>, Box<Diagnostic>> {
        let files = self.session.files();
        let (resource, path) = match named.split_once('=') {
            // A name of a resource may hold no `=`, and a path rarely does.
            Some((resource, path)) if files.resolve(&base.join(named)).is_err() => {
                let resource = resource_name(resource).map_err(|diagnostic| at(mark, *diagnostic))?;
                (Some(resource), base.join(path))
            }
            _ => (None, base.join(named)),
        };
        let paths = self.json_files(&path, mark)?.into_iter();
        let file = |path| NamedFile {
            path,
            resource: resource.clone(),
            mark,
        };
        Ok(paths.map(file).collect())
    }

    fn roles(&mut self, path: &Path, mark: Mark) -> Result<(), Box<Diagnostic>> {
        let source = read_source(self.session, path, mark)?;
        let roles = PredefinedRoles::from_text(source.text()).map_err(|error| {
            let message = format!("cannot read roles from {}: {error}", source.name());
            at(
                mark,
                Diagnostic::error(message).hint("give what terrace identity refresh writes"),
            )
        })?;
        self.add(State {
            predefined_roles: Some(Arc::new(roles)),
            ..State::default()
        });
        Ok(())
    }

    fn groups(&mut self, path: &Path, mark: Mark) -> Result<(), Box<Diagnostic>> {
        let source = read_source(self.session, path, mark)?;
        let groups: BTreeMap<String, Vec<String>> = serde_json::from_str(source.text()).map_err(|error| {
            let hint = "it is an object of addresses of groups, each with a list of members as in a policy";
            at(
                mark,
                Diagnostic::error(format!("cannot read groups from {}: {error}", source.name())).hint(hint),
            )
        })?;
        let mut state = State::default();
        for (group, members) in groups {
            let members: Result<Vec<Member>, _> = members.iter().map(|member| subject(member)).collect();
            let members = members.map_err(|diagnostic| at(mark, *diagnostic))?;
            state
                .groups
                .entry(group.to_ascii_lowercase())
                .or_default()
                .extend(members);
        }
        self.add(state);
        Ok(())
    }

    fn json_files(&self, path: &Path, mark: Mark) -> Result<Vec<PathBuf>, Box<Diagnostic>> {
        let files = self.session.files();
        let cannot = |error: std::io::Error| {
            let message = format!("cannot read {}: {error}", files.display(path));
            at(mark, Diagnostic::error(message))
        };
        let (path, kind) = files
            .absolute(path)
            .and_then(|path| files.resolve(&path))
            .map_err(cannot)?;
        if kind == FileKind::File {
            return Ok(vec![path]);
        }
        let mut names = files.list(&path).map_err(cannot)?;
        names.retain(|name| name.ends_with(".json"));
        names.sort_unstable();
        Ok(names.iter().map(|name| path.join(name)).collect())
    }
}

fn read_grants<T: Grants>(session: &Session<'_>, file: &NamedFile) -> Result<T, Box<Diagnostic>> {
    let source = read_source(session, &file.path, file.mark)?;
    let mut read = T::default();
    read.read(&source, file.resource.as_ref()).map_err(|error| {
        let message = format!("cannot read grants from {}: {error}", source.name());
        let diagnostic = Diagnostic::error(message);
        at(
            file.mark,
            match error.hint() {
                Some(hint) => diagnostic.hint(hint),
                None => diagnostic,
            },
        )
    })?;
    Ok(read)
}

/// The text of a file; `mark` is what names it, if a file does.
pub(super) fn read_source(
    session: &Session<'_>,
    path: &Path,
    mark: Mark,
) -> Result<std::sync::Arc<yaml::Source>, Box<Diagnostic>> {
    let files = session.files();
    let shown = files.display(path);
    let cannot = |error: &dyn std::fmt::Display| at(mark, Diagnostic::error(format!("cannot read {shown}: {error}")));
    let bytes = files.read(path, DEFAULT_FILE_LIMIT).map_err(|error| cannot(&error))?;
    let text = String::from_utf8(bytes).map_err(|error| cannot(&error))?;
    Ok(session.sources().add(shown.clone(), text))
}

fn at(mark: Mark, diagnostic: Diagnostic) -> Box<Diagnostic> {
    Box::new(Diagnostic { mark, ..diagnostic })
}

/// A member as in a policy, or in short.
pub(crate) fn subject(text: &str) -> Result<Member, Box<Diagnostic>> {
    let full = match text {
        _ if text.contains(':') => text.to_owned(),
        _ if text.ends_with(']') => format!("serviceAccount:{text}"),
        _ if text.ends_with(".gserviceaccount.com") => format!("serviceAccount:{text}"),
        _ if text.contains('@') => format!("user:{text}"),
        _ => text.to_owned(),
    };
    let Ok(member) = full.parse();
    match member {
        Member::Unknown(_) => Err(Box::new(Diagnostic::error(format!("\"{text}\" is no principal")).hint(
            "write an address, PROJECT.svc.id.goog[NAMESPACE/NAME], or a principal as in a policy (user:, group:, \
             serviceAccount:, principal://)",
        ))),
        member => Ok(member),
    }
}

pub(crate) fn resource_name(text: &str) -> Result<ResourceName, Box<Diagnostic>> {
    ResourceName::parse(text).map_err(|error| Box::new(Diagnostic::error(error.to_string()).hint(NameError::HINT)))
}
