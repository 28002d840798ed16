//! A pipeline: the tasks of a compiled specification, in the order of what they depend on.

mod cache;
mod condition;
mod detail;
mod executor;
mod graph;
mod input;
mod placeholder;
pub(crate) mod spec;
mod value;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use identity::ResourceName;
use serde_json::Value as Json;
use tokio::runtime::Handle;

use super::run::{End, internal};
use super::schedule::SCHEDULED;
use super::{Stop, job};
use crate::access::Caller;
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};
use crate::vertex::{PIPELINE_JOB, resource};
use crate::{metadata, time};

pub(crate) use detail::close_all;

use detail::TaskRun;
use executor::ARTIFACT;
use input::{Ended, Passed};
use spec::Spec;

/// Containers of one pipeline that run at the same time.
const SLOTS: usize = 16;
/// How often a container that waits for a slot looks whether it should.
const PAUSE: Duration = Duration::from_millis(50);

/// A pipeline that runs.
pub(super) struct Pipeline<'p> {
    cloud: &'p Arc<Cloud>,
    runtime: &'p Handle,
    stop: &'p Stop,
    /// The resource name.
    name: &'p str,
    project: &'p str,
    /// The number of the project.
    number: String,
    location: &'p str,
    id: &'p str,
    /// The number of the run.
    uuid: String,
    spec: Spec,
    /// The folder of all runs: `gs://BUCKET/FOLDER`.
    root: String,
    account: String,
    created: String,
    scheduled: String,
    /// Whether nothing is started any more once a task has failed.
    is_fast: bool,
    has_failed: AtomicBool,
    slots: Slots,
}

/// Runs a pipeline to its end.
pub(crate) fn run(cloud: &Arc<Cloud>, runtime: &Handle, name: &str, stop: &Stop) -> std::result::Result<(), End> {
    let document = cloud.store.get(PIPELINE_JOB, name).map_err(internal)?;
    let document = document.ok_or_else(|| internal("the pipeline is gone"))?;
    let parts: Vec<&str> = name.split('/').collect();
    let &[_, project, _, location, _, id] = parts.as_slice() else {
        return Err(internal("the pipeline has no name of a pipeline"));
    };
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let spec = Spec::read(&document["pipelineSpec"]).map_err(|error| End::Failed(ApiError::invalid(error)))?;
    let config = &document["runtimeConfig"];
    let policy = &config["failurePolicy"];
    let pipeline = Pipeline {
        cloud,
        runtime,
        stop,
        name,
        project,
        number: metadata::number(cloud, project),
        location,
        id,
        uuid: resource::new_id(cloud).map_err(End::Failed)?,
        root: root(config, &spec),
        spec,
        account: text(&document["serviceAccount"]),
        created: text(&document["createTime"]),
        scheduled: text(&cloud.store.get(SCHEDULED, name).map_err(internal)?.unwrap_or_default()),
        is_fast: *policy == "PIPELINE_FAILURE_POLICY_FAIL_FAST" || *policy == 2,
        has_failed: AtomicBool::new(false),
        slots: Slots::default(),
    };
    pipeline.run(config)
}

