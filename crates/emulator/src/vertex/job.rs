//! What jobs of all kinds have in common: they are created, and then they are looked at, cancelled and deleted.

use std::sync::Arc;

use hyper::Method;
use serde_json::{Value as Json, json};

use super::{Place, operation, resource};
use crate::access::Caller;
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};
use crate::fault::Effect;
use crate::work::job::{self, Work};

/// A kind of job.
pub(super) struct Kind {
    /// As in the paths: `customJobs`.
    pub(super) name: &'static str,
    /// Whether what was sent can be run, and the caller may have it run; it may add to it.
    pub(super) accept: fn(&Cloud, &Caller, &mut Json) -> Result<()>,
    pub(super) work: Work,
}

pub(super) async fn answer(
    kind: &Kind,
    cloud: &Arc<Cloud>,
    caller: &Caller,
    call: &mut Call,
    at: Place<'_>,
    rest: &[&str],
    effects: &[Effect],
) -> Result<Reply> {
    let method = call.method.clone();
    let verb = call.verb.clone();
    let named = |id: &str| format!("{}/{}/{id}", at.name(), kind.name);
    let require = |method: &str, name: &str| resource::require(cloud, caller, &format!("{}.{method}", kind.name), name);
    match (method, rest, verb.as_deref()) {
        (Method::POST, [], None) => {
            require("create", &at.name())?;
            let mut sent = call.json().await?;
            resource::text(&sent, "displayName")?;
            (kind.accept)(cloud, caller, &mut sent)?;
            let name = named(&resource::new_id(cloud)?);
            let mut job = resource::new(&name, sent);
            job["state"] = "JOB_STATE_PENDING".into();
            cloud.store.put(kind.name, &name, &job)?;
            job::start(cloud, kind.name, &name, kind.work, effects.contains(&Effect::StockOut));
            Ok(Reply::json(&job))
        }
        (Method::GET, [], None) => {
            require("list", &at.name())?;
            resource::list(cloud, call, kind.name, at)
        }
        (Method::GET, [id], None) => {
            require("get", &named(id))?;
            resource::get(cloud, kind.name, &named(id)).map(|job| Reply::json(&job))
        }
        (Method::DELETE, [id], None) => {
            require("delete", &named(id))?;
            let job = resource::get(cloud, kind.name, &named(id))?;
            if !job::is_over(&job) {
                let message = format!("The job {} is still running: cancel it first.", named(id));
                return Err(ApiError::new(Status::FailedPrecondition, message));
            }
            cloud.store.delete(kind.name, &named(id))?;
            operation::deleted(cloud, at)
        }
        (Method::POST, [id], Some("cancel")) => {
            require("cancel", &named(id))?;
            resource::get(cloud, kind.name, &named(id))?;
            job::cancel(cloud, kind.name, &named(id))?;
            Ok(Reply::json(&json!({})))
        }
        _ => Err(ApiError::unimplemented(format!("this method of {}", kind.name))),
    }
}
