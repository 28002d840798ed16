//! Objects of Config Connector (<https://cloud.google.com/config-connector/docs/reference/overview>): what they grant,
//! make and are part of, as the objects say it. Nothing of their status is known.

use hashbrown::HashMap;
use resource::{Resource, items};
use yaml::{Mark, Node};

use super::{account_address, last};
use crate::member::{Member, Pool, PoolKind};
use crate::name::ResourceName;
use crate::policy::{Binding, Condition, DenyRule, Policy};
use crate::provider::Provider;
use crate::state::{AccountKey, State, Unresolved};

const IAM: &str = "iam.cnrm.cloud.google.com";
const PROJECT_ANNOTATION: &str = "cnrm.cloud.google.com/project-id";
const FOLDER_ANNOTATION: &str = "cnrm.cloud.google.com/folder-id";
const ORGANIZATION_ANNOTATION: &str = "cnrm.cloud.google.com/organization-id";

/// Kinds that take grants: their service, and their name in it. `{name}` is the object's own, `{location}` is in its
/// spec.
const TARGETS: [(&str, &str, &str); 24] = [
    (
        "ArtifactRegistryRepository",
        "artifactregistry",
        "projects/{project}/locations/{location}/repositories/{name}",
    ),
    (
        "BigtableInstance",
        "bigtableadmin",
        "projects/{project}/instances/{name}",
    ),
    (
        "CloudFunctionsFunction",
        "cloudfunctions",
        "projects/{project}/locations/{region}/functions/{name}",
    ),
    (
        "ComputeBackendBucket",
        "compute",
        "projects/{project}/global/backendBuckets/{name}",
    ),
    ("ComputeImage", "compute", "projects/{project}/global/images/{name}"),
    (
        "ComputeInstance",
        "compute",
        "projects/{project}/zones/{zone}/instances/{name}",
    ),
    (
        "ComputeSnapshot",
        "compute",
        "projects/{project}/global/snapshots/{name}",
    ),
    (
        "ComputeSubnetwork",
        "compute",
        "projects/{project}/regions/{region}/subnetworks/{name}",
    ),
    ("DNSManagedZone", "dns", "projects/{project}/managedZones/{name}"),
    (
        "DataprocCluster",
        "dataproc",
        "projects/{project}/regions/{location}/clusters/{name}",
    ),
    ("Folder", "cloudresourcemanager", "folders/{name}"),
    ("IAMServiceAccount", "iam", "projects/{project}/serviceAccounts/{name}"),
    ("KMSCryptoKey", "cloudkms", "{keyRingRef:KMSKeyRing}/cryptoKeys/{name}"),
    (
        "KMSKeyRing",
        "cloudkms",
        "projects/{project}/locations/{location}/keyRings/{name}",
    ),
    ("Organization", "cloudresourcemanager", "organizations/{name}"),
    ("Project", "cloudresourcemanager", "projects/{name}"),
    (
        "PubSubSubscription",
        "pubsub",
        "projects/{project}/subscriptions/{name}",
    ),
    ("PubSubTopic", "pubsub", "projects/{project}/topics/{name}"),
    ("RunJob", "run", "projects/{project}/locations/{location}/jobs/{name}"),
    (
        "RunService",
        "run",
        "projects/{project}/locations/{location}/services/{name}",
    ),
    (
        "SecretManagerSecret",
        "secretmanager",
        "projects/{project}/secrets/{name}",
    ),
    ("SourceRepoRepository", "sourcerepo", "projects/{project}/repos/{name}"),
    ("SpannerInstance", "spanner", "projects/{project}/instances/{name}"),
    ("StorageBucket", "storage", "projects/_/buckets/{name}"),
];

impl State {
    /// What the objects of Config Connector among some objects say. Objects that do not say their project, nor
    /// their namespace, are in `project`, or else in the project of their namespace's name.
    ///
    /// References to what is not among the objects, and what only Google knows, are in [`State::unresolved`].
    pub fn from_config_connector(objects: &[Resource], project: Option<&str>) -> State {
        let mut reading = Reading {
            by_name: HashMap::new(),
            default_project: project,
            state: State::default(),
        };
        let is_known = |object: &&Resource| {
            object.gvk().group.ends_with(".cnrm.cloud.google.com")
                || object.kind() == "Namespace" && object.api_version() == "v1"
        };
        for object in objects.iter().filter(is_known) {
            let namespace = if object.kind() == "Namespace" {
                ""
            } else {
                object.namespace()
            };
            reading
                .by_name
                .insert((object.kind(), namespace, object.name()), object);
        }
        for object in objects.iter().filter(is_known) {
            if let Err(unresolved) = reading.object(object) {
                reading.state.unresolved.push(unresolved);
            }
        }
        reading.state
    }
}

