//! What is declared beside what holds: grants that are missing, that nobody declared, or whose condition differs.

use std::collections::BTreeMap;

use serde::Deserialize;
use yaml::{Mark, Source};

use crate::landscape::is_service_agent;
use crate::member::Member;
use crate::name::ResourceName;
use crate::policy::Condition;
use crate::source::StateError;
use crate::state::State;

/// One difference between what is declared and what holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    pub kind: DriftKind,
    pub on: ResourceName,
    pub role: String,
    pub member: Member,
    /// Where it is declared; where it holds, if nobody declared it.
    pub mark: Mark,
    /// Who made the difference and when, where the audit log says it.
    pub since: Option<Change>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DriftKind {
    /// Declared, and not there.
    Missing,
    /// There, and not declared.
    Extra,
    /// Declared and there, under different conditions.
    Condition {
        declared: Option<String>,
        actual: Option<String>,
    },
}

/// A change of a policy in the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// As the log writes it, `2026-08-05T12:00:00.5Z`.
    pub time: String,
    pub who: String,
}

/// The changes of policies that an audit log tells.
#[derive(Clone, Debug, Default)]
pub struct AuditLog {
    /// Added or not, role, member: the changes, in the order of time.
    changes: BTreeMap<(bool, String, String), Vec<(ResourceName, Change)>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    timestamp: String,
    proto_payload: Payload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Payload {
    resource_name: String,
    service_name: String,
    authentication_info: Authentication,
    service_data: ServiceData,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Authentication {
    principal_email: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ServiceData {
    policy_delta: PolicyDelta,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PolicyDelta {
    binding_deltas: Vec<BindingDelta>,
}

#[derive(Deserialize)]
struct BindingDelta {
    action: String,
    role: String,
    member: String,
}

impl AuditLog {
    /// Reads what `gcloud logging read 'protoPayload.methodName:SetIamPolicy' --format=json` prints.
    ///
    /// # Errors
    /// [`StateError::Json`] where it is not that.
    pub fn read(&mut self, source: &Source) -> Result<(), StateError> {
        let entries: Vec<Entry> = serde_json::from_str(source.text())?;
        for entry in entries {
            let payload = entry.proto_payload;
            let full = format!("//{}/{}", payload.service_name, payload.resource_name);
            let name = ResourceName::parse(&payload.resource_name).or_else(|_| ResourceName::parse(&full));
            let Ok(name) = name else { continue };
            for delta in payload.service_data.policy_delta.binding_deltas {
                let Ok(member) = delta.member.parse::<Member>();
                let key = (delta.action == "ADD", delta.role, member.to_string());
                let change = Change {
                    time: entry.timestamp.clone(),
                    who: payload.authentication_info.principal_email.clone(),
                };
                self.changes.entry(key).or_default().push((name.clone(), change));
            }
        }
        for changes in self.changes.values_mut() {
            changes.sort_by(|a, b| a.1.time.cmp(&b.1.time));
        }
        Ok(())
    }

    /// The last time a grant was made or taken back.
    fn last(&self, is_added: bool, role: &str, member: &Member, on: &ResourceName) -> Option<Change> {
        let changes = self.changes.get(&(is_added, role.to_owned(), member.to_string()))?;
        let mut of_resource = changes.iter().filter(|(name, _)| name == on);
        of_resource.next_back().map(|(_, change)| change.clone())
    }
}

type Grants<'s> = BTreeMap<(ResourceName, &'s str, Member), Vec<(Option<&'s Condition>, Mark)>>;

/// The differences, in the order of resources, roles and members.
///
/// What holds on resources that nothing is declared for is not told, and neither are grants of Google's own agents.
pub fn drift(declared: &State, actual: &State, log: &AuditLog) -> Vec<Drift> {
    let numbers = [&declared.project_numbers, &actual.project_numbers];
    let canonical = |name: &ResourceName| {
        let id = name
            .project_id()
            .and_then(|number| numbers.iter().find_map(|known| known.get(number)));
        id.map_or_else(|| name.clone(), |id| name.with_project(id))
    };
    let grants = |state| grants(state, &canonical);
    let (declared, actual) = (grants(declared), grants(actual));
    let mut found = Vec::new();
    for ((on, role, member), conditions) in &declared {
        let mut push = |kind: DriftKind, mark: Mark, since: Option<Change>| {
            found.push(Drift {
                kind,
                on: on.clone(),
                role: (*role).to_owned(),
                member: member.clone(),
                mark,
                since,
            });
        };
        match actual.get(&(on.clone(), *role, member.clone())) {
            None => {
                let since = log.last(false, role, member, on);
                push(DriftKind::Missing, conditions[0].1, since);
            }
            Some(held) => {
                let text = |condition: &Option<&Condition>| condition.map(|it| it.expression.clone());
                let has = |all: &[(Option<&Condition>, Mark)], one: &Option<&Condition>| {
                    all.iter().any(|(other, _)| text(other) == text(one))
                };
                let missing = conditions.iter().find(|(condition, _)| !has(held, condition));
                let extra = held.iter().find(|(condition, _)| !has(conditions, condition));
                if let Some((declared, mark)) = missing.or(extra) {
                    let is_missing = missing.is_some();
                    let other = if is_missing {
                        extra.or(held.first())
                    } else {
                        conditions.first()
                    };
                    let other = other.and_then(|(condition, _)| text(condition));
                    let (declared, actual) = match is_missing {
                        true => (text(declared), other),
                        false => (other, text(declared)),
                    };
                    push(
                        DriftKind::Condition { declared, actual },
                        *mark,
                        log.last(true, role, member, on),
                    );
                }
            }
        }
    }
    let resources: std::collections::BTreeSet<&ResourceName> = declared.keys().map(|(on, ..)| on).collect();
    let is_declared = |on: &ResourceName| resources.contains(on);
    for ((on, role, member), conditions) in &actual {
        let is_agent = matches!(member, Member::ServiceAccount(email) if is_service_agent(email));
        let is_default = matches!(member, Member::ProjectRole(..));
        let is_known = declared.contains_key(&(on.clone(), *role, member.clone()));
        if is_known || is_agent || is_default || !is_declared(on) {
            continue;
        }
        found.push(Drift {
            kind: DriftKind::Extra,
            on: on.clone(),
            role: (*role).to_owned(),
            member: member.clone(),
            mark: conditions[0].1,
            since: log.last(true, role, member, on),
        });
    }
    found.sort_by(|a, b| (&a.on, &a.role, &a.member).cmp(&(&b.on, &b.role, &b.member)));
    found
}

fn grants<'s>(state: &'s State, canonical: &impl Fn(&ResourceName) -> ResourceName) -> Grants<'s> {
    let mut grants: Grants<'s> = BTreeMap::new();
    for (on, binding) in state.bindings() {
        let on = canonical(on);
        for member in &binding.members {
            let key = (on.clone(), binding.role.as_str(), member.clone());
            grants
                .entry(key)
                .or_default()
                .push((binding.condition.as_ref(), binding.mark));
        }
    }
    grants
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(policies: &str) -> State {
        let source = yaml::Sources::new().add("policies.json", policies.to_owned());
        let mut state = State::default();
        state.read(&source, None).unwrap();
        state
    }

    fn policy(bindings: &str) -> String {
        format!(
            r#"[{{"resource": "//cloudresourcemanager.googleapis.com/projects/acme", "project": "projects/17", "policy": {{"bindings": [{bindings}]}}}}]"#
        )
    }

    #[test]
    fn differences_are_told_with_who_made_them() {
        let declared = state(&policy(
            r#"{"role": "roles/a", "members": ["user:x@y.z"]}, {"role": "roles/b", "members": ["user:x@y.z"], "condition": {"expression": "1 == 1"}},
               {"role": "roles/same", "members": ["user:x@y.z"]}"#,
        ));
        let actual = state(&policy(
            r#"{"role": "roles/b", "members": ["user:x@y.z"]}, {"role": "roles/c", "members": ["user:x@y.z"]},
               {"role": "roles/same", "members": ["user:X@y.z"]},
               {"role": "roles/agent", "members": ["serviceAccount:service-17@gcp-sa-aiplatform.iam.gserviceaccount.com"]}"#,
        ));
        let mut log = AuditLog::default();
        let entries = r#"[{"timestamp": "2026-11-02T10:00:00Z", "protoPayload": {"serviceName": "cloudresourcemanager.googleapis.com",
            "resourceName": "projects/acme", "authenticationInfo": {"principalEmail": "eve@acme.com"},
            "serviceData": {"policyDelta": {"bindingDeltas": [{"action": "ADD", "role": "roles/c", "member": "user:x@y.z"}]}}}},
            {"timestamp": "2026-11-01T10:00:00Z", "protoPayload": {"serviceName": "cloudresourcemanager.googleapis.com",
            "resourceName": "projects/acme", "authenticationInfo": {"principalEmail": "ann@acme.com"},
            "serviceData": {"policyDelta": {"bindingDeltas": [{"action": "REMOVE", "role": "roles/a", "member": "user:x@y.z"}]}}}}]"#;
        log.read(&yaml::Sources::new().add("log.json", entries.to_owned()))
            .unwrap();
        let found = drift(&declared, &actual, &log);
        let lines: Vec<String> = found
            .iter()
            .map(|drift| {
                let since = drift.since.as_ref().map_or("", |change| change.who.as_str());
                format!("{} {:?} {since}", drift.role, drift.kind)
            })
            .collect();
        assert_eq!(
            lines,
            [
                "roles/a Missing ann@acme.com",
                "roles/b Condition { declared: Some(\"1 == 1\"), actual: None } ",
                "roles/c Extra eve@acme.com",
            ]
        );
        assert_eq!(drift(&actual, &actual, &log), []);
    }

    #[test]
    fn resources_that_nothing_is_declared_for_are_left_alone() {
        let declared = State::default();
        let actual = state(&policy(r#"{"role": "roles/a", "members": ["user:x@y.z"]}"#));
        assert_eq!(drift(&declared, &actual, &AuditLog::default()), []);
    }
}
