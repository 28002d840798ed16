//! Pods, wherever an object holds one: the pod itself, or the template of what makes pods.

use std::borrow::Cow;

use yaml::{Mark, Node};

use crate::image::Image;
use crate::object::Resource;

/// A pod that an object is or makes.
#[derive(Clone, Debug)]
pub struct Pod<'a> {
    pub object: &'a Resource,
    /// The path of its spec in the object.
    pub path: Cow<'static, str>,
    pub spec: &'a Node,
    /// The metadata of the pod: of its template, if there is one.
    pub metadata: Option<&'a Node>,
}

/// A container of a pod.
#[derive(Clone, Copy, Debug)]
pub struct Container<'a> {
    pub pod: &'a Pod<'a>,
    pub kind: ContainerKind,
    pub node: &'a Node,
    place: Place<'a>,
}

/// Where a container stands in the spec of its pod.
#[derive(Clone, Copy, Debug)]
enum Place<'a> {
    /// In the list of its kind.
    List(usize),
    /// In a template of a workflow: the name of the template, the field, the position if that is a list.
    Template(&'a str, &'static str, Option<usize>),
    /// Among the steps of a task.
    Step(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerKind {
    Main,
    Init,
    Ephemeral,
}

/// Kinds that hold pods: group, kind, the keys from the object to what has `metadata` and `spec`.
const HOLDERS: [(&str, &str, &[&str], &str); 10] = [
    ("", "Pod", &[], "spec"),
    ("", "PodTemplate", &["template"], "template.spec"),
    ("", "ReplicationController", &["spec", "template"], "spec.template.spec"),
    ("apps", "DaemonSet", &["spec", "template"], "spec.template.spec"),
    ("apps", "Deployment", &["spec", "template"], "spec.template.spec"),
    ("apps", "ReplicaSet", &["spec", "template"], "spec.template.spec"),
    ("apps", "StatefulSet", &["spec", "template"], "spec.template.spec"),
    ("argoproj.io", "Rollout", &["spec", "template"], "spec.template.spec"),
    (
        "batch",
        "CronJob",
        &["spec", "jobTemplate", "spec", "template"],
        "spec.jobTemplate.spec.template.spec",
    ),
    ("batch", "Job", &["spec", "template"], "spec.template.spec"),
];

/// Custom kinds whose spec has the fields of a pod's: group, kind, its path.
const SPECS: [(&str, &str, &str); 8] = [
    ("argoproj.io", "ClusterWorkflowTemplate", "spec"),
    ("argoproj.io", "CronWorkflow", "spec.workflowSpec"),
    ("argoproj.io", "Workflow", "spec"),
    ("argoproj.io", "WorkflowTemplate", "spec"),
    ("serving.knative.dev", "Service", "spec.template.spec"),
    ("serving.kserve.io", "InferenceService", "spec.predictor"),
    ("tekton.dev", "Task", "spec"),
    ("tekton.dev", "TaskRun", "spec.taskSpec"),
];

/// The pods of an object.
pub fn pods(object: &Resource) -> Vec<Pod<'_>> {
    let gvk = object.gvk();
    let (group, kind) = (&*gvk.group, &*gvk.kind);
    let pod = |path: Cow<'static, str>, metadata, spec| Pod {
        object,
        path,
        spec,
        metadata,
    };
    if let Some(&(_, _, keys, path)) = HOLDERS.iter().find(|holder| (holder.0, holder.1) == (group, kind)) {
        let template = object.node.get_path(keys.iter().copied());
        let spec = template.and_then(|template| template.get("spec"));
        let metadata = template.and_then(|template| template.get("metadata"));
        return spec.map(|spec| pod(path.into(), metadata, spec)).into_iter().collect();
    }
    if let Some(&(_, _, path)) = SPECS.iter().find(|holder| (holder.0, holder.1) == (group, kind)) {
        let spec = object.node.get_path(path.split('.'));
        return spec.map(|spec| pod(path.into(), None, spec)).into_iter().collect();
    }
    if (group, kind) == ("machinelearning.seldon.io", "SeldonDeployment") {
        return seldon(object);
    }
    Vec::new()
}

/// Every predictor of a SeldonDeployment has pods of its own.
fn seldon(object: &Resource) -> Vec<Pod<'_>> {
    let mut pods = Vec::new();
    for (at, predictor) in items(&object.node, &["spec", "predictors"]).enumerate() {
        for (position, component) in items(predictor, &["componentSpecs"]).enumerate() {
            pods.extend(component.get("spec").map(|spec| Pod {
                object,
                path: format!("spec.predictors[{at}].componentSpecs[{position}].spec").into(),
                spec,
                metadata: component.get("metadata"),
            }));
        }
    }
    pods
}

/// The items of a list of a node.
pub fn items<'n>(node: &'n Node, path: &[&str]) -> impl Iterator<Item = &'n Node> + use<'n> {
    let list = node.get_path(path.iter().copied()).and_then(Node::as_seq);
    list.into_iter().flatten()
}

