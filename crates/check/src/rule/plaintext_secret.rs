//! ## What it does
//!
//! Finds secrets that stand in the tree: the data of Secrets, literals of a `secretGenerator`, and, in every
//! other object, private keys, tokens of known services, passwords in URLs, and random-looking values under
//! names such as `PASSWORD` or `token`. The values are never printed.
//!
//! ## Why is this bad?
//!
//! What is in Git is in every clone, for ever. Base64 hides nothing.
//!
//! ## Example
//!
//! ```yaml
//! kind: Secret
//! data:
//!   password: aHVudGVyMg==
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! kind: ExternalSecret
//! spec:
//!   secretStoreRef: {name: google-secret-manager, kind: ClusterSecretStore}
//!   target: {name: database}
//!   data:
//!   - secretKey: password
//!     remoteRef: {key: iris-prod-database-password}
//! ```
//!
//! A SealedSecret or a file that SOPS encrypted is as good.

use resource::{Finding, Severity};
use yaml::Node;

use super::{Control, Rule, SettingsType};
use crate::context::Context;
use crate::plaintext::{self, Secret};
use crate::text::Text;

pub(super) const RULE: Rule = Rule {
    name: "plaintext_secret",
    severity: Some(Severity::Error),
    controls: &[
        Control::Soc2("CC6.1"),
        Control::Soc2("CC6.7"),
        Control::Iso27001("A.5.17"),
        Control::Iso27001("A.8.24"),
        Control::Gdpr("32(1)"),
    ],
    file: include_str!("plaintext_secret.rs"),
    settings: SettingsType::NONE,
    check,
};

const HINT: &str = "keep it in a secret manager (ExternalSecret), or encrypted (SealedSecret, SOPS), and rotate it";

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for text in context.texts() {
        let what = match text.object.kind() {
            "Secret" if matches!(text.first_key(), Some("data" | "stringData")) => in_secret(&text),
            // What these hold is encrypted, or is a name.
            "SealedSecret" | "ExternalSecret" | "ClusterExternalSecret" | "SecretStore" | "ClusterSecretStore" => None,
            _ => plaintext::find(text.value, names(&text)).map(Secret::words),
        };
        if let Some(what) = what {
            let finding = RULE.finding(text.object, text.field(), text.mark, what).hint(HINT);
            findings.push(finding.concealed());
        }
    }
}

fn in_secret(text: &Text<'_>) -> Option<String> {
    let is_encrypted = text.object.node.get("sops").is_some() || text.value.starts_with("ENC[");
    if is_encrypted || text.value.is_empty() {
        return None;
    }
    if text.object.layer.step.starts_with("secretGenerator") && text.object.layer.step.ends_with(']') {
        return Some("a secretGenerator puts a value of the tree into this Secret".to_owned());
    }
    Some("the value of this Secret stands in the tree".to_owned())
}

/// The names that say what a text is: of its field, and of the variable or key it is the value of.
fn names<'t>(text: &Text<'t>) -> [&'t str; 2] {
    let variable = text.mapping().and_then(|mapping| mapping.get("name")).and_then(Node::as_str);
    let key = text.last_key().unwrap_or_default();
    match key {
        "value" => [variable.unwrap_or_default(), ""],
        _ => [key, ""],
    }
}
