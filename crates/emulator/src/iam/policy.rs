//! Allow policies: read, set with etags, and asked what a caller may do
//! (<https://cloud.google.com/iam/docs/reference/rest/v1/Policy>).

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use identity::ResourceName;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::{ACCOUNT, DELETED};
use crate::access::{Caller, POLICY};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};

/// Google's limit for the members of a policy.
const MOST_MEMBERS: usize = 1500;

/// The policy of a resource; an empty one has an etag, too.
pub(crate) fn get(cloud: &Cloud, caller: &Caller, resource: &ResourceName, permission: &str) -> Result<Json> {
    cloud.authority.require(caller, permission, resource)?;
    current(cloud, resource)
}

/// Sets the policy in `request.policy`.
///
/// # Errors
/// 409 if the etag is not that of the policy that is there; 400 if a member or condition is malformed.
pub(crate) fn set(
    cloud: &Cloud,
    caller: &Caller,
    resource: &ResourceName,
    permission: &str,
    policy: &Json,
) -> Result<Json> {
    cloud.authority.require(caller, permission, resource)?;
    validate(policy)?;
    let before = current(cloud, resource)?;
    let result = cloud.store.change(POLICY, resource.as_str(), |document| {
        let there = document.clone().unwrap_or(before);
        let wanted = policy["etag"].as_str().filter(|etag| !etag.is_empty());
        if wanted.is_some_and(|etag| there["etag"].as_str() != Some(etag)) {
            return Err(ApiError::new(
                Status::Aborted,
                "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.",
            ));
        }
        let mut next = json!({
            "version": policy["version"].as_i64().unwrap_or(1),
            "bindings": policy["bindings"].as_array().cloned().unwrap_or_default(),
        });
        let last = there["etag"].as_str().unwrap_or_default();
        next["etag"] = etag(&format!("{last}{next}")).into();
        *document = Some(next.clone());
        Ok(next)
    })?;
    cloud.authority.reload(&cloud.store)?;
    Ok(result)
}

/// Those of some permissions that the caller has.
pub(crate) fn test(cloud: &Cloud, caller: &Caller, resource: &ResourceName, permissions: &[String]) -> Json {
    let mut held = permissions.to_vec();
    held.retain(|permission| cloud.authority.has(caller, permission, resource));
    match held.is_empty() {
        true => json!({}),
        false => json!({"permissions": held}),
    }
}

/// The permissions in the body of a test call.
pub(crate) fn permissions(body: &Json) -> Vec<String> {
    let list = body["permissions"].as_array().into_iter().flatten();
    list.filter_map(Json::as_str).map(str::to_owned).collect()
}

/// Deletes a service account. Nobody is what policies call by its name any more: an account that is made later under that
/// name is another one (<https://cloud.google.com/iam/docs/service-accounts-delete-undelete>).
pub(super) fn retire(cloud: &Cloud, email: &str) -> Result<()> {
    let member = format!("serviceAccount:{email}");
    let retired = format!("deleted:{member}?uid={}", super::unique_id(email));
    let names = |policy: &Json| {
        let bindings = policy["bindings"].as_array().into_iter().flatten();
        let mut members = bindings.flat_map(|binding| binding["members"].as_array().into_iter().flatten());
        members.any(|known| *known == member.as_str())
    };
    let mut resources: BTreeSet<String> = cloud.authority.with_policies().map(str::to_owned).collect();
    resources.extend(cloud.store.all(POLICY)?.into_iter().map(|(name, _)| name));
    let mut before = Vec::new();
    for name in resources {
        let Ok(resource) = ResourceName::parse(&name) else {
            continue;
        };
        let policy = current(cloud, &resource)?;
        if names(&policy) {
            before.push((name, policy));
        }
    }
    cloud.store.transact(|transaction| {
        for (name, policy) in before {
            let mut policy = transaction.get(POLICY, &name)?.unwrap_or(policy);
            let bindings = policy["bindings"].as_array_mut().into_iter().flatten();
            for known in bindings.flat_map(|binding| binding["members"].as_array_mut().into_iter().flatten()) {
                if *known == member.as_str() {
                    *known = retired.clone().into();
                }
            }
            policy["etag"] = etag(&policy.to_string()).into();
            transaction.put(POLICY, &name, &policy)?;
        }
        transaction.delete(ACCOUNT, email)?;
        transaction.put(DELETED, email, &true.into())?;
        // Its own policy goes with it.
        let none = json!({"version": 1, "bindings": [], "etag": etag(email)});
        transaction.put(POLICY, ResourceName::service_account(email).as_str(), &none)?;
        Ok::<_, ApiError>(())
    })?;
    Ok(cloud.authority.reload(&cloud.store)?)
}

