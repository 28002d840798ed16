//! `terrace secrets list`: each secret of each environment, and where it is kept.

use std::fmt::Write as _;

use build::Session;
use clap::Args;
use secret::{Form, Intent};
use serde::Serialize;

use super::{Intents, WhichArgs, wrong};
use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::output::{self, AnswerFormat};
use crate::setup::Setup;

/// List the secrets of environments: each key, and what it is called where it is kept.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  terrace secrets list
  terrace secrets list --environment prod -o json
")]
pub(super) struct ListArgs {
    #[command(flatten)]
    pub(super) which: WhichArgs,
    /// How to print the list.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: AnswerFormat,
}

/// One secret of one target.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Secret {
    environment: String,
    target: String,
    name: String,
    namespace: String,
    backend: Option<&'static str>,
    form: &'static str,
    store: Option<String>,
    keys: Vec<Key>,
    /// Where the intent is.
    place: Option<String>,
}

#[derive(Serialize)]
struct Key {
    name: String,
    /// What the backend calls it; files have the name itself.
    key: String,
    property: Option<String>,
    version: Option<String>,
}

pub(super) fn run(args: &ListArgs, setup: &Setup, session: &Session<'_>) -> Result<Exit, Box<Diagnostic>> {
    let platform = args.which.platform(session)?;
    let mut secrets = Vec::new();
    let mut exit = Exit::Done;
    for target in args.which.intents(setup, session, platform.as_ref())? {
        for intent in &target.intents {
            let read = match intent {
                Ok(intent) => secret(&target, intent, session),
                Err(error) => Err(Box::new(wrong(error.clone()))),
            };
            match read {
                Ok(secret) => secrets.push(secret),
                Err(diagnostic) => {
                    exit = Exit::WrongInput;
                    setup.reporter.error(&diagnostic, session.sources());
                }
            }
        }
    }
    let printed = match args.output {
        AnswerFormat::Text => text(&secrets),
        // Only texts and lists are in the records: writing them cannot fail.
        AnswerFormat::Json => format!("{}\n", serde_json::to_string_pretty(&secrets).unwrap_or_default()),
    };
    output::answer(&[printed])?;
    Ok(exit)
}

fn secret(target: &Intents<'_>, intent: &Intent, session: &Session<'_>) -> Result<Secret, Box<Diagnostic>> {
    let destination = target.destination(intent)?;
    let delivery = &destination.delivery;
    let form = delivery.form.value;
    let entries = intent.entries(destination).map_err(|error| Box::new(wrong(error)))?;
    let in_file = matches!(form, Form::SealedSecret | Form::Sops);
    let keys = entries.into_iter().map(|entry| Key {
        key: if in_file { entry.name.clone() } else { entry.key },
        name: entry.name,
        property: entry.property.filter(|_| !in_file),
        version: entry.version.filter(|_| !in_file),
    });
    let namespace = match intent.namespace.as_str() {
        "" => target.target.facts.namespace.as_deref().unwrap_or("default"),
        namespace => namespace,
    };
    Ok(Secret {
        environment: target.target.facts.environment.clone(),
        target: target.target.facts.target.clone(),
        name: intent.name.clone(),
        namespace: namespace.to_owned(),
        backend: delivery.backend.filter(|_| !in_file).map(secret::Backend::name),
        form: form.kind(),
        store: delivery
            .store
            .as_ref()
            .filter(|_| form == Form::ExternalSecret)
            .map(|store| format!("{}/{}", store.kind.name(), store.name)),
        keys: keys.collect(),
        place: session.sources().place(intent.mark).map(|place| place.to_string()),
    })
}

fn text(secrets: &[Secret]) -> String {
    let mut out = String::new();
    if secrets.is_empty() {
        out.push_str("there are no secret intents\n");
    }
    for secret in secrets {
        let environment = if secret.environment.is_empty() {
            &secret.target
        } else {
            &secret.environment
        };
        let from = match (&secret.store, secret.backend) {
            (Some(store), Some(backend)) => format!(", {backend} by {store}"),
            (None, Some(backend)) => format!(", {backend}"),
            (_, None) => String::new(),
        };
        // Writing to a text cannot fail.
        let _ = writeln!(
            out,
            "{environment}: {}/{} ({}{from})",
            secret.namespace, secret.name, secret.form
        );
        for key in &secret.keys {
            let _ = write!(out, "    {}", key.name);
            if secret.backend.is_some() {
                let _ = write!(out, " = {}", key.key);
            }
            if let Some(property) = &key.property {
                let _ = write!(out, ", property {property}");
            }
            if let Some(version) = &key.version {
                let _ = write!(out, ", version {version}");
            }
            out.push('\n');
        }
        if let Some(place) = &secret.place {
            let _ = writeln!(out, "    at {place}");
        }
    }
    out
}
