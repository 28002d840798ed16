//! The chain that gives a subject a permission: by a grant of its own, or by acting as service accounts that it may
//! act as; or the first link that is missing.

use std::collections::VecDeque;

use hashbrown::HashSet;

use crate::decide::{Access, Decision, Grant, NearMiss, Reasoner};
use crate::grant::NewGrant;
use crate::member::Member;
use crate::name::ResourceName;
use crate::role::Permits;

/// What lets one principal take the token of another.
pub const IMPERSONATION: &str = "iam.serviceAccounts.getAccessToken";

/// What lets one principal take the token of another with a request that it signs as the other
/// (<https://cloud.google.com/iam/docs/service-account-permissions#concentric-permissions>).
const SIGNING: [&str; 2] = ["iam.serviceAccounts.signJwt", "iam.serviceAccounts.signBlob"];

/// What lets one principal take the token of a third, which another may take.
const DELEGATION: &str = "iam.serviceAccounts.implicitDelegation";

/// What lets one principal start something that runs as another.
pub const LAUNCHING: &str = "iam.serviceAccounts.actAs";

/// One step of a chain: `actor` acts as `account` by a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub actor: Member,
    pub account: Member,
    pub acting: Acting,
    /// The permission that it takes.
    pub permission: &'static str,
    pub grant: Grant,
}

/// How one principal acts as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acting {
    /// It takes its tokens.
    Token,
    /// It starts jobs, pipelines or machines that run as it.
    Launch,
    /// It takes the tokens of those whose tokens the other may take, and no others; the other is not acted as itself
    /// (<https://cloud.google.com/iam/docs/create-short-lived-credentials-delegated>).
    Delegation,
}

impl Acting {
    pub(crate) const COUNT: usize = 3;

    /// The permissions of which one is enough.
    pub(crate) fn permissions(self) -> &'static [&'static str] {
        match self {
            Acting::Token => &[IMPERSONATION, SIGNING[0], SIGNING[1]],
            Acting::Launch => &[LAUNCHING],
            Acting::Delegation => &[DELEGATION],
        }
    }
}

/// Somebody whom a subject acts as, or asks through.
pub(crate) struct Actor {
    pub(crate) member: Member,
    pub(crate) links: Vec<Link>,
}

impl Actor {
    /// Whether it only passes on what is asked.
    fn is_delegate(&self) -> bool {
        matches!(self.links.last(), Some(link) if link.acting == Acting::Delegation)
    }
}

/// Who was found, and who as a delegate alone.
#[derive(Default)]
struct Seen {
    whole: HashSet<Member>,
    delegates: HashSet<Member>,
    /// Whether some role lets sign and not take tokens, once that matters.
    signs_apart: Option<bool>,
}

/// Why a subject has a permission, or what it lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The accounts that the subject acts as, in order; none where the grant is for the subject.
    pub links: Vec<Link>,
    /// The decision for the last of them.
    pub decision: Decision,
    /// Accounts that the subject may act as, none of which has the permission.
    pub may_act_as: Vec<Member>,
    /// Grants to act as an account that are for members of nearly the subject's name.
    pub near_links: Vec<Grant>,
    /// The grant to make, where one is missing and a role for it is known.
    pub missing: Option<NewGrant>,
}

