//! A custom job from PENDING to its end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::Stop;
use super::replica::{Log, Program, Replica};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};
use crate::metadata::Machine;
use crate::vertex::CUSTOM_JOB;
use crate::{server, time};

/// How often a job is looked at.
const PAUSE: Duration = Duration::from_millis(10);
/// Vertex AI's default.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// Why a job did not succeed.
enum End {
    Failed(ApiError),
    Cancelled,
}

/// Starts a job that stands in the store.
pub(crate) fn start(cloud: &Arc<Cloud>, name: &str, is_out_of_stock: bool) {
    let stop = cloud.works.add(name);
    let (cloud, name) = (Arc::clone(cloud), name.to_owned());
    let runtime = tokio::runtime::Handle::current();
    std::thread::spawn(move || {
        let end = match is_out_of_stock {
            true => Err(End::Failed(ApiError::new(
                Status::ResourceExhausted,
                "Resources are insufficient in region. Please try a different region or use a different accelerator.",
            ))),
            false => run(&cloud, &runtime, &name, &stop),
        };
        // Where nothing can be written, the next start of the cloud tells that the job was interrupted.
        if let Err(error) = finish(&cloud, &name, end) {
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
pub(crate) fn cancel(cloud: &Cloud, name: &str) -> Result<()> {
    cloud.store.change(CUSTOM_JOB, name, |document| {
        if let Some(job) = document.as_mut().filter(|job| !is_over(job)) {
            job["state"] = "JOB_STATE_CANCELLING".into();
            job["updateTime"] = time::now_text().into();
        }
        Ok::<_, ApiError>(())
    })?;
    cloud.works.stop(name);
    Ok(())
}

/// Ends the jobs that were running when the cloud was stopped: their programs were ended with it.
pub(crate) fn end_interrupted(cloud: &Cloud) -> Result<()> {
    for (name, job) in cloud.store.all(CUSTOM_JOB)? {
        if is_over(&job) {
            continue;
        }
        let end = match job["state"].as_str() {
            Some("JOB_STATE_CANCELLING") => End::Cancelled,
            _ => End::Failed(ApiError::new(
                Status::Internal,
                "The embedded cloud was stopped while the job was running.",
            )),
        };
        finish(cloud, &name, Err(end))?;
    }
    Ok(())
}

fn update(cloud: &Cloud, name: &str, change: impl FnOnce(&mut Json)) -> Result<()> {
    cloud.store.change(CUSTOM_JOB, name, |document| {
        if let Some(job) = document {
            change(job);
            job["updateTime"] = time::now_text().into();
        }
        Ok(())
    })
}

fn finish(cloud: &Cloud, name: &str, end: std::result::Result<(), End>) -> Result<()> {
    update(cloud, name, |job| {
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

fn internal(error: impl std::fmt::Display) -> End {
    End::Failed(ApiError::new(Status::Internal, error.to_string()))
}

/// What all replicas of a job share.
struct Setting<'j> {
    name: &'j str,
    id: &'j str,
    project: &'j str,
    spec: &'j Json,
    /// Where the metadata server of its machines answers: `127.0.0.1:40000`.
    metadata: String,
    directory: PathBuf,
}

fn run(cloud: &Arc<Cloud>, runtime: &tokio::runtime::Handle, name: &str, stop: &Stop) -> std::result::Result<(), End> {
    let job = cloud.store.get(CUSTOM_JOB, name).map_err(internal)?;
    let job = job.ok_or_else(|| internal("the job is gone"))?;
    let parts: Vec<&str> = name.split('/').collect();
    let &[_, project, _, _, _, id] = parts.as_slice() else {
        return Err(internal("the job has no name of a job"));
    };
    let spec = &job["jobSpec"];
    let account = spec["serviceAccount"].as_str().filter(|account| !account.is_empty());
    let machine = Machine {
        project: project.to_owned(),
        account: Some(account.map_or_else(|| agent(cloud, project), str::to_owned)),
    };
    let metadata = runtime
        .block_on(server::serve_machine(cloud, machine))
        .map_err(internal)?;
    let setting = Setting {
        name,
        id,
        project,
        spec,
        metadata: metadata.address.to_string(),
        directory: cloud.store.directory().join("work").join(id),
    };
    let result = setting.run(cloud, stop);
    metadata.task.abort();
    // What the work left is in its buckets; the rest is scratch.
    let _ = std::fs::remove_dir_all(&setting.directory);
    result
}

/// The agent that custom code runs as, where no account is named.
fn agent(cloud: &Cloud, project: &str) -> String {
    let number = crate::metadata::number(cloud, project);
    format!("service-{number}@gcp-sa-aiplatform-cc.iam.gserviceaccount.com")
}

impl Setting<'_> {
    fn run(&self, cloud: &Arc<Cloud>, stop: &Stop) -> std::result::Result<(), End> {
        let mut replicas: Vec<(String, Replica)> = Vec::new();
        let result = self.start_all(cloud, stop, &mut replicas);
        let result = result.and_then(|()| {
            update(cloud, self.name, |job| {
                if job["state"] != "JOB_STATE_CANCELLING" {
                    job["state"] = "JOB_STATE_RUNNING".into();
                }
                job["startTime"] = time::now_text().into();
            })
            .map_err(End::Failed)?;
            self.wait(stop, &mut replicas)
        });
        for (_, replica) in replicas {
            replica.end();
        }
        result
    }

    fn start_all(
        &self,
        cloud: &Arc<Cloud>,
        stop: &Stop,
        replicas: &mut Vec<(String, Replica)>,
    ) -> std::result::Result<(), End> {
        for (pool, number) in self.places() {
            if stop.is_wanted() {
                return Err(End::Cancelled);
            }
            let task = format!("workerpool{pool}-{number}");
            let program = self.program(pool, number)?;
            let labels = json!({"job_id": self.id, "project_id": self.project, "task_name": task});
            let log = Log {
                project: self.project.to_owned(),
                name: task.clone(),
                resource: ("ml_job", labels),
            };
            let replica = program.start(cloud, &log).map_err(|error| {
                let program = program.words.first().map(String::as_str).unwrap_or_default();
                End::Failed(ApiError::invalid(format!(
                    "The replica {task} could not be started: {program:?}: {error}. \
                     Containers run as processes of this machine, so the command must be there."
                )))
            })?;
            replicas.push((task, replica));
        }
        Ok(())
    }

    /// The replicas: the number of the pool, and the number in it.
    fn places(&self) -> Vec<(usize, usize)> {
        let pools = self.spec["workerPoolSpecs"].as_array().into_iter().flatten();
        let places = pools.enumerate().flat_map(|(pool, spec)| {
            let is_there = spec.as_object().is_some_and(|fields| !fields.is_empty());
            let count = match crate::vertex::number(&spec["replicaCount"]) {
                Some(count) => usize::try_from(count).unwrap_or(0),
                None => usize::from(is_there),
            };
            (0..count).map(move |number| (pool, number))
        });
        places.collect()
    }

    fn program(&self, pool: usize, number: usize) -> std::result::Result<Program, End> {
        let spec = &self.spec["workerPoolSpecs"][pool];
        let container = &spec["containerSpec"];
        if !container.is_object() {
            return Err(End::Failed(ApiError::unimplemented("Python packages as jobs")));
        }
        let words = |field: &str| {
            let list = container[field].as_array().into_iter().flatten();
            list.filter_map(Json::as_str).map(str::to_owned).collect::<Vec<_>>()
        };
        let mut command = words("command");
        if command.is_empty() {
            let image = container["imageUri"].as_str().unwrap_or_default();
            return Err(End::Failed(ApiError::invalid(format!(
                "The container of {image} has no command. Containers run as processes of this machine, which does not \
                 know the entrypoint of an image: set containerSpec.command."
            ))));
        }
        command.extend(words("args"));
        let mut environment = self.environment(pool, number);
        for variable in container["env"].as_array().into_iter().flatten() {
            let text = |field: &str| variable[field].as_str().unwrap_or_default().to_owned();
            environment.push((text("name"), text("value")));
        }
        Ok(Program {
            words: command,
            environment,
            directory: self.directory.join(format!("workerpool{pool}-{number}")),
            buckets: self.directory.join("gcs"),
        })
    }

    fn environment(&self, pool: usize, number: usize) -> Vec<(String, String)> {
        let url = format!("http://{}", self.metadata);
        let mut environment: Vec<(String, String)> = [
            ("CLOUD_ML_JOB_ID", self.id),
            ("CLOUD_ML_PROJECT_ID", self.project),
            ("GOOGLE_CLOUD_PROJECT", self.project),
            ("GCE_METADATA_HOST", &self.metadata),
            ("GCE_METADATA_IP", &self.metadata),
            ("GCE_METADATA_ROOT", &self.metadata),
            ("STORAGE_EMULATOR_HOST", &url),
            ("TERRACE_EMULATOR", &url),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let output = self.spec["baseOutputDirectory"]["outputUriPrefix"].as_str();
        if let Some(output) = output.map(|uri| uri.trim_end_matches('/')) {
            for (name, folder) in [
                ("AIP_MODEL_DIR", "model"),
                ("AIP_CHECKPOINT_DIR", "checkpoints"),
                ("AIP_TENSORBOARD_LOG_DIR", "logs"),
            ] {
                environment.push((name.to_owned(), format!("{output}/{folder}/")));
            }
        }
        let (cluster, tensorflow) = self.cluster(pool, number);
        environment.push(("CLUSTER_SPEC".to_owned(), cluster.to_string()));
        environment.push(("TF_CONFIG".to_owned(), tensorflow.to_string()));
        environment
    }

    /// The machines of the job as CLUSTER_SPEC and TF_CONFIG have them. All are this machine, with ports of their own.
    fn cluster(&self, pool: usize, number: usize) -> (Json, Json) {
        const FIRST_PORT: usize = 2222;
        const ROLES: [&str; 4] = ["chief", "worker", "ps", "evaluator"];
        let mut pools = json!({});
        let mut roles = json!({});
        for (place, (pool, _)) in self.places().into_iter().enumerate() {
            let address = Json::from(format!("127.0.0.1:{}", FIRST_PORT + place));
            let role = ROLES.get(pool).copied().unwrap_or("worker");
            for (cluster, name) in [(&mut pools, format!("workerpool{pool}")), (&mut roles, role.to_owned())] {
                match cluster[&name].as_array_mut() {
                    Some(list) => list.push(address.clone()),
                    None => cluster[&name] = json!([address]),
                }
            }
        }
        let role = ROLES.get(pool).copied().unwrap_or("worker");
        let job = serde_json::to_string(self.spec).unwrap_or_default();
        let cluster = json!({
            "cluster": pools,
            "environment": "cloud",
            "task": {"type": format!("workerpool{pool}"), "index": number},
            "job": job,
        });
        let tensorflow = json!({
            "cluster": roles,
            "environment": "cloud",
            "task": {"type": role, "index": number},
            "job": job,
        });
        (cluster, tensorflow)
    }

    /// Waits for the first replica, which is the job; another one that fails ends it, too.
    fn wait(&self, stop: &Stop, replicas: &mut Vec<(String, Replica)>) -> std::result::Result<(), End> {
        let limit = self.spec["scheduling"]["timeout"].as_str();
        let limit = limit.and_then(|text| text.strip_suffix('s')?.parse().ok());
        let limit = limit.map_or(LONGEST, Duration::from_secs);
        let deadline = Instant::now() + limit;
        loop {
            if stop.is_wanted() {
                return Err(End::Cancelled);
            }
            if Instant::now() >= deadline {
                return Err(End::Failed(ApiError::new(
                    Status::FailedPrecondition,
                    format!("The job ran longer than its timeout of {}s.", limit.as_secs()),
                )));
            }
            let mut at = 0;
            while at < replicas.len() {
                if !replicas[at].1.has_exited().map_err(internal)? {
                    at += 1;
                    continue;
                }
                let (task, replica) = replicas.remove(at);
                let status = replica.finish().map_err(internal)?;
                if !status.success() {
                    return Err(End::Failed(exited(&task, status)));
                }
                if task == "workerpool0-0" {
                    return Ok(());
                }
            }
            std::thread::sleep(PAUSE);
        }
    }
}

fn exited(task: &str, status: std::process::ExitStatus) -> ApiError {
    let how = match status.code() {
        Some(code) => format!("exited with a non-zero status of {code}"),
        None => format!("was ended: {status}"),
    };
    ApiError::invalid(format!(
        "The replica {task} {how}. To find out more about why your job exited please check its logs."
    ))
}
