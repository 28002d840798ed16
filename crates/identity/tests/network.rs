//! Who reaches whom through NetworkPolicies, as Kubernetes' documentation says it
//! (<https://kubernetes.io/docs/concepts/services-networking/network-policies/>).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use identity::Place;
use identity::network::{Network, Passage, Pod};
use resource::{Resource, Schema};
use yaml::{Layer, Mark, Sources};

fn network(text: &str) -> Network {
    let source = Sources::new().add("network.yaml", text.to_owned());
    let layer = Arc::new(Layer::new("k".into(), "resources[0]".into(), Mark::NONE));
    let nodes = yaml::read_documents(&source).unwrap().nodes;
    let objects: Vec<Resource> = nodes
        .into_iter()
        .map(|node| Resource::new(node, layer.clone(), &Schema::builtin()))
        .collect();
    Network::new(&objects, &Place::default())
}

fn pod(name: &str, namespace: &str, labels: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, labels: {{{labels}}}}}\nspec:\n  containers:\n  \
         - {{name: c, image: x, ports: [{{name: redis, containerPort: 6379}}, {{name: dns, containerPort: 53, protocol: UDP}}]}}\n"
    )
}

const NAMESPACES: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: default}
---
apiVersion: v1
kind: Namespace
metadata: {name: friends, labels: {project: myproject}}
---
apiVersion: v1
kind: Namespace
metadata: {name: strangers, labels: {project: other}}
";

fn with(spec: &str) -> Network {
    let pods = [
        pod("db", "default", "role: db"),
        pod("front", "default", "role: frontend"),
        pod("friend", "friends", "role: frontend"),
        pod("worker", "friends", "role: worker"),
        pod("stranger", "strangers", "role: frontend"),
        pod("lost", "unlisted", "role: frontend"),
    ]
    .concat();
    let policies: String = spec
        .split("===")
        .filter(|spec| !spec.trim().is_empty())
        .enumerate()
        .map(|(at, spec)| {
            format!(
                "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p{at}, namespace: default}}\nspec: {}\n",
                spec.trim()
            )
        })
        .collect();
    network(&format!("{NAMESPACES}{pods}{policies}"))
}

fn word(network: &Network, from: &str, to: &str, port: &str) -> &'static str {
    let pod = |name: &str| -> &Pod {
        network
            .pods
            .iter()
            .find(|pod| pod.object == format!("Pod/{name}"))
            .unwrap()
    };
    let port = port
        .split_once('/')
        .map(|(protocol, port)| (protocol.to_owned(), port.to_owned()));
    match network.passage(pod(from), pod(to), port.as_ref()) {
        Passage::Open(_) => "open",
        Passage::Closed(_) => "closed",
        Passage::Unknown(_) => "unknown",
    }
}

