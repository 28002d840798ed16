//! Hyperparameter tuning jobs
//! (<https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.hyperparameterTuningJobs>).

use std::sync::Arc;

use hyper::Method;
use serde_json::{Value as Json, json};

use super::{Place, custom_job, operation, resource};
use crate::access::Caller;
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};
use crate::work;

pub(crate) const KIND: &str = "hyperparameterTuningJobs";

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
            work::tuning::start(cloud, job["name"].as_str().unwrap_or_default());
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
                let message = format!(
                    "The HyperparameterTuningJob {} is still running: cancel it first.",
                    named(id)
                );
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
        _ => Err(ApiError::unimplemented("this method of hyperparameter tuning jobs")),
    }
}

fn create(cloud: &Cloud, caller: &Caller, at: Place<'_>, sent: Json) -> Result<Json> {
    resource::text(&sent, "displayName")?;
    let study = &sent["studySpec"];
    for field in ["metrics", "parameters"] {
        if study[field].as_array().is_none_or(Vec::is_empty) {
            return Err(ApiError::invalid(format!(
                "Required field is not set: study_spec.{field}"
            )));
        }
    }
    for field in ["maxTrialCount", "parallelTrialCount"] {
        if resource::number(&sent[field]).is_none_or(|count| count < 1) {
            return Err(ApiError::invalid(format!("{field} must be at least 1.")));
        }
    }
    // What cannot be drawn is told now, not by a job that fails.
    work::study::Study::new(study)?;
    custom_job::validate(cloud, caller, &sent["trialJobSpec"])?;
    let name = format!("{}/{KIND}/{}", at.name(), resource::new_id(cloud)?);
    let mut job = resource::new(&name, sent);
    job["state"] = "JOB_STATE_PENDING".into();
    cloud.store.put(KIND, &name, &job)?;
    Ok(job)
}
