//! The least role that gives a permission, and its binding, as objects.

use std::fmt::Write as _;

use super::{Action, Subject};

/// A role to make and to bind to a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRole<'a> {
    pub subject: &'a Subject,
    pub action: &'a Action,
}

impl NewRole<'_> {
    /// A name for both objects: who, and what, in lower case with dashes.
    pub fn name(&self) -> String {
        let who = match self.subject {
            Subject::ServiceAccount { name, .. } => name,
            Subject::User(name) | Subject::Group(name) => name,
        };
        let who = who.split('@').next().unwrap_or_default();
        let what = match self.action {
            Action::Resource {
                resource, subresource, ..
            } => match subresource {
                Some(subresource) => format!("{resource}-{subresource}"),
                None => resource.clone(),
            },
            Action::Url { path, .. } => path.clone(),
        };
        let name = format!("{who}-{}-{what}", self.action.verb()).to_ascii_lowercase();
        let name = name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let words: Vec<&str> = name.split('-').filter(|word| !word.is_empty()).collect();
        words.join("-")
    }

    /// The role and the binding, as YAML: for a namespace, or for the cluster where the action is in none.
    pub fn yaml(&self) -> String {
        let name = self.name();
        let namespace = self.action.namespace();
        let prefix = if namespace.is_some() { "" } else { "Cluster" };
        let mut metadata = format!("metadata:\n  name: {}\n", scalar(&name));
        if let Some(namespace) = namespace {
            let _ = writeln!(metadata, "  namespace: {}", scalar(namespace));
        }
        let rule = match self.action {
            Action::Resource {
                verb,
                group,
                resource,
                subresource,
                name,
                ..
            } => {
                let subresource = subresource.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
                let names = name
                    .as_ref()
                    .map(|name| format!("  resourceNames:\n  - {}\n", scalar(name)));
                format!(
                    "- apiGroups:\n  - {}\n{}  resources:\n  - {}\n  verbs:\n  - {}\n",
                    scalar(group),
                    names.unwrap_or_default(),
                    scalar(&format!("{resource}{subresource}")),
                    scalar(verb)
                )
            }
            Action::Url { verb, path } => {
                format!(
                    "- nonResourceURLs:\n  - {}\n  verbs:\n  - {}\n",
                    scalar(path),
                    scalar(verb)
                )
            }
        };
        let subject = match self.subject {
            Subject::ServiceAccount { namespace, name } => {
                format!(
                    "- kind: ServiceAccount\n  name: {}\n  namespace: {}\n",
                    scalar(name),
                    scalar(namespace)
                )
            }
            Subject::User(name) | Subject::Group(name) => format!(
                "- apiGroup: rbac.authorization.k8s.io\n  kind: {}\n  name: {}\n",
                self.subject.kind(),
                scalar(name)
            ),
        };
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: {prefix}Role\n{metadata}rules:\n{rule}---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: {prefix}RoleBinding\n{metadata}roleRef:\n  \
             apiGroup: rbac.authorization.k8s.io\n  kind: {prefix}Role\n  name: {}\nsubjects:\n{subject}",
            scalar(&name)
        )
    }
}

/// A text as YAML has it: bare where it is a name that begins with a letter, and in quotes elsewhere.
fn scalar(text: &str) -> String {
    let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-./@_".contains(c));
    if is_name && !["true", "false", "yes", "no", "on", "off", "null", "y", "n"].contains(&text) {
        text.to_owned()
    } else {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}
