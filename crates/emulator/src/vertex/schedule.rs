//! Schedules of pipelines (<https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.schedules>).

use std::sync::Arc;

use hyper::Method;
use serde_json::{Value as Json, json};

use super::{Place, operation, pipeline_job, resource};
use crate::access::Caller;
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};
use crate::time;
use crate::work::cron::Cron;
use crate::work::schedule::{now, plan, seconds};

pub(crate) const KIND: &str = "schedules";

/// What an update may set.
const SETTABLE: [&str; 9] = [
    "displayName",
    "cron",
    "startTime",
    "endTime",
    "maxRunCount",
    "maxConcurrentRunCount",
    "maxConcurrentActiveRunCount",
    "allowQueueing",
    "createPipelineJobRequest",
];

pub(super) async fn answer(
    cloud: &Arc<Cloud>,
    caller: &Caller,
    call: &mut Call,
    at: Place<'_>,
    rest: &[&str],
) -> Result<Reply> {
    let method = call.method.clone();
    let verb = call.verb.clone();
    let named = |id: &str| format!("{}/{KIND}/{id}", at.name());
    let require = |method: &str, name: &str| resource::require(cloud, caller, &format!("{KIND}.{method}"), name);
    match (method, rest, verb.as_deref()) {
        (Method::POST, [], None) => {
            require("create", &at.name())?;
            let mut sent = call.json().await?;
            check(&sent)?;
            check_request(cloud, caller, at, &mut sent)?;
            let name = named(&resource::new_id(cloud)?);
            let mut schedule = resource::new(&name, sent);
            schedule["state"] = "ACTIVE".into();
            schedule["startedRunCount"] = "0".into();
            schedule["catchUp"] = false.into();
            if schedule["startTime"].is_null() {
                schedule["startTime"] = schedule["createTime"].clone();
            }
            plan(&mut schedule, now());
            if schedule["state"] != "ACTIVE" {
                return Err(ApiError::invalid(
                    "The schedule would never run: see cron and end_time.",
                ));
            }
            cloud.store.put(KIND, &name, &schedule)?;
            cloud.schedules.notify_one();
            Ok(Reply::json(&schedule))
        }
        (Method::GET, [], None) => {
            require("list", &at.name())?;
            resource::list(cloud, call, KIND, at)
        }
        (Method::GET, [id], None) => {
            require("get", &named(id))?;
            resource::get(cloud, KIND, &named(id)).map(|schedule| Reply::json(&schedule))
        }
        (Method::PATCH, [id], None) => {
            require("patch", &named(id))?;
            let mut sent = call.json().await?;
            if sent["createPipelineJobRequest"].is_object() && changes_request(call) {
                check_request(cloud, caller, at, &mut sent)?;
            }
            let schedule = change(cloud, &named(id), |schedule| {
                resource::patch(call, schedule, &sent, &SETTABLE)?;
                check(schedule)?;
                if schedule["state"] == "COMPLETED" {
                    schedule["state"] = "ACTIVE".into();
                }
                plan(schedule, now());
                Ok(())
            })?;
            Ok(Reply::json(&schedule))
        }
        (Method::POST, [id], Some("pause")) => {
            require("pause", &named(id))?;
            change(cloud, &named(id), |schedule| {
                expect(schedule, "ACTIVE", "paused")?;
                schedule["state"] = "PAUSED".into();
                schedule["lastPauseTime"] = time::now_text().into();
                Ok(())
            })?;
            Ok(Reply::json(&json!({})))
        }
        (Method::POST, [id], Some("resume")) => {
            require("resume", &named(id))?;
            let is_caught_up = call.json().await?["catchUp"] == true;
            change(cloud, &named(id), |schedule| {
                expect(schedule, "PAUSED", "resumed")?;
                schedule["state"] = "ACTIVE".into();
                schedule["lastResumeTime"] = time::now_text().into();
                schedule["catchUp"] = is_caught_up.into();
                // What is to be caught up begins where it was paused.
                if !is_caught_up {
                    plan(schedule, now());
                }
                Ok(())
            })?;
            Ok(Reply::json(&json!({})))
        }
        (Method::DELETE, [id], None) => {
            require("delete", &named(id))?;
            resource::get(cloud, KIND, &named(id))?;
            cloud.store.delete(KIND, &named(id))?;
            operation::deleted(cloud, at)
        }
        _ => Err(ApiError::unimplemented(format!("this method of {KIND}"))),
    }
}

