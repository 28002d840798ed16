//! Endpoints, the models that are deployed to them, and predictions
//! (<https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.endpoints>).

use std::sync::Arc;

use hyper::{Method, StatusCode};
use serde_json::{Value as Json, json};

use super::{Place, model, operation, resource};
use crate::access::Caller;
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};
use crate::{time, work};

pub(crate) const KIND: &str = "endpoints";

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
    let require = |method: &str, name: &str| resource::require(cloud, caller, &format!("endpoints.{method}"), name);
    match (method, rest, verb.as_deref()) {
        (Method::POST, [], None) => {
            require("create", &at.name())?;
            let id = call.query("endpointId").map(str::to_owned);
            let sent = call.json().await?;
            let endpoint = create(cloud, at, id, sent)?;
            operation::done(cloud, at, "CreateEndpoint", "Endpoint", endpoint)
        }
        (Method::GET, [], None) => {
            require("list", &at.name())?;
            resource::list(cloud, call, KIND, at)
        }
        (Method::GET, [id], None) => {
            require("get", &named(id))?;
            resource::get(cloud, KIND, &named(id)).map(|endpoint| Reply::json(&endpoint))
        }
        (Method::PATCH, [id], None) => {
            require("patch", &named(id))?;
            let sent = call.json().await?;
            let endpoint = change(cloud, &named(id), |endpoint| {
                resource::patch(
                    call,
                    endpoint,
                    &sent,
                    &["displayName", "description", "labels", "trafficSplit"],
                )?;
                check_split(endpoint)
            })?;
            Ok(Reply::json(&endpoint))
        }
        (Method::DELETE, [id], None) => {
            require("delete", &named(id))?;
            let endpoint = resource::get(cloud, KIND, &named(id))?;
            if endpoint["deployedModels"]
                .as_array()
                .is_some_and(|models| !models.is_empty())
            {
                let message = format!("The endpoint {} has deployed models: undeploy them first.", named(id));
                return Err(ApiError::new(Status::FailedPrecondition, message));
            }
            cloud.store.delete(KIND, &named(id))?;
            operation::deleted(cloud, at)
        }
        (Method::POST, [id], Some("deployModel")) => {
            require("deployModel", &named(id))?;
            let sent = call.json().await?;
            deploy(cloud, caller, at, &named(id), &sent)
        }
        (Method::POST, [id], Some("undeployModel")) => {
            require("undeployModel", &named(id))?;
            let sent = call.json().await?;
            undeploy(cloud, &named(id), &sent)?;
            operation::done(cloud, at, "UndeployModel", "UndeployModelResponse", json!({}))
        }
        (Method::POST, [id], Some(verb @ ("predict" | "rawPredict"))) => {
            require(verb, &named(id))?;
            predict(cloud, call, &named(id), verb == "rawPredict").await
        }
        _ => Err(ApiError::unimplemented("this method of endpoints")),
    }
}

fn create(cloud: &Cloud, at: Place<'_>, id: Option<String>, sent: Json) -> Result<Json> {
    resource::text(&sent, "displayName")?;
    let id = match id {
        Some(id) if is_id(&id) => id,
        Some(id) => {
            return Err(ApiError::invalid(format!(
                "endpoint_id {id:?} must be up to 10 digits, or letters, digits and hyphens that begin with a letter."
            )));
        }
        None => resource::new_id(cloud)?,
    };
    let name = format!("{}/{KIND}/{id}", at.name());
    let endpoint = resource::new(&name, sent);
    match cloud.store.insert(KIND, &name, &endpoint)? {
        true => Ok(endpoint),
        false => Err(ApiError::new(
            Status::AlreadyExists,
            format!("The endpoint {name} already exists."),
        )),
    }
}

fn is_id(id: &str) -> bool {
    let is_number = id.bytes().all(|byte| byte.is_ascii_digit()) && (1..=10).contains(&id.len());
    let is_name = (1..=63).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    is_number || is_name
}

/// Changes an endpoint.
fn change(cloud: &Cloud, name: &str, change: impl FnOnce(&mut Json) -> Result<()>) -> Result<Json> {
    cloud.store.change(KIND, name, |document| {
        let endpoint = document.as_mut().ok_or_else(|| resource::not_found(name))?;
        change(endpoint)?;
        endpoint["updateTime"] = time::now_text().into();
        Ok(endpoint.clone())
    })
}

