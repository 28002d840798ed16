//! Roles and their rules, and what a rule allows.

use std::collections::BTreeSet;

use hashbrown::HashMap;
use resource::{LabelSelector, Resource, items};
use yaml::{Mark, Node};

use super::action::Action;
use super::{built_in, namespace_of};

/// Which role.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RoleName {
    Role { namespace: String, name: String },
    ClusterRole(String),
}

impl RoleName {
    pub fn name(&self) -> &str {
        match self {
            RoleName::Role { name, .. } | RoleName::ClusterRole(name) => name,
        }
    }
}

impl std::fmt::Display for RoleName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RoleName::Role { namespace, name } => write!(f, "Role {namespace}/{name}"),
            RoleName::ClusterRole(name) => write!(f, "ClusterRole {name}"),
        }
    }
}

/// A role with all of its rules, those it gets from others by their labels included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    pub name: RoleName,
    pub rules: Vec<Rule>,
}

/// One rule of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// The role that has it: another one, where roles are aggregated.
    pub of: String,
    /// Its position in that role, from 0.
    pub position: usize,
    pub verbs: Vec<String>,
    pub groups: Vec<String>,
    pub resources: Vec<String>,
    /// Without any, all.
    pub names: Vec<String>,
    pub urls: Vec<String>,
    /// Where it is written; nowhere for those that every cluster has.
    pub mark: Mark,
}

impl Rule {
    pub fn allows(&self, action: &Action) -> bool {
        match action {
            Action::Url { verb, path } => self.has_verb(verb) && self.urls.iter().any(|url| covers(url, path)),
            Action::Resource { verb, group, .. } => {
                self.has_verb(verb) && self.has_group(group) && self.has_resource(action) && self.has_name(action)
            }
        }
    }

    pub(super) fn has_verb(&self, verb: &str) -> bool {
        self.verbs.iter().any(|known| known == "*" || known == verb)
    }

    pub(super) fn has_group(&self, group: &str) -> bool {
        self.groups.iter().any(|known| known == "*" || known == group)
    }

    /// `*` is every resource with every subresource, `*/scale` that subresource of every one.
    pub(super) fn has_resource(&self, action: &Action) -> bool {
        let Action::Resource {
            resource, subresource, ..
        } = action
        else {
            return false;
        };
        self.resources
            .iter()
            .any(|known| match (known.split_once('/'), subresource) {
                _ if known == "*" => true,
                (None, None) => known == resource,
                (Some((of, sub)), Some(asked)) => sub == asked && (of == "*" || of == resource),
                _ => false,
            })
    }

    /// A request without a name, such as to create or list, is allowed by no rule that has names. Only for signers is a
    /// star more than a letter: `example.com/*` is each of the domain
    /// (<https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#authorization>).
    pub(super) fn has_name(&self, action: &Action) -> bool {
        let Action::Resource {
            group, resource, name, ..
        } = action
        else {
            return false;
        };
        let is_signer = group == "certificates.k8s.io" && resource == "signers";
        let is_domain_of = |known: &str, name: &str| {
            let domain = known.strip_suffix("/*");
            is_signer && domain.is_some_and(|domain| name.split_once('/').is_some_and(|(of, _)| of == domain))
        };
        self.names.is_empty()
            || name.as_deref().is_some_and(|name| {
                let mut names = self.names.iter();
                names.any(|known| known == name || is_domain_of(known, name))
            })
    }
}

/// Whether a URL of a rule is a path: itself, or its beginning before an end of `*`.
fn covers(url: &str, path: &str) -> bool {
    match url.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => url == path,
    }
}

/// A ClusterRole as its object has it.
struct Declared {
    labels: Vec<(String, String)>,
    rules: Vec<Rule>,
    /// Selects the roles whose rules it has instead of its own.
    selectors: Option<Vec<LabelSelector>>,
}

