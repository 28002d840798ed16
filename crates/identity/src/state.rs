//! What is granted, as plain facts: what readers of files and of Google's APIs fill, and the reasoner indexes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use yaml::Mark;

use crate::member::Member;
use crate::name::ResourceName;
use crate::policy::{Binding, DenyRule, Policy};
use crate::provider::Provider;
use crate::role::PredefinedRoles;

/// The facts about projects, grants, groups and roles that are known.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Allow policies, by the resource they are set on.
    pub policies: Vec<(ResourceName, Policy)>,
    /// Deny policies, by the project, folder or organization they are attached to.
    pub deny_rules: Vec<(ResourceName, DenyRule)>,
    /// What the name of a resource does not say: the project of a bucket, the folder of a project.
    pub parents: Vec<(ResourceName, ResourceName)>,
    /// Ids of projects by their numbers.
    pub project_numbers: BTreeMap<String, String>,
    /// Members of groups, by the group's address.
    pub groups: BTreeMap<String, Vec<Member>>,
    /// Groups that have members whom nobody may see here.
    pub hidden_groups: BTreeSet<String>,
    /// Permissions of custom roles, by full name: `projects/ID/roles/NAME`.
    pub custom_roles: BTreeMap<String, BTreeSet<String>>,
    /// Google's predefined roles, where they are not those that come with the program.
    pub predefined_roles: Option<Arc<PredefinedRoles>>,
    /// Providers of workload identity pools.
    pub providers: Vec<Provider>,
    /// The addresses of service accounts that are disabled: nobody can be them.
    pub disabled_accounts: BTreeSet<String>,
    /// Keys of service accounts that somebody holds.
    pub keys: Vec<AccountKey>,
    /// Projects whose grants are all here, with those on what is in them: what is not here is not granted.
    pub whole_projects: BTreeSet<ResourceName>,
    /// What a source says and nobody could make sense of here: it may grant something, too.
    pub unresolved: Vec<Unresolved>,
}

/// Something in a source that gave no fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// Begins with the name of what it is about.
    pub message: String,
    /// Where it is written, if a file holds it.
    pub mark: Mark,
}

/// A key of a service account, made by a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountKey {
    /// The address of the account.
    pub account: String,
    pub id: String,
    /// Where it is written, if a file holds it.
    pub mark: Mark,
}

impl State {
    /// Adds all facts of another state.
    pub fn merge(&mut self, other: State) {
        self.policies.extend(other.policies);
        self.deny_rules.extend(other.deny_rules);
        self.parents.extend(other.parents);
        self.project_numbers.extend(other.project_numbers);
        for (group, members) in other.groups {
            self.groups.entry(group).or_default().extend(members);
        }
        self.hidden_groups.extend(other.hidden_groups);
        self.custom_roles.extend(other.custom_roles);
        if other.predefined_roles.is_some() {
            self.predefined_roles = other.predefined_roles;
        }
        self.providers.extend(other.providers);
        self.disabled_accounts.extend(other.disabled_accounts);
        self.keys.extend(other.keys);
        self.whole_projects.extend(other.whole_projects);
        self.unresolved.extend(other.unresolved);
    }

    /// Whether nobody can say here who a member of a policy is.
    pub(crate) fn is_strange(&self, member: &Member) -> bool {
        match member {
            Member::Unknown(_) => true,
            // What a file says of a group is enough.
            Member::Group(group) => self.hidden_groups.contains(group) && !self.groups.contains_key(group),
            // The numbers of projects say which they are.
            Member::AccountsIn(container) => container
                .strip_prefix("projects/")
                .is_some_and(|number| !self.project_numbers.contains_key(number)),
            _ => false,
        }
    }

    /// Google's predefined roles, as this state has them.
    pub fn roles(&self) -> &PredefinedRoles {
        match &self.predefined_roles {
            Some(roles) => roles,
            None => PredefinedRoles::embedded(),
        }
    }

    /// Forgets where everything is written: it is in no file that a user has.
    pub fn forget_places(&mut self) {
        let policies = self.policies.iter_mut().flat_map(|(_, policy)| &mut policy.bindings);
        let marks = policies.map(|binding| &mut binding.mark);
        let marks = marks.chain(self.deny_rules.iter_mut().map(|(_, rule)| &mut rule.mark));
        let marks = marks.chain(self.providers.iter_mut().map(|provider| &mut provider.mark));
        let marks = marks.chain(self.keys.iter_mut().map(|key| &mut key.mark));
        let marks = marks.chain(self.unresolved.iter_mut().map(|unresolved| &mut unresolved.mark));
        marks.for_each(|mark| *mark = Mark::NONE);
    }

    /// All bindings, with the resource they are on, in the order they were read.
    pub fn bindings(&self) -> impl Iterator<Item = (&ResourceName, &Binding)> {
        let each = self.policies.iter();
        each.flat_map(|(on, policy)| policy.bindings.iter().map(move |binding| (on, binding)))
    }

    /// The number of a project, where it is known.
    pub fn project_number(&self, id: &str) -> Option<&str> {
        let mut numbers = self.project_numbers.iter();
        numbers
            .find(|(_, known)| *known == id)
            .map(|(number, _)| number.as_str())
    }
}
