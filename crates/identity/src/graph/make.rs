//! The nodes and edges while they are made: each node once, by what it stands for.

use std::collections::BTreeSet;

use hashbrown::HashMap;
use resource::ResId;
use yaml::Mark;

use super::{Edge, EdgeKind, Graph, Node, NodeKind, bindings, environments, links, needs};
use crate::landscape::{Landscape, is_default_account, is_service_agent};
use crate::member::{Member, PoolKind};
use crate::name::{ResourceName, project_of_account};
use crate::tree::{Place, RunsAs};

/// What a node stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// An object of a cluster, or for want of its name of an environment.
    Object(String, String),
    Member(Member),
    /// A service account of a cluster whose pool is not known.
    Account(String, String, String),
    Resource(ResourceName),
}

/// The ends of an edge, its kind, its role, its condition.
type EdgeKey = (usize, usize, EdgeKind, Option<String>, Option<String>);

/// A graph that is being made.
pub(super) struct Maker<'l, 'a> {
    pub(super) landscape: &'l Landscape<'a>,
    pub(super) graph: Graph,
    numbers: HashMap<Key, usize>,
    edges: HashMap<EdgeKey, usize>,
}

impl Graph {
    /// The graph of all trees and what concerns them of the grants.
    pub fn new(landscape: &Landscape<'_>) -> Graph {
        let mut maker = Maker {
            landscape,
            graph: Graph::default(),
            numbers: HashMap::new(),
            edges: HashMap::new(),
        };
        links::runs_and_annotations(&mut maker);
        bindings::grants(&mut maker);
        links::judge(&mut maker);
        needs::needs(&mut maker);
        maker.faults();
        maker.holds();
        environments::spread(&mut maker);
        maker.finish()
    }
}

impl Maker<'_, '_> {
    /// The number of what a key stands for, if it is there.
    pub(super) fn number(&self, key: &Key) -> Option<usize> {
        self.numbers.get(key).copied()
    }

