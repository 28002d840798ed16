//! Which objects there are: versions found, put in place of others, changed and removed, each in one transaction. What is
//! asked of a version and what is done to it have nothing in between.

use hyper::StatusCode;
use serde_json::{Map, Value as Json};

use super::content::Sums;
use super::object::Object;
use super::permission::{Target, require};
use super::precondition::Preconditions;
use super::{BUCKET, NONCURRENT, OBJECT, name};
use crate::access::Caller;
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};
use crate::store::Transaction;
use crate::time;

/// The counter of generations.
const GENERATION: &str = "generation";

/// A version that is to become the live one.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) bucket: String,
    pub(super) name: String,
    pub(super) blob: String,
    pub(super) sums: Sums,
    /// None unless it was composed, or is a copy of what was.
    pub(super) components: Option<u64>,
    pub(super) fields: Map<String, Json>,
}

/// A version by its names; no generation stands for the live one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'w> {
    pub(super) bucket: &'w str,
    pub(super) name: &'w str,
    pub(super) generation: Option<u64>,
}

impl Wanted<'_> {
    pub(super) fn target(&self) -> Target<'_> {
        Target::Object(self.bucket, self.name)
    }
}

/// A bucket that is there.
pub(super) fn bucket(cloud: &Cloud, name: &str) -> Result<Json> {
    cloud.store.get(BUCKET, name)?.ok_or_else(no_bucket)
}

fn no_bucket() -> ApiError {
    ApiError::not_found("The specified bucket does not exist.")
}

/// A version that is there and that the caller may read.
pub(super) fn find(cloud: &Cloud, caller: &Caller, wanted: Wanted<'_>) -> Result<Object> {
    bucket(cloud, wanted.bucket)?;
    require(cloud, caller, "objects.get", wanted.target())?;
    cloud.store.transact(|transaction| version(transaction, wanted))
}

