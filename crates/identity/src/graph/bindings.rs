//! The grants that concern the trees: what their identities reach, and who else reaches what they use.

use hashbrown::{HashMap, HashSet};

use super::EdgeKind;
use super::make::{Key, Maker, account_of};
use crate::breadth::{breadth, is_public};
use crate::explain::IMPERSONATION;
use crate::member::Member;
use crate::name::ResourceName;
use crate::policy::{Binding, DenyRule};
use crate::role::Permits;

const ACT_AS: &str = "iam.serviceAccounts.actAs";

/// Groups with more members that have no other part in the graph are not unfolded.
const UNFOLDED: usize = 12;

/// Adds grants, denials and groups.
pub(super) fn grants(maker: &mut Maker<'_, '_>) {
    let reasoner = maker.landscape.reasoner;
    let state = maker.landscape.state();
    let bindings: Vec<(ResourceName, &Binding)> = state
        .bindings()
        .map(|(on, binding)| (reasoner.canonical(on), binding))
        .collect();
    let mut of_member: HashMap<&Member, Vec<usize>> = HashMap::new();
    for (at, (_, binding)) in bindings.iter().enumerate() {
        for member in &binding.members {
            of_member.entry(member).or_default().push(at);
        }
    }
    // Those who are in the trees, and whom they may act as.
    let mut waiting = members_of_trees(maker);
    let used = used(maker, &waiting);
    let mut reached: HashSet<Member> = waiting.iter().cloned().collect();
    while let Some(member) = waiting.pop() {
        for who in reasoner
            .identities(&member, &[])
            .into_iter()
            .filter(|who| !is_public(who))
        {
            for &at in of_member.get(&who).into_iter().flatten() {
                let (on, binding) = &bindings[at];
                let account = account_of(on).filter(|_| is_impersonation(maker, &binding.role));
                waiting.extend(account.filter(|account| reached.insert(account.clone())));
            }
            reached.insert(who);
        }
    }
    for (on, binding) in &bindings {
        let is_used = used.contains(on);
        for member in &binding.members {
            if is_used || reached.contains(member) {
                grant(maker, member, on, binding);
            }
        }
    }
    for (on, rule) in &state.deny_rules {
        denial(maker, &reasoner.canonical(on), rule);
    }
    memberships(maker);
}

/// The identities of the trees, on both sides of their links.
fn members_of_trees(maker: &Maker<'_, '_>) -> Vec<Member> {
    let landscape = maker.landscape;
    let mut members = Vec::new();
    for (at, tree) in landscape.trees.iter().enumerate() {
        let accounts = tree.accounts.iter().map(|account| account.runs_as());
        let runs = tree.runs.iter().map(|run| run.runs_as.clone());
        let needs = tree.needs.iter().map(|need| need.subject.clone());
        for runs_as in accounts.chain(runs).chain(needs) {
            let identity = landscape.identity(at, &runs_as);
            members.extend(identity.kubernetes);
            members.extend(identity.member);
        }
    }
    members.sort_unstable();
    members.dedup();
    members
}

/// What the trees use: their projects, their accounts, what their needs name.
fn used(maker: &Maker<'_, '_>, members: &[Member]) -> HashSet<ResourceName> {
    let reasoner = maker.landscape.reasoner;
    let mut used = HashSet::new();
    for tree in maker.landscape.trees {
        used.extend(tree.place.project.as_deref().map(ResourceName::project));
        used.extend(
            tree.needs
                .iter()
                .filter_map(|need| reasoner.takes_grants(&need.resource)),
        );
    }
    used.extend(members.iter().filter_map(|member| match member {
        Member::ServiceAccount(email) => Some(reasoner.canonical(&ResourceName::service_account(email))),
        _ => None,
    }));
    used
}

fn is_impersonation(maker: &Maker<'_, '_>, role: &str) -> bool {
    let permits = |permission| maker.landscape.reasoner.permits(role, permission) == Permits::Yes;
    permits(IMPERSONATION) || permits(ACT_AS)
}

