//! Names of other objects, and selectors of pods: what the objects of one target count on.

use resource::{Pod, Resource, items};
use yaml::{Mark, Node};

use crate::context::Context;
use crate::links::Wanted;
use crate::presence::{Need, Presence};
use crate::rule::dangling_reference::RULE;

/// The references of one object.
struct References<'w, 'c> {
    object: &'c Resource,
    namespace: &'c str,
    /// What the target itself brings: nothing of it is missing.
    presence: &'c Presence,
    wanted: &'w mut Vec<Wanted>,
}

/// Everything that objects count on, that is not optional and not among them.
pub(crate) fn references(context: &Context<'_>, presence: &Presence) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for pod in context.pods() {
        References::of(context, presence, pod.object, &mut wanted).of_pod(pod);
    }
    for object in context.objects() {
        let mut references = References::of(context, presence, object, &mut wanted);
        match (&*object.gvk().group, object.kind()) {
            ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => references.of_binding(),
            ("networking.k8s.io", "Ingress") => references.of_ingress(),
            ("autoscaling", "HorizontalPodAutoscaler") => references.of_autoscaler(),
            ("", "Service") => references.of_service(),
            ("", "ServiceAccount") => references.of_account(),
            ("policy", "PodDisruptionBudget") => references.of_selector(&["spec", "selector", "matchLabels"]),
            ("networking.k8s.io", "NetworkPolicy") => references.of_selector(&["spec", "podSelector", "matchLabels"]),
            _ => {}
        }
    }
    wanted
}

fn text<'n>(node: &'n Node, path: &[&str]) -> Option<&'n str> {
    node.get_path(path.iter().copied())
        .and_then(Node::as_str)
        .filter(|text| !text.is_empty())
}

impl<'w, 'c> References<'w, 'c> {
    fn of(
        context: &'c Context<'_>,
        presence: &'c Presence,
        object: &'c Resource,
        wanted: &'w mut Vec<Wanted>,
    ) -> References<'w, 'c> {
        References {
            object,
            namespace: context.namespace(object),
            presence,
            wanted,
        }
    }

    fn want(&mut self, field: String, mark: Mark, hint: String, holder: Option<String>, need: Need) {
        let mark = if mark.is_some() { mark } else { self.object.node.mark };
        self.wanted.push(Wanted {
            finding: RULE.finding(self.object, field, mark, "").hint(hint),
            holder,
            needs: vec![need],
        });
    }

