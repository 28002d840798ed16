//! The policy of one resource: read, changed, set again. Who changed it in between is not overwritten.

use std::time::Duration;

use identity::ResourceName;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, Request, read, stretched};
use crate::endpoint::Service;
use crate::error::Error;
use crate::witness::{Change, Witness};

/// How often a change is tried again because somebody else was quicker.
const CONFLICTS: u32 = 8;

/// A member gets a role, or has it no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// A grant without a condition.
    Add { role: String, member: String },
    /// Out of the bindings of the role that have this condition, as an expression, or none.
    Remove {
        role: String,
        /// The names that the policy may have for the member.
        members: Vec<String>,
        condition: Option<String>,
    },
}

impl Edit {
    fn words(&self) -> String {
        match self {
            Edit::Add { role, member } => format!("grant {role} to {member}"),
            Edit::Remove { role, members, .. } => format!("take {role} from {}", members.join(" or ")),
        }
    }
}

/// What came of edits, one by one in their order: whether there was something to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edited {
    pub made: Vec<bool>,
}

/// How the policy of a resource is asked for and set.
#[derive(Clone, Debug)]
pub struct PolicyApi {
    service: Service,
    get: (Method, String),
    set: (Method, String),
    /// The full name.
    resource: String,
    /// For errors.
    what: String,
}

impl PolicyApi {
    /// The calls for a project, folder, organization, bucket, service account, secret, repository, key or topic. None
    /// for other resources.
    pub fn of(name: &ResourceName) -> Option<PolicyApi> {
        let service = Service::of_host(name.service())?;
        let path = name.path();
        let segments: Vec<&str> = path.split('/').collect();
        let post = |path: &str, verb: &str| (Method::POST, format!("{path}:{verb}"));
        let (get, set) = match (service, &segments[..]) {
            (Service::ResourceManager, ["projects" | "folders" | "organizations", _]) => {
                let path = format!("/v3/{path}");
                (post(&path, "getIamPolicy"), post(&path, "setIamPolicy"))
            }
            (Service::Storage, ["projects", "_", "buckets", bucket]) => {
                let path = format!("/storage/v1/b/{bucket}/iam");
                ((Method::GET, path.clone()), (Method::PUT, path))
            }
            (Service::Iam, ["projects", _, "serviceAccounts", _]) => {
                let path = format!("/v1/{path}");
                (post(&path, "getIamPolicy"), post(&path, "setIamPolicy"))
            }
            (Service::SecretManager, ["projects", _, "secrets", _])
            | (Service::SecretManager, ["projects", _, "locations", _, "secrets", _])
            | (Service::ArtifactRegistry, ["projects", _, "locations", _, "repositories", _])
            | (
                Service::CloudKms,
                ["projects", _, "locations", _, "keyRings", _]
                | ["projects", _, "locations", _, "keyRings", _, "cryptoKeys", _],
            )
            | (Service::PubSub, ["projects", _, "topics" | "subscriptions", _]) => {
                let path = format!("/v1/{path}");
                (
                    (Method::GET, format!("{path}:getIamPolicy")),
                    post(&path, "setIamPolicy"),
                )
            }
            _ => return None,
        };
        Some(PolicyApi {
            service,
            get,
            set,
            resource: name.as_str().to_owned(),
            what: format!("the policy of {}", name.short()),
        })
    }

    /// The policy, as Google's JSON, with conditions.
    ///
    /// # Errors
    /// [`Error`] where Google refuses or fails.
    pub async fn read(&self, client: &Client) -> Result<Value, Error> {
        let options = json!({"options": {"requestedPolicyVersion": 3}});
        let is_of_manager = self.service == Service::ResourceManager;
        let version = match self.service {
            Service::Storage => "optionsRequestedPolicyVersion",
            _ => "options.requestedPolicyVersion",
        };
        let query = [(version, "3".to_owned())];
        let nothing = json!({});
        let request = Request {
            what: &self.what,
            service: self.service,
            method: self.get.0.clone(),
            path: &self.get.1,
            query: if is_of_manager { &[] } else { &query },
            body: match &self.get.0 {
                _ if is_of_manager => Some(&options),
                &Method::POST => Some(&nothing),
                _ => None,
            },
            media: None,
        };
        read(&self.what, &client.send(&request).await?)
    }

