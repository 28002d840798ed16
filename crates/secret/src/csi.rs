//! SecretProviderClasses of the Secrets Store CSI Driver, in the words of each provider
//! (<https://secrets-store-csi-driver.sigs.k8s.io/concepts.html#secretproviderclass>).

use std::collections::BTreeMap;

use decode::DecodeError;
use serde::Serialize;

use crate::destination::{Backend, Destination};
use crate::external::is_uuid;
use crate::intent::{Entry, Intent};
use crate::manifest::{Manifest, Metadata, yaml};

#[derive(Serialize)]
struct Body {
    spec: Spec,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    provider: String,
    parameters: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    secret_objects: Vec<SecretObject>,
}

/// The Secret that the driver makes while a pod mounts the files.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SecretObject {
    secret_name: String,
    #[serde(rename = "type")]
    secret_type: String,
    data: Vec<SecretData>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SecretData {
    object_name: String,
    key: String,
}

/// Of Google's provider.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Google {
    resource_name: String,
    path: String,
    #[serde(rename = "extractJSONKey", skip_serializing_if = "Option::is_none")]
    property: Option<String>,
}

/// Of Vault's provider.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Vault {
    object_name: String,
    secret_path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_args: Option<BTreeMap<&'static str, String>>,
}

/// Of Amazon's provider.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Amazon {
    object_name: String,
    object_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_version_label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_alias: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    jmes_path: Vec<Field>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Field {
    path: String,
    object_alias: String,
}

/// Of Azure's provider: a list of texts, each of which is YAML.
#[derive(Serialize)]
struct AzureList {
    array: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Azure {
    object_name: String,
    object_type: &'static str,
    object_version: String,
    object_alias: String,
}

pub(crate) fn write(destination: &Destination, intent: &Intent) -> Result<String, DecodeError> {
    let delivery = &destination.delivery;
    delivery.check(delivery.form.mark)?;
    let entries = intent.entries(destination)?;
    let keys: Vec<String> = intent.keys().map(str::to_owned).collect();
    let (provider, field, text) = match delivery.backend {
        Some(Backend::SecretManager) | None => ("gcp", "secrets", google(destination, entries)?),
        Some(Backend::Vault) => ("vault", "objects", vault(destination, entries)?),
        Some(Backend::AwsSecretsManager) => ("aws", "objects", amazon(entries)?),
        Some(Backend::AzureKeyVault) => ("azure", "objects", azure(entries)?),
    };
    let mut parameters = delivery.parameters.clone();
    parameters.insert(field.to_owned(), text);
    let provider = delivery.provider.as_deref().unwrap_or(provider);
    let data = keys.into_iter().map(|key| SecretData {
        object_name: key.clone(),
        key,
    });
    // The driver of GKE mounts files and makes no Secrets.
    let secret_objects = match provider {
        "gke" => Vec::new(),
        _ => vec![SecretObject {
            secret_name: intent.name.clone(),
            secret_type: intent.secret_type().unwrap_or("Opaque").to_owned(),
            data: data.collect(),
        }],
    };
    yaml(&Manifest {
        api_version: "secrets-store.csi.x-k8s.io/v1",
        kind: "SecretProviderClass",
        metadata: Metadata::of(intent),
        body: Body {
            spec: Spec {
                provider: provider.to_owned(),
                parameters,
                secret_objects,
            },
        },
    })
}

fn google(destination: &Destination, entries: Vec<Entry>) -> Result<String, DecodeError> {
    let project = destination.project().ok_or_else(|| DecodeError {
        message: "nobody says which project holds the secrets".to_owned(),
        mark: destination.delivery.form.mark,
        hint: Some("give the environment a project".to_owned()),
    })?;
    let of = |entry: Entry| Google {
        resource_name: format!(
            "projects/{project}/secrets/{}/versions/{}",
            entry.key,
            entry.version.as_deref().unwrap_or("latest")
        ),
        path: entry.name,
        property: entry.property,
    };
    yaml(&entries.into_iter().map(of).collect::<Vec<_>>())
}

fn vault(destination: &Destination, entries: Vec<Entry>) -> Result<String, DecodeError> {
    let mount = destination.delivery.mount.as_deref().unwrap_or("secret");
    let of = |entry: Entry| Vault {
        object_name: entry.name,
        // The path of the values in an engine of version 2.
        secret_path: format!("{mount}/data/{}", entry.key),
        secret_key: entry.property,
        secret_args: entry.version.map(|version| BTreeMap::from([("version", version)])),
    };
    yaml(&entries.into_iter().map(of).collect::<Vec<_>>())
}

/// Entries of one secret are one object with a path for each.
fn amazon(entries: Vec<Entry>) -> Result<String, DecodeError> {
    let mut objects: Vec<Amazon> = Vec::new();
    for entry in entries {
        let (object_version, object_version_label) = match entry.version {
            Some(version) if is_uuid(&version) => (Some(version), None),
            label => (None, label),
        };
        let field = entry.property.map(|property| Field {
            path: jmes(&property),
            object_alias: entry.name.clone(),
        });
        let same = |object: &&mut Amazon| {
            object.object_name == entry.key
                && object.object_alias.is_none()
                && (&object.object_version, &object.object_version_label) == (&object_version, &object_version_label)
        };
        match (objects.iter_mut().find(same), field) {
            (Some(object), Some(field)) => object.jmes_path.push(field),
            (_, field) => objects.push(Amazon {
                object_name: entry.key,
                object_type: "secretsmanager",
                object_version,
                object_version_label,
                object_alias: field.is_none().then_some(entry.name),
                jmes_path: field.into_iter().collect(),
            }),
        }
    }
    yaml(&objects)
}

/// A name in JMESPath: in quotes where it is no plain word.
fn jmes(name: &str) -> String {
    let is_word =
        name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit());
    if is_word {
        name.to_owned()
    } else {
        format!("\"{name}\"")
    }
}

fn azure(entries: Vec<Entry>) -> Result<String, DecodeError> {
    let mut array = Vec::new();
    for entry in entries {
        if let Some(property) = entry.property {
            return Err(DecodeError {
                message: format!("the driver of Key Vault cannot take the property {property} out of a secret"),
                mark: entry.mark,
                hint: Some("keep it as a secret of its own (layout: entries), or use an ExternalSecret".to_owned()),
            });
        }
        array.push(yaml(&Azure {
            object_name: entry.key,
            object_type: "secret",
            object_version: entry.version.unwrap_or_default(),
            object_alias: entry.name,
        })?);
    }
    yaml(&AzureList { array })
}
