//! ## What it does
//!
//! Finds pods that the Pod Security Standards forbid: `baseline`, or `restricted` where the platform file
//! says so, in the standard of the version it names.
//!
//! ## Why is this bad?
//!
//! What `baseline` forbids are known ways from a container to its node. A namespace that enforces the
//! standard refuses such a pod, and it is seen only when the pod does not come up.
//!
//! ## Example
//!
//! ```yaml
//! containers:
//! - name: trainer
//!   securityContext:
//!     privileged: true
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! securityContext:
//!   runAsNonRoot: true
//!   seccompProfile:
//!     type: RuntimeDefault
//! containers:
//! - name: trainer
//!   securityContext:
//!     allowPrivilegeEscalation: false
//!     capabilities:
//!       drop: [ALL]
//! ```
//!
//! In `terrace.yaml`:
//!
//! ```yaml
//! rules:
//!   pod_security_violation: {level: restricted, version: 1.35}
//! ```

use resource::{Finding, Severity};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;
use crate::pod_security::{Level, NEWEST, violations};

pub(super) const RULE: Rule = Rule {
    name: "pod_security_violation",
    severity: Some(Severity::Error),
    controls: &[
        Control::Soc2("CC6.1"),
        Control::Soc2("CC6.8"),
        Control::Iso27001("A.8.2"),
        Control::Iso27001("A.8.9"),
    ],
    file: include_str!("pod_security_violation.rs"),
    settings: SettingsType::of::<Settings>(),
    check: Check::Target(check),
};

/// What the rule can be told.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Settings {
    /// How much is forbidden.
    level: Level,
    /// The Kubernetes minor version whose standard holds, such as "1.35". Without it, the newest.
    #[schemars(schema_with = "text_or_number")]
    version: Version,
}

fn text_or_number(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "number"]})
}

/// `1.35`, as text or as the number it looks like.
#[derive(Debug, Deserialize)]
#[serde(try_from = "serde_json::Value")]
struct Version(u32);

impl Default for Version {
    fn default() -> Version {
        Version(NEWEST)
    }
}

impl TryFrom<serde_json::Value> for Version {
    type Error = String;

    fn try_from(value: serde_json::Value) -> Result<Version, String> {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let minor = text
            .trim_start_matches('v')
            .strip_prefix("1.")
            .and_then(|minor| minor.parse().ok());
        minor
            .map(Version)
            .ok_or_else(|| format!("\"{text}\" is no version such as \"1.35\""))
    }
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let settings: Settings = context.setting(&RULE);
    for pod in context.pods() {
        for violation in violations(pod, settings.level, settings.version.0) {
            let message = format!("{} ({})", violation.message, violation.control);
            findings.push(
                RULE.finding(pod.object, violation.field, violation.mark, message)
                    .hint(violation.hint),
            );
        }
    }
}
