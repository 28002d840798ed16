//! Pipelines (<https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs>).

use std::sync::Arc;

use hyper::Method;
use identity::ResourceName;
use serde_json::{Value as Json, json};

use super::job::Kind;
use super::{Place, job, operation, resource};
use crate::access::Caller;
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};
use crate::fault::Effect;
use crate::work::pipeline::{self, spec::Spec};
use crate::work::{self, job::is_over};
use crate::{metadata, storage};

pub(crate) const KIND: &str = "pipelineJobs";

const JOB: Kind = Kind {
    name: KIND,
    accept,
    work: work::pipeline::run,
};

/// Pipelines that one call cancels or deletes.
const LARGEST_BATCH: usize = 32;

pub(super) async fn answer(
    cloud: &Arc<Cloud>,
    caller: &Caller,
    call: &mut Call,
    at: Place<'_>,
    rest: &[&str],
    effects: &[Effect],
) -> Result<Reply> {
    let verb = call.verb.clone();
    match (call.method.clone(), rest, verb.as_deref()) {
        (Method::POST, [], None) => {
            let id = call.query("pipelineJobId").map(str::to_owned);
            let mut sent = call.json().await?;
            check(cloud, caller, at, &mut sent)?;
            let is_out_of_stock = effects.contains(&Effect::StockOut);
            start(cloud, &at.name(), id, sent, is_out_of_stock).map(|job| Reply::json(&job))
        }
        (Method::POST, [], Some("batchCancel")) => {
            let jobs = named(cloud, caller, call, at, "cancel").await?;
            for (name, _) in &jobs {
                work::job::cancel(cloud, KIND, name)?;
            }
            batch(
                cloud,
                at,
                ("BatchCancelPipelineJobs", "BatchCancelPipelineJobsResponse"),
                jobs,
            )
        }
        (Method::POST, [], Some("batchDelete")) => {
            let jobs = named(cloud, caller, call, at, "delete").await?;
            if let Some((name, _)) = jobs.iter().find(|(_, job)| !is_over(job)) {
                let message = format!("The pipeline {name} is still running: cancel it first.");
                return Err(ApiError::new(Status::FailedPrecondition, message));
            }
            for (name, _) in &jobs {
                cloud.store.delete(KIND, name)?;
            }
            batch(cloud, at, ("Delete", "BatchDeletePipelineJobsResponse"), jobs)
        }
        _ => job::answer(&JOB, cloud, caller, call, at, rest, effects).await,
    }
}

/// Whether a pipeline can be run, and the caller may have it run as its account.
pub(super) fn check(cloud: &Cloud, caller: &Caller, at: Place<'_>, sent: &mut Json) -> Result<()> {
    resource::require(cloud, caller, "pipelineJobs.create", &at.name())?;
    // The account is that of the project, where none is named.
    if sent["serviceAccount"].as_str().is_none_or(str::is_empty) {
        let number = metadata::number(cloud, at.project);
        sent["serviceAccount"] = format!("{number}-compute@developer.gserviceaccount.com").into();
        let account = format!(
            "//iam.googleapis.com/projects/{}/serviceAccounts/{}",
            at.project,
            sent["serviceAccount"].as_str().unwrap_or_default()
        );
        let account = ResourceName::parse(&account).map_err(|error| ApiError::invalid(error.to_string()))?;
        cloud.authority.require(caller, "iam.serviceAccounts.actAs", &account)?;
    } else {
        let account = resource::text(sent, "serviceAccount")?;
        resource::require_act_as(cloud, caller, account)?;
    }
    accept(cloud, caller, sent)
}

/// Starts a pipeline that can be run, in a place such as `projects/P/locations/L`.
///
/// # Errors
/// 400 if the id is none, 409 if there is one of the name.
pub(crate) fn start(
    cloud: &Arc<Cloud>,
    at: &str,
    id: Option<String>,
    sent: Json,
    is_out_of_stock: bool,
) -> Result<Json> {
    let id = match id {
        Some(id) => id,
        None => format!("pipeline-job-{}", resource::new_id(cloud)?),
    };
    if !is_id(&id) {
        return Err(ApiError::invalid(format!(
            "Invalid pipeline_job_id {id:?}: it must match [a-z][-a-z0-9]{{0,127}}."
        )));
    }
    let name = format!("{at}/{KIND}/{id}");
    let mut job = resource::new(&name, sent);
    job["state"] = "PIPELINE_STATE_PENDING".into();
    if !cloud.store.insert(KIND, &name, &job)? {
        let message = format!("The pipeline {name} is already there: name another pipeline_job_id.");
        return Err(ApiError::new(Status::AlreadyExists, message));
    }
    work::job::start(cloud, KIND, &name, JOB.work, is_out_of_stock);
    Ok(job)
}

