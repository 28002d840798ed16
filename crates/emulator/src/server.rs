//! The listener, and which service answers what. All services are on one port: their paths tell them apart.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use identity::ResourceName;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::access::Caller;
use crate::call::{Body, Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result};
use crate::fault::{Effect, Fault};
use crate::metadata::Machine;
use crate::method::Methods;
use crate::{iam, iam_credentials, logging, metadata, oidc, storage, sts, token, vertex};

/// An answer that was asked to be lost.
#[derive(Debug, thiserror::Error)]
#[error("the answer was lost, as a fault asked")]
struct Lost;

/// The cloud as the machine of a job sees it.
pub(crate) struct MachineServer {
    pub(crate) address: SocketAddr,
    pub(crate) task: JoinHandle<()>,
}

/// Listens on a port of its own for one machine: its metadata server says who it is.
pub(crate) async fn serve_machine(cloud: &Arc<Cloud>, machine: Machine) -> std::io::Result<MachineServer> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let task = tokio::spawn(serve(Arc::clone(cloud), Arc::new(machine), listener));
    Ok(MachineServer { address, task })
}

/// Answers calls until the process ends.
pub(crate) async fn serve(cloud: Arc<Cloud>, machine: Arc<Machine>, listener: TcpListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // No more files may be opened: those that are open will be closed.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        // Answers are small, and waited for.
        let _ = stream.set_nodelay(true);
        let (cloud, machine) = (Arc::clone(&cloud), Arc::clone(&machine));
        tokio::spawn(async move {
            let service = service_fn(move |request| respond(Arc::clone(&cloud), Arc::clone(&machine), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            // Whoever called is gone, or the answer was to be lost.
            let _ = connection.await;
        });
    }
}

async fn respond(
    cloud: Arc<Cloud>,
    machine: Arc<Machine>,
    request: Request<Incoming>,
) -> std::result::Result<Response<Body>, Lost> {
    let path = request.uri().path().to_owned();
    let effects = match path.starts_with("/emulator/") {
        true => Vec::new(),
        false => cloud.faults.take(request.method().as_str(), &path),
    };
    for latency in effects.iter().filter_map(|effect| effect.latency()) {
        tokio::time::sleep(latency).await;
    }
    let refused = effects.iter().find_map(|effect| effect.status());
    let result = match refused {
        Some((status, message)) => Err(ApiError::new(status, message)),
        None => answer(&cloud, &machine, request, &effects).await,
    };
    if effects.contains(&Effect::LostAnswer) {
        return Err(Lost);
    }
    Ok(response(result, &path))
}

fn response(result: Result<Reply>, path: &str) -> Response<Body> {
    let reply = result.unwrap_or_else(|error| {
        let is_storage = [
            "/storage/",
            "/upload/storage/",
            "/download/storage/",
            "/batch/storage/",
            "/resumable/upload/storage/",
        ]
        .iter()
        .any(|prefix| path.starts_with(prefix));
        let body = if is_storage { error.storage_body() } else { error.body() };
        let reply = Reply::json_with(error.code(), &body);
        match error.challenge() {
            Some(challenge) => reply.with("www-authenticate", &challenge),
            None => reply,
        }
    });
    let mut response = Response::new(reply.body);
    *response.status_mut() = reply.code;
    for (name, value) in reply.headers {
        response.headers_mut().insert(name, value);
    }
    response
}

async fn answer(
    cloud: &Arc<Cloud>,
    machine: &Machine,
    request: Request<Incoming>,
    effects: &[Effect],
) -> Result<Reply> {
    let mut call = Call::new(request)?;
    let segments = call.segments.clone();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    // What needs no token.
    match path.as_slice() {
        [] | ["computeMetadata", ..] => {
            return metadata::answer(cloud, machine, &call);
        }
        ["oidc", ..] => return oidc::answer(cloud, &mut call).await,
        ["emulator", rest @ ..] => return control(cloud, &mut call, rest).await,
        ["v1", "token"] if call.method == Method::POST => {
            if let Some(method) = Methods::embedded().of(&call) {
                call.read(method).await?;
            }
            return sts::exchange(cloud, &mut call).await;
        }
        _ => {}
    }
    if effects.contains(&Effect::ExpiredToken)
        && let Some(text) = call.bearer()
    {
        token::expire(&cloud.store, text)?;
    }
    let caller = match (token::caller(&cloud.store, call.bearer())?, &machine.account) {
        (Caller::Anonymous, Some(account)) if machine.is_alone => Caller::Known(Cloud::as_account(account)),
        (caller, _) => caller,
    };
    let is_storage = path.iter().take(3).any(|part| *part == "storage");
    if !is_storage {
        cloud.authority.require_somebody(&caller)?;
    }
    if let Some(method) = Methods::embedded().of(&call) {
        cloud.authority.require_scope(&caller, method)?;
        call.read(method).await?;
    }
    let verb = call.verb.clone();
    match path.as_slice() {
        ["storage", ..] | ["upload" | "download", "storage", ..] | ["resumable", "upload", "storage", ..] => {
            storage::answer(cloud, &caller, &mut call).await
        }
        ["batch", "storage", ..] => storage::batch(cloud, &caller, &mut call).await,
        ["v2", rest @ ..] => logging::answer(cloud, &caller, &mut call, rest).await,
        ["v1", "projects", "-", "serviceAccounts", email] if verb.as_deref().is_some_and(is_of_credentials) => {
            iam_credentials::answer(cloud, &caller, &mut call, email, verb.as_deref().unwrap_or_default()).await
        }
        ["v1", "projects", project, "serviceAccounts", rest @ ..] => {
            let project = cloud.project_id(project);
            iam::service_account::answer(cloud, &caller, &mut call, &project, rest).await
        }
        [
            "v1",
            "projects",
            project,
            "locations",
            "global",
            "workloadIdentityPools",
            rest @ ..,
        ] => {
            let project = cloud.project_id(project);
            iam::pool::answer(cloud, &caller, &mut call, &project, rest).await
        }
        ["v1" | "v3", "projects", project] => {
            let project = cloud.project_id(project);
            of_project(cloud, &caller, &mut call, &project).await
        }
        [
            "v1" | "v1beta1" | "ui",
            "projects",
            project,
            "locations",
            location,
            rest @ ..,
        ] => {
            let project = cloud.project_id(project);
            vertex::answer(cloud, &caller, &mut call, (&project, location), rest, effects).await
        }
        _ => Err(ApiError::not_found(format!(
            "The requested URL /{} was not found: the embedded cloud has no such method.",
            path.join("/")
        ))),
    }
}

fn is_of_credentials(verb: &str) -> bool {
    matches!(verb, "generateAccessToken" | "generateIdToken" | "signBlob" | "signJwt")
}

/// A project itself: what it is, and its policy.
async fn of_project(cloud: &Cloud, caller: &Caller, call: &mut Call, project: &str) -> Result<Reply> {
    let resource = ResourceName::project(project);
    let verb = call.verb.clone();
    match (call.method.clone(), verb.as_deref()) {
        (Method::GET, None) => {
            cloud
                .authority
                .require(caller, "resourcemanager.projects.get", &resource)?;
            Ok(Reply::json(&json!({
                "name": format!("projects/{project}"),
                "projectId": project,
                "state": "ACTIVE",
                "lifecycleState": "ACTIVE",
            })))
        }
        (Method::POST, Some("getIamPolicy")) => {
            let permission = "resourcemanager.projects.getIamPolicy";
            iam::policy::get(cloud, caller, &resource, permission).map(|policy| Reply::json(&policy))
        }
        (Method::POST, Some("setIamPolicy")) => {
            let body = call.json().await?;
            let permission = "resourcemanager.projects.setIamPolicy";
            iam::policy::set(cloud, caller, &resource, permission, &body["policy"]).map(|policy| Reply::json(&policy))
        }
        (Method::POST, Some("testIamPermissions")) => {
            let permissions = iam::policy::permissions(&call.json().await?);
            Ok(Reply::json(&iam::policy::test(cloud, caller, &resource, &permissions)))
        }
        _ => Err(ApiError::unimplemented("this method of projects")),
    }
}

/// The cloud's own: faults, and whether it is there.
async fn control(cloud: &Cloud, call: &mut Call, rest: &[&str]) -> Result<Reply> {
    match (call.method.clone(), rest) {
        (Method::GET, ["health"]) => Ok(Reply::json(&json!({"status": "ready", "url": cloud.url}))),
        (Method::GET, ["faults"]) => Ok(Reply::json(&json!({"faults": cloud.faults.list()}))),
        (Method::POST, ["faults"]) => {
            let fault: Fault = serde_json::from_value(call.json().await?)
                .map_err(|error| ApiError::invalid(format!("This is no fault: {error}.")))?;
            cloud.faults.add(fault);
            Ok(Reply::json_with(
                StatusCode::CREATED,
                &json!({"faults": cloud.faults.list()}),
            ))
        }
        (Method::DELETE, ["faults"]) => {
            cloud.faults.clear();
            Ok(Reply::json(&json!({"faults": []})))
        }
        _ => Err(ApiError::not_found(
            "The emulator has /emulator/health and /emulator/faults.",
        )),
    }
}
