//! Documents of grants, for one question: of long ones only the policies that can matter for it become facts.
//!
//! What matters: all on the resource and on what it is part of; what is set on projects and above; and who may act as
//! service accounts, from the subject on. Where much matters, all is read. The answer is the one that all of it gives.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashSet;
use yaml::Source;

use crate::decide::{Access, Decision, Reasoner};
use crate::explain::Acting;
use crate::member::Member;
use crate::name::ResourceName;
use crate::policy::Policy;
use crate::role::Permits;
use crate::source::StateError;
use crate::source::outline::{Outline, ResultId};
use crate::state::State;

/// How accounts are acted as on the way to a permission.
const WAYS: [Acting; 2] = [Acting::Token, Acting::Delegation];

/// So many names are looked for one after the other; for more, all is read.
const FEW: usize = 100;

/// What projects, folders and organizations are named by.
const MANAGED: &str = "//cloudresourcemanager.googleapis.com/";

/// Documents that were read, the long ones only for what is where in them.
#[derive(Debug, Default)]
pub struct Documents {
    known: State,
    /// With the number of policies that were known before.
    outlines: Vec<(usize, Outline)>,
}

/// A result of one of the outlines, in the order of the documents.
type Place = (usize, ResultId);

impl Documents {
    /// Adds what a document says. `resource` is what a policy is set on, where the document does not say it.
    ///
    /// # Errors
    /// [`StateError`] where it is none of the forms, or a part of it is malformed.
    pub fn read(&mut self, source: &Arc<Source>, resource: Option<&ResourceName>) -> Result<(), StateError> {
        match Outline::of(source) {
            Some(outline) => self.outlines.push((self.known.policies.len(), outline)),
            None => self.known.read(source, resource)?,
        }
        Ok(())
    }

    /// Adds facts.
    pub fn add(&mut self, state: State) {
        self.known.merge(state);
    }

    /// Adds other documents behind these.
    pub fn extend(&mut self, others: Documents) {
        let before = self.known.policies.len();
        let outlines = others.outlines.into_iter();
        self.outlines
            .extend(outlines.map(|(at, outline)| (before + at, outline)));
        self.known.merge(others.known);
    }

    /// What is known beside the policies of long documents: all custom roles, groups, denials.
    pub fn known(&self) -> &State {
        &self.known
    }

    /// The projects that have a policy, in order.
    pub fn projects(&self) -> Vec<ResourceName> {
        let known = self.known.policies.iter().map(|(name, _)| name.clone());
        let outlined = self.outlines.iter().flat_map(|(_, outline)| outline.resources());
        let outlined =
            outlined.filter_map(|(_, name)| ResourceName::parse(name).ok().filter(|_| name.starts_with(MANAGED)));
        let mut projects: Vec<ResourceName> = known.chain(outlined).collect();
        projects.retain(|name| name.kind() == Some("cloudresourcemanager.googleapis.com/Project"));
        projects.sort_unstable();
        projects.dedup();
        projects
    }

    /// All facts.
    pub fn whole(self) -> State {
        Picked::new(self).whole()
    }

    /// The facts that matter for who has permissions on a resource.
    pub fn on(self, resource: &ResourceName) -> State {
        let mut picked = Picked::new(self);
        picked.add_lineages(std::slice::from_ref(resource));
        picked.into_state()
    }

    /// The facts that matter for what [`Reasoner::explain`] says of questions with one subject, resource and time.
    pub fn about(self, questions: &[Access<'_>]) -> State {
        let mut picked = Picked::new(self);
        let Some(question) = questions.first() else {
            return picked.into_state();
        };
        picked.add_lineages(std::slice::from_ref(question.resource));
        if !picked.add_actors(question) {
            return picked.whole();
        }
        let reasoner = Reasoner::new(&picked.state);
        let is_final = |question: &Access<'_>| {
            matches!(
                reasoner.explain(question).decision,
                Decision::Granted(_) | Decision::Denied { .. } | Decision::Disabled(_)
            )
        };
        let is_final = questions.iter().all(is_final);
        drop(reasoner);
        if !is_final {
            picked.add_misspelt(question.subject);
        }
        picked.into_state()
    }
}

/// Facts while they are picked.
struct Picked {
    outlines: Vec<(usize, Outline)>,
    /// The known facts, then those of what was picked.
    state: State,
    /// How many policies were known.
    known: usize,
    /// What was picked: the places of the policies behind the known ones.
    places: Vec<Place>,
    seen: HashSet<Place>,
    /// The last segments of the names that were looked for.
    ends: BTreeSet<String>,
}

impl Picked {
    /// With all that is set on projects and above.
    fn new(documents: Documents) -> Picked {
        let mut picked = Picked {
            known: documents.known.policies.len(),
            outlines: documents.outlines,
            state: documents.known,
            places: Vec::new(),
            seen: HashSet::new(),
            ends: BTreeSet::new(),
        };
        for at in 0..picked.outlines.len() {
            let managed = picked.outlines[at]
                .1
                .resources()
                .filter(|(_, name)| name.starts_with(MANAGED));
            let ids = managed.map(|(id, _)| id).collect();
            picked.add(at, ids);
        }
        picked
    }

    fn add(&mut self, outline: usize, mut ids: Vec<ResultId>) {
        ids.retain(|id| self.seen.insert((outline, *id)));
        if !ids.is_empty() {
            self.state.merge(self.outlines[outline].1.state(&ids));
            self.places.extend(ids.into_iter().map(|id| (outline, id)));
        }
    }

