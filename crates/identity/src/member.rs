//! Who a grant is for, as IAM writes it in the `members` of a binding, and who asks.

use std::fmt;
use std::str::FromStr;

/// One entry of a binding's `members` (<https://cloud.google.com/iam/docs/principal-identifiers>).
///
/// GKE's older form of a Kubernetes service account, `serviceAccount:POOL[NAMESPACE/NAME]`, is the subject
/// `ns/NAMESPACE/sa/NAME` of the pool, without the number of its project.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Member {
    AllUsers,
    AllAuthenticatedUsers,
    User(String),
    Group(String),
    Domain(String),
    ServiceAccount(String),
    /// One identity of a workload or workforce identity pool.
    Federated {
        pool: Pool,
        subject: String,
    },
    /// Several identities of a pool.
    FederatedSet {
        pool: Pool,
        set: Set,
    },
    /// All service accounts that were made in a project, or in those of a folder or organization, by its number:
    /// `projects/17`.
    AccountsIn(String),
    /// All who hold a basic role in a project, as Cloud Storage's default grants say it: the role, the project.
    ProjectRole(String, String),
    /// A principal that was deleted; nobody is it any more.
    Deleted(String),
    /// A form that is not known.
    Unknown(String),
}

/// A pool of federated identities.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pool {
    pub kind: PoolKind,
    /// The number of the project that has the pool. Absent for workforce pools, which belong to an organization, and
    /// for pools of GKE, whose ids hold the id of the project.
    pub project: Option<String>,
    /// `PROJECT.svc.id.goog` for the pool of a GKE project.
    pub id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PoolKind {
    Workload,
    Workforce,
}

/// Which identities of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Set {
    All,
    Group(String),
    /// Without the word `attribute.`.
    Attribute(String, String),
    /// A namespace of all clusters of the pool.
    Namespace(String),
    /// All Kubernetes service accounts of a cluster, by its URL.
    Cluster(String),
}

impl Pool {
    /// The pool that GKE makes for a project.
    pub fn of_gke(project: &str) -> Pool {
        Pool {
            kind: PoolKind::Workload,
            project: None,
            id: format!("{project}.svc.id.goog"),
        }
    }

    /// A pool by its path, `projects/…/locations/global/workloadIdentityPools/…`, and its provider where that follows.
    pub fn parse(name: &str) -> Option<(Pool, Option<String>)> {
        let path = name.trim_start_matches("https:").trim_start_matches("//");
        let path = path.strip_prefix("iam.googleapis.com/").unwrap_or(path);
        let (path, provider) = match path.split_once("/providers/") {
            Some((path, provider)) => (path, Some(provider.to_owned())),
            None => (path, None),
        };
        let Ok(member) = format!("principalSet://iam.googleapis.com/{path}/*").parse();
        match member {
            Member::FederatedSet { pool, set: Set::All } => Some((pool, provider)),
            _ => None,
        }
    }

    /// The project whose clusters the pool is for, where GKE made it.
    pub fn gke_project(&self) -> Option<&str> {
        self.id.strip_suffix(".svc.id.goog")
    }
}

impl Member {
    /// A Kubernetes service account in a cluster of a project.
    pub fn kubernetes(project: &str, namespace: &str, name: &str) -> Member {
        Member::Federated {
            pool: Pool::of_gke(project),
            subject: format!("ns/{namespace}/sa/{name}"),
        }
    }

    /// The namespace and name of a Kubernetes service account.
    pub fn as_kubernetes(&self) -> Option<(&str, &str)> {
        let Member::Federated { pool, subject } = self else {
            return None;
        };
        pool.gke_project()?;
        let (namespace, name) = subject.strip_prefix("ns/")?.split_once("/sa/")?;
        Some((namespace, name))
    }

    /// The name as a person writes it: an address alone, `POOL[NAMESPACE/NAME]`.
    pub fn short(&self) -> String {
        let text = self.to_string();
        match self {
            Member::User(name) | Member::ServiceAccount(name) => name.clone(),
            Member::Federated { .. } => text.strip_prefix("serviceAccount:").map_or(text.clone(), str::to_owned),
            _ => text,
        }
    }

