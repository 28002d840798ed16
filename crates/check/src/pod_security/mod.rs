//! The Pod Security Standards of Kubernetes, by version: what `baseline` and `restricted` forbid.
//!
//! The rules and the versions in which they changed are those of Kubernetes' own admission controller
//! (`k8s.io/pod-security-admission/policy`). Here every field that is not allowed is named by itself, with
//! its place.

mod baseline;
mod restricted;

use resource::{Container, Pod};
use schemars::JsonSchema;
use serde::Deserialize;
use yaml::{Mark, Node};

/// The newest minor version whose standard is known: 1.37.
pub const NEWEST: u32 = 37;

/// How much is forbidden.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    #[default]
    Baseline,
    Restricted,
}

/// Something that is not allowed.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The name of the control, as Kubernetes has it.
    pub control: &'static str,
    /// The path of the field in the object.
    pub field: String,
    pub mark: Mark,
    pub message: String,
    pub hint: String,
}

/// What a pod does that a level of the standard of Kubernetes 1.`minor` forbids.
pub fn violations(pod: &Pod<'_>, level: Level, minor: u32) -> Vec<Violation> {
    let mut finder = Finder {
        pod,
        containers: pod.containers().collect(),
        minor,
        found: Vec::new(),
    };
    baseline::find(&mut finder, level);
    if level == Level::Restricted {
        restricted::find(&mut finder);
    }
    finder.found
}

/// A pod, and what was found in it.
struct Finder<'a> {
    pod: &'a Pod<'a>,
    containers: Vec<Container<'a>>,
    minor: u32,
    found: Vec<Violation>,
}

/// A pod or a container, where both may have a security context.
#[derive(Clone, Copy)]
enum Holder<'a> {
    Pod(&'a Pod<'a>),
    Container(Container<'a>),
}

impl<'a> Holder<'a> {
    fn security_context(&self) -> Option<&'a Node> {
        match self {
            Holder::Pod(pod) => pod.spec.get("securityContext"),
            Holder::Container(container) => container.node.get("securityContext"),
        }
    }

    /// A value of the security context that is not null.
    fn get(&self, path: &str) -> Option<&'a Node> {
        let node = self.security_context()?.get_path(path.split('.'))?;
        (!node.is_null()).then_some(node)
    }

    fn text(&self, path: &str) -> Option<&'a str> {
        self.get(path).and_then(Node::as_str)
    }

    fn is_true(&self, path: &str) -> bool {
        self.text(path) == Some("true")
    }

    fn name(&self) -> String {
        match self {
            Holder::Pod(_) => "the pod".to_owned(),
            Holder::Container(container) => format!("the container {}", container.name()),
        }
    }
}

impl<'a> Finder<'a> {
    fn containers(&self) -> Vec<Container<'a>> {
        self.containers.clone()
    }

    /// The pod, then its containers.
    fn holders(&self) -> Vec<Holder<'a>> {
        let containers = self.containers().into_iter().map(Holder::Container);
        std::iter::once(Holder::Pod(self.pod)).chain(containers).collect()
    }

    /// Annotations of the pod.
    fn annotations(&self) -> Vec<(&'a str, &'a Node)> {
        let annotations = self.pod.metadata.and_then(|metadata| metadata.get("annotations"));
        let entries = annotations.and_then(Node::as_map).into_iter().flatten();
        entries
            .filter_map(|entry| Some((entry.key.as_str()?, &entry.value)))
            .collect()
    }

    /// The annotation of a container or pod is not allowed.
    fn annotation(&mut self, control: &'static str, key: &str, value: &Node) {
        let field = match self.pod.path.rsplit_once('.') {
            Some((above, _)) => format!("{above}.metadata.annotations[\"{key}\"]"),
            None => format!("metadata.annotations[\"{key}\"]"),
        };
        self.found.push(Violation {
            control,
            field,
            mark: value.mark,
            message: format!(
                "the annotation {key} may not be \"{}\"",
                value.as_str().unwrap_or_default()
            ),
            hint: "use the profile of the runtime: runtime/default".to_owned(),
        });
    }

    /// A field of a pod's spec.
    fn in_pod(&mut self, control: &'static str, field: &str, mark: Mark, message: String, hint: &str) {
        self.found.push(Violation {
            control,
            field: self.pod.field(field),
            mark: if mark.is_some() {
                mark
            } else {
                self.pod.object.node.mark
            },
            message,
            hint: hint.to_owned(),
        });
    }

    /// A field of a container.
    fn in_container(
        &mut self,
        control: &'static str,
        container: &Container<'_>,
        field: &str,
        message: String,
        hint: &str,
    ) {
        self.found.push(Violation {
            control,
            field: container.field(field),
            mark: container.mark(field.split('.')),
            message,
            hint: hint.to_owned(),
        });
    }

    /// A field of a security context.
    fn in_context(&mut self, control: &'static str, holder: Holder<'_>, path: &str, message: String, hint: &str) {
        let field = format!("securityContext.{path}");
        match holder {
            Holder::Pod(pod) => {
                let mark = pod.mark(field.split('.'));
                self.in_pod(control, &field, mark, message, hint);
            }
            Holder::Container(container) => self.in_container(control, &container, &field, message, hint),
        }
    }

    /// Whether the pod runs in a user namespace of its own.
    fn has_user_namespace(&self) -> bool {
        self.pod.spec.get("hostUsers").and_then(Node::as_str) == Some("false")
    }

    fn is_windows(&self) -> bool {
        self.pod.spec.get_path(["os", "name"]).and_then(Node::as_str) == Some("windows")
    }
}

