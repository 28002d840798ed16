//! The chain that gives a subject a permission: by a grant of its own, or by acting as service accounts that it may
//! act as; or the first link that is missing.

use std::collections::VecDeque;

use hashbrown::HashSet;

use crate::decide::{Access, Decision, Grant, NearMiss, Reasoner};
use crate::grant::NewGrant;
use crate::member::Member;
use crate::name::ResourceName;

/// What lets one principal take the token of another.
pub const IMPERSONATION: &str = "iam.serviceAccounts.getAccessToken";

/// What lets one principal start something that runs as another.
pub const LAUNCHING: &str = "iam.serviceAccounts.actAs";

/// One step of a chain: `actor` acts as `account` by a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub actor: Member,
    pub account: Member,
    pub acting: Acting,
    pub grant: Grant,
}

/// How one principal acts as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acting {
    /// It takes its tokens.
    Token,
    /// It starts jobs, pipelines or machines that run as it.
    Launch,
}

impl Acting {
    pub(crate) fn permission(self) -> &'static str {
        match self {
            Acting::Token => IMPERSONATION,
            Acting::Launch => LAUNCHING,
        }
    }
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
        let mut seen: HashSet<Member> = HashSet::from([access.subject.clone()]);
        let mut waiting: VecDeque<(Member, Vec<Link>)> = VecDeque::from([(access.subject.clone(), Vec::new())]);
        let mut may_act_as = Vec::new();
        let mut near_links = Vec::new();
        let mut disabled = None;
        while let Some((actor, links)) = waiting.pop_front() {
            // What an identity provider says is said of the subject only.
            let attributes = if links.is_empty() { access.attributes } else { &[] };
            let actor_access = Access {
                subject: &actor,
                attributes,
                permission: IMPERSONATION,
                ..access.clone()
            };
            let accounts = self.accounts_of(&actor_access, Acting::Token);
            // The decision itself names them where the question is about acting as an account.
            if links.is_empty() && access.permission != IMPERSONATION {
                near_links = self.near_links(&actor_access, &accounts);
            }
            for (account, grant) in accounts {
                if !seen.insert(account.clone()) {
                    continue;
                }
                let mut links = links.clone();
                links.push(Link {
                    actor: actor.clone(),
                    account: account.clone(),
                    acting: Acting::Token,
                    grant,
                });
                let of_account = Access {
                    subject: &account,
                    attributes: &[],
                    ..access.clone()
                };
                let decision = self.decision(&of_account, &self.identities(&account, &[]));
                if matches!(decision, Decision::Granted(_)) {
                    return explain(links, decision);
                }
                if matches!(decision, Decision::Disabled(_)) {
                    disabled = disabled.or(Some((links, decision)));
                    continue;
                }
                may_act_as.push(account.clone());
                waiting.push_back((account, links));
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
        let mut all: Vec<(Member, Vec<Link>)> = vec![(access.subject.clone(), Vec::new())];
        let mut seen: HashSet<Member> = HashSet::from([access.subject.clone()]);
        let mut at = 0;
        while at < all.len() {
            let (actor, links) = all[at].clone();
            let attributes = if links.is_empty() { access.attributes } else { &[] };
            for way in ways {
                let of_actor = Access {
                    subject: &actor,
                    attributes,
                    ..access.clone()
                };
                for (account, grant) in self.accounts_of(&of_actor, *way) {
                    if seen.insert(account.clone()) {
                        let mut links = links.clone();
                        links.push(Link {
                            actor: actor.clone(),
                            account: account.clone(),
                            acting: *way,
                            grant,
                        });
                        all.push((account, links));
                    }
                }
            }
            at += 1;
        }
        all
    }

    /// The service accounts of the state that a subject may act as in a way, by name.
    fn accounts_of(&self, access: &Access<'_>, way: Acting) -> Vec<(Member, Grant)> {
        let identities = self.identities(access.subject, access.attributes);
        let mut accounts = Vec::new();
        for email in self.may_be_acted_as(&identities, way) {
            let resource = ResourceName::service_account(email);
            let access = Access {
                resource: &resource,
                permission: way.permission(),
                ..access.clone()
            };
            if let Decision::Granted(grant) = self.decision(&access, &identities) {
                accounts.push((Member::ServiceAccount(email.to_owned()), grant));
            }
        }
        accounts
    }

    /// Grants to act as other accounts that miss the subject by a letter.
    fn near_links(&self, access: &Access<'_>, accounts: &[(Member, Grant)]) -> Vec<Grant> {
        let mut near = Vec::new();
        for email in self.service_accounts() {
            let is_acted_as =
                |(account, _): &(Member, Grant)| matches!(account, Member::ServiceAccount(known) if known == email);
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
