//! The replicas of a job from their start to their end: of a custom job, or of one trial.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tokio::runtime::Handle;

use super::buckets::Buckets;
use super::container::Container;
use super::replica::{Log, Program, Replica};
use super::{Stop, package};
use crate::cloud::Cloud;
use crate::error::{ApiError, Status};
use crate::metadata::Machine;
use crate::server;
use crate::settings::ContainerRuntime;

/// How often a job is looked at.
const PAUSE: Duration = Duration::from_millis(10);
/// How often what a job wrote to its buckets becomes objects.
const COLLECT_PAUSE: Duration = Duration::from_secs(2);
/// Vertex AI's default.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// Why a job did not succeed.
pub(crate) enum End {
    Failed(ApiError),
    Cancelled,
}

pub(super) fn internal(error: impl std::fmt::Display) -> End {
    End::Failed(ApiError::new(Status::Internal, error.to_string()))
}

/// What all replicas of a job share.
pub(super) struct Run<'j> {
    /// The number of the job, in its logs.
    id: String,
    project: String,
    /// A `CustomJobSpec`.
    spec: &'j Json,
    /// Whom the machines are.
    account: String,
    /// Added to the arguments of each container.
    pub(super) arguments: Vec<String>,
    /// Added to the environment.
    pub(super) environment: Vec<(String, String)>,
    /// Folders of buckets that are made before it starts: `BUCKET/FOLDER`.
    pub(super) folders: Vec<String>,
    /// Scratch, removed at the end.
    pub(super) directory: PathBuf,
}

impl<'j> Run<'j> {
    /// A run of what a resource specifies.
    pub(super) fn new(cloud: &Cloud, name: &str, spec: &'j Json) -> Result<Run<'j>, End> {
        let parts: Vec<&str> = name.split('/').collect();
        let &[_, project, _, _, _, id] = parts.as_slice() else {
            return Err(internal("the job has no name of a job"));
        };
        let account = spec["serviceAccount"].as_str().filter(|account| !account.is_empty());
        Ok(Run {
            id: id.to_owned(),
            project: project.to_owned(),
            spec,
            account: account.map_or_else(|| agent(cloud, project), str::to_owned),
            arguments: Vec::new(),
            environment: Vec::new(),
            folders: Vec::new(),
            directory: cloud.store.directory().join("work").join(id),
        })
    }

    /// Runs the replicas to their end; `running` is called once all have started.
    pub(super) fn go(
        &self,
        cloud: &Arc<Cloud>,
        runtime: &Handle,
        stop: &Stop,
        running: &mut dyn FnMut() -> Result<(), End>,
    ) -> Result<(), End> {
        self.go_and(cloud, runtime, stop, running, &mut || {})
    }

    /// The same; `ended` is called once all have ended, before their scratch is removed.
    pub(super) fn go_and(
        &self,
        cloud: &Arc<Cloud>,
        runtime: &Handle,
        stop: &Stop,
        running: &mut dyn FnMut() -> Result<(), End>,
        ended: &mut dyn FnMut(),
    ) -> Result<(), End> {
        let machine = Machine {
            project: self.project.clone(),
            account: Some(self.account.clone()),
            is_alone: true,
        };
        let server = runtime
            .block_on(server::serve_machine(cloud, machine))
            .map_err(internal)?;
        let mut buckets = Buckets::mount(cloud, &self.account, self.spec, &self.buckets());
        for folder in &self.folders {
            std::fs::create_dir_all(self.buckets().join(folder)).map_err(internal)?;
        }
        let mut replicas: Vec<(String, Replica)> = Vec::new();
        let result = self.start_all(cloud, &server.address.to_string(), stop, &mut replicas);
        let result = result
            .and_then(|()| running())
            .and_then(|()| self.wait(cloud, stop, &mut replicas, &mut buckets));
        for (_, replica) in replicas {
            replica.end();
        }
        buckets.collect(cloud);
        server.task.abort();
        ended();
        // What the work left is in its buckets; the rest is scratch.
        let _ = std::fs::remove_dir_all(&self.directory);
        result
    }
}

/// The agent that custom code runs as, where no account is named.
pub(super) fn agent(cloud: &Cloud, project: &str) -> String {
    let number = crate::metadata::number(cloud, project);
    format!("service-{number}@gcp-sa-aiplatform-cc.iam.gserviceaccount.com")
}

impl Run<'_> {
    fn start_all(
        &self,
        cloud: &Arc<Cloud>,
        metadata: &str,
        stop: &Stop,
        replicas: &mut Vec<(String, Replica)>,
    ) -> Result<(), End> {
        for (pool, number) in self.places() {
            if stop.is_wanted() {
                return Err(End::Cancelled);
            }
            let task = format!("workerpool{pool}-{number}");
            let labels = json!({"job_id": self.id, "project_id": self.project, "task_name": task});
            let log = Log {
                project: self.project.clone(),
                name: task.clone(),
                resource: ("ml_job", labels),
            };
            let program = self.program(cloud, metadata, (pool, number), &log, stop)?;
            let replica = program.start(cloud, &log).map_err(|error| {
                let program = program.container.name();
                End::Failed(ApiError::invalid(format!(
                    "The replica {task} could not be started: {program:?}: {error}. {}",
                    cloud.runtime.needs()
                )))
            })?;
            replicas.push((task, replica));
        }
        Ok(())
    }

