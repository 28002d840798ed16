//! What a run says about the controls of standards: for each the rules that bear on it, and what they came
//! to, with the evidence.

use crate::catalogue::Standard;
use crate::report::{Coverage, Entry, Report};
use crate::rule::{Control, RULES, Rule};

/// What a rule or a control came to. The order is that of gravity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Everything was checked and nothing found.
    Passed,
    /// What was found is accepted for a time.
    Waived,
    /// The rule is off, or not everything could be built.
    Unchecked,
    /// Something was found.
    Failed,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Waived => "waived",
            Outcome::Unchecked => "unchecked",
            Outcome::Failed => "failed",
        }
    }
}

/// The compliance of what was checked.
#[derive(Debug)]
pub struct Compliance<'r> {
    /// Every rule that bears on a control of the standards.
    pub rules: Vec<RuleEvidence<'r>>,
    pub standards: Vec<StandardOutcome>,
}

/// A rule and what it found.
#[derive(Debug)]
pub struct RuleEvidence<'r> {
    pub rule: &'static str,
    pub outcome: Outcome,
    /// By target, in their order.
    pub targets: Vec<TargetEvidence<'r>>,
    /// Findings that nothing waives.
    pub open: Vec<&'r Entry<'r>>,
    pub waived: Vec<&'r Entry<'r>>,
}

/// What a rule found in one target.
#[derive(Debug)]
pub struct TargetEvidence<'r> {
    pub target: &'r Coverage,
    pub is_on: bool,
    pub outcome: Outcome,
    pub open: usize,
    pub waived: usize,
}

/// A standard with those of its controls that rules bear on.
#[derive(Debug)]
pub struct StandardOutcome {
    pub standard: Standard,
    pub controls: Vec<ControlOutcome>,
}

#[derive(Debug)]
pub struct ControlOutcome {
    pub control: Control,
    pub outcome: Outcome,
    /// The names of the rules that bear on it.
    pub rules: Vec<&'static str>,
}

impl<'r> Compliance<'r> {
    /// Of a run, for some standards.
    pub fn new(report: &'r Report<'r>, standards: &[Standard]) -> Compliance<'r> {
        let concerns = |rule: &&&Rule| {
            rule.controls
                .iter()
                .any(|control| standards.contains(&control.standard()))
        };
        let rules: Vec<RuleEvidence<'_>> = RULES
            .iter()
            .filter(concerns)
            .map(|rule| evidence(report, rule))
            .collect();
        let standards = standards.iter().map(|standard| StandardOutcome {
            standard: *standard,
            controls: controls(*standard, &rules),
        });
        Compliance {
            standards: standards.collect(),
            rules,
        }
    }
}

fn evidence<'r>(report: &'r Report<'r>, rule: &Rule) -> RuleEvidence<'r> {
    let found = report.entries.iter().filter(|entry| entry.finding.rule == rule.name);
    let (waived, open): (Vec<_>, Vec<_>) = found.partition(|entry| entry.waiver.is_some());
    let targets: Vec<TargetEvidence<'r>> = report
        .coverage
        .iter()
        .map(|target| {
            let count = |entries: &[&Entry<'_>]| {
                entries
                    .iter()
                    .filter(|entry| entry.targets.contains(&target.name))
                    .count()
            };
            let (open, waived) = (count(&open), count(&waived));
            let is_on = target.rules.contains(&rule.name);
            let outcome = match (open, waived) {
                (1.., _) => Outcome::Failed,
                _ if !is_on || !target.unbuilt.is_empty() => Outcome::Unchecked,
                (_, 1..) => Outcome::Waived,
                _ => Outcome::Passed,
            };
            TargetEvidence {
                target,
                is_on,
                outcome,
                open,
                waived,
            }
        })
        .collect();
    RuleEvidence {
        rule: rule.name,
        outcome: worst(targets.iter().map(|target| target.outcome)),
        targets,
        open,
        waived,
    }
}