fn current(cloud: &Cloud, resource: &ResourceName) -> Result<Json> {
    if let Some(document) = cloud.store.get(POLICY, resource.as_str())? {
        return Ok(document);
    }
    let given = cloud.authority.given(resource);
    let bindings = given.into_iter().flat_map(|policy| &policy.bindings);
    let bindings: Vec<Json> = bindings
        .map(|binding| {
            let members: Vec<String> = binding.members.iter().map(ToString::to_string).collect();
            let mut json = json!({"role": binding.role, "members": members});
            if let Some(condition) = &binding.condition {
                json["condition"] = json!({"title": condition.title, "expression": condition.expression});
            }
            json
        })
        .collect();
    let has_condition = bindings.iter().any(|binding| binding.get("condition").is_some());
    let mut policy = json!({"version": if has_condition { 3 } else { 1 }, "bindings": bindings});
    policy["etag"] = etag(&policy.to_string()).into();
    Ok(policy)
}

fn etag(text: &str) -> String {
    STANDARD.encode(&Sha256::digest(text.as_bytes())[..8])
}

fn validate(policy: &Json) -> Result<()> {
    if !policy.is_object() {
        return Err(ApiError::invalid("The policy is missing."));
    }
    let version = policy["version"].as_i64().unwrap_or(0);
    if !matches!(version, 0 | 1 | 3) {
        return Err(ApiError::invalid(format!(
            "Invalid policy version {version}: it must be 1 or 3."
        )));
    }
    let bindings = policy["bindings"].as_array().cloned().unwrap_or_default();
    let mut count = 0;
    for binding in &bindings {
        let role = binding["role"].as_str().unwrap_or_default();
        let is_role = role.starts_with("roles/") || role.starts_with("projects/") || role.starts_with("organizations/");
        if !is_role {
            return Err(ApiError::invalid(format!(
                "Role {role} is not supported for this resource."
            )));
        }
        for member in binding["members"].as_array().into_iter().flatten() {
            let text = member.as_str().unwrap_or_default();
            let Ok(member) = text.parse::<identity::Member>();
            if matches!(member, identity::Member::Unknown(_)) {
                return Err(ApiError::invalid(format!(
                    "Invalid service account or member ({text})."
                )));
            }
            count += 1;
        }
        let condition = &binding["condition"];
        if condition.is_object() {
            if version != 3 {
                return Err(ApiError::invalid(
                    "A policy with conditions must have version 3. See https://cloud.google.com/iam/docs/policies#versions.",
                ));
            }
            let expression = condition["expression"].as_str().unwrap_or_default();
            let parsed = identity::Condition {
                title: String::new(),
                expression: expression.to_owned(),
            };
            if let Some(error) = parsed.syntax_error() {
                return Err(ApiError::invalid(format!(
                    "Expression {expression:?} is not valid: {error}."
                )));
            }
        }
    }
    match count > MOST_MEMBERS {
        true => Err(ApiError::invalid(format!(
            "The number of members in the policy ({count}) is larger than {MOST_MEMBERS}."
        ))),
        false => Ok(()),
    }
}
