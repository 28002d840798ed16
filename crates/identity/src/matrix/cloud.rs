//! What the accounts of a namespace reach on Google Cloud, by the one decision.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use super::{By, Cell, Column, ColumnKind, Reach, Row, Target};
use crate::breadth::{breadth, is_public};
use crate::decide::{Access, Decision, NearMiss};
use crate::explain::{Acting, IMPERSONATION, Link};
use crate::landscape::{Doubt, Landscape};
use crate::member::Member;
use crate::name::ResourceName;
use crate::policy::Binding;
use crate::role::BASIC_ROLES;
use crate::tree::RunsAs;

/// How many permissions of a role are asked for, of each sort: a condition or denial may be about some.
const ASKED: usize = 24;

/// Permissions that tell how far a bucket is reached, the furthest first.
const OF_BUCKETS: [(Reach, &[&str]); 3] = [
    (
        Reach::Admin,
        &["storage.buckets.setIamPolicy", "storage.buckets.delete"],
    ),
    (
        Reach::Write,
        &[
            "storage.objects.create",
            "storage.objects.delete",
            "storage.objects.update",
        ],
    ),
    (Reach::Read, &["storage.objects.get", "storage.objects.list"]),
];

const OF_ENDPOINTS: [(Reach, &[&str]); 3] = [
    (
        Reach::Admin,
        &["aiplatform.endpoints.delete", "aiplatform.endpoints.setIamPolicy"],
    ),
    (
        Reach::Write,
        &["aiplatform.endpoints.deploy", "aiplatform.endpoints.update"],
    ),
    (
        Reach::Call,
        &["aiplatform.endpoints.predict", "aiplatform.endpoints.explain"],
    ),
];

/// The projects of the trees, the buckets that they name or have grants on, their endpoints.
pub(super) fn columns(landscape: &Landscape<'_>) -> Vec<Column> {
    let reasoner = landscape.reasoner;
    let mut projects: Vec<ResourceName> = Vec::new();
    let mut buckets: Vec<ResourceName> = Vec::new();
    let mut endpoints: Vec<ResourceName> = Vec::new();
    for tree in landscape.trees {
        projects.extend(tree.place.project.as_deref().map(ResourceName::project));
        for need in &tree.needs {
            buckets.extend(need.resource.bucket_of());
            if need.resource.path().contains("/endpoints/") {
                endpoints.push(need.resource.clone());
            }
            let lineage = reasoner.lineage(&need.resource);
            projects.extend(lineage.into_iter().filter(is_project));
        }
    }
    // Buckets of those projects, and those on which an account of the trees has a grant.
    let accounts: hashbrown::HashSet<Member> = landscape
        .trees
        .iter()
        .enumerate()
        .flat_map(|(at, tree)| {
            let runs = tree.runs.iter().map(|run| run.runs_as.clone());
            let all = tree.accounts.iter().map(|account| account.runs_as()).chain(runs);
            all.flat_map(move |runs_as| {
                let identity = landscape.identity(at, &runs_as);
                [identity.member, identity.kubernetes].into_iter().flatten()
            })
        })
        .collect();
    for (on, binding) in landscape.state().bindings() {
        let on = reasoner.canonical(on);
        let is_bucket = on.bucket_of().is_some_and(|bucket| bucket == on);
        if !is_bucket && !is_project(&on) {
            continue;
        }
        let is_ours = binding.members.iter().any(|member| accounts.contains(member));
        if is_ours || is_bucket && reasoner.lineage(&on).iter().any(|name| projects.contains(name)) {
            if is_bucket { &mut buckets } else { &mut projects }.push(on);
        }
    }
    let mut columns = Vec::new();
    for (kind, mut names) in [
        (ColumnKind::Project, projects.clone()),
        (ColumnKind::Bucket, buckets),
        (ColumnKind::VertexEndpoint, projects),
        (ColumnKind::VertexEndpoint, endpoints),
    ] {
        names = names.iter().map(|name| reasoner.canonical(name)).collect();
        names.sort_unstable();
        names.dedup();
        columns.extend(names.into_iter().map(|name| Column {
            kind,
            name: match kind {
                ColumnKind::VertexEndpoint if is_project(&name) => format!("endpoints of {}", name.short()),
                _ => name.short(),
            },
            cluster: None,
            target: Target::Resource(name),
        }));
    }
    columns
}

fn is_project(name: &ResourceName) -> bool {
    name.kind() == Some("cloudresourcemanager.googleapis.com/Project")
}

/// The accounts of a row, and everybody whom these may be.
#[derive(Default)]
pub(super) struct Actors {
    /// Who some of them are cannot be told.
    doubts: Vec<String>,
    all: Vec<Actor>,
    /// By all names that grants may have for them.
    by_name: HashMap<Member, Vec<usize>>,
}

/// Somebody whom an account of the row may be: itself, or what it acts as.
struct Actor {
    account: Member,
    member: Member,
    /// What a provider says of it.
    attributes: Vec<(String, String)>,
    links: Vec<Link>,
}

