//! What is recorded of an act: who does what, as whom and why, before it; and what came of it, after it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::chain::Hash;
use crate::claims::Claims;

/// What somebody is about to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Intent {
    pub who: Who,
    pub what: What,
    /// The Google principal that Google sees: the address of a service account, or a member as in a policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_whom: Option<String>,
    /// The environment of the platform, as `prod`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    #[serde(default, skip_serializing_if = "Why::is_empty")]
    pub why: Why,
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Who {
    /// Somebody at a machine.
    User { name: String },
    /// An account of Google's, by its address.
    ServiceAccount { name: String },
    /// A pod, by its Kubernetes service account as `NAMESPACE/NAME`, with what its token says.
    Pod { name: String, claims: Claims },
}

impl Who {
    /// The name of any of them.
    pub fn name(&self) -> &str {
        match self {
            Who::User { name } | Who::ServiceAccount { name } | Who::Pod { name, .. } => name,
        }
    }
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct What {
    /// As `setIamPolicy`.
    pub verb: String,
    /// The full name of the resource.
    pub resource: String,
    /// The same in words, one for each change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// The SHA-256 of the request's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Hash>,
}

/// Why it is done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Why {
    /// What set it off: a command, a schedule, a run of CI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// The Git commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
}

impl Why {
    fn is_empty(&self) -> bool {
        *self == Why::default()
    }
}

/// What came of an act.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outcome {
    pub status: Status,
    /// In words, where there is something to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The whole answer. Integers that no double holds are texts in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
}

/// How an act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    Succeeded,
    Failed,
    /// Nobody knows: there was no answer, or who acted was ended before it came.
    Unknown,
}

impl Status {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Status::Succeeded => "succeeded",
            Status::Failed => "failed",
            Status::Unknown => "unknown",
        }
    }
}
