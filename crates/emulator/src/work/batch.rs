//! A batch prediction: a server of the model, asked for all lines of the input.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::StatusCode;
use hyper::body::Bytes;
use serde_json::{Value as Json, json};
use tokio::runtime::Handle;

use super::Stop;
use super::buckets::Buckets;
use super::job;
use super::run::{End, agent, internal};
use super::serving::Server;
use crate::cloud::Cloud;
use crate::error::{ApiError, Status};
use crate::time;
use crate::vertex::{BATCH_PREDICTION_JOB, model_version, number};

/// Instances that are sent at once, where nothing is said: Vertex AI's default.
const BATCH: usize = 64;

/// Predicts all instances of a job.
pub(crate) fn run(cloud: &Arc<Cloud>, runtime: &Handle, name: &str, stop: &Stop) -> std::result::Result<(), End> {
    let document = cloud.store.get(BATCH_PREDICTION_JOB, name).map_err(internal)?;
    let document = document.ok_or_else(|| internal("the job is gone"))?;
    let parts: Vec<&str> = name.split('/').collect();
    let &[_, project, _, location, _, id] = parts.as_slice() else {
        return Err(internal("the job has no name of a job"));
    };
    let directory = cloud.store.directory().join("work").join(id);
    let account = document["serviceAccount"]
        .as_str()
        .filter(|account| !account.is_empty());
    let account = account.map_or_else(|| agent(cloud, project), str::to_owned);
    let mut buckets = Buckets::mount(cloud, &account, &document, &directory);
    let result = (|| {
        let text = |field: &str| document[field].as_str().unwrap_or_default();
        let version = model_version(cloud, &format!("{}@{}", text("model"), text("modelVersionId")));
        let version = version.map_err(End::Failed)?;
        let endpoint = format!("projects/{project}/locations/{location}/endpoints/{id}");
        let server = Server::new(cloud, &endpoint, &json!({"id": id}), &version).map_err(End::Failed)?;
        runtime.block_on(server.start(cloud)).map_err(End::Failed)?;
        job::update(cloud, BATCH_PREDICTION_JOB, name, |job| {
            job["state"] = "JOB_STATE_RUNNING".into();
            job["startTime"] = time::now_text().into();
        })
        .map_err(End::Failed)?;
        predict(cloud, runtime, stop, (id, &directory), &document)
    })();
    cloud.servers.remove(id);
    buckets.collect(cloud);
    // What it made is in the bucket; the rest is scratch.
    let _ = fs::remove_dir_all(&directory);
    let (folder, counts) = result?;
    job::update(cloud, BATCH_PREDICTION_JOB, name, |job| {
        job["outputInfo"] = json!({"gcsOutputDirectory": folder});
        job["completionStats"] = json!({
            "successfulCount": counts.right.to_string(),
            "failedCount": counts.wrong.to_string(),
            "incompleteCount": "0",
        });
    })
    .map_err(End::Failed)
}

/// How many instances have a prediction, and how many an error.
#[derive(Default)]
struct Counts {
    right: usize,
    wrong: usize,
}

fn predict(
    cloud: &Arc<Cloud>,
    runtime: &Handle,
    stop: &Stop,
    (id, directory): (&str, &Path),
    document: &Json,
) -> std::result::Result<(String, Counts), End> {
    let server = cloud.servers.get(id).ok_or_else(|| internal("the server is gone"))?;
    let output = document["outputConfig"]["gcsDestination"]["outputUriPrefix"]
        .as_str()
        .unwrap_or_default();
    let folder = format!("{}/prediction-{id}", output.trim_end_matches('/'));
    let target = in_folder(directory, &folder);
    fs::create_dir_all(&target).map_err(internal)?;
    let file = |name: &str| File::create(target.join(name)).map(BufWriter::new).map_err(internal);
    let mut results = file("prediction.results-00000-of-00001")?;
    let mut errors = file("prediction.errors_stats-00000-of-00001")?;
    let size = number(&document["manualBatchTuningParameters"]["batchSize"]);
    let size = size
        .and_then(|size| usize::try_from(size).ok())
        .filter(|size| *size > 0)
        .unwrap_or(BATCH);
    let mut counts = Counts::default();
    let instances = instances(directory, document)?;
    for batch in instances.chunks(size) {
        if stop.is_wanted() {
            return Err(End::Cancelled);
        }
        let body = json!({"instances": batch}).to_string();
        let answer = runtime.block_on(server.predict("application/json", Bytes::from(body)));
        let predictions = answer.and_then(|answer| {
            let text = String::from_utf8_lossy(&answer.body);
            if answer.code != StatusCode::OK {
                return Err(ApiError::new(Status::Internal, text.into_owned()));
            }
            let json: Json = serde_json::from_str(&text).unwrap_or_default();
            let predictions = json["predictions"]
                .as_array()
                .filter(|list| list.len() == batch.len())
                .cloned();
            predictions.ok_or_else(|| {
                ApiError::new(
                    Status::Internal,
                    "The model server did not give one prediction for each instance.",
                )
            })
        });
        match predictions {
            Ok(predictions) => {
                counts.right += batch.len();
                for (instance, prediction) in batch.iter().zip(predictions) {
                    let line = json!({"instance": instance, "prediction": prediction});
                    writeln!(results, "{line}").map_err(internal)?;
                }
            }
            Err(error) => {
                counts.wrong += batch.len();
                for instance in batch {
                    let line = json!({"instance": instance, "error": error.rpc_status()});
                    writeln!(errors, "{line}").map_err(internal)?;
                }
            }
        }
    }
    results.flush().map_err(internal)?;
    errors.flush().map_err(internal)?;
    match counts.right {
        0 if counts.wrong > 0 => Err(End::Failed(ApiError::new(
            Status::FailedPrecondition,
            format!("No instance has a prediction: see {folder}/prediction.errors_stats-00000-of-00001."),
        ))),
        _ => Ok((folder, counts)),
    }
}

/// All lines of the input.
fn instances(directory: &Path, document: &Json) -> std::result::Result<Vec<Json>, End> {
    let mut instances = Vec::new();
    for uri in document["inputConfig"]["gcsSource"]["uris"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let uri = uri.as_str().unwrap_or_default();
        let files = files(directory, uri);
        if files.is_empty() {
            return Err(End::Failed(ApiError::not_found(format!(
                "No object is found at {uri}, or its account may not read it."
            ))));
        }
        for file in files {
            let text = fs::read_to_string(&file).map_err(internal)?;
            for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                let instance = serde_json::from_str(line).map_err(|error| {
                    let number = number + 1;
                    End::Failed(ApiError::invalid(format!("{uri}: line {number} is no JSON: {error}")))
                })?;
                instances.push(instance);
            }
        }
    }
    Ok(instances)
}

/// The path of `gs://BUCKET/NAME` in the folders of buckets.
fn in_folder(directory: &Path, uri: &str) -> PathBuf {
    directory.join(uri.trim_start_matches("gs://"))
}

/// The files that a URI names; its last part may end in `*`.
fn files(directory: &Path, uri: &str) -> Vec<PathBuf> {
    let Some(prefix) = uri.strip_suffix('*') else {
        let file = in_folder(directory, uri);
        return if file.is_file() { vec![file] } else { Vec::new() };
    };
    let (folder, start) = prefix.rsplit_once('/').unwrap_or((prefix, ""));
    let entries = fs::read_dir(in_folder(directory, folder))
        .into_iter()
        .flatten()
        .flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(start))
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found
}