/// Who acts for a row: its accounts in the pool of the cluster, and what pods of it are by providers of other pools.
pub(super) fn actors(landscape: &Landscape<'_>, row: &Row) -> Actors {
    let mut actors = Actors::default();
    let Some(tree) = row.trees.first() else {
        return actors;
    };
    for name in &row.accounts {
        let runs_as = RunsAs::Kubernetes {
            namespace: row.namespace.clone(),
            name: name.clone(),
        };
        actors.add(landscape, *tree, &runs_as);
    }
    for tree in &row.trees {
        for run in &landscape.trees[*tree].runs {
            if let RunsAs::Federated { namespace, name, .. } = &run.runs_as
                && *namespace == row.namespace
                && row.accounts.contains(name)
            {
                actors.add(landscape, *tree, &run.runs_as);
            }
        }
    }
    actors
}

impl Actors {
    /// Adds one whom pods of the row are, with all whom it may act as: by their tokens, or in what it launches.
    fn add(&mut self, landscape: &Landscape<'_>, tree: usize, runs_as: &RunsAs) {
        let identity = landscape.identity(tree, runs_as);
        let Some(account) = identity.kubernetes else {
            let doubt = match identity.doubt {
                // It becomes nobody.
                Some(Doubt::Refused(_)) => return,
                Some(Doubt::Unknown(why)) => why,
                None => "the pool of the cluster is not known".to_owned(),
            };
            self.doubts.push(doubt);
            return;
        };
        if self
            .all
            .iter()
            .any(|actor| actor.links.is_empty() && actor.member == account)
        {
            return;
        }
        let nowhere = ResourceName::project("-");
        let access = Access {
            subject: &account,
            attributes: &identity.attributes,
            permission: IMPERSONATION,
            resource: &nowhere,
            time: landscape.time,
        };
        for (member, links) in landscape.reasoner.acting(&access, &[Acting::Token, Acting::Launch]) {
            let attributes = if links.is_empty() {
                identity.attributes.clone()
            } else {
                Vec::new()
            };
            for name in landscape.reasoner.identities(&member, &attributes) {
                self.by_name.entry(name).or_default().push(self.all.len());
            }
            self.all.push(Actor {
                account: account.clone(),
                member,
                attributes,
                links,
            });
        }
    }

    /// Those for whom there are grants on a resource. What is granted to many alike is asked for one of them, unless
    /// denials could tell them apart.
    fn concerned<'s>(&'s self, landscape: &Landscape<'_>, on: &ResourceName) -> Vec<&'s Actor> {
        let tells_apart = !landscape.state().deny_rules.is_empty();
        let mut numbers: BTreeSet<usize> = BTreeSet::new();
        for member in landscape.reasoner.members_over(on) {
            let alike: &[usize] = self.by_name.get(member).map_or(&[], Vec::as_slice);
            let own = alike.iter().filter(|at| self.all[**at].member == *member);
            numbers.extend(own);
            numbers.extend(alike.iter().take(if tells_apart { alike.len() } else { 1 }));
        }
        numbers.into_iter().map(|at| &self.all[at]).collect()
    }
}

/// How far any of the accounts gets.
pub(super) fn cell(landscape: &Landscape<'_>, actors: &Actors, kind: ColumnKind, on: &ResourceName) -> Cell {
    if landscape.state().policies.is_empty() {
        return Cell {
            reach: Reach::Unknown,
            doubts: vec!["no grants are known".to_owned()],
            ..Cell::default()
        };
    }
    let mut cell = Cell::default();
    for actor in actors.concerned(landscape, on) {
        let seeker = Seeker {
            landscape,
            account: &actor.account,
            member: &actor.member,
            attributes: &actor.attributes,
            links: &actor.links,
            on,
        };
        match kind {
            ColumnKind::Project => seeker.of_project(&mut cell),
            ColumnKind::Bucket => seeker.by(&OF_BUCKETS, &mut cell),
            _ => seeker.by(&OF_ENDPOINTS, &mut cell),
        }
    }
    cell.doubts.extend(actors.doubts.iter().cloned());
    cell.doubts.sort_unstable();
    cell.doubts.dedup();
    if cell.reach == Reach::Denied {
        let doubt = landscape.unknown_above(on);
        cell.doubts.extend(doubt);
    }
    if cell.reach == Reach::Denied && !cell.doubts.is_empty() {
        cell.reach = Reach::Unknown;
    } else if cell.reach == Reach::Denied && cell.why.is_none() {
        cell.why = Some("no grant gives it".to_owned());
    }
    cell
}

/// One who may be asking, and for what.
struct Seeker<'s, 'a> {
    landscape: &'s Landscape<'a>,
    account: &'s Member,
    member: &'s Member,
    attributes: &'s [(String, String)],
    links: &'s [Link],
    on: &'s ResourceName,
}

impl Seeker<'_, '_> {
    /// By permissions of each reach, the furthest first.
    fn by(&self, probes: &[(Reach, &[&str])], cell: &mut Cell) {
        for (reach, permissions) in probes {
            if permissions.iter().any(|permission| self.ask(*reach, permission, cell)) {
                return;
            }
        }
    }

