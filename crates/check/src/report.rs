//! All findings of a run: the same defect in several environments is one entry.

use std::cmp::Reverse;
use std::hash::BuildHasher;

use hashbrown::hash_table::Entry as Slot;
use hashbrown::{DefaultHashBuilder, HashTable};
use platform::Waiver;
use resource::{Finding, Severity};
use yaml::{Mark, Sources};

use crate::judge::{Judged, State};

/// What was found in one target.
#[derive(Debug)]
pub struct TargetFindings<'w> {
    /// The environment, and the directory as the user knows it.
    pub environment: String,
    pub directory: String,
    pub objects: usize,
    /// The lowest severity that fails this target.
    pub fail_on: Severity,
    pub findings: Vec<Judged<'w>>,
    /// Whether there were objects to check: not where the build failed.
    pub is_built: bool,
    /// The rules that are on.
    pub rules: Vec<&'static str>,
    /// Where values of Secrets stand; [`secret_values`](crate::secret_values).
    pub secrets: Vec<Mark>,
}

/// A finding, and where it holds.
#[derive(Clone, Debug)]
pub struct Entry<'w> {
    /// With the highest severity it has anywhere.
    pub finding: Finding,
    /// The names of the targets, in their order.
    pub targets: Vec<String>,
    /// Those of them that it fails.
    pub fails_in: Vec<String>,
    /// Whether it fails one of them.
    pub fails: bool,
    pub waiver: Option<&'w Waiver>,
}

/// What was checked under one name: an environment with its directories, or a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    pub name: String,
    pub directories: Vec<String>,
    /// Those of the directories that could not be built.
    pub unbuilt: Vec<String>,
    pub objects: usize,
    /// The rules that are on.
    pub rules: Vec<&'static str>,
}

/// A run.
#[derive(Debug)]
pub struct Report<'w> {
    /// Sorted: errors first, then by place.
    pub entries: Vec<Entry<'w>>,
    pub targets: Vec<String>,
    /// The targets by name, in their order.
    pub coverage: Vec<Coverage>,
    pub objects: usize,
    /// Places whose lines no report shows.
    pub hidden: Vec<Mark>,
}

impl<'w> Report<'w> {
    pub fn new(targets: Vec<TargetFindings<'w>>, sources: &Sources) -> Report<'w> {
        let mut report = Report {
            entries: Vec::new(),
            targets: Vec::new(),
            coverage: Vec::new(),
            objects: 0,
            hidden: Vec::new(),
        };
        let hasher = DefaultHashBuilder::default();
        // The positions of entries, by what makes findings the same.
        let mut positions: HashTable<usize> = HashTable::new();
        for target in targets {
            let name = target.name();
            report.objects += target.objects;
            target.cover(&name, &mut report.coverage);
            report.hidden.extend(target.secrets);
            for Judged { mut finding, state } in target.findings {
                let waiver = match state {
                    State::Open => None,
                    State::Waived(waiver) => Some(waiver),
                };
                if finding.concealed {
                    report.hidden.push(finding.mark);
                    report.hidden.extend(finding.related.iter().map(|(mark, _)| *mark));
                }
                narrow(&mut finding, sources);
                let fails = waiver.is_none() && finding.severity >= target.fail_on;
                let hash = hasher.hash_one((&finding.rule, finding.mark, &finding.message, waiver.is_some()));
                let is_same = |&at: &usize| {
                    let entry: &Entry<'_> = &report.entries[at];
                    entry.waiver.is_some() == waiver.is_some() && is_same(&entry.finding, &finding)
                };
                let slot = positions.entry(hash, is_same, |&at| {
                    let Entry { finding, waiver, .. } = &report.entries[at];
                    hasher.hash_one((&finding.rule, finding.mark, &finding.message, waiver.is_some()))
                });
                match slot {
                    Slot::Occupied(slot) => {
                        let entry = &mut report.entries[*slot.get()];
                        entry.fails |= fails;
                        if fails && !entry.fails_in.contains(&name) {
                            entry.fails_in.push(name.clone());
                        }
                        entry.finding.severity = entry.finding.severity.max(finding.severity);
                        if entry.targets.last() != Some(&name) {
                            entry.targets.push(name.clone());
                        }
                    }
                    Slot::Vacant(slot) => {
                        slot.insert(report.entries.len());
                        report.entries.push(Entry {
                            finding,
                            targets: vec![name.clone()],
                            fails_in: if fails { vec![name.clone()] } else { Vec::new() },
                            fails,
                            waiver,
                        });
                    }
                }
            }
            report.targets.push(name);
        }
        report.hidden.sort_unstable();
        report.hidden.dedup();
        // By place, not by mark: which file has which number differs from run to run.
        let place = |entry: Entry<'w>| {
            let place = sources.place(entry.finding.mark);
            (place.map(|place| (place.file, place.line, place.column)), entry)
        };
        let mut entries: Vec<_> = report.entries.into_iter().map(place).collect();
        entries.sort_by(
            |(place, Entry { finding, .. }), (other_place, Entry { finding: other, .. })| {
                let object = |finding: &Finding| finding.object.as_ref().map(resource::ResId::full_name);
                let by_place = Reverse(finding.severity)
                    .cmp(&Reverse(other.severity))
                    .then_with(|| place.cmp(other_place));
                by_place
                    .then_with(|| finding.rule.cmp(&other.rule))
                    .then_with(|| object(finding).cmp(&object(other)))
                    .then_with(|| finding.message.cmp(&other.message))
            },
        );
        report.entries = entries.into_iter().map(|(_, entry)| entry).collect();
        report
    }

    /// Whether a target fails.
    pub fn fails(&self) -> bool {
        self.entries.iter().any(|entry| entry.fails)
    }

    /// Open entries of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        let open = self.entries.iter().filter(|entry| entry.waiver.is_none());
        open.filter(|entry| entry.finding.severity == severity).count()
    }

    pub fn waived(&self) -> usize {
        self.entries.iter().filter(|entry| entry.waiver.is_some()).count()
    }
}

/// Moves the place of a finding to the word that it is about.
fn narrow(finding: &mut Finding, sources: &Sources) {
    if finding.word.is_empty() {
        return;
    }
    let Some(source) = sources.get(finding.mark.source) else {
        return;
    };
    let rest = source.text().get(finding.mark.offset as usize..);
    let at = rest.and_then(|rest| rest.find(&finding.word));
    if let Some(at) = at.and_then(|at| u32::try_from(at).ok()) {
        finding.mark.offset = finding.mark.offset.saturating_add(at);
    }
}

/// Whether two findings are one. What no file holds is told apart by the object.
fn is_same(a: &Finding, b: &Finding) -> bool {
    let is_at_one_place = a.mark == b.mark && (a.mark.is_some() || a.object == b.object);
    is_at_one_place && a.rule == b.rule && a.message == b.message
}

impl TargetFindings<'_> {
    /// The environment, and the directory where there is more to say.
    fn name(&self) -> String {
        match self.environment.as_str() {
            "" => self.directory.clone(),
            environment => environment.to_owned(),
        }
    }

    fn cover(&self, name: &str, coverage: &mut Vec<Coverage>) {
        let at = coverage.iter().position(|known| known.name == name).unwrap_or_else(|| {
            coverage.push(Coverage {
                name: name.to_owned(),
                rules: self.rules.clone(),
                ..Coverage::default()
            });
            coverage.len() - 1
        });
        let covered = &mut coverage[at];
        covered.directories.push(self.directory.clone());
        if !self.is_built {
            covered.unbuilt.push(self.directory.clone());
        }
        covered.objects += self.objects;
    }
}
