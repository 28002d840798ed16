//! The file and what it says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use build::Session;
use decode::{DecodeError, Marked, decode};
use schemars::JsonSchema;
use secret::Delivery;
use serde::Deserialize;
use yaml::{Mark, Node};

/// The name of the file.
pub const FILE_NAME: &str = "terrace.yaml";

const API_VERSION: &str = "terrace.dev/v1alpha1";

/// The platform file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PlatformError {
    /// A lower-case fragment.
    pub message: String,
    /// What is wrong in the file, or [`Mark::NONE`].
    pub mark: Mark,
    /// What to do next.
    pub hint: Option<String>,
}

impl PlatformError {
    pub(crate) fn new(mark: Mark, message: impl Into<String>) -> PlatformError {
        PlatformError {
            message: message.into(),
            mark,
            hint: None,
        }
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> PlatformError {
        self.hint = Some(hint.into());
        self
    }
}

impl From<DecodeError> for PlatformError {
    fn from(error: DecodeError) -> PlatformError {
        PlatformError {
            message: error.message,
            mark: error.mark,
            hint: error.hint,
        }
    }
}

/// A platform: the directory of its file, and what the file says.
#[derive(Clone, Debug)]
pub struct Platform {
    /// The directory that holds the file; paths in it are relative to this.
    pub root: PathBuf,
    pub name: String,
    pub spec: Spec,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Platform")]
struct Document {
    /// `terrace.dev/v1alpha1`.
    api_version: Marked<String>,
    /// `Platform`.
    kind: Marked<String>,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Metadata {
    /// The name of the platform.
    name: String,
}

/// What the platform says.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// The environments, in the order of promotion.
    pub environments: Vec<Marked<Environment>>,
    /// Kubernetes minor versions to check against, such as "1.35". Without them, the newest known.
    #[serde(default)]
    pub kubernetes_versions: Vec<Marked<String>>,
    /// Where schemas of custom resources are: directories, or templates as kubeconform has them.
    #[serde(default)]
    pub schema_locations: Vec<Marked<String>>,
    /// Files and directories of policies: constraint templates, constraints, admission policies.
    #[serde(default)]
    pub policies: Vec<Marked<String>>,
    /// Settings of rules in every environment, by the name of the rule.
    #[serde(default)]
    pub rules: BTreeMap<String, Marked<RuleSetting>>,
    /// Findings that are accepted for a time.
    #[serde(default)]
    pub waivers: Vec<Marked<Waiver>>,
    /// What scanners say of the images.
    #[serde(default)]
    pub evidence: EvidenceFiles,
    /// What is granted on Google Cloud.
    #[serde(default)]
    pub identity: GrantFiles,
    /// Where it is recorded who did what.
    #[serde(default)]
    pub record: RecordPlaces,
}

/// Where the record of this platform lies, and what it is held against.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RecordPlaces {
    /// A file of SQLite's, relative to this one, or a database as `postgres://USER@HOST/DATABASE`. Without it,
    /// `.terrace/record.db`.
    pub url: Option<Marked<String>>,
    /// Where the record is copied to with signed checkpoints: a directory, relative to this file, or
    /// `gs://BUCKET/START`.
    pub mirror: Option<Marked<String>>,
    /// Files with the public keys of those who sign checkpoints.
    pub public_keys: Vec<Marked<String>>,
}

impl RecordPlaces {
    /// Refuses what would put a password into this file.
    fn check(&self) -> Result<(), PlatformError> {
        for url in [&self.url, &self.mirror].into_iter().flatten() {
            let authority = url.split_once("://").and_then(|(_, rest)| rest.split('/').next());
            let user = authority.and_then(|authority| authority.rsplit_once('@'));
            if user.is_some_and(|(user, _)| user.contains(':')) {
                let error = PlatformError::new(url.mark, "a password stands in this URL");
                return Err(
                    error.hint("leave it away here, and give it with PGPASSWORD or a file that PGPASSFILE names")
                );
            }
        }
        Ok(())
    }
}

/// Files that say what is granted on Google Cloud.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct GrantFiles {
    /// JSON files of gcloud or Terraform, or directories of them; RESOURCE=FILE for the policy of one resource.
    pub iam: Vec<Marked<String>>,
    /// A JSON file with the members of groups.
    pub groups: Option<Marked<String>>,
    /// A table of Google's predefined roles, as terrace identity refresh writes it, in place of the one that comes along.
    pub roles: Option<Marked<String>>,
    /// Whether what neither the files nor the trees grant is not granted, in the projects of all environments.
    pub authoritative: bool,
}

