//! What is granted, asked of Google: the inventory of assets for the policies, and what it does not have.

use futures_util::stream::{self, StreamExt};
use identity::{ResourceName, State, Unresolved};
use serde::Deserialize;
use serde_json::Value;
use yaml::{Mark, Sources};

use crate::client::Client;
use crate::endpoint::Service;
use crate::error::{Error, ErrorKind};
use crate::groups::Groups;
use crate::policy::PolicyApi;
use crate::roles;

/// How many requests are on their way at once.
const AT_ONCE: usize = 8;

/// A project as Resource Manager has it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Project {
    /// With its number: `projects/17`.
    name: String,
    project_id: String,
    parent: Option<String>,
}

/// A folder: what it is in.
#[derive(Deserialize)]
struct Folder {
    parent: Option<String>,
}

struct Reading<'c> {
    client: &'c Client,
    on_step: &'c dyn Fn(&str),
    state: State,
}

/// What is granted in scopes: `projects/ID`, `folders/N` or `organizations/N`; of a project, with what it inherits.
/// Nothing of it has a place. `on_step` is told what is asked for.
///
/// # Errors
/// [`Error`] where the policies of a scope cannot be read. What else is refused is among the unresolved.
pub async fn state(client: &Client, scopes: &[String], on_step: &dyn Fn(&str)) -> Result<State, Error> {
    let mut reading = Reading {
        client,
        on_step,
        state: State::default(),
    };
    for scope in scopes {
        reading.policies(scope).await?;
        let above = match scope.starts_with("projects/") {
            true => reading.project(scope).await?,
            false => Vec::new(),
        };
        for parent in &above {
            reading.inherited(parent).await?;
        }
        for attached in above.iter().chain([scope]) {
            reading.denied(attached).await?;
        }
        reading.roles(scope, &above).await?;
        if scope.starts_with("projects/") {
            reading.providers(scope).await?;
            reading.keys(scope).await?;
        }
    }
    reading.groups().await?;
    Ok(reading.state)
}

