//! ExternalSecrets (<https://external-secrets.io/latest/api/externalsecret/>).

use decode::DecodeError;
use serde::Serialize;

use crate::destination::{Backend, Destination};
use crate::intent::{Entry, Intent};
use crate::manifest::{Manifest, Metadata, yaml};

#[derive(Serialize)]
struct Body<'a> {
    spec: Spec<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    refresh_interval: &'a str,
    secret_store_ref: Store<'a>,
    target: Target<'a>,
    data: Vec<Data>,
}

#[derive(Serialize)]
struct Store<'a> {
    kind: &'static str,
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Target<'a> {
    name: &'a str,
    creation_policy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<Template<'a>>,
}

#[derive(Serialize)]
struct Template<'a> {
    #[serde(rename = "type")]
    secret_type: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    secret_key: String,
    remote_ref: Remote,
}

#[derive(Serialize)]
struct Remote {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    property: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

pub(crate) fn write(destination: &Destination, intent: &Intent) -> Result<String, DecodeError> {
    let delivery = &destination.delivery;
    delivery.check(delivery.form.mark)?;
    let store = delivery.store.as_ref();
    let entries = intent.entries(destination)?;
    yaml(&Manifest {
        api_version: "external-secrets.io/v1",
        kind: "ExternalSecret",
        metadata: Metadata::of(intent),
        body: Body {
            spec: Spec {
                refresh_interval: delivery.refresh_interval.as_deref().unwrap_or("1h"),
                secret_store_ref: Store {
                    kind: store.map_or("SecretStore", |store| store.kind.name()),
                    name: store.map_or("", |store| &store.name),
                },
                target: Target {
                    name: &intent.name,
                    creation_policy: "Owner",
                    template: intent.secret_type().map(|secret_type| Template { secret_type }),
                },
                data: entries.into_iter().map(|entry| data(entry, delivery.backend)).collect(),
            },
        },
    })
}

fn data(entry: Entry, backend: Option<Backend>) -> Data {
    Data {
        secret_key: entry.name,
        remote_ref: Remote {
            key: entry.key,
            property: entry.property,
            version: entry.version.map(|version| match backend {
                // Secrets Manager has ids of versions, and labels; the operator takes the former with a prefix.
                Some(Backend::AwsSecretsManager) if is_uuid(&version) => format!("uuid/{version}"),
                _ => version,
            }),
        },
    }
}

pub(crate) fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}
