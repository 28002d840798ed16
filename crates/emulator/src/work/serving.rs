//! Servers of deployed models: started with the contract of custom containers
//! (<https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements>), looked after, and asked.

use std::collections::HashMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::Stop;
use super::container::Container;
use super::replica::{Log, Program, Replica};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};
use crate::vertex::{ENDPOINT, model_version};

/// How long a server may take until it is healthy.
const LONGEST_START: Duration = Duration::from_secs(120);
/// How long a prediction may take: Vertex AI's limit for containers.
const LONGEST_PREDICTION: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);
/// Before a server that ended is started again.
const RESTART_PAUSE: Duration = Duration::from_secs(1);
const LARGEST_ANSWER: usize = 64 << 20;

/// The servers that run, by the ids of the deployed models.
#[derive(Debug, Default)]
pub(crate) struct Servers {
    running: Mutex<HashMap<String, Arc<Server>>>,
    turns: Mutex<HashMap<String, i64>>,
}

/// The server of one deployed model.
#[derive(Debug)]
pub(crate) struct Server {
    id: String,
    program: Program,
    log: Log,
    port: u16,
    health: String,
    predict: String,
    stop: Stop,
}

/// What a server answered.
pub(crate) struct Answer {
    pub(crate) code: StatusCode,
    pub(crate) kind: String,
    pub(crate) body: Bytes,
}

impl Servers {
    fn running(&self) -> MutexGuard<'_, HashMap<String, Arc<Server>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Server>> {
        self.running().get(id).cloned()
    }

    /// Stops a server, if it runs.
    pub(crate) fn remove(&self, id: &str) {
        if let Some(server) = self.running().remove(id) {
            server.stop.stop();
        }
    }

    /// How many predictions an endpoint was asked for before this one.
    pub(crate) fn turn(&self, endpoint: &str) -> i64 {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = turns.entry(endpoint.to_owned()).or_default();
        *turn += 1;
        *turn - 1
    }
}

/// Starts the servers of all models that are deployed: the cloud was stopped.
pub(crate) async fn start_deployed(cloud: &Arc<Cloud>) -> Result<()> {
    for (endpoint, document) in cloud.store.all(ENDPOINT)? {
        for deployed in document["deployedModels"].as_array().into_iter().flatten() {
            let name = deployed["model"].as_str().unwrap_or_default();
            let version = deployed["modelVersionId"].as_str().unwrap_or("default");
            let server = model_version(cloud, &format!("{name}@{version}"))
                .and_then(|version| Server::new(cloud, &endpoint, deployed, &version));
            match server {
                Ok(server) => {
                    let cloud = Arc::clone(cloud);
                    tokio::spawn(async move {
                        let id = server.id.clone();
                        if let Err(error) = server.start(&cloud).await {
                            crate::log::warn(&format!("the deployed model {id} does not start: {}", error.message));
                        }
                    });
                }
                Err(error) => crate::log::warn(&format!("a model of {endpoint} cannot be served: {}", error.message)),
            }
        }
    }
    Ok(())
}

