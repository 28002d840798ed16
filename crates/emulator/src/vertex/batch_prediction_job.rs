//! Batch predictions (<https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.batchPredictionJobs>).

use serde_json::Value as Json;

use super::job::Kind;
use super::{model, resource};
use crate::access::Caller;
use crate::cloud::Cloud;
use crate::error::{ApiError, Result};
use crate::work;

pub(crate) const KIND: &str = "batchPredictionJobs";

pub(super) const JOB: Kind = Kind {
    name: KIND,
    accept,
    work: work::batch::run,
};

fn accept(cloud: &Cloud, caller: &Caller, sent: &mut Json) -> Result<()> {
    let model = model::version(cloud, resource::text(sent, "model")?)?;
    for (config, format) in [
        ("inputConfig", "instancesFormat"),
        ("outputConfig", "predictionsFormat"),
    ] {
        if sent[config][format] != "jsonl" {
            let format = format!("{config}.{format}");
            return Err(ApiError::unimplemented(format!(
                "a {format} of {}: write jsonl",
                sent[config][format.as_str()]
            )));
        }
    }
    let uris = sent["inputConfig"]["gcsSource"]["uris"]
        .as_array()
        .into_iter()
        .flatten();
    let output = &sent["outputConfig"]["gcsDestination"]["outputUriPrefix"];
    let mut count = 0;
    for uri in uris.chain([output]) {
        if uri.as_str().is_none_or(|uri| !uri.starts_with("gs://")) {
            return Err(ApiError::invalid(format!("{uri} must begin with gs://")));
        }
        count += 1;
    }
    if count < 2 {
        return Err(ApiError::invalid(
            "Required field is not set: input_config.gcs_source.uris",
        ));
    }
    if let Some(account) = sent["serviceAccount"].as_str().filter(|account| !account.is_empty()) {
        resource::require_act_as(cloud, caller, account)?;
    }
    sent["model"] = model["name"].clone();
    sent["modelVersionId"] = model["versionId"].clone();
    Ok(())
}
