//! A grant to make, as a command, as Terraform and as an object of Config Connector.

use std::fmt::Write as _;

use hashbrown::HashMap;
use sha2::{Digest, Sha256};

use crate::decide::Reasoner;
use crate::member::{Member, PoolKind};
use crate::name::ResourceName;
use crate::plan::CustomRole;

/// A role for a member on a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGrant {
    pub role: String,
    pub member: Member,
    pub on: ResourceName,
    /// The member in a policy of the resource.
    written: String,
    /// What tells its name in files from that of another grant.
    suffix: String,
}

/// Gives grants that would have one name in a file of Terraform or among objects names of their own.
///
/// The names are made of the grants alone: those of a plan stay as they are while it has the same ones.
pub fn distinguish<'g>(grants: impl IntoIterator<Item = &'g mut NewGrant>) {
    let mut by_label: HashMap<String, Vec<&mut NewGrant>> = HashMap::new();
    for grant in grants {
        by_label.entry(grant.label()).or_default().push(grant);
    }
    for grant in by_label.into_values().filter(|same| same.len() > 1).flatten() {
        let digest = Sha256::digest(format!("{}\n{}\n{}", grant.role, grant.written, grant.on));
        let _ = write!(grant.suffix, "_{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2]);
    }
}

/// What takes grants of its own.
enum Target<'n> {
    Project(&'n str),
    Folder(&'n str),
    Organization(&'n str),
    Bucket(&'n str),
    ServiceAccount {
        project: &'n str,
        email: &'n str,
    },
    Secret {
        project: &'n str,
        name: &'n str,
    },
    Repository {
        project: &'n str,
        location: &'n str,
        name: &'n str,
    },
}

impl<'n> Target<'n> {
    fn of(name: &'n ResourceName) -> Option<Target<'n>> {
        let segments: Vec<&str> = name.path().split('/').collect();
        Some(match (name.service().split('.').next()?, &segments[..]) {
            ("cloudresourcemanager", ["projects", id]) => Target::Project(id),
            ("cloudresourcemanager", ["folders", id]) => Target::Folder(id),
            ("cloudresourcemanager", ["organizations", id]) => Target::Organization(id),
            ("storage", ["projects", "_", "buckets", bucket]) => Target::Bucket(bucket),
            ("iam", ["projects", project, "serviceAccounts", email]) => Target::ServiceAccount { project, email },
            ("secretmanager", ["projects", project, "secrets", name]) => Target::Secret { project, name },
            ("artifactregistry", ["projects", project, "locations", location, "repositories", name]) => {
                Target::Repository {
                    project,
                    location,
                    name,
                }
            }
            _ => return None,
        })
    }
}

impl Reasoner<'_> {
    /// The least grant that gives some permissions on a resource: the smallest role with them, on the nearest resource
    /// that takes grants. None where no role is known that has them.
    pub fn new_grant(&self, permissions: &[&str], resource: &ResourceName, member: &Member) -> Option<NewGrant> {
        let role = (*self.roles().holding(permissions).first()?).to_owned();
        Some(self.grant(role, member, self.takes_grants(resource)?))
    }

    /// The nearest resource that takes grants of its own: itself, or what it is in.
    pub(crate) fn takes_grants(&self, resource: &ResourceName) -> Option<ResourceName> {
        let mut lineage = self.lineage(resource).into_iter();
        lineage.find(|name| Target::of(name).is_some())
    }

    /// A role for a member on a resource that takes grants.
    pub(crate) fn grant(&self, role: String, member: &Member, on: ResourceName) -> NewGrant {
        NewGrant {
            role,
            member: member.clone(),
            written: self.written(member, &on),
            on,
            suffix: String::new(),
        }
    }

    /// A Kubernetes service account has its older name in the policies of service accounts, where all tools know it,
    /// and the name of a principal, which needs the number of the project, in all others.
    fn written(&self, member: &Member, on: &ResourceName) -> String {
        match member {
            Member::Federated { pool, subject } if !matches!(Target::of(on), Some(Target::ServiceAccount { .. })) => {
                let project = pool
                    .gke_project()
                    .map_or(pool.project.as_deref(), |id| self.state().project_number(id));
                let project = project.unwrap_or("PROJECT_NUMBER");
                match pool.kind {
                    PoolKind::Workforce => member.to_string(),
                    PoolKind::Workload => format!(
                        "principal://iam.googleapis.com/projects/{project}/locations/global/workloadIdentityPools/{}/subject/{subject}",
                        pool.id
                    ),
                }
            }
            _ => member.to_string(),
        }
    }
}

impl NewGrant {
    /// The member as a policy of the resource has it.
    pub fn member_in_policy(&self) -> &str {
        &self.written
    }

    /// The command that makes the grant.
    pub fn gcloud(&self) -> String {
        let command = match self.target() {
            Target::Project(id) => format!("gcloud projects add-iam-policy-binding {id}"),
            Target::Folder(id) => format!("gcloud resource-manager folders add-iam-policy-binding {id}"),
            Target::Organization(id) => format!("gcloud organizations add-iam-policy-binding {id}"),
            Target::Bucket(name) => format!("gcloud storage buckets add-iam-policy-binding gs://{name}"),
            Target::ServiceAccount { project, email } => {
                format!("gcloud iam service-accounts add-iam-policy-binding {email} --project={project}")
            }
            Target::Secret { project, name } => {
                format!("gcloud secrets add-iam-policy-binding {name} --project={project}")
            }
            Target::Repository {
                project,
                location,
                name,
            } => format!(
                "gcloud artifacts repositories add-iam-policy-binding {name} --project={project} --location={location}"
            ),
        };
        format!("{command} --role={} --member='{}'", self.role, self.written)
    }

    /// Whether a resource takes grants of its own.
    pub(crate) fn is_possible(on: &ResourceName) -> bool {
        Target::of(on).is_some()
    }

    /// The same grant with a name that says what it differs in from others of its member, role and resource.
    #[must_use]
    pub(crate) fn named_apart(mut self, by: &str) -> NewGrant {
        self.suffix = format!("_{}", slug(by));
        self
    }

    /// The same grant for a member as another policy writes it.
    #[must_use]
    pub(crate) fn written_as(&self, written: String) -> NewGrant {
        NewGrant {
            written,
            ..self.clone()
        }
    }

    /// What the resource is called where Terraform imports a grant on it.
    pub(crate) fn terraform_parent(&self) -> String {
        match self.target() {
            Target::Project(id) | Target::Organization(id) => id.to_owned(),
            Target::Folder(id) => format!("folders/{id}"),
            Target::Bucket(name) => format!("b/{name}"),
            _ => self.on.path().to_owned(),
        }
    }

    /// The address of the Terraform resource.
    pub(crate) fn terraform_address(&self) -> String {
        let text = self.terraform();
        let mut words = text.split('"');
        let kind = words.nth(1).unwrap_or_default();
        format!("{kind}.{}", self.label())
    }

    /// The same behind the custom role that it is of, where that is made with it.
    pub fn terraform_after(&self, roles: &[CustomRole]) -> String {
        let text = self.terraform();
        match roles.iter().find(|role| role.name() == self.role) {
            Some(role) => {
                let fields = text.trim_end_matches("}\n");
                format!(
                    "{fields}\n  depends_on = [google_project_iam_custom_role.{}]\n}}\n",
                    role.label(roles)
                )
            }
            None => text,
        }
    }

    /// The Terraform resource that is the grant.
    pub fn terraform(&self) -> String {
        let field = |name: &'static str, value: &str| (name, value.to_owned());
        let (kind, fields) = match self.target() {
            Target::Project(id) => ("google_project_iam_member", vec![field("project", id)]),
            Target::Folder(id) => ("google_folder_iam_member", vec![("folder", format!("folders/{id}"))]),
            Target::Organization(id) => ("google_organization_iam_member", vec![field("org_id", id)]),
            Target::Bucket(name) => ("google_storage_bucket_iam_member", vec![field("bucket", name)]),
            Target::ServiceAccount { project, email } => (
                "google_service_account_iam_member",
                vec![(
                    "service_account_id",
                    format!("projects/{project}/serviceAccounts/{email}"),
                )],
            ),
            Target::Secret { project, name } => (
                "google_secret_manager_secret_iam_member",
                vec![field("project", project), field("secret_id", name)],
            ),
            Target::Repository {
                project,
                location,
                name,
            } => (
                "google_artifact_registry_repository_iam_member",
                vec![
                    field("project", project),
                    field("location", location),
                    field("repository", name),
                ],
            ),
        };
        let mut text = format!("resource \"{kind}\" \"{}\" {{\n", self.label());
        let more = [("role", self.role.clone()), ("member", self.written.clone())];
        let fields: Vec<(&str, String)> = fields.into_iter().chain(more).collect();
        let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in fields {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "  {name:width$} = {}", literal(&value));
        }
        text.push_str("}\n");
        text
    }

    /// The `IAMPolicyMember` that is the grant.
    pub fn config_connector(&self) -> String {
        let (kind, external) = match self.target() {
            Target::Project(id) => ("Project", format!("projects/{id}")),
            Target::Folder(id) => ("Folder", format!("folders/{id}")),
            Target::Organization(id) => ("Organization", id.to_owned()),
            Target::Bucket(name) => ("StorageBucket", name.to_owned()),
            Target::ServiceAccount { .. } => ("IAMServiceAccount", self.on.path().to_owned()),
            Target::Secret { .. } => ("SecretManagerSecret", self.on.path().to_owned()),
            Target::Repository { .. } => ("ArtifactRegistryRepository", self.on.path().to_owned()),
        };
        format!(
            "apiVersion: iam.cnrm.cloud.google.com/v1beta1\nkind: IAMPolicyMember\nmetadata:\n  name: {}\nspec:\n  \
             member: {}\n  role: {}\n  resourceRef:\n    kind: {kind}\n    external: {}\n",
            self.label().replace('_', "-"),
            quoted(&self.written),
            self.role,
            scalar(&external),
        )
    }

    /// Only what takes grants gets a new one.
    fn target(&self) -> Target<'_> {
        Target::of(&self.on).unwrap_or(Target::Project("-"))
    }

    /// A name for the grant: who, what and where, in lower case with underscores.
    fn label(&self) -> String {
        let who = match self.member.as_kubernetes() {
            Some((namespace, name)) => format!("{namespace}_{name}"),
            None => {
                let text = self.member.to_string();
                let name = text.rsplit(['/', ':']).next().unwrap_or_default();
                name.split('@').next().unwrap_or_default().to_owned()
            }
        };
        let role = self.role.rsplit('/').next().unwrap_or_default();
        let place = self.on.path().rsplit('/').next().unwrap_or_default();
        let place = place.split('@').next().unwrap_or_default();
        let label = format!("{}{}", slug(&format!("{who}_{role}_{place}")), self.suffix);
        // Names begin with a letter, and those of default accounts with a number.
        match label.starts_with(|c: char| c.is_ascii_digit()) {
            true => format!("account_{label}"),
            false => label,
        }
    }
}

/// A text in lower case, with underscores in place of all but letters and digits.
fn slug(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    let text = text.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    text.trim_matches('_').to_owned()
}

/// A text in double quotes, as YAML has it.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A name, as YAML has it: in quotes where it could be a number or a word of YAML's own.
fn scalar(name: &str) -> String {
    let is_word = ["true", "false", "yes", "null"].contains(&name);
    if is_word || name.starts_with(|c: char| c.is_ascii_digit()) {
        quoted(name)
    } else {
        name.to_owned()
    }
}

/// A text in double quotes, as HCL has it: `${` and `%{` begin templates.
pub(crate) fn literal(text: &str) -> String {
    quoted(text).replace("${", "$${").replace("%{", "%%{")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_written_in_three_ways() {
        let state = crate::State::default();
        let grant = Reasoner::new(&state).new_grant(
            &["iam.serviceAccounts.getAccessToken"],
            &ResourceName::service_account("trainer@acme.iam.gserviceaccount.com"),
            &Member::kubernetes("acme", "ml", "trainer"),
        );
        let grant = grant.unwrap();
        assert_eq!(
            grant.gcloud(),
            "gcloud iam service-accounts add-iam-policy-binding trainer@acme.iam.gserviceaccount.com --project=acme \
             --role=roles/iam.workloadIdentityUser --member='serviceAccount:acme.svc.id.goog[ml/trainer]'"
        );
        assert_eq!(
            grant.terraform(),
            r#"resource "google_service_account_iam_member" "ml_trainer_iam_workloadidentityuser_trainer" {
  service_account_id = "projects/acme/serviceAccounts/trainer@acme.iam.gserviceaccount.com"
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:acme.svc.id.goog[ml/trainer]"
}
"#
        );
        assert_eq!(
            grant.config_connector(),
            r#"apiVersion: iam.cnrm.cloud.google.com/v1beta1
kind: IAMPolicyMember
metadata:
  name: ml-trainer-iam-workloadidentityuser-trainer
spec:
  member: "serviceAccount:acme.svc.id.goog[ml/trainer]"
  role: roles/iam.workloadIdentityUser
  resourceRef:
    kind: IAMServiceAccount
    external: projects/acme/serviceAccounts/trainer@acme.iam.gserviceaccount.com
"#
        );
    }

    #[test]
    fn a_pod_is_a_principal_outside_of_service_accounts() {
        let mut state = crate::State::default();
        let bucket = ResourceName::bucket("models");
        let pod = Member::kubernetes("acme", "ml", "trainer");
        let written = |state: &crate::State| {
            Reasoner::new(state)
                .new_grant(&["storage.objects.get"], &bucket, &pod)
                .unwrap()
                .written
        };
        let pool = "locations/global/workloadIdentityPools/acme.svc.id.goog/subject/ns/ml/sa/trainer";
        assert_eq!(
            written(&state),
            format!("principal://iam.googleapis.com/projects/PROJECT_NUMBER/{pool}")
        );
        state.project_numbers.insert("17".to_owned(), "acme".to_owned());
        assert_eq!(
            written(&state),
            format!("principal://iam.googleapis.com/projects/17/{pool}")
        );
    }

    #[test]
    fn a_grant_is_made_on_the_nearest_resource_that_takes_one() {
        let state = crate::State::default();
        let reasoner = Reasoner::new(&state);
        let table = [
            (
                "storage.objects.get",
                "gs://models/iris/model.pkl",
                "//storage.googleapis.com/projects/_/buckets/models",
            ),
            (
                "aiplatform.endpoints.predict",
                "//aiplatform.googleapis.com/projects/acme/locations/europe-west4/endpoints/7",
                "//cloudresourcemanager.googleapis.com/projects/acme",
            ),
            (
                "secretmanager.versions.access",
                "//secretmanager.googleapis.com/projects/acme/secrets/token/versions/1",
                "//secretmanager.googleapis.com/projects/acme/secrets/token",
            ),
        ];
        for (permission, resource, on) in table {
            let resource = ResourceName::parse(resource).unwrap();
            let grant = reasoner.new_grant(&[permission], &resource, &Member::AllUsers).unwrap();
            assert_eq!(grant.on.as_str(), on);
        }
    }
}