    fn federated(text: &str) -> Option<Member> {
        let (before, rest) = text.split_once("Pools/")?;
        let kind = if before.ends_with("workforce") {
            PoolKind::Workforce
        } else {
            PoolKind::Workload
        };
        let (id, rest) = rest.split_once('/')?;
        let project = before
            .split_once("projects/")
            .and_then(|(_, rest)| rest.split_once('/'))
            .map(|(project, _)| project.to_owned());
        let mut pool = Pool {
            kind,
            project,
            id: id.to_owned(),
        };
        if pool.gke_project().is_some() {
            pool.project = None;
        }
        if let Some(subject) = rest.strip_prefix("subject/") {
            let subject = subject.to_owned();
            return (!subject.is_empty()).then_some(Member::Federated { pool, subject });
        }
        let set = match rest.split_once('/') {
            None if rest == "*" => Set::All,
            Some(("group", group)) => Set::Group(group.to_owned()),
            Some(("namespace", namespace)) => Set::Namespace(namespace.to_owned()),
            Some(("kubernetes.cluster", url)) => Set::Cluster(url.to_owned()),
            Some((name, value)) => Set::Attribute(name.strip_prefix("attribute.")?.to_owned(), value.to_owned()),
            None => return None,
        };
        Some(Member::FederatedSet { pool, set })
    }
}

impl FromStr for Member {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Member, Self::Err> {
        let unknown = || Member::Unknown(text.to_owned());
        if let Some(path) = text
            .strip_prefix("principal://")
            .or_else(|| text.strip_prefix("principalSet://"))
        {
            return Ok(match path.split_once('/') {
                Some(("goog", "public:all")) => Member::AllUsers,
                Some(("goog", rest)) => match rest.split_once('/') {
                    Some(("subject", email)) => person(email),
                    Some(("group", email)) => Member::Group(email.to_ascii_lowercase()),
                    _ => unknown(),
                },
                Some(("cloudresourcemanager.googleapis.com", rest)) => {
                    match rest.strip_suffix("/type/ServiceAccount") {
                        Some(container) => Member::AccountsIn(container.to_owned()),
                        None => unknown(),
                    }
                }
                Some((_, rest)) if rest.starts_with("projects/-/serviceAccounts/") => {
                    Member::ServiceAccount(rest["projects/-/serviceAccounts/".len()..].to_ascii_lowercase())
                }
                _ => Member::federated(path).unwrap_or_else(unknown),
            });
        }
        let Some((kind, name)) = text.split_once(':') else {
            return Ok(match text {
                "allUsers" => Member::AllUsers,
                "allAuthenticatedUsers" => Member::AllAuthenticatedUsers,
                _ => unknown(),
            });
        };
        let lower = name.to_ascii_lowercase();
        Ok(match kind {
            _ if name.is_empty() => unknown(),
            "user" => Member::User(lower),
            "group" => Member::Group(lower),
            "domain" => Member::Domain(lower),
            "serviceAccount" => match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
                Some((pool, account)) => match (pool.strip_suffix(".svc.id.goog"), account.split_once('/')) {
                    (Some(project), Some((namespace, account))) => Member::kubernetes(project, namespace, account),
                    _ => unknown(),
                },
                None => Member::ServiceAccount(lower),
            },
            "projectOwner" | "projectEditor" | "projectViewer" => {
                let role = kind["project".len()..].to_ascii_lowercase();
                Member::ProjectRole(format!("roles/{role}"), name.to_owned())
            }
            "deleted" => Member::Deleted(name.to_owned()),
            _ => unknown(),
        })
    }
}

