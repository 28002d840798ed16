//! The least grants that give every workload of a landscape what it needs.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::explain::IMPERSONATION;
use crate::grant::NewGrant;
use crate::landscape::{Landscape, NeedVerdict};
use crate::member::Member;
use crate::name::ResourceName;
use crate::role::Permits;
use resource::ResId;
use yaml::Mark;

/// How many permissions a predefined role may have before a custom role is made in its place.
pub const TOO_BROAD: usize = 100;

/// Grants to make, in the order of members and resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub custom_roles: Vec<CustomRole>,
    pub grants: Vec<PlannedGrant>,
    /// Needs that no grant can meet, with the reason.
    pub unmet: Vec<Unmet>,
}

/// A role with just the permissions that are needed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CustomRole {
    pub project: String,
    pub id: String,
    pub permissions: Vec<String>,
}

/// A grant, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedGrant {
    pub grant: NewGrant,
    pub reasons: Vec<Reason>,
    /// Whether it is certain that nothing gives this yet; else nobody can tell from the grants that are known.
    pub is_missing: bool,
}

/// What needs a permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub permission: String,
    pub resource: ResourceName,
    /// In a few words: `writes its output`.
    pub words: String,
    pub object: ResId,
    pub mark: Mark,
}

/// A need that no grant can meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    pub reason: Reason,
    pub why: String,
}

/// When custom roles are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CustomRoles {
    /// Where every predefined role has more than [`TOO_BROAD`] permissions.
    #[default]
    WhereBroad,
    Never,
}

/// Something that is not granted yet.
struct Open {
    permission: String,
    resource: ResourceName,
    reason: Reason,
    is_missing: bool,
}

/// A role that may be granted: its name and how many permissions it has.
struct Candidate {
    role: String,
    on: ResourceName,
}

pub(crate) type Attributes = Vec<(String, String)>;

