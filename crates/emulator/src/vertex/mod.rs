//! Vertex AI (<https://cloud.google.com/vertex-ai/docs/reference/rest>).

use crate::access::Caller;
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result};
use crate::fault::Effect;

/// Answers what follows `/v1/projects/PROJECT/locations/LOCATION`.
pub(crate) async fn answer(
    cloud: &std::sync::Arc<Cloud>,
    caller: &Caller,
    call: &mut Call,
    at: (&str, &str),
    rest: &[&str],
    effects: &[Effect],
) -> Result<Reply> {
    let _ = (cloud, caller, call, at, rest, effects);
    Err(ApiError::unimplemented("Vertex AI"))
}
