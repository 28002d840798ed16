//! What somebody wants to do in a cluster, as a text.

use std::fmt;

/// A request to the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Resource {
        verb: String,
        /// Empty for the core group.
        group: String,
        /// In the plural, as in a rule.
        resource: String,
        subresource: Option<String>,
        /// Of one object; none for all of them, and for one that is to be created.
        name: Option<String>,
        /// None for all namespaces, and for what is in none.
        namespace: Option<String>,
    },
    Url {
        verb: String,
        path: String,
    },
}

/// A text is no action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is no request to a cluster")]
pub struct ActionError {
    pub text: String,
}

impl ActionError {
    /// The forms that are read.
    pub const HINT: &str = "write VERB RESOURCE[.GROUP][/SUBRESOURCE] [NAME], as \"create jobs.batch\" or \"get pods/log web\", \
                            or VERB /PATH, as \"get /metrics\"";
}

/// The groups of Kubernetes' own resources that are not in the core group.
const GROUPS: [(&str, &[&str]); 12] = [
    (
        "admissionregistration.k8s.io",
        &[
            "mutatingwebhookconfigurations",
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
            "validatingwebhookconfigurations",
        ],
    ),
    ("apiextensions.k8s.io", &["customresourcedefinitions"]),
    (
        "apps",
        &[
            "controllerrevisions",
            "daemonsets",
            "deployments",
            "replicasets",
            "statefulsets",
        ],
    ),
    ("authentication.k8s.io", &["selfsubjectreviews", "tokenreviews"]),
    (
        "authorization.k8s.io",
        &[
            "localsubjectaccessreviews",
            "selfsubjectaccessreviews",
            "selfsubjectrulesreviews",
            "subjectaccessreviews",
        ],
    ),
    ("autoscaling", &["horizontalpodautoscalers"]),
    ("batch", &["cronjobs", "jobs"]),
    ("certificates.k8s.io", &["certificatesigningrequests", "signers"]),
    ("coordination.k8s.io", &["leases"]),
    ("networking.k8s.io", &["ingressclasses", "ingresses", "networkpolicies"]),
    ("policy", &["poddisruptionbudgets"]),
    (
        "rbac.authorization.k8s.io",
        &["clusterrolebindings", "clusterroles", "rolebindings", "roles"],
    ),
];

impl Action {
    /// Reads `VERB RESOURCE[.GROUP][/SUBRESOURCE] [NAME]` or `VERB /PATH`. Without a group, that of Kubernetes' own
    /// resource of the name is meant, and else the core group; a name may also follow the resource as in `pods/log web`.
    ///
    /// # Errors
    /// [`ActionError`] for other texts.
    pub fn parse(text: &str, namespace: Option<&str>) -> Result<Action, ActionError> {
        let error = || ActionError { text: text.to_owned() };
        let words: Vec<&str> = text.split_whitespace().collect();
        let (verb, what, name) = match words[..] {
            [verb, what] => (verb, what, None),
            [verb, what, name] => (verb, what, Some(name)),
            _ => return Err(error()),
        };
        if what.starts_with('/') {
            return match name {
                None => Ok(Action::Url {
                    verb: verb.to_owned(),
                    path: what.to_owned(),
                }),
                Some(_) => Err(error()),
            };
        }
        let (what, subresource) = match what.split_once('/') {
            Some((what, subresource)) => (what, Some(subresource)),
            None => (what, None),
        };
        let (resource, group) = match what.split_once('.') {
            Some((resource, group)) => (resource, group),
            None => (what, group_of(what)),
        };
        if [verb, resource].contains(&"") || subresource == Some("") {
            return Err(error());
        }
        Ok(Action::Resource {
            verb: verb.to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            subresource: subresource.map(str::to_owned),
            name: name.map(str::to_owned),
            namespace: namespace.map(str::to_owned),
        })
    }

    /// `VERB RESOURCE[.GROUP][/SUBRESOURCE] [NAME]` or `VERB /PATH`.
    pub fn permission(&self) -> String {
        match self {
            Action::Url { verb, path } => format!("{verb} {path}"),
            Action::Resource {
                verb,
                group,
                resource,
                subresource,
                name,
                ..
            } => {
                let part = |separator: &str, part: Option<&str>| part.map(|part| format!("{separator}{part}"));
                let group = part(".", Some(group.as_str()).filter(|group| !group.is_empty())).unwrap_or_default();
                let subresource = part("/", subresource.as_deref()).unwrap_or_default();
                let name = part(" ", name.as_deref()).unwrap_or_default();
                format!("{verb} {resource}{group}{subresource}{name}")
            }
        }
    }

    pub fn verb(&self) -> &str {
        match self {
            Action::Resource { verb, .. } | Action::Url { verb, .. } => verb,
        }
    }

    pub fn namespace(&self) -> Option<&str> {
        match self {
            Action::Resource { namespace, .. } => namespace.as_deref(),
            Action::Url { .. } => None,
        }
    }
}

fn group_of(resource: &str) -> &'static str {
    let known = GROUPS.iter().find(|(_, resources)| resources.contains(&resource));
    known.map_or("", |(group, _)| group)
}

/// The text, with the place.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.permission())?;
        match self {
            Action::Url { .. } => Ok(()),
            Action::Resource {
                namespace: Some(namespace),
                ..
            } => write!(f, " in the namespace {namespace}"),
            Action::Resource { namespace: None, .. } => f.write_str(" in the cluster"),
        }
    }
}
