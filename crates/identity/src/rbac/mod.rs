//! Kubernetes' RBAC: roles and bindings of objects, and one pure decision over them, as the API server decides
//! (<https://kubernetes.io/docs/reference/access-authn-authz/rbac/>).
//!
//! RBAC only adds: one rule of one role that is bound to the subject is enough, and nothing takes away. The roles and
//! bindings that every cluster has are known without their objects ([`BUILT_IN_VERSION`]).

mod action;
mod built_in;
mod missing;
mod near;
mod role;

use hashbrown::HashMap;
use resource::{Resource, items};
use yaml::{Mark, Node};

pub(crate) use role::selector_text;

pub use action::{Action, ActionError};
pub use built_in::BUILT_IN_VERSION;
pub use missing::NewRole;
pub use near::{Lack, Near};
pub use role::{Role, RoleName, Rule};

const GROUP: &str = "rbac.authorization.k8s.io";
/// Its members may do everything; no object says so, and none can take it away.
const MASTERS: &str = "system:masters";

/// Who asks, and whom a binding names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    User(String),
    Group(String),
    ServiceAccount { namespace: String, name: String },
}

impl Subject {
    /// A user by name: that of a service account is the service account.
    pub fn user(name: &str) -> Subject {
        let account = name.strip_prefix("system:serviceaccount:");
        match account.and_then(|account| account.split_once(':')) {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => Subject::ServiceAccount {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            },
            _ => Subject::User(name.to_owned()),
        }
    }

    /// The groups that the API server gives it by itself.
    fn groups(&self) -> Vec<String> {
        match self {
            Subject::User(name) if name == "system:anonymous" => vec!["system:unauthenticated".to_owned()],
            Subject::User(_) => vec!["system:authenticated".to_owned()],
            Subject::Group(_) => Vec::new(),
            Subject::ServiceAccount { namespace, .. } => vec![
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated".to_owned(),
            ],
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Subject::User(_) => "User",
            Subject::Group(_) => "Group",
            Subject::ServiceAccount { .. } => "ServiceAccount",
        }
    }
}

/// The name that the API server knows it by.
impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Subject::User(name) => f.write_str(name),
            Subject::Group(name) => write!(f, "group:{name}"),
            Subject::ServiceAccount { namespace, name } => write!(f, "system:serviceaccount:{namespace}:{name}"),
        }
    }
}

/// A RoleBinding, or a ClusterRoleBinding, which has no namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    pub namespace: Option<String>,
    pub name: String,
    pub role: RoleName,
    pub subjects: Vec<(Subject, Mark)>,
    /// Where its role is named; nowhere for those that every cluster has.
    pub mark: Mark,
}

impl std::fmt::Display for Binding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "RoleBinding {namespace}/{}", self.name),
            None => write!(f, "ClusterRoleBinding {}", self.name),
        }
    }
}

/// The answer, with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<'r> {
    /// The subject is of the group that may do everything.
    Master,
    Granted(Granted<'r>),
    /// The bindings that come near, the nearest first.
    Missed(Vec<Near<'r>>),
}

/// A rule that gives a permission, and who gets it by which binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted<'r> {
    pub binding: &'r Binding,
    /// The subject as the binding names it: itself, or a group of its.
    pub subject: &'r Subject,
    pub role: &'r Role,
    pub rule: &'r Rule,
}

/// The roles and bindings of a cluster, indexed for decisions.
#[derive(Debug)]
pub struct Rbac {
    roles: HashMap<RoleName, Role>,
    bindings: Vec<Binding>,
    /// Bindings by whom they name: the number of the binding, and of the subject in it.
    by_subject: HashMap<Subject, Vec<(usize, usize)>>,
}

impl Rbac {
    /// Reads the roles and bindings among some objects, beside those that every cluster has.
    pub fn new(objects: &[Resource]) -> Rbac {
        Rbac::read(objects, true)
    }

    /// Reads all roles and bindings of a cluster, which has its own of those that every cluster has.
    pub fn whole(objects: &[Resource]) -> Rbac {
        Rbac::read(objects, false)
    }

    fn read(objects: &[Resource], has_built_in: bool) -> Rbac {
        let of_kind = |kind: &str| {
            let kind = kind.to_owned();
            objects
                .iter()
                .filter(move |object| object.gvk().group == GROUP && object.kind() == kind)
        };
        let mut bindings = if has_built_in { built_in::bindings() } else { Vec::new() };
        for kind in ["ClusterRoleBinding", "RoleBinding"] {
            bindings.extend(of_kind(kind).map(binding));
        }
        let mut by_subject: HashMap<Subject, Vec<(usize, usize)>> = HashMap::new();
        for (at, binding) in bindings.iter().enumerate() {
            for (position, (subject, _)) in binding.subjects.iter().enumerate() {
                by_subject.entry(subject.clone()).or_default().push((at, position));
            }
        }
        Rbac {
            roles: role::read(of_kind("ClusterRole").chain(of_kind("Role")), has_built_in),
            bindings,
            by_subject,
        }
    }