#[test]
fn passages_are_those_of_the_documentation() {
    const DENY: &str = "{podSelector: {}, policyTypes: [Ingress]}";
    const EXAMPLE: &str = "{podSelector: {matchLabels: {role: db}}, policyTypes: [Ingress, Egress], ingress: [{from: [
        {ipBlock: {cidr: 172.17.0.0/16}}, {namespaceSelector: {matchLabels: {project: myproject}}},
        {podSelector: {matchLabels: {role: frontend}}}], ports: [{protocol: TCP, port: 6379}]}],
        egress: [{to: [{ipBlock: {cidr: 10.0.0.0/24}}], ports: [{protocol: TCP, port: 5978}]}]}";
    const BOTH: &str = "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {project: myproject}},
        podSelector: {matchLabels: {role: frontend}}}]}]}";
    const EITHER: &str = "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {project: myproject}}},
        {podSelector: {matchLabels: {role: frontend}}}]}]}";
    const BY_NAME: &str = "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: unlisted}}}]}]}";
    const NOT_IN: &str = "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchExpressions: [
        {key: project, operator: NotIn, values: [other]}]}}]}]}";
    const RANGE: &str = "{podSelector: {}, ingress: [{ports: [{protocol: TCP, port: 6000, endPort: 6400}]}]}";
    let table: &[(&str, &str, &str, &str, &str)] = &[
        // Without policies, everything is let through.
        ("", "stranger", "db", "TCP/6379", "open"),
        ("", "db", "stranger", "TCP/80", "open"),
        // The example: three sorts of peers, one port.
        (EXAMPLE, "front", "db", "TCP/6379", "open"),
        (EXAMPLE, "front", "db", "TCP/redis", "open"),
        (EXAMPLE, "worker", "db", "TCP/6379", "open"),
        (EXAMPLE, "front", "db", "TCP/80", "closed"),
        (EXAMPLE, "front", "db", "UDP/6379", "closed"),
        // Pods that it does not select are not isolated.
        (EXAMPLE, "stranger", "front", "TCP/6379", "open"),
        // A pod of another namespace is none of the podSelector alone; addresses of pods are not known.
        (EXAMPLE, "stranger", "db", "TCP/6379", "unknown"),
        // What goes out is isolated, too.
        (EXAMPLE, "db", "front", "TCP/80", "closed"),
        (EXAMPLE, "db", "front", "TCP/5978", "unknown"),
        // Default deny, and what opens it again: policies add up.
        (DENY, "front", "db", "TCP/6379", "closed"),
        (DENY, "db", "stranger", "TCP/80", "open"),
        (
            "{podSelector: {}, policyTypes: [Ingress]}==={podSelector: {}, ingress: [{}]}",
            "stranger",
            "db",
            "TCP/1",
            "open",
        ),
        (
            "{podSelector: {}, policyTypes: [Egress]}",
            "db",
            "stranger",
            "TCP/80",
            "closed",
        ),
        (
            "{podSelector: {}, policyTypes: [Egress]}",
            "stranger",
            "db",
            "TCP/80",
            "open",
        ),
        (
            "{podSelector: {}, policyTypes: [Egress], egress: [{}]}",
            "db",
            "stranger",
            "TCP/80",
            "open",
        ),
        (
            "{podSelector: {}, policyTypes: [Ingress, Egress]}",
            "db",
            "front",
            "TCP/80",
            "closed",
        ),
        // Without types, a policy is about what comes in, and about what goes out where it says something of that.
        ("{podSelector: {}}", "front", "db", "TCP/80", "closed"),
        ("{podSelector: {}}", "db", "stranger", "TCP/80", "open"),
        (
            "{podSelector: {}, egress: [{ports: [{port: 443}]}]}",
            "db",
            "stranger",
            "TCP/80",
            "closed",
        ),
        (
            "{podSelector: {}, egress: [{ports: [{port: 443}]}]}",
            "db",
            "stranger",
            "TCP/443",
            "open",
        ),
        // Both selectors in one peer, or each in its own.
        (BOTH, "friend", "db", "TCP/80", "open"),
        (BOTH, "worker", "db", "TCP/80", "closed"),
        (BOTH, "front", "db", "TCP/80", "closed"),
        (EITHER, "worker", "db", "TCP/80", "open"),
        (EITHER, "front", "db", "TCP/80", "open"),
        (EITHER, "stranger", "db", "TCP/80", "closed"),
        // The label that every namespace has; other labels of a namespace that no tree has are not known.
        (BY_NAME, "lost", "db", "TCP/80", "open"),
        (BY_NAME, "friend", "db", "TCP/80", "closed"),
        (EITHER, "lost", "db", "TCP/80", "unknown"),
        (NOT_IN, "friend", "db", "TCP/80", "open"),
        (NOT_IN, "front", "db", "TCP/80", "open"),
        (NOT_IN, "stranger", "db", "TCP/80", "closed"),
        (NOT_IN, "lost", "db", "TCP/80", "unknown"),
        (
            "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}",
            "lost",
            "db",
            "TCP/80",
            "open",
        ),
        // An empty podSelector is all pods of the policy's namespace.
        (
            "{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}",
            "front",
            "db",
            "TCP/80",
            "open",
        ),
        (
            "{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}",
            "friend",
            "db",
            "TCP/80",
            "closed",
        ),
        // Ranges of ports, names of ports, all ports of a protocol.
        (RANGE, "stranger", "db", "TCP/6379", "open"),
        (RANGE, "stranger", "db", "TCP/redis", "open"),
        (RANGE, "stranger", "db", "TCP/5999", "closed"),
        (
            "{podSelector: {}, ingress: [{ports: [{port: redis}]}]}",
            "stranger",
            "db",
            "TCP/6379",
            "open",
        ),
        (
            "{podSelector: {}, ingress: [{ports: [{port: redis}]}]}",
            "stranger",
            "db",
            "TCP/80",
            "closed",
        ),
        (
            "{podSelector: {}, ingress: [{ports: [{protocol: UDP}]}]}",
            "stranger",
            "db",
            "UDP/dns",
            "open",
        ),
        (
            "{podSelector: {}, ingress: [{ports: [{protocol: UDP}]}]}",
            "stranger",
            "db",
            "TCP/53",
            "closed",
        ),
    ];
    let mut wrong = Vec::new();
    for (spec, from, to, port, expected) in table {
        let found = word(&with(spec), from, to, port);
        if found != *expected {
            wrong.push(format!("{from} to {to} {port} is {found}, not {expected}: {spec}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
