//! Who calls, and whether they may: the decision is `identity`'s, over the policies that the cloud holds.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use identity::{Access, Binding, Decision, Member, Policy, Reasoner, ResourceName, State};
use serde_json::Value as Json;

use crate::error::{ApiError, Result};
use crate::method::Method;
use crate::settings::Iam;
use crate::store::{Store, StoreError};
use crate::time;

/// Documents with the policies that were set: by full resource name.
pub(crate) const POLICY: &str = "policy";

/// Who makes a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Caller {
    /// Without a token: what everybody may do.
    Anonymous,
    Known(Principal),
}

/// Whom a token stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Principal {
    pub(crate) member: Member,
    /// What the identity provider said of a federated principal.
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) scopes: Vec<String>,
}

impl Caller {
    /// The address or name of the caller, for messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Caller::Anonymous => "Anonymous caller".to_owned(),
            Caller::Known(principal) => principal.member.short(),
        }
    }

    pub(crate) fn principal(&self) -> Result<&Principal> {
        match self {
            Caller::Anonymous => Err(ApiError::unauthenticated()),
            Caller::Known(principal) => Ok(principal),
        }
    }
}

self_cell::self_cell!(
    /// Facts with their index.
    struct Indexed {
        owner: State,
        #[not_covariant]
        dependent: Reasoner,
    }
);

/// What is granted, and what is done about it.
pub(crate) struct Authority {
    enforcement: Iam,
    /// What was granted before anything was set here.
    given: State,
    indexed: RwLock<Arc<Indexed>>,
}

impl Authority {
    pub(crate) fn new(enforcement: Iam, mut given: State, store: &Store) -> Result<Authority, StoreError> {
        one_policy_each(&mut given);
        let authority = Authority {
            enforcement,
            indexed: RwLock::new(Arc::new(Indexed::new(State::default(), |state| Reasoner::new(state)))),
            given,
        };
        authority.reload(store)?;
        Ok(authority)
    }

    /// Reads again what is granted: something of it was set.
    pub(crate) fn reload(&self, store: &Store) -> Result<(), StoreError> {
        let mut state = self.given.clone();
        for (name, document) in store.all(POLICY)? {
            let Ok(resource) = ResourceName::parse(&name) else {
                continue;
            };
            state.policies.retain(|(on, _)| *on != resource);
            state.policies.push((resource, policy_of(&document)));
        }
        crate::iam::add_to(&mut state, store)?;
        let indexed = Arc::new(Indexed::new(state, |state| Reasoner::new(state)));
        *self.indexed.write().unwrap_or_else(PoisonError::into_inner) = indexed;
        Ok(())
    }

