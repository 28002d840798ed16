//! Patterns of file names, with the meaning they have in Go's `filepath` package.

use std::path::Path;

use crate::Notes;
use crate::error::{Error, Result, argument};

/// The files that patterns name; a note for each pattern that names none.
pub(crate) fn files(directory: &Path, patterns: &[String], notes: &mut Notes) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for pattern in patterns {
        let files = glob(directory, pattern)?;
        if files.is_empty() {
            notes.push(format!("{pattern} has no match"));
        }
        found.extend(files);
    }
    Ok(found)
}

/// The files that patterns name, or what names a remote repository; a pattern for nothing is an error.
pub(crate) fn files_or_remote(directory: &Path, patterns: &[String], verify: bool) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for pattern in patterns {
        let files = if verify {
            glob(directory, pattern)?
        } else {
            vec![pattern.clone()]
        };
        if files.is_empty() && !is_remote(pattern) {
            return argument(format!("{pattern} has no match: no such file or directory"));
        }
        let remote = files.is_empty().then(|| pattern.clone());
        found.extend(files.into_iter().chain(remote));
    }
    Ok(found)
}

fn is_remote(name: &str) -> bool {
    name.contains("://")
        || name.contains("?ref=")
        || name.contains(".git//")
        || name.starts_with("git@")
        || name.starts_with("git::")
        || name.starts_with("github.com/")
        || name.starts_with("gh:")
}

/// The names that match, sorted; hidden files only where the pattern asks for them.
fn glob(directory: &Path, pattern: &str) -> Result<Vec<String>> {
    matches(pattern, "")?;
    let mut found = expand(directory, pattern)?;
    let is_hidden = |name: &str| {
        Path::new(name)
            .components()
            .next_back()
            .is_some_and(|last| last.as_os_str().to_string_lossy().starts_with('.'))
    };
    if !is_hidden(pattern) {
        found.retain(|name| !is_hidden(name));
    }
    Ok(found)
}

fn expand(directory: &Path, pattern: &str) -> Result<Vec<String>> {
    if !pattern.contains(['*', '?', '[', '\\']) {
        let exists = directory.join(pattern).symlink_metadata().is_ok();
        return Ok(if exists { vec![pattern.to_owned()] } else { Vec::new() });
    }
    let (parent, name) = match pattern.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((parent, name)) => (parent, name),
        None => ("", pattern),
    };
    let mut found = Vec::new();
    let parents = if parent.is_empty() {
        vec![String::new()]
    } else {
        expand(directory, parent)?
    };
    for parent in parents {
        let Ok(entries) = directory.join(&parent).read_dir() else {
            continue;
        };
        let mut names: Vec<String> = entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        for entry in names {
            if matches(name, &entry)? {
                found.push(match parent.as_str() {
                    "" => entry,
                    parent => format!("{}/{entry}", parent.trim_end_matches('/')),
                });
            }
        }
    }
    Ok(found)
}

/// Whether a pattern means a whole name. `*` and `?` do not go over a slash.
pub(crate) fn matches(pattern: &str, name: &str) -> Result<bool> {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    check(&pattern)?;
    Ok(matches_from(&pattern, &name))
}

/// Refuses an escape at the end and a class without an end.
fn check(pattern: &[char]) -> Result<()> {
    let bad = || Err(Error::Argument("syntax error in pattern".to_owned()));
    let mut rest = pattern;
    while let [first, tail @ ..] = rest {
        rest = match first {
            '\\' if tail.is_empty() => return bad(),
            '\\' => &tail[1..],
            '[' => match class(tail, 'a') {
                Some((_, length)) => &tail[length..],
                None => return bad(),
            },
            _ => tail,
        };
    }
    Ok(())
}

fn matches_from(pattern: &[char], name: &[char]) -> bool {
    match pattern {
        [] => name.is_empty(),
        ['*', rest @ ..] => {
            let reach = name.iter().position(|c| *c == '/').unwrap_or(name.len());
            (0..=reach).any(|length| matches_from(rest, &name[length..]))
        }
        [first, rest @ ..] => {
            let Some((c, tail)) = name.split_first() else {
                return false;
            };
            match first {
                '?' => *c != '/' && matches_from(rest, tail),
                '[' => class(rest, *c).is_some_and(|(found, length)| found && matches_from(&rest[length..], tail)),
                '\\' => rest
                    .split_first()
                    .is_some_and(|(escaped, rest)| escaped == c && matches_from(rest, tail)),
                first => first == c && matches_from(rest, tail),
            }
        }
    }
}

/// Whether the class that begins here has a character, and how long it is with its bracket.
fn class(pattern: &[char], c: char) -> Option<(bool, usize)> {
    let negated = pattern.first() == Some(&'^');
    let mut at = usize::from(negated);
    let (mut found, mut count) = (false, 0);
    loop {
        if pattern.get(at) == Some(&']') && count > 0 {
            return Some((found != negated, at + 1));
        }
        let mut next = || -> Option<char> {
            match *pattern.get(at)? {
                '-' | ']' => None,
                '\\' => {
                    at += 2;
                    pattern.get(at - 1).copied()
                }
                c => {
                    at += 1;
                    Some(c)
                }
            }
        };
        let low = next()?;
        let mut high = low;
        if pattern.get(at) == Some(&'-') {
            at += 1;
            let mut next = || -> Option<char> {
                let c = *pattern.get(at)?;
                at += 1;
                (c != ']' && c != '-').then_some(c)
            };
            high = next()?;
        }
        found |= (low..=high).contains(&c);
        count += 1;
    }
}
