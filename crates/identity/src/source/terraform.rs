//! Terraform's JSON: state files of version 4, and what `terraform show -json` prints of states and plans
//! (<https://developer.hashicorp.com/terraform/internals/json-format>).
//!
//! Resources of other kinds are skipped. What a plan does not know yet, and grants on resources of kinds that are not
//! known here, are in [`State::unresolved`].

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use yaml::{Mark, Source};

use super::{StateError, account_address, last};
use crate::member::{Member, Pool, PoolKind};
use crate::name::ResourceName;
use crate::policy::{Binding, Condition, DenyRule, Policy, mark_of, members, object};
use crate::provider::Provider;
use crate::state::{AccountKey, State, Unresolved};

/// What is read of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Before,
    After,
}

#[derive(Deserialize)]
struct Document<'t> {
    version: Option<u64>,
    format_version: Option<String>,
    #[serde(borrow)]
    resources: Option<Vec<Group<'t>>>,
    #[serde(borrow)]
    values: Option<Values<'t>>,
    #[serde(borrow)]
    planned_values: Option<Values<'t>>,
    #[serde(borrow)]
    prior_state: Option<Prior<'t>>,
    #[serde(borrow, default)]
    resource_changes: Vec<&'t RawValue>,
}

/// A resource of a state file, with all its instances.
#[derive(Deserialize)]
struct Group<'t> {
    #[serde(borrow)]
    module: Option<Cow<'t, str>>,
    #[serde(borrow)]
    mode: Cow<'t, str>,
    #[serde(borrow)]
    r#type: Cow<'t, str>,
    #[serde(borrow)]
    name: Cow<'t, str>,
    #[serde(borrow, default)]
    instances: Vec<&'t RawValue>,
}

#[derive(Deserialize)]
struct Instance<'t> {
    index_key: Option<Value>,
    #[serde(borrow)]
    attributes: Option<&'t RawValue>,
}

#[derive(Deserialize)]
struct Prior<'t> {
    #[serde(borrow)]
    values: Option<Values<'t>>,
}

#[derive(Deserialize)]
struct Values<'t> {
    #[serde(borrow)]
    root_module: Option<Module<'t>>,
}

#[derive(Deserialize)]
struct Module<'t> {
    #[serde(borrow, default)]
    resources: Vec<&'t RawValue>,
    #[serde(borrow, default)]
    child_modules: Vec<Module<'t>>,
}

/// A resource as `terraform show` prints it.
#[derive(Deserialize)]
struct Shown<'t> {
    #[serde(borrow)]
    address: Cow<'t, str>,
    #[serde(borrow)]
    mode: Cow<'t, str>,
    #[serde(borrow)]
    r#type: Cow<'t, str>,
    #[serde(borrow)]
    values: Option<&'t RawValue>,
}

/// Adds what a document says.
pub(super) fn read(state: &mut State, part: &str, source: &Source, moment: Moment) -> Result<(), StateError> {
    let document: Document<'_> = object(part)?;
    let known = match (&document.format_version, document.version) {
        (Some(version), _) => matches!(version.split('.').next(), Some("0" | "1")),
        (None, version) => version == Some(4),
    };
    if !known {
        let version = document
            .format_version
            .or(document.version.map(|version| version.to_string()));
        return Err(StateError::TerraformVersion(version.unwrap_or_default()));
    }
    let mut reading = Reading {
        state,
        source,
        is_plan: false,
        providers: Vec::new(),
    };
    for group in document.resources.iter().flatten() {
        reading.group(group)?;
    }
    let prior = document.prior_state.and_then(|prior| prior.values);
    let planned = document.planned_values;
    let values = match (moment, planned) {
        (Moment::Before, Some(_)) => prior,
        // A plan that only refreshes the state says nothing of what comes after it: nothing changes.
        (Moment::After, Some(planned)) if !planned.is_empty() || !document.resource_changes.is_empty() => {
            reading.is_plan = true;
            Some(planned)
        }
        (Moment::After, Some(_)) => prior,
        (_, None) => document.values,
    };
    if let Some(root) = values.and_then(|values| values.root_module) {
        reading.module(&root)?;
    }
    reading.finish();
    Ok(())
}

impl Values<'_> {
    fn is_empty(&self) -> bool {
        let root = self.root_module.as_ref();
        root.is_none_or(|root| root.resources.is_empty() && root.child_modules.is_empty())
    }
}

