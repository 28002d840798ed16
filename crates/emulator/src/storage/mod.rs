//! Cloud Storage: the JSON API (<https://cloud.google.com/storage/docs/json_api/v1>). Buckets have uniform access: there
//! are policies, and no access control lists.

mod batch;
mod bucket;
mod catalog;
mod content;
mod copy;
mod crc32c;
mod download;
mod folder;
mod list;
mod name;
mod object;
mod permission;
mod precondition;
mod related;
mod resumable;
mod upload;

use std::io::Read;

use hyper::{Method, StatusCode};
use identity::ResourceName;
use serde_json::{Map, Value as Json, json};

use crate::access::Caller;
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};

pub(crate) use content::{Storage, tidy};
pub(crate) use folder::{Seen, collect, mount};

/// Documents of buckets, by name.
pub(crate) const BUCKET: &str = "bucket";
/// Documents of live versions, by bucket and name.
const OBJECT: &str = "object";
/// Documents of other versions, by bucket, name and generation.
const NONCURRENT: &str = "noncurrent object";
/// Documents of resumable uploads, by their ids.
const UPLOAD: &str = "upload";

/// Answers below `/storage`, `/upload/storage`, `/resumable/upload/storage` and `/download/storage`.
pub(crate) async fn answer(cloud: &Cloud, caller: &Caller, call: &mut Call) -> Result<Reply> {
    // No method is named behind a colon here; names may have one.
    if let Some(verb) = call.verb.take()
        && let Some(last) = call.segments.last_mut()
    {
        last.push(':');
        last.push_str(&verb);
    }
    let segments = call.segments.clone();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    match path.as_slice() {
        // gsutil has resumable uploads at a path of their own.
        ["upload", "storage", "v1", "b", bucket, "o"] | ["resumable", "upload", "storage", "v1", "b", bucket, "o"] => {
            upload::answer(cloud, caller, call, bucket).await
        }
        ["download", "storage", "v1", "b", bucket, "o", object] if call.method == Method::GET => {
            download::answer(cloud, caller, call, (bucket, object)).await
        }
        ["storage", "v1", rest @ ..] => metadata(cloud, caller, call, rest).await,
        _ => Err(unknown(&path)),
    }
}

/// The content of an object, if it is there and the caller may read it.
pub(crate) fn read(cloud: &Cloud, caller: &Caller, bucket: &str, name: &str) -> Result<Option<Vec<u8>>> {
    let wanted = catalog::Wanted {
        bucket,
        name,
        generation: None,
    };
    let object = match catalog::find(cloud, caller, wanted) {
        Err(error) if error.status == Status::NotFound => return Ok(None),
        found => found?,
    };
    let mut content = Vec::new();
    let mut file = cloud.storage.file(&object.blob).map_err(content::disk)?;
    file.read_to_end(&mut content).map_err(content::disk)?;
    Ok(Some(content))
}

/// Answers `/batch/storage/v1`.
pub(crate) async fn batch(cloud: &Cloud, caller: &Caller, call: &mut Call) -> Result<Reply> {
    batch::answer(cloud, caller, call).await
}