/// # Errors
/// 400 if the traffic does not add up to 100, or goes to a model that is not there.
fn check_split(endpoint: &Json) -> Result<()> {
    let Some(split) = endpoint["trafficSplit"].as_object().filter(|split| !split.is_empty()) else {
        return Ok(());
    };
    let total: i64 = split.values().filter_map(resource::number).sum();
    if total != 100 {
        return Err(ApiError::invalid(format!(
            "The traffic split adds up to {total}, not to 100."
        )));
    }
    let models = endpoint["deployedModels"].as_array().cloned().unwrap_or_default();
    match split
        .keys()
        .find(|id| !models.iter().any(|model| model["id"] == id.as_str()))
    {
        Some(id) => Err(ApiError::invalid(format!(
            "The traffic split names {id}, which is not deployed."
        ))),
        None => Ok(()),
    }
}

fn deploy(cloud: &Arc<Cloud>, caller: &Caller, at: Place<'_>, name: &str, sent: &Json) -> Result<Reply> {
    resource::get(cloud, KIND, name)?;
    let mut deployed = sent["deployedModel"].clone();
    let wanted = resource::text(&deployed, "model")?.to_owned();
    let version = model::version(cloud, &wanted)?;
    if !["dedicatedResources", "automaticResources"]
        .iter()
        .any(|field| deployed[*field].is_object())
    {
        return Err(ApiError::invalid(
            "Required field is not set: deployed_model.dedicated_resources",
        ));
    }
    if let Some(account) = deployed["serviceAccount"]
        .as_str()
        .filter(|account| !account.is_empty())
    {
        resource::require_act_as(cloud, caller, account)?;
    }
    let id = match deployed["id"].as_str().filter(|id| !id.is_empty()) {
        Some(id) => id.to_owned(),
        None => resource::new_id(cloud)?,
    };
    deployed["id"] = id.clone().into();
    deployed["model"] = version["name"].clone();
    deployed["modelVersionId"] = version["versionId"].clone();
    deployed["createTime"] = time::now_text().into();
    if deployed["displayName"].as_str().is_none_or(str::is_empty) {
        deployed["displayName"] = version["displayName"].clone();
    }
    let operation = operation::begin(cloud, at, "DeployModel")?;
    let server = work::serving::Server::new(cloud, name, &deployed, &version)?;
    let split = sent["trafficSplit"].clone();
    let (shared, name, begun) = (Arc::clone(cloud), name.to_owned(), operation.clone());
    tokio::spawn(async move {
        let result = server.start(&shared).await;
        let result = result.and_then(|()| {
            change(&shared, &name, |endpoint| {
                add(endpoint, &deployed, &split);
                check_split(endpoint)
            })
        });
        let result = match result {
            Ok(_) => Ok(("DeployModelResponse", json!({"deployedModel": deployed}))),
            Err(error) => {
                shared.servers.remove(&id);
                Err(error)
            }
        };
        if let Err(error) = operation::end(&shared, &begun, result) {
            crate::log::warn(&format!("the end of an operation cannot be written: {}", error.message));
        }
    });
    Ok(Reply::json(&operation))
}

/// Adds a model to an endpoint; in the split it is `0`.
fn add(endpoint: &mut Json, deployed: &Json, split: &Json) {
    let id = deployed["id"].as_str().unwrap_or_default();
    match endpoint["deployedModels"].as_array_mut() {
        Some(models) => models.push(deployed.clone()),
        None => endpoint["deployedModels"] = json!([deployed]),
    }
    let split = split.as_object().filter(|split| !split.is_empty());
    if let Some(split) = split {
        let split = split.iter().map(|(key, share)| {
            let key = if key == "0" { id.to_owned() } else { key.clone() };
            (key, share.clone())
        });
        endpoint["trafficSplit"] = Json::Object(split.collect());
    } else if endpoint["trafficSplit"]
        .as_object()
        .is_none_or(serde_json::Map::is_empty)
    {
        endpoint["trafficSplit"] = json!({id: 100});
    }
}

