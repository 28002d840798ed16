//! What gcloud prints with `--format=json`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::value::RawValue;
use yaml::Source;

use super::{Form, StateError};
use crate::member::Member;
use crate::name::ResourceName;
use crate::policy::{DenyRule, Policy, mark_of, object};
use crate::provider::Provider;
use crate::state::{AccountKey, State};

/// One result of `gcloud asset search-all-iam-policies`.
#[derive(Deserialize)]
pub(super) struct SearchResult<'t> {
    #[serde(borrow)]
    resource: Cow<'t, str>,
    #[serde(default)]
    project: Option<String>,
    #[serde(default)]
    folders: Vec<String>,
    #[serde(default)]
    organization: Option<String>,
    #[serde(borrow)]
    policy: &'t RawValue,
}

/// What `gcloud iam roles describe` prints.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Role {
    name: String,
    included_permissions: Vec<String>,
}

/// What `gcloud projects describe` prints.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Project {
    project_id: String,
    /// A text, or a number in older versions.
    project_number: serde_json::Value,
    parent: Option<ProjectParent>,
}

#[derive(Deserialize)]
struct ProjectParent {
    r#type: String,
    id: String,
}

/// What `gcloud iam workload-identity-pools providers describe` prints.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProviderDocument {
    name: String,
    #[serde(default)]
    attribute_mapping: BTreeMap<String, String>,
    attribute_condition: Option<String>,
    oidc: Option<Oidc>,
    #[serde(default)]
    disabled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Oidc {
    issuer_uri: Option<String>,
    #[serde(default)]
    allowed_audiences: Vec<String>,
}

/// One of what `gcloud iam service-accounts keys list` prints.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    name: String,
    key_type: String,
}

/// Adds what one object says.
pub(super) fn read(
    state: &mut State,
    form: &Form<'_>,
    part: &str,
    source: &Source,
    resource: Option<&ResourceName>,
) -> Result<(), StateError> {
    if form.policy.is_some() {
        let mut read = Results::default();
        read.add(&object(part)?, source)?;
        state.merge(read.state);
        Ok(())
    } else if form.included_permissions.is_some() {
        let role: Role = object(part)?;
        state
            .custom_roles
            .insert(role.name, role.included_permissions.into_iter().collect());
        Ok(())
    } else if form.project_number.is_some() {
        project(state, object(part)?)
    } else if form.attribute_mapping.is_some() {
        provider(state, object(part)?, part, source)
    } else if form.key_type.is_some() {
        key(state, object(part)?, part, source)
    } else if form.rules.is_some() {
        let attached = attachment(part)?;
        let resource = resource.cloned().or(attached).ok_or(StateError::WhichResource)?;
        let rules = DenyRule::read(part, source).map_err(|error| StateError::at(&resource, error))?;
        state
            .deny_rules
            .extend(rules.into_iter().map(|rule| (resource.clone(), rule)));
        Ok(())
    } else if form.bindings.is_some() || form.etag.is_some() && resource.is_some() {
        let resource = resource.ok_or(StateError::WhichResource)?;
        let policy = Policy::read(part, source).map_err(|error| StateError::at(resource, error))?;
        state.policies.push((resource.clone(), policy));
        Ok(())
    } else {
        Err(StateError::Form)
    }
}

/// The results of a search, where the document is a list of them; they are long, and read in one go.
pub(super) fn search_results(text: &str) -> Option<Vec<SearchResult<'_>>> {
    serde_json::from_str(text).ok()
}

/// So many results are worth a thread.
const AT_A_TIME: usize = 500;