    /// The object that a node names. What a workflow, task or chart fills in later is no name yet.
    fn name(&mut self, kind: &'static str, namespace: &str, field: impl FnOnce() -> String, node: Option<&Node>) {
        let Some(node) = node else { return };
        let name = node.as_str().unwrap_or_default();
        if name.is_empty() || name.contains(['{', '$']) || namespace.contains('{') {
            return;
        }
        if self.presence.has_object(kind, namespace, name) {
            return;
        }
        let hint = format!("add it, or list {kind}/{name} under `outside` if it is made elsewhere");
        let need = Need::Object {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        self.want(field(), node.mark, hint, None, need);
    }

    /// The object that a field below a holder names, unless it says that it is optional.
    fn source(&mut self, kind: &'static str, field: impl FnOnce() -> String, holder: &Node, path: &[&str]) {
        let (_, above) = path.split_last().unwrap_or((&"", &[]));
        let Some(above) = holder.get_path(above.iter().copied()) else {
            return;
        };
        if text(above, &["optional"]) != Some("true") {
            self.name(kind, self.namespace, field, holder.get_path(path.iter().copied()));
        }
    }

    fn of_pod(&mut self, pod: &Pod<'_>) {
        let account = "serviceAccountName";
        self.source("ServiceAccount", || pod.field(account), pod.spec, &[account]);
        // Templates of workflows have volumes of their own.
        let templates = items(pod.spec, &["templates"]);
        let volumes = templates.flat_map(|template| items(template, &["volumes"]));
        for (at, secret) in items(pod.spec, &["imagePullSecrets"]).enumerate() {
            let field = || pod.field(&format!("imagePullSecrets[{at}].name"));
            self.source("Secret", field, secret, &["name"]);
        }
        for volume in items(pod.spec, &["volumes"]).chain(volumes) {
            let name = text(volume, &["name"]).unwrap_or_default();
            if self.has_claim_template(name) {
                continue;
            }
            let field = |rest: &str| pod.field(&format!("volumes[name={name}].{rest}"));
            for (kind, path) in [
                ("ConfigMap", ["configMap", "name"]),
                ("Secret", ["secret", "secretName"]),
                ("PersistentVolumeClaim", ["persistentVolumeClaim", "claimName"]),
            ] {
                self.source(kind, || field(&path.join(".")), volume, &path);
            }
            for (at, source) in items(volume, &["projected", "sources"]).enumerate() {
                for (kind, path) in [("ConfigMap", ["configMap", "name"]), ("Secret", ["secret", "name"])] {
                    let field = || field(&format!("projected.sources[{at}].{}", path.join(".")));
                    self.source(kind, field, source, &path);
                }
            }
        }
        for container in pod.containers() {
            for variable in items(container.node, &["env"]) {
                let name = text(variable, &["name"]).unwrap_or_default();
                for (kind, source) in [("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")] {
                    let field = || container.field(&format!("env[name={name}].valueFrom.{source}.name"));
                    self.source(kind, field, variable, &["valueFrom", source, "name"]);
                }
            }
            for (at, source) in items(container.node, &["envFrom"]).enumerate() {
                for (kind, of) in [("ConfigMap", "configMapRef"), ("Secret", "secretRef")] {
                    let field = || container.field(&format!("envFrom[{at}].{of}.name"));
                    self.source(kind, field, source, &[of, "name"]);
                }
            }
        }
    }

    /// Whether the object is a StatefulSet that makes a claim for each pod, which takes the place of the volume of
    /// that name.
    fn has_claim_template(&self, volume: &str) -> bool {
        let claims = items(&self.object.node, &["spec", "volumeClaimTemplates"]);
        self.object.kind() == "StatefulSet"
            && claims
                .into_iter()
                .any(|claim| text(claim, &["metadata", "name"]) == Some(volume))
    }

    /// The Secrets that pods of an account pull images with.
    fn of_account(&mut self) {
        for (at, secret) in items(&self.object.node, &["imagePullSecrets"]).enumerate() {
            let field = || format!("imagePullSecrets[{at}].name");
            self.source("Secret", field, secret, &["name"]);
        }
    }

    fn of_binding(&mut self) {
        let node = &self.object.node;
        let name = node.get_path(["roleRef", "name"]);
        match text(node, &["roleRef", "kind"]) {
            Some("Role") => self.name("Role", self.namespace, || "roleRef.name".to_owned(), name),
            Some("ClusterRole") => self.name("ClusterRole", "", || "roleRef.name".to_owned(), name),
            _ => {}
        }
        for (at, subject) in items(node, &["subjects"]).enumerate() {
            let namespace = text(subject, &["namespace"]).unwrap_or(self.namespace);
            // Accounts in other namespaces are others' business.
            if text(subject, &["kind"]) == Some("ServiceAccount") && namespace == self.namespace {
                let field = || format!("subjects[{at}].name");
                self.name("ServiceAccount", namespace, field, subject.get("name"));
            }
        }
    }

    fn of_ingress(&mut self) {
        let node = &self.object.node;
        self.backend("spec.defaultBackend", node.get_path(["spec", "defaultBackend"]));
        for (at, rule) in items(node, &["spec", "rules"]).enumerate() {
            for (path_at, path) in items(rule, &["http", "paths"]).enumerate() {
                let field = format!("spec.rules[{at}].http.paths[{path_at}].backend");
                self.backend(&field, path.get("backend"));
            }
        }
    }

    /// The Service of an Ingress, and its port.
    fn backend(&mut self, field: &str, backend: Option<&Node>) {
        let Some(service) = backend.and_then(|backend| backend.get("service")) else {
            return;
        };
        self.name(
            "Service",
            self.namespace,
            || format!("{field}.service.name"),
            service.get("name"),
        );
        for of in ["name", "number"] {
            let (Some(name), Some(node)) = (text(service, &["name"]), service.get_path(["port", of])) else {
                continue;
            };
            let port = node.as_str().unwrap_or_default();
            if self.presence.has_port(self.namespace, name, port) {
                continue;
            }
            let need = Need::Port {
                namespace: self.namespace.to_owned(),
                service: name.to_owned(),
                port: port.to_owned(),
            };
            let hint = "name a port that the Service has under spec.ports".to_owned();
            let holder = format!("the Service \"{name}\"");
            self.want(
                format!("{field}.service.port.{of}"),
                node.mark,
                hint,
                Some(holder),
                need,
            );
        }
    }

    fn of_autoscaler(&mut self) {
        let node = &self.object.node;
        let kind = match text(node, &["spec", "scaleTargetRef", "kind"]) {
            Some("Deployment") => "Deployment",
            Some("StatefulSet") => "StatefulSet",
            Some("ReplicaSet") => "ReplicaSet",
            _ => return,
        };
        let name = node.get_path(["spec", "scaleTargetRef", "name"]);
        self.name(kind, self.namespace, || "spec.scaleTargetRef.name".to_owned(), name);
    }

    /// The pods of a Service, and the ports that it names at them.
    fn of_service(&mut self) {
        self.of_selector(&["spec", "selector"]);
        let labels = labels(self.object.node.get_path(["spec", "selector"]));
        if labels.is_empty() {
            return;
        }
        for (at, port) in items(&self.object.node, &["spec", "ports"]).enumerate() {
            let Some(target) = port.get("targetPort") else { continue };
            let name = target.as_str().unwrap_or_default();
            if !name.bytes().any(|byte| byte.is_ascii_alphabetic()) {
                continue;
            }
            if self.presence.has_pod(self.namespace, &labels, Some(name)) {
                continue;
            }
            let need = Need::Pod {
                namespace: self.namespace.to_owned(),
                labels: owned(&labels),
                port: Some(name.to_owned()),
            };
            let hint = "name a port that a container of the pods has under ports".to_owned();
            let holder = "the pod that the Service selects".to_owned();
            self.want(
                format!("spec.ports[{at}].targetPort"),
                target.mark,
                hint,
                Some(holder),
                need,
            );
        }
    }

    /// The pods that the labels at a path select.
    fn of_selector(&mut self, path: &[&str]) {
        let selector = self.object.node.get_path(path.iter().copied());
        let labels = labels(selector);
        let (Some(selector), false) = (selector, labels.is_empty()) else {
            return;
        };
        if self.presence.has_pod(self.namespace, &labels, None) {
            return;
        }
        let need = Need::Pod {
            namespace: self.namespace.to_owned(),
            labels: owned(&labels),
            port: None,
        };
        let hint = "compare the selector with the labels of the pod template".to_owned();
        self.want(path.join("."), selector.mark, hint, None, need);
    }
}

/// Labels that the controllers of Kubernetes give to the pods they make: no tree has them.
const GIVEN: [&str; 10] = [
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index",
    "batch.kubernetes.io/job-name",
    "controller-revision-hash",
    "controller-uid",
    "job-name",
    "pod-template-generation",
    "pod-template-hash",
    "statefulset.kubernetes.io/pod-name",
];

/// The labels that a selector asks for and a tree can have.
fn labels(selector: Option<&Node>) -> Vec<(&str, &str)> {
    let entries = selector.and_then(Node::as_map).into_iter().flatten();
    let labels = entries.filter_map(|entry| Some((entry.key.as_str()?, entry.value.as_str()?)));
    labels.filter(|(key, _)| !GIVEN.contains(key)).collect()
}

fn owned(labels: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    owned.collect()
}
