//! What is there once targets of one cluster are delivered: their objects, and what those make.

use hashbrown::{Equivalent, HashMap, HashSet};
use resource::{Resource, items, nearest};
use yaml::Node;

use crate::context::Context;

/// Objects, pods and guards of namespaces, found by index.
#[derive(Clone, Debug, Default)]
pub(crate) struct Presence {
    names: HashSet<Name>,
    pods: Vec<PodPresence>,
    /// The positions in `pods` by namespace and label.
    by_label: HashMap<Name, Vec<usize>>,
    /// Ports of Services: namespace, Service, name or number.
    ports: HashSet<Name>,
    /// Kind and namespace.
    guards: HashSet<(Guard, String)>,
    /// Namespaces in which operators may make pods that no tree shows.
    operated: HashSet<String>,
    /// Namespaces in which charts and other trees are installed, of which nothing is known here.
    opaque: HashSet<String>,
}

/// Kind, namespace and name, or three other words that belong together.
type Name = (String, String, String);

/// A [`Name`] that is looked for.
#[derive(Hash)]
struct Sought<'s>(&'s str, &'s str, &'s str);

impl Equivalent<Name> for Sought<'_> {
    fn equivalent(&self, key: &Name) -> bool {
        (self.0, self.1, self.2) == (&*key.0, &*key.1, &*key.2)
    }
}

#[derive(Clone, Debug)]
struct PodPresence {
    labels: Vec<(String, String)>,
    /// The names of the ports of its containers.
    ports: Vec<String>,
}

/// What a namespace should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Guard {
    DefaultDeny,
    ResourceQuota,
    LimitRange,
}

/// Something that an object counts on.
#[derive(Clone, Debug)]
pub(crate) enum Need {
    /// The namespace is empty for kinds that are in none.
    Object {
        kind: &'static str,
        namespace: String,
        name: String,
    },
    /// A port of a Service, by name or number.
    Port {
        namespace: String,
        service: String,
        port: String,
    },
    /// A pod with these labels, and a named port where that is asked.
    Pod {
        namespace: String,
        labels: Vec<(String, String)>,
        port: Option<String>,
    },
    Guard {
        namespace: String,
        guard: Guard,
    },
}

/// Objects that every cluster has, and those that are made in every namespace where a platform is.
const EVERYWHERE: [(&str, &str); 17] = [
    ("ConfigMap", "kube-root-ca.crt"),
    // Where Istio is.
    ("ConfigMap", "istio-ca-root-cert"),
    // Of OpenShift.
    ("ConfigMap", "openshift-service-ca.crt"),
    ("ClusterRole", "basic-user"),
    ("ClusterRole", "cluster-monitoring-view"),
    ("ClusterRole", "cluster-reader"),
    ("ClusterRole", "cluster-status"),
    ("ClusterRole", "self-provisioner"),
    ("ClusterRole", "sudoer"),
    ("ServiceAccount", "builder"),
    ("ServiceAccount", "deployer"),
    // Everywhere.
    ("ServiceAccount", "default"),
    ("ClusterRole", "cluster-admin"),
    ("ClusterRole", "admin"),
    ("ClusterRole", "edit"),
    ("ClusterRole", "view"),
    ("Role", "extension-apiserver-authentication-reader"),
];

/// Kinds that make an object of another kind: the kind, what it makes, and where that is named. Without a name
/// there it has their own.
const MAKERS: [(&str, &str, &[&str]); 18] = [
    ("AWSExternalSecret", "Secret", &[]),
    ("Certificate", "Secret", &["spec", "secretName"]),
    ("DataVolume", "PersistentVolumeClaim", &[]),
    ("DopplerSecret", "Secret", &["spec", "managedSecret", "name"]),
    ("ExternalSecret", "Secret", &["spec", "target", "name"]),
    ("IAMServiceAccountKey", "Secret", &[]),
    (
        "InfisicalSecret",
        "Secret",
        &["spec", "managedSecretReference", "secretName"],
    ),
    ("KafkaUser", "Secret", &[]),
    ("ObjectBucketClaim", "ConfigMap", &[]),
    ("ObjectBucketClaim", "Secret", &[]),
    ("OnePasswordItem", "Secret", &[]),
    ("SealedSecret", "Secret", &["spec", "template", "metadata", "name"]),
    ("SecretIntent", "Secret", &["spec", "destination", "name"]),
    ("VaultDynamicSecret", "Secret", &["spec", "destination", "name"]),
    ("VaultPKISecret", "Secret", &["spec", "destination", "name"]),
    ("VaultSecret", "Secret", &[]),
    ("VaultStaticSecret", "Secret", &["spec", "destination", "name"]),
    ("serving.knative.dev/Service", "Service", &[]),
];

