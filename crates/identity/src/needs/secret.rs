//! Secrets of Secret Manager that the cluster fetches: by External Secrets, and by the CSI driver for secrets.

use resource::{Resource, items};
use yaml::Node;

use super::Collector;
use crate::name::ResourceName;
use crate::tree::RunsAs;

const EXTERNAL_SECRETS: &str = "external-secrets.io";
pub(crate) const ACCESS: &str = "secretmanager.versions.access";

/// A store of External Secrets that reads Secret Manager as a service account.
pub(crate) struct Store<'a> {
    pub(crate) kind: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    project: &'a str,
    /// Namespace, where it says one, and name of the Kubernetes service account that it reads as.
    pub(crate) account: (Option<&'a str>, &'a str),
}

impl<'a> Store<'a> {
    /// A store for Secret Manager with an account of the cluster; others have keys, or the operator's own identity.
    pub(crate) fn read(object: &'a Resource, namespace: &'a str) -> Option<Store<'a>> {
        if &*object.gvk().group != EXTERNAL_SECRETS || !matches!(object.kind(), "SecretStore" | "ClusterSecretStore") {
            return None;
        }
        let provider = object.node.get_path(["spec", "provider", "gcpsm"])?;
        let account = provider.get_path(["auth", "workloadIdentity", "serviceAccountRef"])?;
        Some(Store {
            kind: object.kind(),
            namespace,
            name: object.name(),
            project: provider.get("projectID").and_then(Node::as_str)?,
            account: (
                account.get("namespace").and_then(Node::as_str),
                account.get("name").and_then(Node::as_str)?,
            ),
        })
    }
}

impl Store<'_> {
    /// Who reads for an object of a namespace.
    pub(crate) fn runs_as(&self, namespace: &str) -> RunsAs {
        RunsAs::Kubernetes {
            namespace: self.account.0.unwrap_or(namespace).to_owned(),
            name: self.account.1.to_owned(),
        }
    }
}

/// The store that an ExternalSecret reads from: its kind and name.
pub(crate) fn store_of(object: &Resource) -> Option<(&str, &str)> {
    if &*object.gvk().group != EXTERNAL_SECRETS || object.kind() != "ExternalSecret" {
        return None;
    }
    let reference = object.node.get_path(["spec", "secretStoreRef"])?;
    let kind = reference.get("kind").and_then(Node::as_str).unwrap_or("SecretStore");
    Some((kind, reference.get("name").and_then(Node::as_str)?))
}

/// What an ExternalSecret needs of the store's account.
pub(crate) fn of_secrets(collector: &mut Collector<'_>, object: &Resource, store: &Store<'_>) {
    let version = |item: &Node, of: &str| {
        let version = item.get_path([of, "version"]).and_then(Node::as_str);
        version
            .filter(|version| !version.is_empty() && *version != "latest")
            .map_or_else(String::new, |version| format!("/versions/{version}"))
    };
    let keys = |list: &'static str, key: &'static [&'static str]| {
        items(&object.node, &["spec", list])
            .enumerate()
            .filter_map(move |(at, item)| {
                Some((
                    format!("spec.{list}[{at}].{}", key.join(".")),
                    item.get_path(key.iter().copied())?,
                    version(item, key[0]),
                ))
            })
    };
    let all = keys("data", &["remoteRef", "key"]).chain(keys("dataFrom", &["extract", "key"]));
    for (field, key, version) in all {
        let Some(name) = key.as_str() else { continue };
        let path = match name.strip_prefix("projects/") {
            Some(_) => name.to_owned(),
            None => format!("projects/{}/secrets/{name}{version}", store.project),
        };
        if let Ok(resource) = ResourceName::parse(&format!("//secretmanager.googleapis.com/{path}")) {
            collector.needs(ACCESS, resource, "fetches the secret", field, key.mark);
        }
    }
}

/// What a pod needs that mounts secrets by the CSI driver: those of the class.
pub(crate) fn of_class(collector: &mut Collector<'_>, class: &Resource) {
    let provider = class.node.get_path(["spec", "provider"]).and_then(Node::as_str);
    if !matches!(provider, Some("gcp" | "gke")) {
        return;
    }
    let Some(secrets) = class.node.get_path(["spec", "parameters", "secrets"]) else {
        return;
    };
    // A text of YAML in a field; the names stand on lines of their own.
    for line in secrets.as_str().unwrap_or_default().lines() {
        collector.text("", line, || "spec.parameters.secrets".to_owned(), secrets.mark);
    }
}