/// Adds what the results of a search say. Their policies are read on several threads, and joined in their order.
pub(super) fn read_results(
    state: &mut State,
    results: Vec<SearchResult<'_>>,
    source: &Source,
) -> Result<(), StateError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let size = results.len().div_ceil(threads).max(AT_A_TIME);
    let read = |part: &[SearchResult<'_>]| {
        let mut read = Results::default();
        part.iter().try_for_each(|result| read.add(result, source))?;
        Ok(read.state)
    };
    let parts: Vec<Result<State, StateError>> = std::thread::scope(|scope| {
        let mut chunks = results.chunks(size);
        let first = chunks.next();
        let others: Vec<_> = chunks.map(|part| scope.spawn(move || read(part))).collect();
        let first = first.map(read);
        let others = others.into_iter().map(|thread| match thread.join() {
            Ok(read) => read,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        first.into_iter().chain(others).collect()
    });
    for part in parts {
        state.merge(part?);
    }
    Ok(())
}

/// Results while they are read. What most of them repeat is read once.
#[derive(Default)]
struct Results {
    state: State,
    /// Names of projects and of what they are in, whose place is known.
    above: BTreeSet<String>,
    project: String,
}

impl Results {
    fn add(&mut self, result: &SearchResult<'_>, source: &Source) -> Result<(), StateError> {
        let state = &mut self.state;
        let resource = ResourceName::parse(&result.resource)?;
        let policy = Policy::read(result.policy.get(), source).map_err(|error| StateError::at(&resource, error))?;
        let is_manager = resource.service() == "cloudresourcemanager.googleapis.com";
        if let Some(project) = &result.project
            && *project != self.project
        {
            // The search covers all that is in the project.
            state.whole_projects.insert(ResourceName::parse(project)?);
            self.project.clone_from(project);
        }
        let project = result.project.iter();
        let mut above = project.chain(&result.folders).chain(&result.organization);
        // A project is a result of its own, with itself as its project; the number is said there only.
        let mut child = resource.clone();
        if is_manager
            && let Some(id) = resource.project_id()
            && let Some(number) = above.next().and_then(|name| name.strip_prefix("projects/"))
        {
            state.project_numbers.insert(number.to_owned(), id.to_owned());
        }
        for name in above {
            let parent = ResourceName::parse(name)?;
            if parent != child {
                state.parents.push((child, parent.clone()));
            }
            if !self.above.insert(name.clone()) {
                break;
            }
            child = parent;
        }
        state.policies.push((resource, policy));
        Ok(())
    }
}

fn project(state: &mut State, project: Project) -> Result<(), StateError> {
    let number = match project.project_number {
        serde_json::Value::String(text) => text,
        number => number.to_string(),
    };
    if let Some(ProjectParent { r#type, id }) = project.parent {
        let parent = ResourceName::parse(&format!("{}s/{id}", r#type))?;
        state.parents.push((ResourceName::project(&project.project_id), parent));
    }
    state.project_numbers.insert(number, project.project_id);
    Ok(())
}

fn provider(state: &mut State, provider: ProviderDocument, part: &str, source: &Source) -> Result<(), StateError> {
    if provider.disabled {
        return Ok(());
    }
    let (pool, id) = provider.name.split_once("/providers/").ok_or(StateError::Form)?;
    // The pool is read as it stands in a principal's name.
    let set = format!("principalSet://iam.googleapis.com/{pool}/*");
    let Ok(Member::FederatedSet { pool, .. }) = set.parse() else {
        return Err(StateError::Form);
    };
    let (issuer, audiences) = provider
        .oidc
        .map_or((None, Vec::new()), |oidc| (oidc.issuer_uri, oidc.allowed_audiences));
    state.providers.push(Provider {
        pool,
        id: id.to_owned(),
        issuer,
        audiences,
        mapping: provider.attribute_mapping.into_iter().collect(),
        condition: provider
            .attribute_condition
            .filter(|condition| !condition.trim().is_empty()),
        mark: mark_of(part, source),
    });
    Ok(())
}

fn key(state: &mut State, key: Key, part: &str, source: &Source) -> Result<(), StateError> {
    if key.key_type != "USER_MANAGED" {
        return Ok(());
    }
    let (account, id) = key.name.split_once("/keys/").ok_or(StateError::Form)?;
    let account = account.rsplit('/').next().unwrap_or(account);
    state.keys.push(AccountKey {
        account: account.to_ascii_lowercase(),
        id: id.to_owned(),
        mark: mark_of(part, source),
    });
    Ok(())
}

/// What a deny policy is attached to, by its name: `policies/cloudresourcemanager.googleapis.com%2Fprojects%2F17/…`.
fn attachment(part: &str) -> Result<Option<ResourceName>, StateError> {
    #[derive(Deserialize)]
    struct Named {
        name: Option<String>,
    }
    let Some(name) = object::<Named>(part)?.name else {
        return Ok(None);
    };
    let point = name
        .strip_prefix("policies/")
        .and_then(|rest| rest.split_once("/denypolicies/"));
    match point {
        Some((point, _)) => Ok(Some(ResourceName::parse(&format!(
            "//{}",
            point.replace("%2F", "/").replace("%2f", "/")
        ))?)),
        None => Ok(None),
    }
}
