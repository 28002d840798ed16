//! Names of other objects in a build, and the objects that are there or will be made.

use hashbrown::HashSet;
use resource::{Resource, nearest};
use yaml::{Mark, Node};

use crate::context::Context;
use crate::pod::Pod;

/// A name of another object.
pub(crate) struct Reference<'a> {
    pub(crate) object: &'a Resource,
    pub(crate) field: String,
    pub(crate) mark: Mark,
    pub(crate) kind: &'static str,
    /// Empty for kinds that are in no namespace.
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// Objects by kind, namespace and name.
pub(crate) struct There {
    known: HashSet<(String, String, String)>,
}

/// Objects that every cluster has.
const EVERYWHERE: [(&str, &str); 12] = [
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
    ("ServiceAccount", "default"),
    ("ClusterRole", "admin"),
    ("ClusterRole", "edit"),
    ("ClusterRole", "view"),
];

impl There {
    pub(crate) fn new(context: &Context<'_>) -> There {
        let mut known = HashSet::new();
        let mut add = |kind: &str, namespace: &str, name: &str| {
            known.insert((kind.to_owned(), namespace.to_owned(), name.to_owned()));
        };
        for object in context.objects() {
            let namespace = if object.is_cluster_scoped() {
                ""
            } else {
                context.namespace(object)
            };
            add(object.kind(), namespace, object.name());
            let text = |path: &[&str]| object.node.get_path(path.iter().copied()).and_then(Node::as_str);
            // OpenShift makes a Secret for a Service that asks for a certificate.
            if object.kind() == "Service"
                && let Some(name) = object.annotation("service.beta.openshift.io/serving-cert-secret-name")
            {
                add("Secret", namespace, name);
            }
            // What these make is there as well.
            let made: &[(&str, &[&str])] = match object.kind() {
                "ExternalSecret" => &[("Secret", &["spec", "target", "name"])],
                "SealedSecret" => &[("Secret", &["spec", "template", "metadata", "name"])],
                "Certificate" => &[("Secret", &["spec", "secretName"])],
                "SecretIntent" | "VaultStaticSecret" => &[("Secret", &["spec", "destination", "name"])],
                _ => &[],
            };
            for (kind, path) in made {
                add(kind, namespace, text(path).unwrap_or(object.name()));
            }
        }
        There { known }
    }

    pub(crate) fn has(&self, kind: &str, namespace: &str, name: &str) -> bool {
        let is_everywhere = EVERYWHERE.contains(&(kind, name))
            || kind == "ClusterRole" && (name == "cluster-admin" || name.starts_with("system:"));
        is_everywhere
            || self
                .known
                .contains(&(kind.to_owned(), namespace.to_owned(), name.to_owned()))
    }

    /// Objects of the kind with names like this one, or the same name elsewhere.
    pub(crate) fn near(&self, kind: &str, namespace: &str, name: &str) -> String {
        let elsewhere = self
            .known
            .iter()
            .filter(|(known, other, same)| known == kind && other != namespace && same == name)
            .map(|(_, other, _)| other.as_str())
            .min();
        if let Some(other) = elsewhere {
            return format!("one in the namespace {other}");
        }
        let here = self
            .known
            .iter()
            .filter(|(known, other, _)| known == kind && other == namespace);
        let mut names: Vec<&str> = here.map(|(_, _, name)| name.as_str()).collect();
        names.sort_unstable();
        nearest(name, names.into_iter()).join(", ")
    }
}

/// Every name of another object that is not optional.
pub(crate) fn references<'c>(context: &'c Context<'_>) -> Vec<Reference<'c>> {
    let mut found = Vec::new();
    for pod in context.pods() {
        of_pod(context, pod, &mut found);
    }
    for object in context.objects() {
        of_object(context, object, &mut found);
    }
    found
}

fn items<'n>(node: &'n Node, path: &[&str]) -> impl Iterator<Item = &'n Node> + use<'n> {
    let list = node.get_path(path.iter().copied()).and_then(Node::as_seq);
    list.into_iter().flatten()
}

fn text<'n>(node: &'n Node, path: &[&str]) -> Option<&'n str> {
    node.get_path(path.iter().copied())
        .and_then(Node::as_str)
        .filter(|text| !text.is_empty())
}

fn of_pod<'c>(context: &'c Context<'_>, pod: &'c Pod<'_>, found: &mut Vec<Reference<'c>>) {
    let namespace = context.namespace(pod.object);
    let mut add = |kind: &'static str, field: String, holder: &Node, path: &[&str]| {
        let Some(node) = holder.get_path(path.iter().copied()) else {
            return;
        };
        let is_optional = text(holder, &[&path[..path.len() - 1], &["optional"]].concat()) == Some("true");
        let name = node.as_str().unwrap_or_default();
        if is_optional || name.is_empty() {
            return;
        }
        found.push(Reference {
            object: pod.object,
            field,
            mark: if node.mark.is_some() {
                node.mark
            } else {
                pod.object.node.mark
            },
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        });
    };
    add(
        "ServiceAccount",
        pod.field("serviceAccountName"),
        pod.spec,
        &["serviceAccountName"],
    );
    for volume in items(pod.spec, &["volumes"]) {
        let field = |rest: &str| {
            pod.field(&format!(
                "volumes[name={}].{rest}",
                text(volume, &["name"]).unwrap_or_default()
            ))
        };
        add("ConfigMap", field("configMap.name"), volume, &["configMap", "name"]);
        add("Secret", field("secret.secretName"), volume, &["secret", "secretName"]);
        let claim = ["persistentVolumeClaim", "claimName"];
        add(
            "PersistentVolumeClaim",
            field("persistentVolumeClaim.claimName"),
            volume,
            &claim,
        );
        for (at, source) in items(volume, &["projected", "sources"]).enumerate() {
            add(
                "ConfigMap",
                field(&format!("projected.sources[{at}].configMap.name")),
                source,
                &["configMap", "name"],
            );
            add(
                "Secret",
                field(&format!("projected.sources[{at}].secret.name")),
                source,
                &["secret", "name"],
            );
        }
    }
    for container in pod.containers() {
        for variable in items(container.node, &["env"]) {
            let name = text(variable, &["name"]).unwrap_or_default();
            for (kind, source) in [("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")] {
                let field = container.field(&format!("env[name={name}].valueFrom.{source}.name"));
                add(kind, field, variable, &["valueFrom", source, "name"]);
            }
        }
        for (at, source) in items(container.node, &["envFrom"]).enumerate() {
            for (kind, of) in [("ConfigMap", "configMapRef"), ("Secret", "secretRef")] {
                add(
                    kind,
                    container.field(&format!("envFrom[{at}].{of}.name")),
                    source,
                    &[of, "name"],
                );
            }
        }
    }
}

