//! Full resource names (<https://cloud.google.com/iam/docs/full-resource-names>), and what each is part of.

use std::fmt;

/// `//SERVICE/PATH`, in one spelling: projects by the name they were given, buckets below `projects/_`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceName(String);

/// The service of projects, folders and organizations.
const RESOURCE_MANAGER: &str = "cloudresourcemanager.googleapis.com";

/// What conditions can read of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attributes<'n> {
    /// Nothing for a service whose resources have no attributes.
    pub(crate) service: &'n str,
    /// Nothing for a resource that has no type; none where it is not known here.
    pub(crate) kind: Option<&'static str>,
    /// None for a resource whose name conditions do not see.
    pub(crate) name: Option<&'n str>,
}

/// The services whose resources have attributes, beside Resource Manager
/// (<https://cloud.google.com/iam/docs/conditions-attribute-reference#resource-attributes>, April 2026).
const WITH_ATTRIBUTES: [&str; 26] = [
    "apigee",
    "apihub",
    "backupdr",
    "bigquery",
    "bigqueryreservation",
    "bigtableadmin",
    "binaryauthorization",
    "ces",
    "clouddeploy",
    "cloudkms",
    "compute",
    "connectors",
    "container",
    "dataform",
    "firestore",
    "iap",
    "integrations",
    "logging",
    "managedkafka",
    "networksecurity",
    "parametermanager",
    "pubsublite",
    "secretmanager",
    "spanner",
    "sqladmin",
    "storage",
];

/// A text is no name of a resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is no name of a Google Cloud resource")]
pub struct NameError {
    pub text: String,
}

impl NameError {
    /// The forms that are read.
    pub const HINT: &str = "write a full resource name (//SERVICE/PATH), or projects/ID, folders/N, organizations/N, \
                            gs://BUCKET/OBJECT, or the address of a service account";
}

impl ResourceName {
    pub fn project(id: &str) -> ResourceName {
        ResourceName(format!("//{RESOURCE_MANAGER}/projects/{id}"))
    }

    pub fn bucket(name: &str) -> ResourceName {
        ResourceName(format!("//storage.googleapis.com/projects/_/buckets/{name}"))
    }

    /// A service account by its address. The project is that of the address.
    pub fn service_account(email: &str) -> ResourceName {
        let project = project_of_account(email).unwrap_or("-");
        ResourceName(format!(
            "//iam.googleapis.com/projects/{project}/serviceAccounts/{}",
            email.to_ascii_lowercase()
        ))
    }

    /// Reads a full name, or one of the short forms of [`NameError::HINT`].
    ///
    /// # Errors
    /// [`NameError`] for other texts.
    pub fn parse(text: &str) -> Result<ResourceName, NameError> {
        let error = || NameError { text: text.to_owned() };
        if let Some(rest) = text.strip_prefix("//") {
            let (service, path) = rest.split_once('/').ok_or_else(error)?;
            if !service.ends_with(".googleapis.com") || path.is_empty() || path.ends_with('/') {
                return Err(error());
            }
            if service == "storage.googleapis.com" && !path.starts_with("projects/") {
                // The inventory of assets names buckets without `projects/_/buckets`.
                return Ok(match path.split_once("/objects/") {
                    Some((bucket, object)) => ResourceName::bucket(bucket).child("objects", object),
                    None => ResourceName::bucket(path),
                });
            }
            if service == "iam.googleapis.com"
                && let Some((_, email)) = path.split_once("/serviceAccounts/")
                && email.contains('@')
            {
                return Ok(ResourceName::service_account(email));
            }
            return Ok(ResourceName(text.to_owned()));
        }
        if let Some(path) = text.strip_prefix("gs://") {
            return match path.trim_end_matches('/').split_once('/') {
                _ if path.is_empty() => Err(error()),
                Some((bucket, object)) => Ok(ResourceName::bucket(bucket).child("objects", object)),
                None => Ok(ResourceName::bucket(path.trim_end_matches('/'))),
            };
        }
        if text.contains('@') && text.ends_with(".gserviceaccount.com") {
            return Ok(ResourceName::service_account(text.rsplit('/').next().unwrap_or(text)));
        }
        match text.split_once('/') {
            Some(("projects" | "folders" | "organizations", id)) if !id.is_empty() && !id.contains('/') => {
                Ok(ResourceName(format!("//{RESOURCE_MANAGER}/{text}")))
            }
            _ => Err(error()),
        }
    }