impl Reasoner<'_> {
    /// Explains a decision. The shortest chain is given; a denial of the subject itself is final, since it is meant.
    pub fn explain(&self, access: &Access<'_>) -> Explanation {
        let own = self.decide(access);
        let explain = |links: Vec<Link>, decision: Decision| Explanation {
            links,
            decision,
            may_act_as: Vec::new(),
            near_links: Vec::new(),
            missing: None,
        };
        if matches!(
            own,
            Decision::Granted(_) | Decision::Denied { .. } | Decision::Disabled(_)
        ) {
            return explain(Vec::new(), own);
        }
        let mut seen = Seen::default();
        seen.whole.insert(access.subject.clone());
        let mut waiting = VecDeque::from([Actor {
            member: access.subject.clone(),
            links: Vec::new(),
        }]);
        let mut may_act_as = Vec::new();
        let mut near_links = Vec::new();
        let mut disabled = None;
        while let Some(actor) = waiting.pop_front() {
            let found = self.next(access, &actor, &[Acting::Token], &mut seen);
            // The decision itself names them where the question is about acting as an account.
            if actor.links.is_empty() && access.permission != IMPERSONATION {
                let asked = Access {
                    permission: IMPERSONATION,
                    ..access.clone()
                };
                near_links = self.near_links(&asked, &found);
            }
            for next in found {
                if next.is_delegate() {
                    waiting.push_back(next);
                    continue;
                }
                let account = &next.member;
                let of_account = Access {
                    subject: account,
                    attributes: &[],
                    ..access.clone()
                };
                let decision = self.decision(&of_account, &self.identities(account, &[]));
                if matches!(decision, Decision::Granted(_)) {
                    return explain(next.links, decision);
                }
                if matches!(decision, Decision::Disabled(_)) {
                    disabled = disabled.or(Some((next.links, decision)));
                    continue;
                }
                may_act_as.push(account.clone());
                waiting.push_back(next);
            }
        }
        // The only way is closed.
        if let (Decision::Missed(_), Some((links, decision)), true) = (&own, disabled, may_act_as.is_empty()) {
            return explain(links, decision);
        }
        let missing = match own {
            // The account that is acted as is what grants are for, where there is just one.
            Decision::Missed(_) => {
                let member = if let [account] = &may_act_as[..] {
                    account
                } else {
                    access.subject
                };
                self.new_grant(&[access.permission], access.resource, member)
            }
            _ => None,
        };
        Explanation {
            links: Vec::new(),
            decision: own,
            may_act_as,
            near_links,
            missing,
        }
    }

    /// A subject, and all service accounts that it may act as, one behind the other, each with the shortest chain.
    pub(crate) fn acting(&self, access: &Access<'_>, ways: &[Acting]) -> Vec<(Member, Vec<Link>)> {
        let actors = self.actors(access, ways).into_iter();
        actors
            .filter(|actor| !actor.is_delegate())
            .map(|actor| (actor.member, actor.links))
            .collect()
    }

    /// The same with those whom it only asks through.
    pub(crate) fn actors(&self, access: &Access<'_>, ways: &[Acting]) -> Vec<Actor> {
        let mut seen = Seen::default();
        seen.whole.insert(access.subject.clone());
        let mut all = vec![Actor {
            member: access.subject.clone(),
            links: Vec::new(),
        }];
        let mut at = 0;
        while let Some(actor) = all.get(at) {
            let found = self.next(access, actor, ways, &mut seen);
            all.extend(found);
            at += 1;
        }
        all
    }

    /// Whom an actor acts as in some ways, or asks through, apart from those that were seen.
    fn next(&self, access: &Access<'_>, actor: &Actor, ways: &[Acting], seen: &mut Seen) -> Vec<Actor> {
        let access = Access {
            subject: &actor.member,
            // What an identity provider says is said of the subject only.
            attributes: if actor.links.is_empty() { access.attributes } else { &[] },
            ..access.clone()
        };
        let identities = self.identities(access.subject, access.attributes);
        let mut found = Vec::new();
        let ways: &[Acting] = if actor.is_delegate() { &[Acting::Token] } else { ways };
        for way in ways.iter().copied().chain([Acting::Delegation]) {
            // Requests to sign are not passed on for a token.
            let permissions = match actor.is_delegate() && way == Acting::Token {
                true => &[IMPERSONATION],
                false => way.permissions(),
            };
            for email in self.may_be_acted_as(&identities, way) {
                let account = Member::ServiceAccount(email.to_owned());
                let is_known =
                    seen.whole.contains(&account) || way == Acting::Delegation && seen.delegates.contains(&account);
                if is_known {
                    continue;
                }
                let resource = ResourceName::service_account(email);
                let mut granted = None;
                for permission in permissions {
                    let access = Access {
                        resource: &resource,
                        permission,
                        ..access.clone()
                    };
                    match self.decision(&access, &identities) {
                        Decision::Granted(grant) => {
                            granted = Some((*permission, grant));
                            break;
                        }
                        // Most roles have all of them: who misses one misses the others.
                        Decision::Missed(_) if !*seen.signs_apart.get_or_insert_with(|| self.signs_apart()) => break,
                        _ => {}
                    }
                }
                let Some((permission, grant)) = granted else {
                    continue;
                };
                match way {
                    Acting::Delegation => seen.delegates.insert(account.clone()),
                    Acting::Token | Acting::Launch => seen.whole.insert(account.clone()),
                };
                let mut links = actor.links.clone();
                links.push(Link {
                    actor: actor.member.clone(),
                    account: account.clone(),
                    acting: way,
                    permission,
                    grant,
                });
                found.push(Actor { member: account, links });
            }
        }
        found
    }

    /// Whether a role that is granted somewhere lets sign as an account, and not take its tokens.
    fn signs_apart(&self) -> bool {
        let mut roles: HashSet<&str> = HashSet::new();
        let bindings = self.state().bindings().map(|(_, binding)| binding.role.as_str());
        bindings.filter(|role| roles.insert(role)).any(|role| {
            let permits = |permission: &str| self.permits(role, permission) == Permits::Yes;
            SIGNING.into_iter().any(permits) && !permits(IMPERSONATION)
        })
    }

    /// Grants to act as other accounts that miss the subject by a letter.
    fn near_links(&self, access: &Access<'_>, accounts: &[Actor]) -> Vec<Grant> {
        let mut near = Vec::new();
        for email in self.service_accounts() {
            let is_acted_as = |actor: &Actor| matches!(&actor.member, Member::ServiceAccount(known) if known == email);
            if accounts.iter().any(is_acted_as) {
                continue;
            }
            let on = [ResourceName::service_account(email)];
            near.extend(self.misspelt(access, &on).into_iter().filter_map(|near| match near {
                NearMiss::Spelling(grant) => Some(grant),
                NearMiss::Condition(_) => None,
            }));
        }
        near
    }
}