/// Kinds that install what is written elsewhere, and the field with the namespace they do it in.
const INSTALLERS: [(&str, &str, &[&str]); 4] = [
    ("argoproj.io", "Application", &["spec", "destination", "namespace"]),
    ("helm.cattle.io", "HelmChart", &["spec", "targetNamespace"]),
    ("helm.toolkit.fluxcd.io", "HelmRelease", &["spec", "targetNamespace"]),
    (
        "kustomize.toolkit.fluxcd.io",
        "Kustomization",
        &["spec", "targetNamespace"],
    ),
];

impl Guard {
    pub(crate) const ALL: [Guard; 3] = [Guard::DefaultDeny, Guard::ResourceQuota, Guard::LimitRange];
}

impl Need {
    /// The kind of the object that is needed.
    fn kind(&self) -> Option<&str> {
        match self {
            Need::Object { kind, .. } => Some(kind),
            _ => None,
        }
    }

    /// What is missing, after `no`.
    pub(crate) fn words(&self) -> String {
        match self {
            Need::Object { kind, namespace, name } if namespace.is_empty() => format!("{kind} \"{name}\""),
            Need::Object { kind, namespace, name } => format!("{kind} \"{name}\" in the namespace {namespace}"),
            Need::Port { port, .. } => format!("port {port}"),
            Need::Pod { port: Some(port), .. } => format!("port \"{port}\""),
            Need::Pod { labels, .. } => {
                let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}: {value}")).collect();
                format!("pod labelled {}", labels.join(", "))
            }
            Need::Guard { guard, .. } => match guard {
                Guard::DefaultDeny => "NetworkPolicy that denies by default".to_owned(),
                Guard::ResourceQuota => "ResourceQuota".to_owned(),
                Guard::LimitRange => "LimitRange".to_owned(),
            },
        }
    }
}

impl Presence {
    pub(crate) fn new(context: &Context<'_>) -> Presence {
        let mut presence = Presence::default();
        for object in context.objects() {
            let namespace = match object.is_cluster_scoped() {
                true => "",
                false => context.namespace(object),
            };
            presence.add(object, namespace);
        }
        for pod in context.pods() {
            let labels = pod.metadata.and_then(|metadata| metadata.get("labels"));
            let labels = labels.and_then(Node::as_map).into_iter().flatten();
            let labels =
                labels.filter_map(|entry| Some((entry.key.as_str()?.to_owned(), text(&entry.value)?.to_owned())));
            let ports = pod.containers().flat_map(|container| items(container.node, &["ports"]));
            let ports = ports.filter_map(|port| text(port.get("name")?)).map(str::to_owned);
            presence.add_pod(
                context.namespace(pod.object),
                PodPresence {
                    labels: labels.collect(),
                    ports: ports.collect(),
                },
            );
        }
        presence
    }

