//! Resumable uploads (<https://cloud.google.com/storage/docs/performing-resumable-uploads>): a session takes a content in
//! chunks. What a 308 says has been received is on the disk, and so is the session: both are there after a kill.

use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::content::{Decode, Draft, beside, drain, receive};
use super::object::Object;
use super::permission::{Target, require};
use super::upload::{Checks, Said, json_of};
use super::{OBJECT, UPLOAD, catalog, name};
use crate::access::{Caller, Principal};
use crate::call::{Call, Content, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};
use crate::store::StoreError;
use crate::{time, token};

/// How long a session lasts, in microseconds: a week.
const LIFE: u64 = 7 * 24 * 3600 * 1_000_000;

/// A session as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Upload {
    said: Said,
    checks: Checks,
    /// Who began it: the object is theirs, whoever sends its chunks.
    owner: Option<Owner>,
    /// The size of the whole, where it is known.
    total: Option<u64>,
    received: u64,
    blob: String,
    begun: u64,
    /// The object that it became.
    done: Option<Object>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Owner {
    member: String,
    attributes: Vec<(String, String)>,
    scopes: Vec<String>,
}

impl Upload {
    fn caller(&self) -> Caller {
        match &self.owner {
            None => Caller::Anonymous,
            Some(owner) => {
                let Ok(member) = owner.member.parse();
                Caller::Known(Principal {
                    member,
                    attributes: owner.attributes.clone(),
                    scopes: owner.scopes.clone(),
                })
            }
        }
    }

    fn document(&self) -> Result<Json, StoreError> {
        Ok(serde_json::to_value(self)?)
    }

    fn keep(&self, cloud: &Cloud, id: &str) -> Result<(), StoreError> {
        cloud.store.put(UPLOAD, id, &self.document()?)
    }
}

/// Begins a session.
pub(super) async fn begin(cloud: &Cloud, caller: &Caller, call: &mut Call, bucket: &str) -> Result<Reply> {
    let metadata = json_of(&call.bytes().await?)?;
    catalog::bucket(cloud, bucket)?;
    let said = Said::new(call, bucket, &metadata)?;
    require(cloud, caller, "objects.create", Target::Object(bucket, &said.name))?;
    let live = cloud.store.get(OBJECT, &name::key(bucket, &said.name))?;
    let live = live.map(Object::read).transpose()?;
    said.preconditions.check(live.as_ref().map(Object::version))?;
    let length = call.header("x-upload-content-length");
    let total = length
        .map(|length| {
            let wrong = |_| ApiError::invalid(format!("Invalid value for X-Upload-Content-Length: {length:?}."));
            length.parse().map_err(wrong)
        })
        .transpose()?;
    let owner = match caller {
        Caller::Anonymous => None,
        Caller::Known(principal) => Some(Owner {
            member: principal.member.to_string(),
            attributes: principal.attributes.clone(),
            scopes: principal.scopes.clone(),
        }),
    };
    let mut draft = Draft::new(&cloud.storage)?;
    let upload = Upload {
        checks: Checks::of(call).or(&metadata),
        owner,
        total,
        received: 0,
        blob: draft.blob.clone(),
        begun: time::now(),
        done: None,
        said,
    };
    let id = token::random()?;
    upload.keep(cloud, &id)?;
    draft.keep();
    let session = cloud.storage.session(&id).lock_owned().await;
    draft.of_session(session).put_back();
    let url = &cloud.url;
    let location = format!("{url}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={id}");
    Ok(Reply::bytes(StatusCode::OK, Vec::new())
        .with("location", &location)
        .with("x-guploader-uploadid", &id))
}

/// Takes a chunk, says what has been received, or ends a session.
pub(super) async fn go_on(cloud: &Cloud, call: &mut Call, id: &str) -> Result<Reply> {
    let Some(mut body) = call.stream() else {
        return Err(ApiError::invalid("The body is missing."));
    };
    let result = take(cloud, (call, &mut body), id).await;
    drain(&mut body).await;
    result
}