fn undeploy(cloud: &Cloud, name: &str, sent: &Json) -> Result<()> {
    let id = resource::text(sent, "deployedModelId")?;
    change(cloud, name, |endpoint| {
        let models = endpoint["deployedModels"].as_array_mut();
        let models = models.ok_or_else(|| ApiError::not_found(format!("The deployed model {id} is not found.")))?;
        let before = models.len();
        models.retain(|model| model["id"] != id);
        if models.len() == before {
            return Err(ApiError::not_found(format!("The deployed model {id} is not found.")));
        }
        let is_last = models.is_empty();
        if let Some(split) = sent["trafficSplit"].as_object().filter(|split| !split.is_empty()) {
            endpoint["trafficSplit"] = Json::Object(split.clone());
        } else if let Some(split) = endpoint["trafficSplit"].as_object_mut() {
            let share = split.remove(id).and_then(|share| resource::number(&share)).unwrap_or(0);
            if share != 0 && !is_last {
                return Err(ApiError::new(
                    Status::FailedPrecondition,
                    format!("The deployed model {id} has {share}% of the traffic: say in trafficSplit where it goes."),
                ));
            }
        }
        check_split(endpoint)
    })?;
    cloud.servers.remove(id);
    Ok(())
}

/// Sends the request to one of the deployed models, as the traffic is split.
async fn predict(cloud: &Arc<Cloud>, call: &mut Call, name: &str, is_raw: bool) -> Result<Reply> {
    let endpoint = resource::get(cloud, KIND, name)?;
    let wanted = call.header("x-vertex-ai-deployed-model-id").map(str::to_owned);
    let deployed = pick(cloud, &endpoint, wanted.as_deref())?;
    let kind = call.header("content-type").unwrap_or("application/json").to_owned();
    let body = call.bytes().await?;
    if !is_raw {
        let sent: Json = serde_json::from_slice(&body)
            .map_err(|error| ApiError::invalid(format!("Invalid JSON payload received. {error}")))?;
        if !sent["instances"].is_array() {
            return Err(ApiError::invalid("Required field is not set: instances"));
        }
    }
    let id = deployed["id"].as_str().unwrap_or_default();
    let server = cloud
        .servers
        .get(id)
        .ok_or_else(|| ApiError::new(Status::Unavailable, format!("The deployed model {id} is not running.")))?;
    let answer = server.predict(&kind, body).await?;
    if is_raw {
        let reply = Reply::bytes(answer.code, answer.body);
        return Ok(reply.with("content-type", &answer.kind));
    }
    let text = String::from_utf8_lossy(&answer.body);
    if answer.code != StatusCode::OK {
        let status = if answer.code.is_client_error() {
            Status::InvalidArgument
        } else {
            Status::Internal
        };
        return Err(ApiError::new(status, text.into_owned()).legacy(answer.code, "container"));
    }
    let mut result: Json = serde_json::from_str(&text).map_err(|error| {
        ApiError::new(
            Status::Internal,
            format!("The model server's answer is no JSON: {error}"),
        )
    })?;
    if !result["predictions"].is_array() {
        return Err(ApiError::new(
            Status::Internal,
            "The model server's answer has no predictions.",
        ));
    }
    result["deployedModelId"] = id.into();
    for (field, from) in [
        ("model", "model"),
        ("modelDisplayName", "displayName"),
        ("modelVersionId", "modelVersionId"),
    ] {
        result[field] = deployed[from].clone();
    }
    Ok(Reply::json(&result))
}

fn pick(cloud: &Cloud, endpoint: &Json, wanted: Option<&str>) -> Result<Json> {
    let models = endpoint["deployedModels"].as_array().cloned().unwrap_or_default();
    let of = |id: &str| models.iter().find(|model| model["id"] == id).cloned();
    if let Some(id) = wanted {
        return of(id).ok_or_else(|| ApiError::not_found(format!("The deployed model {id} is not found.")));
    }
    // Each of a hundred calls in a row has its place, so that the split holds exactly.
    let name = endpoint["name"].as_str().unwrap_or_default();
    let turn = cloud.servers.turn(name) % 100;
    let mut passed = 0;
    for (id, share) in endpoint["trafficSplit"].as_object().into_iter().flatten() {
        passed += resource::number(share).unwrap_or(0);
        if turn < passed {
            return of(id).ok_or_else(|| resource::not_found(id));
        }
    }
    Err(ApiError::new(
        Status::FailedPrecondition,
        "The endpoint has no deployed model that gets traffic.",
    ))
}
