//! Identities as a graph: what runs, whom it runs as, whom that may be, and what all of them may do to what.
//!
//! [`Graph::new`] makes it of a [`Landscape`](crate::Landscape); what shows it is elsewhere. Shown is what concerns the
//! trees: their identities and all that these reach, and everybody who reaches the projects, resources and accounts
//! that the trees use.

mod bindings;
mod environments;
mod links;
mod make;
mod needs;

use std::collections::BTreeSet;

use resource::nearest;
use yaml::Mark;

/// Nodes and edges, in an order that depends on the input alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
}

/// What a node is, in the order of the way from a workload to what it uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NodeKind {
    /// What makes pods, or a job of Vertex AI.
    Workload,
    /// A user, or one identity of a pool.
    Person,
    KubernetesAccount,
    /// A group, a domain, a set of a pool, everybody.
    Group,
    GoogleAccount,
    /// An organization, a folder, a project.
    Container,
    /// A bucket, a secret, a repository, or what else has grants.
    Resource,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub kind: NodeKind,
    /// The name in full, different from that of all other nodes.
    pub id: String,
    /// The name in short.
    pub name: String,
    /// What it is, and where.
    pub detail: String,
    /// The environments that it belongs to, or is used by.
    pub environments: BTreeSet<String>,
    /// Where it is declared, or else named.
    pub places: Vec<Mark>,
    pub faults: Vec<String>,
}

/// What an edge says of its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EdgeKind {
    /// Its pods have the service account.
    RunsAs,
    /// A Kubernetes service account is a Google service account: an annotation, and a grant.
    Link,
    /// By a grant, it may take the tokens of the account or run jobs as it.
    ActsAs,
    /// A role on a resource.
    Grant,
    /// A deny policy keeps it from some permissions.
    Denied,
    /// It needs permissions and lacks them.
    Missing,
    /// It needs permissions, and nobody can tell whether it has them.
    Unverified,
    /// It is one of a group.
    MemberOf,
    /// A project has a bucket: what is granted on the one holds for the other.
    Holds,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    pub from: usize,
    pub to: usize,
    pub kind: EdgeKind,
    /// Of what is by a grant.
    pub role: Option<String>,
    pub condition: Option<String>,
    /// Why the grant is more than anybody should have.
    pub too_broad: Option<String>,
    /// What is wrong with it otherwise: the half of a link that is missing.
    pub fault: Option<String>,
    /// What cannot be told of it.
    pub doubt: Option<String>,
    /// What it is needed for: the permissions, and the lines that need them.
    pub needs: Vec<Need>,
    /// The lines that declare it.
    pub places: Vec<Mark>,
}

/// A permission that an edge gives, or ought to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    pub permission: &'static str,
    /// `reads --data`, and of what.
    pub reason: String,
    pub mark: Mark,
}

impl NodeKind {
    pub const ALL: [NodeKind; 7] = [
        NodeKind::Workload,
        NodeKind::Person,
        NodeKind::KubernetesAccount,
        NodeKind::Group,
        NodeKind::GoogleAccount,
        NodeKind::Container,
        NodeKind::Resource,
    ];

    /// In programs.
    pub fn word(self) -> &'static str {
        match self {
            NodeKind::Workload => "workload",
            NodeKind::Person => "person",
            NodeKind::KubernetesAccount => "kubernetesAccount",
            NodeKind::Group => "group",
            NodeKind::GoogleAccount => "googleAccount",
            NodeKind::Container => "container",
            NodeKind::Resource => "resource",
        }
    }
}

impl EdgeKind {
    pub const ALL: [EdgeKind; 9] = [
        EdgeKind::RunsAs,
        EdgeKind::Link,
        EdgeKind::ActsAs,
        EdgeKind::Grant,
        EdgeKind::Denied,
        EdgeKind::Missing,
        EdgeKind::Unverified,
        EdgeKind::MemberOf,
        EdgeKind::Holds,
    ];

    /// In programs.
    pub fn word(self) -> &'static str {
        match self {
            EdgeKind::RunsAs => "runsAs",
            EdgeKind::Link => "link",
            EdgeKind::ActsAs => "actsAs",
            EdgeKind::Grant => "grant",
            EdgeKind::Denied => "denied",
            EdgeKind::Missing => "missing",
            EdgeKind::Unverified => "unverified",
            EdgeKind::MemberOf => "memberOf",
            EdgeKind::Holds => "holds",
        }
    }
}

impl Graph {
    /// The nodes of a name: in full, in short, or the end of one.
    ///
    /// # Errors
    /// The names that are near.
    pub fn find(&self, name: &str) -> Result<Vec<usize>, Vec<String>> {
        let by = |is_it: &dyn Fn(&Node) -> bool| -> Vec<usize> {
            (0..self.nodes.len()).filter(|at| is_it(&self.nodes[*at])).collect()
        };
        let found = by(&|node| node.id == name || node.id.split_once(':').is_some_and(|(_, rest)| rest == name));
        if !found.is_empty() {
            return Ok(found);
        }
        let found = by(&|node| node.name == name || format!("{} {}", node.name, node.detail) == name);
        if !found.is_empty() {
            return Ok(found);
        }
        let found = by(&|node| node.id.ends_with(&format!("/{name}")) || node.id.ends_with(&format!("[{name}]")));
        if !found.is_empty() {
            return Ok(found);
        }
        let names = self.nodes.iter().map(|node| node.name.as_str());
        Err(nearest(name, names).into_iter().map(str::to_owned).collect())
    }

    /// Some nodes, with all that leads to them and all that they lead to.
    #[must_use]
    pub fn around(&self, nodes: &[usize]) -> Graph {
        let mut is_kept = vec![false; self.nodes.len()];
        for towards in [false, true] {
            let mut next = vec![Vec::new(); self.nodes.len()];
            for edge in &self.edges {
                let (from, to) = if towards {
                    (edge.to, edge.from)
                } else {
                    (edge.from, edge.to)
                };
                next[from].push(to);
            }
            let mut is_seen = vec![false; self.nodes.len()];
            let mut waiting = nodes.to_vec();
            while let Some(at) = waiting.pop() {
                if !std::mem::replace(&mut is_seen[at], true) {
                    is_kept[at] = true;
                    waiting.extend(&next[at]);
                }
            }
        }
        self.only(&is_kept)
    }

    fn only(&self, is_kept: &[bool]) -> Graph {
        let mut number = vec![0; self.nodes.len()];
        let mut graph = Graph::default();
        for (at, node) in self.nodes.iter().enumerate().filter(|(at, _)| is_kept[*at]) {
            number[at] = graph.nodes.len();
            graph.nodes.push(node.clone());
        }
        let edges = self.edges.iter().filter(|edge| is_kept[edge.from] && is_kept[edge.to]);
        graph.edges.extend(edges.map(|edge| Edge {
            from: number[edge.from],
            to: number[edge.to],
            ..edge.clone()
        }));
        graph
    }
}