fn controls(standard: Standard, rules: &[RuleEvidence<'_>]) -> Vec<ControlOutcome> {
    let of_rule = |evidence: &RuleEvidence<'_>| crate::rule::rule(evidence.rule).map_or(&[][..], |rule| rule.controls);
    let mut controls: Vec<Control> = rules.iter().flat_map(of_rule).copied().collect();
    controls.retain(|control| control.standard() == standard);
    controls.sort_by_key(|control| (control.row(), control.number()));
    controls.dedup();
    let outcome = |control: Control| {
        let bearing: Vec<_> = rules
            .iter()
            .filter(|evidence| of_rule(evidence).contains(&control))
            .collect();
        ControlOutcome {
            control,
            outcome: worst(bearing.iter().map(|evidence| evidence.outcome)),
            rules: bearing.iter().map(|evidence| evidence.rule).collect(),
        }
    };
    controls.into_iter().map(outcome).collect()
}

/// Nothing checked is nothing passed.
fn worst(outcomes: impl Iterator<Item = Outcome>) -> Outcome {
    outcomes.max().unwrap_or(Outcome::Unchecked)
}

#[cfg(test)]
mod tests {
    use platform::{Marked, Waiver};
    use resource::{Finding, Severity};
    use yaml::{Mark, Sources};

    use super::*;
    use crate::judge::{Judged, State};
    use crate::report::TargetFindings;

    const RULE: &str = "image_without_digest";

    fn marked(text: &str) -> Marked<String> {
        Marked {
            value: text.to_owned(),
            mark: Mark::NONE,
        }
    }

    fn target<'w>(name: &str, rules: &[&'static str], is_built: bool, states: Vec<State<'w>>) -> TargetFindings<'w> {
        let finding = |state| Judged {
            finding: Finding::new(RULE, Severity::Note, Mark::NONE, "no digest"),
            state,
        };
        TargetFindings {
            environment: name.to_owned(),
            directory: name.to_owned(),
            objects: 1,
            fail_on: Severity::Error,
            findings: states.into_iter().map(finding).collect(),
            is_built,
            rules: rules.to_vec(),
            secrets: Vec::new(),
        }
    }

    #[test]
    fn a_control_is_as_good_as_its_worst_target() {
        let waiver = Waiver {
            rule: marked(RULE),
            object: "*".to_owned(),
            environments: Vec::new(),
            reason: "reason".to_owned(),
            owner: "owner".to_owned(),
            expires: marked("2030-01-01"),
        };
        let all: Vec<&'static str> = RULES.iter().map(|rule| rule.name).collect();
        let on = all.as_slice();
        let table = [
            (vec![target("a", on, true, vec![])], Outcome::Passed),
            (
                vec![target("a", on, true, vec![State::Waived(&waiver)])],
                Outcome::Waived,
            ),
            (
                vec![target("a", on, true, vec![State::Waived(&waiver), State::Open])],
                Outcome::Failed,
            ),
            (
                vec![target("a", on, true, vec![]), target("b", &[], true, vec![])],
                Outcome::Unchecked,
            ),
            (
                vec![target("a", on, true, vec![]), target("a", on, false, vec![])],
                Outcome::Unchecked,
            ),
            (
                vec![target("a", &[], true, vec![]), target("b", on, true, vec![State::Open])],
                Outcome::Failed,
            ),
            (vec![], Outcome::Unchecked),
        ];
        for (at, (targets, expected)) in table.into_iter().enumerate() {
            let report = Report::new(targets, &Sources::new());
            let compliance = Compliance::new(&report, &[Standard::Iso27001]);
            let controls = &compliance.standards[0].controls;
            let control = controls
                .iter()
                .find(|outcome| outcome.control == Control::Iso27001("A.8.32"));
            assert_eq!(control.map(|outcome| outcome.outcome), Some(expected), "row {at}");
        }
    }

    #[test]
    fn controls_stand_in_the_order_of_their_standard() {
        let report = Report::new(Vec::new(), &Sources::new());
        for standard in Compliance::new(&report, &Standard::ALL).standards {
            let rows: Vec<_> = standard.controls.iter().map(|outcome| outcome.control.row()).collect();
            assert!(!rows.is_empty() || standard.standard == Standard::Gdpr);
            assert!(rows.is_sorted_by(|a, b| a < b), "{rows:?}");
        }
    }
}