impl Landscape<'_> {
    /// The least grants after which nothing is missing: without any one of them, something is.
    ///
    /// What nobody can tell is planned, too: a grant that is there already changes nothing.
    pub fn plan(&self, custom_roles: CustomRoles) -> Plan {
        let mut plan = Plan::default();
        let mut open: BTreeMap<Member, Vec<Open>> = BTreeMap::new();
        for (member, attributes, need) in self.wanted() {
            match self.verdict_for(&member, &attributes, &need.permission, &need.resource) {
                NeedVerdict::Held(_) => {}
                NeedVerdict::Denied { on, .. } => plan.unmet.push(Unmet {
                    why: format!("a deny policy on {} denies it to {}", on.short(), member.short()),
                    reason: need,
                }),
                NeedVerdict::Disabled(_) => plan.unmet.push(Unmet {
                    why: format!("{} is disabled", member.short()),
                    reason: need,
                }),
                verdict => open.entry(member).or_default().push(Open {
                    permission: need.permission.clone(),
                    resource: need.resource.clone(),
                    reason: need,
                    is_missing: matches!(verdict, NeedVerdict::Missing(_)),
                }),
            }
        }
        let mut roles: BTreeSet<CustomRole> = BTreeSet::new();
        for (member, open) in open {
            let mut candidates = Vec::new();
            for (on, permissions) in self.by_resource(&open) {
                let permissions: Vec<&str> = permissions.into_iter().collect();
                match self.roles_for(&permissions, &on, custom_roles, &mut roles) {
                    Some(found) => candidates.extend(found.into_iter().map(|role| Candidate { role, on: on.clone() })),
                    None => {
                        let of_resource = open
                            .iter()
                            .filter(|open| permissions.contains(&open.permission.as_str()));
                        plan.unmet.extend(of_resource.map(|open| Unmet {
                            reason: open.reason.clone(),
                            why: "no role that is known has it".to_owned(),
                        }));
                    }
                }
            }
            self.keep_least(&mut candidates, &open, &roles);
            for candidate in candidates {
                let covered = open.iter().filter(|open| self.covers(&candidate, open, &roles));
                let mut reasons: Vec<Reason> = covered.clone().map(|open| open.reason.clone()).collect();
                reasons.sort_by(|a, b| (&a.permission, &a.resource, a.mark).cmp(&(&b.permission, &b.resource, b.mark)));
                reasons.dedup();
                plan.grants.push(PlannedGrant {
                    is_missing: covered.clone().any(|open| open.is_missing),
                    reasons,
                    grant: self.reasoner.grant(candidate.role, &member, candidate.on),
                });
            }
        }
        let used = |role: &CustomRole| plan.grants.iter().any(|planned| planned.grant.role == role.name());
        plan.custom_roles = roles.into_iter().filter(used).collect();
        plan
    }

    /// Who needs what: the needs of all trees, and the links of their accounts.
    pub(crate) fn wanted(&self) -> Vec<(Member, Attributes, Reason)> {
        let mut wanted = Vec::new();
        for (at, tree) in self.trees.iter().enumerate() {
            for link in self.links(at) {
                let reason = Reason {
                    permission: IMPERSONATION.to_owned(),
                    resource: ResourceName::service_account(link.email),
                    words: "is this account".to_owned(),
                    object: link.object.clone(),
                    mark: link.mark,
                };
                wanted.push((link.kubernetes, link.attributes, reason));
            }
            for need in &tree.needs {
                let identity = self.identity(at, &need.subject);
                if let Some(member) = identity.member.clone() {
                    let reason = Reason {
                        permission: need.permission.to_owned(),
                        resource: need.resource.clone(),
                        words: need.reason.clone(),
                        object: need.object.clone(),
                        mark: need.mark,
                    };
                    wanted.push((member.clone(), identity.attributes_of(&member).to_vec(), reason));
                }
            }
        }
        wanted
    }

    /// The permissions by the resource that their grants are on.
    fn by_resource<'o>(&self, open: &'o [Open]) -> BTreeMap<ResourceName, BTreeSet<&'o str>> {
        let mut by_resource: BTreeMap<ResourceName, BTreeSet<&str>> = BTreeMap::new();
        for open in open {
            if let Some(on) = self.reasoner.takes_grants(&open.resource) {
                by_resource.entry(on).or_default().insert(&open.permission);
            }
        }
        by_resource
    }

    /// Roles that hold some permissions together, with as few others as can be. None where no role is known.
    fn roles_for(
        &self,
        permissions: &[&str],
        on: &ResourceName,
        custom_roles: CustomRoles,
        made: &mut BTreeSet<CustomRole>,
    ) -> Option<Vec<String>> {
        let table = self.reasoner.roles();
        let mut each: BTreeSet<&str> = BTreeSet::new();
        for permission in permissions {
            each.insert(table.holding(&[permission]).first().copied()?);
        }
        let mut several: Vec<&str> = each.into_iter().collect();
        // The broadest is tried first: what it holds alone keeps it, and what it holds too makes others needless.
        several.sort_by_key(|role| std::cmp::Reverse(table.size(role)));
        let mut at = several.len();
        while at > 0 {
            at -= 1;
            let without: Vec<&str> = several
                .iter()
                .enumerate()
                .filter(|(it, _)| *it != at)
                .map(|(_, role)| *role)
                .collect();
            let is_held = |permission: &&str| {
                without
                    .iter()
                    .any(|role| table.permits(role, permission) == Permits::Yes)
            };
            if permissions.iter().all(is_held) {
                several.remove(at);
            }
        }
        let one = table.holding(permissions).first().copied();
        let chosen = match one {
            Some(one) if table.size(one) <= table.union_size(&several) => vec![one],
            _ => several,
        };
        let is_broad = chosen.iter().any(|role| table.size(role) > TOO_BROAD);
        let project = self
            .reasoner
            .lineage(on)
            .iter()
            .find_map(|name| name.project_id().map(str::to_owned));
        match project {
            Some(project) if is_broad && custom_roles == CustomRoles::WhereBroad => {
                let role = CustomRole::new(project, permissions);
                let name = role.name();
                made.insert(role);
                Some(vec![name])
            }
            _ => Some(chosen.into_iter().map(str::to_owned).collect()),
        }
    }

    fn covers(&self, candidate: &Candidate, open: &Open, roles: &BTreeSet<CustomRole>) -> bool {
        let permits = match roles.iter().find(|role| role.name() == candidate.role) {
            Some(role) => role.permissions.contains(&open.permission),
            None => self.reasoner.permits(&candidate.role, &open.permission) == Permits::Yes,
        };
        permits && self.reasoner.lineage(&open.resource).contains(&candidate.on)
    }

    /// Leaves out what the others give as well.
    fn keep_least(&self, candidates: &mut Vec<Candidate>, open: &[Open], roles: &BTreeSet<CustomRole>) {
        let covering: Vec<Vec<bool>> = candidates
            .iter()
            .map(|candidate| open.iter().map(|open| self.covers(candidate, open, roles)).collect())
            .collect();
        let mut counts: Vec<usize> = (0..open.len())
            .map(|need| covering.iter().filter(|covers| covers[need]).count())
            .collect();
        let mut at = 0;
        candidates.retain(|_| {
            let covers = &covering[at];
            at += 1;
            let is_needed = covers.iter().zip(&counts).any(|(covers, count)| *covers && *count == 1);
            if !is_needed {
                for (covers, count) in covers.iter().zip(&mut counts) {
                    *count -= usize::from(*covers);
                }
            }
            is_needed
        });
    }
}

