//! Models and their versions (<https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.models>).
//!
//! A version is a document of its own, by `NAME@NUMBER`; the model says which versions there are.

use std::sync::Arc;

use hyper::Method;
use serde_json::{Value as Json, json};

use super::{Place, operation, resource};
use crate::access::Caller;
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};
use crate::store::{Named, Transaction};
use crate::{page, time};

const KIND: &str = "models";
const VERSION: &str = "model versions";
const DEFAULT: &str = "default";

pub(super) async fn answer(
    cloud: &Arc<Cloud>,
    caller: &Caller,
    call: &mut Call,
    at: Place<'_>,
    rest: &[&str],
) -> Result<Reply> {
    let method = call.method.clone();
    let verb = call.verb.clone();
    let named = |id: &str| format!("{}/{KIND}/{id}", at.name());
    let require = |method: &str, name: &str| resource::require(cloud, caller, &format!("models.{method}"), name);
    match (method, rest, verb.as_deref()) {
        (Method::POST, [], Some("upload")) => {
            require("upload", &at.name())?;
            let sent = call.json().await?;
            let uploaded = upload(cloud, at, &sent)?;
            operation::done(cloud, at, "UploadModel", "UploadModelResponse", uploaded)
        }
        (Method::GET, [], None) => {
            require("list", &at.name())?;
            resource::list(cloud, call, KIND, at)
        }
        (Method::GET, [id], None) => {
            require("get", &named(base(id)))?;
            version(cloud, &named(id)).map(|model| Reply::json(&model))
        }
        (Method::GET, [id], Some("listVersions")) => {
            require("listVersions", &named(base(id)))?;
            let found = cloud
                .store
                .list(VERSION, &format!("{}@", named(base(id))), "", usize::MAX)?;
            page::of(call, KIND, found).map(|page| Reply::json(&page))
        }
        (Method::PATCH, [id], None) => {
            require("patch", &named(base(id)))?;
            let sent = call.json().await?;
            let settable = ["displayName", "description", "versionDescription", "labels"];
            let model = cloud.store.transact(|store| {
                let (name, mut document) = find(store, &named(id))?;
                resource::patch(call, &mut document, &sent, &settable)?;
                store.put(VERSION, &name, &document)?;
                refresh(store, &named(base(id)))?;
                Ok::<_, ApiError>(document)
            })?;
            Ok(Reply::json(&model))
        }
        (Method::POST, [id], Some("mergeVersionAliases")) => {
            require("mergeVersionAliases", &named(base(id)))?;
            let sent = call.json().await?;
            merge_aliases(cloud, &named(id), &sent).map(|model| Reply::json(&model))
        }
        (Method::DELETE, [id], Some("deleteVersion")) => {
            require("deleteVersion", &named(base(id)))?;
            delete_version(cloud, &named(id))?;
            operation::deleted(cloud, at)
        }
        (Method::DELETE, [id], None) => {
            require("delete", &named(base(id)))?;
            let name = named(base(id));
            resource::get(cloud, KIND, &name)?;
            not_deployed(cloud, &name, None)?;
            cloud.store.transact(|store| {
                for (version, _) in versions(store, &name)? {
                    store.delete(VERSION, &version)?;
                }
                store.delete(KIND, &name)?;
                Ok::<_, ApiError>(())
            })?;
            operation::deleted(cloud, at)
        }
        _ => Err(ApiError::unimplemented("this method of models")),
    }
}

/// The id without its version.
fn base(id: &str) -> &str {
    id.split_once('@').map_or(id, |(base, _)| base)
}

fn upload(cloud: &Cloud, at: Place<'_>, sent: &Json) -> Result<Json> {
    let model = &sent["model"];
    resource::text(model, "displayName")?;
    let artifacts = model["artifactUri"].as_str();
    if artifacts.is_some_and(|uri| !uri.starts_with("gs://")) {
        return Err(ApiError::invalid("artifact_uri must begin with gs://"));
    }
    if model["containerSpec"].is_object() {
        resource::text(&model["containerSpec"], "imageUri")?;
    }
    let parent = sent["parentModel"].as_str().filter(|name| !name.is_empty());
    let name = match (parent, sent["modelId"].as_str().filter(|id| !id.is_empty())) {
        (Some(parent), _) => {
            let id = base(parent.rsplit('/').next().unwrap_or(parent));
            let name = format!("{}/{KIND}/{id}", at.name());
            resource::get(cloud, KIND, &name)?;
            name
        }
        (None, Some(id)) if !is_id(id) => {
            return Err(ApiError::invalid(format!(
                "model_id {id:?} must match [a-z0-9_-]{{1,63}}, and not begin with a digit or hyphen."
            )));
        }
        (None, Some(id)) => {
            let name = format!("{}/{KIND}/{id}", at.name());
            if cloud.store.get(KIND, &name)?.is_some() {
                return Err(exists(&name));
            }
            name
        }
        (None, None) => format!("{}/{KIND}/{}", at.name(), resource::new_id(cloud)?),
    };
    let number = cloud.store.next(&format!("versions of {name}"))?.to_string();
    let mut document = resource::new(&name, model.clone());
    document["versionId"] = number.clone().into();
    document["versionCreateTime"] = document["createTime"].clone();
    document["versionUpdateTime"] = document["createTime"].clone();
    let types = ["DEDICATED_RESOURCES"];
    document["supportedDeploymentResourcesTypes"] = types.into_iter().collect();
    let mut aliases: Vec<String> = texts(&model["versionAliases"]);
    cloud.store.transact(|store| {
        // Somebody may have been faster.
        if store.get(KIND, &name)?.is_some() != parent.is_some() {
            return Err(match parent {
                Some(_) => resource::not_found(&name),
                None => exists(&name),
            });
        }
        // The first version is the default; a later one is only where it says so.
        if parent.is_none() && !aliases.iter().any(|alias| alias == DEFAULT) {
            aliases.push(DEFAULT.to_owned());
        }
        take_aliases(store, &name, &aliases)?;
        document["versionAliases"] = aliases.into();
        store.put(VERSION, &format!("{name}@{number:0>6}"), &document)?;
        refresh(store, &name)
    })?;
    Ok(json!({"model": name, "modelVersionId": number}))
}

