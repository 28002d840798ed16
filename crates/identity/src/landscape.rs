//! All trees of a platform beside what is granted: who each workload really is, and whether it has what it needs.

use hashbrown::HashMap;

use crate::decide::{Access, Decision, Grant, NearMiss, Reasoner};
use crate::exchange::{Exchange, claims_of_account};
use crate::explain::IMPERSONATION;
use crate::member::{Member, Pool};
use crate::name::{ResourceName, project_of_account};
use crate::needs::Need;
use crate::provider::Provider;
use crate::state::State;
use crate::tree::{Account, Place, RunsAs, Tree};
use expression::Timestamp;
use resource::ResId;
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
#[derive(Clone, Debug, Default)]
pub struct Identity<'a> {
    /// What grants must be for. None where the pool of the cluster is not known.
    pub member: Option<Member>,
    /// The account of the cluster, in the pool, where it is one.
    pub kubernetes: Option<Member>,
    /// The ServiceAccount that a tree has.
    pub account: Option<&'a Account>,
    /// What the provider of a pool says of it, for grants to sets of principals.
    pub attributes: Vec<(String, String)>,
    /// Why it is nobody, or who it is cannot be told.
    pub doubt: Option<Doubt>,
}

/// A token that becomes no principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The provider does not take it.
    Refused(String),
    /// What would have to be known.
    Unknown(String),
}

/// A Google service account that an account of a cluster says it is.
#[derive(Clone, Debug)]
pub struct AccountLink<'a> {
    pub kubernetes: Member,
    pub attributes: Vec<(String, String)>,
    pub email: &'a str,
    /// What says so, and where.
    pub object: &'a ResId,
    pub field: &'a str,
    pub mark: Mark,
}

const ANNOTATION_FIELD: &str = "metadata.annotations.iam.gke.io/gcp-service-account";

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
    /// The service account is disabled.
    Disabled(Member),
    /// What would have to be known.
    Unknown(Vec<String>),
}

