//! What a call that fails answers: the error of Google's APIs
//! (<https://cloud.google.com/apis/design/errors#http_mapping>), and that of the older JSON APIs.

use hyper::StatusCode;
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::method::Method;

/// A canonical status, with its code of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    InvalidArgument,
    FailedPrecondition,
    OutOfRange,
    Unauthenticated,
    PermissionDenied,
    NotFound,
    AlreadyExists,
    Aborted,
    ResourceExhausted,
    Unimplemented,
    Internal,
    Unavailable,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Status::InvalidArgument => "INVALID_ARGUMENT",
            Status::FailedPrecondition => "FAILED_PRECONDITION",
            Status::OutOfRange => "OUT_OF_RANGE",
            Status::Unauthenticated => "UNAUTHENTICATED",
            Status::PermissionDenied => "PERMISSION_DENIED",
            Status::NotFound => "NOT_FOUND",
            Status::AlreadyExists => "ALREADY_EXISTS",
            Status::Aborted => "ABORTED",
            Status::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Status::Unimplemented => "UNIMPLEMENTED",
            Status::Internal => "INTERNAL",
            Status::Unavailable => "UNAVAILABLE",
        }
    }

    /// The number in `google.rpc.Status`.
    pub(crate) fn number(self) -> i32 {
        match self {
            Status::InvalidArgument => 3,
            Status::NotFound => 5,
            Status::AlreadyExists => 6,
            Status::PermissionDenied => 7,
            Status::ResourceExhausted => 8,
            Status::FailedPrecondition => 9,
            Status::Aborted => 10,
            Status::OutOfRange => 11,
            Status::Unimplemented => 12,
            Status::Internal => 13,
            Status::Unavailable => 14,
            Status::Unauthenticated => 16,
        }
    }

    pub(crate) fn http(self) -> StatusCode {
        match self {
            Status::InvalidArgument | Status::FailedPrecondition | Status::OutOfRange => StatusCode::BAD_REQUEST,
            Status::Unauthenticated => StatusCode::UNAUTHORIZED,
            Status::PermissionDenied => StatusCode::FORBIDDEN,
            Status::NotFound => StatusCode::NOT_FOUND,
            Status::AlreadyExists | Status::Aborted => StatusCode::CONFLICT,
            Status::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            Status::Unimplemented => StatusCode::NOT_IMPLEMENTED,
            Status::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Status::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) status: Status,
    pub(crate) message: String,
    pub(crate) details: Vec<Json>,
    /// The code of HTTP and the reason of the older JSON APIs, where they are not those of the status.
    pub(crate) legacy: Option<(StatusCode, &'static str)>,
    /// The scopes that a token would need.
    scopes: Option<String>,
}

pub(crate) type Result<T, E = ApiError> = std::result::Result<T, E>;

impl ApiError {
    pub(crate) fn new(status: Status, message: impl Into<String>) -> ApiError {
        ApiError {
            status,
            message: message.into(),
            details: Vec::new(),
            legacy: None,
            scopes: None,
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> ApiError {
        ApiError::new(Status::InvalidArgument, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> ApiError {
        ApiError::new(Status::NotFound, message)
    }

    /// A method that the emulator does not have. It says so, rather than answer something.
    pub(crate) fn unimplemented(what: impl std::fmt::Display) -> ApiError {
        ApiError::new(
            Status::Unimplemented,
            format!("the embedded cloud does not have {what}"),
        )
    }

    /// The token does not say who is calling.
    pub(crate) fn unauthenticated() -> ApiError {
        ApiError::new(
            Status::Unauthenticated,
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid \
             authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        )
    }

    /// The token has none of the scopes of a method.
    pub(crate) fn out_of_scope(method: &Method) -> ApiError {
        let is_storage = method.service == "storage.googleapis.com";
        let message = match is_storage {
            true => "Provided scope(s) are not authorized",
            false => "Request had insufficient authentication scopes.",
        };
        let mut error = ApiError::new(Status::PermissionDenied, message);
        error.details.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "domain": "googleapis.com",
            "metadata": {"service": method.service, "method": method.name},
        }));
        error.scopes = Some(method.all_scopes());
        error
    }

    /// What `WWW-Authenticate` says, where another token would help.
    pub(crate) fn challenge(&self) -> Option<String> {
        let realm = "Bearer realm=\"https://accounts.google.com/\"";
        match (&self.scopes, self.status) {
            (Some(scopes), _) => Some(format!("{realm}, error=\"insufficient_scope\", scope=\"{scopes}\"")),
            (None, Status::Unauthenticated) => Some(realm.to_owned()),
            _ => None,
        }
    }

    /// Who calls lacks a permission.
    pub(crate) fn denied(service: &str, permission: &str, resource: &str) -> ApiError {
        let mut error = ApiError::new(
            Status::PermissionDenied,
            format!("Permission '{permission}' denied on resource '{resource}' (or it may not exist)."),
        );
        error.details.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "IAM_PERMISSION_DENIED",
            "domain": service,
            "metadata": {"permission": permission, "resource": resource},
        }));
        error
    }

    /// A code of HTTP and a reason of its own, for the older JSON APIs.
    #[must_use]
    pub(crate) fn legacy(mut self, code: StatusCode, reason: &'static str) -> ApiError {
        self.legacy = Some((code, reason));
        self
    }

    pub(crate) fn code(&self) -> StatusCode {
        self.legacy.map_or(self.status.http(), |(code, _)| code)
    }

    /// As the APIs with `google.rpc.Status` answer.
    pub(crate) fn body(&self) -> Json {
        to_json(&Body {
            error: Error {
                code: self.code().as_u16(),
                message: &self.message,
                status: Some(self.status.name()),
                details: &self.details,
                errors: Vec::new(),
            },
        })
    }

    /// As the JSON API of Cloud Storage answers
    /// (<https://cloud.google.com/storage/docs/json_api/v1/status-codes>).
    pub(crate) fn storage_body(&self) -> Json {
        let reason = self.legacy.map_or_else(|| self.reason(), |(_, reason)| reason);
        to_json(&Body {
            error: Error {
                code: self.code().as_u16(),
                message: &self.message,
                status: None,
                details: &[],
                errors: vec![Reason {
                    message: &self.message,
                    domain: "global",
                    reason,
                }],
            },
        })
    }

    fn reason(&self) -> &'static str {
        match self.status {
            Status::InvalidArgument | Status::OutOfRange => "invalid",
            Status::FailedPrecondition => "conditionNotMet",
            Status::Unauthenticated => "required",
            Status::PermissionDenied => "forbidden",
            Status::NotFound => "notFound",
            Status::AlreadyExists | Status::Aborted => "conflict",
            Status::ResourceExhausted => "rateLimitExceeded",
            Status::Unimplemented => "notImplemented",
            Status::Internal => "internalError",
            Status::Unavailable => "backendError",
        }
    }

    /// As an operation or a job holds it: `google.rpc.Status`.
    pub(crate) fn rpc_status(&self) -> Json {
        json!({"code": self.status.number(), "message": self.message, "details": self.details})
    }
}

impl From<crate::store::StoreError> for ApiError {
    fn from(error: crate::store::StoreError) -> ApiError {
        ApiError::new(
            Status::Unavailable,
            format!("the state could not be written or read: {error}"),
        )
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    code: u16,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a str>,
    #[serde(skip_serializing_if = "<[Json]>::is_empty")]
    details: &'a [Json],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Reason<'a>>,
}

#[derive(Serialize)]
struct Reason<'a> {
    message: &'a str,
    domain: &'a str,
    reason: &'a str,
}

fn to_json<T: Serialize>(body: &T) -> Json {
    serde_json::to_value(body).unwrap_or(Json::Null)
}