    /// A resource below this one.
    #[must_use]
    pub fn child(&self, collection: &str, id: &str) -> ResourceName {
        ResourceName(format!("{}/{collection}/{id}", self.0))
    }

    /// The name as a person writes it: `gs://BUCKET/OBJECT`, `projects/ID`, an address, or the path without its service.
    pub fn short(&self) -> String {
        let path = self.path();
        if let Some(rest) = self.0.strip_prefix("//storage.googleapis.com/projects/_/buckets/") {
            return format!("gs://{}", rest.replacen("/objects/", "/", 1));
        }
        match path.split_once("/serviceAccounts/") {
            Some((_, email)) if self.service() == "iam.googleapis.com" => email.to_owned(),
            _ => path.to_owned(),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `storage.googleapis.com`: what `resource.service` of a condition is.
    pub fn service(&self) -> &str {
        self.0[2..].split('/').next().unwrap_or_default()
    }

    /// The path behind the service: what `resource.name` of a condition is.
    pub fn path(&self) -> &str {
        self.0[2..].split_once('/').map_or("", |(_, path)| path)
    }

    /// `storage.googleapis.com/Object`: what `resource.type` of a condition is, for the documented types of some services.
    pub fn kind(&self) -> Option<&'static str> {
        let collection = self.path().rsplit('/').nth(1)?;
        let is_object = self.service() == "storage.googleapis.com" && self.path().contains("/objects/");
        Some(match (self.service(), collection) {
            _ if is_object => "storage.googleapis.com/Object",
            ("storage.googleapis.com", "buckets") => "storage.googleapis.com/Bucket",
            ("storage.googleapis.com", "managedFolders") => "storage.googleapis.com/ManagedFolder",
            ("secretmanager.googleapis.com", "secrets") => "secretmanager.googleapis.com/Secret",
            ("secretmanager.googleapis.com", "versions") => "secretmanager.googleapis.com/SecretVersion",
            ("logging.googleapis.com", "buckets") => "logging.googleapis.com/LogBucket",
            ("logging.googleapis.com", "views") => "logging.googleapis.com/LogView",
            (RESOURCE_MANAGER, "projects") => "cloudresourcemanager.googleapis.com/Project",
            _ => return None,
        })
    }

    /// What conditions can read of it.
    pub(crate) fn attributes(&self) -> Attributes<'_> {
        let service = self.service();
        let name = service.strip_suffix(".googleapis.com").unwrap_or(service);
        if name == "cloudresourcemanager" {
            // Folders and organizations have a service alone, and none of them a name.
            let kind = Some(self.kind().unwrap_or_default());
            let name = None;
            return Attributes { service, kind, name };
        }
        match WITH_ATTRIBUTES.contains(&name) {
            true => Attributes {
                service,
                kind: self.kind(),
                name: Some(self.path()),
            },
            false => Attributes {
                service: "",
                kind: Some(""),
                name: None,
            },
        }
    }

    /// The bucket that this is, or is in.
    pub fn bucket_of(&self) -> Option<ResourceName> {
        let path = self.0.strip_prefix("//storage.googleapis.com/projects/_/buckets/")?;
        path.split('/').next().map(ResourceName::bucket)
    }

    /// The id or number of the project that the name says, if it does.
    pub fn project_id(&self) -> Option<&str> {
        // In nearly all names it is what the path begins with.
        let rest = match self.path().strip_prefix("projects/") {
            Some(rest) => rest,
            None => self.0.split_once("/projects/")?.1,
        };
        let id = rest.split('/').next()?;
        (id != "_" && id != "-").then_some(id)
    }

    /// The same resource with its project written in another way.
    #[must_use]
    pub fn with_project(&self, project: &str) -> ResourceName {
        let replaced = self.project_id().and_then(|_| {
            let (before, rest) = self.0.split_once("/projects/")?;
            let after = rest.split_once('/').map(|(_, after)| format!("/{after}"));
            Some(format!("{before}/projects/{project}{}", after.unwrap_or_default()))
        });
        replaced.map_or_else(|| self.clone(), ResourceName)
    }

