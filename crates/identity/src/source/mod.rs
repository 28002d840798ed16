//! Where facts come from: documents that tools print. The form of a document is known by its content.

mod config_connector;
mod gcloud;
pub(crate) mod outline;
mod results;
mod terraform;

use serde::Deserialize;
use serde_json::value::RawValue;
use yaml::Source;

use self::terraform::Moment;
use crate::name::{NameError, ResourceName};
use crate::policy::PolicyError;
use crate::state::State;

/// A document of grants that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("it is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("the grants on {resource}: {error}")]
    Policy { resource: String, error: PolicyError },
    #[error("{address}: {what}")]
    Terraform { address: String, what: String },
    #[error("it is Terraform's JSON of version {0}; 4 of a state file and 1 of `terraform show -json` are known")]
    TerraformVersion(String),
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
                 gcloud … get-iam-policy --format=json (as RESOURCE=FILE), gcloud iam roles describe --format=json, \
                 terraform show -json",
            ),
            StateError::WhichResource => Some("give it as RESOURCE=FILE: projects/acme=policy.json"),
            StateError::Name(_) => Some(NameError::HINT),
            StateError::TerraformVersion(_) => Some("give what terraform show -json prints of the state or plan"),
            StateError::Json(_) | StateError::Policy { .. } | StateError::Terraform { .. } => None,
        }
    }

    fn at(resource: &ResourceName, error: PolicyError) -> StateError {
        StateError::Policy {
            resource: resource.to_string(),
            error,
        }
    }
}

impl State {
    /// Adds what a document says. `resource` is what a policy is set on, where the document does not say it.
    ///
    /// # Errors
    /// [`StateError`] where it is none of the forms, or a part of it is malformed. Nothing is added then.
    pub fn read(&mut self, source: &Source, resource: Option<&ResourceName>) -> Result<(), StateError> {
        let mut read = State::default();
        if let Some(results) = results::read_results(source) {
            read = results;
        } else if source.text().trim_start().starts_with('[') {
            let items: Vec<&RawValue> = serde_json::from_str(source.text())?;
            for item in items {
                read.object(item.get(), source, None)?;
            }
        } else {
            read.object(source.text(), source, resource)?;
        }
        self.merge(read);
        Ok(())
    }

    /// Adds what held before a plan of Terraform, as `terraform show -json PLAN` prints it; [`State::read`] adds what
    /// holds after it.
    ///
    /// # Errors
    /// [`StateError`] where it is no document of Terraform, or a part of it is malformed. Nothing is added then.
    pub fn read_before(&mut self, source: &Source) -> Result<(), StateError> {
        let mut read = State::default();
        terraform::read(&mut read, source.text(), source, Moment::Before)?;
        self.merge(read);
        Ok(())
    }

    fn object(&mut self, part: &str, source: &Source, resource: Option<&ResourceName>) -> Result<(), StateError> {
        // A document that is no JSON at all says so itself.
        serde_json::from_str::<serde::de::IgnoredAny>(part)?;
        let form: Form<'_> = serde_json::from_str(part).map_err(|_| StateError::Form)?;
        if form.format_version.is_some() || form.terraform_version.is_some() || form.lineage.is_some() {
            return terraform::read(self, part, source, Moment::After);
        }
        gcloud::read(self, &form, part, source, resource)
    }
}

/// The fields by which documents are told apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Form<'t> {
    #[serde(borrow)]
    policy: Option<&'t RawValue>,
    #[serde(borrow)]
    bindings: Option<&'t RawValue>,
    #[serde(borrow)]
    rules: Option<&'t RawValue>,
    #[serde(borrow)]
    etag: Option<&'t RawValue>,
    #[serde(borrow)]
    included_permissions: Option<&'t RawValue>,
    #[serde(borrow)]
    project_number: Option<&'t RawValue>,
    #[serde(borrow)]
    attribute_mapping: Option<&'t RawValue>,
    #[serde(borrow)]
    key_type: Option<&'t RawValue>,
    #[serde(borrow)]
    unique_id: Option<&'t RawValue>,
    #[serde(borrow, rename = "format_version")]
    format_version: Option<&'t RawValue>,
    #[serde(borrow, rename = "terraform_version")]
    terraform_version: Option<&'t RawValue>,
    #[serde(borrow)]
    lineage: Option<&'t RawValue>,
}

/// The address of a service account that a user makes in a project.
fn account_address(id: &str, project: &str) -> String {
    // Projects of an old kind are in a domain: `example.com:project`.
    match project.split_once(':') {
        Some((domain, project)) => format!("{id}@{project}.{domain}.iam.gserviceaccount.com"),
        None => format!("{id}@{project}.iam.gserviceaccount.com"),
    }
}

/// What stands behind the last slash.
fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
