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

use resource::{Finding, Resource, Severity};
use yaml::{Mark, Node};

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;
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
    check: Check::Target(check),
};

const HINT: &str = "keep it in a secret manager (ExternalSecret), or encrypted (SealedSecret, SOPS), and rotate it";

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for object in context.of_kind("", "Secret") {
        findings.extend(in_secret(object));
    }
    for text in context.texts() {
        // What these hold was told above, is encrypted, or is a name.
        const OTHERS: [&str; 6] = [
            "Secret",
            "SealedSecret",
            "ExternalSecret",
            "ClusterExternalSecret",
            "SecretStore",
            "ClusterSecretStore",
        ];
        if OTHERS.contains(&text.object.kind()) {
            continue;
        }
        if let Some(found) = credential::find(text.value, name(&text)) {
            let finding = RULE.finding(text.object, text.field(), text.mark, found.words());
            findings.push(finding.hint(HINT).at_word(found.before()).concealed());
        }
    }
}

/// One finding for all values of a Secret.
fn in_secret(object: &Resource) -> Option<Finding> {
    if object.node.get("sops").is_some() {
        return None;
    }
    let mut keys = Vec::new();
    let mut mark = Mark::NONE;
    for field in ["data", "stringData"] {
        for entry in object.node.get(field).and_then(Node::as_map).into_iter().flatten() {
            let value = entry.value.as_str().unwrap_or_default();
            if value.is_empty() || value.starts_with("ENC[") {
                continue;
            }
            if keys.is_empty() {
                mark = entry.value.mark;
            }
            keys.push(format!("{field}.{}", entry.key.as_str().unwrap_or_default()));
        }
    }
    let first = keys.first()?.clone();
    let step = &object.layer.step;
    let what = match step.starts_with("secretGenerator[") {
        true => "a secretGenerator puts values of the tree into this Secret",
        false => "values of this Secret stand in the tree",
    };
    let names: Vec<&str> = keys
        .iter()
        .filter_map(|key| key.split_once('.'))
        .map(|(_, key)| key)
        .collect();
    let message = format!("{what}: {}", names.join(", "));
    let mark = if mark.is_some() { mark } else { object.node.mark };
    Some(RULE.finding(object, first, mark, message).hint(HINT).concealed())
}

/// What a text is called: its field, or the variable that it is the value of.
fn name<'t>(text: &Text<'t>) -> &'t str {
    match text.last_key().unwrap_or_default() {
        "value" => {
            let variable = text.mapping().and_then(|mapping| mapping.get("name"));
            variable.and_then(Node::as_str).unwrap_or_default()
        }
        key => key,
    }
}