fn of_object<'c>(context: &'c Context<'_>, object: &'c Resource, found: &mut Vec<Reference<'c>>) {
    let own = context.namespace(object).to_owned();
    let mut add = |kind: &'static str, namespace: &str, field: String, node: Option<&Node>| {
        let Some(name) = node.and_then(Node::as_str).filter(|name| !name.is_empty()) else {
            return;
        };
        found.push(Reference {
            object,
            field,
            mark: node
                .map(|node| node.mark)
                .filter(|mark| mark.is_some())
                .unwrap_or(object.node.mark),
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        });
    };
    match (&*object.gvk().group, object.kind()) {
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            let name = object.node.get_path(["roleRef", "name"]);
            match text(&object.node, &["roleRef", "kind"]) {
                Some("Role") => add("Role", &own, "roleRef.name".to_owned(), name),
                Some("ClusterRole") => add("ClusterRole", "", "roleRef.name".to_owned(), name),
                _ => {}
            }
            for (at, subject) in items(&object.node, &["subjects"]).enumerate() {
                let namespace = text(subject, &["namespace"]).unwrap_or(&own);
                // Accounts in other namespaces are others' business.
                if text(subject, &["kind"]) == Some("ServiceAccount") && namespace == own {
                    add(
                        "ServiceAccount",
                        namespace,
                        format!("subjects[{at}].name"),
                        subject.get("name"),
                    );
                }
            }
        }
        ("networking.k8s.io", "Ingress") => {
            let default = ["spec", "defaultBackend", "service", "name"];
            add("Service", &own, default.join("."), object.node.get_path(default));
            for (at, rule) in items(&object.node, &["spec", "rules"]).enumerate() {
                for (path_at, path) in items(rule, &["http", "paths"]).enumerate() {
                    let field = format!("spec.rules[{at}].http.paths[{path_at}].backend.service.name");
                    add("Service", &own, field, path.get_path(["backend", "service", "name"]));
                }
            }
        }
        ("autoscaling", "HorizontalPodAutoscaler") => {
            let name = object.node.get_path(["spec", "scaleTargetRef", "name"]);
            let kind = match text(&object.node, &["spec", "scaleTargetRef", "kind"]) {
                Some("Deployment") => "Deployment",
                Some("StatefulSet") => "StatefulSet",
                Some("ReplicaSet") => "ReplicaSet",
                _ => return,
            };
            add(kind, &own, "spec.scaleTargetRef.name".to_owned(), name);
        }
        _ => {}
    }
}

/// Services whose selector fits no pod template of the tree. Where an operator may make pods that nobody sees
/// here, nothing is said.
pub(crate) fn services_without_pods<'c>(context: &'c Context<'_>, mut tell: impl FnMut(&'c Resource, Mark, String)) {
    for service in context.of_kind("", "Service") {
        let namespace = context.namespace(service);
        let Some(selector) = service.node.get_path(["spec", "selector"]) else {
            continue;
        };
        let Some(wanted) = selector.as_map().filter(|wanted| !wanted.is_empty()) else {
            continue;
        };
        let fits = |labels: Option<&Node>| {
            wanted.iter().all(|entry| {
                let key = entry.key.as_str().unwrap_or_default();
                labels.and_then(|labels| labels.get(key)).and_then(Node::as_str) == entry.value.as_str()
            })
        };
        let mut pods = context
            .pods()
            .iter()
            .filter(|pod| context.namespace(pod.object) == namespace);
        if pods.any(|pod| fits(pod.metadata.and_then(|metadata| metadata.get("labels")))) {
            continue;
        }
        let may_make_pods = context
            .objects()
            .iter()
            .any(|object| context.namespace(object) == namespace && may_make_pods(object));
        if may_make_pods {
            continue;
        }
        let mark = if selector.mark.is_some() {
            selector.mark
        } else {
            service.node.mark
        };
        tell(service, mark, "the Service selects no pod of the tree".to_owned());
    }
}

/// Whether an object is of a custom type, but for those that are known to make no pods.
fn may_make_pods(object: &Resource) -> bool {
    const NO_PODS: [&str; 10] = [
        "bitnami.com",
        "cert-manager.io",
        "external-secrets.io",
        "gateway.networking.k8s.io",
        "kyverno.io",
        "networking.istio.io",
        "policies.kubewarden.io",
        "route.openshift.io",
        "security.istio.io",
        "security.openshift.io",
    ];
    let group = object.gvk().group;
    if matches!(object.kind(), "ServiceMonitor" | "PodMonitor" | "PrometheusRule") {
        return false;
    }
    group.contains('.') && !group.ends_with(".k8s.io") && !NO_PODS.contains(&&*group)
}