    /// What several targets have together.
    pub(crate) fn union<'p>(parts: impl IntoIterator<Item = &'p Presence>) -> Presence {
        let mut union = Presence::default();
        for part in parts {
            let first = union.pods.len();
            union.names.extend(part.names.iter().cloned());
            union.ports.extend(part.ports.iter().cloned());
            union.guards.extend(part.guards.iter().cloned());
            union.operated.extend(part.operated.iter().cloned());
            union.opaque.extend(part.opaque.iter().cloned());
            union.pods.extend(part.pods.iter().cloned());
            for (label, positions) in &part.by_label {
                let known = union.by_label.entry(label.clone()).or_default();
                known.extend(positions.iter().map(|position| first + position));
            }
        }
        union
    }

    fn add(&mut self, object: &Resource, namespace: &str) {
        let group = &*object.gvk().group;
        let kind = object.kind();
        let at = |path: &[&str]| object.node.get_path(path.iter().copied()).and_then(text);
        let name = |kind: &str, name: &str| (kind.to_owned(), namespace.to_owned(), name.to_owned());
        self.names.insert(name(kind, object.name()));
        // OpenShift makes a Secret for a Service that asks for a certificate.
        if kind == "Service" {
            for annotation in [
                "service.alpha.openshift.io/serving-cert-secret-name",
                "service.beta.openshift.io/serving-cert-secret-name",
            ] {
                let secret = object.annotation(annotation);
                self.names.extend(secret.map(|secret| name("Secret", secret)));
            }
        }
        for (maker, made, path) in MAKERS {
            let is_maker = match maker.split_once('/') {
                Some(maker) => maker == (group, kind),
                None => maker == kind,
            };
            if is_maker {
                let own = if path.is_empty() { None } else { at(path) };
                self.names.insert(name(made, own.unwrap_or(object.name())));
            }
        }
        match (group, kind) {
            ("", "Service") => {
                for port in items(&object.node, &["spec", "ports"]) {
                    for field in ["name", "port"] {
                        let port = port.get(field).and_then(text);
                        self.ports.extend(port.map(|port| name(object.name(), port)));
                    }
                }
                // An ExternalName answers at every port.
                if at(&["spec", "type"]) == Some("ExternalName") {
                    self.ports.insert(name(object.name(), ""));
                }
            }
            ("", "ResourceQuota") => drop(self.guards.insert((Guard::ResourceQuota, namespace.to_owned()))),
            ("", "LimitRange") => drop(self.guards.insert((Guard::LimitRange, namespace.to_owned()))),
            ("networking.k8s.io", "NetworkPolicy") if denies_by_default(object) => {
                self.guards.insert((Guard::DefaultDeny, namespace.to_owned()));
            }
            _ => {}
        }
        if let Some((_, _, path)) = INSTALLERS
            .iter()
            .find(|installer| (installer.0, installer.1) == (group, kind))
        {
            self.opaque.insert(at(path).unwrap_or(namespace).to_owned());
        } else if may_make_pods(group, kind) {
            self.operated.insert(namespace.to_owned());
        }
    }

    fn add_pod(&mut self, namespace: &str, pod: PodPresence) {
        for (key, value) in &pod.labels {
            let label = (namespace.to_owned(), key.clone(), value.clone());
            self.by_label.entry(label).or_default().push(self.pods.len());
        }
        self.pods.push(pod);
    }

    pub(crate) fn has(&self, need: &Need) -> bool {
        match need {
            Need::Object { kind, namespace, name } => self.has_object(kind, namespace, name),
            Need::Port {
                namespace,
                service,
                port,
            } => self.has_port(namespace, service, port),
            Need::Pod {
                namespace,
                labels,
                port,
            } => {
                let labels: Vec<(&str, &str)> = labels.iter().map(|(key, value)| (&**key, &**value)).collect();
                self.has_pod(namespace, &labels, port.as_deref())
            }
            Need::Guard { namespace, guard } => self.guards.contains(&(*guard, namespace.clone())),
        }
    }

    pub(crate) fn has_object(&self, kind: &str, namespace: &str, name: &str) -> bool {
        self.names.contains(&Sought(kind, namespace, name))
            || self.opaque.contains(namespace)
            || EVERYWHERE.contains(&(kind, name))
            || matches!(kind, "ClusterRole" | "Role") && name.starts_with("system:")
    }

    /// Without the Service, that is what is missing.
    pub(crate) fn has_port(&self, namespace: &str, service: &str, port: &str) -> bool {
        let has = |port: &str| self.ports.contains(&Sought(service, namespace, port));
        has(port)
            || has("")
            || self.opaque.contains(namespace)
            || !self.names.contains(&Sought("Service", namespace, service))
    }

    /// A port is looked for where there are pods; without one, that is what is missing.
    pub(crate) fn has_pod(&self, namespace: &str, labels: &[(&str, &str)], port: Option<&str>) -> bool {
        if self.opaque.contains(namespace) || self.operated.contains(namespace) {
            return true;
        }
        let lists = labels.iter().map(|(key, value)| {
            let positions = self.by_label.get(&Sought(namespace, key, value));
            positions.map_or(&[][..], Vec::as_slice)
        });
        let fewest = lists.min_by_key(|positions| positions.len()).unwrap_or_default();
        let mut fits = fewest
            .iter()
            .map(|&position| &self.pods[position])
            .filter(|pod| labels.iter().all(|label| pod.has(label)))
            .peekable();
        match port {
            None => fits.peek().is_some(),
            Some(port) => fits.peek().is_none() || fits.any(|pod| pod.ports.iter().any(|known| known == port)),
        }
    }
}

impl PodPresence {
    fn has(&self, (key, value): &(&str, &str)) -> bool {
        self.labels.iter().any(|(own, text)| own == key && text == value)
    }
}