/// Files and directories of JSON files.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EvidenceFiles {
    /// Reports of Trivy or OSV-Scanner.
    pub vulnerabilities: Vec<Marked<String>>,
    /// CycloneDX documents that say which vulnerabilities do not matter.
    pub vex: Vec<Marked<String>>,
    /// CycloneDX or SPDX documents of images.
    pub sboms: Vec<Marked<String>>,
    /// Approvals of versions of models.
    pub approvals: Vec<Marked<String>>,
}

/// One environment.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Environment {
    /// Its name, such as `prod`.
    pub name: String,
    /// The directory of its kustomization. `{env}` stands for the name; any other `{word}` for one
    /// directory name, and every directory that fits is a kustomization of the environment.
    pub path: Marked<String>,
    /// The cluster it is in. `{word}`s of the path may be used here and below.
    #[serde(default)]
    pub cluster: Option<String>,
    /// The namespace of its objects.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The Google Cloud project.
    #[serde(default)]
    pub project: Option<String>,
    /// The Google Cloud location, such as `europe-west4`.
    #[serde(default)]
    pub location: Option<String>,
    /// The number of the project, where the files with grants do not say it.
    #[serde(default)]
    pub project_number: Option<String>,
    /// The pool that the cluster's service accounts are in, as `PROJECT.svc.id.goog`. Without it, that of the project.
    /// For a cluster outside of GKE, `projects/NUMBER/locations/global/workloadIdentityPools/POOL`, with
    /// `/providers/PROVIDER` where the pool has several.
    #[serde(default)]
    pub identity_pool: Option<Marked<String>>,
    /// Who signs the tokens of the cluster's service accounts, as `https://oidc.eks.eu-west-1.amazonaws.com/id/ID`.
    #[serde(default)]
    pub issuer: Option<String>,
    /// Who launches the workloads of Vertex AI: a Kubernetes service account as `NAMESPACE/NAME`, or an address.
    #[serde(default)]
    pub launcher: Option<Marked<String>>,
    /// Who the nodes of the cluster are, and fetch images as: the address of a Google service account.
    #[serde(default)]
    pub nodes: Option<Marked<String>>,
    /// How secrets come into its cluster.
    #[serde(default)]
    pub secrets: Option<Marked<Delivery>>,
    /// Regions that its data and jobs may be in. Without them, its location alone.
    #[serde(default)]
    pub regions: Vec<String>,
    /// Host names and addresses that belong to this environment: `*.dev.example.com`, `10.1.0.0/16`.
    #[serde(default)]
    pub hosts: Vec<Marked<String>>,
    /// The lowest severity of a finding that fails the check. Without it, `error`.
    #[serde(default)]
    pub fail_on: Option<Level>,
    /// Settings of rules in this environment, over those for all.
    #[serde(default)]
    pub rules: BTreeMap<String, Marked<RuleSetting>>,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Off,
    Note,
    Warning,
    Error,
}

/// The setting of a rule: its severity alone, or a mapping of `severity` and what the rule can be told.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RuleSetting(pub serde_json::Value);

/// A finding that is accepted for a time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Waiver {
    /// The rule.
    pub rule: Marked<String>,
    /// The object as KIND/NAME, KIND/* or `*`.
    pub object: String,
    /// The environments it is for; all, without them.
    #[serde(default)]
    pub environments: Vec<Marked<String>>,
    /// Why it is accepted.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it holds, as YYYY-MM-DD.
    pub expires: Marked<String>,
}

