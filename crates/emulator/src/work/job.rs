//! Jobs of all kinds from PENDING to their ends.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use tokio::runtime::Handle;

use super::Stop;
use super::run::End;
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};
use crate::time;

/// What a job does, by its name, until it is over or told to stop.
pub(crate) type Work = fn(&Arc<Cloud>, &Handle, &str, &Stop) -> std::result::Result<(), End>;

/// Starts a job that stands in the store.
pub(crate) fn start(cloud: &Arc<Cloud>, kind: &'static str, name: &str, work: Work, is_out_of_stock: bool) {
    let stop = cloud.works.add(name);
    let (cloud, name) = (Arc::clone(cloud), name.to_owned());
    let runtime = Handle::current();
    std::thread::spawn(move || {
        let end = match is_out_of_stock {
            true => Err(End::Failed(ApiError::new(
                Status::ResourceExhausted,
                "Resources are insufficient in region. Please try a different region or use a different accelerator.",
            ))),
            false => work(&cloud, &runtime, &name, &stop),
        };
        // Where nothing can be written, the next start of the cloud tells that the job was interrupted.
        if let Err(error) = finish(&cloud, kind, &name, end) {
            crate::log::warn(&format!("the end of {name} cannot be written: {}", error.message));
        }
        cloud.works.remove(&name);
    });
}

/// Whether a job is over.
pub(crate) fn is_over(job: &Json) -> bool {
    matches!(
        job["state"].as_str(),
        Some("JOB_STATE_SUCCEEDED" | "JOB_STATE_FAILED" | "JOB_STATE_CANCELLED" | "JOB_STATE_EXPIRED")
    )
}

/// Asks a job to stop. One that is over stays as it is.
pub(crate) fn cancel(cloud: &Cloud, kind: &str, name: &str) -> Result<()> {
    cloud.store.change(kind, name, |document| {
        if let Some(job) = document.as_mut().filter(|job| !is_over(job)) {
            job["state"] = "JOB_STATE_CANCELLING".into();
            job["updateTime"] = time::now_text().into();
        }
        Ok::<_, ApiError>(())
    })?;
    cloud.works.stop(name);
    Ok(())
}

/// Ends the jobs of a kind that were running when the cloud was stopped: their programs were ended with it.
pub(crate) fn end_interrupted(cloud: &Cloud, kind: &str) -> Result<()> {
    for (name, job) in cloud.store.all(kind)? {
        if !is_over(&job) {
            finish(cloud, kind, &name, Err(interrupted(&job)))?;
        }
    }
    Ok(())
}

/// How a job ends that was running when the cloud was stopped.
fn interrupted(job: &Json) -> End {
    match job["state"].as_str() {
        Some("JOB_STATE_CANCELLING") => End::Cancelled,
        _ => End::Failed(ApiError::new(
            Status::Internal,
            "The embedded cloud was stopped while the job was running.",
        )),
    }
}

/// Changes the document of a job that is there.
pub(super) fn update(cloud: &Cloud, kind: &str, name: &str, change: impl FnOnce(&mut Json)) -> Result<()> {
    cloud.store.change(kind, name, |document| {
        if let Some(job) = document {
            change(job);
            job["updateTime"] = time::now_text().into();
        }
        Ok(())
    })
}

/// Writes how a job ended.
fn finish(cloud: &Cloud, kind: &str, name: &str, end: std::result::Result<(), End>) -> Result<()> {
    update(cloud, kind, name, |job| {
        let state = match end {
            Ok(()) => "JOB_STATE_SUCCEEDED",
            Err(End::Cancelled) => "JOB_STATE_CANCELLED",
            Err(End::Failed(_)) => "JOB_STATE_FAILED",
        };
        job["state"] = state.into();
        job["endTime"] = time::now_text().into();
        match end {
            Err(End::Failed(error)) => job["error"] = error.rpc_status(),
            Err(End::Cancelled) => {
                job["error"] = json!({"code": 1, "message": "CANCELED"});
            }
            Ok(()) => {}
        }
    })
}