/// Whether a pipeline can be run with what it is given.
fn accept(cloud: &Cloud, caller: &Caller, sent: &mut Json) -> Result<()> {
    if sent["pipelineSpec"].as_object().is_none_or(serde_json::Map::is_empty) {
        sent["pipelineSpec"] = template(cloud, caller, sent["templateUri"].as_str().unwrap_or_default())?;
    }
    let spec = Spec::read(&sent["pipelineSpec"]).map_err(|error| ApiError::invalid(format!("{error}.")))?;
    let root = pipeline::root(&sent["runtimeConfig"], &spec);
    if !root.starts_with("gs://") {
        return Err(ApiError::invalid(
            "Required field is not set: runtime_config.gcs_output_directory, which must begin with gs://",
        ));
    }
    pipeline::check_given(cloud, &spec, &sent["runtimeConfig"])
}

/// The compiled pipeline at a URI, as YAML or JSON.
fn template(cloud: &Cloud, caller: &Caller, uri: &str) -> Result<Json> {
    if uri.is_empty() {
        return Err(ApiError::invalid("Required field is not set: pipeline_spec"));
    }
    let Some((bucket, name)) = uri.strip_prefix("gs://").and_then(|path| path.split_once('/')) else {
        return Err(ApiError::unimplemented(format!(
            "the template {uri}: only gs:// is read here, or send its content as pipelineSpec"
        )));
    };
    let content = storage::read(cloud, caller, bucket, name)?;
    let content = content.ok_or_else(|| ApiError::not_found(format!("No object is found at {uri}.")))?;
    let wrong = |problem: String| ApiError::invalid(format!("{uri} is no compiled pipeline: {problem}"));
    let text = String::from_utf8(content).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
    let source = yaml::Sources::new().add(name, text);
    let documents = yaml::read_documents(&source).map_err(|error| wrong(error.to_string()))?;
    // Behind the first document are those for other platforms.
    let first = documents.nodes.first().ok_or_else(|| wrong("it is empty".to_owned()))?;
    let mut json = Vec::new();
    yaml::json::write(first, &mut json).map_err(|error| wrong(error.to_string()))?;
    let json: Json = serde_json::from_slice(&json).map_err(|error| wrong(error.to_string()))?;
    Ok(if json["pipelineSpec"].is_object() {
        json["pipelineSpec"].clone()
    } else {
        json
    })
}

/// The pipelines that a call names.
async fn named(
    cloud: &Cloud,
    caller: &Caller,
    call: &mut Call,
    at: Place<'_>,
    method: &str,
) -> Result<Vec<(String, Json)>> {
    let body = call.json().await?;
    let names = body["names"].as_array().filter(|names| !names.is_empty());
    let names = names.ok_or_else(|| ApiError::invalid("Required field is not set: names"))?;
    if names.len() > LARGEST_BATCH {
        return Err(ApiError::invalid(format!(
            "At most {LARGEST_BATCH} names can be given."
        )));
    }
    let names = names.iter().filter_map(Json::as_str);
    let jobs = names.map(|name| {
        let id = name.rsplit('/').next().unwrap_or(name);
        let name = format!("{}/{KIND}/{id}", at.name());
        resource::require(cloud, caller, &format!("{KIND}.{method}"), &name)?;
        let job = resource::get(cloud, KIND, &name)?;
        Ok((name, job))
    });
    jobs.collect()
}

fn batch(cloud: &Cloud, at: Place<'_>, (what, response): (&str, &str), jobs: Vec<(String, Json)>) -> Result<Reply> {
    let jobs: Vec<Json> = jobs.into_iter().map(|(_, job)| job).collect();
    operation::done(cloud, at, what, response, json!({"pipelineJobs": jobs}))
}

fn is_id(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
