//! What Google, or the way to it, said in place of an answer.

use serde::Deserialize;

/// Whose fault it is, and with that whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// There are no credentials, or they are of a kind that is not taken.
    Credentials,
    /// Google said no: permission, quota, not found, an API that is off.
    Refused,
    /// Google or the network failed.
    Failed,
    /// It could not be recorded, so that it was not asked for; or what came of it could not.
    Unrecorded,
}

/// An error of a call. The text never holds a token.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    pub kind: ErrorKind,
    pub message: String,
    /// What to do, where that is known.
    pub hint: Option<String>,
    /// The permission that the caller lacks, where Google names it.
    pub permission: Option<String>,
    /// The status of the answer; 0 where there was none.
    pub status: u16,
    /// Google's word for the reason, as `SERVICE_DISABLED`.
    pub reason: Option<String>,
    /// The body of the answer, which is nothing for a terminal.
    pub answer: Option<String>,
}

/// The body of an error (<https://cloud.google.com/apis/design/errors>).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    error: Details,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    message: String,
    status: String,
    details: Vec<Detail>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Detail {
    reason: Option<String>,
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    permission: Option<String>,
    #[serde(rename = "activationUrl")]
    activation_url: Option<String>,
}

impl Error {
    fn new(kind: ErrorKind, message: String) -> Error {
        Error {
            kind,
            message,
            hint: None,
            permission: None,
            status: 0,
            reason: None,
            answer: None,
        }
    }

    pub(crate) fn failed(message: String) -> Error {
        Error::new(ErrorKind::Failed, message)
    }

    pub(crate) fn credentials(message: String) -> Error {
        Error::new(ErrorKind::Credentials, message)
    }

    /// Something that would be refused, and is not asked for.
    pub fn refused(message: String) -> Error {
        Error::new(ErrorKind::Refused, message)
    }

    /// What could not be recorded.
    pub fn unrecorded(message: String) -> Error {
        Error::new(ErrorKind::Unrecorded, message)
    }

    /// With what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hint = Some(hint.into());
        self
    }

    /// The error that an answer is, with what was asked in a few words.
    pub(crate) fn of_answer(what: &str, status: u16, body: &str) -> Error {
        let details = serde_json::from_str::<Body>(body).unwrap_or_default().error;
        let said = match (details.message.trim(), body.trim()) {
            ("", "") => format!("status {status}"),
            // Not a body of Google's: of a proxy, perhaps. Its first line is enough.
            ("", text) => format!("status {status}: {}", text.lines().next().unwrap_or_default()),
            (message, _) => message.to_owned(),
        };
        // What is not implemented will not be the next time.
        let kind = match status {
            501 | 0..=499 => ErrorKind::Refused,
            _ => ErrorKind::Failed,
        };
        let word = if kind == ErrorKind::Refused {
            "refused"
        } else {
            "failed"
        };
        let mut error = Error::new(kind, format!("{what}: Google {word}: {said}"));
        error.status = status;
        error.answer = Some(body.to_owned());
        let find = |field: fn(&Detail) -> Option<&String>| details.details.iter().find_map(field).cloned();
        error.permission = find(|detail| detail.metadata.permission.as_ref());
        error.reason = find(|detail| detail.reason.as_ref()).or(Some(details.status).filter(|it| !it.is_empty()));
        error.hint = match (
            find(|detail| detail.metadata.activation_url.as_ref()),
            &error.permission,
        ) {
            (Some(url), _) => Some(format!("enable the API: {url}")),
            (None, Some(permission)) => Some(format!("the caller needs {permission}")),
            _ if status == 401 => Some("the credentials are not valid: log in again".to_owned()),
            _ => None,
        };
        error
    }

    /// Whether the same call may work the next time.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.status, 429 | 500 | 502 | 503 | 504)
    }

    /// Whether somebody else changed what was to be changed.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self.status, 409 | 412)
    }
}

/// An error with what caused it, as far as it says.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_google_says_is_kept() {
        let body = r#"{"error": {"code": 403, "message": "Permission denied on resource project acme.", "status": "PERMISSION_DENIED",
            "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "IAM_PERMISSION_DENIED",
            "domain": "iam.googleapis.com", "metadata": {"permission": "resourcemanager.projects.getIamPolicy"}}]}}"#;
        let error = Error::of_answer("the policy of projects/acme", 403, body);
        assert_eq!(error.kind, ErrorKind::Refused);
        assert_eq!(
            error.permission.as_deref(),
            Some("resourcemanager.projects.getIamPolicy")
        );
        assert_eq!(error.reason.as_deref(), Some("IAM_PERMISSION_DENIED"));
        assert!(
            error
                .message
                .ends_with("Google refused: Permission denied on resource project acme.")
        );
        let proxy = Error::of_answer("the roles", 502, "<html>\nBad gateway");
        assert_eq!((proxy.kind, proxy.is_passing()), (ErrorKind::Failed, true));
        assert_eq!(proxy.message, "the roles: Google failed: status 502: <html>");
    }
}
