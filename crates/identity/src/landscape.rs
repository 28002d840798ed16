//! All trees of a platform beside what is granted: who each workload really is, and whether it has what it needs.

use hashbrown::HashMap;

use crate::decide::{Access, Decision, Grant, NearMiss, Reasoner};
use crate::explain::IMPERSONATION;
use crate::member::Member;
use crate::name::{ResourceName, project_of_account};
use crate::needs::Need;
use crate::state::State;
use crate::tree::{Account, Place, RunsAs, Tree};
use expression::Timestamp;
use yaml::Mark;

/// Trees and grants together.
#[derive(Debug)]
pub struct Landscape<'a> {
    pub trees: &'a [Tree],
    pub reasoner: &'a Reasoner<'a>,
    pub time: Option<Timestamp>,
    /// Service accounts by cluster, namespace and name: the tree that has it, and the account.
    accounts: HashMap<AccountName<'a>, Vec<(usize, &'a Account)>>,
    /// The trees that name a Google service account, each once, with the place.
    google_accounts: HashMap<&'a str, Vec<(usize, Mark)>>,
}

/// Environments of one cluster share its service accounts.
type ClusterKey<'a> = (bool, &'a str);

type AccountName<'a> = (ClusterKey<'a>, &'a str, &'a str);

/// Who an identity of a tree is on Google Cloud.
#[derive(Clone, Debug)]
pub struct Identity<'a> {
    /// What grants must be for. None where the pool of the cluster is not known.
    pub member: Option<Member>,
    /// The account of the cluster, in the pool, where it is one.
    pub kubernetes: Option<Member>,
    /// The ServiceAccount that a tree has.
    pub account: Option<&'a Account>,
}

/// Whether an identity has what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NeedVerdict {
    Held(Grant),
    /// Nobody grants it; bindings that come near.
    Missing(Vec<NearMiss>),
    Denied {
        on: ResourceName,
        member: Member,
    },
    /// What would have to be known.
    Unknown(Vec<String>),
}

fn cluster_key(place: &Place) -> ClusterKey<'_> {
    (
        place.cluster.is_some(),
        place.cluster.as_deref().unwrap_or(&place.environment),
    )
}

impl<'a> Landscape<'a> {
    pub fn new(trees: &'a [Tree], reasoner: &'a Reasoner<'a>, time: Option<Timestamp>) -> Landscape<'a> {
        let mut accounts: HashMap<_, Vec<(usize, &'a Account)>> = HashMap::new();
        for (at, tree) in trees.iter().enumerate() {
            for account in &tree.accounts {
                let key = (
                    cluster_key(&tree.place),
                    account.namespace.as_str(),
                    account.name.as_str(),
                );
                accounts.entry(key).or_default().push((at, account));
            }
        }
        let mut google_accounts: HashMap<&str, Vec<(usize, Mark)>> = HashMap::new();
        for (at, tree) in trees.iter().enumerate() {
            for (email, mark, _) in tree.google_accounts() {
                let places = google_accounts.entry(email).or_default();
                if places.last().is_none_or(|(tree, _)| *tree != at) {
                    places.push((at, mark));
                }
            }
        }
        Landscape {
            google_accounts,
            trees,
            reasoner,
            time,
            accounts,
        }
    }

    pub fn state(&self) -> &'a State {
        self.reasoner.state()
    }

    /// The trees that name a Google service account, with the place.
    pub fn places_of(&self, email: &str) -> &[(usize, Mark)] {
        self.google_accounts.get(email).map_or(&[], Vec::as_slice)
    }

    /// Every ServiceAccount of a name in the cluster of a tree, with the tree that has it.
    pub fn accounts(&self, tree: usize, namespace: &str, name: &str) -> Vec<(usize, &'a Account)> {
        let key = (cluster_key(&self.trees[tree].place), namespace, name);
        let accounts: &HashMap<AccountName<'_>, Vec<(usize, &'a Account)>> = &self.accounts;
        accounts.get(&key).cloned().unwrap_or_default()
    }