fn exists(name: &str) -> ApiError {
    ApiError::new(Status::AlreadyExists, format!("The model {name} already exists."))
}

/// The documents of all versions of a model.
fn versions(store: &Transaction<'_>, model: &str) -> Result<Vec<Named>> {
    // The letter behind the sign that versions have.
    Ok(store.range(VERSION, &format!("{model}@"), Some(&format!("{model}A")), usize::MAX)?)
}

/// The document of a version, and its name: of `NAME`, `NAME@2` or `NAME@champion`.
fn find(store: &Transaction<'_>, name: &str) -> Result<Named> {
    let (model, wanted) = name.split_once('@').unwrap_or((name, DEFAULT));
    let mut versions = versions(store, model)?.into_iter();
    let found = versions.find(|(_, version)| {
        version["versionId"] == wanted || texts(&version["versionAliases"]).iter().any(|alias| alias == wanted)
    });
    found.ok_or_else(|| resource::not_found(name))
}

/// The document of a version.
pub(crate) fn version(cloud: &Cloud, name: &str) -> Result<Json> {
    cloud
        .store
        .transact(|store| find(store, name).map(|(_, document)| document))
}

/// The model is its default version, for lists.
fn refresh(store: &Transaction<'_>, name: &str) -> Result<()> {
    let (_, document) = find(store, name)?;
    Ok(store.put(KIND, name, &document)?)
}

/// An alias belongs to one version: those that have it lose it.
fn take_aliases(store: &Transaction<'_>, name: &str, aliases: &[String]) -> Result<()> {
    for (version, mut document) in versions(store, name)? {
        let before = texts(&document["versionAliases"]);
        let mut after = before.clone();
        after.retain(|alias| !aliases.contains(alias));
        if after != before {
            document["versionAliases"] = after.into();
            store.put(VERSION, &version, &document)?;
        }
    }
    Ok(())
}

fn merge_aliases(cloud: &Cloud, name: &str, sent: &Json) -> Result<Json> {
    let aliases = texts(&sent["versionAliases"]);
    if aliases.is_empty() {
        return Err(ApiError::invalid("Required field is not set: version_aliases"));
    }
    let model = base(name);
    let (removed, added): (Vec<String>, Vec<String>) = aliases.into_iter().partition(|alias| alias.starts_with('-'));
    if removed.iter().any(|alias| alias.trim_start_matches('-') == DEFAULT) {
        return Err(ApiError::invalid(
            "The alias default cannot be removed: give it to another version.",
        ));
    }
    cloud.store.transact(|store| {
        let (version, _) = find(store, name)?;
        take_aliases(store, model, &added)?;
        let mut document = store.get(VERSION, &version)?.ok_or_else(|| resource::not_found(name))?;
        let mut aliases = texts(&document["versionAliases"]);
        aliases.retain(|alias| !removed.iter().any(|removed| removed.trim_start_matches('-') == alias));
        aliases.extend(added);
        document["versionAliases"] = aliases.into();
        document["versionUpdateTime"] = time::now_text().into();
        store.put(VERSION, &version, &document)?;
        refresh(store, model)?;
        Ok(document)
    })
}

fn delete_version(cloud: &Cloud, name: &str) -> Result<()> {
    let model = base(name);
    not_deployed(cloud, model, version(cloud, name)?["versionId"].as_str())?;
    cloud.store.transact(|store| {
        let (version, document) = find(store, name)?;
        if texts(&document["versionAliases"]).iter().any(|alias| alias == DEFAULT) {
            let message = match versions(store, model)?.len() {
                1 => "The only version of a model cannot be deleted: delete the model.",
                _ => "The default version of a model cannot be deleted: make another one the default.",
            };
            return Err(ApiError::new(Status::FailedPrecondition, message));
        }
        Ok(store.delete(VERSION, &version)?)
    })
}

/// # Errors
/// If an endpoint has the model, or the version of it.
fn not_deployed(cloud: &Cloud, name: &str, version: Option<&str>) -> Result<()> {
    for (endpoint, document) in cloud.store.all(super::ENDPOINT)? {
        let deployed = document["deployedModels"].as_array().into_iter().flatten();
        let is_it = |model: &Json| {
            model["model"].as_str().is_some_and(|deployed| base(deployed) == name)
                && version.is_none_or(|version| model["modelVersionId"] == version)
        };
        if deployed.into_iter().any(is_it) {
            let message = format!("The model {name} is deployed to {endpoint}: undeploy it first.");
            return Err(ApiError::new(Status::FailedPrecondition, message));
        }
    }
    Ok(())
}

fn texts(list: &Json) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(Json::as_str).map(str::to_owned).collect()
}

fn is_id(id: &str) -> bool {
    (1..=63).contains(&id.len())
        && !id.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        && id
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-')
}
