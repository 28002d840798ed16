//! Vertex AI (<https://cloud.google.com/vertex-ai/docs/reference/rest>). A resource is the document that was sent, with
//! what the service adds; fields that are not known here are kept.

mod batch_prediction_job;
mod custom_job;
mod endpoint;
mod job;
mod model;
pub(crate) mod operation;
pub(crate) mod pipeline_job;
pub(crate) mod resource;
mod schedule;
mod tuning_job;

use std::sync::Arc;

use hyper::Method;

use crate::access::Caller;
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result};
use crate::fault::Effect;

pub(crate) use batch_prediction_job::KIND as BATCH_PREDICTION_JOB;
pub(crate) use custom_job::KIND as CUSTOM_JOB;
pub(crate) use endpoint::KIND as ENDPOINT;
pub(crate) use model::version as model_version;
pub(crate) use pipeline_job::KIND as PIPELINE_JOB;
pub(crate) use resource::number;
pub(crate) use schedule::KIND as SCHEDULE;
pub(crate) use tuning_job::KIND as TUNING_JOB;

/// The kinds of jobs.
pub(crate) const JOBS: [&str; 4] = [CUSTOM_JOB, TUNING_JOB, BATCH_PREDICTION_JOB, PIPELINE_JOB];

/// Where a call is about: a project and a location.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'p> {
    pub(crate) project: &'p str,
    pub(crate) location: &'p str,
}

impl Place<'_> {
    /// `projects/P/locations/L`.
    pub(crate) fn name(self) -> String {
        format!("projects/{}/locations/{}", self.project, self.location)
    }
}

/// Answers what follows `/v1/projects/PROJECT/locations/LOCATION`.
pub(crate) async fn answer(
    cloud: &Arc<Cloud>,
    caller: &Caller,
    call: &mut Call,
    (project, location): (&str, &str),
    rest: &[&str],
    effects: &[Effect],
) -> Result<Reply> {
    let at = Place { project, location };
    // Everything here needs somebody.
    caller.principal()?;
    match rest {
        ["customJobs", rest @ ..] => job::answer(&custom_job::JOB, cloud, caller, call, at, rest, effects).await,
        ["batchPredictionJobs", rest @ ..] => {
            job::answer(&batch_prediction_job::JOB, cloud, caller, call, at, rest, effects).await
        }
        ["hyperparameterTuningJobs", rest @ ..] => {
            job::answer(&tuning_job::JOB, cloud, caller, call, at, rest, effects).await
        }
        ["pipelineJobs", rest @ ..] => pipeline_job::answer(cloud, caller, call, at, rest, effects).await,
        ["schedules", rest @ ..] => schedule::answer(cloud, caller, call, at, rest).await,
        ["models", rest @ ..] => model::answer(cloud, caller, call, at, rest).await,
        ["endpoints", rest @ ..] => endpoint::answer(cloud, caller, call, at, rest).await,
        ["operations", rest @ ..] => operation::answer(cloud, caller, call, at, rest).await,
        [] if call.method == Method::GET => Err(ApiError::unimplemented("locations")),
        [collection, ..] => Err(ApiError::unimplemented(format!("Vertex AI's {collection}"))),
        [] => Err(ApiError::unimplemented("this method of locations")),
    }
}
