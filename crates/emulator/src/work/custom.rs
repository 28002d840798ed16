//! A custom job.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::Stop;
use super::job::update;
use super::run::{End, Run, internal};
use crate::cloud::Cloud;
use crate::time;
use crate::vertex::CUSTOM_JOB;

/// Runs the replicas of a job.
pub(crate) fn run(cloud: &Arc<Cloud>, runtime: &Handle, name: &str, stop: &Stop) -> std::result::Result<(), End> {
    run_with(cloud, runtime, name, &[], stop)
}

/// The same, with folders of buckets that are there before it starts: `BUCKET/FOLDER`.
pub(super) fn run_with(
    cloud: &Arc<Cloud>,
    runtime: &Handle,
    name: &str,
    folders: &[String],
    stop: &Stop,
) -> std::result::Result<(), End> {
    let job = cloud.store.get(CUSTOM_JOB, name).map_err(internal)?;
    let job = job.ok_or_else(|| internal("the job is gone"))?;
    let mut run = Run::new(cloud, name, &job["jobSpec"])?;
    run.folders = folders.to_vec();
    run.go(cloud, runtime, stop, &mut || {
        update(cloud, CUSTOM_JOB, name, |job| {
            if job["state"] != "JOB_STATE_CANCELLING" {
                job["state"] = "JOB_STATE_RUNNING".into();
            }
            job["startTime"] = time::now_text().into();
        })
        .map_err(End::Failed)
    })
}
