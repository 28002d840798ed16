//! Findings for a person: file by file, each with its lines, then the sums.

use std::collections::BTreeMap;

use check::{Entry, Report};
use resource::{Finding, Severity};
use yaml::{Mark, SourceId};

use super::Rendering;
use crate::diagnostic::{Diagnostic, Face, text};

pub(super) fn render(of: &Rendering<'_>) -> String {
    let mut out = String::new();
    if !of.quiet {
        let mut print = |diagnostic: &Diagnostic| {
            out.push_str(&text(diagnostic, of.sources, &of.hidden, Face::Terrace, of.colour));
            out.push('\n');
        };
        let entries = by_file(of);
        let mut alike = Alike::new(&entries);
        for entry in entries {
            match alike.pass(entry) {
                Pass::Whole => print(&diagnostic(entry, of.report)),
                Pass::Left => {}
                Pass::Last(left) => print(&rest(entry, left, of)),
            }
        }
    }
    out.push_str(&rules(of.report));
    out.push_str(&summary(of.report));
    out
}

/// The open findings: the file with the gravest first, and the findings of a file together.
pub(super) fn by_file<'a>(of: &Rendering<'a>) -> Vec<&'a Entry<'a>> {
    let open = of.report.entries.iter().filter(|entry| entry.waiver.is_none());
    let file = |entry: &Entry<'_>| {
        let source = of.sources.get(entry.finding.mark.source)?;
        Some(source.file().name().to_owned())
    };
    // Findings come with the gravest first: so do the files.
    let mut files: Vec<(Option<String>, Vec<&Entry<'_>>)> = Vec::new();
    let mut positions: BTreeMap<Option<String>, usize> = BTreeMap::new();
    for entry in open {
        let name = file(entry);
        let at = *positions.entry(name.clone()).or_insert_with(|| {
            files.push((name, Vec::new()));
            files.len() - 1
        });
        files[at].1.push(entry);
    }
    files.into_iter().flat_map(|(_, entries)| entries).collect()
}

/// So many findings of a rule about one document are shown each for itself: a policy may have a thousand grants that
/// are wrong in one way.
const SHOWN: usize = 10;
/// Of more, these.
const FIRST: usize = 3;

/// Findings of one rule in one file that are about no object, and have one remedy.
#[derive(Default)]
struct Alike<'a> {
    /// How many there are, and how many were passed.
    counts: BTreeMap<Key<'a>, (usize, usize)>,
}

type Key<'a> = (&'a str, Option<&'a str>, SourceId);

enum Pass {
    Whole,
    Left,
    /// The last of so many that were left.
    Last(usize),
}

impl<'a> Alike<'a> {
    fn new(entries: &[&'a Entry<'a>]) -> Alike<'a> {
        let mut alike = Alike::default();
        for key in entries.iter().filter_map(|entry| key(&entry.finding)) {
            alike.counts.entry(key).or_default().0 += 1;
        }
        alike
    }

    fn pass(&mut self, entry: &'a Entry<'a>) -> Pass {
        let Some((all, passed)) = key(&entry.finding).and_then(|key| self.counts.get_mut(&key)) else {
            return Pass::Whole;
        };
        *passed += 1;
        match *all > SHOWN && *passed > FIRST {
            false => Pass::Whole,
            true if passed == all => Pass::Last(*all - FIRST),
            true => Pass::Left,
        }
    }
}

fn key(finding: &Finding) -> Option<Key<'_>> {
    let is_of_document = finding.object.is_none() && finding.mark.is_some();
    is_of_document.then_some((&*finding.rule, finding.hint.as_deref(), finding.mark.source))
}

/// That there are more findings like those that were shown.
fn rest(last: &Entry<'_>, left: usize, of: &Rendering<'_>) -> Diagnostic {
    let finding = &last.finding;
    let up_to = of
        .sources
        .place(finding.mark)
        .map_or_else(String::new, |place| format!(", up to {place}"));
    let message = format!("{left} more like these{up_to}");
    let rest = Finding::new(finding.rule.clone(), finding.severity, Mark::NONE, message).hint("-o json has each");
    let mut diagnostic = Diagnostic::from(rest);
    diagnostic.shows_rule = true;
    diagnostic
}

pub(super) fn diagnostic(entry: &Entry<'_>, report: &Report<'_>) -> Diagnostic {
    let mut diagnostic = Diagnostic::from(entry.finding.clone());
    diagnostic.shows_rule = true;
    if report.targets.len() > 1 {
        diagnostic.holds_in.clone_from(&entry.targets);
    }
    diagnostic
}

/// How often each rule found something, where there are several.
fn rules(report: &Report<'_>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in report.entries.iter().filter(|entry| entry.waiver.is_none()) {
        *counts.entry(&entry.finding.rule).or_default() += 1;
    }
    if counts.len() < 2 {
        return String::new();
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let width = counts.first().map_or(0, |(_, count)| count.to_string().len());
    let lines = counts.iter().map(|(rule, count)| format!("{count:>width$}  {rule}\n"));
    lines.collect::<String>() + "\n"
}

/// `2 errors, 1 warning in 3 environments (40 objects); 1 waived`.
pub(super) fn summary(report: &Report<'_>) -> String {
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

pub(super) fn counted(count: usize, one: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {one}s"),
    }
}
