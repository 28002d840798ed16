//! The credential configuration of a pod: a file that says how its token becomes a principal of a pool
//! (<https://google.aip.dev/auth/4117>).

use resource::{Container, Pod, items};
use serde::Deserialize;
use yaml::{Mark, Node};

use super::pod::ConfigMaps;
use crate::member::Pool;

const VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// How a token becomes a principal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Credential {
    pub pool: Pool,
    pub provider: String,
    /// What the token is for; nobody says it where the token is not one that the pod asks for.
    pub audience: Option<String>,
    /// The Google service account that is impersonated then.
    pub impersonates: Option<String>,
}

/// A credential, and where a container is pointed to it.
pub(crate) struct Found {
    pub(crate) credential: Credential,
    pub(crate) field: String,
    pub(crate) mark: Mark,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(rename = "type")]
    kind: String,
    audience: String,
    service_account_impersonation_url: Option<String>,
    credential_source: Option<Source>,
}

#[derive(Deserialize)]
struct Source {
    file: Option<String>,
}

/// The credential that the first container with one is pointed to.
pub(crate) fn of_pod(pod: &Pod<'_>, namespace: &str, config_maps: &ConfigMaps<'_>) -> Option<Found> {
    pod.containers().find_map(|container| {
        let mut variables = items(container.node, &["env"]);
        let path = variables
            .find(|variable| text(variable, &["name"]) == Some(VARIABLE))?
            .get("value")?;
        let content = file(&container, path.as_str()?, namespace, config_maps)?;
        let configuration: Configuration = serde_json::from_str(content).ok()?;
        if configuration.kind != "external_account" {
            return None;
        }
        let (pool, provider) = Pool::parse(&configuration.audience)?;
        let token = configuration.credential_source.and_then(|source| source.file);
        Some(Found {
            credential: Credential {
                pool,
                provider: provider?,
                audience: token.and_then(|path| audience(&container, &path)),
                impersonates: configuration
                    .service_account_impersonation_url
                    .as_deref()
                    .and_then(account),
            },
            field: container.field(&format!("env[name={VARIABLE}]")),
            mark: path.mark,
        })
    })
}

/// The account of `…/serviceAccounts/EMAIL:generateAccessToken`.
fn account(url: &str) -> Option<String> {
    let (_, rest) = url.rsplit_once("/serviceAccounts/")?;
    let (email, _) = rest.split_once(':')?;
    Some(email.to_ascii_lowercase())
}

/// The text of a file that comes from a ConfigMap.
fn file<'m>(container: &Container<'_>, path: &str, namespace: &str, config_maps: &ConfigMaps<'m>) -> Option<&'m str> {
    let volume = container.mounts(path)?;
    let name = path.rsplit('/').next()?;
    let projected = items(volume, &["projected", "sources"]).filter_map(|source| source.get("configMap"));
    let mut sources = volume.get("configMap").into_iter().chain(projected);
    sources.find_map(|source| {
        let map = config_maps.get(&(namespace, text(source, &["name"])?))?;
        let mut mapped = items(source, &["items"]);
        let key = mapped
            .find(|item| text(item, &["path"]).is_some_and(|path| path.ends_with(name)))
            .and_then(|item| text(item, &["key"]))
            .unwrap_or(name);
        text(&map.node, &["data", key])
    })
}

/// What the token in a file is for.
fn audience(container: &Container<'_>, path: &str) -> Option<String> {
    let volume = container.mounts(path)?;
    let name = path.rsplit('/').next()?;
    let mut tokens = items(volume, &["projected", "sources"]).filter_map(|source| source.get("serviceAccountToken"));
    let token = tokens.find(|token| text(token, &["path"]).is_some_and(|path| path.ends_with(name)))?;
    text(token, &["audience"]).map(str::to_owned)
}

fn text<'n>(node: &'n Node, path: &[&str]) -> Option<&'n str> {
    node.get_path(path.iter().copied()).and_then(Node::as_str)
}