struct Reading<'o> {
    /// By kind, namespace and name.
    by_name: HashMap<(&'o str, &'o str, &'o str), &'o Resource>,
    default_project: Option<&'o str>,
    state: State,
}

type Resolved<T> = Result<T, Unresolved>;

fn unresolved(object: &Resource, mark: Mark, message: &str) -> Unresolved {
    Unresolved {
        message: format!("{}: {message}", object.id().full_name()),
        mark,
    }
}

/// A text of the spec that has to be there.
fn text<'o>(object: &Resource, node: &'o Node, field: &str) -> Resolved<&'o str> {
    let found = node.get(field).and_then(Node::as_str).filter(|text| !text.is_empty());
    found.ok_or_else(|| unresolved(object, node.mark, &format!("{field} is missing")))
}

impl<'o> Reading<'o> {
    fn object(&mut self, object: &'o Resource) -> Resolved<()> {
        let gvk = object.gvk();
        let spec = spec(object);
        match (&*gvk.group, &*gvk.kind) {
            (IAM, "IAMPolicyMember") => {
                let on = self.target(object, spec)?;
                let binding = Binding {
                    role: text(object, spec, "role")?.to_owned(),
                    members: vec![self.member(object, spec)?],
                    condition: condition(object, spec, "condition")?,
                    mark: object.node.nearest_mark(["spec", "role"]),
                };
                self.state.policies.push((
                    on,
                    Policy {
                        bindings: vec![binding],
                    },
                ));
            }
            (IAM, "IAMPolicy" | "IAMPartialPolicy") => self.policy(object, spec)?,
            (IAM, "IAMServiceAccount") => {
                // An account without grants is known all the same.
                let email = self.account(object)?;
                let account = ResourceName::service_account(&email);
                self.state.policies.push((account, Policy::default()));
                if spec.get("disabled").and_then(Node::as_str) == Some("true") {
                    self.state.disabled_accounts.insert(email.to_ascii_lowercase());
                }
            }
            (IAM, "IAMServiceAccountKey") => {
                let account = self.account_of(object, spec, "serviceAccountRef")?;
                self.state.keys.push(AccountKey {
                    account,
                    id: own_name(object).to_owned(),
                    mark: object.node.nearest_mark(["spec", "serviceAccountRef"]),
                });
            }
            (IAM, "IAMCustomRole") => {
                let above = match object.annotation(ORGANIZATION_ANNOTATION) {
                    Some(organization) => format!("organizations/{organization}"),
                    None => format!("projects/{}", self.project(object)?),
                };
                let permissions = items(spec, &["permissions"]).filter_map(Node::as_str);
                self.state.custom_roles.insert(
                    format!("{above}/roles/{}", own_name(object)),
                    permissions.map(str::to_owned).collect(),
                );
            }
            (IAM, "IAMWorkloadIdentityPoolProvider") => self.provider(object, spec)?,
            (IAM, "IAMDenyPolicy") => self.deny_policy(object, spec)?,
            ("storage.cnrm.cloud.google.com", "StorageBucket") => {
                let project = ResourceName::project(&self.project(object)?);
                self.state
                    .parents
                    .push((ResourceName::bucket(own_name(object)), project));
            }
            ("resourcemanager.cnrm.cloud.google.com", "Project") => {
                if let Some(parent) = self.folder_or_organization(object, spec)? {
                    self.state
                        .parents
                        .push((ResourceName::project(own_name(object)), parent));
                }
            }
            ("resourcemanager.cnrm.cloud.google.com", "Folder") => {
                // Without its number, which Google gives, nothing is said about a folder.
                if spec.get("resourceID").is_some()
                    && let Some(parent) = self.folder_or_organization(object, spec)?
                {
                    let folder = self.named(object)?;
                    self.state.parents.push((folder, parent));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn policy(&mut self, object: &'o Resource, spec: &'o Node) -> Resolved<()> {
        let on = self.target(object, spec)?;
        let mut policy = Policy::default();
        for node in items(spec, &["bindings"]) {
            let mut members = Vec::new();
            for member in items(node, &["members"]) {
                // A policy has texts there, a partial policy has objects.
                let read = match member.as_str() {
                    Some(text) => Ok(parse(text)),
                    None => self.member(object, member),
                };
                match read {
                    Ok(member) => members.push(member),
                    Err(unresolved) => self.state.unresolved.push(unresolved),
                }
            }
            policy.bindings.push(Binding {
                role: text(object, node, "role")?.to_owned(),
                members,
                condition: condition(object, node, "condition")?,
                mark: node.nearest_mark(["role"]),
            });
        }
        self.state.policies.push((on, policy));
        Ok(())
    }

    /// `member`, or whom `memberFrom` refers to.
    fn member(&self, object: &'o Resource, node: &'o Node) -> Resolved<Member> {
        if let Some(text) = node.get("member").and_then(Node::as_str) {
            return Ok(parse(text));
        }
        let Some(from) = node.get("memberFrom") else {
            return Err(unresolved(object, node.mark, "member is missing"));
        };
        if from.get("serviceAccountRef").is_some() {
            return Ok(Member::ServiceAccount(self.account_of(
                object,
                from,
                "serviceAccountRef",
            )?));
        }
        let kind = from
            .as_map()
            .and_then(|map| map.iter().next())
            .and_then(|entry| entry.key.as_str());
        let message = format!("whom {} means is known to Google only", kind.unwrap_or("memberFrom"));
        Err(unresolved(object, from.mark, &message))
    }

    /// The address of the account that a reference names.
    fn account_of(&self, object: &'o Resource, node: &'o Node, field: &str) -> Resolved<String> {
        let Some(reference) = node.get(field) else {
            return Err(unresolved(object, node.mark, &format!("{field} is missing")));
        };
        match reference.get("external").and_then(Node::as_str) {
            Some(external) => Ok(last(external).to_ascii_lowercase()),
            None => self.account(self.referenced(object, reference, "IAMServiceAccount")?),
        }
    }

    fn account(&self, object: &Resource) -> Resolved<String> {
        Ok(account_address(own_name(object), &self.project(object)?))
    }

    /// The object that a reference names.
    fn referenced(&self, object: &'o Resource, reference: &Node, kind: &str) -> Resolved<&'o Resource> {
        let name = text(object, reference, "name")?;
        let namespace = reference
            .get("namespace")
            .and_then(Node::as_str)
            .filter(|text| !text.is_empty());
        let found = self.by_name.get(&(kind, namespace.unwrap_or(object.namespace()), name));
        found.copied().ok_or_else(|| {
            let mark = reference.nearest_mark(["name"]);
            unresolved(
                object,
                mark,
                &format!("the {kind} \"{name}\" it refers to is not among the objects"),
            )
        })
    }

    /// The project of an object (<https://cloud.google.com/config-connector/docs/how-to/organizing-resources/project-scoped-resources>).
    fn project(&self, object: &'o Resource) -> Resolved<String> {
        if let Some(project) = object.annotation(PROJECT_ANNOTATION) {
            return Ok(project.to_owned());
        }
        if let Some(reference) = object.node.get_path(["spec", "projectRef"]) {
            return match reference.get("external").and_then(Node::as_str) {
                Some(external) => Ok(last(external).to_owned()),
                None => Ok(own_name(self.referenced(object, reference, "Project")?).to_owned()),
            };
        }
        let namespace = self.by_name.get(&("Namespace", "", object.namespace()));
        let annotated = namespace.and_then(|namespace| namespace.annotation(PROJECT_ANNOTATION));
        let named = Some(object.namespace()).filter(|namespace| !namespace.is_empty());
        match annotated.or(self.default_project).or(named) {
            Some(project) => Ok(project.to_owned()),
            None => Err(unresolved(
                object,
                object.node.nearest_mark(["metadata", "name"]),
                &format!("its project is not known: it has no annotation {PROJECT_ANNOTATION}, and no namespace"),
            )),
        }
    }

    /// What the `resourceRef` of a grant names.
    fn target(&self, object: &'o Resource, spec: &'o Node) -> Resolved<ResourceName> {
        let Some(reference) = spec.get("resourceRef") else {
            return Err(unresolved(object, spec.mark, "resourceRef is missing"));
        };
        let kind = text(object, reference, "kind")?;
        let Some(external) = reference.get("external").and_then(Node::as_str) else {
            if kind == "Project" && reference.get("name").is_none() {
                return Ok(ResourceName::project(&self.project(object)?));
            }
            return self.named(self.referenced(object, reference, kind)?);
        };
        let mark = reference.nearest_mark(["external"]);
        let Some((_, service, template)) = TARGETS.iter().find(|(known, ..)| *known == kind) else {
            return Err(unresolved(object, mark, &format!("grants on a {kind} are not read")));
        };
        let path = match kind {
            "IAMServiceAccount" => return Ok(ResourceName::service_account(last(external))),
            "StorageBucket" => return Ok(ResourceName::bucket(last(external))),
            "Project" | "Folder" | "Organization" => template.replace("{name}", last(external)),
            _ if external.starts_with("projects/") => external.to_owned(),
            _ => {
                let message = format!("\"{external}\" is no name of a {kind}: it begins with projects/");
                return Err(unresolved(object, mark, &message));
            }
        };
        parse_name(object, mark, service, &path)
    }

    /// The full name of what an object makes.
    fn named(&self, object: &'o Resource) -> Resolved<ResourceName> {
        let mark = object.node.nearest_mark(["metadata", "name"]);
        let kind = object.kind();
        let Some((_, service, template)) = TARGETS.iter().find(|(known, ..)| *known == kind) else {
            return Err(unresolved(object, mark, &format!("grants on a {kind} are not read")));
        };
        match kind {
            "IAMServiceAccount" => return Ok(ResourceName::service_account(&self.account(object)?)),
            "StorageBucket" => return Ok(ResourceName::bucket(own_name(object))),
            "Folder" if object.node.get_path(["spec", "resourceID"]).is_none() => {
                return Err(unresolved(
                    object,
                    mark,
                    "the number of the folder is known to Google only",
                ));
            }
            _ => {}
        }
        let mut path = String::new();
        for segment in template.split('/') {
            if !path.is_empty() {
                path.push('/');
            }
            let field = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            match field {
                None => path.push_str(segment),
                Some("project") => path.push_str(&self.project(object)?),
                Some("name") => path.push_str(own_name(object)),
                Some(field) => path.push_str(&self.field(object, field)?),
            }
        }
        parse_name(object, mark, service, &path)
    }

    /// A part of a name that is in the spec: a text, or a path that a reference `FIELD:KIND` names.
    fn field(&self, object: &'o Resource, field: &str) -> Resolved<String> {
        let spec = spec(object);
        let Some((field, kind)) = field.split_once(':') else {
            return Ok(text(object, spec, field)?.to_owned());
        };
        let Some(reference) = spec.get(field) else {
            return Err(unresolved(object, spec.mark, &format!("{field} is missing")));
        };
        match reference.get("external").and_then(Node::as_str) {
            Some(external) => Ok(external.to_owned()),
            None => Ok(self.named(self.referenced(object, reference, kind)?)?.path().to_owned()),
        }
    }

    /// What a project or folder is in.
    fn folder_or_organization(&self, object: &'o Resource, spec: &'o Node) -> Resolved<Option<ResourceName>> {
        for (field, kind, annotation) in [
            ("folderRef", "Folder", FOLDER_ANNOTATION),
            ("organizationRef", "Organization", ORGANIZATION_ANNOTATION),
        ] {
            let reference = spec.get(field);
            let external = reference
                .and_then(|reference| reference.get("external"))
                .and_then(Node::as_str);
            if let Some(id) = external.or_else(|| object.annotation(annotation)) {
                let path = format!("{}s/{}", kind.to_ascii_lowercase(), last(id));
                let mark = reference.map_or(object.node.mark, |reference| reference.mark);
                return parse_name(object, mark, "cloudresourcemanager", &path).map(Some);
            }
            if let Some(reference) = reference {
                return self.named(self.referenced(object, reference, kind)?).map(Some);
            }
        }
        Ok(None)
    }

    fn provider(&mut self, object: &'o Resource, spec: &'o Node) -> Resolved<()> {
        if spec.get("disabled").and_then(Node::as_str) == Some("true") {
            return Ok(());
        }
        let reference = spec.get("workloadIdentityPoolRef");
        let Some(reference) = reference else {
            return Err(unresolved(object, spec.mark, "workloadIdentityPoolRef is missing"));
        };
        let (project, id) = match reference.get("external").and_then(Node::as_str) {
            Some(external) => match external.split('/').collect::<Vec<_>>()[..] {
                ["projects", project, .., id] => (project.to_owned(), id.to_owned()),
                _ => (self.project(object)?, last(external).to_owned()),
            },
            None => {
                let pool = self.referenced(object, reference, "IAMWorkloadIdentityPool")?;
                (self.project(pool)?, own_name(pool).to_owned())
            }
        };
        let list = |path: &[&str]| items(spec, path).filter_map(Node::as_str).map(str::to_owned).collect();
        let one = |path: [&str; 2]| spec.get_path(path).and_then(Node::as_str).map(str::to_owned);
        let mapping = spec
            .get("attributeMapping")
            .and_then(Node::as_map)
            .into_iter()
            .flatten();
        let pairs =
            mapping.filter_map(|entry| Some((entry.key.as_str()?.to_owned(), entry.value.as_str()?.to_owned())));
        let condition = spec.get("attributeCondition").and_then(Node::as_str);
        self.state.providers.push(Provider {
            pool: Pool {
                kind: PoolKind::Workload,
                project: Some(project),
                id,
            },
            id: own_name(object).to_owned(),
            issuer: one(["oidc", "issuerUri"]),
            audiences: list(&["oidc", "allowedAudiences"]),
            mapping: pairs.collect(),
            condition: condition.filter(|text| !text.trim().is_empty()).map(str::to_owned),
            mark: object.node.nearest_mark(["spec", "oidc", "issuerUri"]),
        });
        Ok(())
    }

    fn deny_policy(&mut self, object: &'o Resource, spec: &'o Node) -> Resolved<()> {
        let on = match self.folder_or_organization(object, spec)? {
            Some(above) => above,
            None => ResourceName::project(&self.project(object)?),
        };
        for node in items(spec, &["rules"]) {
            let Some(rule) = node.get("denyRule") else { continue };
            let texts = |field: &str| items(rule, &[field]).filter_map(Node::as_str).collect::<Vec<_>>();
            let owned = |field: &str| texts(field).into_iter().map(str::to_owned).collect();
            let rule = DenyRule {
                denied: texts("deniedPrincipals").into_iter().map(parse).collect(),
                except: texts("exceptionPrincipals").into_iter().map(parse).collect(),
                permissions: owned("deniedPermissions"),
                except_permissions: owned("exceptionPermissions"),
                condition: condition(object, rule, "denialCondition")?,
                mark: rule.mark,
            };
            self.state.deny_rules.push((on.clone(), rule));
        }
        Ok(())
    }
}

/// The spec; of an object without one, the object, which has none of the fields of a spec.
fn spec(object: &Resource) -> &Node {
    object.node.get("spec").unwrap_or(&object.node)
}

/// The name that Google knows: `spec.resourceID`, or that of the object.
fn own_name(object: &Resource) -> &str {
    let given = object.node.get_path(["spec", "resourceID"]).and_then(Node::as_str);
    given.filter(|name| !name.is_empty()).unwrap_or_else(|| object.name())
}

fn condition(object: &Resource, node: &Node, field: &str) -> Resolved<Option<Condition>> {
    let Some(condition) = node.get(field).filter(|condition| !condition.is_null()) else {
        return Ok(None);
    };
    let title = condition.get("title").and_then(Node::as_str).unwrap_or_default();
    Ok(Some(Condition {
        title: title.to_owned(),
        expression: text(object, condition, "expression")?.to_owned(),
    }))
}

fn parse(text: &str) -> Member {
    let Ok(member) = text.parse();
    member
}

fn parse_name(object: &Resource, mark: Mark, service: &str, path: &str) -> Resolved<ResourceName> {
    ResourceName::parse(&format!("//{service}.googleapis.com/{path}"))
        .map_err(|error| unresolved(object, mark, &error.to_string()))
}
