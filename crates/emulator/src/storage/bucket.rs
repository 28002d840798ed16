//! Buckets (<https://cloud.google.com/storage/docs/json_api/v1/buckets>) and their policies.

use hyper::{Method, StatusCode};
use serde_json::{Map, Value as Json, json};

use super::catalog;
use super::list::Page;
use super::object::CLASSES;
use super::permission::{Target, require, worded};
use super::precondition::Preconditions;
use super::{BUCKET, NONCURRENT, OBJECT, name};
use crate::access::{Caller, POLICY};
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};
use crate::iam;
use crate::time;

/// What callers say of a bucket, and is kept as they say it.
const FIELDS: [&str; 18] = [
    "autoclass",
    "billing",
    "cors",
    "customPlacementConfig",
    "defaultEventBasedHold",
    "encryption",
    "hierarchicalNamespace",
    "iamConfiguration",
    "labels",
    "lifecycle",
    "location",
    "logging",
    "retentionPolicy",
    "rpo",
    "softDeletePolicy",
    "storageClass",
    "versioning",
    "website",
];

/// `/storage/v1/b`.
pub(super) async fn collection(cloud: &Cloud, caller: &Caller, call: &mut Call) -> Result<Reply> {
    let project = call.query("project").map(|project| cloud.project_id(project));
    let project = project
        .ok_or_else(|| ApiError::invalid("Required parameter: project").legacy(StatusCode::BAD_REQUEST, "required"))?;
    match call.method {
        Method::POST => insert(cloud, caller, call, &project).await,
        Method::GET => list(cloud, caller, call, &project),
        _ => Err(ApiError::unimplemented("this method of buckets")),
    }
}

async fn insert(cloud: &Cloud, caller: &Caller, call: &mut Call, project: &str) -> Result<Reply> {
    require(cloud, caller, "buckets.create", Target::Project(project))?;
    let body = call.json().await?;
    let bucket = body["name"].as_str().unwrap_or_default();
    name::check_bucket(bucket)?;
    let now = time::now_text();
    let mut document = Map::new();
    set_fields(&mut document, &body)?;
    let location = body["location"].as_str().unwrap_or("US").to_ascii_uppercase();
    for (field, value) in [
        ("name", bucket),
        ("project", project),
        ("projectId", project),
        ("location", &location),
        ("timeCreated", &now),
        ("updated", &now),
        ("metageneration", "1"),
    ] {
        document.insert(field.to_owned(), value.into());
    }
    document.entry("storageClass").or_insert_with(|| "STANDARD".into());
    let document = Json::Object(document);
    if !cloud.store.insert(BUCKET, bucket, &document)? {
        let other = cloud.store.get(BUCKET, bucket)?;
        let is_own = other.is_some_and(|other| other["project"] == project);
        return Err(ApiError::new(
            Status::AlreadyExists,
            match is_own {
                true => "Your previous request to create the named bucket succeeded and you already own it.",
                false => {
                    "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again."
                }
            },
        ));
    }
    cloud.authority.reload(&cloud.store)?;
    Ok(Reply::json(&shown(cloud, &document)))
}

fn list(cloud: &Cloud, caller: &Caller, call: &Call, project: &str) -> Result<Reply> {
    require(cloud, caller, "buckets.list", Target::Project(project))?;
    let prefix = call.query("prefix").unwrap_or_default();
    let page = Page::of(call)?;
    let from = page.from.as_ref().map_or("", |(name, _)| name);
    let found = cloud
        .store
        .range(BUCKET, prefix, name::behind(prefix).as_deref(), usize::MAX)?;
    let mut found = found
        .into_iter()
        .filter(|(name, bucket)| bucket["project"] == project && name.as_str() >= from)
        .peekable();
    let mut items = Vec::new();
    let mut last = String::new();
    while items.len() < page.size {
        let Some((name, bucket)) = found.next() else { break };
        items.push(shown(cloud, &bucket));
        last = name;
    }
    let mut json = json!({"kind": "storage#buckets"});
    if found.peek().is_some() {
        json["nextPageToken"] = Page::token(&format!("{last}\0"), None).into();
    }
    if !items.is_empty() {
        json["items"] = items.into();
    }
    Ok(Reply::json(&json))
}

