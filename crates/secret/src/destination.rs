//! Where an environment keeps its secrets, and in which form they come into the cluster.

use std::collections::BTreeMap;

use decode::{DecodeError, Marked};
use schemars::JsonSchema;
use serde::Deserialize;
use yaml::Mark;

use crate::intent::Intent;
use crate::{csi, external, file};

/// How secrets come into the cluster of an environment.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Delivery {
    /// What holds the values. Files need none.
    #[serde(default)]
    pub backend: Option<Backend>,
    /// What is written: an ExternalSecret, a SecretProviderClass, or a reference to a file that is sealed.
    pub form: Marked<Form>,
    /// The store that an ExternalSecret reads from.
    #[serde(default)]
    pub store: Option<StoreReference>,
    /// Whether each key is a secret of its own in the backend, or a property of one. Without it: properties in Vault
    /// and in AWS, entries in Secret Manager and in Key Vault.
    #[serde(default)]
    pub layout: Option<Layout>,
    /// How often an ExternalSecret is read again, as `1h`.
    #[serde(default)]
    pub refresh_interval: Option<String>,
    /// The project of the secrets in Secret Manager; that of the environment without it.
    #[serde(default)]
    pub project: Option<String>,
    /// Who reads for the store, where the store is not in the tree: `NAMESPACE/NAME` of a service account of the
    /// cluster, or the address of a Google service account.
    #[serde(default)]
    pub reader: Option<Marked<String>>,
    /// Where the key-value engine of Vault is mounted; `secret` without it.
    #[serde(default)]
    pub mount: Option<String>,
    /// The provider of the CSI driver, where it has another name: `gke` for that of GKE.
    #[serde(default)]
    pub provider: Option<String>,
    /// What the provider of the CSI driver is told beside the secrets, in its own words: `vaultAddress`, `roleName`,
    /// `keyvaultName`, `tenantId`, `region`.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// The file with the sealed values, from the directory of the environment; `{name}` is that of the Secret.
    /// Without it, `{name}.sealed.yaml` and `{name}.enc.yaml`.
    #[serde(default)]
    pub files: Option<String>,
}

/// What holds the values of secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Backend {
    /// Google Secret Manager.
    SecretManager,
    /// HashiCorp Vault, its key-value engine of version 2.
    Vault,
    /// AWS Secrets Manager.
    AwsSecretsManager,
    /// Azure Key Vault.
    AzureKeyVault,
}

/// What is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Form {
    /// An ExternalSecret of External Secrets.
    #[default]
    ExternalSecret,
    /// A SecretProviderClass of the Secrets Store CSI Driver.
    Csi,
    /// A SealedSecret that `kubeseal` made, in a file.
    SealedSecret,
    /// A Secret that `sops` encrypted, in a file, and the generator that decrypts it.
    Sops,
}

/// How the keys of a secret lie in a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Layout {
    /// Each is a secret of its own, below the path.
    Entries,
    /// All are properties of the secret at the path.
    Properties,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreReference {
    #[serde(default)]
    pub kind: StoreKind,
    pub name: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum StoreKind {
    #[default]
    SecretStore,
    ClusterSecretStore,
}

impl Form {
    /// The kind of what is written.
    pub fn kind(self) -> &'static str {
        match self {
            Form::ExternalSecret => "ExternalSecret",
            Form::Csi => "SecretProviderClass",
            Form::SealedSecret => "SealedSecret",
            Form::Sops => "Secret of sops",
        }
    }
}

impl StoreKind {
    pub fn name(self) -> &'static str {
        match self {
            StoreKind::SecretStore => "SecretStore",
            StoreKind::ClusterSecretStore => "ClusterSecretStore",
        }
    }
}

/// The delivery of one target: what `terrace.yaml` says, with what it says of the environment.
#[derive(Clone, Debug)]
pub struct Destination {
    pub delivery: Delivery,
    /// What the words in paths stand for, `env` among them.
    pub words: BTreeMap<String, String>,
    /// The project of the environment.
    pub project: Option<String>,
    /// The namespace of objects that have none.
    pub namespace: Option<String>,
}

/// An intent, written out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// An object for the cluster.
    Object(String),
    /// The configuration of a generator of kustomize, which makes the Secret.
    Generator(String),
    /// A file that is there, with its text: it is a resource as it stands.
    File { path: String, text: String },
}

