//! What workloads need: noted at the grant that gives it, or as an edge of its own where it is missing.

use super::bindings::kind_of;
use super::make::{Key, Maker};
use super::{EdgeKind, Need};
use crate::landscape::NeedVerdict;
use crate::member::Member;

pub(super) fn needs(maker: &mut Maker<'_, '_>) {
    let landscape = maker.landscape;
    for (at, tree) in landscape.trees.iter().enumerate() {
        for need in &tree.needs {
            let from = match landscape.identity(at, &need.subject).member {
                Some(member) => maker.member(&member),
                None => maker.identity(at, &need.subject),
            };
            maker.belongs(from, &tree.place);
            let on = landscape.reasoner.takes_grants(&need.resource);
            let on = on.unwrap_or_else(|| landscape.reasoner.canonical(&need.resource));
            let to = maker.resource(&on);
            maker.belongs(to, &tree.place);
            if maker.graph.nodes[to].places.is_empty() {
                maker.graph.nodes[to].places.push(need.mark);
            }
            let shown = Need {
                permission: need.permission,
                reason: format!(
                    "{} {} on {}",
                    need.object.kind_and_name(),
                    need.reason,
                    need.resource.short()
                ),
                mark: need.mark,
            };
            // Without any grants, nothing is known to be missing.
            let verdict = match landscape.state().policies.is_empty() {
                true => Some(NeedVerdict::Unknown(vec!["no grants are known".to_owned()])),
                false => landscape.verdict(at, need).map(|(_, verdict)| verdict),
            };
            let (kind, why) = match verdict {
                Some(NeedVerdict::Held(grant)) => {
                    held(maker, &grant, shown);
                    continue;
                }
                Some(NeedVerdict::Missing(_)) => (EdgeKind::Missing, None),
                Some(NeedVerdict::Denied { on, .. }) => (
                    EdgeKind::Missing,
                    Some(format!("a deny policy on {} denies it", on.short())),
                ),
                Some(NeedVerdict::Disabled(account)) => {
                    (EdgeKind::Missing, Some(format!("{} is disabled", account.short())))
                }
                Some(NeedVerdict::Unknown(reasons)) => (EdgeKind::Unverified, Some(reasons.join("; "))),
                None => {
                    let why = "the pool of the cluster is not known".to_owned();
                    (EdgeKind::Unverified, Some(why))
                }
            };
            let edge = maker.edge(from, to, kind, None);
            match kind {
                EdgeKind::Missing => edge.fault = edge.fault.take().or(why),
                _ => edge.doubt = edge.doubt.take().or(why),
            }
            edge.needs.push(shown);
        }
    }
}

fn held(maker: &mut Maker<'_, '_>, grant: &crate::decide::Grant, need: Need) {
    let Some(from) = maker.number(&Key::Member(grant.member.clone())) else {
        return;
    };
    let to = match super::make::account_of(&grant.on) {
        Some(account) => maker.number(&Key::Member(account)),
        None => maker.number(&Key::Resource(grant.on.clone())),
    };
    let Some(to) = to else { return };
    let kind = kind_of(maker, &grant.member, &grant.on, &grant.role);
    let condition = grant.condition.as_ref().map(|condition| condition.expression.as_str());
    if let Some(edge) = maker.known_edge(from, to, kind, (&grant.role, condition)) {
        edge.needs.push(need);
    }
}

impl Maker<'_, '_> {
    /// All members that have nodes, in the order of their numbers.
    pub(super) fn members(&self) -> impl Iterator<Item = &Member> {
        let mut members: Vec<(usize, &Member)> = self
            .keys()
            .filter_map(|(key, at)| match key {
                Key::Member(member) => Some((at, member)),
                _ => None,
            })
            .collect();
        members.sort_unstable();
        members.into_iter().map(|(_, member)| member)
    }
}