/// Why a resource gives nothing.
enum Lack {
    Malformed(String),
    /// An attribute that Terraform knows only when the plan is applied.
    Later(&'static str),
    /// Something in it is of a form that is not known here.
    Strange(String),
}

struct Reading<'r> {
    state: &'r mut State,
    source: &'r Source,
    is_plan: bool,
    /// The numbers of their projects may come later.
    providers: Vec<Provider>,
}

impl Reading<'_> {
    fn group(&mut self, group: &Group<'_>) -> Result<(), StateError> {
        for raw in &group.instances {
            if !is_read(&group.r#type, &group.mode) {
                return Ok(());
            }
            let instance: Instance<'_> = object(raw.get())?;
            let module = group.module.as_ref().map(|module| format!("{module}."));
            let index = match instance.index_key {
                None | Some(Value::Null) => String::new(),
                Some(key) => format!("[{key}]"),
            };
            let address = format!("{}{}.{}{index}", module.unwrap_or_default(), group.r#type, group.name);
            self.resource(
                &address,
                &group.r#type,
                instance.attributes,
                mark_of(raw.get(), self.source),
            )?;
        }
        Ok(())
    }

    fn module(&mut self, module: &Module<'_>) -> Result<(), StateError> {
        for raw in &module.resources {
            let shown: Shown<'_> = object(raw.get())?;
            if is_read(&shown.r#type, &shown.mode) {
                self.resource(
                    &shown.address,
                    &shown.r#type,
                    shown.values,
                    mark_of(raw.get(), self.source),
                )?;
            }
        }
        module.child_modules.iter().try_for_each(|child| self.module(child))
    }

    fn resource(
        &mut self,
        address: &str,
        kind: &str,
        attributes: Option<&RawValue>,
        mark: Mark,
    ) -> Result<(), StateError> {
        let malformed = |what: String| StateError::Terraform {
            address: address.to_owned(),
            what,
        };
        let attributes: Map<String, Value> = match attributes {
            Some(raw) => {
                object(raw.get()).map_err(|error| malformed(format!("its attributes are no object: {error}")))?
            }
            None => Map::new(),
        };
        let attributes = Attributes {
            map: &attributes,
            is_plan: self.is_plan,
        };
        let unresolved = |message: String| Unresolved {
            message: format!("{address}: {message}"),
            mark,
        };
        match self.fact(kind, &attributes, mark) {
            Ok(()) => Ok(()),
            Err(Lack::Malformed(what)) => Err(malformed(what)),
            Err(Lack::Later(name)) => {
                let message = format!("{name} is known when the plan is applied, not before");
                self.state.unresolved.push(unresolved(message));
                Ok(())
            }
            Err(Lack::Strange(message)) => {
                self.state.unresolved.push(unresolved(message));
                Ok(())
            }
        }
    }

    /// Adds what one resource says.
    fn fact(&mut self, kind: &str, attributes: &Attributes<'_>, mark: Mark) -> Result<(), Lack> {
        match kind {
            "google_project" => self.project(attributes),
            "google_folder" => self.folder(attributes),
            "google_storage_bucket" => {
                let bucket = ResourceName::bucket(attributes.text("name")?);
                let project = ResourceName::project(attributes.text("project")?);
                self.state.parents.push((bucket, project));
                Ok(())
            }
            "google_service_account" => {
                // An account without grants is known all the same.
                let email = match attributes.optional("email")? {
                    Some(email) => email.to_owned(),
                    None => account_address(attributes.text("account_id")?, last(attributes.text("project")?)),
                };
                let account = ResourceName::service_account(&email);
                self.state.policies.push((account, Policy::default()));
                if attributes.map.get("disabled") == Some(&Value::Bool(true)) {
                    self.state.disabled_accounts.insert(email.to_ascii_lowercase());
                }
                Ok(())
            }
            "google_service_account_key" => self.key(attributes, mark),
            "google_project_iam_custom_role" => self.custom_role("projects", "project", attributes),
            "google_organization_iam_custom_role" => self.custom_role("organizations", "org_id", attributes),
            "google_iam_workload_identity_pool_provider" => self.provider(attributes, mark),
            "google_iam_deny_policy" => self.deny_policy(attributes, mark),
            _ => self.grant(kind, attributes, mark),
        }
    }

    fn project(&mut self, attributes: &Attributes<'_>) -> Result<(), Lack> {
        let id = attributes.text("project_id")?;
        let parent = match (attributes.optional("folder_id")?, attributes.optional("org_id")?) {
            (Some(folder), _) => Some(format!("folders/{}", last(folder))),
            (None, Some(organization)) => Some(format!("organizations/{}", last(organization))),
            (None, None) => None,
        };
        if let Some(parent) = parent {
            self.state.parents.push((ResourceName::project(id), name(&parent)?));
        }
        if let Some(number) = attributes.optional("number")? {
            self.state.project_numbers.insert(number.to_owned(), id.to_owned());
        }
        Ok(())
    }

    fn folder(&mut self, attributes: &Attributes<'_>) -> Result<(), Lack> {
        let folder = name(attributes.text("name")?)?;
        let parent = name(attributes.text("parent")?)?;
        self.state.parents.push((folder, parent));
        Ok(())
    }

    fn key(&mut self, attributes: &Attributes<'_>, mark: Mark) -> Result<(), Lack> {
        let account = last(attributes.text("service_account_id")?).to_ascii_lowercase();
        // A key of a plan has no name yet.
        let id = attributes.optional("name")?.map_or("", last).to_owned();
        self.state.keys.push(AccountKey { account, id, mark });
        Ok(())
    }

    fn custom_role(&mut self, above: &str, attribute: &'static str, attributes: &Attributes<'_>) -> Result<(), Lack> {
        if attributes.map.get("deleted") == Some(&Value::Bool(true)) {
            return Ok(());
        }
        let above = format!("{above}/{}", last(attributes.text(attribute)?));
        let role = format!("{above}/roles/{}", attributes.text("role_id")?);
        let permissions = attributes.texts("permissions")?.into_iter().map(str::to_owned);
        self.state.custom_roles.insert(role, permissions.collect());
        Ok(())
    }

    fn provider(&mut self, attributes: &Attributes<'_>, mark: Mark) -> Result<(), Lack> {
        if attributes.map.get("disabled") == Some(&Value::Bool(true)) {
            return Ok(());
        }
        let named = attributes.optional("name")?.and_then(|name| name.split('/').nth(1));
        let project = match named {
            Some(project) => project,
            None => last(attributes.text("project")?),
        };
        let oidc = attributes.block("oidc")?;
        let (issuer, audiences) = match &oidc {
            Some(oidc) => (oidc.optional("issuer_uri")?, oidc.texts("allowed_audiences")?),
            None => (None, Vec::new()),
        };
        let mapping = attributes.map.get("attribute_mapping").and_then(Value::as_object);
        let mapping = mapping.into_iter().flatten();
        self.providers.push(Provider {
            pool: Pool {
                kind: PoolKind::Workload,
                project: Some(project.to_owned()),
                id: attributes.text("workload_identity_pool_id")?.to_owned(),
            },
            id: attributes.text("workload_identity_pool_provider_id")?.to_owned(),
            issuer: issuer.map(str::to_owned),
            audiences: audiences.into_iter().map(str::to_owned).collect(),
            mapping: mapping
                .filter_map(|(name, claim)| Some((name.clone(), claim.as_str()?.to_owned())))
                .collect(),
            condition: attributes
                .optional("attribute_condition")?
                .filter(|condition| !condition.trim().is_empty())
                .map(str::to_owned),
            mark,
        });
        Ok(())
    }

    fn deny_policy(&mut self, attributes: &Attributes<'_>, mark: Mark) -> Result<(), Lack> {
        let parent = attributes.text("parent")?.replace("%2F", "/").replace("%2f", "/");
        let on = name(&format!("//{parent}"))?;
        for rule in attributes.blocks("rules")? {
            let Some(rule) = rule.block("deny_rule")? else {
                continue;
            };
            let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
            let rule = DenyRule {
                denied: members(&rule.texts("denied_principals")?),
                except: members(&rule.texts("exception_principals")?),
                permissions: owned(rule.texts("denied_permissions")?),
                except_permissions: owned(rule.texts("exception_permissions")?),
                condition: rule.condition("denial_condition")?,
                mark,
            };
            self.state.deny_rules.push((on.clone(), rule));
        }
        Ok(())
    }

    fn grant(&mut self, kind: &str, attributes: &Attributes<'_>, mark: Mark) -> Result<(), Lack> {
        let Some((base, form)) = kind.rsplit_once("_iam_") else {
            return Ok(());
        };
        let Some((_, template)) = TARGETS.iter().find(|(known, _)| *known == base) else {
            return Err(Lack::Strange(format!("grants on a {base} are not read")));
        };
        let on = attributes.target(template)?;
        let policy = match form {
            "member" => binding(attributes, &[attributes.text("member")?], mark)?,
            "binding" => binding(attributes, &attributes.texts("members")?, mark)?,
            _ => policy(attributes.text("policy_data")?, mark)?,
        };
        self.state.policies.push((on, policy));
        Ok(())
    }

    /// Pools go by the number of their project; a plan of a new provider has its id only.
    fn finish(self) {
        for mut provider in self.providers {
            let id = provider.pool.project.as_deref().unwrap_or_default();
            if let Some(number) = self.state.project_number(id) {
                provider.pool.project = Some(number.to_owned());
            }
            self.state.providers.push(provider);
        }
    }
}