    /// What the name alone says this is part of: an object of its bucket, a secret of its project. The project of a
    /// bucket and the folder of a project are not in their names.
    pub fn parent(&self) -> Option<ResourceName> {
        let service = self.service();
        let segments: Vec<&str> = self.path().split('/').collect();
        let rest = match segments[..] {
            ["projects", "_", "buckets", _, "objects", ..] if service == "storage.googleapis.com" => &segments[..4],
            [.., _, _, _, _] => &segments[..segments.len() - 2],
            _ => return None,
        };
        match *rest {
            ["projects", "_" | "-"] => None,
            ["projects", id] | ["projects", id, "locations", _] => Some(ResourceName::project(id)),
            _ => Some(ResourceName(format!("//{service}/{}", rest.join("/")))),
        }
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The project, by its id or number, in which a service account was made; none for those of Google's own services.
pub(crate) fn home_of_account(email: &str) -> Option<&str> {
    let (name, domain) = email.split_once('@')?;
    match domain {
        "developer.gserviceaccount.com" => name.strip_suffix("-compute"),
        "appspot.gserviceaccount.com" => Some(name),
        _ => project_of_account(email),
    }
}

/// The project that a service account's address names: that of an account made by a user.
pub fn project_of_account(email: &str) -> Option<&str> {
    let (_, domain) = email.split_once('@')?;
    let project = domain.strip_suffix(".iam.gserviceaccount.com")?;
    // Accounts of Google's own services live in a domain of that form as well.
    (!project.starts_with("gcp-sa-")).then_some(project)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_and_parents() {
        let table = [
            (
                "gs://models/iris/model.pkl",
                "//storage.googleapis.com/projects/_/buckets/models/objects/iris/model.pkl",
                Some("//storage.googleapis.com/projects/_/buckets/models"),
            ),
            (
                "gs://models",
                "//storage.googleapis.com/projects/_/buckets/models",
                None,
            ),
            (
                "//storage.googleapis.com/models",
                "//storage.googleapis.com/projects/_/buckets/models",
                None,
            ),
            (
                "projects/acme",
                "//cloudresourcemanager.googleapis.com/projects/acme",
                None,
            ),
            (
                "trainer@acme.iam.gserviceaccount.com",
                "//iam.googleapis.com/projects/acme/serviceAccounts/trainer@acme.iam.gserviceaccount.com",
                Some("//cloudresourcemanager.googleapis.com/projects/acme"),
            ),
            (
                "//secretmanager.googleapis.com/projects/acme/secrets/token/versions/3",
                "//secretmanager.googleapis.com/projects/acme/secrets/token/versions/3",
                Some("//secretmanager.googleapis.com/projects/acme/secrets/token"),
            ),
            (
                "//aiplatform.googleapis.com/projects/acme/locations/europe-west4/endpoints/7",
                "//aiplatform.googleapis.com/projects/acme/locations/europe-west4/endpoints/7",
                Some("//cloudresourcemanager.googleapis.com/projects/acme"),
            ),
        ];
        for (text, full, parent) in table {
            let name = ResourceName::parse(text).unwrap();
            assert_eq!(name.as_str(), full);
            assert_eq!(name.parent().as_ref().map(ResourceName::as_str), parent, "{text}");
        }
        for text in ["", "acme", "//example.com/x", "gs://", "projects/", "projects/a/b"] {
            assert!(ResourceName::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn types_of_conditions() {
        let table = [
            ("gs://models/a/b", Some("storage.googleapis.com/Object")),
            ("gs://models", Some("storage.googleapis.com/Bucket")),
            ("projects/acme", Some("cloudresourcemanager.googleapis.com/Project")),
            ("//aiplatform.googleapis.com/projects/a/locations/x/endpoints/7", None),
            ("//iam.googleapis.com/projects/a/serviceAccounts/7", None),
        ];
        for (text, kind) in table {
            assert_eq!(ResourceName::parse(text).unwrap().kind(), kind, "{text}");
        }
    }
}
