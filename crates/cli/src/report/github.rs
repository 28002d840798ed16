//! Findings as workflow commands of GitHub Actions, which shows them at the lines of a pull request.

use check::Entry;
use resource::Severity;

use super::Rendering;
use super::escape::{command_data, command_property};
use super::text::summary;

pub(super) fn render(of: &Rendering<'_>) -> String {
    let mut out = String::new();
    for entry in of.report.entries.iter().filter(|entry| entry.waiver.is_none()) {
        out.push_str(&command(entry, of));
        out.push('\n');
    }
    out.push_str(&summary(of.report));
    out
}

/// `::error file=a.yaml,line=1,col=2,title=rule::message`.
fn command(entry: &Entry<'_>, of: &Rendering<'_>) -> String {
    let finding = &entry.finding;
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut properties = Vec::new();
    if let Some(place) = of.sources.place(finding.mark) {
        properties.push(format!("file={}", command_property(&place.file)));
        properties.push(format!("line={}", place.line));
        properties.push(format!("col={}", place.column));
    }
    properties.push(format!("title={}", command_property(&finding.rule)));
    let mut message = finding.message.clone();
    let mut line = |words: String| {
        message.push('\n');
        message.push_str(&words);
    };
    if let Some(object) = super::object(finding) {
        line(format!("in {object}"));
    }
    if of.report.targets.len() > 1 {
        line(format!("holds in {}", entry.targets.join(", ")));
    }
    if let Some(hint) = &finding.hint {
        line(format!("help: {hint}"));
    }
    format!("::{level} {}::{}", properties.join(","), command_data(&message))
}
