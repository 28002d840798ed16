//! Where the services are: at Google, or where gcloud's own variables say.

use std::collections::BTreeMap;

/// A service of Google's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    ArtifactRegistry,
    CloudAsset,
    CloudIdentity,
    CloudKms,
    Iam,
    PubSub,
    ResourceManager,
    SecretManager,
    Storage,
}

const ALL: [Service; 9] = [
    Service::ArtifactRegistry,
    Service::CloudAsset,
    Service::CloudIdentity,
    Service::CloudKms,
    Service::Iam,
    Service::PubSub,
    Service::ResourceManager,
    Service::SecretManager,
    Service::Storage,
];

impl Service {
    /// The first word of the host, which is the name of gcloud's setting, too.
    pub fn name(self) -> &'static str {
        match self {
            Service::ArtifactRegistry => "artifactregistry",
            Service::CloudAsset => "cloudasset",
            Service::CloudIdentity => "cloudidentity",
            Service::CloudKms => "cloudkms",
            Service::Iam => "iam",
            Service::PubSub => "pubsub",
            Service::ResourceManager => "cloudresourcemanager",
            Service::SecretManager => "secretmanager",
            Service::Storage => "storage",
        }
    }

    /// The service of a full resource name's host.
    pub fn of_host(host: &str) -> Option<Service> {
        let name = host.strip_suffix(".googleapis.com")?;
        ALL.into_iter().find(|service| service.name() == name)
    }
}

/// The base URLs of services that are not Google's own.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    instead: BTreeMap<Service, String>,
}

impl Endpoints {
    /// What gcloud's variables `CLOUDSDK_API_ENDPOINT_OVERRIDES_SERVICE` say
    /// (<https://cloud.google.com/sdk/gcloud/reference/config>).
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Endpoints {
        let name = |service: Service| format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{}", service.name().to_uppercase());
        let url = |service| Some((service, variable(&name(service)).filter(|url| !url.is_empty())?));
        let trimmed = |(service, url): (Service, String)| {
            let url = url.trim_end_matches('/');
            // For gcloud the URL of storage may end with the version of its API.
            (service, url.strip_suffix("/storage/v1").unwrap_or(url).to_owned())
        };
        Endpoints {
            instead: ALL.into_iter().filter_map(url).map(trimmed).collect(),
        }
    }

    /// The URL of a path that begins with a slash.
    pub fn url(&self, service: Service, path: &str) -> String {
        match self.instead.get(&service) {
            Some(base) => format!("{base}{path}"),
            None => format!("https://{}.googleapis.com{path}", service.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_where_the_environment_says() {
        let endpoints = Endpoints::from_environment(|name| match name {
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE" => Some("http://127.0.0.1:9000/storage/v1/".to_owned()),
            _ => None,
        });
        assert_eq!(
            endpoints.url(Service::Storage, "/storage/v1/b"),
            "http://127.0.0.1:9000/storage/v1/b"
        );
        assert_eq!(
            endpoints.url(Service::Iam, "/v1/roles"),
            "https://iam.googleapis.com/v1/roles"
        );
        assert_eq!(
            Service::of_host("secretmanager.googleapis.com"),
            Some(Service::SecretManager)
        );
        assert_eq!(Service::of_host("example.com"), None);
    }
}
