//! What rules see: the objects of one build, and where they are to run.

use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use resource::{DEFAULT_NAMESPACE, Finding, Pod, Resource, Severity, pods};
use secret::Destination;
use serde::de::DeserializeOwned;
use yaml::{Mark, Node};

use crate::evidence::Evidence;
use crate::rule::Rule;
use crate::settings::Settings;
use crate::text::{Text, Texts};

/// Where the objects are to run, as far as the platform file says.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The name of the environment; empty where there is no platform file.
    pub environment: String,
    /// The directory that was built, as the user knows it.
    pub target: String,
    pub cluster: Option<String>,
    pub namespace: Option<String>,
    pub project: Option<String>,
    pub location: Option<String>,
    /// Regions that are allowed; empty where nothing is said.
    pub regions: Vec<String>,
    /// Hosts, namespaces and projects that belong to other environments: the name of the environment, the
    /// host or address.
    pub foreign_hosts: Vec<(String, String)>,
    pub foreign_namespaces: Vec<(String, String)>,
    pub foreign_projects: Vec<(String, String)>,
    /// Where the environment keeps its secrets.
    pub secrets: Option<Destination>,
    /// What scanners say of images; the same for all targets.
    pub evidence: Arc<Evidence>,
}

/// One build with its surroundings.
pub struct Context<'a> {
    objects: &'a [Resource],
    facts: &'a Facts,
    settings: &'a Settings,
    pods: Vec<Pod<'a>>,
    /// The objects by kind, of whatever group.
    kinds: HashMap<&'a str, Vec<&'a Resource>>,
    texts: OnceLock<Texts<'a>>,
}

impl<'a> Context<'a> {
    pub fn new(objects: &'a [Resource], facts: &'a Facts, settings: &'a Settings) -> Context<'a> {
        let mut kinds: HashMap<&str, Vec<&Resource>> = HashMap::new();
        for object in objects {
            kinds.entry(object.kind()).or_default().push(object);
        }
        Context {
            objects,
            facts,
            settings,
            pods: objects.iter().flat_map(pods).collect(),
            kinds,
            texts: OnceLock::new(),
        }
    }

    pub fn objects(&self) -> &'a [Resource] {
        self.objects
    }

    pub fn facts(&self) -> &'a Facts {
        self.facts
    }

    pub fn settings(&self) -> &'a Settings {
        self.settings
    }

    /// The pods that the objects are or make, in the order of the objects.
    pub fn pods(&self) -> &[Pod<'a>] {
        &self.pods
    }

    /// Objects of a kind of a group, in order.
    pub fn of_kind<'s>(&'s self, group: &'s str, kind: &str) -> impl Iterator<Item = &'a Resource> + 's {
        let of_any_group = self.kinds.get(kind).into_iter().flatten().copied();
        of_any_group.filter(move |object| *object.gvk().group == *group)
    }

    /// Every single value of every object, in order.
    pub fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        self.texts.get_or_init(|| Texts::new(self.objects)).iter()
    }

    /// The namespace an object is in: its own, or the environment's.
    pub fn namespace<'o>(&'o self, object: &'o Resource) -> &'o str {
        match object.namespace() {
            "" => self.facts.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE),
            namespace => namespace,
        }
    }

    /// The rules of Roles and ClusterRoles: the role, the number of the rule, the rule.
    pub fn rbac_rules(&self) -> impl Iterator<Item = (&'a Resource, usize, &'a Node)> {
        let of = |kind| self.of_kind("rbac.authorization.k8s.io", kind);
        of("ClusterRole").chain(of("Role")).flat_map(|role| {
            let rules = role.node.get("rules").and_then(Node::as_seq).into_iter().flatten();
            rules.enumerate().map(move |(at, rule)| (role, at, rule))
        })
    }

    /// What the platform file tells a rule; its defaults where it tells nothing.
    pub fn setting<T: DeserializeOwned + Default>(&self, rule: &Rule) -> T {
        self.settings.of(rule)
    }
}

impl Rule {
    /// A finding of this rule about a field of an object, placed at a node.
    pub fn finding(
        &self,
        object: &Resource,
        field: impl Into<String>,
        mark: Mark,
        message: impl Into<String>,
    ) -> Finding {
        Finding::new(self.name, Severity::Error, mark, message).on(object.id(), field)
    }
}