impl Pipeline<'_> {
    fn run(&self, config: &Json) -> std::result::Result<(), End> {
        let given = given(self.cloud, &self.spec, config).map_err(End::Failed)?;
        job::update(self.cloud, PIPELINE_JOB, self.name, |job| {
            if job["state"] != "PIPELINE_STATE_CANCELLING" {
                job["state"] = "PIPELINE_STATE_RUNNING".into();
            }
            job["startTime"] = time::now_text().into();
        })
        .map_err(End::Failed)?;
        let whole = TaskRun {
            id: self.uuid.clone(),
            parent: String::new(),
            name: self.id.to_owned(),
            unique_name: String::new(),
        };
        self.note_task(&whole, "system.Run", &given)
            .and_then(|()| self.note_start(&whole))
            .map_err(End::Failed)?;
        let none = spec::Dag::default();
        let dag = self.spec.root.dag.as_ref().unwrap_or(&none);
        let result = self.run_dag(dag, &given, &whole);
        let (project, number, uuid) = (self.project, &self.number, &self.uuid);
        let (ended, result) = match result {
            Ok(outputs) => (Ended::Succeeded(outputs), Ok(())),
            Err(End::Cancelled) => (Ended::Cancelled, Err(End::Cancelled)),
            Err(End::Failed(mut error)) => {
                error.message.push_str(&format!(
                    "; Job (project_id = {project}, job_id = {uuid}) is failed due to the above error.; \
                     Failed to handle the job: {{project_number = {number}, job_id = {uuid}}}"
                ));
                (Ended::Failed(error.clone()), Err(End::Failed(error)))
            }
        };
        self.note_end(&whole, &ended, false).map_err(End::Failed)?;
        result
    }

    /// A task of the run, with an id of its own.
    fn task_run(&self, name: &str, parent: &TaskRun) -> Result<TaskRun> {
        let unique_name = match parent.unique_name.as_str() {
            "" => name.to_owned(),
            above => format!("{above}.{name}"),
        };
        Ok(TaskRun {
            id: resource::new_id(self.cloud)?,
            parent: parent.id.clone(),
            name: name.to_owned(),
            unique_name,
        })
    }

    /// The folder of this run.
    fn run_root(&self) -> String {
        format!("{}/{}/{}", self.root, self.number, self.id)
    }

    /// The names that placeholders may use.
    fn names(&self, run: &TaskRun) -> [(&'static str, String); 8] {
        [
            ("pipeline_job_name", self.id.to_owned()),
            ("pipeline_job_resource_name", self.name.to_owned()),
            ("pipeline_job_uuid", self.uuid.clone()),
            ("pipeline_job_create_time_utc", self.created.clone()),
            ("pipeline_job_schedule_time_utc", self.scheduled.clone()),
            ("pipeline_root", self.root.clone()),
            ("pipeline_task_name", run.name.clone()),
            ("pipeline_task_uuid", run.id.clone()),
        ]
    }

    /// Lets the account pass if it may start what a task runs as.
    fn may_run(&self) -> Result<()> {
        let at = format!(
            "//aiplatform.googleapis.com/projects/{}/locations/{}",
            self.project, self.location
        );
        let at = ResourceName::parse(&at).map_err(|error| ApiError::invalid(error.to_string()))?;
        let account = Caller::Known(Cloud::as_account(&self.account));
        let may = self
            .cloud
            .authority
            .require(&account, "aiplatform.customJobs.create", &at);
        may.map_err(|error| {
            let message = format!(
                "Failed to create custom job for the task: the service account {} lacks a permission: {}",
                self.account, error.message
            );
            ApiError::new(Status::PermissionDenied, message)
        })
    }
}

/// The folder of all runs of a pipeline, without its last slash; empty if there is none.
pub(crate) fn root(config: &Json, spec: &Spec) -> String {
    let given = config["gcsOutputDirectory"].as_str().filter(|root| !root.is_empty());
    let root = given.unwrap_or(&spec.default_pipeline_root);
    root.trim_end_matches('/').to_owned()
}

/// The inputs of a pipeline.
///
/// # Errors
/// 400 for a parameter that is missing, not known or of another type; 404 for an artifact that no run here has made.
fn given(cloud: &Cloud, spec: &Spec, config: &Json) -> Result<Passed> {
    let mut given = Passed::default();
    let definitions = &spec.root.input_definitions;
    if config["parameters"].as_object().is_some_and(|old| !old.is_empty()) {
        return Err(ApiError::invalid(
            "runtime_config.parameters is of the schema 2.0.0: set runtime_config.parameter_values.",
        ));
    }
    for (name, value) in config["parameterValues"].as_object().into_iter().flatten() {
        if !definitions.parameters.contains_key(name) {
            let message = format!("The pipeline has no input parameter {name:?} (runtime_config.parameter_values).");
            return Err(ApiError::invalid(message));
        }
        given.parameters.insert(name.clone(), value.clone());
    }
    for (name, value) in config["inputArtifacts"].as_object().into_iter().flatten() {
        let id = value["artifactId"].as_str().unwrap_or_default();
        let all = cloud.store.all(ARTIFACT)?;
        let found = all.into_iter().find(|(known, _)| known.rsplit('/').next() == Some(id));
        let (_, artifact) = found.ok_or_else(|| ApiError::not_found(format!("The artifact {id:?} is not found.")))?;
        given.artifacts.insert(name.clone(), vec![artifact]);
    }
    input::complete(&mut given, &spec.root, &[])
        .map_err(|error| ApiError::invalid(format!("The pipeline cannot be started: {error} (runtime_config).")))?;
    Ok(given)
}

/// Checks what a pipeline is to be given.
///
/// # Errors
/// As a run of it would fail.
pub(crate) fn check_given(cloud: &Cloud, spec: &Spec, config: &Json) -> Result<()> {
    given(cloud, spec, config).map(|_| ())
}

/// How many containers may run at the same time.
struct Slots {
    free: Mutex<usize>,
    changed: Condvar,
}

impl Default for Slots {
    fn default() -> Slots {
        Slots {
            free: Mutex::new(SLOTS),
            changed: Condvar::new(),
        }
    }
}

/// A place among those that run.
struct Slot<'s>(&'s Slots);

impl Slots {
    /// Waits for a place; none if it is not wanted any more.
    fn take(&self, is_unwanted: impl Fn() -> bool) -> Option<Slot<'_>> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            if is_unwanted() {
                return None;
            }
            let waited = self.changed.wait_timeout(free, PAUSE);
            (free, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        if is_unwanted() {
            return None;
        }
        *free -= 1;
        Some(Slot(self))
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.changed.notify_one();
    }
}
