//! Jobs of all kinds from PENDING to their ends.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use tokio::runtime::Handle;

use super::run::End;
use super::{Stop, pipeline};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};
use crate::time;
use crate::vertex::PIPELINE_JOB;

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
        note_end(&cloud, kind, &name, &end);
        cloud.works.remove(&name);
    });
}

/// Runs a job that stands in the store and is a part of other work, to its end.
pub(super) fn run(
    cloud: &Cloud,
    kind: &'static str,
    (name, above): (&str, &str),
    work: &dyn Fn(&Stop) -> std::result::Result<(), End>,
) -> std::result::Result<(), End> {
    let stop = cloud.works.add_below(name, above);
    let end = work(&stop);
    note_end(cloud, kind, name, &end);
    cloud.works.remove(name);
    end
}

/// Writes how a job ended. Where nothing can be written, the next start of the cloud tells that it was interrupted.
fn note_end(cloud: &Cloud, kind: &str, name: &str, end: &std::result::Result<(), End>) {
    if let Err(error) = finish(cloud, kind, name, end) {
        crate::log::warn(&format!("the end of {name} cannot be written: {}", error.message));
    }
}

/// A state of a kind of job: those of pipelines have names of their own.
pub(crate) fn state(kind: &str, what: &str) -> String {
    let prefix = if kind == PIPELINE_JOB {
        "PIPELINE_STATE"
    } else {
        "JOB_STATE"
    };
    format!("{prefix}_{what}")
}

/// Whether a job is over.
pub(crate) fn is_over(job: &Json) -> bool {
    let state = job["state"].as_str().unwrap_or_default();
    ["SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED"]
        .iter()
        .any(|end| state.ends_with(end))
}

/// Asks a job to stop. One that is over stays as it is.
pub(crate) fn cancel(cloud: &Cloud, kind: &str, name: &str) -> Result<()> {
    cloud.store.change(kind, name, |document| {
        if let Some(job) = document.as_mut().filter(|job| !is_over(job)) {
            job["state"] = state(kind, "CANCELLING").into();
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
            finish(cloud, kind, &name, &Err(interrupted(kind, &job)))?;
        }
    }
    Ok(())
}

/// How a job ends that was running when the cloud was stopped.
fn interrupted(kind: &str, job: &Json) -> End {
    match job["state"] == state(kind, "CANCELLING") {
        true => End::Cancelled,
        false => End::Failed(ApiError::new(
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
fn finish(cloud: &Cloud, kind: &str, name: &str, end: &std::result::Result<(), End>) -> Result<()> {
    update(cloud, kind, name, |job| {
        let what = match end {
            Ok(()) => "SUCCEEDED",
            Err(End::Cancelled) => "CANCELLED",
            Err(End::Failed(_)) => "FAILED",
        };
        job["state"] = state(kind, what).into();
        job["endTime"] = time::now_text().into();
        match end {
            Err(End::Failed(error)) => job["error"] = error.rpc_status(),
            Err(End::Cancelled) => {
                job["error"] = json!({"code": 1, "message": "CANCELED"});
            }
            Ok(()) => {}
        }
        if let (PIPELINE_JOB, Err(end)) = (kind, end) {
            pipeline::close_all(job, end);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Iam;
    use crate::vertex::CUSTOM_JOB;

    #[test]
    fn what_was_running_has_ended_after_a_new_start() {
        let directory = tempfile::tempdir().unwrap();
        let cloud = Cloud::of_a_test(directory.path(), Iam::Off);
        let tasks = json!([{"taskId": "1", "state": "SUCCEEDED"}, {"taskId": "2", "state": "RUNNING"}]);
        let running = json!({"state": "PIPELINE_STATE_RUNNING", "jobDetail": {"taskDetails": tasks}});
        let cancelling = json!({"state": "PIPELINE_STATE_CANCELLING", "jobDetail": {"taskDetails": tasks}});
        cloud.store.put(PIPELINE_JOB, "running", &running).unwrap();
        cloud.store.put(PIPELINE_JOB, "cancelling", &cancelling).unwrap();
        cloud
            .store
            .put(CUSTOM_JOB, "job", &json!({"state": "JOB_STATE_SUCCEEDED"}))
            .unwrap();
        for kind in crate::vertex::JOBS {
            end_interrupted(&cloud, kind).unwrap();
        }
        let states = |name: &str| {
            let job = cloud.store.get(PIPELINE_JOB, name).unwrap().unwrap();
            let tasks = job["jobDetail"]["taskDetails"].as_array().unwrap();
            let tasks: Vec<Json> = tasks.iter().map(|task| task["state"].clone()).collect();
            (job["state"].clone(), tasks, job["error"]["message"].clone())
        };
        let (state, tasks, message) = states("running");
        assert_eq!(
            (state, tasks),
            (
                json!("PIPELINE_STATE_FAILED"),
                vec![json!("SUCCEEDED"), json!("FAILED")]
            )
        );
        assert_eq!(message, "The embedded cloud was stopped while the job was running.");
        let (state, tasks, _) = states("cancelling");
        assert_eq!(
            (state, tasks),
            (
                json!("PIPELINE_STATE_CANCELLED"),
                vec![json!("SUCCEEDED"), json!("CANCELLED")]
            )
        );
        let job = cloud.store.get(CUSTOM_JOB, "job").unwrap().unwrap();
        assert_eq!(job, json!({"state": "JOB_STATE_SUCCEEDED"}));
    }
}
