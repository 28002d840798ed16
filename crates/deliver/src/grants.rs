//! Grants and custom roles, made through Google's API; and grants that somebody names, taken back.
//!
//! The policy of each resource is read, changed and set once, with the etag that it had: what others change at the
//! same time stays. What is there already is left alone, so that a run that was killed is finished by another.

use google::{Client, Edit, Error, ErrorKind, PolicyApi, Witness, roles};
use identity::{CustomRole, NewGrant, Plan, Removal};

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
    Removal {
        grant: &'p NewGrant,
        /// Whether it was still there.
        is_done: bool,
    },
    /// What was to be done, in a few words, and why it was not.
    Failed { what: String, error: Error },
}

/// What came of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Roles and grants that were not there before, and grants that were and are no more.
    pub made: usize,
    /// What was as it is to be.
    pub found: usize,
    pub failed: usize,
}

/// Makes the custom roles and grants of a plan, and takes back what is to be removed. After a refusal it goes on with the
/// next resource; after a failure of the network or the credentials it ends, and everything that is left counts as
/// failed. So it is where something cannot be recorded by `witness`.
pub async fn apply(
    plan: &Plan,
    removals: &[Removal],
    client: &Client,
    witness: &dyn Witness,
    mut on_event: impl FnMut(Event<'_>),
) -> Outcome {
    let mut outcome = Outcome::default();
    let total = plan.custom_roles.len() + plan.grants.len() + removals.len();
    for role in &plan.custom_roles {
        match roles::make(client, role, witness).await {
            Ok(is_new) => {
                outcome.count(is_new);
                on_event(Event::Role { role, is_new });
            }
            Err(error) => {
                let is_end = outcome.fail(&error);
                let what = format!("make {}", role.name());
                on_event(Event::Failed { what, error });
                if is_end {
                    return outcome.ended(total);
                }
            }
        }
    }
    let grants = plan.grants.iter().map(|planned| Change::Grant(&planned.grant));
    let changes = grants.chain(removals.iter().map(Change::Removal));
    for changes in by_resource(changes.collect()) {
        match edit(client, &changes, witness).await {
            Ok(made) => {
                for (change, is_done) in changes.into_iter().zip(made) {
                    outcome.count(is_done);
                    on_event(match change {
                        Change::Grant(grant) => Event::Grant { grant, is_new: is_done },
                        Change::Removal(Removal { grant, .. }) => Event::Removal { grant, is_done },
                    });
                }
            }
            Err(error) => {
                let mut is_end = false;
                for change in changes {
                    is_end = outcome.fail(&error);
                    let (what, error) = (change.words(), error.clone());
                    on_event(Event::Failed { what, error });
                }
                if is_end {
                    return outcome.ended(total);
                }
            }
        }
    }
    outcome
}

/// One change of a policy.
#[derive(Clone, Copy)]
enum Change<'p> {
    Grant(&'p NewGrant),
    Removal(&'p Removal),
}

impl<'p> Change<'p> {
    fn grant(self) -> &'p NewGrant {
        match self {
            Change::Grant(grant) => grant,
            Change::Removal(removal) => &removal.grant,
        }
    }

    fn words(self) -> String {
        let NewGrant { role, member, on, .. } = self.grant();
        let (member, on) = (member.short(), on.short());
        match self {
            Change::Grant(_) => format!("grant {role} on {on} to {member}"),
            Change::Removal(_) => format!("take {role} on {on} from {member}"),
        }
    }

    fn edit(self) -> Edit {
        match self {
            Change::Grant(grant) => Edit::Add {
                role: grant.role.clone(),
                member: grant.member_in_policy().to_owned(),
            },
            Change::Removal(removal) => Edit::Remove {
                role: removal.grant.role.clone(),
                members: removal.members_in_policy().map(str::to_owned).collect(),
                condition: removal.condition.as_ref().map(|condition| condition.expression.clone()),
            },
        }
    }
}

impl Outcome {
    fn count(&mut self, is_new: bool) {
        self.made += usize::from(is_new);
        self.found += usize::from(!is_new);
    }

    /// What was not tried has failed, too.
    fn ended(self, total: usize) -> Outcome {
        Outcome {
            failed: total - self.made - self.found,
            ..self
        }
    }

    /// Whether nothing more can work.
    fn fail(&mut self, error: &Error) -> bool {
        self.failed += 1;
        error.kind != ErrorKind::Refused
    }
}

/// Changes by the resource whose policy they change.
fn by_resource(mut changes: Vec<Change<'_>>) -> Vec<Vec<Change<'_>>> {
    changes.sort_by_key(|change| &change.grant().on);
    let groups = changes.chunk_by(|a, b| a.grant().on == b.grant().on);
    groups.map(<[Change<'_>]>::to_vec).collect()
}

/// Changes one policy; whether there was something to do for each change.
async fn edit(client: &Client, changes: &[Change<'_>], witness: &dyn Witness) -> Result<Vec<bool>, Error> {
    let Some(first) = changes.first() else {
        return Ok(Vec::new());
    };
    let on = &first.grant().on;
    let api = PolicyApi::of(on).ok_or_else(|| {
        let message = format!("grants on {} are not made through the API here", on.short());
        Error::refused(message).hint("make them with what -o gcloud prints")
    })?;
    let grants = changes.iter().filter(|change| matches!(change, Change::Grant(_)));
    let mut grants = grants.map(|change| change.grant());
    if let Some(grant) = grants.find(|grant| grant.member_in_policy().contains("PROJECT_NUMBER")) {
        let message = format!("the number of the project of {} is not known", grant.member.short());
        let hint = "ask for it with --live, or give what gcloud projects describe --format=json prints with --iam";
        return Err(Error::refused(message).hint(hint));
    }
    let edits: Vec<Edit> = changes.iter().map(|change| change.edit()).collect();
    Ok(api.edit(client, &edits, witness).await?.made)
}
