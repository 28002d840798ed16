//! Answers about identities, for a program.

use identity::{Decision, Grant, Member, NearMiss, ResourceName};
use serde::Serialize;

use super::Answer;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExplanationRecord<'a> {
    subject: String,
    permission: &'a str,
    resource: &'a str,
    decision: DecisionRecord<'a>,
    links: Vec<LinkRecord<'a>>,
    may_act_as: Vec<String>,
    near_links: Vec<GrantRecord<'a>>,
    missing: Option<MissingRecord<'a>>,
}

#[derive(Serialize)]
struct WhoCanRecord<'a> {
    permission: &'a str,
    resource: &'a str,
    members: Vec<MemberRecord<'a>>,
}

#[derive(Serialize)]
struct MemberRecord<'a> {
    member: String,
    decision: DecisionRecord<'a>,
}

#[derive(Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
enum DecisionRecord<'a> {
    Granted {
        grant: GrantRecord<'a>,
    },
    Denied {
        /// What the deny policy is on; none where the account is disabled.
        #[serde(skip_serializing_if = "Option::is_none")]
        resource: Option<&'a str>,
        member: String,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        disabled: bool,
    },
    Missing {
        near: Vec<NearRecord<'a>>,
    },
    Unknown {
        reasons: &'a [String],
    },
}

/// A grant that nearly gives the permission, and what differs: `condition` or `member`.
#[derive(Serialize)]
struct NearRecord<'a> {
    differs: &'static str,
    grant: GrantRecord<'a>,
}

#[derive(Serialize)]
struct GrantRecord<'a> {
    role: &'a str,
    member: String,
    resource: &'a str,
    condition: Option<&'a str>,
}

#[derive(Serialize)]
struct LinkRecord<'a> {
    actor: String,
    account: String,
    /// That of a delegation, and of signing, is another than that of taking a token.
    permission: &'static str,
    grant: GrantRecord<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MissingRecord<'a> {
    role: &'a str,
    member: String,
    resource: &'a str,
    gcloud: String,
    terraform: String,
    config_connector: String,
}

pub(super) fn explanation(answer: &Answer<'_>) -> String {
    let Answer { access, explanation } = answer;
    let links = explanation.links.iter().map(|link| LinkRecord {
        actor: link.actor.to_string(),
        account: link.account.to_string(),
        permission: link.permission,
        grant: grant(&link.grant),
    });
    let missing = explanation.missing.as_ref().map(|missing| MissingRecord {
        role: &missing.role,
        member: missing.member.to_string(),
        resource: missing.on.as_str(),
        gcloud: missing.gcloud(),
        terraform: missing.terraform(),
        config_connector: missing.config_connector(),
    });
    pretty(&ExplanationRecord {
        subject: access.subject.to_string(),
        permission: access.permission,
        resource: access.resource.as_str(),
        decision: decision(&explanation.decision),
        links: links.collect(),
        may_act_as: explanation.may_act_as.iter().map(Member::to_string).collect(),
        near_links: explanation.near_links.iter().map(grant).collect(),
        missing,
    })
}

pub(super) fn who_can(permission: &str, resource: &ResourceName, members: &[(Member, Decision)]) -> String {
    let members = members.iter().map(|(member, found)| MemberRecord {
        member: member.to_string(),
        decision: decision(found),
    });
    pretty(&WhoCanRecord {
        permission,
        resource: resource.as_str(),
        members: members.collect(),
    })
}

fn decision(decision: &Decision) -> DecisionRecord<'_> {
    match decision {
        Decision::Granted(found) => DecisionRecord::Granted { grant: grant(found) },
        Decision::Denied { on, member } => DecisionRecord::Denied {
            resource: Some(on.as_str()),
            member: member.to_string(),
            disabled: false,
        },
        Decision::Disabled(account) => DecisionRecord::Denied {
            resource: None,
            member: account.to_string(),
            disabled: true,
        },
        Decision::Missed(missed) => {
            let near = missed.near.iter().map(|near| {
                let (differs, found) = match near {
                    NearMiss::Condition(found) => ("condition", found),
                    NearMiss::Spelling(found) => ("member", found),
                };
                NearRecord {
                    differs,
                    grant: grant(found),
                }
            });
            DecisionRecord::Missing { near: near.collect() }
        }
        Decision::Unknown(reasons) => DecisionRecord::Unknown { reasons },
    }
}

fn grant(grant: &Grant) -> GrantRecord<'_> {
    GrantRecord {
        role: &grant.role,
        member: grant.member.to_string(),
        resource: grant.on.as_str(),
        condition: grant.condition.as_ref().map(|condition| condition.expression.as_str()),
    }
}

pub(super) fn pretty(record: &impl Serialize) -> String {
    // Only texts and lists are in the records: writing them cannot fail.
    format!("{}\n", serde_json::to_string_pretty(record).unwrap_or_default())
}