    /// Adds what is set on some resources and on what they are part of. What they are part of may be said there only.
    fn add_lineages(&mut self, resources: &[ResourceName]) {
        loop {
            // All ways to write a name end alike.
            let reasoner = Reasoner::new(&self.state);
            let lineages = resources.iter().flat_map(|resource| reasoner.lineage(resource));
            let ends: BTreeSet<String> = lineages
                .map(|name| last_of(name.as_str()).to_ascii_lowercase())
                .collect();
            drop(reasoner);
            let ends: Vec<&String> = ends.difference(&self.ends).collect();
            if ends.is_empty() {
                return;
            }
            let ids = |outline: &Outline| {
                let is_meant = |name: &str| ends.iter().any(|end| last_of(name).eq_ignore_ascii_case(end));
                let resources = outline.resources().filter(|(_, name)| is_meant(name));
                resources.map(|(id, _)| id).collect::<Vec<ResultId>>()
            };
            let ids: Vec<Vec<ResultId>> = self.outlines.iter().map(|(_, outline)| ids(outline)).collect();
            let ends: Vec<String> = ends.into_iter().cloned().collect();
            self.ends.extend(ends);
            ids.into_iter()
                .enumerate()
                .for_each(|(outline, ids)| self.add(outline, ids));
        }
    }

    /// Adds who may act as service accounts, from the one who asks on. False if they are many, or somebody of them may
    /// act as all accounts of a project.
    fn add_actors(&mut self, question: &Access<'_>) -> bool {
        let mut known: HashSet<Member> = HashSet::new();
        loop {
            let reasoner = Reasoner::new(&self.state);
            let actors = reasoner.actors(question, &[Acting::Token]).into_iter().map(|actor| {
                let attributes = if actor.links.is_empty() {
                    question.attributes
                } else {
                    &[]
                };
                reasoner.identities(&actor.member, attributes)
            });
            let mut names: Vec<Member> = actors.flatten().collect();
            let is_of_all = WAYS.iter().any(|way| reasoner.act_as_any(&names, *way));
            if is_of_all || names.len() > FEW {
                return false;
            }
            names.retain(|name| known.insert(name.clone()));
            drop(reasoner);
            if names.is_empty() {
                return true;
            }
            let ends: Vec<String> = names.iter().flat_map(ends_of).collect();
            self.add_actors_named(|text| ends.iter().any(|end| ends_with(text, end)) && names.contains(&parsed(text)));
            // What is above the accounts may deny it.
            let reasoner = Reasoner::new(&self.state);
            let accounts = WAYS.iter().flat_map(|way| reasoner.may_be_acted_as(&names, *way));
            let accounts: Vec<ResourceName> = accounts.map(ResourceName::service_account).collect();
            drop(reasoner);
            if accounts.len() > FEW {
                return false;
            }
            self.add_lineages(&accounts);
        }
    }

    /// Adds who may act as service accounts by a name that is nearly the one who asks.
    fn add_misspelt(&mut self, subject: &Member) {
        let wanted = subject.to_string();
        self.add_actors_named(|text| {
            let member = parsed(text);
            let is_alike = std::mem::discriminant(&member) == std::mem::discriminant(subject);
            is_alike && resource::is_misspelt(&wanted, &member.to_string())
        });
    }

    fn add_actors_named(&mut self, is_meant: impl Fn(&str) -> bool) {
        for at in 0..self.outlines.len() {
            let reasoner = Reasoner::new(&self.state);
            let gives = |role: &str| {
                let mut permissions = WAYS.iter().flat_map(|way| way.permissions());
                permissions.any(|permission| reasoner.permits(role, permission) == Permits::Yes)
            };
            let ids = self.outlines[at].1.naming(gives, &is_meant);
            drop(reasoner);
            self.add(at, ids);
        }
    }

    fn whole(mut self) -> State {
        self.state.policies.truncate(self.known);
        self.places.clear();
        for (at, (_, outline)) in self.outlines.iter().enumerate() {
            let state = outline.whole();
            let places = outline.resources().map(|(id, _)| (at, id));
            self.places.extend(places);
            self.state.merge(state);
        }
        self.into_state()
    }

    /// The facts, with the policies in the order of the documents.
    fn into_state(mut self) -> State {
        let picked = self.state.policies.split_off(self.known);
        let mut picked: Vec<(Place, (ResourceName, Policy))> = self.places.into_iter().zip(picked).collect();
        picked.sort_by_key(|(place, _)| *place);
        let mut known = std::mem::take(&mut self.state.policies).into_iter();
        for ((outline, _), policy) in picked {
            let before = self.outlines[outline].0 - (self.known - known.len());
            self.state.policies.extend(known.by_ref().take(before));
            self.state.policies.push(policy);
        }
        self.state.policies.extend(known);
        self.state
    }
}

/// The last segment of a name.
fn last_of(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn parsed(text: &str) -> Member {
    let Ok(member) = text.parse();
    member
}

fn ends_with(text: &str, end: &str) -> bool {
    let at = text.len().checked_sub(end.len());
    at.is_some_and(|at| text.as_bytes()[at..].eq_ignore_ascii_case(end.as_bytes()))
}

/// What a member ends with, in every way to write it.
fn ends_of(member: &Member) -> Vec<String> {
    match member {
        Member::AllUsers => vec!["allUsers".to_owned(), "public:all".to_owned()],
        Member::User(name) | Member::Group(name) | Member::Domain(name) | Member::ServiceAccount(name) => {
            vec![name.clone()]
        }
        Member::Federated { subject, .. } => {
            let older = member
                .as_kubernetes()
                .map(|(namespace, name)| format!("[{namespace}/{name}]"));
            older.into_iter().chain([subject.clone()]).collect()
        }
        Member::FederatedSet { set, .. } => vec![set.to_string()],
        Member::AllAuthenticatedUsers
        | Member::AccountsIn(_)
        | Member::ProjectRole(..)
        | Member::Deleted(_)
        | Member::Unknown(_) => {
            vec![member.to_string()]
        }
    }
}