/// Puts a version in place of the live one; what `also` does is done with it.
///
/// # Errors
/// 404 without the bucket; 403 if the caller may not create it, or not delete what it takes the place of; 412 if a
/// precondition does not hold.
pub(super) fn commit(
    cloud: &Cloud,
    caller: &Caller,
    candidate: Candidate,
    preconditions: &Preconditions,
    also: impl FnOnce(&Transaction<'_>, &Object) -> Result<()>,
) -> Result<Object> {
    let (object, unused) = cloud.store.transact(|transaction| {
        let (object, unused) = insert(cloud, caller, transaction, candidate, preconditions)?;
        also(transaction, &object)?;
        Ok::<_, ApiError>((object, unused))
    })?;
    remove_all(cloud, unused);
    Ok(object)
}

/// Puts a version in place of the live one, and takes another one away: a move.
pub(super) fn rename(
    cloud: &Cloud,
    caller: &Caller,
    source: (Wanted<'_>, &Preconditions),
    candidate: Candidate,
    preconditions: &Preconditions,
) -> Result<Object> {
    let (object, unused) = cloud.store.transact(|transaction| {
        let gone = take(cloud, caller, transaction, source)?;
        let (object, replaced) = insert(cloud, caller, transaction, candidate, preconditions)?;
        Ok::<_, ApiError>((object, [gone, replaced]))
    })?;
    remove_all(cloud, unused.into_iter().flatten());
    Ok(object)
}

/// Removes a version: for good where its generation is given or the bucket keeps no versions.
pub(super) fn remove(cloud: &Cloud, caller: &Caller, wanted: Wanted<'_>, preconditions: &Preconditions) -> Result<()> {
    let unused = cloud
        .store
        .transact(|transaction| take(cloud, caller, transaction, (wanted, preconditions)))?;
    remove_all(cloud, unused);
    Ok(())
}

/// Changes what is said of a version.
pub(super) fn change(
    cloud: &Cloud,
    caller: &Caller,
    wanted: Wanted<'_>,
    preconditions: &Preconditions,
    change: impl FnOnce(&mut Map<String, Json>) -> Result<()>,
) -> Result<Object> {
    cloud.store.transact(|transaction| {
        bucket_of(transaction, wanted.bucket)?;
        require(cloud, caller, "objects.update", wanted.target())?;
        let mut object = version(transaction, wanted)?;
        preconditions.check(Some(object.version()))?;
        change(&mut object.fields)?;
        object.metageneration += 1;
        object.updated = time::now();
        let (kind, key) = match object.deleted {
            None => (OBJECT, object.key()),
            Some(_) => (NONCURRENT, object.version_key()),
        };
        transaction.put(kind, &key, &object.document()?)?;
        Ok(object)
    })
}

fn remove_all(cloud: &Cloud, blobs: impl IntoIterator<Item = String>) {
    for blob in blobs {
        cloud.storage.remove(&blob);
    }
}

fn bucket_of(transaction: &Transaction<'_>, name: &str) -> Result<Json> {
    transaction.get(BUCKET, name)?.ok_or_else(no_bucket)
}

fn live(transaction: &Transaction<'_>, bucket: &str, name: &str) -> Result<Option<Object>> {
    let document = transaction.get(OBJECT, &name::key(bucket, name))?;
    Ok(document.map(Object::read).transpose()?)
}

fn version(transaction: &Transaction<'_>, wanted: Wanted<'_>) -> Result<Object> {
    let Wanted {
        bucket,
        name,
        generation,
    } = wanted;
    if let Some(object) = live(transaction, bucket, name)?
        && generation.is_none_or(|generation| generation == object.generation)
    {
        return Ok(object);
    }
    let noncurrent = match generation {
        Some(generation) => transaction.get(NONCURRENT, &name::version_key(bucket, name, generation))?,
        None => None,
    };
    match noncurrent {
        Some(document) => Ok(Object::read(document)?),
        None => Err(ApiError::not_found(format!("No such object: {bucket}/{name}"))),
    }
}

/// Writes a version as the live one. With it comes the content that nothing names any more.
fn insert(
    cloud: &Cloud,
    caller: &Caller,
    transaction: &Transaction<'_>,
    candidate: Candidate,
    preconditions: &Preconditions,
) -> Result<(Object, Option<String>)> {
    let bucket = bucket_of(transaction, &candidate.bucket)?;
    let target = Target::Object(&candidate.bucket, &candidate.name);
    require(cloud, caller, "objects.create", target)?;
    let before = live(transaction, &candidate.bucket, &candidate.name)?;
    if before.is_some() {
        require(cloud, caller, "objects.delete", target)?;
    }
    preconditions.check(before.as_ref().map(Object::version))?;
    let unused = match before {
        Some(before) => retire(transaction, &bucket, before)?,
        None => None,
    };
    let generation = next_generation(transaction)?;
    let mut fields = candidate.fields;
    let class = bucket["storageClass"].as_str().unwrap_or("STANDARD");
    fields
        .entry("storageClass")
        .or_insert_with(|| Json::String(class.to_owned()));
    let object = Object {
        bucket: candidate.bucket,
        name: candidate.name,
        generation,
        metageneration: 1,
        size: candidate.sums.size,
        crc32c: candidate.sums.crc32c,
        md5: candidate.components.is_none().then_some(candidate.sums.md5),
        blob: candidate.blob,
        created: generation,
        updated: generation,
        deleted: None,
        components: candidate.components,
        fields,
    };
    transaction.put(OBJECT, &object.key(), &object.document()?)?;
    Ok((object, unused))
}

/// Takes a version away.
fn take(
    cloud: &Cloud,
    caller: &Caller,
    transaction: &Transaction<'_>,
    (wanted, preconditions): (Wanted<'_>, &Preconditions),
) -> Result<Option<String>> {
    let bucket = bucket_of(transaction, wanted.bucket)?;
    require(cloud, caller, "objects.delete", wanted.target())?;
    let object = version(transaction, wanted)?;
    preconditions.check(Some(object.version()))?;
    if wanted.generation.is_none() {
        transaction.delete(OBJECT, &object.key())?;
        return retire(transaction, &bucket, object);
    }
    check_holds(&object)?;
    match object.deleted {
        None => transaction.delete(OBJECT, &object.key())?,
        Some(_) => transaction.delete(NONCURRENT, &object.version_key())?,
    }
    Ok(Some(object.blob))
}

/// Makes what was live noncurrent where the bucket keeps versions; else its content is no longer used.
fn retire(transaction: &Transaction<'_>, bucket: &Json, mut object: Object) -> Result<Option<String>> {
    check_holds(&object)?;
    if bucket["versioning"]["enabled"] != true {
        return Ok(Some(object.blob));
    }
    object.deleted = Some(time::now());
    transaction.put(NONCURRENT, &object.version_key(), &object.document()?)?;
    Ok(None)
}

fn check_holds(object: &Object) -> Result<()> {
    for (field, word) in [("temporaryHold", "Temporary"), ("eventBasedHold", "Event-Based")] {
        if object.fields.get(field) == Some(&Json::Bool(true)) {
            let message = format!(
                "Object '{}/{}' is under active {word} hold and cannot be deleted, overwritten or archived until hold is removed.",
                object.bucket, object.name
            );
            return Err(ApiError::new(Status::PermissionDenied, message).legacy(StatusCode::FORBIDDEN, "forbidden"));
        }
    }
    Ok(())
}

/// The microsecond, or the number behind the last one: generations only grow, whatever the clock does.
fn next_generation(transaction: &Transaction<'_>) -> Result<u64> {
    let last = transaction
        .get("counter", GENERATION)?
        .and_then(|number| number.as_u64());
    let next = time::now().max(last.map_or(0, |last| last + 1));
    transaction.put("counter", GENERATION, &next.into())?;
    Ok(next)
}
