//! What gcloud prints with `--format=json`.

use std::collections::BTreeMap;

use serde::Deserialize;
use yaml::Source;

use super::results::Results;
use super::{Form, StateError};
use crate::member::Member;
use crate::name::ResourceName;
use crate::policy::{DenyRule, Policy, mark_of, object};
use crate::provider::Provider;
use crate::state::{AccountKey, State};

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

/// One of what `gcloud iam service-accounts list` prints.
#[derive(Deserialize)]
struct Account {
    email: String,
    #[serde(default)]
    disabled: bool,
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
        let mut results = Results::default();
        results.add_text(part, source)?;
        state.merge(results.state);
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
    } else if form.unique_id.is_some() {
        account(state, &object(part)?);
        Ok(())
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

fn account(state: &mut State, account: &Account) {
    // An account without grants is known all the same.
    let name = ResourceName::service_account(&account.email);
    state.policies.push((name, Policy::default()));
    if account.disabled {
        state.disabled_accounts.insert(account.email.to_ascii_lowercase());
    }
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
