//! `--watch`: the same again whenever a file changes that was read, and of the answer only what is new or gone.
//!
//! The files are looked at four times a second, by time and size; so are the directories that hold them, in which
//! others may appear.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use yaml::{SourceId, Sources};

use crate::args::working_directory;
use crate::exit::Exit;

const PAUSE: Duration = Duration::from_millis(250);

/// Files and directories, as they were.
#[derive(Debug, Default)]
pub(crate) struct Watched(BTreeMap<PathBuf, Option<Stamp>>);

/// By what a change is seen.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
}

/// What one part of an answer is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parts {
    /// Lines with an empty line behind them.
    Paragraphs,
    /// A line, and those below it that are indented.
    Entries,
}

impl Watched {
    /// All that was read, and what is named beside.
    pub(crate) fn of(sources: &Sources, named: &[PathBuf]) -> Watched {
        let here = working_directory();
        let mut watched = Watched::default();
        let mut number = 0;
        loop {
            match sources.get(SourceId::from_u32(number)) {
                Some(source) => watched.add(&here.join(source.file().name())),
                None if number > 0 => break,
                None => {}
            }
            number += 1;
        }
        for path in named {
            watched.add(&here.join(path));
        }
        watched
    }

    fn add(&mut self, path: &Path) {
        // What comes from elsewhere has a URL for a name.
        let Some(known) = stamp(path) else { return };
        self.0.insert(path.to_owned(), Some(known));
        if let Some(parent) = path.parent()
            && !self.0.contains_key(parent)
        {
            self.0.insert(parent.to_owned(), stamp(parent));
        }
    }

    fn merge(&mut self, other: Watched) {
        self.0.extend(other.0);
    }

    fn is_changed(&self) -> bool {
        self.0.iter().any(|(path, known)| stamp(path) != *known)
    }

    fn renew(&mut self) {
        for (path, known) in &mut self.0 {
            *known = stamp(path);
        }
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some(Stamp {
        modified: metadata.modified().ok(),
        length: metadata.len(),
    })
}

/// Answers, waits for a change, and answers again, until the process is interrupted or nobody reads any more.
/// An answer is none where it could not be given: that was told, and what was read until then is watched.
pub(crate) fn run(parts: Parts, mut answer: impl FnMut() -> (Option<String>, Watched)) -> Exit {
    let mut before: Option<String> = None;
    let mut watched = Watched::default();
    loop {
        let (text, read) = answer();
        watched.merge(read);
        if let Some(text) = text {
            let shown = match &before {
                None => text.clone(),
                Some(before) => changes(before, &text, parts),
            };
            let mut out = std::io::stdout().lock();
            if out.write_all(shown.as_bytes()).and_then(|()| out.flush()).is_err() {
                return Exit::Done;
            }
            before = Some(text);
        }
        while !watched.is_changed() {
            thread::sleep(PAUSE);
        }
        // Who writes several files is let finish.
        loop {
            watched.renew();
            thread::sleep(PAUSE);
            if !watched.is_changed() {
                break;
            }
        }
    }
}

/// What is in one answer and not in the other: new parts whole, findings that are gone by their first line.
fn changes(before: &str, after: &str, parts: Parts) -> String {
    let (before, after) = (split(before, parts), split(after, parts));
    let mut out = String::new();
    // Summaries are no findings, and are not missed.
    let is_finding = |part: &&&str| part.lines().next().is_some_and(|line| line.contains(": "));
    for part in before.iter().filter(is_finding).filter(|part| !after.contains(part)) {
        // Writing to a text cannot fail.
        let _ = writeln!(out, "gone: {}", part.lines().next().unwrap_or_default());
    }
    for part in after.iter().filter(|part| !before.contains(part)) {
        out.push_str(part.trim_end());
        out.push_str(if matches!(parts, Parts::Paragraphs) {
            "\n\n"
        } else {
            "\n"
        });
    }
    out
}

fn split(text: &str, parts: Parts) -> Vec<&str> {
    match parts {
        Parts::Paragraphs => text.split("\n\n").filter(|part| !part.trim().is_empty()).collect(),
        Parts::Entries => {
            let mut starts: Vec<usize> = Vec::new();
            let mut offset = 0;
            for line in text.split_inclusive('\n') {
                if !line.starts_with(char::is_whitespace) {
                    starts.push(offset);
                }
                offset += line.len();
            }
            let ends = starts.iter().skip(1).copied().chain([text.len()]);
            starts.iter().zip(ends).map(|(start, end)| &text[*start..end]).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_or_gone_is_shown() {
        let before = "error[a]: one\n --> x:1\n\nnote[b]: two\n --> x:2\n\n2 findings\n";
        let after = "note[b]: two\n --> x:2\n\nerror[c]: three\n --> x:3\n\n2 findings\n";
        assert_eq!(
            changes(before, after, Parts::Paragraphs),
            "gone: error[a]: one\nerror[c]: three\n --> x:3\n\n"
        );
        let entries = "missing: a\n    at x\nnot declared: b\n    at y\n";
        assert_eq!(
            changes(entries, "not declared: b\n    at y\n", Parts::Entries),
            "gone: missing: a\n"
        );
        assert_eq!(
            changes(
                "not declared: b\n",
                "what is declared holds, and nothing else\n",
                Parts::Entries
            ),
            "gone: not declared: b\nwhat is declared holds, and nothing else\n"
        );
        assert_eq!(changes(entries, entries, Parts::Entries), "");
    }
}
