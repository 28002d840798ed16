//! The rules about identities: they look at all trees of a platform beside what is granted.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use build::parallel;
use hashbrown::HashMap;
use identity::{Landscape, Member, Need, NeedVerdict, ResourceName, Run, RunsAs, Tree};
use resource::{Finding, ResId, Severity};
use yaml::Mark;

use crate::rule::{Check, RULES, Rule};
use crate::settings::Settings;

/// One target of a landscape, as the rules about identities see it.
pub(crate) struct Standing<'a> {
    pub(crate) landscape: &'a Landscape<'a>,
    pub(crate) at: usize,
    partial: &'a BTreeSet<&'a str>,
    jobs: usize,
    /// What the tree needs, once a rule asks.
    needs: OnceLock<Vec<NeedGroup<'a>>>,
    /// The first need of each object, by who has it, once a rule asks.
    first_needs: OnceLock<HashMap<&'a RunsAs, HashMap<&'a ResId, &'a Need>>>,
}

/// What one object needs of one resource, as one identity.
pub(crate) struct NeedGroup<'a> {
    pub(crate) member: Member,
    pub(crate) needs: Vec<(&'a Need, NeedVerdict)>,
}

impl<'a> Standing<'a> {
    pub(crate) fn tree(&self) -> &'a Tree {
        &self.landscape.trees[self.at]
    }

    /// Whether this is the first target of its environment: what is said of grants is said there.
    pub(crate) fn is_first(&self) -> bool {
        let environment = &self.tree().place.environment;
        let mut before = self.landscape.trees[..self.at].iter();
        !before.any(|tree| tree.place.environment == *environment)
    }

    /// Whether all targets of the environment were looked at.
    pub(crate) fn is_whole_environment(&self) -> bool {
        !self.partial.contains(self.tree().place.environment.as_str())
    }

    /// Whether anything is known of grants.
    pub(crate) fn knows_grants(&self) -> bool {
        !self.landscape.state().policies.is_empty()
    }

    /// The trees of the environment, with their positions.
    pub(crate) fn trees(&self) -> impl Iterator<Item = (usize, &'a Tree)> {
        let environment = &self.tree().place.environment;
        let all = self.landscape.trees.iter().enumerate();
        all.filter(move |(_, tree)| tree.place.environment == *environment)
    }

    /// Whether a resource is in the project of the environment.
    pub(crate) fn is_in_project(&self, resource: &ResourceName) -> bool {
        let Some(project) = &self.tree().place.project else {
            return false;
        };
        let project = ResourceName::project(project);
        self.landscape.reasoner.lineage(resource).contains(&project)
    }

    /// The identities of what runs in the environment, on Google Cloud and in the cluster.
    pub(crate) fn members(&self) -> BTreeSet<Member> {
        let mut members = BTreeSet::new();
        for (at, tree) in self.trees() {
            for run in &tree.runs {
                let identity = self.landscape.identity(at, &run.runs_as);
                members.extend(identity.member);
                members.extend(identity.kubernetes);
            }
        }
        members
    }

    /// What the tree needs, judged; needs of one object, one place and one resource together.
    pub(crate) fn needs(&self) -> &[NeedGroup<'a>] {
        self.needs.get_or_init(|| self.judged_needs())
    }

    /// The first thing that something needs as what it runs as.
    pub(crate) fn first_need(&self, run: &Run) -> Option<&'a Need> {
        self.first_needs().get(&run.runs_as)?.get(&run.object).copied()
    }

    /// Whether anything that runs so needs something.
    pub(crate) fn has_needs(&self, runs_as: &RunsAs) -> bool {
        self.first_needs().contains_key(runs_as)
    }

    fn first_needs(&self) -> &HashMap<&'a RunsAs, HashMap<&'a ResId, &'a Need>> {
        self.first_needs.get_or_init(|| {
            let mut first: HashMap<&RunsAs, HashMap<&ResId, &Need>> = HashMap::new();
            for need in &self.tree().needs {
                first
                    .entry(&need.subject)
                    .or_default()
                    .entry(&need.object)
                    .or_insert(need);
            }
            first
        })
    }

    fn judged_needs(&self) -> Vec<NeedGroup<'a>> {
        const PART: usize = 500;
        let parts: Vec<&'a [Need]> = self.tree().needs.chunks(PART).collect();
        let judged = parallel::map(parts.len(), self.jobs, |part| {
            let judged = parts[part].iter().filter_map(|need| {
                let (member, verdict) = self.landscape.verdict(self.at, need)?;
                Some((need, member, verdict))
            });
            judged.collect::<Vec<_>>()
        });
        let mut groups: Vec<NeedGroup<'a>> = Vec::new();
        for (need, member, verdict) in judged.into_iter().flatten() {
            let is_same = |group: &&mut NeedGroup<'_>| {
                let (first, of_first) = &group.needs[0];
                group.member == member
                    && first.object == need.object
                    && first.resource == need.resource
                    && first.mark == need.mark
                    && std::mem::discriminant(of_first) == std::mem::discriminant(&verdict)
            };
            match groups.iter_mut().rev().take(8).find(is_same) {
                Some(group) => group.needs.push((need, verdict)),
                None => groups.push(NeedGroup {
                    member,
                    needs: vec![(need, verdict)],
                }),
            }
        }
        groups
    }
}

impl NeedGroup<'_> {
    /// The permissions, with commas.
    pub(crate) fn permissions(&self) -> String {
        let names: Vec<&str> = self.needs.iter().map(|(need, _)| need.permission).collect();
        names.join(", ")
    }

    pub(crate) fn first(&self) -> &Need {
        self.needs[0].0
    }
}

impl Rule {
    /// A finding of this rule about a need.
    pub(crate) fn on_need(&self, need: &Need, message: impl Into<String>) -> Finding {
        self.at(need.mark, message).on(need.object.clone(), need.field.clone())
    }

    pub(crate) fn at(&self, mark: Mark, message: impl Into<String>) -> Finding {
        Finding::new(self.name, Severity::Error, mark, message)
    }
}

/// The findings of the rules about identities, for each target in the order of the landscape. Of the environments of
/// `partial`, some targets are not in the landscape. The rules run on up to `jobs` threads.
pub fn identities(
    landscape: &Landscape<'_>,
    settings: &[&Settings],
    partial: &BTreeSet<&str>,
    jobs: usize,
) -> Vec<Vec<Finding>> {
    let standings: Vec<Standing<'_>> = (0..settings.len())
        .map(|at| Standing {
            landscape,
            at,
            partial,
            jobs,
            needs: OnceLock::new(),
            first_needs: OnceLock::new(),
        })
        .collect();
    let mut tasks = Vec::new();
    for (standing, settings) in standings.iter().zip(settings) {
        for rule in RULES {
            if let (Check::Identities(check), Some(severity)) = (rule.check, settings.severity(rule)) {
                tasks.push((standing, check, severity));
            }
        }
    }
    let found = parallel::map(tasks.len(), jobs, |task| {
        let (standing, check, severity) = tasks[task];
        let mut findings = Vec::new();
        check(standing, &mut findings);
        for finding in &mut findings {
            finding.severity = severity;
        }
        findings
    });
    let mut all = vec![Vec::new(); settings.len()];
    for ((standing, ..), findings) in tasks.iter().zip(found) {
        all[standing.at].extend(findings);
    }
    all
}
