//! Grants to take back: only those that somebody names, whole.

use std::fmt::Write as _;

use crate::decide::Reasoner;
use crate::grant::{NewGrant, literal, quoted};
use crate::landscape::{Landscape, NeedVerdict};
use crate::member::Member;
use crate::name::ResourceName;
use crate::plan::Reason;
use crate::policy::Condition;
use yaml::Mark;

/// A grant by its name: a role, for whom, on what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantName {
    pub role: String,
    pub member: Member,
    pub on: ResourceName,
}

/// A grant that is there, and is taken back.
#[derive(Clone, Debug)]
pub struct Removal {
    pub grant: NewGrant,
    pub condition: Option<Condition>,
    /// Whether other grants on the resource have conditions: then each must say its own, or that it has none.
    has_conditions: bool,
    /// The other name that a policy may have for the member: those of a Kubernetes service account are one here.
    other: Option<String>,
    /// Where it is written, if a file holds it.
    pub mark: Mark,
    /// What has a permission by this grant alone.
    pub needed_by: Vec<Reason>,
}

/// A name that no grant has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoGrant {
    pub message: String,
    /// Names that are like it.
    pub near: Vec<String>,
}

impl Removal {
    /// The names that a policy may have for the member.
    pub fn members_in_policy(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.grant.member_in_policy()).chain(self.other.as_deref())
    }
}

impl std::fmt::Display for GrantName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.role, self.member.short(), self.on.short())
    }
}

impl Landscape<'_> {
    /// Finds the grants of a name. Those of one role for one member on one resource that differ in their conditions
    /// are all of them.
    ///
    /// # Errors
    /// Where none has it, or grants on such a resource are not taken back here.
    pub fn removal(&self, name: &GrantName) -> Result<Vec<Removal>, NoGrant> {
        let on = self.reasoner.lineage(&name.on).swap_remove(0);
        let here = || {
            let bindings = self.state().bindings();
            bindings.filter(|(of, _)| self.reasoner.lineage(of)[0] == on)
        };
        let found: Vec<_> = here()
            .filter(|(_, binding)| binding.role == name.role && binding.members.contains(&name.member))
            .collect();
        if found.is_empty() {
            return Err(self.no_grant(name, &on));
        }
        if !NewGrant::is_possible(&on) {
            let message = format!("how grants on {} are taken back is not known", on.short());
            return Err(NoGrant {
                message,
                near: Vec::new(),
            });
        }
        let has_conditions = here().any(|(_, binding)| binding.condition.is_some());
        let needed_by = self.needed(name, &on);
        let grant = |condition: &Option<Condition>| {
            let grant = self.reasoner.grant(name.role.clone(), &name.member, on.clone());
            match condition {
                Some(condition) => grant.named_apart(&condition.title),
                None => grant,
            }
        };
        let removal = |(_, binding): (&ResourceName, &crate::policy::Binding)| Removal {
            grant: grant(&binding.condition),
            condition: binding.condition.clone(),
            has_conditions,
            other: self.other_name(&name.member, &on),
            mark: binding.mark,
            needed_by: needed_by.clone(),
        };
        Ok(found.into_iter().map(removal).collect())
    }

    /// The form of a Kubernetes service account that a new grant would not have.
    fn other_name(&self, member: &Member, on: &ResourceName) -> Option<String> {
        member.as_kubernetes()?;
        let written = self.reasoner.grant(String::new(), member, on.clone());
        let Member::Federated { pool, subject } = member else {
            return None;
        };
        let older = member.to_string();
        if written.member_in_policy() != older {
            return Some(older);
        }
        let number = self.state().project_number(pool.gke_project()?)?;
        let id = &pool.id;
        Some(format!(
            "principal://iam.googleapis.com/projects/{number}/locations/global/workloadIdentityPools/{id}/subject/{subject}"
        ))
    }

    fn no_grant(&self, name: &GrantName, on: &ResourceName) -> NoGrant {
        let mut known: Vec<String> = Vec::new();
        for (of, binding) in self.state().bindings() {
            // The same member, role or resource is near; all grants of a large state are too many to compare.
            let is_here = self.reasoner.lineage(of)[0] == *on;
            let is_same = binding.role == name.role || binding.members.contains(&name.member);
            if is_here || is_same {
                let names = binding.members.iter().map(|member| GrantName {
                    role: binding.role.clone(),
                    member: member.clone(),
                    on: of.clone(),
                });
                known.extend(names.map(|name| name.to_string()));
            }
        }
        let text = name.to_string();
        let near = resource::nearest(&text, known.iter().map(String::as_str));
        NoGrant {
            message: format!("there is no grant {text}"),
            near: near.into_iter().map(str::to_owned).collect(),
        }
    }

    /// What is held now and would be missing without the grant.
    fn needed(&self, name: &GrantName, on: &ResourceName) -> Vec<Reason> {
        let mut state = self.state().clone();
        for (of, policy) in &mut state.policies {
            if self.reasoner.lineage(of)[0] != *on {
                continue;
            }
            for binding in policy.bindings.iter_mut().filter(|binding| binding.role == name.role) {
                binding.members.retain(|member| *member != name.member);
            }
        }
        let reasoner = Reasoner::new(&state);
        let without = Landscape::new(self.trees, &reasoner, self.time);
        let is_held = |verdict: &NeedVerdict| matches!(verdict, NeedVerdict::Held(_));
        let wanted = self.wanted().into_iter();
        let lost = wanted.filter(|(member, attributes, reason)| {
            let ask = |landscape: &Landscape<'_>| {
                is_held(&landscape.verdict_for(member, attributes, &reason.permission, &reason.resource))
            };
            ask(self) && !ask(&without)
        });
        lost.map(|(_, _, reason)| reason).collect()
    }
}