/// Whether resources of a kind say something here. Of data, which Terraform reads and does not make, only projects do:
/// they have numbers.
fn is_read(kind: &str, mode: &str) -> bool {
    if mode != "managed" {
        return kind == "google_project";
    }
    let is_plain = matches!(
        kind,
        "google_project"
            | "google_folder"
            | "google_storage_bucket"
            | "google_service_account"
            | "google_service_account_key"
            | "google_project_iam_custom_role"
            | "google_organization_iam_custom_role"
            | "google_iam_workload_identity_pool_provider"
            | "google_iam_deny_policy"
    );
    let form = kind.strip_prefix("google_").and_then(|kind| kind.rsplit_once("_iam_"));
    is_plain || form.is_some_and(|(_, form)| matches!(form, "member" | "binding" | "policy"))
}

/// What takes grants: its type, its full name with attributes in braces. The last attribute may be the whole path.
const TARGETS: [(&str, &str); 13] = [
    (
        "google_project",
        "//cloudresourcemanager.googleapis.com/projects/{project}",
    ),
    (
        "google_folder",
        "//cloudresourcemanager.googleapis.com/folders/{folder}",
    ),
    (
        "google_organization",
        "//cloudresourcemanager.googleapis.com/organizations/{org_id}",
    ),
    (
        "google_storage_bucket",
        "//storage.googleapis.com/projects/_/buckets/{bucket}",
    ),
    ("google_service_account", "//iam.googleapis.com/{service_account_id}"),
    (
        "google_secret_manager_secret",
        "//secretmanager.googleapis.com/projects/{project}/secrets/{secret_id}",
    ),
    (
        "google_secret_manager_regional_secret",
        "//secretmanager.googleapis.com/projects/{project}/locations/{location}/secrets/{secret_id}",
    ),
    (
        "google_artifact_registry_repository",
        "//artifactregistry.googleapis.com/projects/{project}/locations/{location}/repositories/{repository}",
    ),
    (
        "google_pubsub_topic",
        "//pubsub.googleapis.com/projects/{project}/topics/{topic}",
    ),
    (
        "google_pubsub_subscription",
        "//pubsub.googleapis.com/projects/{project}/subscriptions/{subscription}",
    ),
    (
        "google_bigquery_dataset",
        "//bigquery.googleapis.com/projects/{project}/datasets/{dataset_id}",
    ),
    ("google_kms_key_ring", "//cloudkms.googleapis.com/{key_ring_id}"),
    ("google_kms_crypto_key", "//cloudkms.googleapis.com/{crypto_key_id}"),
];

