//! Allow and deny policies, and the documents that Google's tools print of them.

use serde::Deserialize;

use crate::member::Member;

/// Who has which roles on one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    pub bindings: Vec<Binding>,
}

/// One role for some members, under a condition perhaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    pub role: String,
    pub members: Vec<Member>,
    pub condition: Option<Condition>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Condition {
    #[serde(default)]
    pub title: String,
    /// CEL over `resource` and `request`.
    pub expression: String,
}

/// One rule of a deny policy (<https://cloud.google.com/iam/docs/deny-overview>).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DenyRule {
    pub denied: Vec<Member>,
    pub except: Vec<Member>,
    /// As `storage.googleapis.com/objects.get`; an end of `*` is any.
    pub permissions: Vec<String>,
    pub except_permissions: Vec<String>,
    pub condition: Option<Condition>,
}

/// A document that is no policy.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error("not a policy: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the policy has version {0}, and 1 and 3 are known")]
    Version(u64),
}

#[derive(Deserialize)]
struct PolicyDocument {
    #[serde(default)]
    version: u64,
    #[serde(default)]
    bindings: Vec<BindingDocument>,
}

#[derive(Deserialize)]
struct BindingDocument {
    role: String,
    #[serde(default)]
    members: Vec<String>,
    condition: Option<Condition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DenyDocument {
    #[serde(default)]
    rules: Vec<DenyEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DenyEntry {
    deny_rule: DenyRuleDocument,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct DenyRuleDocument {
    denied_principals: Vec<String>,
    exception_principals: Vec<String>,
    denied_permissions: Vec<String>,
    exception_permissions: Vec<String>,
    denial_condition: Option<Condition>,
}

impl Policy {
    /// Reads what `gcloud … get-iam-policy --format=json` prints.
    ///
    /// # Errors
    /// [`PolicyError`] where it is no policy, or of a version that is not known.
    pub fn from_json(value: serde_json::Value) -> Result<Policy, PolicyError> {
        let document: PolicyDocument = object(value)?;
        if !matches!(document.version, 0 | 1 | 3) {
            return Err(PolicyError::Version(document.version));
        }
        let bindings = document.bindings.into_iter().map(|binding| Binding {
            role: binding.role,
            members: members(&binding.members),
            condition: binding.condition,
        });
        Ok(Policy {
            bindings: bindings.collect(),
        })
    }
}

impl DenyRule {
    /// Reads what `gcloud iam policies get --kind=denypolicies --format=json` prints.
    ///
    /// # Errors
    /// [`PolicyError`] where it is no deny policy.
    pub fn from_json(value: serde_json::Value) -> Result<Vec<DenyRule>, PolicyError> {
        let document: DenyDocument = object(value)?;
        let rules = document.rules.into_iter().map(|entry| DenyRule {
            denied: members(&entry.deny_rule.denied_principals),
            except: members(&entry.deny_rule.exception_principals),
            permissions: entry.deny_rule.denied_permissions,
            except_permissions: entry.deny_rule.exception_permissions,
            condition: entry.deny_rule.denial_condition,
        });
        Ok(rules.collect())
    }

    /// Whether the rule is about a permission of an allow policy: `storage.objects.get` is
    /// `storage.googleapis.com/objects.get` here.
    pub fn is_about(&self, permission: &str) -> bool {
        let is_in = |list: &[String]| list.iter().any(|denied| covers(denied, permission));
        is_in(&self.permissions) && !is_in(&self.except_permissions)
    }
}

fn covers(denied: &str, permission: &str) -> bool {
    let (service, rest) = permission.split_once('.').unwrap_or((permission, ""));
    let Some((fqdn, denied_rest)) = denied.split_once('/') else {
        return denied == permission;
    };
    // Resource Manager's permissions begin with another word than its host.
    let host = if service == "resourcemanager" {
        "cloudresourcemanager"
    } else {
        service
    };
    if fqdn.strip_suffix(".googleapis.com") != Some(host) {
        return false;
    }
    match denied_rest.strip_suffix('*') {
        Some(start) => rest.starts_with(start),
        None => denied_rest == rest,
    }
}

/// A structure of an object; serde takes lists for structures as well.
fn object<T: for<'de> Deserialize<'de>>(value: serde_json::Value) -> Result<T, serde_json::Error> {
    let map: serde_json::Map<String, serde_json::Value> = serde_json::from_value(value)?;
    serde_json::from_value(serde_json::Value::Object(map))
}

fn members(texts: &[String]) -> Vec<Member> {
    let parse = |text: &String| {
        let Ok(member) = text.parse();
        member
    };
    texts.iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_read() {
        let policy = Policy::from_json(serde_json::json!({
            "version": 3, "etag": "BwX=",
            "bindings": [{"role": "roles/viewer", "members": ["user:a@b.c"], "condition": {"title": "t", "expression": "true"}}]
        }));
        let policy = policy.unwrap();
        assert_eq!(policy.bindings[0].members, [Member::User("a@b.c".to_owned())]);
        assert_eq!(policy.bindings[0].condition.as_ref().unwrap().expression, "true");
        let error = Policy::from_json(serde_json::json!({"version": 2})).unwrap_err();
        assert_eq!(error.to_string(), "the policy has version 2, and 1 and 3 are known");
        assert!(Policy::from_json(serde_json::json!([1])).is_err());
    }

    #[test]
    fn denied_permissions_are_those_of_the_service() {
        let rule = |denied: &str, except: &str| DenyRule {
            permissions: vec![denied.to_owned()],
            except_permissions: vec![except.to_owned()],
            ..DenyRule::default()
        };
        let table = [
            ("storage.googleapis.com/objects.get", "", "storage.objects.get", true),
            ("storage.googleapis.com/objects.*", "", "storage.objects.get", true),
            ("storage.googleapis.com/*", "", "storage.objects.get", true),
            (
                "storage.googleapis.com/*",
                "storage.googleapis.com/objects.get",
                "storage.objects.get",
                false,
            ),
            ("iam.googleapis.com/objects.get", "", "storage.objects.get", false),
            (
                "cloudresourcemanager.googleapis.com/projects.get",
                "",
                "resourcemanager.projects.get",
                true,
            ),
        ];
        for (denied, except, permission, is_about) in table {
            assert_eq!(
                rule(denied, except).is_about(permission),
                is_about,
                "{denied} {except} {permission}"
            );
        }
    }
}
