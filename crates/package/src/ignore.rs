//! `.krmignore`: the files and directories of a package that are passed over, by patterns as in `.gitignore`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

const FILE: &str = ".krmignore";

/// The patterns of the package that is read.
#[derive(Debug, Default)]
pub(crate) struct Ignored {
    base: PathBuf,
    ignored: Vec<Pattern>,
    accepted: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    text: String,
    anchored: bool,
    directories_only: bool,
}

impl Ignored {
    pub(crate) fn enter(&mut self, directory: &Path) -> Result<()> {
        let path = directory.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Error::io("open", &path, &error)),
        };
        directory.clone_into(&mut self.base);
        for line in text.lines() {
            let line = line.trim_matches(' ');
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let line = if line.starts_with("\\#") { &line[1..] } else { line };
            match line.strip_prefix('!') {
                Some(line) => self.accepted.extend(Pattern::parse(line)),
                None => self.ignored.extend(Pattern::parse(line)),
            }
        }
        Ok(())
    }

    pub(crate) fn holds(&self, path: &Path, is_directory: bool) -> bool {
        let Ok(path) = path.strip_prefix(&self.base) else {
            return false;
        };
        let path = path.display().to_string();
        let matches = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(&path, is_directory));
        !matches(&self.accepted) && matches(&self.ignored)
    }
}

impl Pattern {
    fn parse(line: &str) -> Option<Pattern> {
        let text = line.trim_matches('/');
        (!text.is_empty()).then(|| Pattern {
            text: text.to_owned(),
            anchored: line.starts_with('/'),
            directories_only: line.ends_with('/'),
        })
    }

    fn matches(&self, path: &str, is_directory: bool) -> bool {
        if self.directories_only && !is_directory {
            return false;
        }
        let parts: Vec<&str> = path.split('/').collect();
        let pattern: Vec<&str> = self.text.split('/').collect();
        let Some(ahead) = parts.len().checked_sub(pattern.len()) else {
            return false;
        };
        if self.anchored && ahead > 0 {
            return false;
        }
        pattern
            .iter()
            .zip(&parts[ahead..])
            .all(|(pattern, part)| glob(pattern.as_bytes(), part.as_bytes()))
    }
}

/// `*`, `?` and `[...]` in one part of a path.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some(b'*'), _) => (0..=text.len()).any(|skipped| glob(&pattern[1..], &text[skipped..])),
        (Some(b'?'), Some(_)) => glob(&pattern[1..], &text[1..]),
        (Some(b'['), Some(&byte)) => {
            let Some(end) = pattern.iter().position(|&byte| byte == b']') else {
                return false;
            };
            let class = &pattern[1..end];
            let (class, negated) = match class.first() {
                Some(b'^') => (&class[1..], true),
                _ => (class, false),
            };
            let in_range = |range: &[u8]| range.len() == 3 && range[1] == b'-' && (range[0]..=range[2]).contains(&byte);
            let found = class.contains(&byte) || class.windows(3).any(in_range);
            found != negated && glob(&pattern[end + 1..], &text[1..])
        }
        (Some(b'\\'), Some(byte)) if pattern.get(1) == Some(byte) => glob(&pattern[2..], &text[1..]),
        (Some(wanted), Some(byte)) if wanted == byte => glob(&pattern[1..], &text[1..]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_gitignore() {
        for (pattern, path, is_directory, expected) in [
            ("*.yaml", "a/b.yaml", false, true),
            ("b.yaml", "a/b.yaml", false, true),
            ("/b.yaml", "a/b.yaml", false, false),
            ("/a/b.yaml", "a/b.yaml", false, true),
            ("a/", "x/a", true, true),
            ("a/", "x/a", false, false),
            ("[ab]?.yaml", "a1.yaml", false, true),
            ("[^ab]*", "c", false, true),
            ("a/b", "x/a/b", false, true),
            ("a/b", "b", false, false),
        ] {
            let pattern_read = Pattern::parse(pattern).unwrap();
            assert_eq!(pattern_read.matches(path, is_directory), expected, "{pattern} {path}");
        }
    }
}