impl CustomRole {
    /// A role with some permissions. Its id is made of them, so that the same permissions are the same role.
    fn new(project: String, permissions: &[&str]) -> CustomRole {
        let mut permissions: Vec<String> = permissions.iter().map(|name| (*name).to_owned()).collect();
        permissions.sort_unstable();
        permissions.dedup();
        let mut words: Vec<&str> = permissions.iter().filter_map(|name| name.split('.').nth(1)).collect();
        words.dedup();
        let mut slug = words.join("_");
        slug.truncate(40);
        let digest = Sha256::digest(permissions.join("\n"));
        let id = format!("terrace_{slug}_{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2]);
        CustomRole {
            project,
            id,
            permissions,
        }
    }

    /// `projects/PROJECT/roles/ID`.
    pub fn name(&self) -> String {
        format!("projects/{}/roles/{}", self.project, self.id)
    }

    /// The command that makes it.
    pub fn gcloud(&self) -> String {
        format!(
            "gcloud iam roles create {} --project={} --title={} --permissions={}",
            self.id,
            self.project,
            self.id,
            self.permissions.join(",")
        )
    }

    /// Its name among the roles of a plan: that of another project may have the same id.
    pub(crate) fn label(&self, roles: &[CustomRole]) -> String {
        let is_alone = roles
            .iter()
            .all(|role| role.id != self.id || role.project == self.project);
        match is_alone {
            true => self.id.clone(),
            false => format!(
                "{}_{}",
                self.id,
                self.project.replace(|c: char| !c.is_ascii_alphanumeric(), "_")
            ),
        }
    }

    /// The Terraform resource that is the role, among those of a plan.
    pub fn terraform(&self, roles: &[CustomRole]) -> String {
        let list: Vec<String> = self
            .permissions
            .iter()
            .map(|name| format!("    \"{name}\",\n"))
            .collect();
        format!(
            "resource \"google_project_iam_custom_role\" \"{label}\" {{\n  project     = \"{}\"\n  role_id     = \"{id}\"\n  title       = \"{id}\"\n  permissions = [\n{}  ]\n}}\n",
            self.project,
            list.concat(),
            label = self.label(roles),
            id = self.id
        )
    }

    /// The `IAMCustomRole` that is the role, among those of a plan.
    pub fn config_connector(&self, roles: &[CustomRole]) -> String {
        let list: Vec<String> = self.permissions.iter().map(|name| format!("  - {name}\n")).collect();
        format!(
            "apiVersion: iam.cnrm.cloud.google.com/v1beta1\nkind: IAMCustomRole\nmetadata:\n  name: {}\n  annotations:\n    cnrm.cloud.google.com/project-id: {}\nspec:\n  resourceID: {}\n  title: {}\n  permissions:\n{}",
            self.label(roles).replace('_', "-").to_ascii_lowercase(),
            self.project,
            self.id,
            self.id,
            list.concat()
        )
    }
}
