//! Who is in the groups that policies name, asked of Cloud Identity
//! (<https://cloud.google.com/identity/docs/reference/rest/v1/groups.memberships>).

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt};
use identity::{Member, State};
use serde::Deserialize;
use serde_json::Value;

use crate::client::{Client, read};
use crate::endpoint::Service;
use crate::error::{Error, ErrorKind};

/// How many groups are asked about at once.
const AT_ONCE: usize = 8;

/// Members of groups, by the address of the group; and the groups whose members nobody may see.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    pub(crate) members: BTreeMap<String, Vec<Member>>,
    pub(crate) hidden: BTreeMap<String, Error>,
}

/// What a look-up by the address gives.
#[derive(Deserialize)]
struct Found {
    /// `groups/ID`.
    name: String,
}

/// One of a group itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Membership {
    preferred_member_key: Key,
    r#type: Option<String>,
}

/// One of a group, or of a group in it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Relation {
    /// `users/ID` or `groups/ID`.
    #[serde(default)]
    member: String,
    #[serde(default)]
    preferred_member_key: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    #[serde(default)]
    id: String,
    /// Of a source outside of Google, whose ids are no addresses.
    namespace: Option<String>,
}

impl Groups {
    /// The members of all groups that a state names, and of the groups in them.
    ///
    /// # Errors
    /// [`Error`] where Google fails. Groups that are refused are hidden.
    pub(crate) async fn of(client: &Client, state: &State) -> Result<Groups, Error> {
        let mut groups = Groups::default();
        let mut waiting = named(state);
        // Only some editions of Google's answer for members of members.
        let mut is_deep = true;
        while !waiting.is_empty() {
            let asked = waiting.iter().map(|group| members(client, group, is_deep));
            let answers: Vec<Result<Answer, Error>> = stream::iter(asked).buffered(AT_ONCE).collect().await;
            let mut next = BTreeSet::new();
            for (group, answer) in std::mem::take(&mut waiting).into_iter().zip(answers) {
                match answer {
                    Ok(answer) => {
                        is_deep &= answer.is_deep;
                        next.extend(answer.members.iter().filter_map(|member| match member {
                            Member::Group(group) if !answer.is_deep => Some(group.clone()),
                            _ => None,
                        }));
                        groups.members.insert(group, answer.members);
                    }
                    Err(error) if error.kind == ErrorKind::Refused && error.status != 401 => {
                        groups.hidden.insert(group, error);
                    }
                    Err(error) => return Err(error),
                }
            }
            next.retain(|group| !groups.members.contains_key(group) && !groups.hidden.contains_key(group));
            waiting = next;
        }
        Ok(groups)
    }
}

/// The groups that policies and denials name.
fn named(state: &State) -> BTreeSet<String> {
    let granted = state.bindings().flat_map(|(_, binding)| &binding.members);
    let denied = state
        .deny_rules
        .iter()
        .flat_map(|(_, rule)| rule.denied.iter().chain(&rule.except));
    let groups = granted.chain(denied).filter_map(|member| match member {
        Member::Group(address) => Some(address.clone()),
        _ => None,
    });
    groups.collect()
}

/// The members of a group.
struct Answer {
    members: Vec<Member>,
    /// With those of the groups in it.
    is_deep: bool,
}

async fn members(client: &Client, group: &str, is_deep: bool) -> Result<Answer, Error> {
    let what = format!("the members of group:{group}");
    let key = [("groupKey.id", group.to_owned())];
    let found: Found = client
        .get(&what, Service::CloudIdentity, "/v1/groups:lookup", &key)
        .await?;
    let name = found.name;
    if is_deep {
        let path = format!("/v1/{name}/memberships:searchTransitiveMemberships");
        let query = [("pageSize", "1000".to_owned())];
        match client
            .list(&what, Service::CloudIdentity, &path, "memberships", &query)
            .await
        {
            Ok(all) => {
                let members = each(&what, all, Relation::member)?;
                return Ok(Answer { members, is_deep });
            }
            Err(error) if error.kind == ErrorKind::Refused && error.status != 401 => {}
            Err(error) => return Err(error),
        }
    }
    let path = format!("/v1/{name}/memberships");
    let query = [("view", "FULL".to_owned()), ("pageSize", "500".to_owned())];
    let all = client
        .list(&what, Service::CloudIdentity, &path, "memberships", &query)
        .await?;
    Ok(Answer {
        members: each(&what, all, Membership::member)?,
        is_deep: false,
    })
}

/// Members of the sorts that policies know; devices and drives may be in groups as well.
fn each<T: serde::de::DeserializeOwned>(
    what: &str,
    all: Vec<Value>,
    member: fn(&T) -> Option<Member>,
) -> Result<Vec<Member>, Error> {
    let read = all
        .into_iter()
        .map(|one| Ok(member(&read::<T>(what, &one.to_string())?)));
    read.filter_map(Result::transpose).collect()
}

impl Membership {
    fn member(&self) -> Option<Member> {
        let kind = match self.r#type.as_deref() {
            Some("GROUP") => "group",
            Some("USER") | None => return self.preferred_member_key.account(),
            Some("SERVICE_ACCOUNT") => "serviceAccount",
            Some(_) => return None,
        };
        let Ok(member) = format!("{kind}:{}", self.preferred_member_key.address()?).parse();
        Some(member)
    }
}

impl Relation {
    fn member(&self) -> Option<Member> {
        let key = self.preferred_member_key.first()?;
        if !self.member.starts_with("groups/") {
            return key.account();
        }
        let Ok(group) = format!("group:{}", key.address()?).parse();
        Some(group)
    }
}

impl Key {
    fn address(&self) -> Option<&str> {
        (self.namespace.is_none() && self.id.contains('@')).then_some(&self.id)
    }

    /// A user, or a service account by the domain of its address.
    fn account(&self) -> Option<Member> {
        let address = self.address()?;
        let is_robot = address.to_ascii_lowercase().ends_with(".gserviceaccount.com");
        let Ok(member) = format!("{}:{address}", if is_robot { "serviceAccount" } else { "user" }).parse();
        Some(member)
    }
}
