//! Uploads (<https://cloud.google.com/storage/docs/uploads-downloads>): the content as the body, in two parts with what is
//! said of the object, or in a session (see `resumable`).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::catalog::{self, Candidate};
use super::content::{Draft, Plain, Sums, drain, receive};
use super::object::{Object, set_fields};
use super::permission::{Target, require};
use super::precondition::Preconditions;
use super::related::{Related, boundary};
use super::{name, resumable};
use crate::access::Caller;
use crate::call::{Call, Content, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result};
use crate::store::Transaction;

/// `/upload/storage/v1/b/BUCKET/o`.
pub(super) async fn answer(cloud: &Cloud, caller: &Caller, call: &mut Call, bucket: &str) -> Result<Reply> {
    if let Some(id) = call.query("upload_id").map(str::to_owned) {
        return resumable::go_on(cloud, call, &id).await;
    }
    let kind = call.query("uploadType").unwrap_or_default().to_owned();
    if kind == "resumable" {
        return resumable::begin(cloud, caller, call, bucket).await;
    }
    let Some(mut body) = call.stream() else {
        return Err(ApiError::invalid("The body is missing."));
    };
    let object = match kind.as_str() {
        "media" => media(cloud, caller, (call, &mut body), bucket).await,
        "multipart" => multipart(cloud, caller, (call, &mut body), bucket).await,
        _ => Err(ApiError::invalid(format!(
            "Invalid value for uploadType: {kind:?} must be media, multipart or resumable."
        ))),
    };
    match object {
        Ok(object) => Ok(Reply::json(&object.shown(&cloud.url))),
        Err(error) => {
            drain(&mut body).await;
            Err(error)
        }
    }
}

async fn media(cloud: &Cloud, caller: &Caller, (call, body): (&Call, &mut Content), bucket: &str) -> Result<Object> {
    let said = Said::new(call, bucket, &Json::Null)?;
    allow(cloud, caller, bucket, &said.name)?;
    let draft = Draft::new(&cloud.storage)?;
    let (draft, received) = receive(draft, body, &mut Plain).await?;
    received?;
    said.finish(cloud, caller, draft, &Checks::of(call), |_, _| Ok(()))
}

async fn multipart(
    cloud: &Cloud,
    caller: &Caller,
    (call, body): (&Call, &mut Content),
    bucket: &str,
) -> Result<Object> {
    let mut related = Related::new(boundary(call)?);
    // Who may create nothing here is told so before the content is taken.
    allow(cloud, caller, bucket, call.query("name").unwrap_or_default())?;
    let draft = Draft::new(&cloud.storage)?;
    let (draft, received) = receive(draft, body, &mut related).await?;
    received?;
    let metadata = json_of(related.finish()?)?;
    let mut said = Said::new(call, bucket, &metadata)?;
    if let Some(kind) = related.content_type {
        said.fields.entry("contentType").or_insert_with(|| Json::String(kind));
    }
    let checks = Checks::of(call).or(&metadata);
    said.finish(cloud, caller, draft, &checks, |_, _| Ok(()))
}

/// Looks at what can be known before the content: the bucket is there, and the caller may create objects in it.
fn allow(cloud: &Cloud, caller: &Caller, bucket: &str, name: &str) -> Result<()> {
    catalog::bucket(cloud, bucket)?;
    match name {
        // It is named with the content.
        "" => Ok(()),
        _ => require(cloud, caller, "objects.create", Target::Object(bucket, name)),
    }
}

/// What is said of an object by JSON that came with it; none is an empty one.
pub(super) fn json_of(bytes: &[u8]) -> Result<Json> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Json::Object(Map::new()));
    }
    match serde_json::from_slice(bytes) {
        Ok(json @ Json::Object(_)) => Ok(json),
        Ok(_) => Err(ApiError::invalid("What is said of the object must be a JSON object.")),
        Err(error) => Err(ApiError::invalid(format!("Invalid JSON payload received. {error}"))),
    }
}

