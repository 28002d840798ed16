//! Long-running operations (<https://google.aip.dev/151>): kept with their results until they are deleted.

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use serde_json::{Value as Json, json};

use super::{Place, resource};
use crate::access::Caller;
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result};
use crate::{page, time};

const KIND: &str = "operations";
/// The longest that a wait call waits.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

/// Messages of the package.
const PACKAGE: &str = "type.googleapis.com/google.cloud.aiplatform.v1.";

/// An operation that has begun; `what` is what its metadata is called: `CreateEndpoint`.
pub(crate) fn begin(cloud: &Cloud, at: Place<'_>, what: &str) -> Result<Json> {
    let name = format!("{}/operations/{}", at.name(), resource::new_id(cloud)?);
    let now = time::now_text();
    let operation = json!({
        "name": name,
        "done": false,
        "metadata": {
            "@type": format!("{PACKAGE}{what}OperationMetadata"),
            "genericMetadata": {"createTime": now, "updateTime": now},
        },
    });
    cloud.store.put(KIND, &name, &operation)?;
    Ok(operation)
}

/// Ends an operation with a message of a type, or an error.
pub(crate) fn end(cloud: &Cloud, operation: &Json, result: Result<(&str, Json), ApiError>) -> Result<Json> {
    let mut operation = operation.clone();
    operation["done"] = true.into();
    operation["metadata"]["genericMetadata"]["updateTime"] = time::now_text().into();
    match result {
        Ok((kind, message)) => {
            let package = if kind == "google.protobuf.Empty" {
                "type.googleapis.com/"
            } else {
                PACKAGE
            };
            let mut response = message;
            response["@type"] = format!("{package}{kind}").into();
            operation["response"] = response;
        }
        Err(error) => operation["error"] = error.rpc_status(),
    }
    let name = operation["name"].as_str().unwrap_or_default().to_owned();
    cloud.store.put(KIND, &name, &operation)?;
    Ok(operation)
}

/// An operation that is over when it is answered.
pub(super) fn done(cloud: &Cloud, at: Place<'_>, what: &str, kind: &str, message: Json) -> Result<Reply> {
    let operation = begin(cloud, at, what)?;
    end(cloud, &operation, Ok((kind, message))).map(|operation| Reply::json(&operation))
}

/// One whose result is nothing.
pub(super) fn deleted(cloud: &Cloud, at: Place<'_>) -> Result<Reply> {
    done(cloud, at, "Delete", "google.protobuf.Empty", json!({}))
}

/// Ends the operations that were going on when the cloud was stopped.
pub(crate) fn end_interrupted(cloud: &Cloud) -> Result<()> {
    for (_, operation) in cloud.store.all(KIND)? {
        if operation["done"] != true {
            let error = ApiError::new(
                crate::error::Status::Aborted,
                "The embedded cloud was stopped meanwhile.",
            );
            end(cloud, &operation, Err(error))?;
        }
    }
    Ok(())
}

pub(super) async fn answer(
    cloud: &Arc<Cloud>,
    caller: &Caller,
    call: &mut Call,
    at: Place<'_>,
    rest: &[&str],
) -> Result<Reply> {
    let verb = call.verb.clone();
    let method = call.method.clone();
    match (method, rest, verb.as_deref()) {
        (Method::GET, [], None) => {
            resource::require(cloud, caller, "operations.list", &at.name())?;
            let found = cloud
                .store
                .list(KIND, &format!("{}/operations/", at.name()), "", usize::MAX)?;
            page::of(call, KIND, found).map(|page| Reply::json(&page))
        }
        // Who knows its name has begun it: reading it needs no permission of its own.
        (Method::GET, [id], None) => one(cloud, at, id).map(|operation| Reply::json(&operation)),
        (Method::POST, [id], Some("wait")) => {
            let asked = call
                .query("timeout")
                .and_then(|text| text.strip_suffix('s')?.parse().ok());
            let wait = asked.map_or(LONGEST_WAIT, |seconds: f64| {
                Duration::try_from_secs_f64(seconds)
                    .unwrap_or(LONGEST_WAIT)
                    .min(LONGEST_WAIT)
            });
            let deadline = tokio::time::Instant::now() + wait;
            loop {
                let operation = one(cloud, at, id)?;
                if operation["done"] == true || tokio::time::Instant::now() >= deadline {
                    return Ok(Reply::json(&operation));
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        (Method::DELETE, [id], None) => {
            let operation = one(cloud, at, id)?;
            cloud
                .store
                .delete(KIND, operation["name"].as_str().unwrap_or_default())?;
            Ok(Reply::json(&json!({})))
        }
        _ => Err(ApiError::unimplemented("this method of operations")),
    }
}

fn one(cloud: &Cloud, at: Place<'_>, id: &str) -> Result<Json> {
    resource::get(cloud, KIND, &format!("{}/operations/{id}", at.name()))
}