/// The names that are there, sorted, to say what may have been meant.
pub(crate) struct Names<'p> {
    /// Kind, name, namespace.
    by_name: Vec<(&'p str, &'p str, &'p str)>,
    /// Kind, namespace, name.
    by_place: Vec<(&'p str, &'p str, &'p str)>,
}

/// Of more names than this, those that begin like the one that is needed are looked at.
const COMPARED: usize = 200;

impl<'p> Names<'p> {
    /// Of the kinds that something is missing of.
    pub(crate) fn new<'n>(presence: &'p Presence, missing: impl Iterator<Item = &'n Need>) -> Names<'p> {
        let kinds: HashSet<&str> = missing.filter_map(Need::kind).collect();
        let names = || presence.names.iter().filter(|(kind, ..)| kinds.contains(kind.as_str()));
        let mut by_name: Vec<_> = names()
            .map(|(kind, place, name)| (&**kind, &**name, &**place))
            .collect();
        let mut by_place: Vec<_> = names()
            .map(|(kind, place, name)| (&**kind, &**place, &**name))
            .collect();
        by_name.sort_unstable();
        by_place.sort_unstable();
        Names { by_name, by_place }
    }

    /// Objects of the kind with the same name elsewhere, or with names like the one that is needed.
    pub(crate) fn near(&self, need: &Need) -> Option<String> {
        let Need::Object { kind, namespace, name } = need else {
            return None;
        };
        let elsewhere = below(&self.by_name, kind, name).iter().map(|(.., other)| *other);
        if let Some(other) = elsewhere.into_iter().find(|other| other != namespace) {
            return Some(format!("one in the namespace {other}"));
        }
        let mut beside = below(&self.by_place, kind, namespace);
        if beside.len() > COMPARED {
            let at = beside.partition_point(|(.., other)| *other < name.as_str());
            let first = at.saturating_sub(COMPARED / 2).min(beside.len() - COMPARED);
            beside = &beside[first..first + COMPARED];
        }
        let near = nearest(name, beside.iter().map(|(.., other)| *other));
        (!near.is_empty()).then(|| near.join(", "))
    }
}

/// What begins with two words, in a sorted list.
fn below<'l, 'p>(
    list: &'l [(&'p str, &'p str, &'p str)],
    first: &str,
    second: &str,
) -> &'l [(&'p str, &'p str, &'p str)] {
    let start = list.partition_point(|entry| (entry.0, entry.1) < (first, second));
    let len = list[start..].partition_point(|entry| (entry.0, entry.1) == (first, second));
    &list[start..start + len]
}

fn text(node: &Node) -> Option<&str> {
    node.as_str().filter(|text| !text.is_empty())
}

/// It selects every pod, and lets nothing in.
fn denies_by_default(policy: &Resource) -> bool {
    let Some(spec) = policy.node.get("spec") else {
        return false;
    };
    let selects_all = spec.get("podSelector").is_some_and(|selector| {
        let is_empty = |field| selector.get(field).is_none_or(Node::is_null_or_empty);
        is_empty("matchLabels") && is_empty("matchExpressions")
    });
    let types = spec.get("policyTypes").and_then(Node::as_seq);
    let has_ingress = types.is_none_or(|types| types.iter().any(|kind| kind.as_str() == Some("Ingress")));
    let lets_in = spec
        .get("ingress")
        .and_then(Node::as_seq)
        .is_some_and(|rules| !rules.is_empty());
    selects_all && has_ingress && !lets_in
}

/// Whether an object is of a custom type, but for those that are known to make no pods.
fn may_make_pods(group: &str, kind: &str) -> bool {
    const NO_PODS: [&str; 13] = [
        "bitnami.com",
        "cert-manager.io",
        "constraints.gatekeeper.sh",
        "external-secrets.io",
        "gateway.networking.k8s.io",
        "kyverno.io",
        "networking.istio.io",
        "policies.kubewarden.io",
        "route.openshift.io",
        "security.istio.io",
        "security.openshift.io",
        "templates.gatekeeper.sh",
        "vertex.terrace.dev",
    ];
    // What Config Connector and Terrace make is outside the cluster.
    let is_outside = group.ends_with(".cnrm.cloud.google.com");
    let is_monitor = matches!(kind, "ServiceMonitor" | "PodMonitor" | "PrometheusRule");
    group.contains('.') && !group.ends_with(".k8s.io") && !is_monitor && !is_outside && !NO_PODS.contains(&group)
}
