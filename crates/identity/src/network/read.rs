//! Objects of a tree to what they say of the network.

use resource::{LabelSelector, Resource, items, pods};
use yaml::Node;

use super::policy::{NetworkPolicy, Peer, Ports, Rule, Selector};
use super::{Labels, Namespace, Network, Pod, Service};
use crate::needs::pod::account_of;
use crate::rbac::selector_text;
use crate::tree::Place;

impl Network {
    /// Reads the objects of a build.
    pub fn new(objects: &[Resource], place: &Place) -> Network {
        let mut network = Network::default();
        for object in objects {
            let namespace = place.namespace(object).to_owned();
            match (&*object.gvk().group, object.kind()) {
                ("networking.k8s.io", "NetworkPolicy") => network.policies.extend(policy(object, namespace.clone())),
                ("", "Namespace") => network.namespaces.push(Namespace {
                    name: object.name().to_owned(),
                    labels: labels(object.node.get_path(["metadata", "labels"])),
                }),
                ("", "Service") => network.services.push(service(object, namespace.clone())),
                ("serving.kserve.io", "InferenceService") => {
                    network.services.push(Service {
                        kind: "InferenceService",
                        namespace: namespace.clone(),
                        name: object.name().to_owned(),
                        selector: predictor(object),
                        ports: vec![("TCP".to_owned(), "8080".to_owned())],
                    });
                }
                _ => {}
            }
            for pod in pods(object) {
                let mut labels = labels(pod.metadata.and_then(|metadata| metadata.get("labels")));
                if object.kind() == "InferenceService" {
                    labels.extend(self::labels(object.node.get_path(["metadata", "labels"])));
                    labels.extend(predictor(object));
                }
                let containers: Vec<_> = pod.containers().map(|container| container.node.clone()).collect();
                let ports = containers
                    .iter()
                    .flat_map(|node| items(node, &["ports"]))
                    .filter_map(|port| {
                        let name = port.get("name").and_then(Node::as_str)?;
                        let number = port.get("containerPort").and_then(Node::as_str)?.parse().ok()?;
                        Some((name.to_owned(), protocol(port), number))
                    });
                network.pods.push(Pod {
                    namespace: namespace.clone(),
                    object: object.id().kind_and_name(),
                    account: account_of(&pod).0.to_owned(),
                    ports: ports.collect(),
                    labels,
                });
            }
        }
        network
    }
}

/// The labels that KServe gives the pods of a predictor.
fn predictor(object: &Resource) -> Labels {
    vec![
        (
            "serving.kserve.io/inferenceservice".to_owned(),
            object.name().to_owned(),
        ),
        ("component".to_owned(), "predictor".to_owned()),
    ]
}

fn labels(node: Option<&Node>) -> Labels {
    let entries = node.and_then(Node::as_map).into_iter().flatten();
    let text = |node: &Node| node.as_str().map(str::to_owned);
    entries
        .filter_map(|entry| Some((text(&entry.key)?, text(&entry.value)?)))
        .collect()
}

fn protocol(port: &Node) -> String {
    port.get("protocol").and_then(Node::as_str).unwrap_or("TCP").to_owned()
}

fn service(object: &Resource, namespace: String) -> Service {
    let ports = items(&object.node, &["spec", "ports"]).filter_map(|port| {
        let target = port.get("targetPort").or_else(|| port.get("port"))?;
        Some((protocol(port), target.as_str()?.to_owned()))
    });
    Service {
        kind: "Service",
        namespace,
        name: object.name().to_owned(),
        selector: labels(object.node.get_path(["spec", "selector"])),
        ports: ports.collect(),
    }
}

fn policy(object: &Resource, namespace: String) -> Option<NetworkPolicy> {
    let spec = object.node.get("spec")?;
    let types: Vec<&str> = items(spec, &["policyTypes"]).filter_map(Node::as_str).collect();
    // Without types, a policy is about what comes in, and about what goes out where it has rules for that.
    let is_egress = if types.is_empty() {
        spec.get("egress").is_some()
    } else {
        types.contains(&"Egress")
    };
    Some(NetworkPolicy {
        namespace,
        name: object.name().to_owned(),
        pods: selector(spec.get("podSelector")).unwrap_or_default(),
        is_ingress: types.is_empty() || types.contains(&"Ingress"),
        is_egress,
        ingress: items(spec, &["ingress"]).map(|node| rule(node, "from")).collect(),
        egress: items(spec, &["egress"]).map(|node| rule(node, "to")).collect(),
    })
}

fn rule(node: &Node, peers: &str) -> Rule {
    let port = |port: &Node| Ports {
        protocol: protocol(port),
        port: port.get("port").and_then(Node::as_str).map(str::to_owned),
        end: port
            .get("endPort")
            .and_then(Node::as_str)
            .and_then(|end| end.parse().ok()),
    };
    let peer = |peer: &Node| Peer {
        pods: selector(peer.get("podSelector")),
        namespaces: selector(peer.get("namespaceSelector")),
        is_addresses: peer.get("ipBlock").is_some(),
    };
    Rule {
        peers: items(node, &[peers]).map(peer).collect(),
        ports: items(node, &["ports"]).map(port).collect(),
    }
}

/// A selector as an object; none where it is not there.
fn selector(node: Option<&Node>) -> Option<Selector> {
    let node = node?;
    let named = node.get("matchLabels").and_then(Node::as_map).into_iter().flatten();
    let names = named.filter_map(|entry| Some(entry.key.as_str()?.to_owned()));
    let expressions = items(node, &["matchExpressions"]);
    let more = expressions.filter_map(|node| Some(node.get("key")?.as_str()?.to_owned()));
    Some(Selector {
        names: names.chain(more).collect(),
        // One that is malformed selects nothing, as the API server refuses it.
        selector: LabelSelector::parse(&selector_text(node))
            .or_else(|_| LabelSelector::parse("none,!none"))
            .ok()?,
    })
}
