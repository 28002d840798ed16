//! Which directories a path pattern stands for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use build::{FileKind, Session};
use decode::Marked;

use crate::file::{Environment, Platform, PlatformError};

/// A kustomization of an environment.
#[derive(Clone, Debug)]
pub struct Target<'p> {
    pub environment: &'p Environment,
    /// Its directory, absolute.
    pub directory: PathBuf,
    /// What the words of the pattern stand for here, `env` among them.
    pub words: BTreeMap<String, String>,
}

/// A part of a pattern: a name, or a word that stands for one.
enum Part<'t> {
    Name(&'t str),
    /// `pre{word}post`.
    Word(&'t str, &'t str, &'t str),
}

fn part(text: &str) -> Option<Part<'_>> {
    let Some((before, rest)) = text.split_once('{') else {
        return (!text.contains('}')).then_some(Part::Name(text));
    };
    let (word, after) = rest.split_once('}')?;
    let is_word = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_word && !after.contains(['{', '}'])).then_some(Part::Word(before, word, after))
}

/// Refuses what is no pattern.
pub(crate) fn check(path: &Marked<String>) -> Result<(), PlatformError> {
    let refuse = |message: String| Err(PlatformError::new(path.mark, message));
    if path.is_empty() || path.starts_with('/') || path.split('/').any(|part| part == "..") {
        return refuse(format!(
            "the path \"{}\" must lead to a directory below this file",
            path.value
        ));
    }
    if let Some(bad) = path.split('/').find(|text| part(text).is_none()) {
        let message = format!("\"{bad}\" is no part of a path");
        return Err(PlatformError::new(path.mark, message).hint("one {word} may stand in each part of a path"));
    }
    Ok(())
}

impl Platform {
    /// Every kustomization of an environment, in the order of the paths.
    ///
    /// # Errors
    /// [`PlatformError`] where there is none.
    pub fn targets<'p>(
        &'p self,
        session: &Session<'_>,
        environment: &'p Marked<Environment>,
    ) -> Result<Vec<Target<'p>>, PlatformError> {
        let words = BTreeMap::from([("env".to_owned(), environment.name.clone())]);
        let mut found = vec![(self.root.clone(), words)];
        for text in environment.path.split('/').filter(|text| !matches!(*text, "" | ".")) {
            let part = part(text).unwrap_or(Part::Name(text));
            let mut next = Vec::new();
            for (directory, words) in found {
                step(session, &part, &directory, &words, &mut next);
            }
            found = next;
        }
        let is_literal = !environment.path.replace("{env}", "").contains('{');
        found.retain(|(directory, _)| is_literal || build::has_kustomization(session, directory));
        if found.is_empty() {
            let message = format!(
                "no kustomization of the environment {} is at \"{}\"",
                environment.name, environment.path.value
            );
            return Err(PlatformError::new(environment.path.mark, message)
                .hint("the path is relative to the directory of this file"));
        }
        Ok(found
            .into_iter()
            .map(|(directory, words)| Target {
                environment,
                directory,
                words,
            })
            .collect())
    }
}

type Found = (PathBuf, BTreeMap<String, String>);

/// Goes one part further: to every directory that fits.
fn step(
    session: &Session<'_>,
    part: &Part<'_>,
    directory: &Path,
    words: &BTreeMap<String, String>,
    next: &mut Vec<Found>,
) {
    let files = session.files();
    let is_directory = |path: &Path| matches!(files.resolve(path), Ok((_, FileKind::Directory)));
    let (before, word, after) = match *part {
        Part::Name(name) => {
            let path = directory.join(name);
            if is_directory(&path) {
                next.push((path, words.clone()));
            }
            return;
        }
        Part::Word(before, word, after) => (before, word, after),
    };
    if let Some(value) = words.get(word) {
        let path = directory.join(format!("{before}{value}{after}"));
        if is_directory(&path) {
            next.push((path, words.clone()));
        }
        return;
    }
    let mut names = files.list(directory).unwrap_or_default();
    names.sort_unstable();
    for name in names {
        let value = name.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        let Some(value) = value.filter(|value| !value.is_empty() && !name.starts_with('.')) else {
            continue;
        };
        let path = directory.join(&name);
        if is_directory(&path) {
            let mut words = words.clone();
            words.insert(word.to_owned(), value.to_owned());
            next.push((path, words));
        }
    }
}

impl Target<'_> {
    /// A text of the platform file with the words of the path put in.
    pub fn expand(&self, text: &str) -> String {
        self.words.iter().fold(text.to_owned(), |text, (word, value)| {
            text.replace(&format!("{{{word}}}"), value)
        })
    }
}