impl Server {
    /// The server of a model that is to be deployed.
    ///
    /// # Errors
    /// If the model has no container with a command.
    pub(crate) fn new(cloud: &Cloud, endpoint: &str, deployed: &Json, version: &Json) -> Result<Server> {
        let parts: Vec<&str> = endpoint.split('/').collect();
        let &[_, project, _, location, _, endpoint_id] = parts.as_slice() else {
            return Err(ApiError::invalid("The endpoint has no name of an endpoint."));
        };
        let id = deployed["id"].as_str().unwrap_or_default().to_owned();
        let spec = &version["containerSpec"];
        let route = |field: &str, default: &str| {
            let text = spec[field].as_str().filter(|text| !text.is_empty());
            text.map_or_else(|| default.to_owned(), str::to_owned)
        };
        let default = |what: &str| format!("/v1/endpoints/{endpoint_id}/deployedModels/{id}{what}");
        let (health, predict) = (
            route("healthRoute", &default("")),
            route("predictRoute", &default(":predict")),
        );
        let port = free_port()?;
        let mut environment: Vec<(String, String)> = [
            ("AIP_MODE", "PREDICTION"),
            ("AIP_HTTP_PORT", &port.to_string()),
            ("AIP_HEALTH_ROUTE", &health),
            ("AIP_PREDICT_ROUTE", &predict),
            ("AIP_PROJECT_NUMBER", &crate::metadata::number(cloud, project)),
            ("AIP_ENDPOINT_ID", endpoint_id),
            ("AIP_DEPLOYED_MODEL_ID", &id),
            ("AIP_STORAGE_URI", version["artifactUri"].as_str().unwrap_or_default()),
            ("AIP_FRAMEWORK", "CUSTOM_CONTAINER"),
            ("GOOGLE_CLOUD_PROJECT", project),
            ("GOOGLE_CLOUD_REGION", location),
            ("STORAGE_EMULATOR_HOST", &cloud.url),
            ("TERRACE_EMULATOR", &cloud.url),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        for variable in spec["env"].as_array().into_iter().flatten() {
            let text = |field: &str| variable[field].as_str().unwrap_or_default().to_owned();
            environment.push((text("name"), text("value")));
        }
        let directory: PathBuf = cloud.store.directory().join("work").join(format!("model-{id}"));
        let labels = json!({"endpoint_id": endpoint_id, "location": location, "resource_container": project});
        Ok(Server {
            program: Program {
                container: Container::new(spec, cloud.runtime)?,
                environment,
                buckets: directory.join("gcs"),
                directory,
            },
            log: Log {
                project: project.to_owned(),
                name: "aiplatform.googleapis.com/prediction_container".to_owned(),
                resource: ("aiplatform.googleapis.com/Endpoint", labels),
            },
            id,
            port,
            health,
            predict,
            stop: Stop::default(),
        })
    }

    /// Starts the server and waits until it is healthy. From then on it is started again when it ends.
    ///
    /// # Errors
    /// If it ends before, or is not healthy in time.
    pub(crate) async fn start(self, cloud: &Arc<Cloud>) -> Result<()> {
        let server = Arc::new(self);
        // An image may have to be fetched.
        let mut replica = tokio::task::block_in_place(|| server.launch(cloud))?;
        let deadline = Instant::now() + LONGEST_START;
        loop {
            let has_exited = replica.has_exited().unwrap_or(true);
            if has_exited || Instant::now() >= deadline {
                let how = if has_exited {
                    "ended before it was healthy"
                } else {
                    "was not healthy in time"
                };
                tokio::task::spawn_blocking(move || replica.end());
                let message = format!(
                    "Model server {how}: {} on port {}. Please check its logs.",
                    server.health, server.port
                );
                return Err(ApiError::new(Status::FailedPrecondition, message));
            }
            if server.is_healthy().await {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        cloud.servers.running().insert(server.id.clone(), Arc::clone(&server));
        let cloud = Arc::clone(cloud);
        std::thread::spawn(move || server.look_after(&cloud, replica));
        Ok(())
    }

    fn launch(&self, cloud: &Arc<Cloud>) -> Result<Replica> {
        self.program.start(cloud, &self.log).map_err(|error| {
            let program = self.program.container.name();
            ApiError::invalid(format!("The model server could not be started: {program:?}: {error}"))
        })
    }

    /// Keeps the server running until it is to stop.
    fn look_after(&self, cloud: &Arc<Cloud>, mut replica: Replica) {
        loop {
            if self.stop.is_wanted() {
                replica.end();
                // Scratch: what it holds is in buckets.
                let _ = std::fs::remove_dir_all(&self.program.directory);
                return;
            }
            if !replica.has_exited().unwrap_or(true) {
                std::thread::sleep(PAUSE);
                continue;
            }
            crate::log::warn(&format!(
                "the server of the deployed model {} ended, and is started again",
                self.id
            ));
            drop(replica);
            std::thread::sleep(RESTART_PAUSE);
            replica = match self.launch(cloud) {
                Ok(replica) => replica,
                Err(error) => {
                    crate::log::warn(&error.message);
                    cloud.servers.remove(&self.id);
                    return;
                }
            };
        }
    }

    async fn is_healthy(&self) -> bool {
        let answer = self.ask("GET", &self.health, "", Bytes::new()).await;
        answer.is_ok_and(|answer| answer.code == StatusCode::OK)
    }

    /// Sends a body to the route of predictions.
    pub(crate) async fn predict(&self, kind: &str, body: Bytes) -> Result<Answer> {
        let answer = tokio::time::timeout(LONGEST_PREDICTION, self.ask("POST", &self.predict, kind, body)).await;
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(ApiError::new(
                Status::Unavailable,
                format!("The model server does not answer: {error}"),
            )),
            Err(_) => Err(ApiError::new(
                Status::Unavailable,
                format!(
                    "The model server did not answer within {}s.",
                    LONGEST_PREDICTION.as_secs()
                ),
            )),
        }
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: Bytes,
    ) -> std::result::Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", format!("127.0.0.1:{}", self.port));
        if !kind.is_empty() {
            request = request.header("content-type", kind);
        }
        let response = sender.send_request(request.body(Full::new(body))?).await?;
        let code = response.status();
        let kind = response
            .headers()
            .get("content-type")
            .and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or("application/json").to_owned();
        let body = Limited::new(response.into_body(), LARGEST_ANSWER)
            .collect()
            .await?
            .to_bytes();
        connection.abort();
        Ok(Answer { code, kind, body })
    }
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    let none = |error: std::io::Error| ApiError::new(Status::Internal, format!("no port is free: {error}"));
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(none)?;
    Ok(listener.local_addr().map_err(none)?.port())
}