    /// Whether a subject may do something. `groups` are those that its authenticator says, beside the implicit ones.
    pub fn decide(&self, subject: &Subject, groups: &[String], action: &Action) -> Answer<'_> {
        let names = names(subject, groups);
        if names
            .iter()
            .any(|name| matches!(name, Subject::Group(group) if group == MASTERS))
        {
            return Answer::Master;
        }
        for (binding, named) in self.bindings_of(&names) {
            if !reaches(binding, action) {
                continue;
            }
            let Some(role) = self.roles.get(&binding.role) else {
                continue;
            };
            if let Some(rule) = role.rules.iter().find(|rule| rule.allows(action)) {
                return Answer::Granted(Granted {
                    binding,
                    subject: named,
                    role,
                    rule,
                });
            }
        }
        Answer::Missed(near::find(self, &names, action))
    }

    /// Everybody whom a binding gives a permission, in order, with the first such binding.
    pub fn who_can(&self, action: &Action) -> Vec<Granted<'_>> {
        let mut found: Vec<Granted<'_>> = Vec::new();
        for binding in self.bindings.iter().filter(|binding| reaches(binding, action)) {
            let Some(role) = self.roles.get(&binding.role) else {
                continue;
            };
            let Some(rule) = role.rules.iter().find(|rule| rule.allows(action)) else {
                continue;
            };
            found.extend(binding.subjects.iter().map(|(subject, _)| Granted {
                binding,
                subject,
                role,
                rule,
            }));
        }
        found.sort_by_key(|granted| granted.subject);
        found.dedup_by_key(|granted| granted.subject);
        found
    }

    /// The bindings that name one of some subjects, with the subject as it stands there.
    fn bindings_of<'r>(&'r self, names: &[Subject]) -> impl Iterator<Item = (&'r Binding, &'r Subject)> + use<'r> {
        let numbers = names.iter().filter_map(|name| self.by_subject.get(name));
        let numbers: Vec<(usize, usize)> = numbers.flatten().copied().collect();
        numbers.into_iter().map(|(at, position)| {
            let binding = &self.bindings[at];
            (binding, &binding.subjects[position].0)
        })
    }
}

/// All that a binding may call a subject. A service account is a user of its full name, too.
fn names(subject: &Subject, groups: &[String]) -> Vec<Subject> {
    let mut names = vec![subject.clone()];
    if let Subject::ServiceAccount { .. } = subject {
        names.push(Subject::User(subject.to_string()));
    }
    let implicit = subject.groups();
    names.extend(implicit.into_iter().chain(groups.iter().cloned()).map(Subject::Group));
    names
}

/// Whether a binding is about the place of an action: a ClusterRoleBinding is about all, a RoleBinding about its
/// namespace, and no URL is in one.
fn reaches(binding: &Binding, action: &Action) -> bool {
    let Some(namespace) = &binding.namespace else {
        return true;
    };
    matches!(action, Action::Resource { namespace: Some(asked), .. } if asked == namespace)
}

fn binding(object: &Resource) -> Binding {
    let is_cluster = object.kind() == "ClusterRoleBinding";
    let namespace = (!is_cluster).then(|| namespace_of(object));
    let text = |node: &Node, field: &str| node.get(field).and_then(Node::as_str).unwrap_or_default().to_owned();
    let subject = |node: &Node| {
        let name = text(node, "name");
        let subject = match text(node, "kind").as_str() {
            "User" => Subject::User(name),
            "Group" => Subject::Group(name),
            "ServiceAccount" => Subject::ServiceAccount {
                // Without one, it is in that of the binding.
                namespace: match text(node, "namespace") {
                    text if text.is_empty() => namespace.clone().unwrap_or_default(),
                    text => text,
                },
                name,
            },
            _ => return None,
        };
        Some((subject, node.nearest_mark(["name"])))
    };
    let reference = object.node.get("roleRef").unwrap_or(&object.node);
    let role = text(reference, "name");
    Binding {
        role: match (text(reference, "kind").as_str(), &namespace) {
            ("Role", Some(namespace)) => RoleName::Role {
                namespace: namespace.clone(),
                name: role,
            },
            _ => RoleName::ClusterRole(role),
        },
        subjects: items(&object.node, &["subjects"]).filter_map(subject).collect(),
        mark: object.node.nearest_mark(["roleRef", "name"]),
        name: object.name().to_owned(),
        namespace,
    }
}

fn namespace_of(object: &Resource) -> String {
    match object.namespace() {
        "" => resource::DEFAULT_NAMESPACE.to_owned(),
        namespace => namespace.to_owned(),
    }
}
