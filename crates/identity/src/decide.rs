//! The decision: does a subject have a permission on a resource, and by which grant; or what is missing.
//!
//! As IAM decides (<https://cloud.google.com/iam/docs/policy-types#evaluation>): what a deny policy on the resource's
//! project or above refuses is refused; else one binding on the resource or on what it is part of is enough. What is
//! not known here, such as the permissions of a role in no table, makes the answer unknown, never a yes or a no.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use hashbrown::{HashMap, HashSet};

use crate::condition::Verdict;
use crate::explain::Acting;
use crate::member::{Member, Set};
use crate::name::{ResourceName, home_of_account};
use crate::policy::{Binding, Condition, DenyRule};
use crate::role::{BASIC_ROLES, Permits, PredefinedRoles};
use crate::state::State;
use expression::Timestamp;

const RESOURCE_MANAGER: &str = "cloudresourcemanager.googleapis.com";

/// One question.
#[derive(Clone, Debug)]
pub struct Access<'a> {
    pub subject: &'a Member,
    /// What an identity provider says of a federated subject: `attribute.NAME` and `google.groups` by name.
    pub attributes: &'a [(String, String)],
    /// As `storage.objects.get`.
    pub permission: &'a str,
    pub resource: &'a ResourceName,
    /// When; conditions on the time cannot be told without.
    pub time: Option<Timestamp>,
}

/// The answer, with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Granted(Grant),
    /// A deny policy on this resource says no.
    Denied {
        on: ResourceName,
        member: Member,
    },
    /// The service account that asks is disabled, whatever it is granted
    /// (<https://cloud.google.com/iam/docs/service-accounts-disable-enable>).
    Disabled(Member),
    Missed(Missed),
    /// What would have to be known, one sentence each.
    Unknown(Vec<String>),
}

/// A binding that gives a permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub on: ResourceName,
    pub role: String,
    /// The entry that covers the subject: itself, a group, a set.
    pub member: Member,
    pub condition: Option<Condition>,
}

/// No binding gives the permission.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// Bindings that nearly give it, the nearest first.
    pub near: Vec<NearMiss>,
}

/// A binding that nearly gives a permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NearMiss {
    /// All is right but the condition.
    Condition(Grant),
    /// It is for a member of nearly the same name.
    Spelling(Grant),
}

/// A state, indexed for decisions.
#[derive(Debug)]
pub struct Reasoner<'s> {
    state: &'s State,
    policies: HashMap<ResourceName, Bindings<'s>>,
    deny_rules: HashMap<ResourceName, Vec<&'s DenyRule>>,
    parents: HashMap<ResourceName, ResourceName>,
    groups_of: HashMap<&'s Member, Vec<&'s str>>,
    service_accounts: OnceLock<Vec<String>>,
    /// For each way of acting.
    impersonation: [OnceLock<Impersonation>; Acting::COUNT],
    /// Numbers of projects by their ids.
    numbers: HashMap<&'s str, &'s str>,
    /// Who holds basic roles in projects: what the members of Cloud Storage's default grants are.
    basic_roles_of: HashMap<&'s Member, Vec<Member>>,
    /// Projects, folders and organizations that have policies.
    managed: Vec<ResourceName>,
    /// Bindings with members of a form that is not known, or groups that nobody may see into, by resource.
    strange: HashMap<ResourceName, Vec<(&'s Binding, &'s Member)>>,
    whole_projects: HashSet<ResourceName>,
    /// All that have a grant, once somebody asks.
    members: OnceLock<HashSet<Member>>,
}

/// Who has a role with which others are impersonated.
#[derive(Debug, Default)]
struct Impersonation {
    /// On single accounts: their addresses, in order.
    accounts: HashMap<Member, BTreeSet<String>>,
    /// On what has accounts.
    above: HashSet<Member>,
}

/// The bindings on one resource, by member once somebody asks.
#[derive(Debug, Default)]
struct Bindings<'s> {
    all: Vec<&'s Binding>,
    by_member: OnceLock<HashMap<Member, Vec<usize>>>,
}