    /// Who an identity of a tree is.
    pub fn identity(&self, tree: usize, runs_as: &RunsAs) -> Identity<'a> {
        match runs_as {
            RunsAs::Google(member) => Identity {
                member: Some(member.clone()),
                kubernetes: None,
                account: None,
            },
            RunsAs::Kubernetes { namespace, name } => {
                let pool = self.trees[tree].place.pool.as_ref();
                let kubernetes = pool.map(|pool| Member::Federated {
                    pool: pool.clone(),
                    subject: format!("ns/{namespace}/sa/{name}"),
                });
                let account = self
                    .accounts(tree, namespace, name)
                    .first()
                    .map(|(_, account)| *account);
                let google = account.and_then(|account| account.google.as_ref());
                Identity {
                    // The metadata server of GKE gives pods the token of the account that is linked.
                    member: google
                        .map(|(email, _)| Member::ServiceAccount(email.clone()))
                        .or_else(|| kubernetes.clone()),
                    kubernetes,
                    account,
                }
            }
        }
    }

    /// Whether any grant is for an address or on it.
    pub fn knows_account(&self, email: &str) -> bool {
        self.reasoner
            .service_accounts()
            .binary_search_by(|known| known.as_str().cmp(email))
            .is_ok()
    }

    /// Whether an account of a cluster may be the Google service account that it is linked with.
    pub fn link(&self, kubernetes: &Member, email: &str) -> NeedVerdict {
        self.verdict_for(kubernetes, IMPERSONATION, &ResourceName::service_account(email))
    }

    /// Whether an identity has what it needs. None where nobody knows who it is.
    pub fn verdict(&self, tree: usize, need: &Need) -> Option<NeedVerdict> {
        let member = self.identity(tree, &need.subject).member?;
        Some(self.verdict_for(&member, need.permission, &need.resource))
    }

    pub(crate) fn verdict_for(&self, member: &Member, permission: &str, resource: &ResourceName) -> NeedVerdict {
        let access = Access {
            subject: member,
            attributes: &[],
            permission,
            resource,
            time: self.time,
        };
        match self.reasoner.decide(&access) {
            Decision::Granted(grant) => NeedVerdict::Held(grant),
            Decision::Denied { on, member } => NeedVerdict::Denied { on, member },
            Decision::Unknown(reasons) => NeedVerdict::Unknown(reasons),
            Decision::Missed(missed) => match self.unknown_above(resource) {
                Some(reason) => NeedVerdict::Unknown(vec![reason]),
                None => NeedVerdict::Missing(missed.near),
            },
        }
    }

    /// What grants would have to be known before it can be said that one is missing.
    pub(crate) fn unknown_above(&self, resource: &ResourceName) -> Option<String> {
        let lineage = self.reasoner.lineage(resource);
        if lineage.iter().any(|name| self.reasoner.is_whole(name)) {
            return None;
        }
        let is_given = |name: &&ResourceName| self.reasoner.has_policy(name);
        let project = lineage
            .iter()
            .find(|name| name.kind() == Some("cloudresourcemanager.googleapis.com/Project"));
        match project {
            Some(project) if is_given(&project) && lineage[0] == *project => None,
            Some(project)
                if is_given(&project)
                    && lineage
                        .iter()
                        .take_while(|name| *name != project)
                        .any(|name| is_given(&name)) =>
            {
                None
            }
            Some(project) if is_given(&project) => {
                Some(format!("the grants on {} itself are not known", resource.short()))
            }
            Some(project) => Some(format!("the grants on {} are not known", project.short())),
            None => Some(format!("the project of {} is not known", resource.short())),
        }
    }
}

impl State {
    /// Takes buckets whose project is not known to be in the project of the only trees that name them.
    pub fn assume_buckets(&mut self, trees: &[Tree]) {
        let mut projects: HashMap<ResourceName, Option<&str>> = HashMap::new();
        for tree in trees {
            let Some(project) = &tree.place.project else { continue };
            for need in &tree.needs {
                let Some(bucket) = need.resource.bucket_of() else {
                    continue;
                };
                let of = projects.entry(bucket).or_insert(Some(project));
                if of.is_some_and(|of| of != project) {
                    *of = None;
                }
            }
        }
        for (child, _) in &self.parents {
            projects.remove(child);
        }
        let mut assumed: Vec<(ResourceName, ResourceName)> = projects
            .into_iter()
            .filter_map(|(bucket, project)| Some((bucket, ResourceName::project(project?))))
            .collect();
        assumed.sort_unstable();
        self.parents.extend(assumed);
    }
}

/// Whether a service account is one that Google makes for everything in a project, unless told otherwise.
pub fn is_default_account(email: &str) -> bool {
    email.ends_with("-compute@developer.gserviceaccount.com") || email.ends_with("@appspot.gserviceaccount.com")
}

/// Whether a service account belongs to Google's own services.
pub fn is_service_agent(email: &str) -> bool {
    email.contains("@gcp-sa-") || project_of_account(email).is_none() && !is_default_account(email)
}
