//! Bindings that nearly give a permission: what a user got wrong, most often.

use resource::is_misspelt;

use super::{Action, Binding, Rbac, Role, RoleName, Rule, Subject, reaches};

/// A binding that nearly gives a permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Near<'r> {
    /// All is right, but it is for a subject of nearly the same name, or the same name in another namespace.
    Subject { binding: &'r Binding, subject: &'r Subject },
    /// It gives the permission in its own namespace.
    Namespace { binding: &'r Binding },
    /// Its role is not among the objects; near it are these.
    NoRole {
        binding: &'r Binding,
        near: Vec<&'r RoleName>,
    },
    /// A rule of its role is right but for this.
    Rule {
        binding: &'r Binding,
        role: &'r Role,
        rule: &'r Rule,
        lacks: Lack,
    },
}

/// What a rule lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    Verb,
    Group,
    Subresource,
    /// It has names, and this is none of them; or a request like this has no name.
    Name,
}

/// What is shown at most.
const SHOWN: usize = 5;

pub(super) fn find<'r>(rbac: &'r Rbac, names: &[Subject], action: &Action) -> Vec<Near<'r>> {
    let mut near = Vec::new();
    let allowing = |binding: &Binding| {
        let role = rbac.roles.get(&binding.role);
        role.is_some_and(|role| role.rules.iter().any(|rule| rule.allows(action)))
    };
    for binding in rbac.bindings.iter().filter(|binding| reaches(binding, action)) {
        for (subject, _) in &binding.subjects {
            if is_nearly(&names[0], subject) && allowing(binding) {
                near.push(Near::Subject { binding, subject });
            }
        }
    }
    for (binding, named) in rbac.bindings_of(names) {
        let Some(role) = rbac.roles.get(&binding.role) else {
            if reaches(binding, action) {
                near.push(Near::NoRole {
                    binding,
                    near: near_roles(rbac, &binding.role),
                });
            }
            continue;
        };
        if !reaches(binding, action) {
            // What all users or all accounts have elsewhere is near to nobody.
            let is_of_all = matches!(named, Subject::Group(group) if group.starts_with("system:"));
            if !is_of_all && allowing(binding) && matches!(action, Action::Resource { .. }) {
                near.push(Near::Namespace { binding });
            }
            continue;
        }
        near.extend(role.rules.iter().filter_map(|rule| {
            let lacks = lack(rule, action)?;
            Some(Near::Rule {
                binding,
                role,
                rule,
                lacks,
            })
        }));
    }
    near.truncate(SHOWN);
    near
}

/// The one thing that a rule lacks.
fn lack(rule: &Rule, action: &Action) -> Option<Lack> {
    let Action::Resource {
        verb,
        group,
        resource,
        subresource,
        ..
    } = action
    else {
        let Action::Url { path, verb } = action else {
            return None;
        };
        let is_path = rule.allows(&Action::Url {
            verb: rule.verbs.first()?.clone(),
            path: path.clone(),
        });
        return (is_path && !rule.has_verb(verb)).then_some(Lack::Verb);
    };
    // A rule of everything lacks what it was not meant to have.
    if rule.resources.iter().any(|known| known == "*") && !rule.has_group(group) {
        return None;
    }
    let of_resource = rule.resources.iter().any(|known| known == resource);
    let has = (
        rule.has_verb(verb),
        rule.has_group(group),
        rule.has_resource(action),
        rule.has_name(action),
    );
    match has {
        (false, true, true, true) => Some(Lack::Verb),
        (true, false, true, true) => Some(Lack::Group),
        (true, true, false, true) if subresource.is_some() && of_resource => Some(Lack::Subresource),
        (true, true, true, false) => Some(Lack::Name),
        _ => None,
    }
}

/// Whether a subject of a binding may have been meant to be another one.
fn is_nearly(asked: &Subject, named: &Subject) -> bool {
    match (asked, named) {
        (
            Subject::ServiceAccount { namespace, name },
            Subject::ServiceAccount {
                namespace: other,
                name: written,
            },
        ) => (namespace != other && name == written) || (namespace == other && is_misspelt(name, written)),
        (Subject::User(asked), Subject::User(named)) | (Subject::Group(asked), Subject::Group(named)) => {
            is_misspelt(asked, named)
        }
        _ => false,
    }
}

/// Roles of the same name elsewhere or of the other kind, or else of nearly the same name.
fn near_roles<'r>(rbac: &'r Rbac, wanted: &RoleName) -> Vec<&'r RoleName> {
    let namespace = |name: &RoleName| match name {
        RoleName::Role { namespace, .. } => Some(namespace.clone()),
        RoleName::ClusterRole(_) => None,
    };
    let mut near: Vec<&RoleName> = rbac.roles.keys().filter(|name| name.name() == wanted.name()).collect();
    if near.is_empty() {
        let is_alike =
            |name: &&RoleName| namespace(name) == namespace(wanted) && is_misspelt(wanted.name(), name.name());
        near = rbac.roles.keys().filter(is_alike).collect();
    }
    near.sort_unstable();
    near.truncate(SHOWN);
    near
}