/// Whether a session has been there for too long.
pub(super) fn is_past(document: &Json) -> bool {
    document["begun"]
        .as_u64()
        .is_none_or(|begun| begun + LIFE < time::now())
}

async fn take(cloud: &Cloud, (call, body): (&Call, &mut Content), id: &str) -> Result<Reply> {
    let mut session = cloud.storage.session(id).lock_owned().await;
    let document = cloud.store.get(UPLOAD, id)?;
    let Some(document) = document.filter(|document| !is_past(document)) else {
        cloud.storage.forget_session(id);
        return Err(ApiError::not_found(format!("There is no upload session {id}.")));
    };
    let upload: Upload = serde_json::from_value(document).map_err(StoreError::from)?;
    if let Some(object) = &upload.done {
        return Ok(Reply::json(&object.shown(&cloud.url)));
    }
    match call.method {
        Method::PUT | Method::POST => {}
        Method::DELETE => {
            *session = None;
            end(cloud, id, &upload)?;
            let cancelled = StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST);
            return Ok(Reply::bytes(cancelled, Vec::new()));
        }
        _ => return Err(ApiError::unimplemented("this method of upload sessions")),
    }
    let chunk = Chunk::of(call, &upload)?;
    if chunk.is_status && chunk.total != Some(upload.received) {
        return Ok(incomplete(upload.received));
    }
    if chunk.first > upload.received {
        // Bytes are missing in between: the caller is to ask where to go on.
        return Err(ApiError::new(
            Status::Unavailable,
            format!(
                "The chunk begins at {}, and {} bytes have been received.",
                chunk.first, upload.received
            ),
        ));
    }
    let draft = match session.take() {
        Some(draft) if draft.size == upload.received => draft.of_session(session),
        _ => {
            // The checksums of what was received are not kept.
            let (path, received) = (cloud.storage.path(&upload.blob), upload.received);
            beside(move || Draft::resume(path, received, session)).await?
        }
    };
    write(cloud, (call, body), (id, upload), draft, &chunk).await
}

fn end(cloud: &Cloud, id: &str, upload: &Upload) -> Result<()> {
    cloud.store.delete(UPLOAD, id)?;
    cloud.storage.remove(&upload.blob);
    cloud.storage.forget_session(id);
    Ok(())
}

/// What a call brings.
#[derive(Debug, PartialEq)]
struct Chunk {
    /// It brings nothing, and asks what has been received.
    is_status: bool,
    first: u64,
    /// How many bytes it says it has.
    length: Option<u64>,
    /// The size of the whole.
    total: Option<u64>,
}

impl Chunk {
    fn of(call: &Call, upload: &Upload) -> Result<Chunk> {
        let Some(header) = call.header("content-range") else {
            return Ok(Chunk {
                is_status: false,
                first: 0,
                length: None,
                total: None,
            });
        };
        let chunk = Chunk::parse(header).ok_or_else(|| {
            ApiError::invalid(format!(
                "Invalid Content-Range {header:?}: it must be like bytes 0-524287/2000000, bytes 0-524287/* or bytes */2000000."
            ))
        })?;
        let is_other = |total: u64| upload.total.is_some_and(|known| known != total);
        if chunk.total.is_some_and(is_other) {
            return Err(ApiError::invalid(format!(
                "Content-Range {header:?} has another size than the upload was begun with."
            )));
        }
        Ok(chunk)
    }

    /// `bytes 0-9/20`, `bytes 0-9/*`, `bytes 0-*/*`, `bytes */20`, `bytes */*`.
    fn parse(header: &str) -> Option<Chunk> {
        let (range, total) = header.trim().strip_prefix("bytes")?.trim().split_once('/')?;
        let total = match total {
            "*" => None,
            number => Some(number.parse().ok()?),
        };
        if range == "*" {
            return Some(Chunk {
                is_status: true,
                first: 0,
                length: None,
                total,
            });
        }
        let (first, last) = range.split_once('-')?;
        let first = first.parse().ok()?;
        let length = match last {
            "*" => None,
            last => {
                let last: u64 = last.parse().ok()?;
                if last < first || total.is_some_and(|total| last >= total) {
                    return None;
                }
                Some(last - first + 1)
            }
        };
        Some(Chunk {
            is_status: false,
            first,
            length,
            total,
        })
    }
}