/// The texts of a list.
fn texts(list: Option<&Node>) -> impl Iterator<Item = &Node> {
    list.and_then(Node::as_seq).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use resource::{Resource, Schema};
    use yaml::Layer;

    use super::*;

    const CASES: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/conformance/pod-security/cases.jsonl"
    );

    fn found(text: &str, level: Level, minor: u32) -> Vec<String> {
        let source = yaml::Sources::new().add("pod.yaml", text.to_owned());
        let node = yaml::read_documents(&source).unwrap().nodes.remove(0);
        let layer = Arc::new(Layer::new("k".into(), "s".into(), Mark::NONE));
        let object = Resource::new(node, layer, &Schema::builtin());
        let pods: Vec<Pod<'_>> = resource::pods(&object);
        pods.iter()
            .flat_map(|pod| violations(pod, level, minor))
            .map(|violation| format!("{} {} {}", violation.control, violation.field, violation.message))
            .collect()
    }

    #[test]
    fn each_field_is_named() {
        let pod = "\
apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  hostNetwork: true
  containers:
  - name: main
    securityContext: {privileged: true, capabilities: {add: [NET_ADMIN, CHOWN]}}
    ports: [{hostPort: 80}, {containerPort: 81}]
";
        let expected = [
            "hostNamespaces spec.hostNetwork the pod may not share the host's network",
            "privileged spec.containers[name=main].securityContext.privileged the container main may not be privileged",
            "capabilities_baseline spec.containers[name=main].securityContext.capabilities.add the container main may not add the capability NET_ADMIN",
            "hostPorts spec.containers[name=main].ports the container main may not use the host's port 80",
        ];
        assert_eq!(found(pod, Level::Baseline, NEWEST), expected);
    }

    /// The public fixtures of Kubernetes, where they are at hand.
    #[test]
    #[expect(
        clippy::disallowed_methods,
        clippy::print_stderr,
        reason = "the recorded cases are files"
    )]
    fn the_public_fixtures_are_judged_right() {
        let Ok(cases) = std::fs::read_to_string(CASES) else {
            return eprintln!("conformance pod-security: no cases at hand");
        };
        let (mut agree, mut total, mut wrong) = (0, 0, Vec::new());
        for line in cases.lines() {
            let case: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| case[name].as_str().unwrap();
            let level = match text("level") {
                "baseline" => Level::Baseline,
                _ => Level::Restricted,
            };
            let minor = text("version").strip_prefix("v1.").unwrap().parse().unwrap();
            let found = found(text("pod"), level, minor);
            total += 1;
            if found.is_empty() == (text("verdict") == "pass") {
                agree += 1;
            } else {
                wrong.push(format!(
                    "{} {} {} {found:?}",
                    text("level"),
                    text("version"),
                    text("name")
                ));
            }
        }
        eprintln!("conformance pod-security: {agree} of {total} agree");
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(total > 4000);
    }
}
