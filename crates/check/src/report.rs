//! All findings of a run: the same defect in several environments is one entry.

use hashbrown::HashMap;
use platform::Waiver;
use resource::{Finding, Severity};
use yaml::Mark;

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
    /// Whether it fails one of them.
    pub fails: bool,
    pub waiver: Option<&'w Waiver>,
}

/// A run.
#[derive(Debug)]
pub struct Report<'w> {
    /// Sorted: errors first, then by place.
    pub entries: Vec<Entry<'w>>,
    pub targets: Vec<String>,
    pub objects: usize,
    /// Places whose lines no report shows.
    pub hidden: Vec<Mark>,
}

impl<'w> Report<'w> {
    pub fn new(targets: Vec<TargetFindings<'w>>) -> Report<'w> {
        let mut report = Report {
            entries: Vec::new(),
            targets: Vec::new(),
            objects: 0,
            hidden: Vec::new(),
        };
        let mut positions: HashMap<(String, Mark, String, bool), usize> = HashMap::new();
        for target in targets {
            let name = target.name();
            report.objects += target.objects;
            report.hidden.extend(target.secrets);
            for Judged { finding, state } in target.findings {
                let waiver = match state {
                    State::Open => None,
                    State::Waived(waiver) => Some(waiver),
                };
                if finding.concealed {
                    report.hidden.push(finding.mark);
                    report.hidden.extend(finding.related.iter().map(|(mark, _)| *mark));
                }
                let fails = waiver.is_none() && finding.severity >= target.fail_on;
                // What no file holds is told apart by the object.
                let place = match (finding.mark.is_some(), &finding.object) {
                    (false, Some(object)) => object.full_name(),
                    _ => String::new(),
                };
                let key = (
                    format!("{} {place}", finding.rule),
                    finding.mark,
                    finding.message.clone(),
                    waiver.is_some(),
                );
                match positions.get(&key) {
                    Some(&at) => {
                        let entry = &mut report.entries[at];
                        entry.fails |= fails;
                        entry.finding.severity = entry.finding.severity.max(finding.severity);
                        if entry.targets.last() != Some(&name) {
                            entry.targets.push(name.clone());
                        }
                    }
                    None => {
                        positions.insert(key, report.entries.len());
                        report.entries.push(Entry {
                            finding,
                            targets: vec![name.clone()],
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
        report.entries.sort_by(|a, b| {
            let key = |entry: &Entry<'_>| (std::cmp::Reverse(entry.finding.severity), entry.finding.mark);
            key(a).cmp(&key(b)).then_with(|| a.finding.rule.cmp(&b.finding.rule))
        });
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

impl TargetFindings<'_> {
    /// The environment, and the directory where there is more to say.
    fn name(&self) -> String {
        match self.environment.as_str() {
            "" => self.directory.clone(),
            environment => environment.to_owned(),
        }
    }
}