impl Identity<'_> {
    fn doubtful(doubt: Doubt) -> Identity<'static> {
        Identity {
            doubt: Some(doubt),
            ..Identity::default()
        }
    }

    /// What holds of a member alone: an account that is impersonated has no attributes.
    pub fn attributes_of(&self, member: &Member) -> &[(String, String)] {
        match member {
            Member::Federated { .. } => &self.attributes,
            _ => &[],
        }
    }
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
                ..Identity::default()
            },
            RunsAs::Kubernetes { namespace, name } => self.of_cluster(tree, namespace, name),
            RunsAs::Federated {
                namespace,
                name,
                credential,
            } => {
                let provider = self.provider(&credential.pool, Some(&credential.provider));
                let federated = match (provider, &credential.audience) {
                    (Ok(provider), Some(audience)) => self.exchange(tree, provider, audience, namespace, name),
                    (Err(why), _) => Identity::doubtful(Doubt::Unknown(why)),
                    (Ok(_), None) => {
                        let why =
                            "what its token is for is not known: no projected token has the path of the configuration";
                        Identity::doubtful(Doubt::Unknown(why.to_owned()))
                    }
                };
                let account = self
                    .accounts(tree, namespace, name)
                    .first()
                    .map(|(_, account)| *account);
                let member = match (&federated.kubernetes, &credential.impersonates) {
                    (Some(_), Some(email)) => Some(Member::ServiceAccount(email.clone())),
                    (federated, _) => federated.clone(),
                };
                Identity {
                    member,
                    account,
                    ..federated
                }
            }
        }
    }

    /// A service account of a cluster that fetches its tokens itself.
    fn of_cluster(&self, tree: usize, namespace: &str, name: &str) -> Identity<'a> {
        let place = &self.trees[tree].place;
        let account = self
            .accounts(tree, namespace, name)
            .first()
            .map(|(_, account)| *account);
        let Some(pool) = &place.pool else {
            let google = account.and_then(|account| account.google.as_ref());
            return Identity {
                member: google.map(|(email, _)| Member::ServiceAccount(email.clone())),
                account,
                ..Identity::default()
            };
        };
        if pool.gke_project().is_none() {
            // Outside of GKE nobody looks at the annotation.
            let federated = match self.provider(pool, place.provider.as_deref()) {
                Ok(provider) => {
                    let audience = provider.default_audience(self.state());
                    let audience = provider.audiences.first().unwrap_or(&audience);
                    self.exchange(tree, provider, audience, namespace, name)
                }
                Err(why) => Identity::doubtful(Doubt::Unknown(why)),
            };
            return Identity {
                member: federated.kubernetes.clone(),
                account,
                ..federated
            };
        }
        let kubernetes = Member::Federated {
            pool: pool.clone(),
            subject: format!("ns/{namespace}/sa/{name}"),
        };
        let google = account.and_then(|account| account.google.as_ref());
        Identity {
            // The metadata server of GKE gives pods the token of the account that is linked.
            member: Some(google.map_or_else(
                || kubernetes.clone(),
                |(email, _)| Member::ServiceAccount(email.clone()),
            )),
            kubernetes: Some(kubernetes),
            account,
            ..Identity::default()
        }
    }

    /// The provider of a pool; the only one, where none is named.
    fn provider(&self, pool: &Pool, id: Option<&str>) -> Result<&'a Provider, String> {
        let state = self.state();
        let number = |project: &Option<String>| {
            let project = project.as_deref()?;
            Some(state.project_number(project).unwrap_or(project).to_owned())
        };
        let is_it = |provider: &&Provider| {
            provider.pool.id == pool.id
                && number(&provider.pool.project) == number(&pool.project)
                && id.is_none_or(|id| provider.id == id)
        };
        let mut found = state.providers.iter().filter(is_it);
        match (found.next(), found.next(), id) {
            (Some(provider), None, _) | (Some(provider), Some(_), Some(_)) => Ok(provider),
            (Some(_), Some(_), None) => Err(format!(
                "the pool {} has several providers, and nobody says which is that of the cluster",
                pool.id
            )),
            (None, _, Some(id)) => Err(format!("the provider {id} of the pool {} is in no file", pool.id)),
            (None, _, None) => Err(format!("no provider of the pool {} is in any file", pool.id)),
        }
    }

    /// Who the token of an account is, once it is exchanged.
    fn exchange(&self, tree: usize, provider: &Provider, audience: &str, namespace: &str, name: &str) -> Identity<'a> {
        let issuer = self.trees[tree].place.issuer.as_deref().or(provider.issuer.as_deref());
        let claims = claims_of_account(issuer, audience, namespace, name);
        match provider.exchange(&claims, self.state()) {
            Exchange::Principal(principal) => Identity {
                member: Some(principal.member.clone()),
                kubernetes: Some(principal.member),
                attributes: principal.attributes,
                ..Identity::default()
            },
            Exchange::Refused(why) => Identity::doubtful(Doubt::Refused(why)),
            Exchange::Unknown(why) => Identity::doubtful(Doubt::Unknown(why)),
        }
    }

    /// Whether any grant is for an address or on it.
    pub fn knows_account(&self, email: &str) -> bool {
        self.reasoner
            .service_accounts()
            .binary_search_by(|known| known.as_str().cmp(email))
            .is_ok()
    }

    /// The Google service accounts that accounts of a tree say they are, or impersonate.
    pub fn links(&self, tree: usize) -> Vec<AccountLink<'a>> {
        let mut links = Vec::new();
        let of = &self.trees[tree];
        let is_of_gke = of.place.pool.as_ref().is_none_or(|pool| pool.gke_project().is_some());
        for account in of.accounts.iter().filter(|_| is_of_gke) {
            let Some((email, mark)) = &account.google else { continue };
            if let Some(kubernetes) = self.identity(tree, &account.runs_as()).kubernetes {
                links.push(AccountLink {
                    kubernetes,
                    attributes: Vec::new(),
                    email,
                    object: &account.object,
                    field: ANNOTATION_FIELD,
                    mark: *mark,
                });
            }
        }
        for run in &of.runs {
            let RunsAs::Federated { credential, .. } = &run.runs_as else {
                continue;
            };
            let Some(email) = &credential.impersonates else {
                continue;
            };
            let identity = self.identity(tree, &run.runs_as);
            if let Some(kubernetes) = identity.kubernetes {
                links.push(AccountLink {
                    kubernetes,
                    attributes: identity.attributes,
                    email,
                    object: &run.object,
                    field: &run.field,
                    mark: run.mark,
                });
            }
        }
        links
    }

    /// Whether an account of a cluster may be the Google service account that it is linked with.
    pub fn link(&self, kubernetes: &Member, attributes: &[(String, String)], email: &str) -> NeedVerdict {
        self.verdict_for(
            kubernetes,
            attributes,
            IMPERSONATION,
            &ResourceName::service_account(email),
        )
    }

    /// Who has a need, and whether it has what it needs. None where nobody knows who it is.
    pub fn verdict(&self, tree: usize, need: &Need) -> Option<(Member, NeedVerdict)> {
        let identity = self.identity(tree, &need.subject);
        let member = identity.member.as_ref()?;
        let verdict = self.verdict_for(member, identity.attributes_of(member), need.permission, &need.resource);
        Some((member.clone(), verdict))
    }

    pub(crate) fn verdict_for(
        &self,
        member: &Member,
        attributes: &[(String, String)],
        permission: &str,
        resource: &ResourceName,
    ) -> NeedVerdict {
        let access = Access {
            subject: member,
            attributes,
            permission,
            resource,
            time: self.time,
        };
        match self.reasoner.decide(&access) {
            Decision::Granted(grant) => NeedVerdict::Held(grant),
            Decision::Denied { on, member } => NeedVerdict::Denied { on, member },
            Decision::Disabled(account) => NeedVerdict::Disabled(account),
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