    fn indexed(&self) -> Arc<Indexed> {
        Arc::clone(&self.indexed.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks something of the facts.
    pub(crate) fn ask<T>(&self, question: impl FnOnce(&Reasoner<'_>) -> T) -> T {
        self.indexed().with_dependent(|_, reasoner| question(reasoner))
    }

    /// What a policy held before anything was set on the resource.
    pub(crate) fn given(&self, resource: &ResourceName) -> Option<&Policy> {
        let mut policies = self.given.policies.iter();
        policies.find(|(on, _)| on == resource).map(|(_, policy)| policy)
    }

    /// The names of what had a policy before anything was set.
    pub(crate) fn with_policies(&self) -> impl Iterator<Item = &str> {
        self.given.policies.iter().map(|(on, _)| on.as_str())
    }

    /// Whether the caller has a permission. What cannot be known is not granted.
    pub(crate) fn has(&self, caller: &Caller, permission: &str, resource: &ResourceName) -> bool {
        let anonymous = Member::AllUsers;
        let (subject, attributes): (&Member, &[_]) = match caller {
            Caller::Anonymous => (&anonymous, &[]),
            Caller::Known(principal) => (&principal.member, &principal.attributes),
        };
        let access = Access {
            subject,
            attributes,
            permission,
            resource,
            time: time::now_timestamp(),
        };
        let decision = self.ask(|reasoner| reasoner.decide(&access));
        if let Decision::Unknown(reasons) = &decision {
            let (caller, on) = (caller.name(), resource.as_str());
            let why = reasons.join("; ");
            crate::log::warn(&format!("{caller} is taken not to have {permission} on {on}: {why}"));
        }
        matches!(decision, Decision::Granted(_))
    }

    /// Lets the caller pass if they have a token: what is granted to everybody is granted to those without one by Cloud
    /// Storage alone.
    ///
    /// # Errors
    /// 401.
    pub(crate) fn require_somebody(&self, caller: &Caller) -> Result<()> {
        match self.enforcement {
            Iam::Enforce => caller.principal().map(|_| ()),
            Iam::Log | Iam::Off => Ok(()),
        }
    }

    /// Lets the caller pass if their token has a scope that opens a method.
    ///
    /// # Errors
    /// 403 with the method, and a challenge with its scopes.
    pub(crate) fn require_scope(&self, caller: &Caller, method: &Method) -> Result<()> {
        let Caller::Known(principal) = caller else {
            return Ok(());
        };
        if self.enforcement == Iam::Off || method.is_open_to(&principal.scopes) {
            return Ok(());
        }
        if self.enforcement == Iam::Log {
            let (caller, scopes) = (caller.name(), method.all_scopes());
            crate::log::warn(&format!(
                "the token of {caller} has no scope for {}: {scopes}",
                method.name
            ));
            return Ok(());
        }
        Err(ApiError::out_of_scope(method))
    }

    /// Lets the caller pass if they have a permission.
    ///
    /// # Errors
    /// As Google answers: 401 without a token, else 403 with the permission and the resource.
    pub(crate) fn require(&self, caller: &Caller, permission: &str, resource: &ResourceName) -> Result<()> {
        if self.enforcement == Iam::Off || self.has(caller, permission, resource) {
            return Ok(());
        }
        if self.enforcement == Iam::Log {
            let caller = caller.name();
            crate::log::warn(&format!("{caller} lacks {permission} on {}", resource.as_str()));
            return Ok(());
        }
        caller.principal()?;
        Err(ApiError::denied(resource.service(), permission, resource.as_str()))
    }
}

/// Makes one policy of all that are given for a resource, by the id of its project: what is set later takes its place.
fn one_policy_each(state: &mut State) {
    let mut policies: Vec<(ResourceName, Policy)> = Vec::new();
    let mut places = BTreeMap::new();
    for (on, policy) in std::mem::take(&mut state.policies) {
        let id = on.project_id().and_then(|number| state.project_numbers.get(number));
        let on = id.map_or_else(|| on.clone(), |id| on.with_project(id));
        match places.get(&on).and_then(|at: &usize| policies.get_mut(*at)) {
            Some((_, known)) => known.bindings.extend(policy.bindings),
            None => {
                places.insert(on.clone(), policies.len());
                policies.push((on, policy));
            }
        }
    }
    state.policies = policies;
}

/// The policy in the body of a set call or in what an API answers.
pub(crate) fn policy_of(document: &Json) -> Policy {
    let text = |value: &Json, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let bindings = document["bindings"].as_array().into_iter().flatten();
    let bindings = bindings.map(|binding| {
        let members = binding["members"].as_array().into_iter().flatten();
        let members = members.filter_map(Json::as_str).map(|member| {
            let Ok(member) = member.parse();
            member
        });
        let condition = binding.get("condition").filter(|condition| condition.is_object());
        Binding {
            role: text(binding, "role"),
            members: members.collect(),
            condition: condition.map(|condition| identity::Condition {
                title: text(condition, "title"),
                expression: text(condition, "expression"),
            }),
            mark: yaml::Mark::NONE,
        }
    });
    Policy {
        bindings: bindings.collect(),
    }
}