/// What is said of an object that is uploaded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Said {
    pub(super) bucket: String,
    pub(super) name: String,
    pub(super) fields: Map<String, Json>,
    pub(super) preconditions: Preconditions,
}

impl Said {
    /// From the query and the headers of a call, and JSON.
    pub(super) fn new(call: &Call, bucket: &str, metadata: &Json) -> Result<Said> {
        let name = call.query("name").or_else(|| metadata["name"].as_str());
        let name = name.ok_or_else(|| ApiError::invalid("Required: the name of the object."))?;
        name::check_object(name)?;
        let mut fields = Map::new();
        set_fields(&mut fields, metadata)?;
        let is_media = call.query("uploadType") == Some("media");
        let kind = call.header("x-upload-content-type");
        let kind = kind.or_else(|| call.header("content-type").filter(|_| is_media));
        for (field, value) in [
            ("contentType", kind),
            ("contentEncoding", call.query("contentEncoding")),
        ] {
            if let Some(value) = value {
                fields.entry(field).or_insert_with(|| Json::String(value.to_owned()));
            }
        }
        Ok(Said {
            bucket: bucket.to_owned(),
            name: name.to_owned(),
            fields,
            preconditions: Preconditions::of(call)?,
        })
    }

    /// Makes the object of a draft that is whole; what `also` does is done with it.
    pub(super) fn finish(
        self,
        cloud: &Cloud,
        caller: &Caller,
        mut draft: Draft,
        checks: &Checks,
        also: impl FnOnce(&Transaction<'_>, &Object) -> Result<()>,
    ) -> Result<Object> {
        let sums = draft.sums();
        checks.check(&sums)?;
        let candidate = Candidate {
            bucket: self.bucket,
            name: self.name,
            blob: draft.blob.clone(),
            sums,
            components: None,
            fields: self.fields,
        };
        let object = catalog::commit(cloud, caller, candidate, &self.preconditions, also)?;
        draft.keep();
        Ok(object)
    }
}

/// The checksums that a caller has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Checks {
    crc32c: Option<String>,
    md5: Option<String>,
}

impl Checks {
    /// Those in the headers of a call: `x-goog-hash: crc32c=…,md5=…` and `content-md5`.
    pub(super) fn of(call: &Call) -> Checks {
        let mut checks = Checks::default();
        for value in call.headers.get_all("x-goog-hash") {
            for part in value.to_str().unwrap_or_default().split(',') {
                match part.trim().split_once('=') {
                    Some(("crc32c", sum)) => checks.crc32c = Some(sum.to_owned()),
                    Some(("md5", sum)) => checks.md5 = Some(sum.to_owned()),
                    _ => {}
                }
            }
        }
        if checks.md5.is_none() {
            checks.md5 = call.header("content-md5").map(str::to_owned);
        }
        checks
    }

    /// With those in JSON, where there are no others.
    #[must_use]
    pub(super) fn or(self, metadata: &Json) -> Checks {
        let text = |field: &str| metadata[field].as_str().map(str::to_owned);
        self.or_else(Checks {
            crc32c: text("crc32c"),
            md5: text("md5Hash"),
        })
    }

    #[must_use]
    pub(super) fn or_else(self, other: Checks) -> Checks {
        Checks {
            crc32c: self.crc32c.or(other.crc32c),
            md5: self.md5.or(other.md5),
        }
    }

    fn check(&self, sums: &Sums) -> Result<()> {
        for (word, provided, calculated) in [
            ("CRC32C", &self.crc32c, &sums.crc32c),
            ("MD5 hash", &self.md5, &sums.md5),
        ] {
            if let Some(provided) = provided
                && provided != calculated
            {
                return Err(ApiError::invalid(format!(
                    "Provided {word} \"{provided}\" doesn't match calculated {word} \"{calculated}\"."
                )));
            }
        }
        Ok(())
    }
}
