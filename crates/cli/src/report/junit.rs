//! Findings as JUnit XML: a suite for each target, a test for each rule that found nothing and for each
//! finding. A finding that does not fail the check is a test that passes with words, a waived one is
//! skipped.

use check::{Coverage, Entry};

use super::Rendering;
use super::escape::markup;

pub(super) fn render(of: &Rendering<'_>) -> String {
    let suites: Vec<Suite> = of.report.coverage.iter().map(|target| suite(target, of)).collect();
    let sum = |count: fn(&Suite) -> usize| suites.iter().map(count).sum::<usize>();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"terrace check\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">\n",
        sum(|suite| suite.tests),
        sum(|suite| suite.failures),
        sum(|suite| suite.skipped),
    );
    for suite in suites {
        out.push_str(&suite.text);
    }
    out.push_str("</testsuites>\n");
    out
}

#[derive(Default)]
struct Suite {
    text: String,
    tests: usize,
    failures: usize,
    skipped: usize,
}

fn suite(target: &Coverage, of: &Rendering<'_>) -> Suite {
    let mut suite = Suite::default();
    let mut cases = String::new();
    let class = markup(&target.name);
    let holds_here = |entry: &&Entry<'_>| entry.targets.contains(&target.name);
    let found: Vec<&Entry<'_>> = of.report.entries.iter().filter(holds_here).collect();
    for entry in &found {
        suite.tests += 1;
        let finding = &entry.finding;
        let place = of.sources.place(finding.mark);
        let mut name = finding.rule.to_string();
        if let Some(object) = super::object(finding) {
            name.push_str(&format!(": {object}"));
        }
        let position = place.as_ref().map_or_else(String::new, |place| {
            format!(" file=\"{}\" line=\"{}\"", markup(&place.file), place.line)
        });
        cases.push_str(&format!(
            "    <testcase classname=\"{class}\" name=\"{}\"{position}>\n",
            markup(&name)
        ));
        let message = markup(&finding.message).replace('\n', "&#10;");
        let mut details = place.map_or_else(String::new, |place| format!("{place}\n"));
        details.push_str(&finding.message);
        if let Some(hint) = &finding.hint {
            details.push_str(&format!("\nhelp: {hint}"));
        }
        let details = markup(&details);
        let rule = markup(&finding.rule);
        if let Some(waiver) = entry.waiver {
            suite.skipped += 1;
            let words = format!(
                "waived until {} by {}: {}",
                *waiver.expires, waiver.owner, waiver.reason
            );
            cases.push_str(&format!("      <skipped message=\"{}\"/>\n", markup(&words)));
        } else if entry.fails_in.contains(&target.name) {
            suite.failures += 1;
            cases.push_str(&format!(
                "      <failure type=\"{rule}\" message=\"{message}\">{details}</failure>\n"
            ));
        } else {
            cases.push_str(&format!("      <system-out>{details}</system-out>\n"));
        }
        cases.push_str("    </testcase>\n");
    }
    let is_silent = |rule: &&&str| found.iter().all(|entry| entry.finding.rule != **rule);
    // What was not built was not checked either.
    let passed = target
        .rules
        .iter()
        .filter(|_| target.unbuilt.is_empty())
        .filter(is_silent);
    for rule in passed {
        suite.tests += 1;
        cases.push_str(&format!("    <testcase classname=\"{class}\" name=\"{rule}\"/>\n"));
    }
    suite.text = format!(
        "  <testsuite name=\"{class}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">\n{cases}  </testsuite>\n",
        suite.tests, suite.failures, suite.skipped
    );
    suite
}