fn incomplete(received: u64) -> Reply {
    let reply = Reply::bytes(StatusCode::PERMANENT_REDIRECT, Vec::new());
    match received.checked_sub(1) {
        Some(last) => reply.with("range", &format!("bytes=0-{last}")),
        None => reply,
    }
}

/// The bytes of a chunk that were not received before, and no more than were announced.
struct Part {
    skip: u64,
    left: u64,
}

impl Decode for Part {
    fn decode(&mut self, bytes: &Bytes, content: &mut Vec<u8>) -> Result<()> {
        let length = (bytes.len() as u64).min(self.left);
        self.left -= length;
        let skipped = self.skip.min(length);
        self.skip -= skipped;
        let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        content.extend_from_slice(&bytes[at(skipped)..at(length)]);
        Ok(())
    }
}

async fn write(
    cloud: &Cloud,
    (call, body): (&Call, &mut Content),
    (id, mut upload): (&str, Upload),
    draft: Draft,
    chunk: &Chunk,
) -> Result<Reply> {
    let mut part = Part {
        skip: upload.received - chunk.first,
        left: if chunk.is_status {
            0
        } else {
            chunk.length.unwrap_or(u64::MAX)
        },
    };
    let (draft, result) = receive(draft, body, &mut part).await?;
    let total = chunk.total.or(upload.total);
    if let Some(total) = total
        && draft.size > total
    {
        return Err(ApiError::invalid(format!(
            "The content has {} bytes, and {total} were announced.",
            draft.size
        )));
    }
    let is_last = match (total, chunk.length) {
        (Some(total), _) => draft.size == total,
        // Where no size was ever said, the end of the body is the end of the content.
        (None, None) => true,
        (None, Some(_)) => false,
    };
    if result.is_err() || !is_last {
        upload.total = total;
        upload.received = draft.size;
        upload.keep(cloud, id)?;
        draft.put_back();
        return result.map(|()| incomplete(upload.received));
    }
    let caller = upload.caller();
    let checks = Checks::of(call).or_else(upload.checks.clone());
    let said = upload.said.clone();
    let made = said.finish(cloud, &caller, draft, &checks, |transaction, object| {
        upload.done = Some(object.clone());
        transaction.put(UPLOAD, id, &upload.document()?)?;
        Ok(())
    });
    match made {
        Ok(object) => {
            cloud.storage.forget_session(id);
            Ok(Reply::json(&object.shown(&cloud.url)))
        }
        Err(error) => {
            // What the disk refuses can be tried again; what is refused for good ends the session.
            if error.status != Status::Unavailable {
                end(cloud, id, &upload)?;
            }
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_chunks() {
        let chunk = |is_status, first, length, total| {
            Some(Chunk {
                is_status,
                first,
                length,
                total,
            })
        };
        for (text, expected) in [
            ("bytes 0-9/20", chunk(false, 0, Some(10), Some(20))),
            ("bytes 10-19/*", chunk(false, 10, Some(10), None)),
            ("bytes 0-*/*", chunk(false, 0, None, None)),
            ("bytes */20", chunk(true, 0, None, Some(20))),
            ("bytes */*", chunk(true, 0, None, None)),
            ("bytes 9-0/20", None),
            ("bytes 0-20/20", None),
            ("bytes 0-9", None),
            ("0-9/20", None),
            ("bytes -1-9/20", None),
            ("bytes 0-99999999999999999999/*", None),
        ] {
            assert_eq!(Chunk::parse(text), expected, "{text}");
        }
    }
}
