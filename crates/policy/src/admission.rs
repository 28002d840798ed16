//! Validating admission policies, their bindings and their parameters.

use expression::Value;
use resource::Severity;
use yaml::{Mark, Node};

use crate::Defect;
use crate::cel::Rules;
use crate::data::{items, text, texts};
use crate::labels::Selector;
use crate::review::{Review, is_namespace, plural};

pub(crate) const GROUP: &str = "admissionregistration.k8s.io";

/// A policy with its rules compiled.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) name: String,
    pub(crate) mark: Mark,
    pub(crate) rules: Rules,
    constraints: Subject,
    /// Group, version and kind of the parameters.
    param_kind: Option<(String, String)>,
}

/// A binding: where a policy holds, with which parameters, and what it does.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) name: String,
    pub(crate) policy: String,
    pub(crate) mark: Mark,
    pub(crate) severity: Severity,
    resources: Subject,
    params: Option<ParamRef>,
}

#[derive(Debug)]
struct ParamRef {
    name: Option<String>,
    namespace: Option<String>,
    selector: Option<Selector>,
    allows_missing: bool,
}

/// Which objects: rules of resources, and selectors.
#[derive(Debug, Default)]
struct Subject {
    rules: Vec<ResourceRule>,
    excluded: Vec<ResourceRule>,
    objects: Option<Selector>,
    namespaces: Option<Selector>,
}

#[derive(Debug)]
struct ResourceRule {
    groups: Vec<String>,
    versions: Vec<String>,
    resources: Vec<String>,
    operations: Vec<String>,
    names: Vec<String>,
    scope: Option<String>,
}

impl Policy {
    /// # Errors
    /// [`Defect`] where an expression or a selector is wrong.
    pub(crate) fn read(node: &Node) -> Result<Policy, Defect> {
        let mark = node.get("kind").map_or(node.mark, |kind| kind.mark);
        let spec = node
            .get("spec")
            .ok_or_else(|| Defect::new(mark, "the policy has no spec"))?;
        let subject = spec.get("matchConstraints");
        let subject = subject.ok_or_else(|| Defect::new(mark, "the policy has no matchConstraints"))?;
        let kind = spec.get("paramKind").filter(|kind| !kind.is_null());
        Ok(Policy {
            name: text(node, &["metadata", "name"]).unwrap_or_default().to_owned(),
            mark,
            rules: Rules::of_policy(spec)?,
            constraints: Subject::read(subject)?,
            param_kind: kind.map(|kind| {
                let field = |name: &str| text(kind, &[name]).unwrap_or_default().to_owned();
                (field("apiVersion"), field("kind"))
            }),
        })
    }

    /// Whether nothing that is created is its business.
    pub(crate) fn is_about_changes_alone(&self) -> bool {
        let is_creation = |rule: &ResourceRule| rule.operations.iter().any(|word| word == "*" || word == "CREATE");
        !self.constraints.rules.is_empty() && !self.constraints.rules.iter().any(is_creation)
    }

    pub(crate) fn matches(&self, review: &Review) -> bool {
        self.constraints.matches(review)
    }
}

/// The parameters that a binding gives for an object.
pub(crate) enum Params {
    /// The policy takes none.
    None,
    Found(Vec<Value>),
    /// There are none in the tree; whether the binding lets that pass.
    Missing {
        is_allowed: bool,
    },
}

impl Binding {
    /// # Errors
    /// [`Defect`] where a selector or an action is wrong.
    pub(crate) fn read(node: &Node) -> Result<Binding, Defect> {
        let mark = node.get("kind").map_or(node.mark, |kind| kind.mark);
        let spec = node
            .get("spec")
            .ok_or_else(|| Defect::new(mark, "the binding has no spec"))?;
        let mut severity = None;
        for action in items(spec, &["validationActions"]) {
            let of = match action.as_str() {
                Some("Deny") => Severity::Error,
                Some("Warn") => Severity::Warning,
                Some("Audit") => Severity::Note,
                other => {
                    let message = format!("\"{}\" is no validation action", other.unwrap_or_default());
                    return Err(Defect::new(action.mark, message));
                }
            };
            severity = severity.max(Some(of));
        }
        let params = spec.get("paramRef").filter(|params| !params.is_null());
        Ok(Binding {
            name: text(node, &["metadata", "name"]).unwrap_or_default().to_owned(),
            policy: text(spec, &["policyName"]).unwrap_or_default().to_owned(),
            mark,
            severity: severity.ok_or_else(|| Defect::new(mark, "the binding has no validationActions"))?,
            resources: spec
                .get("matchResources")
                .map(Subject::read)
                .transpose()?
                .unwrap_or_default(),
            params: params
                .map(|params| {
                    Ok(ParamRef {
                        name: text(params, &["name"]).map(str::to_owned),
                        namespace: text(params, &["namespace"]).map(str::to_owned),
                        selector: params.get("selector").map(Selector::read).transpose()?,
                        allows_missing: text(params, &["parameterNotFoundAction"]) == Some("Allow"),
                    })
                })
                .transpose()?,
        })
    }

