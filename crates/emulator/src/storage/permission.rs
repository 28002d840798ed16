//! Who may do what here (<https://cloud.google.com/storage/docs/access-control/iam-json>), and how it is said to those who
//! may not.

use hyper::StatusCode;
use identity::ResourceName;

use crate::access::Caller;
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};

/// What a permission is on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target<'t> {
    Project(&'t str),
    Bucket(&'t str),
    /// The bucket and the name of the object.
    Object(&'t str, &'t str),
}

impl Target<'_> {
    pub(super) fn resource(self) -> ResourceName {
        match self {
            Target::Project(id) => ResourceName::project(id),
            Target::Bucket(name) => ResourceName::bucket(name),
            Target::Object(bucket, name) => ResourceName::bucket(bucket).child("objects", name),
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Target::Project(_) => "Google Cloud project",
            Target::Bucket(_) => "Google Cloud Storage bucket",
            Target::Object(..) => "Google Cloud Storage object",
        }
    }
}

/// Lets the caller pass if they have a permission: `objects.get` is `storage.objects.get`.
///
/// # Errors
/// 401 for who has no token, 403 for others, in the words of Cloud Storage.
pub(super) fn require(cloud: &Cloud, caller: &Caller, permission: &str, target: Target<'_>) -> Result<()> {
    let permission = format!("storage.{permission}");
    let asked = cloud.authority.require(caller, &permission, &target.resource());
    asked.map_err(|error| worded(error, caller, &permission, target))
}

/// An error about access, in the words of Cloud Storage.
pub(super) fn worded(error: ApiError, caller: &Caller, permission: &str, target: Target<'_>) -> ApiError {
    let (code, reason) = match error.status {
        Status::Unauthenticated => (StatusCode::UNAUTHORIZED, "required"),
        Status::PermissionDenied => (StatusCode::FORBIDDEN, "forbidden"),
        _ => return error,
    };
    let message = format!(
        "{} does not have {permission} access to the {}. Permission '{permission}' denied on resource (or it may not exist).",
        caller.name(),
        target.noun()
    );
    ApiError::new(error.status, message).legacy(code, reason)
}
