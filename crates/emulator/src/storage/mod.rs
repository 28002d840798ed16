//! Cloud Storage: the JSON API (<https://cloud.google.com/storage/docs/json_api/v1>).

use crate::access::Caller;
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result};

/// Documents of buckets, by name.
pub(crate) const BUCKET: &str = "bucket";

/// Answers below `/storage`, `/upload/storage` and `/download/storage`.
pub(crate) async fn answer(cloud: &Cloud, caller: &Caller, call: &mut Call) -> Result<Reply> {
    let _ = (cloud, caller, call);
    Err(ApiError::unimplemented("Cloud Storage"))
}