/// `/storage/v1/b/BUCKET`.
pub(super) async fn one(cloud: &Cloud, caller: &Caller, call: &mut Call, bucket: &str) -> Result<Reply> {
    let preconditions = Preconditions::of(call)?;
    let target = Target::Bucket(bucket);
    let document = catalog::bucket(cloud, bucket)?;
    match call.method {
        Method::GET => {
            require(cloud, caller, "buckets.get", target)?;
            preconditions.check_read((0, metageneration(&document)))?;
            Ok(Reply::json(&shown(cloud, &document)))
        }
        Method::PATCH | Method::PUT => {
            require(cloud, caller, "buckets.update", target)?;
            let is_whole = call.method == Method::PUT;
            let body = call.json().await?;
            let document = cloud.store.change(BUCKET, bucket, |document| {
                let Some(Json::Object(there)) = document.as_mut() else {
                    return Err(ApiError::not_found("The specified bucket does not exist."));
                };
                update(there, &body, is_whole, &preconditions)?;
                Ok(document.clone().unwrap_or_default())
            })?;
            Ok(Reply::json(&shown(cloud, &document)))
        }
        Method::DELETE => {
            require(cloud, caller, "buckets.delete", target)?;
            delete(cloud, bucket, &preconditions)?;
            Ok(Reply::bytes(StatusCode::NO_CONTENT, Vec::new()))
        }
        _ => Err(ApiError::unimplemented("this method of a bucket")),
    }
}

fn update(there: &mut Map<String, Json>, body: &Json, is_whole: bool, preconditions: &Preconditions) -> Result<()> {
    let before = Json::Object(there.clone());
    preconditions.check(Some((0, metageneration(&before))))?;
    if is_whole {
        there.retain(|field, _| !FIELDS.contains(&field.as_str()));
    }
    set_fields(there, body)?;
    // Where a bucket is does not change.
    there.insert("location".to_owned(), before["location"].clone());
    there
        .entry("storageClass")
        .or_insert_with(|| before["storageClass"].clone());
    there.insert("updated".to_owned(), time::now_text().into());
    let next = metageneration(&before) + 1;
    there.insert("metageneration".to_owned(), next.to_string().into());
    Ok(())
}

fn delete(cloud: &Cloud, bucket: &str, preconditions: &Preconditions) -> Result<()> {
    cloud.store.transact(|transaction| {
        let document = transaction.get(BUCKET, bucket)?;
        let document = document.ok_or_else(|| ApiError::not_found("The specified bucket does not exist."))?;
        preconditions.check(Some((0, metageneration(&document))))?;
        let prefix = name::key(bucket, "");
        for kind in [OBJECT, NONCURRENT] {
            let held = transaction.range(kind, &prefix, name::behind(&prefix).as_deref(), 1)?;
            if !held.is_empty() {
                return Err(ApiError::new(
                    Status::AlreadyExists,
                    "The bucket you tried to delete is not empty.",
                ));
            }
        }
        transaction.delete(BUCKET, bucket)?;
        // A bucket that is made later under the name is another one.
        transaction.delete(POLICY, super::resource(bucket).as_str())?;
        Ok(())
    })?;
    cloud.authority.reload(&cloud.store)?;
    Ok(())
}

/// Puts what a body says of a bucket in place of what was said; null takes a field away.
fn set_fields(document: &mut Map<String, Json>, body: &Json) -> Result<()> {
    for field in FIELDS {
        let Some(value) = body.get(field) else { continue };
        let is_right = match field {
            "storageClass" => value.is_null() || value.as_str().is_some_and(|class| CLASSES.contains(&class)),
            "location" | "rpo" => value.is_null() || value.is_string(),
            "defaultEventBasedHold" => value.is_null() || value.is_boolean(),
            "cors" => value.is_null() || value.is_array(),
            "labels" => value.is_null() || value.as_object().is_some_and(are_labels),
            _ => value.is_null() || value.is_object(),
        };
        if !is_right {
            return Err(ApiError::invalid(format!("Invalid value for {field}: {value}.")));
        }
        merge(document, field, value);
    }
    Ok(())
}

fn are_labels(labels: &Map<String, Json>) -> bool {
    let right = |text: &str| text.len() <= 63 && !text.contains(char::is_uppercase);
    labels
        .iter()
        .all(|(key, value)| !key.is_empty() && right(key) && (value.is_null() || value.as_str().is_some_and(right)))
}