    fn buckets(&self) -> PathBuf {
        self.directory.join("gcs")
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

    fn program(
        &self,
        cloud: &Arc<Cloud>,
        metadata: &str,
        (pool, number): (usize, usize),
        log: &Log,
        stop: &Stop,
    ) -> Result<Program, End> {
        let pool_spec = &self.spec["workerPoolSpecs"][pool];
        let package = &pool_spec["pythonPackageSpec"];
        let (spec, mut container) = match (package.is_object(), cloud.runtime) {
            (true, ContainerRuntime::Process) => {
                let python = package::python(cloud, package, &self.account, log, &self.directory, stop)?;
                (package, Container::of_module(package, &python))
            }
            (true, _) => (package, Container::of_package(package)),
            (false, runtime) => {
                let spec = &pool_spec["containerSpec"];
                (spec, Container::new(spec, runtime).map_err(End::Failed)?)
            }
        };
        container.arguments.extend(self.arguments.iter().cloned());
        let mut environment = self.variables(metadata, pool, number);
        environment.extend(self.environment.iter().cloned());
        for variable in spec["env"].as_array().into_iter().flatten() {
            let text = |field: &str| variable[field].as_str().unwrap_or_default().to_owned();
            environment.push((text("name"), text("value")));
        }
        Ok(Program {
            container,
            environment,
            directory: self.directory.join(format!("workerpool{pool}-{number}")),
            buckets: self.buckets(),
        })
    }

    fn variables(&self, metadata: &str, pool: usize, number: usize) -> Vec<(String, String)> {
        let url = format!("http://{metadata}");
        let mut environment: Vec<(String, String)> = [
            ("CLOUD_ML_JOB_ID", self.id.as_str()),
            ("CLOUD_ML_PROJECT_ID", self.project.as_str()),
            ("GOOGLE_CLOUD_PROJECT", self.project.as_str()),
            ("GCE_METADATA_HOST", metadata),
            ("GCE_METADATA_IP", metadata),
            ("GCE_METADATA_ROOT", metadata),
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
    fn wait(
        &self,
        cloud: &Cloud,
        stop: &Stop,
        replicas: &mut Vec<(String, Replica)>,
        buckets: &mut Buckets,
    ) -> Result<(), End> {
        let limit = self.spec["scheduling"]["timeout"].as_str();
        let limit = limit.and_then(|text| text.strip_suffix('s')?.parse().ok());
        let limit = limit.map_or(LONGEST, Duration::from_secs);
        let deadline = Instant::now() + limit;
        let mut collected = Instant::now();
        loop {
            if collected.elapsed() >= COLLECT_PAUSE {
                buckets.collect(cloud);
                collected = Instant::now();
            }
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
