//! A NetworkPolicy, and what its parts select.

use resource::LabelSelector;

use super::{Labels, Pod};

#[derive(Clone, Debug)]
pub(super) struct NetworkPolicy {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) pods: Selector,
    pub(super) is_ingress: bool,
    pub(super) is_egress: bool,
    pub(super) ingress: Vec<Rule>,
    pub(super) egress: Vec<Rule>,
}

/// A selector, and the labels that it names.
#[derive(Clone, Debug, Default)]
pub(super) struct Selector {
    pub(super) selector: LabelSelector,
    pub(super) names: Vec<String>,
}

/// Where something may come from or go to, and by which ports. Without peers everywhere, without ports by all.
#[derive(Clone, Debug, Default)]
pub(super) struct Rule {
    pub(super) peers: Vec<Peer>,
    pub(super) ports: Vec<Ports>,
}

/// Pods, by their labels and those of their namespaces.
#[derive(Clone, Debug, Default)]
pub(super) struct Peer {
    pub(super) pods: Option<Selector>,
    /// Without, the policy's own namespace.
    pub(super) namespaces: Option<Selector>,
    /// A block of addresses, instead.
    pub(super) is_addresses: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Ports {
    pub(super) protocol: String,
    /// A number or a name; every port of the protocol without.
    pub(super) port: Option<String>,
    pub(super) end: Option<u16>,
}

impl NetworkPolicy {
    pub(super) fn selects(&self, pod: &Pod) -> bool {
        pod.namespace == self.namespace && holds(&self.pods, &pod.labels)
    }

    pub(super) fn title(&self) -> String {
        format!("NetworkPolicy {}/{}", self.namespace, self.name)
    }

    /// The names of the labels of pods that it selects by, at both ends.
    pub(super) fn pod_labels(&self) -> impl Iterator<Item = &str> {
        let rules = self.ingress.iter().chain(&self.egress);
        let peers = rules.flat_map(|rule| &rule.peers).filter_map(|peer| peer.pods.as_ref());
        std::iter::once(&self.pods)
            .chain(peers)
            .flat_map(|selector| selector.names.iter().map(String::as_str))
    }
}

impl Rule {
    /// Whether the rule is about a port of a pod.
    pub(super) fn covers(&self, reached: &Pod, port: Option<&(String, String)>) -> bool {
        // Any port will do where the port is not known.
        let Some((protocol, port)) = port else { return true };
        let number = reached.number(protocol, port);
        self.ports.is_empty()
            || self.ports.iter().any(|ports| {
                let covers = match (&ports.port, ports.end) {
                    (None, _) => true,
                    (Some(first), Some(last)) => number
                        .zip(first.parse::<u16>().ok())
                        .is_some_and(|(number, first)| (first..=last).contains(&number)),
                    (Some(one), None) => one == port || number.is_some() && reached.number(protocol, one) == number,
                };
                ports.protocol == *protocol && covers
            })
    }
}

impl Pod {
    /// The number of a port, by its number or name.
    fn number(&self, protocol: &str, port: &str) -> Option<u16> {
        port.parse().ok().or_else(|| {
            let named = self.ports.iter().find(|(name, of, _)| name == port && of == protocol);
            named.map(|(.., number)| *number)
        })
    }
}

/// Whether a selector selects what has some labels.
pub(super) fn holds(selector: &Selector, labels: &Labels) -> bool {
    let value_of = |name: &str| {
        labels
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    selector.selector.matches(value_of)
}