    pub(crate) fn matches(&self, review: &Review) -> bool {
        self.resources.matches(review)
    }

    /// The parameters for an object, from the objects of the tree.
    pub(crate) fn params<'o>(
        &self,
        policy: &Policy,
        review: &Review,
        objects: impl Iterator<Item = &'o Node>,
    ) -> Params {
        let (Some((api_version, kind)), Some(reference)) = (&policy.param_kind, &self.params) else {
            return Params::None;
        };
        let found: Vec<Value> = objects
            .filter(|object| {
                let metadata = |name: &str| text(object, &["metadata", name]).unwrap_or_default();
                let namespace = reference.namespace.as_deref().unwrap_or(&review.namespace);
                // A kind of the cluster has no namespace.
                let is_there = metadata("namespace").is_empty() || metadata("namespace") == namespace;
                text(object, &["kind"]) == Some(kind)
                    && text(object, &["apiVersion"]) == Some(api_version)
                    && is_there
                    && reference.name.as_deref().is_none_or(|name| name == metadata("name"))
                    && reference
                        .selector
                        .as_ref()
                        .is_none_or(|selector| selector.matches(object))
            })
            .map(Value::from_node)
            .collect();
        if found.is_empty() {
            return Params::Missing {
                is_allowed: reference.allows_missing,
            };
        }
        Params::Found(found)
    }
}

impl Subject {
    fn read(node: &Node) -> Result<Subject, Defect> {
        let selector = |name: &str| {
            node.get(name)
                .filter(|node| !node.is_null())
                .map(Selector::read)
                .transpose()
        };
        let rules = |name: &str| items(node, &[name]).map(ResourceRule::read).collect();
        Ok(Subject {
            rules: rules("resourceRules"),
            excluded: rules("excludeResourceRules"),
            objects: selector("objectSelector")?,
            namespaces: selector("namespaceSelector")?,
        })
    }

    fn matches(&self, review: &Review) -> bool {
        let is_selected = |selector: &Selector| review.objects().any(|object| selector.matches(object));
        let is_in_namespace = |selector: &Selector| match &review.namespace_object {
            _ if review.objects().any(is_namespace) => is_selected(selector),
            Some(namespace) => selector.matches(namespace),
            // What is in no namespace is not told apart by namespaces.
            None => true,
        };
        (self.rules.is_empty() || self.rules.iter().any(|rule| rule.matches(review)))
            && !self.excluded.iter().any(|rule| rule.matches(review))
            && self.objects.as_ref().is_none_or(is_selected)
            && self.namespaces.as_ref().is_none_or(is_in_namespace)
    }
}

impl ResourceRule {
    fn read(node: &Node) -> ResourceRule {
        ResourceRule {
            groups: texts(node, &["apiGroups"]),
            versions: texts(node, &["apiVersions"]),
            resources: texts(node, &["resources"]),
            operations: texts(node, &["operations"]),
            names: texts(node, &["resourceNames"]),
            scope: text(node, &["scope"]).map(str::to_owned),
        }
    }

    fn matches(&self, review: &Review) -> bool {
        let among = |all: &[String], one: &str| all.iter().any(|other| other == "*" || other == one);
        let operation = match &*review.operation {
            "" => "CREATE",
            operation => operation,
        };
        let resource = plural(&review.gvk.kind);
        let is_resource = self
            .resources
            .iter()
            .any(|word| word == "*" || word == "*/*" || *word == resource);
        let is_in_scope = match self.scope.as_deref() {
            Some("Cluster") => review.namespace.is_empty(),
            Some("Namespaced") => !review.namespace.is_empty(),
            _ => true,
        };
        // Policies match equivalent versions too (`matchPolicy: Equivalent`), so the version is not asked
        // where the group has the resource.
        let is_version = self.versions.is_empty()
            || among(&self.versions, &review.gvk.version)
            || among(&self.groups, &review.gvk.group);
        among(&self.groups, &review.gvk.group)
            && is_version
            && is_resource
            && among(&self.operations, operation)
            && (self.names.is_empty() || self.names.contains(&review.name))
            && is_in_scope
    }
}
