//! What is granted, as plain facts: what readers of files and of Google's APIs fill, and the reasoner indexes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::member::Member;
use crate::name::{NameError, ResourceName};
use crate::policy::{DenyRule, Policy, PolicyError};

/// The facts about projects, grants, groups and roles that are known.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Allow policies, by the resource they are set on.
    pub policies: Vec<(ResourceName, Policy)>,
    /// Deny policies, by the project, folder or organization they are attached to.
    pub deny_rules: Vec<(ResourceName, DenyRule)>,
    /// What the name of a resource does not say: the project of a bucket, the folder of a project.
    pub parents: Vec<(ResourceName, ResourceName)>,
    /// Ids of projects by their numbers.
    pub project_numbers: BTreeMap<String, String>,
    /// Members of groups, by the group's address.
    pub groups: BTreeMap<String, Vec<Member>>,
    /// Permissions of custom roles, by full name: `projects/ID/roles/NAME`.
    pub custom_roles: BTreeMap<String, BTreeSet<String>>,
}

/// A document of grants that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("it is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("the grants on {resource}: {error}")]
    Policy { resource: String, error: PolicyError },
    #[error("it is none of the documents that are read")]
    Form,
    #[error("it is a policy, which does not say what it is set on")]
    WhichResource,
}

impl StateError {
    /// What to do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            StateError::Form => Some(
                "give what these print: gcloud asset search-all-iam-policies --format=json, \
                 gcloud … get-iam-policy --format=json (as RESOURCE=FILE), gcloud iam roles describe --format=json",
            ),
            StateError::WhichResource => Some("give it as RESOURCE=FILE: projects/acme=policy.json"),
            StateError::Name(_) => Some(NameError::HINT),
            StateError::Json(_) | StateError::Policy { .. } => None,
        }
    }
}

/// One result of the search for policies in the inventory of assets.
#[derive(Deserialize)]
struct SearchResult {
    resource: String,
    #[serde(default)]
    project: Option<String>,
    #[serde(default)]
    folders: Vec<String>,
    #[serde(default)]
    organization: Option<String>,
    policy: Value,
}

impl State {
    /// Adds what a document says; its form is known by its content. `resource` is what a policy is set on, where the
    /// document does not say it.
    ///
    /// # Errors
    /// [`StateError`] where it is none of the forms, or a part of it is malformed. Nothing is added then.
    pub fn read(&mut self, text: &str, resource: Option<&ResourceName>) -> Result<(), StateError> {
        let document: Value = serde_json::from_str(text)?;
        let mut read = State::default();
        match (&document, resource) {
            (Value::Array(results), _) if results.iter().all(|result| result.get("policy").is_some()) => {
                for result in results {
                    read.search_result(serde_json::from_value(result.clone())?)?;
                }
            }
            (Value::Object(role), _) if role.contains_key("includedPermissions") => {
                let name = role.get("name").and_then(Value::as_str).ok_or(StateError::Form)?;
                let permissions = role["includedPermissions"].as_array().into_iter().flatten();
                let permissions = permissions.filter_map(|name| name.as_str().map(str::to_owned));
                read.custom_roles.insert(name.to_owned(), permissions.collect());
            }
            (Value::Object(role), _) if role.contains_key("projectNumber") && role.contains_key("projectId") => {
                read.project(role);
            }
            (Value::Object(policy), Some(resource)) if policy.contains_key("rules") => {
                let rules = DenyRule::from_json(document).map_err(|error| at(resource, error))?;
                read.deny_rules
                    .extend(rules.into_iter().map(|rule| (resource.clone(), rule)));
            }
            (Value::Object(policy), Some(resource))
                if policy.contains_key("bindings") || policy.contains_key("etag") =>
            {
                let policy = Policy::from_json(document).map_err(|error| at(resource, error))?;
                read.policies.push((resource.clone(), policy));
            }
            (Value::Object(policy), None) if policy.contains_key("bindings") || policy.contains_key("rules") => {
                return Err(StateError::WhichResource);
            }
            _ => return Err(StateError::Form),
        }
        self.merge(read);
        Ok(())
    }

    /// Adds all facts of another state.
    pub fn merge(&mut self, other: State) {
        self.policies.extend(other.policies);
        self.deny_rules.extend(other.deny_rules);
        self.parents.extend(other.parents);
        self.project_numbers.extend(other.project_numbers);
        self.groups.extend(other.groups);
        self.custom_roles.extend(other.custom_roles);
    }

    fn search_result(&mut self, result: SearchResult) -> Result<(), StateError> {
        let resource = ResourceName::parse(&result.resource)?;
        let policy = Policy::from_json(result.policy).map_err(|error| at(&resource, error))?;
        let mut above = result
            .project
            .into_iter()
            .chain(result.folders)
            .chain(result.organization);
        let is_manager = resource.service() == "cloudresourcemanager.googleapis.com";
        // A project is a result of its own, with itself as its project; the number is said there only.
        let mut child = resource.clone();
        if is_manager
            && let Some(id) = resource.project_id()
            && let Some(number) = above.next().as_deref().and_then(|name| name.strip_prefix("projects/"))
        {
            self.project_numbers.insert(number.to_owned(), id.to_owned());
        }
        for name in above {
            let parent = ResourceName::parse(&name)?;
            if parent != child {
                self.parents.push((child, parent.clone()));
            }
            child = parent;
        }
        self.policies.push((resource, policy));
        Ok(())
    }

    /// What `gcloud projects describe --format=json` prints.
    fn project(&mut self, project: &serde_json::Map<String, Value>) {
        let text = |name: &str| match project.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let id = text("projectId");
        self.project_numbers.insert(text("projectNumber"), id.clone());
        if let Some(Value::Object(parent)) = project.get("parent")
            && let (Some(Value::String(kind)), Some(Value::String(number))) = (parent.get("type"), parent.get("id"))
            && let Ok(parent) = ResourceName::parse(&format!("{kind}s/{number}"))
        {
            self.parents.push((ResourceName::project(&id), parent));
        }
    }
}

fn at(resource: &ResourceName, error: PolicyError) -> StateError {
    StateError::Policy {
        resource: resource.to_string(),
        error,
    }
}
