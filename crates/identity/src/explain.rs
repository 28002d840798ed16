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

/// One step of a chain: `actor` acts as `account` by a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub actor: Member,
    pub account: Member,
    pub grant: Grant,
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
        if matches!(own, Decision::Granted(_) | Decision::Denied { .. }) {
            return explain(Vec::new(), own);
        }
        let mut seen: HashSet<Member> = HashSet::from([access.subject.clone()]);
        let mut waiting: VecDeque<(Member, Vec<Link>)> = VecDeque::from([(access.subject.clone(), Vec::new())]);
        let mut may_act_as = Vec::new();
        let mut near_links = Vec::new();
        while let Some((actor, links)) = waiting.pop_front() {
            // What an identity provider says is said of the subject only.
            let attributes = if links.is_empty() { access.attributes } else { &[] };
            let (accounts, near) = self.accounts_of(&Access {
                subject: &actor,
                attributes,
                ..access.clone()
            });
            // The decision itself names them where the question is about acting as an account.
            if links.is_empty() && access.permission != IMPERSONATION {
                near_links = near;
            }
            for (account, grant) in accounts {
                if !seen.insert(account.clone()) {
                    continue;
                }
                let mut links = links.clone();
                links.push(Link {
                    actor: actor.clone(),
                    account: account.clone(),
                    grant,
                });
                let decision = self.decide(&Access {
                    subject: &account,
                    attributes: &[],
                    ..access.clone()
                });
                if matches!(decision, Decision::Granted(_)) {
                    return explain(links, decision);
                }
                may_act_as.push(account.clone());
                waiting.push_back((account, links));
            }
        }
        let missing = match own {
            // The account that is acted as is what grants are for, where there is just one.
            Decision::Missed(_) => {
                let member = if let [account] = &may_act_as[..] {
                    account
                } else {
                    access.subject
                };
                self.new_grant(access.permission, access.resource, member)
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

    /// The service accounts of the state that a subject may act as, by name, and the grants that miss it by a letter.
    fn accounts_of(&self, access: &Access<'_>) -> (Vec<(Member, Grant)>, Vec<Grant>) {
        let mut accounts = Vec::new();
        let mut near = Vec::new();
        for email in self.service_accounts() {
            let resource = ResourceName::service_account(email);
            let decision = self.decide(&Access {
                permission: IMPERSONATION,
                resource: &resource,
                ..access.clone()
            });
            match decision {
                Decision::Granted(grant) => accounts.push((Member::ServiceAccount(email.to_owned()), grant)),
                Decision::Missed(missed) => near.extend(missed.near.into_iter().filter_map(|near| match near {
                    NearMiss::Spelling(grant) => Some(grant),
                    NearMiss::Condition(_) => None,
                })),
                _ => {}
            }
        }
        (accounts, near)
    }
}
