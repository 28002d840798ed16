//! Findings as one HTML page: sums, what was checked, the findings of each file, what is waived.

use check::Entry;
use resource::Severity;
use yaml::Mark;

use super::Rendering;
use super::escape::markup;
use super::page::{page, table, tiles};
use super::text::by_file;
use crate::excerpt::excerpt;

pub(super) fn render(of: &Rendering<'_>) -> String {
    let report = of.report;
    let mut body = tiles(&[
        (report.count(Severity::Error).to_string(), "errors"),
        (report.count(Severity::Warning).to_string(), "warnings"),
        (report.count(Severity::Note).to_string(), "notes"),
        (report.waived().to_string(), "waived"),
        (report.objects.to_string(), "objects"),
    ]);
    body.push_str("<h2>Checked</h2>\n");
    let rows: Vec<Vec<String>> = report
        .coverage
        .iter()
        .map(|target| {
            let fails = report.entries.iter().any(|entry| entry.fails_in.contains(&target.name));
            let state = if fails { "failed" } else { "passed" };
            vec![
                markup(&target.name),
                target
                    .directories
                    .iter()
                    .map(|name| markup(name))
                    .collect::<Vec<_>>()
                    .join("<br>"),
                target.objects.to_string(),
                format!("<span class=\"state {state}\">{state}</span>"),
            ]
        })
        .collect();
    body.push_str(&table(&["Target", "Directories", "Objects", "Result"], &rows));
    let mut file = None;
    for entry in by_file(of) {
        let name = of.sources.place(entry.finding.mark).map(|place| place.file);
        if file.as_ref() != Some(&name) {
            let shown = name.as_deref().unwrap_or("Without a place in a file");
            body.push_str(&format!("<h2>{}</h2>\n", markup(shown)));
            file = Some(name);
        }
        body.push_str(&finding(entry, of));
    }
    if file.is_none() {
        body.push_str("<p>No findings.</p>\n");
    }
    if report.waived() > 0 {
        body.push_str("<h2>Waived</h2>\n");
        body.push_str(&waivers(of));
    }
    page("Terrace check", &body)
}

fn finding(entry: &Entry<'_>, of: &Rendering<'_>) -> String {
    let finding = &entry.finding;
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let place = of.sources.place(finding.mark);
    let line = place.map_or_else(String::new, |place| format!("line {}:{} · ", place.line, place.column));
    let mut out = format!(
        "<div class=\"finding {severity}\">\n<p><span class=\"word\">{severity}</span> {}</p>\n\
         <p class=\"soft\">{line}<code>{}</code></p>\n",
        markup(&finding.message),
        markup(&finding.rule)
    );
    let lines = |mark: Mark| match finding.concealed {
        true => String::new(),
        false => lines(mark, of),
    };
    out.push_str(&lines(finding.mark));
    for (mark, words) in &finding.related {
        let place = of
            .sources
            .place(*mark)
            .map_or_else(String::new, |place| format!(" ({place})"));
        out.push_str(&format!("<p>{}{}</p>\n", markup(words), markup(&place)));
        out.push_str(&lines(*mark));
    }
    if let Some(object) = super::object(finding) {
        out.push_str(&format!("<p class=\"soft\">in {}</p>\n", markup(&object)));
    }
    if of.report.targets.len() > 1 {
        out.push_str(&format!(
            "<p class=\"soft\">holds in {}</p>\n",
            markup(&entry.targets.join(", "))
        ));
    }
    if let Some(hint) = &finding.hint {
        out.push_str(&format!("<p>{}</p>\n", markup(hint)));
    }
    out.push_str("</div>\n");
    out
}

/// The lines around a place, with their numbers.
fn lines(mark: Mark, of: &Rendering<'_>) -> String {
    let Some(excerpt) = excerpt(of.sources, mark, &of.hidden).filter(|excerpt| !excerpt.text.is_empty()) else {
        return String::new();
    };
    let (before, rest) = excerpt.text.split_at(excerpt.span.start);
    let (marked, after) = rest.split_at(excerpt.span.len());
    let marked = if marked.is_empty() {
        String::new()
    } else {
        format!("<mark>{}</mark>", markup(marked))
    };
    // `markup` drops the line break at the end of a text.
    let keep = |text: &str| match text.strip_suffix('\n') {
        Some(text) => markup(text) + "\n",
        None => markup(text),
    };
    let text = format!("{}{marked}{}", keep(before), keep(after));
    let width = (excerpt.first_line + 3).to_string().len();
    let numbered = text.split('\n').enumerate().map(|(at, line)| {
        format!(
            "<span class=\"soft\">{:>width$} │</span> {line}",
            excerpt.first_line + at
        )
    });
    format!("<pre>{}</pre>\n", numbered.collect::<Vec<_>>().join("\n"))
}

fn waivers(of: &Rendering<'_>) -> String {
    let waived = of
        .report
        .entries
        .iter()
        .filter_map(|entry| Some((entry, entry.waiver?)));
    let rows: Vec<Vec<String>> = waived
        .map(|(entry, waiver)| {
            let place = of.sources.place(entry.finding.mark);
            let place = place.map_or_else(String::new, |place| {
                format!("<br><span class=\"soft\">{}</span>", markup(&place.to_string()))
            });
            vec![
                format!("<code>{}</code>", markup(&entry.finding.rule)),
                format!("{}{place}", markup(&super::object(&entry.finding).unwrap_or_default())),
                markup(&waiver.reason),
                markup(&waiver.owner),
                markup(&waiver.expires),
            ]
        })
        .collect();
    table(&["Rule", "Object", "Reason", "Owner", "Until"], &rows)
}
