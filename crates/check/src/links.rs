//! What targets of one cluster count on, looked for in all of them: another overlay may make the ServiceAccount.

use std::collections::BTreeMap;

use resource::Finding;

use crate::context::{Context, Facts};
use crate::presence::{Names, Need, Presence};
use crate::rule::{Check, RULES};

/// A finding that holds unless the cluster has what is needed.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Without its message, which says what is missing.
    pub(crate) finding: Finding,
    /// What should have it, if that is not all that is looked at.
    pub(crate) holder: Option<String>,
    pub(crate) needs: Vec<Need>,
}

/// What one target has, and what it counts on.
#[derive(Clone, Debug, Default)]
pub struct Links {
    environment: String,
    cluster: Option<String>,
    target: String,
    /// None if it could not be built.
    presence: Option<Presence>,
    wanted: Vec<Wanted>,
}

impl Links {
    /// Of a target that was built.
    pub fn new(context: &Context<'_>) -> Links {
        let presence = Presence::new(context);
        let mut wanted = Vec::new();
        for rule in RULES {
            if let (Check::Cluster(check), Some(severity)) = (rule.check, context.settings().severity(rule)) {
                let first = wanted.len();
                check(context, &presence, &mut wanted);
                for wanted in &mut wanted[first..] {
                    wanted.finding.severity = severity;
                }
            }
        }
        wanted.retain(|wanted| !wanted.needs.iter().all(|need| presence.has(need)));
        Links {
            presence: Some(presence),
            wanted,
            ..Links::unbuilt(context.facts())
        }
    }

    /// Of a target that could not be built.
    pub fn unbuilt(facts: &Facts) -> Links {
        Links {
            environment: facts.environment.clone(),
            cluster: facts.cluster.clone(),
            target: facts.target.clone(),
            ..Links::default()
        }
    }

    /// Whether it counts on what it does not have.
    pub fn is_open(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Whether both run in one cluster: by its name, or for want of one by the environment.
    pub fn is_beside(&self, facts: &Facts) -> bool {
        place(&self.environment, self.cluster.as_deref()) == place(&facts.environment, facts.cluster.as_deref())
    }
}

fn place<'p>(environment: &'p str, cluster: Option<&'p str>) -> (bool, &'p str) {
    (cluster.is_some(), cluster.unwrap_or(environment))
}

/// Findings for each target, in their order: what none of the targets in its cluster has.
pub fn unmet(links: &[Links]) -> Vec<Vec<Finding>> {
    let mut findings = vec![Vec::new(); links.len()];
    let mut clusters: BTreeMap<(bool, &str), Vec<usize>> = BTreeMap::new();
    for (at, target) in links.iter().enumerate() {
        let place = place(&target.environment, target.cluster.as_deref());
        clusters.entry(place).or_default().push(at);
    }
    for members in clusters.into_values() {
        if members.iter().all(|&at| !links[at].is_open()) {
            continue;
        }
        let together;
        let presence = match members.as_slice() {
            [_] => None,
            _ => {
                together = Presence::union(members.iter().filter_map(|&at| links[at].presence.as_ref()));
                Some(&together)
            }
        };
        // One target is what it has; several are what they have together.
        let mut names = None;
        let looked = looked_at(&members.iter().map(|&at| &links[at]).collect::<Vec<_>>());
        let open = members.iter().flat_map(|&at| &links[at].wanted);
        let needs: Vec<&Need> = open.flat_map(|wanted| &wanted.needs).collect();
        for at in members {
            let target = &links[at];
            let Some(presence) = presence.or(target.presence.as_ref()) else {
                continue;
            };
            if target.is_open() {
                let names = names.get_or_insert_with(|| Names::new(presence, needs.iter().copied()));
                let unmet = target.wanted.iter();
                findings[at].extend(unmet.filter_map(|wanted| wanted.finding(presence, names, &looked)));
            }
        }
    }
    findings
}

/// Directories that a hint names.
const NAMED: usize = 3;

/// What was looked at, in words.
struct Looked {
    holder: String,
    /// What a hint says of it.
    note: String,
}

fn looked_at(members: &[&Links]) -> Looked {
    let first = members[0];
    let is_one = members.iter().all(|member| member.environment == first.environment);
    let (holder, mut note) = match members {
        [one] if one.environment.is_empty() => {
            let note = format!(
                "only {} was looked at: terrace.yaml may name what is beside it",
                one.target
            );
            (format!("\"{}\"", one.target), note)
        }
        _ if first.environment.is_empty() => ("what was checked".to_owned(), String::new()),
        _ if is_one => ("the environment".to_owned(), String::new()),
        _ => ("the cluster".to_owned(), String::new()),
    };
    let unbuilt = members.iter().filter(|member| member.presence.is_none());
    let mut unbuilt: Vec<&str> = unbuilt.map(|member| member.target.as_str()).collect();
    if !unbuilt.is_empty() {
        let more = match unbuilt.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        unbuilt.truncate(NAMED);
        note = format!("it may be in what could not be built: {}{more}", unbuilt.join(", "));
    }
    Looked { holder, note }
}

impl Wanted {
    fn finding(&self, presence: &Presence, names: &Names<'_>, looked: &Looked) -> Option<Finding> {
        let missing: Vec<&Need> = self.needs.iter().filter(|need| !presence.has(need)).collect();
        if missing.is_empty() {
            return None;
        }
        let words: Vec<String> = missing.iter().map(|need| need.words()).collect();
        let holder = self.holder.as_ref().unwrap_or(&looked.holder);
        let near = missing.iter().find_map(|need| names.near(need));
        let own = near
            .map(|near| format!("there is {near}"))
            .or_else(|| self.finding.hint.clone());
        let notes = [own.unwrap_or_default(), looked.note.clone()];
        let notes: Vec<&str> = notes
            .iter()
            .map(String::as_str)
            .filter(|note| !note.is_empty())
            .collect();
        Some(Finding {
            message: format!("{holder} has no {}", words.join(", no ")),
            hint: Some(notes.join("; ")).filter(|hint| !hint.is_empty()),
            ..self.finding.clone()
        })
    }
}
