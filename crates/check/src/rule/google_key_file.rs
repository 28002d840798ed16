//! ## What it does
//!
//! Finds keys of Google service accounts, wherever they stand, and containers that are pointed to one by
//! `GOOGLE_APPLICATION_CREDENTIALS`.
//!
//! ## Why is this bad?
//!
//! A key works from anywhere, for whoever has a copy, until somebody remembers to revoke it. Workload
//! identity gives short-lived tokens to the pod alone.
//!
//! ## Example
//!
//! ```yaml
//! env:
//! - name: GOOGLE_APPLICATION_CREDENTIALS
//!   value: /var/secrets/key.json
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! serviceAccountName: trainer   # bound to a Google service account, or granted roles directly
//! ```

use resource::{Finding, Severity};
use yaml::Node;

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;

pub(super) const RULE: Rule = Rule {
    name: "google_key_file",
    severity: Some(Severity::Error),
    controls: &[
        Control::Soc2("CC6.1"),
        Control::Soc2("CC6.7"),
        Control::Iso27001("A.5.17"),
        Control::Iso27001("A.8.24"),
        Control::Gdpr("32(1)"),
    ],
    file: include_str!("google_key_file.rs"),
    settings: SettingsType::NONE,
    check: Check::Target(check),
};

const VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";
/// A key is longer by far, also in Base64.
const SHORTEST: usize = 200;
const HINT: &str = "use workload identity: no key, and nothing to rotate";

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for text in context.texts().filter(|text| text.value.len() >= SHORTEST) {
        let content = text.decoded();
        let is_key = content.contains("\"service_account\"") && content.contains("private_key_id");
        if is_key && content.contains("BEGIN PRIVATE KEY") {
            findings.push(
                RULE.finding(
                    text.object,
                    text.field(),
                    text.mark,
                    "this is a key of a Google service account",
                )
                .concealed()
                .hint(HINT),
            );
        }
    }
    for pod in context.pods() {
        for container in pod.containers() {
            let env = container.node.get("env").and_then(Node::as_seq).into_iter().flatten();
            for variable in env.filter(|variable| variable.get("name").and_then(Node::as_str) == Some(VARIABLE)) {
                let path = variable.get("value").and_then(Node::as_str).unwrap_or_default();
                // A federation's configuration is no secret, and is mounted from a ConfigMap or projected.
                if container
                    .mounts(path)
                    .is_some_and(|volume| volume.get("secret").is_none())
                {
                    continue;
                }
                let mark = variable.get("value").map_or(variable.mark, |value| value.mark);
                let message = format!("the container {} is pointed to a key by {VARIABLE}", container.name());
                let field = container.field(&format!("env[name={VARIABLE}]"));
                findings.push(RULE.finding(pod.object, field, mark, message).hint(HINT));
            }
        }
    }
}
