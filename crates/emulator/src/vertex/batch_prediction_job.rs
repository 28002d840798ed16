//! Batch predictions (<https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.batchPredictionJobs>).

use std::sync::Arc;

use hyper::Method;
use serde_json::{Value as Json, json};

use super::{Place, model, operation, resource};
use crate::access::Caller;
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};
use crate::work;

pub(crate) const KIND: &str = "batchPredictionJobs";

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
    let require = |method: &str, name: &str| resource::require(cloud, caller, &format!("{KIND}.{method}"), name);
    match (method, rest, verb.as_deref()) {
        (Method::POST, [], None) => {
            require("create", &at.name())?;
            let sent = call.json().await?;
            let job = create(cloud, caller, at, sent)?;
            work::batch::start(cloud, job["name"].as_str().unwrap_or_default());
            Ok(Reply::json(&job))
        }
        (Method::GET, [], None) => {
            require("list", &at.name())?;
            resource::list(cloud, call, KIND, at)
        }
        (Method::GET, [id], None) => {
            require("get", &named(id))?;
            resource::get(cloud, KIND, &named(id)).map(|job| Reply::json(&job))
        }
        (Method::DELETE, [id], None) => {
            require("delete", &named(id))?;
            let job = resource::get(cloud, KIND, &named(id))?;
            if !work::job::is_over(&job) {
                let message = format!("The BatchPredictionJob {} is still running: cancel it first.", named(id));
                return Err(ApiError::new(Status::FailedPrecondition, message));
            }
            cloud.store.delete(KIND, &named(id))?;
            operation::deleted(cloud, at)
        }
        (Method::POST, [id], Some("cancel")) => {
            require("cancel", &named(id))?;
            resource::get(cloud, KIND, &named(id))?;
            work::job::cancel(cloud, KIND, &named(id))?;
            Ok(Reply::json(&json!({})))
        }
        _ => Err(ApiError::unimplemented("this method of batch predictions")),
    }
}

fn create(cloud: &Cloud, caller: &Caller, at: Place<'_>, sent: Json) -> Result<Json> {
    resource::text(&sent, "displayName")?;
    let model = model::version(cloud, resource::text(&sent, "model")?)?;
    for (config, format) in [("inputConfig", "instancesFormat"), ("outputConfig", "predictionsFormat")] {
        if sent[config][format] != "jsonl" {
            let format = format!("{config}.{format}");
            return Err(ApiError::unimplemented(format!("a {format} of {}: write jsonl", sent[config][format.as_str()])));
        }
    }
    let uris = sent["inputConfig"]["gcsSource"]["uris"].as_array().into_iter().flatten();
    let output = &sent["outputConfig"]["gcsDestination"]["outputUriPrefix"];
    let mut count = 0;
    for uri in uris.chain([output]) {
        if uri.as_str().is_none_or(|uri| !uri.starts_with("gs://")) {
            return Err(ApiError::invalid(format!("{uri} must begin with gs://")));
        }
        count += 1;
    }
    if count < 2 {
        return Err(ApiError::invalid("Required field is not set: input_config.gcs_source.uris"));
    }
    if let Some(account) = sent["serviceAccount"].as_str().filter(|account| !account.is_empty()) {
        resource::require_act_as(cloud, caller, account)?;
    }
    let name = format!("{}/{KIND}/{}", at.name(), resource::new_id(cloud)?);
    let mut job = resource::new(&name, sent);
    job["model"] = model["name"].clone();
    job["modelVersionId"] = model["versionId"].clone();
    job["state"] = "JOB_STATE_PENDING".into();
    cloud.store.put(KIND, &name, &job)?;
    Ok(job)
}