    /// All keys with their numbers, in no order.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&Key, usize)> {
        self.numbers.iter().map(|(key, at)| (key, *at))
    }

    fn add(&mut self, key: Key, node: impl FnOnce() -> Node) -> usize {
        *self.numbers.entry(key).or_insert_with(|| {
            self.graph.nodes.push(node());
            self.graph.nodes.len() - 1
        })
    }

    pub(super) fn workload(&mut self, place: &Place, object: &ResId, mark: Mark) -> usize {
        let key = Key::Object(place.home().to_owned(), object.full_name());
        let at = self.add(key, || Node {
            kind: NodeKind::Workload,
            id: format!("{}:{}", place.home(), object.full_name()),
            name: object.name.to_string(),
            detail: match &*object.namespace {
                "" => object.gvk.kind.to_string(),
                namespace => format!("{} in {namespace}", object.gvk.kind),
            },
            environments: BTreeSet::new(),
            places: vec![mark],
            faults: Vec::new(),
        });
        self.belongs(at, place);
        at
    }

    /// Who an identity of a tree is before any link: the account of the cluster itself, or the Google account.
    pub(super) fn identity(&mut self, tree: usize, runs_as: &RunsAs) -> usize {
        let landscape = self.landscape;
        let place = &landscape.trees[tree].place;
        let known = match runs_as {
            RunsAs::Google(member) => Some(member.clone()),
            RunsAs::Kubernetes { .. } | RunsAs::Federated { .. } => landscape.identity(tree, runs_as).kubernetes,
        };
        let at = match (runs_as, known) {
            (RunsAs::Kubernetes { namespace, name } | RunsAs::Federated { namespace, name, .. }, None) => {
                let key = Key::Account(place.home().to_owned(), namespace.clone(), name.clone());
                self.add(key, || Node {
                    kind: NodeKind::KubernetesAccount,
                    id: format!("{}:ServiceAccount/{name}.{namespace}", place.home()),
                    name: format!("{namespace}/{name}"),
                    detail: "Kubernetes account".to_owned(),
                    environments: BTreeSet::new(),
                    places: Vec::new(),
                    faults: Vec::new(),
                })
            }
            (RunsAs::Google(member), None) => self.member(member),
            (_, Some(member)) => self.member(&member),
        };
        self.belongs(at, place);
        at
    }

    pub(super) fn member(&mut self, member: &Member) -> usize {
        self.add(Key::Member(member.clone()), || {
            let (kind, name, detail) = describe(member);
            Node {
                kind,
                id: member.to_string(),
                name,
                detail,
                environments: BTreeSet::new(),
                places: Vec::new(),
                faults: match member {
                    Member::ServiceAccount(email) if is_default_account(email) => {
                        vec!["the default account of its project".to_owned()]
                    }
                    Member::Deleted(_) => vec!["it was deleted".to_owned()],
                    Member::Unknown(_) => vec!["who that is is not known".to_owned()],
                    _ => Vec::new(),
                },
            }
        })
    }

    /// A resource; an account is the same as who it is.
    pub(super) fn resource(&mut self, name: &ResourceName) -> usize {
        if let Some(account) = account_of(name) {
            return self.member(&account);
        }
        self.add(Key::Resource(name.clone()), || {
            let service = name.service();
            let collection = name.path().rsplit('/').nth(1).unwrap_or_default();
            let is_container = service == "cloudresourcemanager.googleapis.com";
            let singular = match collection {
                "repositories" => "repository",
                other => other.strip_suffix('s').unwrap_or(other),
            };
            let project = name.project_id().filter(|_| !is_container);
            let last = name.path().rsplit('/').next().unwrap_or_default().to_owned();
            Node {
                kind: if is_container {
                    NodeKind::Container
                } else {
                    NodeKind::Resource
                },
                id: name.as_str().to_owned(),
                name: match is_container && collection != "projects" {
                    true => name.path().to_owned(),
                    false => last,
                },
                detail: match project {
                    Some(project) => format!("{singular} in {project}"),
                    None => singular.to_owned(),
                },
                environments: BTreeSet::new(),
                places: Vec::new(),
                faults: Vec::new(),
            }
        })
    }

    /// Notes that a node belongs to the environment of a tree.
    pub(super) fn belongs(&mut self, at: usize, place: &Place) {
        let environments = &mut self.graph.nodes[at].environments;
        if !environments.contains(place.home()) {
            environments.insert(place.home().to_owned());
        }
    }

    /// The edge between two nodes with a role and a condition, made where it is not there.
    pub(super) fn edge(
        &mut self,
        from: usize,
        to: usize,
        kind: EdgeKind,
        by: Option<(&str, Option<&str>)>,
    ) -> &mut Edge {
        let role = by.map(|(role, _)| role.to_owned());
        let condition = by.and_then(|(_, condition)| condition.map(str::to_owned));
        let at = *self
            .edges
            .entry((from, to, kind, role.clone(), condition.clone()))
            .or_insert_with(|| {
                self.graph.edges.push(Edge {
                    from,
                    to,
                    kind,
                    role,
                    condition,
                    too_broad: None,
                    fault: None,
                    doubt: None,
                    needs: Vec::new(),
                    places: Vec::new(),
                });
                self.graph.edges.len() - 1
            });
        &mut self.graph.edges[at]
    }

    /// The edge, if it is there.
    pub(super) fn known_edge(
        &mut self,
        from: usize,
        to: usize,
        kind: EdgeKind,
        by: (&str, Option<&str>),
    ) -> Option<&mut Edge> {
        let key = (from, to, kind, Some(by.0.to_owned()), by.1.map(str::to_owned));
        let at = self.edges.get(&key)?;
        Some(&mut self.graph.edges[*at])
    }

    /// What is wrong with accounts and pools themselves.
    fn faults(&mut self) {
        let state = self.landscape.state();
        for key in &state.keys {
            let of = self.number(&Key::Member(Member::ServiceAccount(key.account.clone())));
            if let Some(at) = of {
                let node = &mut self.graph.nodes[at];
                node.faults.push(format!("somebody holds its key {}", key.id));
                node.places.push(key.mark);
            }
        }
        let open: Vec<_> = state
            .providers
            .iter()
            .filter_map(|provider| Some((provider, provider.exposure()?)))
            .collect();
        for (key, at) in &self.numbers {
            let Key::Member(Member::Federated { pool, .. } | Member::FederatedSet { pool, .. }) = key else {
                continue;
            };
            for (provider, exposure) in open.iter().filter(|(provider, _)| provider.pool.id == pool.id) {
                let node = &mut self.graph.nodes[*at];
                node.faults
                    .push(format!("the provider {} lets in {}", provider.id, exposure.whom));
                node.places.push(provider.mark);
            }
        }
    }

    /// What is part of what, among the nodes.
    fn holds(&mut self) {
        let resources: Vec<(ResourceName, usize)> = self
            .numbers
            .iter()
            .filter_map(|(key, at)| match key {
                Key::Resource(name) => Some((name.clone(), *at)),
                _ => None,
            })
            .collect();
        for (name, at) in resources {
            let lineage = self.landscape.reasoner.lineage(&name);
            let above = lineage[1..]
                .iter()
                .find_map(|name| self.number(&Key::Resource(name.clone())));
            let project = lineage[1..].iter().find_map(|name| name.project_id());
            let node = &mut self.graph.nodes[at];
            if let Some(project) = project.filter(|_| name.bucket_of().is_some()) {
                node.detail = format!("{} in {project}", node.detail);
            }
            if let Some(above) = above {
                self.edge(above, at, EdgeKind::Holds, None);
            }
        }
    }

    /// Puts nodes and edges in order.
    fn finish(self) -> Graph {
        let Graph { mut nodes, mut edges } = self.graph;
        let mut order: Vec<usize> = (0..nodes.len()).collect();
        order.sort_by(|a, b| {
            let key = |at: &usize| (nodes[*at].kind, &nodes[*at].environments, &nodes[*at].id);
            key(a).cmp(&key(b))
        });
        let mut number = vec![0; nodes.len()];
        for (new, old) in order.iter().enumerate() {
            number[*old] = new;
        }
        for edge in &mut edges {
            (edge.from, edge.to) = (number[edge.from], number[edge.to]);
            edge.places.dedup();
        }
        edges.sort_by(|a, b| {
            fn key(edge: &Edge) -> (usize, usize, EdgeKind, &Option<String>, &Option<String>) {
                (edge.from, edge.to, edge.kind, &edge.role, &edge.condition)
            }
            key(a).cmp(&key(b))
        });
        let mut placed: Vec<(usize, Node)> = number.into_iter().zip(nodes.drain(..)).collect();
        placed.sort_by_key(|(at, _)| *at);
        let nodes = placed.into_iter().map(|(_, node)| node);
        Graph {
            nodes: nodes.collect(),
            edges,
        }
    }
}