/// All roles by name: those of the objects, and those that every cluster has, which the API server completes when it
/// starts unless an object says otherwise.
pub(super) fn read<'o>(objects: impl Iterator<Item = &'o Resource>, has_built_in: bool) -> HashMap<RoleName, Role> {
    let mut roles = HashMap::new();
    let mut declared: HashMap<String, Declared> = HashMap::new();
    let mut order: BTreeSet<String> = BTreeSet::new();
    for (name, label, aggregates, rules) in built_in::roles().filter(|_| has_built_in) {
        let known = Declared {
            labels: label
                .map(|label| (label.to_owned(), "true".to_owned()))
                .into_iter()
                .collect(),
            selectors: aggregates.and_then(|label| Some(vec![LabelSelector::parse(&format!("{label}=true")).ok()?])),
            rules,
        };
        order.insert(name.to_owned());
        declared.insert(name.to_owned(), known);
    }
    for object in objects {
        let rules = rules(object);
        if object.kind() == "Role" {
            let name = RoleName::Role {
                namespace: namespace_of(object),
                name: object.name().to_owned(),
            };
            roles.insert(name.clone(), Role { name, rules });
            continue;
        }
        let mut read = Declared {
            labels: object
                .labels()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            selectors: selectors(object),
            rules,
        };
        let is_completed = object.annotation("rbac.authorization.kubernetes.io/autoupdate") != Some("false");
        if let Some(known) = declared.remove(object.name()).filter(|_| is_completed) {
            read.labels.extend(known.labels);
            read.rules.extend(known.rules);
            read.selectors = read.selectors.or(known.selectors);
        }
        order.insert(object.name().to_owned());
        declared.insert(object.name().to_owned(), read);
    }
    for name in &order {
        let mut rules = Vec::new();
        collect(name, &declared, &order, &mut BTreeSet::new(), &mut rules);
        let name = RoleName::ClusterRole(name.clone());
        roles.insert(name.clone(), Role { name, rules });
    }
    roles
}

/// Adds the rules of a role, or of all that it is made of.
fn collect<'d>(
    name: &'d str,
    declared: &'d HashMap<String, Declared>,
    order: &'d BTreeSet<String>,
    seen: &mut BTreeSet<&'d str>,
    rules: &mut Vec<Rule>,
) {
    let Some(role) = declared.get(name).filter(|_| seen.insert(name)) else {
        return;
    };
    let Some(selectors) = &role.selectors else {
        rules.extend(role.rules.iter().cloned());
        return;
    };
    let is_selected = |role: &Declared| {
        let value = |key: &str| {
            role.labels
                .iter()
                .find(|(known, _)| known == key)
                .map(|(_, value)| value.as_str())
        };
        selectors.iter().any(|selector| selector.matches(value))
    };
    for other in order {
        if declared.get(other).is_some_and(is_selected) {
            collect(other, declared, order, seen, rules);
        }
    }
}

fn rules(object: &Resource) -> Vec<Rule> {
    let texts = |node: &Node, field: &str| {
        items(node, &[field])
            .filter_map(Node::as_str)
            .map(str::to_owned)
            .collect()
    };
    let rule = |(position, node): (usize, &Node)| Rule {
        of: object.name().to_owned(),
        position,
        verbs: texts(node, "verbs"),
        groups: texts(node, "apiGroups"),
        resources: texts(node, "resources"),
        names: texts(node, "resourceNames"),
        urls: texts(node, "nonResourceURLs"),
        mark: node.mark,
    };
    items(&object.node, &["rules"]).enumerate().map(rule).collect()
}

/// The selectors of an aggregation rule. One that is malformed selects nothing, as the API server refuses it.
fn selectors(object: &Resource) -> Option<Vec<LabelSelector>> {
    object.node.get("aggregationRule")?;
    let selectors = items(&object.node, &["aggregationRule", "clusterRoleSelectors"]);
    Some(
        selectors
            .filter_map(|node| LabelSelector::parse(&selector_text(node)).ok())
            .collect(),
    )
}

/// A selector as one text: `key=value,key in (a,b),!key`.
pub(crate) fn selector_text(node: &Node) -> String {
    let text = |node: &Node, field: &str| node.get(field).and_then(Node::as_str).unwrap_or_default().to_owned();
    let labels = node.get("matchLabels").and_then(Node::as_map).into_iter().flatten();
    let labels = labels.map(|entry| {
        let (key, value) = (entry.key.as_str(), entry.value.as_str());
        format!("{}={}", key.unwrap_or_default(), value.unwrap_or_default())
    });
    let expressions = items(node, &["matchExpressions"]).map(|node| {
        let (key, operator) = (text(node, "key"), text(node, "operator"));
        let values: Vec<&str> = items(node, &["values"]).filter_map(Node::as_str).collect();
        match operator.as_str() {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "DoesNotExist" => format!("!{key}"),
            _ => key,
        }
    });
    labels.chain(expressions).collect::<Vec<_>>().join(",")
}