impl<'s> Bindings<'s> {
    /// The bindings that name a member.
    fn of(&self, member: &Member) -> impl Iterator<Item = &'s Binding> {
        let by_member = self.by_member.get_or_init(|| {
            let mut by_member: HashMap<Member, Vec<usize>> = HashMap::new();
            for (at, binding) in self.all.iter().enumerate() {
                for member in &binding.members {
                    by_member.entry_ref(member).or_default().push(at);
                }
            }
            by_member
        });
        let numbers = by_member.get(member).into_iter().flatten();
        numbers.map(|at| self.all[*at])
    }
}

impl<'s> Reasoner<'s> {
    pub fn new(state: &'s State) -> Reasoner<'s> {
        let mut reasoner = Reasoner {
            state,
            policies: HashMap::new(),
            deny_rules: HashMap::new(),
            parents: HashMap::new(),
            groups_of: HashMap::new(),
            service_accounts: OnceLock::new(),
            impersonation: Default::default(),
            numbers: HashMap::new(),
            basic_roles_of: HashMap::new(),
            managed: Vec::new(),
            strange: HashMap::new(),
            whole_projects: HashSet::new(),
            members: OnceLock::new(),
        };
        reasoner.whole_projects = state
            .whole_projects
            .iter()
            .map(|name| reasoner.canonical(name))
            .collect();
        let numbers = state.project_numbers.iter();
        reasoner.numbers = numbers.map(|(number, id)| (id.as_str(), number.as_str())).collect();
        for (resource, policy) in &state.policies {
            let resource = reasoner.canonical(resource);
            if resource.service() == RESOURCE_MANAGER && !reasoner.managed.contains(&resource) {
                reasoner.managed.push(resource.clone());
            }
            let project = (resource.service() == RESOURCE_MANAGER && resource.parent().is_none())
                .then(|| resource.project_id())
                .flatten();
            for binding in &policy.bindings {
                for member in &binding.members {
                    if state.is_strange(member) {
                        let strange = reasoner.strange.entry(resource.clone()).or_default();
                        strange.push((binding, member));
                    }
                    if let Some(project) = project.filter(|_| BASIC_ROLES.contains(&binding.role.as_str())) {
                        let roles = std::iter::once(project)
                            .chain(reasoner.numbers.get(project).copied())
                            .map(|project| Member::ProjectRole(binding.role.clone(), project.to_owned()));
                        reasoner.basic_roles_of.entry(member).or_default().extend(roles);
                    }
                }
            }
            reasoner
                .policies
                .entry(resource)
                .or_default()
                .all
                .extend(&policy.bindings);
        }
        for (resource, rule) in &state.deny_rules {
            let resource = reasoner.canonical(resource);
            reasoner.deny_rules.entry(resource).or_default().push(rule);
        }
        for (child, parent) in &state.parents {
            let (child, parent) = (reasoner.canonical(child), reasoner.canonical(parent));
            reasoner.parents.insert(child, parent);
        }
        for (group, members) in &state.groups {
            for member in members {
                reasoner.groups_of.entry(member).or_default().push(group);
            }
        }
        reasoner
    }

    /// The name with the id of its project in place of its number, where that is known.
    pub(crate) fn canonical(&self, resource: &ResourceName) -> ResourceName {
        let id = resource
            .project_id()
            .and_then(|number| self.state.project_numbers.get(number));
        id.map_or_else(|| resource.clone(), |id| resource.with_project(id))
    }

    /// The name that conditions read: Secret Manager's have the number of the project
    /// (<https://cloud.google.com/iam/docs/conditions-resource-attributes#resource-name>).
    fn as_in_conditions(&self, resource: &ResourceName) -> ResourceName {
        let id = resource
            .project_id()
            .filter(|_| resource.service() == "secretmanager.googleapis.com");
        let number = id.and_then(|id| self.numbers.get(id));
        number.map_or_else(|| resource.clone(), |number| resource.with_project(number))
    }

    /// A resource and all that it is part of, the nearest first.
    pub fn lineage(&self, resource: &ResourceName) -> Vec<ResourceName> {
        let mut lineage = vec![self.canonical(resource)];
        while let Some(last) = lineage.last() {
            let parent = self.parents.get(last).cloned().or_else(|| last.parent());
            match parent.map(|parent| self.canonical(&parent)) {
                Some(parent) if !lineage.contains(&parent) => lineage.push(parent),
                _ => break,
            }
        }
        lineage
    }

    /// All members of bindings that cover a subject.
    pub fn identities(&self, subject: &Member, attributes: &[(String, String)]) -> Vec<Member> {
        let mut all = vec![subject.clone()];
        match subject {
            Member::User(email) => {
                all.push(Member::AllAuthenticatedUsers);
                all.extend(
                    email
                        .split_once('@')
                        .map(|(_, domain)| Member::Domain(domain.to_owned())),
                );
            }
            Member::ServiceAccount(email) => {
                all.push(Member::AllAuthenticatedUsers);
                let home = home_of_account(email).map(ResourceName::project);
                for name in home.iter().flat_map(|home| self.lineage(home)) {
                    let number = name.project_id().map(|id| self.numbers.get(id).copied().unwrap_or(id));
                    let container =
                        number.map_or_else(|| name.path().to_owned(), |number| format!("projects/{number}"));
                    all.push(Member::AccountsIn(container));
                }
            }
            Member::Federated { pool, .. } => {
                let set = |set: Set| Member::FederatedSet {
                    pool: pool.clone(),
                    set,
                };
                all.push(set(Set::All));
                if let Some((namespace, _)) = subject.as_kubernetes() {
                    all.push(set(Set::Namespace(namespace.to_owned())));
                }
                all.extend(attributes.iter().filter_map(|(name, value)| {
                    Some(set(match name.as_str() {
                        "google.groups" => Set::Group(value.clone()),
                        "kubernetes.cluster" => Set::Cluster(value.clone()),
                        name => Set::Attribute(name.strip_prefix("attribute.")?.to_owned(), value.clone()),
                    }))
                }));
            }
            _ => {}
        }
        all.push(Member::AllUsers);
        let mut seen: HashSet<&str> = HashSet::new();
        let mut at = 0;
        while at < all.len() {
            // A role in a project may be granted to those who have it.
            for role in self.basic_roles_of.get(&all[at]).into_iter().flatten() {
                if !all.contains(role) {
                    all.push(role.clone());
                }
            }
            for group in self.groups_of.get(&all[at]).into_iter().flatten() {
                if seen.insert(group) {
                    all.push(Member::Group((*group).to_owned()));
                }
            }
            at += 1;
        }
        all
    }

    pub fn state(&self) -> &'s State {
        self.state
    }

