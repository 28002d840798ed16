//! The compliance report as one HTML page: what was checked, the controls of each standard, and the
//! evidence of each rule.

use check::{Outcome, RuleEvidence, StandardOutcome};

use super::Subject;
use crate::report::escape::markup;
use crate::report::page::{page, table, tiles};

pub(crate) fn render(of: &Subject<'_>) -> String {
    let mut body = facts(of);
    let count = |outcome: Outcome| {
        let controls = of.compliance.standards.iter().flat_map(|standard| &standard.controls);
        controls
            .filter(|control| control.outcome == outcome)
            .count()
            .to_string()
    };
    body.push_str(&tiles(&[
        (count(Outcome::Passed), "controls passed"),
        (count(Outcome::Failed), "failed"),
        (count(Outcome::Waived), "waived"),
        (count(Outcome::Unchecked), "unchecked"),
        (of.report.objects.to_string(), "objects checked"),
    ]));
    body.push_str(
        "<p>A control is listed where a rule bears on it; it is as good as the worst of its rules in the worst of the \
         targets. <b>Passed</b>: every object was checked and nothing was found. <b>Waived</b>: what was found is accepted \
         until a day. <b>Unchecked</b>: a rule is off, or a directory could not be built. A rule is evidence for a part \
         of a control, not for all of it.</p>\n",
    );
    body.push_str("<h2>Checked</h2>\n");
    let rows: Vec<Vec<String>> = of
        .report
        .coverage
        .iter()
        .map(|target| {
            let directories = target.directories.iter().map(|name| {
                let state = if target.unbuilt.contains(name) {
                    " <span class=\"state failed\">not built</span>"
                } else {
                    ""
                };
                format!("{}{state}", markup(name))
            });
            vec![
                markup(&target.name),
                directories.collect::<Vec<_>>().join("<br>"),
                target.objects.to_string(),
                target.rules.len().to_string(),
            ]
        })
        .collect();
    body.push_str(&table(&["Target", "Directories", "Objects", "Rules on"], &rows));
    for standard in &of.compliance.standards {
        body.push_str(&controls(standard));
    }
    body.push_str("<h2>Evidence</h2>\n");
    for evidence in &of.compliance.rules {
        body.push_str(&rule(evidence, of));
    }
    page("Compliance report", &body)
}

fn facts(of: &Subject<'_>) -> String {
    let commit = of
        .commit
        .map(|commit| format!("commit <code>{}</code>", markup(commit)));
    let time = of.time.map(markup);
    let version = Some(format!("terrace {}", env!("CARGO_PKG_VERSION")));
    let facts: Vec<String> = [commit, time, version].into_iter().flatten().collect();
    format!("<p class=\"soft\">{}</p>\n", facts.join(" · "))
}

fn state(outcome: Outcome) -> String {
    let class = match outcome {
        Outcome::Unchecked => "off",
        other => other.name(),
    };
    format!("<span class=\"state {class}\">{}</span>", outcome.name())
}

fn controls(standard: &StandardOutcome) -> String {
    let mut out = format!("<h2>{}</h2>\n", markup(standard.standard.name()));
    if standard.controls.is_empty() {
        out.push_str("<p>No rule bears on a control of it.</p>\n");
        return out;
    }
    let rows: Vec<Vec<String>> = standard
        .controls
        .iter()
        .map(|control| {
            let rules = control
                .rules
                .iter()
                .map(|rule| format!("<a href=\"#{rule}\"><code>{rule}</code></a>"));
            vec![
                format!("<span class=\"state\">{}</span>", control.control.number()),
                markup(control.control.title().unwrap_or_default()),
                state(control.outcome),
                rules.collect::<Vec<_>>().join("<br>"),
            ]
        })
        .collect();
    out.push_str(&table(&["Control", "About", "Result", "Rules"], &rows));
    out
}

fn rule(evidence: &RuleEvidence<'_>, of: &Subject<'_>) -> String {
    let summary = check::rule(evidence.rule).map(check::Rule::summary).unwrap_or_default();
    let mut out = format!(
        "<h3 id=\"{0}\"><code>{0}</code> {1}</h3>\n<p>{2}</p>\n",
        evidence.rule,
        state(evidence.outcome),
        markup(&summary)
    );
    let rows: Vec<Vec<String>> = evidence
        .targets
        .iter()
        .map(|target| {
            let outcome = match target.is_on {
                true => state(target.outcome),
                false => format!("{} (off)", state(target.outcome)),
            };
            vec![
                markup(&target.target.name),
                outcome,
                target.target.objects.to_string(),
                target.open.to_string(),
                target.waived.to_string(),
            ]
        })
        .collect();
    out.push_str(&table(&["Target", "Result", "Objects", "Open", "Waived"], &rows));
    let place = |entry: &check::Entry<'_>| {
        let place = of.sources.place(entry.finding.mark).map(|place| place.to_string());
        markup(&place.unwrap_or_default())
    };
    let object = |entry: &check::Entry<'_>| markup(&crate::report::object(&entry.finding).unwrap_or_default());
    if !evidence.open.is_empty() {
        let rows: Vec<Vec<String>> = evidence
            .open
            .iter()
            .map(|entry| {
                vec![
                    markup(&entry.finding.message),
                    object(entry),
                    place(entry),
                    markup(&entry.targets.join(", ")),
                ]
            })
            .collect();
        out.push_str(&table(&["Finding", "Object", "Place", "Targets"], &rows));
    }
    let waived = evidence.waived.iter().filter_map(|entry| Some((entry, entry.waiver?)));
    let rows: Vec<Vec<String>> = waived
        .map(|(entry, waiver)| {
            vec![
                markup(&entry.finding.message),
                format!("{}<br><span class=\"soft\">{}</span>", object(entry), place(entry)),
                markup(&waiver.reason),
                markup(&waiver.owner),
                markup(&waiver.expires),
            ]
        })
        .collect();
    if !rows.is_empty() {
        out.push_str(&table(&["Waived finding", "Object", "Reason", "Owner", "Until"], &rows));
    }
    out
}
