//! ## What it does
//!
//! Finds objects of the kind `SecretIntent` that cannot be written out for their environment: keys that no Secret has,
//! names that the environment's backend does not allow, words of the path that nobody explains, environments that do
//! not say how secrets come into their cluster. And objects of the kind `SecretProviderClass` for Google's provider with
//! parameters or fields that it does not know, or without those that it asks for.
//!
//! ## Why is this bad?
//!
//! The Secret is missing in that environment, and the pods that count on it do not start.
//!
//! ## Example
//!
//! ```yaml
//! apiVersion: secrets.terrace.dev/v1alpha1
//! kind: SecretIntent
//! metadata: {name: database}
//! spec:
//!   path: ml/database
//!   keys:
//!   - name: pass word
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! apiVersion: secrets.terrace.dev/v1alpha1
//! kind: SecretIntent
//! metadata: {name: database}
//! spec:
//!   path: ml/database
//!   keys:
//!   - name: password
//! ```

use resource::{Finding, Severity};
use secret::{CLASS_GROUP, CLASS_KIND, DecodeError, Form, Intent, check_class};

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;

pub(super) const RULE: Rule = Rule {
    name: "undeliverable_secret",
    severity: Some(Severity::Error),
    controls: &[
        Control::Soc2("CC6.1"),
        Control::Iso27001("A.8.24"),
    ],
    file: include_str!("undeliverable_secret.rs"),
    settings: SettingsType::NONE,
    check: Check::Target(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for object in context.of_kind(secret::GROUP, secret::KIND) {
        // What its schema refuses is told by the rules of schemas.
        let Ok(intent) = Intent::decode(object) else { continue };
        let checked = intent
            .check(object)
            .and_then(|()| match (&context.facts().secrets, context.facts().environment.as_str()) {
                (Some(destination), _) => match destination.delivery.form.value {
                    Form::ExternalSecret | Form::Csi => intent.entries(destination).map(drop),
                    Form::SealedSecret | Form::Sops => Ok(()),
                },
                // A directory alone has no backends.
                (None, "") => Ok(()),
                (None, environment) => Err(DecodeError {
                    message: format!("nobody says how secrets come into the environment {environment}"),
                    mark: intent.mark,
                    hint: Some("say it in terrace.yaml: secrets: {backend: secretManager, form: csi}".to_owned()),
                }),
            });
        if let Err(error) = checked {
            let mut finding = RULE.finding(object, "spec", error.mark, error.message);
            finding.hint = error.hint;
            findings.push(finding);
        }
    }
    for class in context.of_kind(CLASS_GROUP, CLASS_KIND) {
        for error in check_class(class) {
            let mut finding = RULE.finding(class, "spec.parameters", error.mark, error.message);
            finding.hint = error.hint;
            findings.push(finding);
        }
    }
}