/// Reads the platform file of a directory, through the session's files.
///
/// # Errors
/// [`PlatformError`] where it is missing, is not YAML, or says what cannot be.
pub fn read(session: &Session<'_>, directory: &Path) -> Result<Platform, PlatformError> {
    let files = session.files();
    let path = directory.join(FILE_NAME);
    let cannot = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            // How a path is shown is known of whole paths.
            let shown = files.absolute(directory).map(|path| files.display(&path));
            let shown = shown.unwrap_or_else(|_| directory.display().to_string());
            PlatformError::new(Mark::NONE, format!("there is no {FILE_NAME} in {shown}"))
                .hint("run this in the directory that has it, or write one there")
        }
        _ => PlatformError::new(Mark::NONE, format!("cannot read {}: {error}", files.display(&path))),
    };
    let root = files
        .absolute(directory)
        .and_then(|path| files.resolve(&path))
        .map_err(cannot)?
        .0;
    let bytes = files
        .read(&root.join(FILE_NAME), build::DEFAULT_FILE_LIMIT)
        .map_err(cannot)?;
    let text = yaml::decode(bytes).map_err(|error| PlatformError::new(Mark::NONE, error.to_string()))?;
    let name = files.display(&root.join(FILE_NAME));
    let source = session.sources().add(name, yaml::normalize_newlines(text));
    let documents = yaml::read_documents(&source).map_err(|error| PlatformError::new(error.mark, error.to_string()))?;
    match documents.nodes.as_slice() {
        [node] => from_node(root, node),
        [] => Err(PlatformError::new(source.mark(0), "the file is empty")),
        [_, second, ..] => Err(PlatformError::new(second.mark, "the file must hold one document")),
    }
}

fn from_node(root: PathBuf, node: &Node) -> Result<Platform, PlatformError> {
    let document: Document = decode(node)?;
    for (found, expected, field) in [
        (&document.api_version, API_VERSION, "apiVersion"),
        (&document.kind, "Platform", "kind"),
    ] {
        if found.value != expected {
            let message = format!("{field} must be {expected}, not \"{}\"", found.value);
            return Err(PlatformError::new(found.mark, message));
        }
    }
    let platform = Platform {
        root,
        name: document.metadata.name,
        spec: document.spec,
    };
    platform.check(node)?;
    Ok(platform)
}

impl Platform {
    fn check(&self, node: &Node) -> Result<(), PlatformError> {
        let environments = &self.spec.environments;
        if environments.is_empty() {
            let place = node.get_path(["spec", "environments"]).unwrap_or(node);
            return Err(PlatformError::new(place.mark, "there are no environments")
                .hint("name each with its directory: {name: dev, path: overlays/dev}"));
        }
        for (at, environment) in environments.iter().enumerate() {
            let name = &environment.name;
            if environments[..at].iter().any(|before| before.name == *name) {
                return Err(PlatformError::new(
                    environment.mark,
                    format!("the environment {name} is there twice"),
                ));
            }
            crate::discover::check(&environment.path)?;
            if let Some(secrets) = &environment.secrets {
                secrets.check(secrets.mark)?;
            }
        }
        self.spec.record.check()?;
        let known = |name: &str| environments.iter().any(|environment| environment.name == name);
        for waiver in &self.spec.waivers {
            if let Some(unknown) = waiver.environments.iter().find(|name| !known(name)) {
                let names: Vec<&str> = environments.iter().map(|environment| &*environment.name).collect();
                let message = format!("there is no environment \"{}\"", unknown.value);
                return Err(PlatformError::new(unknown.mark, message).hint(format!("there are {}", names.join(", "))));
            }
        }
        Ok(())
    }
}

/// The JSON schema of the file, for editors.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Document).to_value()
}
