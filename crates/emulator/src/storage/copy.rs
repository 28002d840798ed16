//! Objects made of other objects: copies, renamed ones, and several put together.

use std::fs::File;
use std::io::{self, Read};

use serde_json::{Map, Value as Json};

use super::catalog::{self, Candidate, Wanted};
use super::content::{CHUNK, Draft, Sums, beside, disk};
use super::download::open;
use super::name;
use super::object::{Object, has_fields, set_fields};
use super::permission::{Target, require};
use super::precondition::{Preconditions, number_of};
use crate::access::Caller;
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result};

/// The most that are put together at once.
const MOST_SOURCES: usize = 32;
/// How often a content that is removed while it is copied is looked up again.
const ATTEMPTS: usize = 5;

/// `…/o/SOURCE/rewriteTo/b/BUCKET/o/OBJECT`, and `copyTo`.
pub(super) async fn copy(
    cloud: &Cloud,
    caller: &Caller,
    call: &mut Call,
    from: (&str, &str),
    to: (&str, &str),
) -> Result<Object> {
    let body = call.json().await?;
    let source = Wanted {
        bucket: from.0,
        name: from.1,
        generation: call.number("sourceGeneration")?,
    };
    let preconditions = Preconditions::of(call)?;
    name::check_object(to.1)?;
    catalog::bucket(cloud, to.0)?;
    let mut candidate = duplicate(cloud, caller, (source, &Preconditions::of_source(call)?), to)?;
    if has_fields(&body) {
        // What is said of the copy is all that is said of it.
        candidate.fields = Map::new();
        if let Err(error) = set_fields(&mut candidate.fields, &body) {
            cloud.storage.remove(&candidate.blob);
            return Err(error);
        }
    }
    let blob = candidate.blob.clone();
    let copied = catalog::commit(cloud, caller, candidate, &preconditions, |_, _| Ok(()));
    copied.inspect_err(|_| cloud.storage.remove(&blob))
}

/// `…/o/SOURCE/moveTo/o/OBJECT`: within a bucket, and at once.
pub(super) async fn rename(
    cloud: &Cloud,
    caller: &Caller,
    call: &mut Call,
    bucket: &str,
    (from, to): (&str, &str),
) -> Result<Object> {
    name::check_object(to)?;
    if from == to {
        return Err(ApiError::invalid("The source and the destination are the same object."));
    }
    let source = Wanted {
        bucket,
        name: from,
        generation: None,
    };
    let mut of_source = Preconditions::of_source(call)?;
    let preconditions = Preconditions::of(call)?;
    let object = catalog::find(cloud, caller, source)?;
    of_source.check(Some(object.version()))?;
    of_source.pin(object.generation);
    let candidate = duplicate(cloud, caller, (source, &of_source), (bucket, to))?;
    let blob = candidate.blob.clone();
    let moved = catalog::rename(cloud, caller, (source, &of_source), candidate, &preconditions);
    moved.inspect_err(|_| cloud.storage.remove(&blob))
}

/// A copy of a version that is not yet an object.
fn duplicate(
    cloud: &Cloud,
    caller: &Caller,
    (source, preconditions): (Wanted<'_>, &Preconditions),
    to: (&str, &str),
) -> Result<Candidate> {
    let mut attempt = 1;
    loop {
        let object = catalog::find(cloud, caller, source)?;
        preconditions.check(Some(object.version()))?;
        let blob = match cloud.storage.duplicate(&object.blob) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS => {
                attempt += 1;
                continue;
            }
            duplicate => duplicate.map_err(disk)?,
        };
        let mut fields = object.fields;
        fields.remove("temporaryHold");
        fields.remove("eventBasedHold");
        return Ok(Candidate {
            bucket: to.0.to_owned(),
            name: to.1.to_owned(),
            blob,
            sums: Sums {
                size: object.size,
                crc32c: object.crc32c,
                md5: object.md5.unwrap_or_default(),
            },
            components: object.components,
            fields,
        });
    }
}

/// `…/o/OBJECT/compose`.
pub(super) async fn compose(
    cloud: &Cloud,
    caller: &Caller,
    call: &mut Call,
    (bucket, name): (&str, &str),
) -> Result<Reply> {
    let body = call.json().await?;
    let preconditions = Preconditions::of(call)?;
    name::check_object(name)?;
    catalog::bucket(cloud, bucket)?;
    require(cloud, caller, "objects.create", Target::Object(bucket, name))?;
    let sources = body["sourceObjects"].as_array().map_or(&[][..], Vec::as_slice);
    if sources.is_empty() || sources.len() > MOST_SOURCES {
        return Err(ApiError::invalid(format!(
            "The number of source components provided ({}) must be between 1 and {MOST_SOURCES}.",
            sources.len()
        )));
    }
    let mut found = Vec::new();
    let mut files = Vec::new();
    for source in sources {
        let wanted = Wanted {
            bucket,
            name: source["name"].as_str().unwrap_or_default(),
            generation: number_of(&source["generation"])?,
        };
        let (object, file) = open(cloud, caller, wanted, &Preconditions::default())?;
        Preconditions::of_json(&source["objectPreconditions"])?.check(Some(object.version()))?;
        found.push(object);
        files.push(file);
    }
    let mut fields = Map::new();
    set_fields(&mut fields, &body["destination"])?;
    if let Some(kind) = found.first().and_then(|first| first.text("contentType")) {
        fields.entry("contentType").or_insert_with(|| kind.into());
    }
    let draft = Draft::new(&cloud.storage)?;
    let mut draft = beside(move || join(draft, files)).await?;
    let candidate = Candidate {
        bucket: bucket.to_owned(),
        name: name.to_owned(),
        blob: draft.blob.clone(),
        sums: draft.sums(),
        components: Some(found.iter().map(|object| object.components.unwrap_or(1)).sum()),
        fields,
    };
    let object = catalog::commit(cloud, caller, candidate, &preconditions, |_, _| Ok(()))?;
    draft.keep();
    if body["deleteSourceObjects"] == Json::Bool(true) {
        for source in found.iter().filter(|source| source.name != name) {
            let wanted = Wanted {
                bucket,
                name: &source.name,
                generation: None,
            };
            let mut this = Preconditions::default();
            this.pin(source.generation);
            catalog::remove(cloud, caller, wanted, &this)?;
        }
    }
    Ok(Reply::json(&object.shown(&cloud.url)))
}

fn join(mut draft: Draft, files: Vec<File>) -> Result<Draft> {
    let mut buffer = vec![0; CHUNK];
    for mut file in files {
        loop {
            let count = file.read(&mut buffer).map_err(disk)?;
            if count == 0 {
                break;
            }
            draft.write(&buffer[..count])?;
        }
    }
    draft.sync()?;
    Ok(draft)
}
