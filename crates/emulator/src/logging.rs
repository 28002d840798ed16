//! Cloud Logging: entries written and listed (<https://cloud.google.com/logging/docs/reference/v2/rest/v2/entries>).

mod filter;

use hyper::Method;
use identity::ResourceName;
use serde_json::{Map, Value as Json, json};

use crate::access::Caller;
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result};
use crate::store::{Store, StoreError};
use crate::time;

pub(crate) use filter::Filter;

/// The sequence of the entries of a project.
fn sequence(project: &str) -> String {
    format!("log {project}")
}

const DEFAULT_PAGE: usize = 50;
const LARGEST_PAGE: usize = 1000;
/// Entries that are looked at in one go.
const BATCH: usize = 1000;

/// Answers below `/v2`.
pub(crate) async fn answer(cloud: &Cloud, caller: &Caller, call: &mut Call, rest: &[&str]) -> Result<Reply> {
    let verb = call.verb.clone();
    match (call.method.clone(), rest, verb.as_deref()) {
        (Method::POST, ["entries"], Some("write")) => {
            let body = call.json().await?;
            write(cloud, caller, &body)
        }
        (Method::POST, ["entries"], Some("list")) => {
            let body = call.json().await?;
            list(cloud, caller, &body)
        }
        _ => Err(ApiError::unimplemented("this method of Cloud Logging")),
    }
}

fn write(cloud: &Cloud, caller: &Caller, body: &Json) -> Result<Reply> {
    let entries = body["entries"]
        .as_array()
        .ok_or_else(|| ApiError::invalid("entries are missing"))?;
    let mut by_project: Vec<(String, Vec<Json>)> = Vec::new();
    for entry in entries {
        let mut entry = entry.clone();
        if !entry.is_object() {
            return Err(ApiError::invalid("An entry is no object."));
        }
        for field in ["logName", "resource"] {
            if entry.get(field).is_none_or(Json::is_null) && !body[field].is_null() {
                entry[field] = body[field].clone();
            }
        }
        for (name, value) in body["labels"].as_object().into_iter().flatten() {
            if entry["labels"].get(name).is_none() {
                entry["labels"][name] = value.clone();
            }
        }
        let name = entry["logName"].as_str().unwrap_or_default();
        let project = name
            .strip_prefix("projects/")
            .and_then(|rest| rest.split_once("/logs/"));
        let Some((project, _)) = project else {
            return Err(ApiError::invalid(format!(
                "logName {name:?} must be projects/PROJECT/logs/LOG."
            )));
        };
        let project = cloud.project_id(project);
        if !["textPayload", "jsonPayload", "protoPayload"]
            .iter()
            .any(|field| entry.get(field).is_some())
        {
            return Err(ApiError::invalid("An entry has no payload."));
        }
        match by_project.iter_mut().find(|(known, _)| *known == project) {
            Some((_, entries)) => entries.push(entry),
            None => by_project.push((project, vec![entry])),
        }
    }
    for (project, _) in &by_project {
        let resource = ResourceName::project(project);
        cloud
            .authority
            .require(caller, "logging.logEntries.create", &resource)?;
    }
    if body["dryRun"] != true {
        for (project, entries) in by_project {
            append(&cloud.store, &project, entries)?;
        }
    }
    Ok(Reply::json(&json!({})))
}

/// Adds entries to the log of a project, in their order.
pub(crate) fn append(store: &Store, project: &str, mut entries: Vec<Json>) -> Result<(), StoreError> {
    let received = time::now_text();
    let first = store.next_of("log entry", entries.len() as u64)?;
    for (number, entry) in (first..).zip(&mut entries) {
        let fields: [(&str, Json); 4] = [
            ("insertId", format!("{number:016x}").into()),
            ("timestamp", received.clone().into()),
            ("receiveTimestamp", received.clone().into()),
            ("severity", "DEFAULT".into()),
        ];
        for (field, value) in fields {
            if entry.get(field).is_none_or(Json::is_null) {
                entry[field] = value;
            }
        }
    }
    store.append(&sequence(project), &entries)
}

/// An entry for what a job wrote.
pub(crate) fn entry(project: &str, log: &str, resource: (&str, Json), severity: &str, text: &str) -> Json {
    let log = log.replace('/', "%2F");
    let mut entry = Map::new();
    entry.insert("logName".to_owned(), format!("projects/{project}/logs/{log}").into());
    entry.insert("resource".to_owned(), json!({"type": resource.0, "labels": resource.1}));
    entry.insert("timestamp".to_owned(), time::now_text().into());
    entry.insert("severity".to_owned(), severity.into());
    match serde_json::from_str::<Json>(text) {
        // As the agent does: a line that is an object is the payload.
        Ok(Json::Object(mut fields)) => {
            if let Some(Json::String(severity)) = fields.remove("severity") {
                entry.insert("severity".to_owned(), severity.to_ascii_uppercase().into());
            }
            entry.insert("jsonPayload".to_owned(), Json::Object(fields));
        }
        _ => {
            entry.insert("textPayload".to_owned(), text.into());
        }
    }
    Json::Object(entry)
}

fn list(cloud: &Cloud, caller: &Caller, body: &Json) -> Result<Reply> {
    let names = body["resourceNames"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_str);
    let projects: Vec<String> = names
        .filter_map(|name| name.strip_prefix("projects/"))
        .map(|rest| cloud.project_id(rest.split('/').next().unwrap_or(rest)))
        .collect();
    let [project] = projects.as_slice() else {
        return Err(ApiError::invalid(
            "resourceNames must be one project: projects/PROJECT.",
        ));
    };
    let resource = ResourceName::project(project);
    cloud.authority.require(caller, "logging.logEntries.list", &resource)?;
    let filter = Filter::parse(body["filter"].as_str().unwrap_or_default())
        .map_err(|error| ApiError::invalid(format!("Unparseable filter: {error}")))?;
    let size = match body["pageSize"].as_u64() {
        None | Some(0) => DEFAULT_PAGE,
        Some(size) => usize::try_from(size).unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE),
    };
    let is_newest_first = match body["orderBy"].as_str() {
        None | Some("" | "timestamp" | "timestamp asc") => false,
        Some("timestamp desc") => true,
        Some(other) => {
            return Err(ApiError::invalid(format!(
                "orderBy {other:?} must be timestamp asc or timestamp desc."
            )));
        }
    };
    let skip: usize = match body["pageToken"].as_str() {
        None | Some("") => 0,
        Some(token) => token
            .parse()
            .map_err(|_| ApiError::invalid("page_token is not valid."))?,
    };
    let mut found = matching(&cloud.store, project, &filter)?;
    found.sort_by(|a, b| a["timestamp"].as_str().cmp(&b["timestamp"].as_str()));
    if is_newest_first {
        found.reverse();
    }
    let is_more = found.len() > skip + size;
    let entries: Vec<Json> = found.into_iter().skip(skip).take(size).collect();
    let mut page = json!({});
    if !entries.is_empty() {
        page["entries"] = entries.into();
    }
    if is_more {
        page["nextPageToken"] = (skip + size).to_string().into();
    }
    Ok(Reply::json(&page))
}

fn matching(store: &Store, project: &str, filter: &Filter) -> Result<Vec<Json>> {
    let mut found = Vec::new();
    let mut after = 0;
    loop {
        let batch = store.entries(&sequence(project), after, BATCH)?;
        let Some((last, _)) = batch.last() else { break };
        after = *last;
        found.extend(
            batch
                .into_iter()
                .map(|(_, entry)| entry)
                .filter(|entry| filter.takes(entry)),
        );
    }
    Ok(found)
}
