//! Hyperparameter tuning jobs
//! (<https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.hyperparameterTuningJobs>).

use serde_json::Value as Json;

use super::job::Kind;
use super::{custom_job, resource};
use crate::access::Caller;
use crate::cloud::Cloud;
use crate::error::{ApiError, Result};
use crate::work;

pub(crate) const KIND: &str = "hyperparameterTuningJobs";

pub(super) const JOB: Kind = Kind {
    name: KIND,
    accept,
    work: work::tuning::run,
};

fn accept(cloud: &Cloud, caller: &Caller, sent: &mut Json) -> Result<()> {
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
    custom_job::validate(cloud, caller, &sent["trialJobSpec"])
}