/// A merge patch (RFC 7396).
fn merge(into: &mut Map<String, Json>, field: &str, value: &Json) {
    match (into.get_mut(field), value) {
        (_, Json::Null) => {
            into.remove(field);
        }
        (Some(Json::Object(there)), Json::Object(given)) => {
            for (field, value) in given {
                merge(there, field, value);
            }
        }
        (_, Json::Object(given)) => {
            let mut there = Map::new();
            for (field, value) in given {
                merge(&mut there, field, value);
            }
            into.insert(field.to_owned(), Json::Object(there));
        }
        (_, value) => {
            into.insert(field.to_owned(), value.clone());
        }
    }
}

fn metageneration(document: &Json) -> u64 {
    let text = document["metageneration"].as_str();
    text.and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// As the API shows it.
fn shown(cloud: &Cloud, document: &Json) -> Json {
    let mut json = document.clone();
    let bucket = document["name"].as_str().unwrap_or_default();
    let project = document["project"].as_str().unwrap_or_default();
    json["kind"] = "storage#bucket".into();
    json["id"] = bucket.into();
    json["selfLink"] = format!("{}/storage/v1/b/{bucket}", cloud.url).into();
    json["projectNumber"] = project_number(cloud, project).into();
    json["etag"] = super::object::etag(&[metageneration(document)]).into();
    json["locationType"] = match document["location"].as_str() {
        Some("US" | "EU" | "ASIA") => "multi-region".into(),
        _ => "region".into(),
    };
    json["iamConfiguration"]["uniformBucketLevelAccess"] = json!({"enabled": true});
    if let Json::Object(fields) = &mut json {
        fields.remove("project");
        fields.remove("projectId");
    }
    let access = &mut json["iamConfiguration"]["publicAccessPrevention"];
    if access.is_null() {
        *access = "inherited".into();
    }
    json
}

/// The number of a project, as far as it is known.
pub(super) fn project_number(cloud: &Cloud, project: &str) -> String {
    let number = cloud.authority.ask(|reasoner| {
        let numbers = &reasoner.state().project_numbers;
        let mut found = numbers.iter().filter(|(_, id)| id.as_str() == project);
        found.next().map(|(number, _)| number.clone())
    });
    number.unwrap_or_else(|| "0".to_owned())
}

/// `/storage/v1/b/BUCKET/iam`.
pub(super) async fn policy(
    cloud: &Cloud,
    caller: &Caller,
    call: &mut Call,
    bucket: &str,
    rest: &[&str],
) -> Result<Reply> {
    catalog::bucket(cloud, bucket)?;
    let resource = super::resource(bucket);
    let target = Target::Bucket(bucket);
    let told = |mut policy: Json| {
        policy["kind"] = "storage#policy".into();
        policy["resourceId"] = format!("projects/_/buckets/{bucket}").into();
        Reply::json(&policy)
    };
    match (&call.method, rest) {
        (&Method::GET, []) => {
            let permission = "storage.buckets.getIamPolicy";
            let policy = iam::policy::get(cloud, caller, &resource, permission);
            policy
                .map(told)
                .map_err(|error| worded(error, caller, permission, target))
        }
        (&Method::PUT, []) => {
            let permission = "storage.buckets.setIamPolicy";
            require(cloud, caller, "buckets.setIamPolicy", target)?;
            let body = call.json().await?;
            let policy = iam::policy::set(cloud, caller, &resource, permission, &body);
            policy.map(told).map_err(|error| match error.status {
                // What is a conflict of policies elsewhere is a precondition here.
                Status::Aborted => error.legacy(StatusCode::PRECONDITION_FAILED, "conditionNotMet"),
                _ => worded(error, caller, permission, target),
            })
        }
        (&Method::GET, ["testPermissions"]) => {
            let asked = call.query.iter().filter(|(name, _)| name == "permissions");
            let asked: Vec<String> = asked.map(|(_, permission)| permission.clone()).collect();
            let mut held = iam::policy::test(cloud, caller, &resource, &asked);
            held["kind"] = "storage#testIamPermissionsResponse".into();
            Ok(Reply::json(&held))
        }
        _ => Err(ApiError::unimplemented("this method of policies of buckets")),
    }
}