/// Who a service account is, by its name as a resource.
pub(super) fn account_of(name: &ResourceName) -> Option<Member> {
    let (_, email) = name.path().split_once("/serviceAccounts/")?;
    (name.service() == "iam.googleapis.com" && email.contains('@')).then(|| Member::ServiceAccount(email.to_owned()))
}

fn describe(member: &Member) -> (NodeKind, String, String) {
    let of = |kind, name: &str, detail: &str| (kind, name.to_owned(), detail.to_owned());
    match member {
        Member::AllUsers => of(NodeKind::Group, "allUsers", "everybody"),
        Member::AllAuthenticatedUsers => of(NodeKind::Group, "allAuthenticatedUsers", "everybody with an account"),
        Member::User(email) => of(NodeKind::Person, email, "user"),
        Member::Group(email) => of(NodeKind::Group, email, "group"),
        Member::Domain(domain) => of(NodeKind::Group, domain, "all users of the domain"),
        Member::AccountsIn(container) => of(NodeKind::Group, container, "all service accounts in it"),
        Member::ServiceAccount(email) => {
            let name = email.split('@').next().unwrap_or(email);
            let detail = match project_of_account(email) {
                Some(project) => format!("Google account in {project}"),
                None if is_service_agent(email) => {
                    let service = email.split('@').nth(1).unwrap_or_default();
                    format!("agent {}", service.trim_end_matches(".iam.gserviceaccount.com"))
                }
                None => "Google account".to_owned(),
            };
            of(NodeKind::GoogleAccount, name, &detail)
        }
        Member::Federated { pool, subject } => match member.as_kubernetes() {
            Some((namespace, name)) => {
                let name = format!("{namespace}/{name}");
                (NodeKind::KubernetesAccount, name, "Kubernetes account".to_owned())
            }
            None => (
                NodeKind::Person,
                subject.clone(),
                format!("of the {}", pool_words(pool.kind, &pool.id)),
            ),
        },
        Member::FederatedSet { pool, set } => {
            let name = match set {
                crate::member::Set::All => "all".to_owned(),
                set => set.to_string(),
            };
            (
                NodeKind::Group,
                name,
                format!("of the {}", pool_words(pool.kind, &pool.id)),
            )
        }
        Member::ProjectRole(role, project) => {
            let detail = format!("all with {role} in {project}");
            (NodeKind::Group, member.to_string(), detail)
        }
        Member::Deleted(name) => {
            let name = name.split_once(':').map_or(name.as_str(), |(_, name)| name);
            of(NodeKind::Person, name.split('?').next().unwrap_or(name), "deleted")
        }
        Member::Unknown(text) => of(NodeKind::Person, text, "principal"),
    }
}

fn pool_words(kind: PoolKind, id: &str) -> String {
    match kind {
        PoolKind::Workload => format!("pool {id}"),
        PoolKind::Workforce => format!("workforce pool {id}"),
    }
}