/// What is below `/storage/v1`.
async fn metadata(cloud: &Cloud, caller: &Caller, call: &mut Call, path: &[&str]) -> Result<Reply> {
    let method = call.method.clone();
    match (&method, path) {
        (_, ["b"]) => bucket::collection(cloud, caller, call).await,
        (_, ["b", bucket]) => bucket::one(cloud, caller, call, bucket).await,
        (_, ["b", bucket, "iam", rest @ ..]) => bucket::policy(cloud, caller, call, bucket, rest).await,
        (&Method::GET, ["b", bucket, "o"]) => list::answer(cloud, caller, call, bucket),
        (_, ["b", bucket, "o", object]) => one(cloud, caller, call, (bucket, object)).await,
        (&Method::POST, ["b", bucket, "o", object, "compose"]) => {
            copy::compose(cloud, caller, call, (bucket, object)).await
        }
        (
            &Method::POST,
            [
                "b",
                from,
                "o",
                source,
                word @ ("rewriteTo" | "copyTo"),
                "b",
                to,
                "o",
                object,
            ],
        ) => {
            let copied = copy::copy(cloud, caller, call, (from, source), (to, object)).await?;
            Ok(Reply::json(&match *word {
                "copyTo" => copied.shown(&cloud.url),
                _ => json!({
                    "kind": "storage#rewriteResponse",
                    "totalBytesRewritten": copied.size.to_string(),
                    "objectSize": copied.size.to_string(),
                    "done": true,
                    "resource": copied.shown(&cloud.url),
                }),
            }))
        }
        (&Method::POST, ["b", bucket, "o", source, "moveTo", "o", object]) => {
            let moved = copy::rename(cloud, caller, call, bucket, (source, object)).await?;
            Ok(Reply::json(&moved.shown(&cloud.url)))
        }
        (_, ["b", _, "acl" | "defaultObjectAcl", ..] | ["b", _, "o", _, "acl", ..]) => Err(ApiError::invalid(
            "Cannot use ACL API to update bucket policy when uniform bucket-level access is enabled. Read more at https://cloud.google.com/storage/docs/uniform-bucket-level-access",
        )),
        (&Method::GET, ["projects", project, "serviceAccount"]) => {
            let project = cloud.project_id(project);
            permission::require(
                cloud,
                caller,
                "projects.getServiceAccount",
                permission::Target::Project(&project),
            )
            .or_else(|_| permission::require(cloud, caller, "buckets.list", permission::Target::Project(&project)))?;
            let number = bucket::project_number(cloud, &project);
            Ok(Reply::json(&json!({
                "kind": "storage#serviceAccount",
                "email_address": format!("service-{number}@gs-project-accounts.iam.gserviceaccount.com"),
            })))
        }
        _ => Err(unknown(path)),
    }
}

/// The methods of an object that are about what is said of it, and its content where that is asked for.
async fn one(cloud: &Cloud, caller: &Caller, call: &mut Call, at: (&str, &str)) -> Result<Reply> {
    let wanted = catalog::Wanted {
        bucket: at.0,
        name: at.1,
        generation: call.number("generation")?,
    };
    let preconditions = precondition::Preconditions::of(call)?;
    match call.method {
        Method::GET if call.query("alt") == Some("media") => download::answer(cloud, caller, call, at).await,
        Method::GET => {
            let object = catalog::find(cloud, caller, wanted)?;
            preconditions.check_read(object.version())?;
            Ok(Reply::json(&object.shown(&cloud.url)).with("etag", &object.etag()))
        }
        Method::DELETE => {
            catalog::remove(cloud, caller, wanted, &preconditions)?;
            Ok(Reply::bytes(StatusCode::NO_CONTENT, Vec::new()))
        }
        Method::PATCH | Method::PUT => {
            let is_whole = call.method == Method::PUT;
            let body = call.json().await?;
            let object = catalog::change(cloud, caller, wanted, &preconditions, |fields| {
                update(fields, &body, is_whole)
            })?;
            Ok(Reply::json(&object.shown(&cloud.url)))
        }
        _ => Err(ApiError::unimplemented("this method of objects")),
    }
}

/// Sets what callers say of an object, all of it or a part. A custom time stays, and only grows.
fn update(fields: &mut Map<String, Json>, body: &Json, is_whole: bool) -> Result<()> {
    let time = fields.get("customTime").cloned();
    let class = fields.get("storageClass").cloned();
    if is_whole {
        fields.clear();
    }
    object::set_fields(fields, body)?;
    for (field, before) in [("customTime", &time), ("storageClass", &class)] {
        if let (None, Some(before)) = (fields.get(field), before) {
            if field == "customTime" && body.get(field).is_some() {
                return Err(ApiError::invalid("Custom time cannot be removed once it is set."));
            }
            fields.insert(field.to_owned(), before.clone());
        }
    }
    let moment = |value: Option<&Json>| expression::Timestamp::parse(value?.as_str()?);
    match moment(fields.get("customTime")) < moment(time.as_ref()) {
        true => Err(ApiError::invalid("Custom time cannot be set to an earlier time.")),
        false => Ok(()),
    }
}

fn unknown(path: &[&str]) -> ApiError {
    ApiError::not_found(format!(
        "The requested URL /{} was not found: the embedded cloud has no such method.",
        path.join("/")
    ))
}

/// The resource of a bucket, whose policy goes when it does.
fn resource(bucket: &str) -> ResourceName {
    ResourceName::bucket(bucket)
}