/// The attributes of a resource or block.
#[derive(Clone, Copy)]
struct Attributes<'a> {
    map: &'a Map<String, Value>,
    is_plan: bool,
}

impl<'a> Attributes<'a> {
    fn missing(&self, name: &'static str) -> Lack {
        if self.is_plan {
            Lack::Later(name)
        } else {
            Lack::Malformed(format!("{name} is missing"))
        }
    }

    fn optional(&self, name: &'static str) -> Result<Option<&'a str>, Lack> {
        match self.map.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Lack::Malformed(format!("{name} is no text"))),
        }
    }

    fn text(&self, name: &'static str) -> Result<&'a str, Lack> {
        self.optional(name)?.ok_or_else(|| self.missing(name))
    }

    /// A list, which is empty where it is not there.
    fn texts(&self, name: &'static str) -> Result<Vec<&'a str>, Lack> {
        let malformed = || Lack::Malformed(format!("{name} is no list of texts"));
        match self.map.get(name) {
            None if self.is_plan && matches!(name, "members" | "permissions") => Err(Lack::Later(name)),
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                let text = |item: &'a Value| match item {
                    // What a plan does not know yet.
                    Value::Null if self.is_plan => Err(Lack::Later(name)),
                    item => item.as_str().ok_or_else(malformed),
                };
                items.iter().map(text).collect()
            }
            Some(_) => Err(malformed()),
        }
    }

    fn blocks(&self, name: &'static str) -> Result<Vec<Attributes<'a>>, Lack> {
        let malformed = || Lack::Malformed(format!("{name} is no list of blocks"));
        let items = match self.map.get(name) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(items) => items.as_array().ok_or_else(malformed)?,
        };
        let block = |item: &'a Value| {
            let map = item.as_object().ok_or_else(malformed)?;
            Ok(Attributes { map, ..*self })
        };
        items.iter().map(block).collect()
    }

    fn block(&self, name: &'static str) -> Result<Option<Attributes<'a>>, Lack> {
        Ok(self.blocks(name)?.into_iter().next())
    }

    fn condition(&self, name: &'static str) -> Result<Option<Condition>, Lack> {
        let Some(block) = self.block(name)? else {
            return Ok(None);
        };
        Ok(Some(Condition {
            title: block.optional("title")?.unwrap_or_default().to_owned(),
            expression: block.text("expression")?.to_owned(),
        }))
    }

    /// The name of what a grant is on.
    fn target(&self, template: &'static str) -> Result<ResourceName, Lack> {
        let (start, path) = template[2..].split_once('/').unwrap_or((template, ""));
        let attribute = |segment: &'static str| segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        if let Some(whole) = path.rsplit('/').next().and_then(attribute) {
            let text = self.text(whole)?;
            let text = match whole {
                "service_account_id" => return Ok(ResourceName::service_account(last(text))),
                "bucket" => return Ok(ResourceName::bucket(last(text))),
                "key_ring_id" | "crypto_key_id" => key_path(text)?,
                _ => text.to_owned(),
            };
            if text.starts_with("projects/") {
                return name(&format!("//{start}/{text}"));
            }
        }
        let mut full = format!("//{start}");
        for segment in path.split('/') {
            full.push('/');
            full.push_str(match attribute(segment) {
                Some(attribute) => last(self.text(attribute)?),
                None => segment,
            });
        }
        name(&full)
    }
}