    /// Makes some edits. What is there already is left; the rest of the policy stays as it is, also where somebody else
    /// changes it at the same time: then it is read again, and the edits are made on what it became.
    ///
    /// # Errors
    /// [`Error`] where Google refuses or fails, or others are quicker again and again. Nothing was changed then, but for
    /// an answer that was lost: to make the same edits again is safe. And where `witness` refuses.
    pub async fn edit(&self, client: &Client, edits: &[Edit], witness: &dyn Witness) -> Result<Edited, Error> {
        let mut made: Option<Vec<bool>> = None;
        let mut attempt = 0;
        loop {
            let mut policy = self.read(client).await?;
            let changed = apply(&mut policy, edits);
            let changes = edits.iter().zip(&changed).filter(|(_, changed)| **changed);
            let words: Vec<String> = changes.map(|(edit, _)| edit.words()).collect();
            let is_changed = changed.contains(&true);
            // What was to be done counts as it was seen first: later it may be there because of a lost answer.
            let made = made.get_or_insert(changed);
            if !is_changed {
                return Ok(Edited { made: made.clone() });
            }
            match self.set(client, &policy, &words, witness).await {
                Ok(()) => return Ok(Edited { made: made.clone() }),
                Err(error) if error.is_conflict() && attempt < CONFLICTS => {
                    tokio::time::sleep(stretched(Duration::from_millis(100) * 2_u32.pow(attempt.min(5)))).await;
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn set(&self, client: &Client, policy: &Value, words: &[String], witness: &dyn Witness) -> Result<(), Error> {
        let wrapped = json!({ "policy": policy });
        let body = match self.service {
            Service::Storage => policy,
            _ => &wrapped,
        };
        let request = Request {
            what: &self.what,
            service: self.service,
            method: self.set.0.clone(),
            path: &self.set.1,
            query: &[],
            body: Some(body),
            media: None,
        };
        let change = Change {
            verb: "setIamPolicy",
            resource: &self.resource,
            words,
            body,
        };
        client.change(&request, &change, witness).await.map(|_| ())
    }
}

/// Makes edits in a policy; whether each changed something.
fn apply(policy: &mut Value, edits: &[Edit]) -> Vec<bool> {
    if !policy["bindings"].is_array() {
        policy["bindings"] = json!([]);
    }
    let Some(bindings) = policy["bindings"].as_array_mut() else {
        return vec![false; edits.len()];
    };
    let made = edits.iter().map(|edit| match edit {
        Edit::Add { role, member } => add(bindings, role, member),
        Edit::Remove {
            role,
            members,
            condition,
        } => remove(bindings, role, members, condition.as_deref()),
    });
    let made = made.collect();
    bindings.retain(|binding| binding["members"].as_array().is_none_or(|members| !members.is_empty()));
    // A policy with conditions is taken in this version only.
    if bindings.iter().any(|binding| !binding["condition"].is_null()) {
        policy["version"] = json!(3);
    }
    made
}

/// Members are compared as IAM does: the case of addresses is nothing.
fn is_member(held: &Value, member: &str) -> bool {
    held.as_str()
        .is_some_and(|held| held == member || (member.contains('@') && held.eq_ignore_ascii_case(member)))
}

fn add(bindings: &mut Vec<Value>, role: &str, member: &str) -> bool {
    let of_role = bindings
        .iter_mut()
        .find(|binding| binding["role"] == role && binding["condition"].is_null());
    let Some(binding) = of_role else {
        bindings.push(json!({"role": role, "members": [member]}));
        return true;
    };
    match binding["members"].as_array_mut() {
        Some(members) if members.iter().any(|held| is_member(held, member)) => false,
        Some(members) => {
            members.push(json!(member));
            true
        }
        None => {
            binding["members"] = json!([member]);
            true
        }
    }
}

fn remove(bindings: &mut [Value], role: &str, members: &[String], condition: Option<&str>) -> bool {
    let mut found = false;
    for binding in bindings.iter_mut() {
        if binding["role"] != role || binding["condition"]["expression"].as_str() != condition {
            continue;
        }
        if let Some(held) = binding["members"].as_array_mut() {
            let before = held.len();
            held.retain(|held| !members.iter().any(|member| is_member(held, member)));
            found |= held.len() < before;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(kind: &str, role: &str, member: &str) -> Edit {
        let (role, member) = (role.to_owned(), member.to_owned());
        match kind {
            "add" => Edit::Add { role, member },
            kind => Edit::Remove {
                role,
                members: vec!["user:nobody@acme.com".to_owned(), member],
                condition: (kind == "remove conditional").then(|| "false".to_owned()),
            },
        }
    }

    #[test]
    fn edits_leave_the_rest_of_a_policy_alone() {
        let mut policy = json!({"etag": "x", "unknown": 1, "bindings": [
            {"role": "roles/a", "members": ["user:ann@acme.com"], "condition": {"expression": "false"}},
            {"role": "roles/a", "members": ["user:Bob@acme.com"]},
            {"role": "roles/b", "members": ["user:ann@acme.com"]},
            {"role": "roles/d", "members": ["user:ann@acme.com", "user:bob@acme.com"], "condition": {"expression": "false"}},
        ]});
        let made = apply(
            &mut policy,
            &[
                edit("add", "roles/a", "user:bob@acme.com"),
                edit("add", "roles/a", "user:ann@acme.com"),
                edit("remove", "roles/b", "user:ann@acme.com"),
                edit("remove", "roles/d", "user:ann@acme.com"),
                edit("remove conditional", "roles/d", "user:bob@acme.com"),
                edit("remove", "roles/b", "user:eve@acme.com"),
                edit("add", "roles/c", "user:eve@acme.com"),
            ],
        );
        assert_eq!(made, [false, true, true, false, true, false, true]);
        let wanted = json!({"etag": "x", "unknown": 1, "version": 3, "bindings": [
            {"role": "roles/a", "members": ["user:ann@acme.com"], "condition": {"expression": "false"}},
            {"role": "roles/a", "members": ["user:Bob@acme.com", "user:ann@acme.com"]},
            {"role": "roles/d", "members": ["user:ann@acme.com"], "condition": {"expression": "false"}},
            {"role": "roles/c", "members": ["user:eve@acme.com"]},
        ]});
        assert_eq!(policy, wanted);
        assert_eq!(
            apply(&mut json!({"etag": "ACAB"}), &[edit("add", "roles/a", "allUsers")]),
            [true]
        );
    }

    #[test]
    fn each_service_has_its_own_calls() {
        let table = [
            ("projects/acme", Some("POST /v3/projects/acme:getIamPolicy")),
            ("gs://models", Some("GET /storage/v1/b/models/iam")),
            ("gs://models/iris", None),
            (
                "a@acme.iam.gserviceaccount.com",
                Some("POST /v1/projects/acme/serviceAccounts/a@acme.iam.gserviceaccount.com:getIamPolicy"),
            ),
            (
                "//secretmanager.googleapis.com/projects/acme/secrets/token",
                Some("GET /v1/projects/acme/secrets/token:getIamPolicy"),
            ),
            ("//bigquery.googleapis.com/projects/acme/datasets/d", None),
        ];
        for (name, call) in table {
            let api = PolicyApi::of(&ResourceName::parse(name).unwrap());
            let written = api.map(|api| format!("{} {}", api.get.0, api.get.1));
            assert_eq!(written.as_deref(), call, "{name}");
        }
    }
}
