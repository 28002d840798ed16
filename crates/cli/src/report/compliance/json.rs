//! The compliance report as one JSON document.

use check::{Entry, RuleEvidence};
use serde::Serialize;

use super::Subject;
use crate::diagnostic::PlaceRecord;

#[derive(Serialize)]
struct Document<'a> {
    terrace: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<&'a str>,
    targets: Vec<Target<'a>>,
    standards: Vec<Standard>,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
struct Target<'a> {
    name: &'a str,
    directories: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unbuilt: &'a [String],
    objects: usize,
}

#[derive(Serialize)]
struct Standard {
    id: &'static str,
    name: &'static str,
    controls: Vec<Control>,
}

#[derive(Serialize)]
struct Control {
    control: &'static str,
    title: &'static str,
    outcome: &'static str,
    rules: Vec<&'static str>,
}

#[derive(Serialize)]
struct Rule<'a> {
    rule: &'static str,
    summary: String,
    outcome: &'static str,
    targets: Vec<RuleTarget<'a>>,
    findings: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct RuleTarget<'a> {
    name: &'a str,
    on: bool,
    outcome: &'static str,
    objects: usize,
    open: usize,
    waived: usize,
}

#[derive(Serialize)]
struct Finding<'a> {
    message: &'a str,
    #[serde(flatten)]
    place: Option<PlaceRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<String>,
    targets: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    waiver: Option<Waiver<'a>>,
}

#[derive(Serialize)]
struct Waiver<'a> {
    reason: &'a str,
    owner: &'a str,
    expires: &'a str,
}

pub(crate) fn render(of: &Subject<'_>) -> Vec<u8> {
    let standards = of.compliance.standards.iter().map(|standard| Standard {
        id: standard.standard.id(),
        name: standard.standard.name(),
        controls: standard
            .controls
            .iter()
            .map(|outcome| Control {
                control: outcome.control.number(),
                title: outcome.control.title().unwrap_or_default(),
                outcome: outcome.outcome.name(),
                rules: outcome.rules.clone(),
            })
            .collect(),
    });
    let document = Document {
        terrace: env!("CARGO_PKG_VERSION"),
        commit: of.commit,
        time: of.time,
        targets: of
            .report
            .coverage
            .iter()
            .map(|target| Target {
                name: &target.name,
                directories: &target.directories,
                unbuilt: &target.unbuilt,
                objects: target.objects,
            })
            .collect(),
        standards: standards.collect(),
        rules: of.compliance.rules.iter().map(|evidence| rule(evidence, of)).collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&document).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn rule<'a>(evidence: &'a RuleEvidence<'_>, of: &Subject<'_>) -> Rule<'a> {
    Rule {
        rule: evidence.rule,
        summary: check::rule(evidence.rule).map(check::Rule::summary).unwrap_or_default(),
        outcome: evidence.outcome.name(),
        targets: evidence
            .targets
            .iter()
            .map(|target| RuleTarget {
                name: &target.target.name,
                on: target.is_on,
                outcome: target.outcome.name(),
                objects: target.target.objects,
                open: target.open,
                waived: target.waived,
            })
            .collect(),
        findings: evidence
            .open
            .iter()
            .chain(&evidence.waived)
            .map(|entry| finding(entry, of))
            .collect(),
    }
}

fn finding<'a>(entry: &'a Entry<'_>, of: &Subject<'_>) -> Finding<'a> {
    Finding {
        message: &entry.finding.message,
        place: of.sources.place(entry.finding.mark).map(PlaceRecord::from),
        object: crate::report::object(&entry.finding),
        targets: &entry.targets,
        waiver: entry.waiver.map(|waiver| Waiver {
            reason: &waiver.reason,
            owner: &waiver.owner,
            expires: &waiver.expires,
        }),
    }
}
