//! What is written of tasks as they run: `jobDetail.taskDetails` of a pipeline
//! (<https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs#PipelineTaskDetail>).

use serde_json::{Map, Value as Json, json};

use super::Pipeline;
use super::input::{Ended, Passed};
use crate::error::{ApiError, Result};
use crate::time;
use crate::vertex::PIPELINE_JOB;
use crate::work::job;
use crate::work::run::End;

/// A task that has its place in a run.
#[derive(Clone, Debug)]
pub(super) struct TaskRun {
    pub(super) id: String,
    /// That of the task that it is a part of.
    pub(super) parent: String,
    pub(super) name: String,
    /// With the names of those that it is a part of.
    pub(super) unique_name: String,
}

impl Pipeline<'_> {
    fn change(&self, task: &TaskRun, change: impl FnOnce(&mut Json)) -> Result<()> {
        job::update(self.cloud, PIPELINE_JOB, self.name, |job| {
            let details = job["jobDetail"]["taskDetails"].as_array_mut();
            let found =
                details.and_then(|details| details.iter_mut().find(|detail| detail["taskId"] == task.id.as_str()));
            if let Some(detail) = found {
                change(detail);
            }
        })
    }

    /// Writes that a task is there, and what it is given.
    pub(super) fn note_task(&self, task: &TaskRun, schema: &str, inputs: &Passed) -> Result<()> {
        let now = time::now_text();
        let mut detail = json!({
            "taskId": task.id,
            "taskName": task.name,
            "taskUniqueName": task.unique_name,
            "createTime": now,
            "inputs": self.shown_artifacts(inputs),
            "execution": {
                "name": format!("{}/executions/{}", self.metadata_store(), task.id),
                "displayName": task.name,
                "state": "NEW",
                "schemaTitle": schema,
                "schemaVersion": "0.0.1",
                "createTime": now,
                "updateTime": now,
                "metadata": metadata("input:", inputs),
            },
        });
        if !task.parent.is_empty() {
            detail["parentTaskId"] = task.parent.clone().into();
        }
        set_state(&mut detail, "PENDING", None);
        job::update(
            self.cloud,
            PIPELINE_JOB,
            self.name,
            |job| match job["jobDetail"]["taskDetails"].as_array_mut() {
                Some(details) => details.push(detail),
                None => job["jobDetail"] = json!({"taskDetails": [detail]}),
            },
        )
    }

    pub(super) fn note_start(&self, task: &TaskRun) -> Result<()> {
        self.change(task, |detail| {
            if detail["startTime"].is_null() {
                detail["startTime"] = time::now_text().into();
            }
            set_state(detail, "RUNNING", None);
            detail["execution"]["state"] = "RUNNING".into();
        })
    }

    /// Writes which custom job does the work of a task; the one before it has failed.
    pub(super) fn note_job(&self, task: &TaskRun, job: &str) -> Result<()> {
        self.change(task, |detail| {
            let container = &mut detail["executorDetail"]["containerDetail"];
            let before = container["mainJob"].take();
            if before.is_string() {
                match container["failedMainJobs"].as_array_mut() {
                    Some(failed) => failed.push(before),
                    None => container["failedMainJobs"] = json!([before]),
                }
            }
            container["mainJob"] = job.into();
        })
    }

    /// Writes that a task is tried again, and why.
    pub(super) fn note_retry(&self, task: &TaskRun, error: &ApiError) -> Result<()> {
        self.change(task, |detail| set_state(detail, "PENDING", Some(&error.rpc_status())))
    }

    pub(super) fn note_end(&self, task: &TaskRun, ended: &Ended, is_cached: bool) -> Result<()> {
        let outputs = match ended {
            Ended::Succeeded(outputs) => Some(self.shown_artifacts(outputs)),
            _ => None,
        };
        self.change(task, |detail| {
            let (state, execution, error) = match ended {
                Ended::Succeeded(_) if is_cached => ("SKIPPED", "CACHED", None),
                Ended::Succeeded(_) => ("SUCCEEDED", "COMPLETE", None),
                Ended::Failed(error) => ("FAILED", "FAILED", Some(error.rpc_status())),
                Ended::Cancelled => ("CANCELLED", "CANCELLED", Some(cancelled())),
                Ended::NotTriggered => ("NOT_TRIGGERED", "CANCELLED", None),
            };
            close(detail, state, execution, error.as_ref());
            if let Ended::Succeeded(passed) = ended {
                for (name, value) in metadata("output:", passed) {
                    detail["execution"]["metadata"][name] = value;
                }
            }
            if let Some(outputs) = outputs {
                detail["outputs"] = outputs;
            }
        })
    }

    /// `projects/P/locations/L/metadataStores/default`.
    pub(super) fn metadata_store(&self) -> String {
        let (number, location) = (&self.number, self.location);
        format!("projects/{number}/locations/{location}/metadataStores/default")
    }

    /// Artifacts as the API has them.
    fn shown_artifacts(&self, passed: &Passed) -> Json {
        let shown = |artifact: &Json| {
            let mut shown = json!({
                "name": artifact["name"],
                "displayName": artifact["displayName"],
                "uri": artifact["uri"],
                "schemaTitle": artifact["type"]["schemaTitle"],
                "schemaVersion": artifact["type"]["schemaVersion"],
                "metadata": artifact["metadata"],
                "createTime": artifact["createTime"],
                "updateTime": artifact["createTime"],
                "state": "LIVE",
            });
            if let Some(fields) = shown.as_object_mut() {
                fields.retain(|_, value| !value.is_null());
            }
            shown
        };
        let lists = passed.artifacts.iter();
        let lists = lists.map(|(name, list)| {
            let list: Vec<Json> = list.iter().map(shown).collect();
            (name.clone(), json!({"artifacts": list}))
        });
        Json::Object(lists.collect())
    }
}

/// Ends the tasks of a pipeline that are not over.
pub(crate) fn close_all(job: &mut Json, end: &End) {
    let details = job["jobDetail"]["taskDetails"].as_array_mut();
    for detail in details.into_iter().flatten() {
        if !matches!(detail["state"].as_str(), Some("PENDING" | "RUNNING")) {
            continue;
        }
        match end {
            End::Cancelled => close(detail, "CANCELLED", "CANCELLED", Some(&cancelled())),
            End::Failed(error) => close(detail, "FAILED", "FAILED", Some(&error.rpc_status())),
        }
    }
}

fn close(detail: &mut Json, state: &str, execution: &str, error: Option<&Json>) {
    let now = time::now_text();
    set_state(detail, state, error);
    detail["endTime"] = now.clone().into();
    detail["execution"]["state"] = execution.into();
    detail["execution"]["updateTime"] = now.into();
    if let Some(error) = error {
        detail["error"] = error.clone();
    }
}

fn set_state(detail: &mut Json, state: &str, error: Option<&Json>) {
    let mut status = json!({"updateTime": time::now_text(), "state": state});
    if let Some(error) = error {
        status["error"] = error.clone();
    }
    detail["state"] = state.into();
    match detail["pipelineTaskStatus"].as_array_mut() {
        Some(list) => list.push(status),
        None => detail["pipelineTaskStatus"] = json!([status]),
    }
}

fn cancelled() -> Json {
    json!({"code": 1, "message": "CANCELED"})
}

/// Parameters as the metadata of an execution: `input:rate`.
fn metadata(prefix: &str, passed: &Passed) -> Map<String, Json> {
    let parameters = passed.parameters.iter();
    parameters
        .map(|(name, value)| (format!("{prefix}{name}"), value.clone()))
        .collect()
}