impl Reading<'_> {
    /// Keeps a refusal among the unresolved; everything else is an error.
    fn gap<T>(&mut self, answer: Result<T, Error>) -> Result<Option<T>, Error> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.kind == ErrorKind::Refused && error.status != 401 => {
                self.state.unresolved.push(Unresolved {
                    message: error.message,
                    mark: Mark::NONE,
                });
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Adds what a document says, as if it came from a file, but without a place.
    fn read(&mut self, what: &str, document: &Value, on: Option<&ResourceName>) -> Result<(), Error> {
        let source = Sources::new().add(what, document.to_string());
        let mut state = State::default();
        let read = state.read(&source, on);
        read.map_err(|error| Error::failed(format!("{what}: the answer makes no sense: {error}")))?;
        state.forget_places();
        self.state.merge(state);
        Ok(())
    }

    async fn policies(&mut self, scope: &str) -> Result<(), Error> {
        let what = format!("the policies in {scope}");
        (self.on_step)(&what);
        let path = format!("/v1/{scope}:searchAllIamPolicies");
        let query = [("pageSize", "500".to_owned())];
        let answer = self
            .client
            .list(&what, Service::CloudAsset, &path, "results", &query)
            .await;
        let results = answer.map_err(|mut error| {
            if error.kind == ErrorKind::Refused && error.hint.is_none() {
                error.hint = Some(format!(
                    "the caller needs cloudasset.assets.searchAllIamPolicies on {scope}"
                ));
            }
            error
        })?;
        self.read(&what, &Value::Array(results), None)?;
        if let Ok(whole) = ResourceName::parse(scope)
            && scope.starts_with("projects/")
        {
            self.state.whole_projects.insert(whole);
        }
        Ok(())
    }

    /// Adds who is in the groups that are named, where the caller may know.
    async fn groups(&mut self) -> Result<(), Error> {
        (self.on_step)("the members of groups");
        let groups = Groups::of(self.client, &self.state).await?;
        if let Some(error) = groups.hidden.values().next() {
            let names: Vec<&str> = groups.hidden.keys().map(String::as_str).collect();
            // Each is refused for itself, and mostly for the same reason.
            self.state.unresolved.push(Unresolved {
                message: format!("the members of {} are not known: {error}", names.join(", ")),
                mark: Mark::NONE,
            });
        }
        self.state.hidden_groups.extend(groups.hidden.into_keys());
        self.state.groups.extend(groups.members);
        Ok(())
    }

    /// What a project is in, nearest first.
    async fn project(&mut self, scope: &str) -> Result<Vec<String>, Error> {
        let what = format!("the project {scope}");
        (self.on_step)(&what);
        let answer = self
            .client
            .get(&what, Service::ResourceManager, &format!("/v3/{scope}"), &[])
            .await;
        let Some(project): Option<Project> = self.gap(answer)? else {
            return Ok(Vec::new());
        };
        let name = ResourceName::project(&project.project_id);
        if let Some(number) = project.name.strip_prefix("projects/") {
            let numbers = &mut self.state.project_numbers;
            numbers.insert(number.to_owned(), project.project_id.clone());
        }
        let mut above: Vec<String> = Vec::new();
        let mut child = name;
        let mut next = project.parent;
        while let Some(parent) = next.take() {
            let malformed = |_| Error::failed(format!("{what}: it is in {parent}, which is no resource"));
            let resource = ResourceName::parse(&parent).map_err(malformed)?;
            self.state.parents.push((child, resource.clone()));
            child = resource;
            if parent.starts_with("folders/") {
                let what = format!("the folder {parent}");
                let path = format!("/v3/{parent}");
                let answer = self.client.get(&what, Service::ResourceManager, &path, &[]).await;
                let folder: Option<Folder> = self.gap(answer)?;
                next = folder.and_then(|folder| folder.parent);
            }
            above.push(parent);
        }
        Ok(above)
    }

    async fn inherited(&mut self, parent: &str) -> Result<(), Error> {
        let what = format!("the policy of {parent}");
        (self.on_step)(&what);
        let Some((name, api)) = ResourceName::parse(parent)
            .ok()
            .and_then(|name| Some((name.clone(), PolicyApi::of(&name)?)))
        else {
            return Ok(());
        };
        let answer = api.read(self.client).await;
        let Some(mut policy) = self.gap(answer)? else {
            return Ok(());
        };
        if policy["bindings"].is_null() {
            policy["bindings"] = Value::Array(Vec::new());
        }
        self.read(&what, &policy, Some(&name))
    }

    async fn denied(&mut self, attached: &str) -> Result<(), Error> {
        let what = format!("the deny policies of {attached}");
        (self.on_step)(&what);
        let point = format!("cloudresourcemanager.googleapis.com%2F{}", attached.replace('/', "%2F"));
        let path = format!("/v2/policies/{point}/denypolicies");
        let answer = self.client.list(&what, Service::Iam, &path, "policies", &[]).await;
        // The rules are said of one policy only.
        for policy in self.gap(answer)?.unwrap_or_default() {
            if let Some(name) = policy["name"].as_str() {
                let answer = self.client.get(&what, Service::Iam, &format!("/v2/{name}"), &[]).await;
                if let Some(policy) = self.gap(answer)? {
                    self.read(&what, &policy, ResourceName::parse(attached).ok().as_ref())?;
                }
            }
        }
        Ok(())
    }

    async fn roles(&mut self, scope: &str, above: &[String]) -> Result<(), Error> {
        let owners = above.iter().map(String::as_str).chain([scope]);
        let owners: Vec<&str> = owners.filter(|name| !name.starts_with("folders/")).collect();
        for owner in owners {
            (self.on_step)(&format!("the custom roles of {owner}"));
            let answer = roles::custom(self.client, owner).await;
            for role in self.gap(answer)?.unwrap_or_default() {
                let permissions = role.included_permissions.into_iter().collect();
                self.state.custom_roles.insert(role.name, permissions);
            }
        }
        Ok(())
    }

    async fn providers(&mut self, scope: &str) -> Result<(), Error> {
        let what = format!("the workload identity pools of {scope}");
        (self.on_step)(&what);
        let path = format!("/v1/{scope}/locations/global/workloadIdentityPools");
        let answer = self
            .client
            .list(&what, Service::Iam, &path, "workloadIdentityPools", &[])
            .await;
        for pool in self.gap(answer)?.unwrap_or_default() {
            let Some(name) = pool["name"].as_str().filter(|_| pool["disabled"] != true) else {
                continue;
            };
            let path = format!("/v1/{name}/providers");
            let answer = self
                .client
                .list(&what, Service::Iam, &path, "workloadIdentityPoolProviders", &[])
                .await;
            for provider in self.gap(answer)?.unwrap_or_default() {
                // Without a mapping it is AWS's own, whose subjects are not Kubernetes' or CI's.
                if provider["attributeMapping"].is_object() {
                    self.read(&what, &provider, None)?;
                }
            }
        }
        Ok(())
    }

    async fn keys(&mut self, scope: &str) -> Result<(), Error> {
        let what = format!("the service accounts of {scope}");
        (self.on_step)(&what);
        let path = format!("/v1/{scope}/serviceAccounts");
        let query = [("pageSize", "100".to_owned())];
        let answer = self.client.list(&what, Service::Iam, &path, "accounts", &query).await;
        let accounts = self.gap(answer)?.unwrap_or_default();
        for account in accounts.iter().filter(|account| account["disabled"] == true) {
            if let Some(email) = account["email"].as_str() {
                self.state.disabled_accounts.insert(email.to_ascii_lowercase());
            }
        }
        let names = accounts.iter().filter_map(|account| account["name"].as_str());
        (self.on_step)(&format!("the keys of {} service accounts of {scope}", accounts.len()));
        let client = self.client;
        let asked = names.map(|name| async move {
            let what = format!("the keys of {name}");
            let path = format!("/v1/{name}/keys");
            let query = [("keyTypes", "USER_MANAGED".to_owned())];
            client.get::<Value>(&what, Service::Iam, &path, &query).await
        });
        let answers: Vec<Result<Value, Error>> = stream::iter(asked).buffered(AT_ONCE).collect().await;
        for answer in answers {
            if let Some(Value::Array(keys)) = self.gap(answer)?.map(|mut found| found["keys"].take()) {
                self.read("the keys of service accounts", &Value::Array(keys), None)?;
            }
        }
        Ok(())
    }
}