    /// By the permissions of the roles that it has on a project, or above.
    fn of_project(&self, cell: &mut Cell) {
        let reasoner = self.landscape.reasoner;
        for (on, binding) in reasoner.bindings_over(self.member, self.attributes, self.on) {
            let too_broad = breadth(&binding.role, &on);
            if BASIC_ROLES.contains(&binding.role.as_str()) {
                self.of_basic_role(&on, &binding, cell);
                continue;
            }
            let permissions = reasoner.permissions_of(&binding.role);
            let Some(permissions) = permissions else {
                cell.doubts.push(format!(
                    "{} has {}, and what that role permits is not known",
                    self.member.short(),
                    binding.role
                ));
                continue;
            };
            for reach in [Reach::Admin, Reach::Write, Reach::Read] {
                let of_reach = permissions
                    .iter()
                    .filter(|permission| reach_of(permission) == reach)
                    .take(ASKED);
                let mut is_reached = false;
                for permission in of_reach {
                    is_reached |= self.ask(reach, permission, cell);
                    if is_reached {
                        break;
                    }
                }
                if is_reached {
                    if cell.too_broad.is_none() {
                        cell.too_broad = too_broad;
                    }
                    break;
                }
            }
        }
    }

    /// Viewers read, editors change, owners grant (<https://cloud.google.com/iam/docs/roles-overview#basic>).
    fn of_basic_role(&self, on: &ResourceName, binding: &Binding, cell: &mut Cell) {
        let reach = match binding.role.as_str() {
            "roles/owner" => Reach::Admin,
            "roles/editor" => Reach::Write,
            _ => Reach::Read,
        };
        if let Some(condition) = &binding.condition {
            cell.doubts.push(format!(
                "{} has {} while {}",
                self.member.short(),
                binding.role,
                condition.expression
            ));
            return;
        }
        if reach > cell.reach || cell.too_broad.is_none() {
            cell.reach = reach.max(cell.reach);
            cell.too_broad = breadth(&binding.role, on);
            cell.by = Some(By {
                account: self.account.clone(),
                links: self.links.to_vec(),
                permission: String::new(),
                grant: crate::decide::Grant {
                    on: on.clone(),
                    role: binding.role.clone(),
                    member: self.member.clone(),
                    condition: None,
                },
            });
        }
    }

    /// Whether a permission is held; the cell takes what is more than it has.
    fn ask(&self, reach: Reach, permission: &str, cell: &mut Cell) -> bool {
        let access = Access {
            subject: self.member,
            attributes: self.attributes,
            permission,
            resource: self.on,
            time: self.landscape.time,
        };
        let (grant, condition) = match self.landscape.reasoner.decide(&access) {
            Decision::Granted(grant) => {
                // That it holds here and now is not that it holds for all of it.
                let condition = grant.condition.as_ref().map(|condition| condition.expression.clone());
                (grant, condition)
            }
            Decision::Denied { on, .. } => {
                if cell.reach == Reach::Denied {
                    cell.why = Some(format!("a deny policy on {} denies {permission}", on.short()));
                }
                return false;
            }
            Decision::Disabled(account) => {
                if cell.reach == Reach::Denied {
                    cell.why = Some(format!("{} is disabled", account.short()));
                }
                return false;
            }
            Decision::Unknown(reasons) => {
                cell.doubts.extend(reasons);
                return false;
            }
            // A condition on the name may hold for what is in it; one on the time alone is over, or not yet.
            Decision::Missed(missed) => {
                let partly = missed.near.into_iter().find_map(|near| match near {
                    NearMiss::Condition(grant) => {
                        let expression = grant.condition.as_ref()?.expression.clone();
                        expression.contains("resource.").then_some((grant, Some(expression)))
                    }
                    NearMiss::Spelling(_) => None,
                });
                match partly {
                    Some(partly) => partly,
                    None => return false,
                }
            }
        };
        let is_more = reach > cell.reach || reach == cell.reach && cell.condition.is_some() && condition.is_none();
        if is_more {
            cell.reach = reach;
            cell.too_broad = match is_public(&grant.member) {
                true => Some("anybody on the internet has it"),
                false => breadth(&grant.role, &grant.on),
            };
            cell.by = Some(By {
                account: self.account.clone(),
                links: self.links.to_vec(),
                permission: permission.to_owned(),
                grant,
            });
            cell.why = None;
            cell.condition = condition;
        }
        // What is held under a condition only may be held without one by less.
        cell.condition.is_none()
    }
}

/// What a permission is for, by its verb.
fn reach_of(permission: &str) -> Reach {
    const READING: [&str; 14] = [
        "get", "list", "search", "read", "fetch", "query", "view", "resolve", "lookup", "check", "download", "analyze",
        "export", "use",
    ];
    let verb = permission.rsplit('.').next().unwrap_or(permission);
    match verb {
        "setIamPolicy" => Reach::Admin,
        _ if READING.iter().any(|word| verb.starts_with(word)) => Reach::Read,
        _ => Reach::Write,
    }
}