impl Removal {
    /// The command that takes it back.
    pub fn gcloud(&self) -> String {
        let command = self.command(&self.grant);
        match &self.other {
            // Only one of the two is in the policy.
            Some(other) => format!(
                "{command} ||\n  {}",
                self.command(&self.grant.written_as(other.clone()))
            ),
            None => command,
        }
    }

    fn command(&self, grant: &NewGrant) -> String {
        let command = grant
            .gcloud()
            .replacen("add-iam-policy-binding", "remove-iam-policy-binding", 1);
        match &self.condition {
            Some(condition) => {
                let title = condition.title.replace('\'', "'\\''");
                let expression = condition.expression.replace('\'', "'\\''");
                format!("{command} --condition='^~^title={title}~expression={expression}'")
            }
            None if self.has_conditions => format!("{command} --condition=None"),
            None => command,
        }
    }

    /// What Terraform must be told, in two steps: it takes back only what it knows.
    pub fn terraform(&self) -> String {
        if let Member::Deleted(_) = self.grant.member {
            let member = self.grant.member_in_policy();
            let head = format!("# Google's provider takes no members that are deleted, as {member} is:\n");
            return format!("{head}# {}\n", self.gcloud().replace('\n', "\n# "));
        }
        let resource = self.grant.terraform();
        let address = self.grant.terraform_address();
        let mut id = format!(
            "{} {} {}",
            self.grant.terraform_parent(),
            self.grant.role,
            self.grant.member_in_policy()
        );
        let resource = match &self.condition {
            None => resource,
            Some(condition) => {
                // Writing to a text cannot fail.
                let _ = write!(id, " {}", condition.title);
                // It may have a description, and would be made anew without that.
                let block = format!(
                    "  condition {{\n    title      = {}\n    expression = {}\n  }}\n  lifecycle {{\n    ignore_changes = \
                     [condition]\n  }}\n}}\n",
                    literal(&condition.title),
                    literal(&condition.expression)
                );
                resource
                    .strip_suffix("}\n")
                    .map_or(resource.clone(), |open| format!("{open}{block}"))
            }
        };
        format!(
            "# To take back {role} from {member}: apply this, which takes it into the state;\nimport {{\n  to = \
             {address}\n  id = {id}\n}}\n\n{resource}\n# then put this in its place, and apply again.\n# removed {{\n#   \
             from = {address}\n#   lifecycle {{ destroy = true }}\n# }}\n",
            role = self.grant.role,
            member = self.grant.member.short(),
            id = literal(&id),
        )
    }

    /// The object of Config Connector whose deletion takes it back.
    pub fn config_connector(&self) -> String {
        let mut object = self.grant.config_connector();
        if let Some(condition) = &self.condition {
            let _ = write!(
                object,
                "  condition:\n    title: {}\n    expression: {}\n",
                quoted(&condition.title),
                quoted(&condition.expression)
            );
        }
        format!("# To take it back: kubectl apply this, which acquires the grant, then kubectl delete it.\n{object}")
    }
}