impl<'a> Pod<'a> {
    /// Its containers: the main ones, then those for its start, then those for its inspection; those of
    /// the templates of a workflow and of the steps of a task.
    pub fn containers(&'a self) -> impl Iterator<Item = Container<'a>> {
        let container = |kind, node, place| Container {
            pod: self,
            kind,
            node,
            place,
        };
        let mut all = Vec::new();
        for kind in ContainerKind::ALL {
            let nodes = items(self.spec, &[kind.field()]).enumerate();
            all.extend(nodes.map(|(at, node)| container(kind, node, Place::List(at))));
        }
        for template in items(self.spec, &["templates"]) {
            let name = template.get("name").and_then(Node::as_str).unwrap_or_default();
            for field in ["container", "script"] {
                let node = template.get(field);
                all.extend(node.map(|node| container(ContainerKind::Main, node, Place::Template(name, field, None))));
            }
            for (field, kind) in [
                ("initContainers", ContainerKind::Init),
                ("sidecars", ContainerKind::Main),
            ] {
                let nodes = items(template, &[field]).enumerate();
                all.extend(nodes.map(|(at, node)| container(kind, node, Place::Template(name, field, Some(at)))));
            }
        }
        if &*self.object.gvk().group == "tekton.dev" {
            let steps = items(self.spec, &["steps"]).enumerate();
            all.extend(steps.map(|(at, node)| container(ContainerKind::Main, node, Place::Step(at))));
        }
        all.into_iter()
    }

    /// The path of a field of the pod's spec in the object.
    pub fn field(&self, field: &str) -> String {
        format!("{}.{field}", self.path)
    }

    /// The mark of a field of the spec, or of what would hold it.
    pub fn mark<'p>(&self, path: impl IntoIterator<Item = &'p str>) -> Mark {
        let mark = self.spec.nearest_mark(path);
        if mark.is_some() { mark } else { self.object.node.mark }
    }
}

impl ContainerKind {
    const ALL: [ContainerKind; 3] = [ContainerKind::Main, ContainerKind::Init, ContainerKind::Ephemeral];

    /// The field of the pod that holds containers of this kind.
    pub fn field(self) -> &'static str {
        match self {
            ContainerKind::Main => "containers",
            ContainerKind::Init => "initContainers",
            ContainerKind::Ephemeral => "ephemeralContainers",
        }
    }
}

impl<'a> Container<'a> {
    pub fn image(&self) -> Option<Image<'a>> {
        Image::read(self.node.get("image").and_then(Node::as_str)?)
    }

    /// The volume of the pod that a path of the container lies in.
    pub fn mounts(&self, path: &str) -> Option<&'a Node> {
        let mut mounts = self
            .node
            .get("volumeMounts")
            .and_then(Node::as_seq)
            .into_iter()
            .flatten();
        let text = |node: &'a Node, field| node.get(field).and_then(Node::as_str);
        let is_below = |directory: &str| {
            let rest = path.strip_prefix(directory.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mount = mounts.rfind(|mount| text(mount, "mountPath").is_some_and(is_below))?;
        let volumes = self
            .pod
            .spec
            .get("volumes")
            .and_then(Node::as_seq)
            .into_iter()
            .flatten();
        volumes
            .into_iter()
            .find(|volume| text(volume, "name") == text(mount, "name"))
    }

    pub fn name(&self) -> &str {
        match (self.node.get("name").and_then(Node::as_str), self.place) {
            (Some(name), _) => name,
            (None, Place::Template(template, ..)) => template,
            (None, _) => "",
        }
    }

    /// The path of the container, or of a field of it, in the object.
    pub fn field(&self, field: &str) -> String {
        let item = |list: &str, position: usize| match self.node.get("name").and_then(Node::as_str) {
            Some(name) => format!("{list}[name={name}]"),
            None => format!("{list}[{position}]"),
        };
        let own = match self.place {
            Place::List(position) => item(self.kind.field(), position),
            Place::Step(position) => item("steps", position),
            Place::Template(name, field, None) => format!("templates[name={name}].{field}"),
            Place::Template(name, field, Some(position)) => {
                format!("templates[name={name}].{}", item(field, position))
            }
        };
        let mut path = format!("{}.{own}", self.pod.path);
        if !field.is_empty() {
            path.push('.');
            path.push_str(field);
        }
        path
    }

    /// The mark of a field of the container, or of what would hold it.
    pub fn mark<'p>(&self, path: impl IntoIterator<Item = &'p str>) -> Mark {
        // A container without its own place was made by code: its name stands somewhere.
        let marks = [self.node.nearest_mark(path), self.node.nearest_mark(["name"])];
        let known = marks.into_iter().find(|mark| mark.is_some());
        known.unwrap_or(self.pod.object.node.mark)
    }
}
