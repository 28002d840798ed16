//! Findings for a person: each with its lines, then one line of sums.

use check::{Entry, Report};
use resource::Severity;
use yaml::Sources;

use crate::diagnostic::{Diagnostic, Face, has_colour, text};
use crate::hidden::Hidden;

pub(super) fn render(report: &Report<'_>, sources: &Sources) -> String {
    let colour = has_colour(&std::io::stdout());
    let hidden = Hidden::new(sources, &report.hidden);
    let mut out = String::new();
    for entry in report.entries.iter().filter(|entry| entry.waiver.is_none()) {
        out.push_str(&text(
            &diagnostic(entry, report),
            sources,
            &hidden,
            Face::Terrace,
            colour,
        ));
        out.push('\n');
    }
    out.push_str(&summary(report));
    out
}

fn diagnostic(entry: &Entry<'_>, report: &Report<'_>) -> Diagnostic {
    let mut diagnostic = Diagnostic::from(entry.finding.clone());
    diagnostic.shows_rule = true;
    if report.targets.len() > 1 {
        diagnostic.holds_in.clone_from(&entry.targets);
    }
    diagnostic
}

/// `2 errors, 1 warning in 3 environments (40 objects); 1 waived`.
fn summary(report: &Report<'_>) -> String {
    let counted = |count: usize, one: &str| match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {one}s"),
    };
    let counts: Vec<String> = [
        (Severity::Error, "error"),
        (Severity::Warning, "warning"),
        (Severity::Note, "note"),
    ]
    .into_iter()
    .map(|(severity, word)| (report.count(severity), word))
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| counted(count, word))
    .collect();
    let found = if counts.is_empty() {
        "no findings".to_owned()
    } else {
        counts.join(", ")
    };
    let waived = match report.waived() {
        0 => String::new(),
        waived => format!("; {waived} waived"),
    };
    let targets = counted(report.targets.len(), "target");
    let objects = counted(report.objects, "object");
    format!("{found} in {targets} ({objects}){waived}\n")
}
