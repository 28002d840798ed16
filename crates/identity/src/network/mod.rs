//! Which pods may reach which, as NetworkPolicies say it: policies, namespaces, pods and services of a tree, and one
//! pure decision over them (<https://kubernetes.io/docs/concepts/services-networking/network-policies/>).

mod policy;
mod read;

use policy::{NetworkPolicy, Peer, Rule};

/// The label that every namespace has, with its name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// What a tree says of its cluster's network.
#[derive(Clone, Debug, Default)]
pub struct Network {
    policies: Vec<NetworkPolicy>,
    namespaces: Vec<Namespace>,
    pub pods: Vec<Pod>,
    pub services: Vec<Service>,
}

/// A namespace with its labels.
#[derive(Clone, Debug)]
struct Namespace {
    name: String,
    labels: Labels,
}

/// Labels by name, in order.
pub type Labels = Vec<(String, String)>;

/// Pods of one sort: those that one object makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    pub namespace: String,
    /// The object that makes them.
    pub object: String,
    /// The service account that they have.
    pub account: String,
    pub labels: Labels,
    /// Named ports: the name, the protocol, the number.
    ports: Vec<(String, String, u16)>,
}

/// Something that pods are reached by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub kind: &'static str,
    pub namespace: String,
    pub name: String,
    /// What the pods behind it have.
    pub selector: Labels,
    /// Ports of the pods: the protocol, and the number or the name. None where every port may be meant.
    pub ports: Vec<(String, String)>,
}

/// Whether one pod may reach another, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passage {
    /// What lets it through at both ends.
    Open(String),
    /// The policies that isolate an end, none of which lets it through.
    Closed(String),
    Unknown(String),
}

/// Whether one direction lets something through.
enum Gate {
    /// No policy isolates it.
    Free,
    Allowed(String),
    Refused(String),
    Unknown(String),
}

impl Pod {
    /// A pod of which nothing is known but its namespace.
    pub fn bare(namespace: &str) -> Pod {
        Pod {
            namespace: namespace.to_owned(),
            object: String::new(),
            account: String::new(),
            labels: Labels::new(),
            ports: Vec::new(),
        }
    }
}

impl Network {
    /// Adds what another tree of the same cluster says.
    pub fn merge(&mut self, other: &Network) {
        self.policies.extend(other.policies.iter().cloned());
        self.namespaces.extend(other.namespaces.iter().cloned());
        self.pods.extend(other.pods.iter().cloned());
        self.services.extend(other.services.iter().cloned());
    }

    /// The names of the labels of pods that policies select by.
    pub fn selecting_labels(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.policies.iter().flat_map(NetworkPolicy::pod_labels).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether any policy is known.
    pub fn has_policies(&self) -> bool {
        !self.policies.is_empty()
    }

    /// The pods behind a service.
    pub fn behind<'n>(&'n self, service: &'n Service) -> impl Iterator<Item = &'n Pod> {
        let is_behind = |pod: &&Pod| {
            let has = |wanted: &(String, String)| pod.labels.contains(wanted);
            pod.namespace == service.namespace && !service.selector.is_empty() && service.selector.iter().all(has)
        };
        self.pods.iter().filter(is_behind)
    }

    /// Whether a pod may reach a port of another: its number or name, and the protocol. None for any port.
    pub fn passage(&self, from: &Pod, to: &Pod, port: Option<&(String, String)>) -> Passage {
        let egress = self.gate(from, to, port, false);
        let ingress = self.gate(to, from, port, true);
        match (egress, ingress) {
            (Gate::Refused(why), _) | (_, Gate::Refused(why)) => Passage::Closed(why),
            (Gate::Unknown(why), _) | (_, Gate::Unknown(why)) => Passage::Unknown(why),
            (Gate::Free, Gate::Free) => Passage::Open(format!(
                "no policy isolates {} from outside, nor {} from inside",
                to.namespace, from.namespace
            )),
            (Gate::Allowed(why), Gate::Free) | (Gate::Free, Gate::Allowed(why)) => Passage::Open(why),
            (Gate::Allowed(out), Gate::Allowed(into)) => Passage::Open(format!("{out}; {into}")),
        }
    }

    /// Whether the policies of a pod let it take from, or send to, another.
    fn gate(&self, of: &Pod, other: &Pod, port: Option<&(String, String)>, is_ingress: bool) -> Gate {
        let direction = |policy: &&NetworkPolicy| {
            if is_ingress {
                policy.is_ingress
            } else {
                policy.is_egress
            }
        };
        let mut isolating = self
            .policies
            .iter()
            .filter(|policy| policy.selects(of))
            .filter(direction)
            .peekable();
        if isolating.peek().is_none() {
            return Gate::Free;
        }
        let words = if is_ingress { "into" } else { "out of" };
        // Ports are those of the pod that is reached.
        let reached = if is_ingress { of } else { other };
        let mut names = Vec::new();
        let mut doubts = Vec::new();
        for policy in isolating {
            let rules = if is_ingress { &policy.ingress } else { &policy.egress };
            for rule in rules {
                if !rule.covers(reached, port) {
                    continue;
                }
                match self.peer(rule, &policy.namespace, other) {
                    Some(true) => return Gate::Allowed(format!("{} lets it {words} {}", policy.title(), of.namespace)),
                    Some(false) => {}
                    None => doubts.push(format!("{} may let it {words} {}", policy.title(), of.namespace)),
                }
            }
            names.push(policy.title());
        }
        match doubts.is_empty() {
            true => Gate::Refused(format!(
                "{} nothing of the kind {words} {}",
                match &names[..] {
                    [one] => format!("{one} lets"),
                    all => format!("{} let", all.join(" and ")),
                },
                of.namespace
            )),
            false => Gate::Unknown(format!(
                "{}, as the labels of {} are not known",
                doubts.join("; "),
                other.namespace
            )),
        }
    }

    /// Whether the other end is among the peers of a rule. None where its namespace's labels or addresses decide, and
    /// are not known.
    fn peer(&self, rule: &Rule, home: &str, other: &Pod) -> Option<bool> {
        if rule.peers.is_empty() {
            return Some(true);
        }
        let mut is_unknown = false;
        for peer in &rule.peers {
            match self.is_peer(peer, home, other) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => is_unknown = true,
            }
        }
        (!is_unknown).then_some(false)
    }

    fn is_peer(&self, peer: &Peer, home: &str, other: &Pod) -> Option<bool> {
        let has_labels = peer
            .pods
            .as_ref()
            .is_none_or(|selector| policy::holds(selector, &other.labels));
        match &peer.namespaces {
            // Addresses of pods come and go: a block is for what is outside.
            _ if peer.is_addresses => None,
            None => Some(other.namespace == home && has_labels),
            Some(_) if !has_labels => Some(false),
            Some(selector) => {
                let is_known = self
                    .namespaces
                    .iter()
                    .any(|namespace| namespace.name == other.namespace);
                let is_told = is_known || selector.names.iter().all(|name| name == NAME_LABEL);
                is_told.then(|| policy::holds(selector, &self.labels_of(&other.namespace)))
            }
        }
    }

    /// The labels of a namespace: those of its object, and the one that every namespace has.
    fn labels_of(&self, name: &str) -> Labels {
        let mut labels = vec![(NAME_LABEL.to_owned(), name.to_owned())];
        let known = self.namespaces.iter().filter(|namespace| namespace.name == name);
        labels.extend(known.flat_map(|namespace| namespace.labels.iter().cloned()));
        labels
    }
}