fn grant(maker: &mut Maker<'_, '_>, member: &Member, on: &ResourceName, binding: &Binding) {
    let from = maker.member(member);
    let to = maker.resource(on);
    let may_be = maker.landscape.reasoner.permits(&binding.role, IMPERSONATION) == Permits::Yes;
    let kind = kind_of(maker, member, on, &binding.role);
    if kind == EdgeKind::Link && may_be {
        // Both halves of a link are one edge.
        let edge = maker.edge(from, to, EdgeKind::Link, None);
        edge.role.get_or_insert_with(|| binding.role.clone());
        if let Some(condition) = &binding.condition {
            edge.condition.get_or_insert_with(|| condition.expression.clone());
        }
        edge.places.push(binding.mark);
        return;
    }
    let condition = binding
        .condition
        .as_ref()
        .map(|condition| condition.expression.as_str());
    let edge = maker.edge(from, to, kind, Some((&binding.role, condition)));
    edge.places.push(binding.mark);
    edge.too_broad = match is_public(member) {
        true => Some("anybody on the internet has it".to_owned()),
        false => breadth(&binding.role, on).map(str::to_owned),
    };
}

/// What a grant is: on an account, it may let a member be it.
pub(super) fn kind_of(maker: &Maker<'_, '_>, member: &Member, on: &ResourceName, role: &str) -> EdgeKind {
    let permits = |permission| maker.landscape.reasoner.permits(role, permission) == Permits::Yes;
    match account_of(on) {
        Some(_) if permits(IMPERSONATION) && member.as_kubernetes().is_some() => EdgeKind::Link,
        Some(_) if permits(IMPERSONATION) || permits(ACT_AS) => EdgeKind::ActsAs,
        _ => EdgeKind::Grant,
    }
}

/// A denial for somebody or something that is there already.
fn denial(maker: &mut Maker<'_, '_>, on: &ResourceName, rule: &DenyRule) {
    let is_there = maker.number(&Key::Resource(on.clone())).is_some();
    for member in &rule.denied {
        if !is_there && maker.number(&Key::Member(member.clone())).is_none() {
            continue;
        }
        let (from, to) = (maker.member(member), maker.resource(on));
        let condition = rule.condition.as_ref().map(|condition| condition.expression.as_str());
        let edge = maker.edge(
            from,
            to,
            EdgeKind::Denied,
            Some((&rule.permissions.join(", "), condition)),
        );
        edge.places.push(rule.mark);
    }
}

/// Who is in the groups and sets that are there.
fn memberships(maker: &mut Maker<'_, '_>) {
    let state = maker.landscape.state();
    // A group in a group that is there is there, too.
    let mut waiting: Vec<&String> = state.groups.keys().collect();
    let mut is_done = HashSet::new();
    while let Some(group) = waiting.pop() {
        let Some(to) = maker.number(&Key::Member(Member::Group(group.clone()))) else {
            continue;
        };
        if !is_done.insert(group) {
            continue;
        }
        let Some(members) = state.groups.get(group) else {
            continue;
        };
        let is_small = members.len() <= UNFOLDED;
        let mut folded = 0;
        for member in members {
            if !is_small && maker.number(&Key::Member(member.clone())).is_none() {
                folded += 1;
                continue;
            }
            let from = maker.member(member);
            maker.edge(from, to, EdgeKind::MemberOf, None);
            if let Member::Group(inner) = member {
                waiting.extend(state.groups.get_key_value(inner).map(|(name, _)| name));
            }
        }
        if folded > 0 {
            let node = &mut maker.graph.nodes[to];
            node.detail = format!("{}, {folded} more members", node.detail);
        }
    }
    let sets: Vec<Member> = maker.members().filter(|member| is_set(member)).cloned().collect();
    let members: Vec<Member> = maker.members().filter(|member| !is_set(member)).cloned().collect();
    if sets.is_empty() {
        return;
    }
    let numbers: HashMap<&Member, usize> = sets
        .iter()
        .filter_map(|set| Some((set, maker.number(&Key::Member(set.clone()))?)))
        .collect();
    for member in &members {
        let Some(from) = maker.number(&Key::Member(member.clone())) else {
            continue;
        };
        for covering in maker.landscape.reasoner.identities(member, &[]) {
            if let Some(to) = numbers.get(&covering) {
                maker.edge(from, *to, EdgeKind::MemberOf, None);
            }
        }
    }
}

/// Sets that a member's own name says it is in; everybody is in those of everybody.
fn is_set(member: &Member) -> bool {
    matches!(
        member,
        Member::FederatedSet { .. } | Member::Domain(_) | Member::ProjectRole(..)
    )
}
