//! IAM: service accounts, pools with their providers, and the policies of all that has one.

pub(crate) mod policy;
pub(crate) mod pool;
pub(crate) mod service_account;

use identity::{Pool, Provider, ResourceName, State, project_of_account};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::cloud::Cloud;
use crate::error::{ApiError, Result};
use crate::store::{Store, StoreError};

/// Documents of service accounts, by address.
pub(crate) const ACCOUNT: &str = "service account";
/// Addresses of service accounts that were deleted.
const DELETED: &str = "deleted service account";
/// Documents of providers, by full name.
pub(crate) const PROVIDER: &str = "provider";

/// Adds what was made here to the facts.
pub(crate) fn add_to(state: &mut State, store: &Store) -> Result<(), StoreError> {
    for (name, document) in store.all(PROVIDER)? {
        if let Some(provider) = provider(&name, &document) {
            let is_same = |known: &Provider| known.pool == provider.pool && known.id == provider.id;
            state.providers.retain(|known| !is_same(known));
            state.providers.push(provider);
        }
    }
    for (address, document) in store.all(ACCOUNT)? {
        match document["disabled"] == true {
            true => state.disabled_accounts.insert(address),
            false => state.disabled_accounts.remove(&address),
        };
    }
    for (bucket, document) in store.all(crate::storage::BUCKET)? {
        if let Some(project) = document["project"].as_str() {
            let parent = (ResourceName::bucket(&bucket), ResourceName::project(project));
            if !state.parents.contains(&parent) {
                state.parents.push(parent);
            }
        }
    }
    Ok(())
}

fn provider(name: &str, document: &Json) -> Option<Provider> {
    let (pool, id) = Pool::parse(name)?;
    let text = |value: &Json| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let mapping = document["attributeMapping"].as_object().into_iter().flatten();
    let audiences = document["oidc"]["allowedAudiences"].as_array().into_iter().flatten();
    Some(Provider {
        pool,
        id: id?,
        issuer: text(&document["oidc"]["issuerUri"]),
        audiences: audiences.filter_map(text).collect(),
        mapping: mapping
            .filter_map(|(name, value)| Some((name.clone(), text(value)?)))
            .collect(),
        condition: text(&document["attributeCondition"]),
        mark: yaml::Mark::NONE,
    })
}

/// The address of a service account that is there, by its address or number.
///
/// # Errors
/// 404 if there is none; 403 if it is disabled.
pub(crate) fn account(cloud: &Cloud, name: &str) -> Result<String> {
    let is_disabled = cloud
        .authority
        .ask(|reasoner| reasoner.state().disabled_accounts.contains(name));
    if is_disabled {
        let message = format!("The service account {name} is disabled.");
        return Err(ApiError::new(crate::error::Status::PermissionDenied, message));
    }
    if cloud.store.get(ACCOUNT, name)?.is_some() {
        return Ok(name.to_owned());
    }
    if cloud.store.get(DELETED, name)?.is_some() {
        return Err(ApiError::not_found(format!("Unknown service account: {name}")));
    }
    let known = cloud.authority.ask(|reasoner| {
        let mut accounts = reasoner.service_accounts().iter();
        accounts.any(|known| known == name)
    });
    if known && project_of_account(name).is_some() {
        return Ok(name.to_owned());
    }
    for (address, _) in cloud.store.all(ACCOUNT)? {
        if unique_id(&address) == name {
            return Ok(address);
        }
    }
    Err(ApiError::not_found(format!("Unknown service account: {name}")))
}

/// The number of a service account: 21 digits that its address gives.
pub(crate) fn unique_id(email: &str) -> String {
    let digest = Sha256::digest(email.as_bytes());
    let number = digest
        .iter()
        .take(8)
        .fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    format!("1{number:020}")
}
