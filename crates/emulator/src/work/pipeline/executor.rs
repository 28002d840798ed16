//! One execution of a component: its container as a custom job, or an artifact that is imported. What it is told and how
//! it answers is the contract of the launcher
//! (<https://github.com/kubeflow/pipelines/blob/master/backend/src/v2/component/launcher_v2.go>).

use serde_json::{Value as Json, json};

use super::detail::TaskRun;
use super::graph::Made;
use super::input::Passed;
use super::placeholder::{Known, path_of};
use super::spec::{ArtifactDefinition, Component, Container, Importer, Task};
use super::{Pipeline, value};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};
use crate::vertex::{CUSTOM_JOB, resource};
use crate::work::run::{End, internal};
use crate::work::{custom, job};
use crate::{storage, time};

/// Documents of artifacts, by name.
pub(super) const ARTIFACT: &str = "artifacts";
/// The machine of a task that asks for nothing.
const MACHINE: &str = "e2-standard-4";

impl Pipeline<'_> {
    /// Runs what a component is, or takes what an earlier run of it gave.
    pub(super) fn execute(
        &self,
        task: &Task,
        component: &Component,
        run: &TaskRun,
        given: &Passed,
    ) -> Result<Made, End> {
        let executor = self
            .spec
            .executor(component)
            .ok_or_else(|| internal("the executor is gone"))?;
        if let Some(importer) = &executor.importer {
            self.note_start(run).map_err(End::Failed)?;
            return self.import(importer, component, run, given);
        }
        let container = executor
            .container
            .as_ref()
            .ok_or_else(|| internal("the container is gone"))?;
        let key = task
            .caching_options
            .enable_cache
            .then(|| self.cache_key(task, component, container, given));
        if let Some(key) = &key
            && let Some(outputs) = self.cached(key).map_err(End::Failed)?
        {
            self.note_start(run).map_err(End::Failed)?;
            return Ok(Made {
                outputs,
                is_cached: true,
            });
        }
        let slot = self.slots.take(|| self.stop.is_wanted()).ok_or(End::Cancelled)?;
        self.note_start(run).map_err(End::Failed)?;
        let outputs = self.run_container(component, container, run, given)?;
        drop(slot);
        if let Some(key) = &key {
            self.keep(key, &outputs).map_err(End::Failed)?;
        }
        Ok(Made {
            outputs,
            is_cached: false,
        })
    }

    fn run_container(
        &self,
        component: &Component,
        container: &Container,
        run: &TaskRun,
        given: &Passed,
    ) -> Result<Passed, End> {
        let folder = format!("{}/{}_{}", self.run_root(), run.name, run.id);
        let input = self.executor_input(component, given, &folder).map_err(End::Failed)?;
        let names = self.names(run);
        let known = Known {
            input: &input,
            names: &names,
        };
        let id = resource::new_id(self.cloud).map_err(End::Failed)?;
        let name = format!("projects/{}/locations/{}/customJobs/{id}", self.project, self.location);
        self.may_run().map_err(End::Failed)?;
        let job = resource::new(&name, self.custom_job(container, run, &known));
        self.cloud.store.put(CUSTOM_JOB, &name, &job).map_err(internal)?;
        self.note_job(run, &name).map_err(End::Failed)?;
        let folders = folders(&input);
        let end = job::run(self.cloud, CUSTOM_JOB, (&name, self.name), &|stop| {
            custom::run_with(self.cloud, self.runtime, &name, &folders, stop)
        });
        match end {
            Ok(()) => self.outputs(component, &input).map_err(End::Failed),
            Err(End::Cancelled) if !self.stop.is_wanted() => {
                let message = format!("The custom job {name} of the task was cancelled.");
                Err(End::Failed(ApiError::new(Status::FailedPrecondition, message)))
            }
            Err(End::Cancelled) => Err(End::Cancelled),
            Err(End::Failed(error)) => Err(End::Failed(ApiError::new(Status::FailedPrecondition, error.message))),
        }
    }

    /// A `CustomJob` that runs a container.
    fn custom_job(&self, container: &Container, run: &TaskRun, known: &Known<'_>) -> Json {
        let mut variables: Vec<Json> = container
            .env
            .iter()
            .map(|variable| json!({"name": variable.name, "value": known.fill(&variable.value)}))
            .collect();
        // By this a component knows that Vertex AI runs it.
        let labels = json!({"vertex-ai-pipelines-run-billing-id": self.uuid});
        variables.push(json!({"name": "VERTEX_AI_PIPELINES_RUN_LABELS", "value": labels.to_string()}));
        let mut machine = json!({"machineType": MACHINE});
        let accelerator = &container.resources["accelerator"];
        let field = |new: &str, old: &str| match &accelerator[new] {
            Json::Null => accelerator[old].clone(),
            value => known.fill_all(value),
        };
        if accelerator.is_object() {
            machine["acceleratorType"] = field("resourceType", "type");
            machine["acceleratorCount"] = field("resourceCount", "count");
        }
        json!({
            "displayName": format!("{}-{}", self.id, run.name),
            "labels": labels,
            "state": "JOB_STATE_PENDING",
            "jobSpec": {
                "workerPoolSpecs": [{
                    "machineSpec": machine,
                    "replicaCount": "1",
                    "containerSpec": {
                        "imageUri": known.fill(&container.image),
                        "command": known.words(&container.command),
                        "args": known.words(&container.args),
                        "env": variables,
                    },
                }],
                "serviceAccount": self.account,
            },
        })
    }

    /// What a component is told: an `ExecutorInput`.
    fn executor_input(&self, component: &Component, given: &Passed, folder: &str) -> Result<Json> {
        let mut input = given.shown();
        let definitions = &component.output_definitions;
        let mut artifacts = json!({});
        for (name, definition) in &definitions.artifacts {
            let artifact = self.new_artifact(name, definition, &format!("{folder}/{name}"))?;
            artifacts[name] = json!({"artifacts": [artifact]});
        }
        let folder = path_of(folder);
        let parameters = definitions.parameters.keys();
        let parameters: serde_json::Map<String, Json> = parameters
            .map(|name| (name.clone(), json!({"outputFile": format!("{folder}/{name}")})))
            .collect();
        input["outputs"] = json!({
            "outputFile": format!("{folder}/executor_output.json"),
            "parameters": parameters,
            "artifacts": artifacts,
        });
        Ok(input)
    }

    /// A `RuntimeArtifact` that is not made yet.
    fn new_artifact(&self, name: &str, definition: &ArtifactDefinition, uri: &str) -> Result<Json> {
        let id = resource::new_id(self.cloud)?;
        let metadata = if definition.metadata.is_object() {
            definition.metadata.clone()
        } else {
            json!({})
        };
        Ok(json!({
            "name": format!("{}/artifacts/{id}", self.metadata_store()),
            "displayName": name,
            "type": definition.artifact_type,
            "uri": uri,
            "metadata": metadata,
        }))
    }

    /// What a container left: an `ExecutorOutput`, and files of parameters.
    fn outputs(&self, component: &Component, input: &Json) -> Result<Passed> {
        let account = crate::access::Caller::Known(Cloud::as_account(&self.account));
        let read = |path: &Json| -> Result<Option<String>> {
            let path = path.as_str().unwrap_or_default();
            let bytes = match path.strip_prefix("/gcs/").and_then(|path| path.split_once('/')) {
                Some((bucket, object)) => storage::read(self.cloud, &account, bucket, object)?,
                None => None,
            };
            let bytes = bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            Ok(bytes)
        };
        let wanted = &input["outputs"];
        let said: Json = match read(&wanted["outputFile"])? {
            Some(text) => serde_json::from_str(&text)
                .map_err(|error| failed(format!("{} is no JSON: {error}", wanted["outputFile"])))?,
            None => json!({}),
        };
        let field = |camel: &str, snake: &str| {
            if said[camel].is_null() {
                said[snake].clone()
            } else {
                said[camel].clone()
            }
        };
        let parameters = field("parameterValues", "parameter_values");
        let mut outputs = Passed::default();
        for (name, definition) in &component.output_definitions.parameters {
            let value = match &parameters[name] {
                Json::Null => {
                    let file = &wanted["parameters"][name]["outputFile"];
                    let text = read(file)?;
                    let text =
                        text.ok_or_else(|| failed(format!("The output parameter {name:?} was not written to {file}")))?;
                    value::read(definition, &text)
                }
                given => value::fit(definition, given.clone()),
            };
            let value = value.map_err(|error| failed(format!("The output parameter {name:?} {error}")))?;
            outputs.parameters.insert(name.clone(), value);
        }
        for name in component.output_definitions.artifacts.keys() {
            let mut artifact = wanted["artifacts"][name]["artifacts"][0].clone();
            let given = &said["artifacts"][name]["artifacts"][0];
            if let Some(uri) = given["uri"].as_str().filter(|uri| !uri.is_empty()) {
                artifact["uri"] = uri.into();
            }
            for (field, value) in given["metadata"].as_object().into_iter().flatten() {
                artifact["metadata"][field] = value::plain(value.clone());
            }
            self.put_artifact(&mut artifact)?;
            outputs.artifacts.insert(name.clone(), vec![artifact]);
        }
        Ok(outputs)
    }

    fn import(&self, importer: &Importer, component: &Component, run: &TaskRun, given: &Passed) -> Result<Made, End> {
        let input = given.shown();
        let names = self.names(run);
        let known = Known {
            input: &input,
            names: &names,
        };
        let source = &importer.artifact_uri;
        let uri = match (&source.constant, &source.runtime_parameter) {
            (_, Some(name)) => given.parameters.get(name).cloned(),
            (Some(constant), None) => Some(known.fill_all(constant)),
            (None, None) => None,
        };
        let uri = uri.as_ref().and_then(Json::as_str).filter(|uri| !uri.is_empty());
        let uri = uri.ok_or_else(|| End::Failed(failed(format!("The importer {} has no URI", run.name))))?;
        let mut outputs = Passed::default();
        for (name, definition) in &component.output_definitions.artifacts {
            let mut artifact = self.new_artifact(name, definition, uri).map_err(End::Failed)?;
            if importer.type_schema.is_object() {
                artifact["type"] = importer.type_schema.clone();
            }
            if importer.metadata.is_object() {
                artifact["metadata"] = value::plain(known.fill_all(&importer.metadata));
            }
            self.put_artifact(&mut artifact).map_err(End::Failed)?;
            outputs.artifacts.insert(name.clone(), vec![artifact]);
        }
        Ok(Made {
            outputs,
            is_cached: false,
        })
    }

    /// Keeps an artifact that is made, so that later runs can be given it.
    fn put_artifact(&self, artifact: &mut Json) -> Result<()> {
        artifact["createTime"] = time::now_text().into();
        let name = artifact["name"].as_str().unwrap_or_default();
        self.cloud.store.put(ARTIFACT, name, artifact)?;
        Ok(())
    }
}

/// The folders of buckets that a container writes to: `BUCKET/FOLDER`.
fn folders(input: &Json) -> Vec<String> {
    let outputs = &input["outputs"];
    let parameters = outputs["parameters"]
        .as_object()
        .into_iter()
        .flat_map(|fields| fields.values());
    let parameters = parameters.map(|parameter| &parameter["outputFile"]);
    let artifacts = outputs["artifacts"]
        .as_object()
        .into_iter()
        .flat_map(|fields| fields.values());
    let artifacts = artifacts.map(|list| &list["artifacts"][0]["uri"]);
    let files = parameters.chain(artifacts).chain([&outputs["outputFile"]]);
    let mut folders: Vec<String> = files
        .filter_map(Json::as_str)
        .filter_map(|file| {
            let path = path_of(file);
            let (folder, _) = path.strip_prefix("/gcs/")?.rsplit_once('/')?;
            Some(folder.to_owned())
        })
        .collect();
    folders.sort();
    folders.dedup();
    folders
}

fn failed(what: String) -> ApiError {
    ApiError::new(Status::FailedPrecondition, format!("{what}."))
}