fn change(cloud: &Cloud, name: &str, change: impl FnOnce(&mut Json) -> Result<()>) -> Result<Json> {
    let schedule = cloud.store.change(KIND, name, |document| {
        let schedule = document.as_mut().ok_or_else(|| resource::not_found(name))?;
        change(schedule)?;
        schedule["updateTime"] = time::now_text().into();
        Ok::<_, ApiError>(schedule.clone())
    })?;
    cloud.schedules.notify_one();
    Ok(schedule)
}

fn expect(schedule: &Json, state: &str, what: &str) -> Result<()> {
    if schedule["state"] == state {
        return Ok(());
    }
    let (name, is) = (&schedule["name"], &schedule["state"]);
    let message = format!("The schedule {name} cannot be {what}: it is {is}.");
    Err(ApiError::new(Status::FailedPrecondition, message))
}

/// Whether the fields of a schedule are right.
fn check(schedule: &Json) -> Result<()> {
    resource::text(schedule, "displayName")?;
    let cron = resource::text(schedule, "cron")?;
    Cron::parse(cron).map_err(|error| ApiError::invalid(format!("Invalid cron {cron:?}: {error}.")))?;
    if resource::number(&schedule["maxConcurrentRunCount"]).is_none_or(|count| count < 1) {
        return Err(ApiError::invalid("max_concurrent_run_count must be at least 1."));
    }
    for field in ["maxRunCount", "maxConcurrentActiveRunCount"] {
        if !schedule[field].is_null() && resource::number(&schedule[field]).is_none_or(|count| count < 0) {
            return Err(ApiError::invalid(format!("{field} must not be negative.")));
        }
    }
    let moment = |field: &str| match schedule[field].as_str() {
        None => Ok(None),
        Some(text) => {
            let time = seconds(text);
            time.map(Some)
                .ok_or_else(|| ApiError::invalid(format!("{field} {text:?} is no time of RFC 3339.")))
        }
    };
    if let (Some(start), Some(end)) = (moment("startTime")?, moment("endTime")?)
        && end <= start
    {
        return Err(ApiError::invalid("end_time must be after start_time."));
    }
    Ok(())
}

/// Whether what is to be started can be, and the caller may have it started.
fn check_request(cloud: &Cloud, caller: &Caller, at: Place<'_>, sent: &mut Json) -> Result<()> {
    let request = &mut sent["createPipelineJobRequest"];
    if !request.is_object() {
        return Err(ApiError::unimplemented(
            "schedules of anything but pipelines: set createPipelineJobRequest",
        ));
    }
    let parent = resource::text(request, "parent")?;
    let place = match parent.split('/').collect::<Vec<_>>().as_slice() {
        ["projects", project, "locations", location] => (cloud.project_id(project), (*location).to_owned()),
        _ => {
            return Err(ApiError::invalid(format!(
                "Invalid parent {parent:?}: projects/P/locations/L is wanted."
            )));
        }
    };
    if (place.0.as_str(), place.1.as_str()) != (at.project, at.location) {
        return Err(ApiError::invalid(format!("The parent {parent} is not {}.", at.name())));
    }
    pipeline_job::check(cloud, caller, at, &mut request["pipelineJob"])
}

fn changes_request(call: &Call) -> bool {
    let mask = call.query("updateMask").unwrap_or_default();
    mask.contains("create_pipeline_job_request") || mask.contains("createPipelineJobRequest")
}
