//! Allow and deny policies, and the documents that Google's tools print of them.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use yaml::{Mark, Source};

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
    /// Where it is written, if a file holds it.
    pub mark: Mark,
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
    /// As `storage.googleapis.com/objects.get`; the kind, the verb or both may be `*`.
    pub permissions: Vec<String>,
    pub except_permissions: Vec<String>,
    pub condition: Option<Condition>,
    /// Where it is written, if a file holds it.
    pub mark: Mark,
}

/// A document that is no policy.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error("not a policy: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the policy has version {0}, and 1 and 3 are known")]
    Version(u64),
}

/// An allow policy as it is written.
#[derive(Deserialize)]
pub(crate) struct PolicyDocument<'t> {
    #[serde(default)]
    version: u64,
    #[serde(default, borrow)]
    pub(crate) bindings: Vec<BindingDocument<'t>>,
}

#[derive(Deserialize)]
pub(crate) struct BindingDocument<'t> {
    #[serde(borrow)]
    pub(crate) role: Cow<'t, str>,
    #[serde(default, borrow)]
    pub(crate) members: Vec<MemberText<'t>>,
    condition: Option<Condition>,
}

/// A text that is borrowed where it has no escapes.
#[derive(Deserialize)]
pub(crate) struct MemberText<'t>(#[serde(borrow)] pub(crate) Cow<'t, str>);

impl AsRef<str> for MemberText<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[derive(Deserialize)]
struct DenyDocument<'t> {
    #[serde(default, borrow)]
    rules: Vec<&'t RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DenyEntry {
    deny_rule: DenyRuleDocument,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct DenyRuleDocument {
    denied_principals: Vec<String>,
    exception_principals: Vec<String>,
    denied_permissions: Vec<String>,
    exception_permissions: Vec<String>,
    denial_condition: Option<Condition>,
}

impl Policy {
    /// Reads what `gcloud … get-iam-policy --format=json` prints, as a part of a file.
    ///
    /// # Errors
    /// [`PolicyError`] where it is no policy, or of a version that is not known.
    pub fn read(part: &str, source: &Source) -> Result<Policy, PolicyError> {
        let document: PolicyDocument<'_> = object(part)?;
        document.policy(mark_of(part, source), source)
    }
}

impl PolicyDocument<'_> {
    /// Whether it has a version that is known.
    pub(crate) fn check_version(&self) -> Result<(), PolicyError> {
        match self.version {
            0 | 1 | 3 => Ok(()),
            other => Err(PolicyError::Version(other)),
        }
    }

    /// The policy that it is, where all of it stands at a mark.
    pub(crate) fn policy(self, mark: Mark, source: &Source) -> Result<Policy, PolicyError> {
        self.check_version()?;
        let bindings = self.bindings.into_iter().map(|binding| Binding {
            members: members(&binding.members),
            condition: binding.condition,
            // A role with escapes was copied, and stands nowhere.
            mark: match binding.role {
                Cow::Borrowed(role) => mark_of(role, source),
                Cow::Owned(_) => mark,
            },
            role: binding.role.into_owned(),
        });
        Ok(Policy {
            bindings: bindings.collect(),
        })
    }
}

impl DenyRule {
    /// Reads what `gcloud iam policies get --kind=denypolicies --format=json` prints, as a part of a file.
    ///
    /// # Errors
    /// [`PolicyError`] where it is no deny policy.
    pub fn read(part: &str, source: &Source) -> Result<Vec<DenyRule>, PolicyError> {
        let document: DenyDocument<'_> = object(part)?;
        let rules = document.rules.into_iter().map(|raw| {
            let rule = object::<DenyEntry>(raw.get())?.deny_rule;
            Ok(DenyRule {
                denied: members(&rule.denied_principals),
                except: members(&rule.exception_principals),
                permissions: rule.denied_permissions,
                except_permissions: rule.exception_permissions,
                condition: rule.denial_condition,
                mark: mark_of(raw.get(), source),
            })
        });
        rules.collect()
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
    // All of a service, of a kind of resource, or of a verb: `*.*`, `objects.*`, `*.get`.
    if denied_rest == "*" {
        return true;
    }
    let (Some((kind, verb)), Some((denied_kind, denied_verb))) = (rest.rsplit_once('.'), denied_rest.rsplit_once('.'))
    else {
        return rest == denied_rest;
    };
    (denied_kind == "*" || denied_kind == kind) && (denied_verb == "*" || denied_verb == verb)
}

/// A structure of an object; serde takes lists for structures as well.
pub(crate) fn object<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, serde_json::Error> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text);
    }
    Err(serde::de::Error::custom("an object is needed"))
}

/// A structure that is written as an object, within a longer text.
pub(crate) struct OnlyObject<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OnlyObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = OnlyObject<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(fields)).map(OnlyObject)
            }
        }
        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// The mark of a part of the text of a source.
pub(crate) fn mark_of(part: &str, source: &Source) -> Mark {
    source.mark((part.as_ptr() as usize).wrapping_sub(source.text().as_ptr() as usize))
}

pub(crate) fn members<T: AsRef<str>>(texts: &[T]) -> Vec<Member> {
    let parse = |text: &T| {
        let Ok(member) = text.as_ref().parse();
        member
    };
    texts.iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_read() {
        let read = |text: &str| {
            let source = yaml::Sources::new().add("policy.json", text.to_owned());
            Policy::read(source.text(), &source)
        };
        let text = r#"{"version": 3, "etag": "BwX=", "bindings": [
            {"role": "roles/viewer", "members": ["user:a@b.c"], "condition": {"title": "t", "expression": "true"}}]}"#;
        let binding = read(text).unwrap().bindings.remove(0);
        assert_eq!(binding.members, [Member::User("a@b.c".to_owned())]);
        assert_eq!(binding.condition.unwrap().expression, "true");
        assert!(text[binding.mark.offset as usize..].starts_with("roles/viewer"));
        let error = read(r#"{"version": 2}"#).unwrap_err();
        assert_eq!(error.to_string(), "the policy has version 2, and 1 and 3 are known");
        assert!(read("[1]").is_err());
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
            ("storage.googleapis.com/*.*", "", "storage.objects.get", true),
            ("storage.googleapis.com/*.get", "", "storage.objects.get", true),
            ("storage.googleapis.com/*.list", "", "storage.objects.get", false),
            ("storage.googleapis.com/buckets.*", "", "storage.objects.get", false),
            (
                "storage.googleapis.com/objects.*",
                "",
                "storage.objectsOfArt.get",
                false,
            ),
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