    fn members(&self) -> &HashSet<Member> {
        self.members.get_or_init(|| {
            self.state
                .bindings()
                .flat_map(|(_, binding)| binding.members.iter().cloned())
                .collect()
        })
    }

    /// Whether any binding names a member.
    pub fn has_grants(&self, member: &Member) -> bool {
        self.members().contains(member)
    }

    /// Whether a policy is known that is set on a resource.
    pub fn has_policy(&self, resource: &ResourceName) -> bool {
        self.policies.contains_key(&self.canonical(resource))
    }

    /// Whether all grants on a project and what is in it are known.
    pub fn is_whole(&self, project: &ResourceName) -> bool {
        self.whole_projects.contains(&self.canonical(project))
    }

    /// The roles that Google defines, as the state has them; the table that comes along is read when first asked for.
    pub fn roles(&self) -> &'s PredefinedRoles {
        self.state.roles()
    }

    /// The addresses of all service accounts that have grants or hold one, in order.
    pub fn service_accounts(&self) -> &[String] {
        self.service_accounts.get_or_init(|| {
            let of_resource = |name: &&ResourceName| name.path().contains("/serviceAccounts/");
            let resources = self.policies.keys().filter(of_resource);
            let mut emails: Vec<String> = resources
                .filter_map(|name| name.path().rsplit('/').next().map(str::to_owned))
                .collect();
            emails.extend(self.members().iter().filter_map(|member| match member {
                Member::ServiceAccount(email) => Some(email.clone()),
                _ => None,
            }));
            emails.sort_unstable();
            emails.dedup();
            emails
        })
    }

    fn impersonation(&self, way: Acting) -> &Impersonation {
        self.impersonation[way as usize].get_or_init(|| {
            let mut all = Impersonation::default();
            for (on, binding) in self.state.bindings() {
                let mut permissions = way.permissions().iter();
                if permissions.all(|permission| self.permits(&binding.role, permission) != Permits::Yes) {
                    continue;
                }
                match on.path().split_once("/serviceAccounts/") {
                    Some((_, email)) => binding.members.iter().for_each(|member| {
                        all.accounts.entry_ref(member).or_default().insert(email.to_owned());
                    }),
                    None => all.above.extend(binding.members.iter().cloned()),
                }
            }
            all
        })
    }

    /// Whether some identities may be able to act as all service accounts that are in something.
    pub(crate) fn act_as_any(&self, identities: &[Member], way: Acting) -> bool {
        let above = &self.impersonation(way).above;
        identities.iter().any(|identity| above.contains(identity))
    }

    /// The addresses of the service accounts that some identities may be able to act as: no others are worth a decision.
    pub(crate) fn may_be_acted_as(&self, identities: &[Member], way: Acting) -> Vec<&str> {
        let impersonation = self.impersonation(way);
        if self.act_as_any(identities, way) {
            return self.service_accounts().iter().map(String::as_str).collect();
        }
        let accounts = identities
            .iter()
            .filter_map(|identity| impersonation.accounts.get(identity));
        let accounts: BTreeSet<&str> = accounts.flatten().map(String::as_str).collect();
        accounts.into_iter().collect()
    }

    /// Everybody in the state who has a permission on a resource by a grant, with the grant; in order. Sets and
    /// groups are given as they are written.
    pub fn who_can(
        &self,
        permission: &str,
        resource: &ResourceName,
        time: Option<Timestamp>,
    ) -> Vec<(Member, Decision)> {
        let mut members: Vec<&Member> = Vec::new();
        for on in self.lineage(resource) {
            for binding in self.policies.get(&on).into_iter().flat_map(|it| &it.all) {
                if self.permits(&binding.role, permission) != Permits::No {
                    members.extend(&binding.members);
                }
            }
        }
        members.sort_unstable();
        members.dedup();
        let decide = |member: &Member| {
            let access = Access {
                subject: member,
                attributes: &[],
                permission,
                resource,
                time,
            };
            (member.clone(), self.decision(&access, &self.identities(member, &[])))
        };
        let decisions = members.into_iter().map(decide);
        decisions
            .filter(|(_, decision)| !matches!(decision, Decision::Missed(_)))
            .collect()
    }

    /// Whether a role permits something, by the table or the custom roles of the state.
    pub fn permits(&self, role: &str, permission: &str) -> Permits {
        match self.state.custom_roles.get(role) {
            Some(permissions) if permissions.contains(permission) => Permits::Yes,
            Some(_) => Permits::No,
            None => self.roles().permits(role, permission),
        }
    }

    /// Whether a subject has a permission on a resource.
    pub fn decide(&self, access: &Access<'_>) -> Decision {
        let decision = self.decision(access, &self.identities(access.subject, access.attributes));
        match decision {
            Decision::Missed(mut missed) => {
                missed
                    .near
                    .extend(self.misspelt(access, &self.lineage(access.resource)));
                Decision::Missed(missed)
            }
            decision => decision,
        }
    }

    /// The decision for all that cover a subject, without a look at members of nearly its name.
    pub(crate) fn decision(&self, access: &Access<'_>, identities: &[Member]) -> Decision {
        if self.is_disabled(access.subject) {
            return Decision::Disabled(access.subject.clone());
        }
        let lineage = self.lineage(access.resource);
        let resource = &self.as_in_conditions(&lineage[0]);
        let mut denials = Vec::new();
        if let Some(denied) = self.denied(access, identities, &lineage, &mut denials) {
            return denied;
        }
        let mut unknown = Vec::new();
        let mut near = Vec::new();
        for on in &lineage {
            for (binding, member) in self.bindings_of(identities, on) {
                let grant = || Grant {
                    on: on.clone(),
                    role: binding.role.clone(),
                    member: member.clone(),
                    condition: binding.condition.clone(),
                };
                match self.permits(&binding.role, access.permission) {
                    Permits::No => {}
                    Permits::Unknown => unknown.push(unknown_role(&binding.role, member, on)),
                    Permits::Yes => match binding
                        .condition
                        .as_ref()
                        .map(|it| it.verdict(resource, access.permission, access.time))
                    {
                        None | Some(Verdict::Holds) if !denials.is_empty() => return Decision::Unknown(denials),
                        None | Some(Verdict::Holds) => return Decision::Granted(grant()),
                        Some(Verdict::Fails) => near.push(NearMiss::Condition(grant())),
                        Some(Verdict::Unknown(why)) => {
                            unknown.push(format!(
                                "{} on {} for {}: {why}",
                                binding.role,
                                on.short(),
                                member.short()
                            ));
                        }
                    },
                }
            }
        }
        for on in &lineage {
            for (binding, member) in self.strange.get(on).into_iter().flatten() {
                // Groups hold no identities of pools, and a group that asks is itself.
                let is_other_sort = match member {
                    Member::Group(_) => !matches!(access.subject, Member::User(_) | Member::ServiceAccount(_)),
                    Member::AccountsIn(_) => !matches!(access.subject, Member::ServiceAccount(_)),
                    _ => false,
                };
                if !is_other_sort && self.permits(&binding.role, access.permission) == Permits::Yes {
                    let (role, on) = (&binding.role, on.short());
                    unknown.push(format!(
                        "{role} on {on} is granted to {member}, and who that is is not known"
                    ));
                }
            }
        }
        if unknown.is_empty() {
            unknown = self.would_be_inherited(access, identities, &lineage);
        }
        if !unknown.is_empty() {
            return Decision::Unknown(unknown);
        }
        Decision::Missed(Missed { near })
    }

    fn is_disabled(&self, subject: &Member) -> bool {
        matches!(subject, Member::ServiceAccount(email) if self.state.disabled_accounts.contains(email))
    }

    /// Grants in projects and above that would count for a bucket if it were there: its name does not say its project,
    /// and who knows that may know its number alone.
    fn would_be_inherited(&self, access: &Access<'_>, identities: &[Member], lineage: &[ResourceName]) -> Vec<String> {
        let is_bucket = |name: &&ResourceName| name.bucket_of().is_some_and(|bucket| bucket == **name);
        let is_nameless = |name: &ResourceName| {
            let number = name.project_id().filter(|_| name.service() == RESOURCE_MANAGER);
            number.is_some_and(|number| {
                number.bytes().all(|byte| byte.is_ascii_digit()) && !self.state.project_numbers.contains_key(number)
            })
        };
        let (Some(bucket), Some(last)) = (lineage.iter().find(is_bucket), lineage.last()) else {
            return Vec::new();
        };
        if last != bucket && !is_nameless(last) {
            return Vec::new();
        }
        let resource = &lineage[0];
        let mut doubts = Vec::new();
        for on in &self.managed {
            for (binding, member) in self.bindings_of(identities, on) {
                let verdict = binding
                    .condition
                    .as_ref()
                    .map(|it| it.verdict(resource, access.permission, access.time));
                let counts =
                    self.permits(&binding.role, access.permission) == Permits::Yes && verdict != Some(Verdict::Fails);
                if counts {
                    let (member, on, role) = (member.short(), on.short(), &binding.role);
                    let bucket = bucket.short();
                    doubts.push(format!(
                        "{member} has {role} on {on}, and whether {bucket} is there is not known"
                    ));
                }
            }
        }
        doubts
    }

    /// The bindings that cover a subject on a resource and on what it is part of, whatever they say.
    pub(crate) fn bindings_over(
        &self,
        subject: &Member,
        attributes: &[(String, String)],
        resource: &ResourceName,
    ) -> Vec<(ResourceName, Binding)> {
        let identities = self.identities(subject, attributes);
        let lineage = self.lineage(resource).into_iter();
        let of = |on: ResourceName| {
            let bindings: Vec<Binding> = self
                .bindings_of(&identities, &on)
                .map(|(binding, _)| binding.clone())
                .collect();
            bindings.into_iter().map(move |binding| (on.clone(), binding))
        };
        lineage.flat_map(of).collect()
    }

    /// All whom bindings on a resource, or on what it is part of, name; and everybody, where one is for somebody unknown.
    pub(crate) fn members_over(&self, resource: &ResourceName) -> BTreeSet<&Member> {
        let mut members = BTreeSet::new();
        for on in self.lineage(resource) {
            let bindings = self.policies.get(&on).into_iter().flat_map(|bindings| &bindings.all);
            members.extend(bindings.flat_map(|binding| &binding.members));
            if self.strange.contains_key(&on) {
                members.insert(&Member::AllUsers);
            }
        }
        members
    }

    /// The permissions of a role, if it is known.
    pub(crate) fn permissions_of(&self, role: &str) -> Option<Vec<String>> {
        match self.state.custom_roles.get(role) {
            Some(permissions) => Some(permissions.iter().cloned().collect()),
            None => {
                let known = self.roles().role(role)?;
                Some(self.roles().permissions_of(known).map(str::to_owned).collect())
            }
        }
    }

    /// The bindings on one resource that cover one of some identities, with the member that does.
    fn bindings_of<'r>(
        &'r self,
        identities: &'r [Member],
        on: &ResourceName,
    ) -> impl Iterator<Item = (&'s Binding, &'r Member)> {
        let bindings = self.policies.get(on);
        identities.iter().flat_map(move |member| {
            bindings
                .into_iter()
                .flat_map(|bindings| bindings.of(member))
                .map(move |it| (it, member))
        })
    }

    fn denied(
        &self,
        access: &Access<'_>,
        identities: &[Member],
        lineage: &[ResourceName],
        unknown: &mut Vec<String>,
    ) -> Option<Decision> {
        let covering = |members: &[Member]| identities.iter().find(|identity| members.contains(identity)).cloned();
        let strange = |members: &[Member]| members.iter().find(|it| self.state.is_strange(it)).cloned();
        for on in lineage {
            for rule in self.deny_rules.get(on).into_iter().flatten() {
                if !rule.is_about(access.permission) || covering(&rule.except).is_some() {
                    continue;
                }
                let denied = covering(&rule.denied);
                // Those whom it denies, and those whom it spares, may be written in forms that are not known.
                let doubtful = match &denied {
                    Some(_) => strange(&rule.except),
                    None => strange(&rule.denied),
                };
                if let Some(doubtful) = doubtful {
                    unknown.push(format!(
                        "the denial on {} names {doubtful}, and who that is is not known",
                        on.short()
                    ));
                    continue;
                }
                let Some(member) = denied else { continue };
                match rule.condition.as_ref().map(Condition::verdict_of_denial) {
                    None | Some(Verdict::Holds) => return Some(Decision::Denied { on: on.clone(), member }),
                    Some(Verdict::Fails) => {}
                    Some(Verdict::Unknown(why)) => {
                        unknown.push(format!("the denial on {} for {}: {why}", on.short(), member.short()))
                    }
                }
            }
        }
        None
    }

    /// Bindings with the permission whose members have nearly the subject's name.
    pub(crate) fn misspelt(&self, access: &Access<'_>, lineage: &[ResourceName]) -> Vec<NearMiss> {
        let wanted = access.subject.to_string();
        let mut found = Vec::new();
        for on in lineage {
            for binding in self.policies.get(on).into_iter().flat_map(|it| &it.all) {
                if self.permits(&binding.role, access.permission) != Permits::Yes {
                    continue;
                }
                let near = binding.members.iter().filter(|member| {
                    let is_alike = std::mem::discriminant(*member) == std::mem::discriminant(access.subject);
                    is_alike && resource::is_misspelt(&wanted, &member.to_string())
                });
                found.extend(near.map(|member| {
                    NearMiss::Spelling(Grant {
                        on: on.clone(),
                        role: binding.role.clone(),
                        member: member.clone(),
                        condition: binding.condition.clone(),
                    })
                }));
            }
        }
        found
    }
}

fn unknown_role(role: &str, member: &Member, on: &ResourceName) -> String {
    let (member, on) = (member.short(), on.short());
    if BASIC_ROLES.contains(&role) {
        format!("{member} has the basic role {role} on {on}, and what basic roles permit is in no table")
    } else {
        format!("{member} has {role} on {on}, and what that role permits is not known")
    }
}