impl Backend {
    pub fn name(self) -> &'static str {
        match self {
            Backend::SecretManager => "Google Secret Manager",
            Backend::Vault => "Vault",
            Backend::AwsSecretsManager => "AWS Secrets Manager",
            Backend::AzureKeyVault => "Azure Key Vault",
        }
    }
}

impl Delivery {
    /// What a form needs and is not said; `mark` is the place of the delivery.
    ///
    /// # Errors
    /// The field, and what to write there.
    pub fn check(&self, mark: Mark) -> Result<(), DecodeError> {
        let missing = |field: &str, words: &str, hint: &str| DecodeError {
            message: format!("the field `{field}` is missing: {words}"),
            mark,
            hint: Some(hint.to_owned()),
        };
        let needs_backend = matches!(self.form.value, Form::ExternalSecret | Form::Csi);
        if needs_backend && self.backend.is_none() {
            let words = "nobody says what holds the values";
            let hint = "it can be secretManager, vault, awsSecretsManager, azureKeyVault";
            return Err(missing("backend", words, hint));
        }
        if self.form.value == Form::ExternalSecret && self.store.is_none() {
            let hint = "name it: store: {kind: ClusterSecretStore, name: vault}";
            return Err(missing("store", "an ExternalSecret reads from one", hint));
        }
        if self.form.value == Form::Csi {
            let told: &[&str] = match self.backend {
                Some(Backend::Vault) => &["vaultAddress", "roleName"],
                Some(Backend::AzureKeyVault) => &["keyvaultName", "tenantId"],
                _ => &[],
            };
            if let Some(name) = told.iter().find(|name| !self.parameters.contains_key(**name)) {
                let field = format!("parameters.{name}");
                return Err(missing(
                    &field,
                    "the provider of the CSI driver asks for it",
                    "say it there",
                ));
            }
        }
        Ok(())
    }
}

impl Destination {
    /// A text of the platform file with the words of the environment put in.
    pub fn expand(&self, text: &str) -> String {
        self.words.iter().fold(text.to_owned(), |text, (word, value)| {
            text.replace(&format!("{{{word}}}"), value)
        })
    }

    /// The project of the secrets, where Secret Manager holds them.
    pub fn project(&self) -> Option<String> {
        let project = self.delivery.project.as_deref().or(self.project.as_deref())?;
        Some(self.expand(project))
    }

    pub(crate) fn layout(&self) -> Layout {
        self.delivery.layout.unwrap_or(match self.delivery.backend {
            Some(Backend::Vault | Backend::AwsSecretsManager) => Layout::Properties,
            _ => Layout::Entries,
        })
    }

    pub(crate) fn backend_name(&self) -> &'static str {
        self.delivery.backend.map_or("files", Backend::name)
    }

    /// The name of an entry as the backend has it.
    ///
    /// # Errors
    /// What names are like there.
    pub(crate) fn key(&self, path: &str) -> Result<String, &'static str> {
        let dashed = path.replace('/', "-");
        let is_made_of = |name: &str, marks: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(c));
        match self.delivery.backend {
            Some(Backend::SecretManager) => match dashed.len() <= 255 && is_made_of(&dashed, "-_") {
                true => Ok(dashed),
                false => Err("names there have at most 255 letters, digits, \"-\" and \"_\"; / becomes \"-\""),
            },
            Some(Backend::AzureKeyVault) => match dashed.len() <= 127 && is_made_of(&dashed, "-") {
                true => Ok(dashed),
                false => Err("names there have at most 127 letters, digits and \"-\"; / becomes \"-\""),
            },
            Some(Backend::AwsSecretsManager) => match path.len() <= 512 && is_made_of(path, "/_+=.@-") {
                true => Ok(path.to_owned()),
                false => Err("names there have at most 512 letters, digits and characters of /_+=.@-"),
            },
            Some(Backend::Vault) | None => Ok(path.to_owned()),
        }
    }

    /// Writes an intent out. `read` reads a file from the directory of the environment.
    ///
    /// # Errors
    /// What the intent says and this environment cannot have.
    pub fn write(
        &self,
        intent: &Intent,
        read: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Written, DecodeError> {
        match self.delivery.form.value {
            Form::ExternalSecret => external::write(self, intent).map(Written::Object),
            Form::Csi => csi::write(self, intent).map(Written::Object),
            Form::SealedSecret => file::sealed(self, intent, read),
            Form::Sops => file::encrypted(self, intent, read),
        }
    }
}