/// A Google account by its address: those of service accounts have domains of their own.
fn person(email: &str) -> Member {
    let email = email.to_ascii_lowercase();
    if email.ends_with(".gserviceaccount.com") {
        Member::ServiceAccount(email)
    } else {
        Member::User(email)
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Member::AllUsers => f.write_str("allUsers"),
            Member::AllAuthenticatedUsers => f.write_str("allAuthenticatedUsers"),
            Member::User(email) => write!(f, "user:{email}"),
            Member::Group(email) => write!(f, "group:{email}"),
            Member::Domain(domain) => write!(f, "domain:{domain}"),
            Member::ServiceAccount(email) => write!(f, "serviceAccount:{email}"),
            Member::Federated { pool, subject } => match self.as_kubernetes() {
                Some((namespace, name)) => write!(f, "serviceAccount:{}[{namespace}/{name}]", pool.id),
                None => write!(f, "principal://{pool}/subject/{subject}"),
            },
            Member::FederatedSet { pool, set } => write!(f, "principalSet://{pool}/{set}"),
            Member::AccountsIn(container) => write!(
                f,
                "principalSet://cloudresourcemanager.googleapis.com/{container}/type/ServiceAccount"
            ),
            Member::ProjectRole(role, project) => {
                let role = role.strip_prefix("roles/").unwrap_or(role);
                let (first, rest) = role.split_at(1);
                write!(f, "project{}{rest}:{project}", first.to_ascii_uppercase())
            }
            Member::Deleted(name) => write!(f, "deleted:{name}"),
            Member::Unknown(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            PoolKind::Workload => write!(
                f,
                "iam.googleapis.com/projects/{}/locations/global/workloadIdentityPools/{}",
                self.project.as_deref().unwrap_or("-"),
                self.id
            ),
            PoolKind::Workforce => write!(f, "iam.googleapis.com/locations/global/workforcePools/{}", self.id),
        }
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Set::All => f.write_str("*"),
            Set::Group(group) => write!(f, "group/{group}"),
            Set::Attribute(name, value) => write!(f, "attribute.{name}/{value}"),
            Set::Namespace(namespace) => write!(f, "namespace/{namespace}"),
            Set::Cluster(url) => write!(f, "kubernetes.cluster/{url}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_kubernetes_service_account_are_one() {
        let table = [
            "serviceAccount:acme.svc.id.goog[ml/trainer]",
            "principal://iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/acme.svc.id.goog/subject/ns/ml/sa/trainer",
        ];
        for text in table {
            let Ok(member) = text.parse::<Member>();
            assert_eq!(member, Member::kubernetes("acme", "ml", "trainer"), "{text}");
            assert_eq!(member.as_kubernetes(), Some(("ml", "trainer")));
        }
    }

    #[test]
    fn members_are_read_and_written() {
        let table = [
            "allUsers",
            "allAuthenticatedUsers",
            "user:ann@example.com",
            "group:ml@example.com",
            "domain:example.com",
            "serviceAccount:trainer@acme.iam.gserviceaccount.com",
            "serviceAccount:acme.svc.id.goog[ml/trainer]",
            "projectEditor:acme",
            "principalSet://cloudresourcemanager.googleapis.com/folders/123456789012/type/ServiceAccount",
            "deleted:serviceAccount:old@acme.iam.gserviceaccount.com?uid=17",
            "principalSet://iam.googleapis.com/projects/17/locations/global/workloadIdentityPools/github/attribute.repository/acme/iris",
            "principalSet://iam.googleapis.com/projects/17/locations/global/workloadIdentityPools/github/*",
            "principalSet://iam.googleapis.com/projects/-/locations/global/workloadIdentityPools/acme.svc.id.goog/namespace/ml",
            "principal://iam.googleapis.com/locations/global/workforcePools/staff/subject/ann",
            "robot:x",
        ];
        for text in table {
            let Ok(member) = text.parse::<Member>();
            assert_eq!(member.to_string(), text);
            assert_eq!(matches!(member, Member::Unknown(_)), text == "robot:x", "{text}");
        }
    }

    #[test]
    fn addresses_are_read_without_regard_to_case() {
        let Ok(member) = "user:Ann@Example.com".parse::<Member>();
        assert_eq!(member, Member::User("ann@example.com".to_owned()));
        let Ok(denied) = "principal://goog/subject/Ann@Example.com".parse::<Member>();
        assert_eq!(denied, member);
    }
}