/// Keys are also named by the parts of their path: `PROJECT/LOCATION/RING/KEY`.
fn key_path(text: &str) -> Result<String, Lack> {
    let parts: Vec<&str> = text.split('/').collect();
    match parts[..] {
        ["projects", ..] => Ok(text.to_owned()),
        [project, location, ring] => Ok(format!("projects/{project}/locations/{location}/keyRings/{ring}")),
        [project, location, ring, key] => Ok(format!(
            "projects/{project}/locations/{location}/keyRings/{ring}/cryptoKeys/{key}"
        )),
        _ => Err(Lack::Strange(format!("\"{text}\" does not say its project"))),
    }
}

fn name(text: &str) -> Result<ResourceName, Lack> {
    ResourceName::parse(text).map_err(|error| Lack::Malformed(error.to_string()))
}

fn binding(attributes: &Attributes<'_>, texts: &[&str], mark: Mark) -> Result<Policy, Lack> {
    let members: Vec<Member> = members(texts);
    let binding = Binding {
        role: attributes.text("role")?.to_owned(),
        members,
        condition: attributes.condition("condition")?,
        mark,
    };
    Ok(Policy {
        bindings: vec![binding],
    })
}

/// A policy as a text inside of the document: its bindings stand where the text does.
fn policy(text: &str, mark: Mark) -> Result<Policy, Lack> {
    let source = yaml::Sources::new().add("policy_data", text.to_owned());
    let mut policy =
        Policy::read(source.text(), &source).map_err(|error| Lack::Malformed(format!("policy_data: {error}")))?;
    for binding in &mut policy.bindings {
        binding.mark = mark;
    }
    Ok(policy)
}
