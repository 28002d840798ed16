//! Grants and custom roles, made through Google's API.
//!
//! The policy of each resource is read, changed and set once, with the etag that it had: what others change at the
//! same time stays. What is there already is left alone, so that a run that was killed is finished by another.

use google::{Client, Edit, Error, ErrorKind, PolicyApi, roles};
use identity::{CustomRole, NewGrant, Plan, ResourceName};

/// One thing that a run does, for whoever watches it.
#[derive(Clone, Debug)]
pub enum Event<'p> {
    Role {
        role: &'p CustomRole,
        /// Whether it was not there before.
        is_new: bool,
    },
    Grant {
        grant: &'p NewGrant,
        /// Whether it was not there before.
        is_new: bool,
    },
    /// What was to be done, in a few words, and why it was not.
    Failed { what: String, error: Error },
}

/// What came of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Roles and grants that were not there before.
    pub made: usize,
    /// Those that were.
    pub found: usize,
    pub failed: usize,
}

/// Makes the custom roles and grants of a plan, in its order. After a refusal it goes on with the next resource; after
/// a failure of the network or the credentials it ends, and everything that is left counts as failed.
pub async fn apply(plan: &Plan, client: &Client, mut on_event: impl FnMut(Event<'_>)) -> Outcome {
    let mut outcome = Outcome::default();
    let total = plan.custom_roles.len() + plan.grants.len();
    for role in &plan.custom_roles {
        match roles::make(client, role).await {
            Ok(is_new) => {
                outcome.count(is_new);
                on_event(Event::Role { role, is_new });
            }
            Err(error) => {
                let is_end = outcome.fail(&error);
                let what = format!("make {}", role.name());
                on_event(Event::Failed { what, error });
                if is_end {
                    outcome.failed = total - outcome.made - outcome.found;
                    return outcome;
                }
            }
        }
    }
    for (on, grants) in by_resource(plan) {
        match edit(client, on, &grants).await {
            Ok(made) => {
                for (grant, is_new) in grants.into_iter().zip(made) {
                    outcome.count(is_new);
                    on_event(Event::Grant { grant, is_new });
                }
            }
            Err(error) => {
                let mut is_end = false;
                for grant in grants {
                    is_end = outcome.fail(&error);
                    let what = format!("grant {} on {} to {}", grant.role, on.short(), grant.member.short());
                    let error = error.clone();
                    on_event(Event::Failed { what, error });
                }
                if is_end {
                    outcome.failed = total - outcome.made - outcome.found;
                    return outcome;
                }
            }
        }
    }
    outcome
}

impl Outcome {
    fn count(&mut self, is_new: bool) {
        self.made += usize::from(is_new);
        self.found += usize::from(!is_new);
    }

    /// Whether nothing more can work.
    fn fail(&mut self, error: &Error) -> bool {
        self.failed += 1;
        error.kind != ErrorKind::Refused
    }
}

/// The grants of a plan by the resource they are on, in the plan's order of resources.
fn by_resource(plan: &Plan) -> Vec<(&ResourceName, Vec<&NewGrant>)> {
    let mut groups: Vec<(&ResourceName, Vec<&NewGrant>)> = Vec::new();
    let mut grants: Vec<&NewGrant> = plan.grants.iter().map(|planned| &planned.grant).collect();
    grants.sort_by_key(|grant| &grant.on);
    for grant in grants {
        match groups.last_mut().filter(|(on, _)| **on == grant.on) {
            Some((_, group)) => group.push(grant),
            None => groups.push((&grant.on, vec![grant])),
        }
    }
    groups
}

async fn edit(client: &Client, on: &ResourceName, grants: &[&NewGrant]) -> Result<Vec<bool>, Error> {
    let api = PolicyApi::of(on).ok_or_else(|| {
        let message = format!("grants on {} are not made through the API here", on.short());
        Error::refused(message).hint("make them with what -o gcloud prints")
    })?;
    let edits = grants.iter().map(|grant| Edit::Add {
        role: grant.role.clone(),
        member: grant.member_in_policy().to_owned(),
    });
    let edits: Vec<Edit> = edits.collect();
    if let Some(grant) = grants
        .iter()
        .find(|grant| grant.member_in_policy().contains("PROJECT_NUMBER"))
    {
        let message = format!("the number of the project of {} is not known", grant.member.short());
        let hint = "ask for it with --live, or give what gcloud projects describe --format=json prints with --iam";
        return Err(Error::refused(message).hint(hint));
    }
    Ok(api.edit(client, &edits).await?.made)
}
