//! Pods, wherever an object holds one: the pod itself, or the template of what makes pods.

use resource::Resource;

use yaml::{Mark, Node};

use crate::image::Image;

/// A pod that an object is or makes.
#[derive(Clone, Copy, Debug)]
pub struct Pod<'a> {
    pub object: &'a Resource,
    /// The path of its spec in the object.
    pub path: &'static str,
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
    /// Its position in its list.
    pub position: usize,
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

/// The pods of an object.
pub(crate) fn pods(object: &Resource) -> impl Iterator<Item = Pod<'_>> {
    let gvk = object.gvk();
    let holder = HOLDERS
        .iter()
        .find(move |(group, kind, ..)| *gvk.kind == **kind && *gvk.group == **group);
    holder.into_iter().filter_map(move |&(_, _, keys, path)| {
        let template = object.node.get_path(keys.iter().copied())?;
        Some(Pod {
            object,
            path,
            spec: template.get("spec")?,
            metadata: template.get("metadata"),
        })
    })
}

impl<'a> Pod<'a> {
    /// Its containers: the main ones, then those for its start, then those for its inspection.
    pub fn containers(&'a self) -> impl Iterator<Item = Container<'a>> {
        ContainerKind::ALL.into_iter().flat_map(move |kind| {
            let list = self.spec.get(kind.field()).and_then(Node::as_seq);
            let nodes = list.into_iter().flatten().enumerate();
            nodes.map(move |(position, node)| Container {
                pod: self,
                kind,
                node,
                position,
            })
        })
    }

    /// The path of a field of the pod's spec in the object.
    pub fn field(&self, field: &str) -> String {
        format!("{}.{field}", self.path)
    }

    /// The mark of a field of the spec, or of what would hold it.
    pub fn mark<'p>(&self, path: impl IntoIterator<Item = &'p str>) -> Mark {
        let mark = crate::context::nearest_mark(self.spec, path);
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
        let mounts = self
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
        let mount = mounts
            .filter(|mount| text(mount, "mountPath").is_some_and(is_below))
            .last()?;
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
        self.node.get("name").and_then(Node::as_str).unwrap_or_default()
    }

    /// The path of the container, or of a field of it, in the object.
    pub fn field(&self, field: &str) -> String {
        let list = self.kind.field();
        let mut path = match self.name() {
            "" => format!("{}.{list}[{}]", self.pod.path, self.position),
            name => format!("{}.{list}[name={name}]", self.pod.path),
        };
        if !field.is_empty() {
            path.push('.');
            path.push_str(field);
        }
        path
    }

    /// The mark of a field of the container, or of what would hold it.
    pub fn mark<'p>(&self, path: impl IntoIterator<Item = &'p str>) -> Mark {
        // A container without its own place was made by code: its name stands somewhere.
        let own = [Some(self.node), self.node.get("name")];
        let mark = crate::context::nearest_mark(self.node, path);
        if mark.is_some() {
            return mark;
        }
        let own = own
            .into_iter()
            .flatten()
            .map(|node| node.mark)
            .find(|mark| mark.is_some());
        own.unwrap_or(self.pod.object.node.mark)
    }
}
