//! `terrace.lock`: what the URLs of a kustomization lead to, to the commit and the digest.
//!
//! ```yaml
//! # Written by `terrace lock`.
//! version: 1
//! repositories:
//! - url: https://github.com/org/repo
//!   ref: v1.2.0
//!   commit: "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"
//!   paths:
//!   - "apps/base"
//!   digest: sha256:…
//! files:
//! - url: https://example.com/crds.yaml
//!   digest: sha256:…
//! ```
//!
//! The digest of a repository is that of the files at and below `paths`, and of all of them without that field.
//!
//! It is read strictly: a field that is not known, is missing or is no string is an error at its line.

use std::collections::BTreeMap;
use std::sync::Arc;

use build::{BuildError, ErrorKind, RepoSpec, without_password};
use yaml::{Map, Mark, Node, Source, Typed};

use crate::digest::Digest;
use crate::git::is_commit;

/// The name of the file, beside the kustomization whose URLs it locks.
pub const LOCK_NAME: &str = "terrace.lock";

const VERSION: &str = "1";

/// What URLs lead to, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    pub(crate) repositories: BTreeMap<RepositoryKey, Pin>,
    pub(crate) files: BTreeMap<String, Digest>,
}

/// A repository at a reference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RepositoryKey {
    url: String,
    reference: String,
    without_submodules: bool,
}

/// The tree that a reference is held at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pin {
    pub(crate) commit: String,
    /// What is needed of the tree, each with all below it, sorted; one that is empty stands for all.
    pub(crate) paths: Vec<String>,
    /// Of the manifest of these paths.
    pub(crate) digest: Digest,
}

impl Pin {
    fn is_whole(&self) -> bool {
        self.paths.iter().any(String::is_empty)
    }
}

impl RepositoryKey {
    pub(crate) fn of(spec: &RepoSpec) -> RepositoryKey {
        let reference = match spec.reference.as_str() {
            "" => "HEAD",
            reference => reference,
        };
        RepositoryKey {
            url: without_password(&spec.clone_url).into_owned(),
            reference: reference.to_owned(),
            without_submodules: !spec.submodules,
        }
    }
}

impl Lock {
    /// Reads a lock.
    ///
    /// # Errors
    /// [`BuildError`] at the line that is not as `terrace lock` writes it.
    pub fn read(source: &Arc<Source>) -> Result<Lock, BuildError> {
        let config = yaml::read_config(source)?;
        if let Some(duplicate) = config.duplicates.first() {
            return Err(wrong(duplicate.mark, format!("\"{}\" is given twice", duplicate.key)));
        }
        let top = Fields::of(&config.node, &["version", "repositories", "files"])?;
        let version = top.need("version")?;
        if version.text().is_none_or(|text| **text != *VERSION) {
            let message = format!("a lock of this version cannot be read, only version {VERSION}");
            return Err(wrong(version.mark, message));
        }
        let mut lock = Lock::default();
        for node in top.list("repositories")? {
            let fields = Fields::of(node, &["url", "ref", "submodules", "commit", "paths", "digest"])?;
            let key = RepositoryKey {
                url: fields.string("url")?.to_owned(),
                reference: fields.string("ref")?.to_owned(),
                without_submodules: match fields.get("submodules") {
                    None => false,
                    Some(node) if node.text().is_some_and(|text| **text == *"false") => true,
                    Some(node) => return Err(wrong(node.mark, "submodules can only be false here")),
                },
            };
            let commit = fields.string("commit")?.to_owned();
            if !is_commit(&commit) {
                return Err(wrong(
                    fields.need("commit")?.mark,
                    format!("\"{commit}\" is no full commit hash"),
                ));
            }
            let (paths, digest) = (fields.paths()?, fields.digest()?);
            if lock.repositories.insert(key, Pin { commit, paths, digest }).is_some() {
                return Err(wrong(node.mark, "this repository is locked twice"));
            }
        }
        for node in top.list("files")? {
            let fields = Fields::of(node, &["url", "digest"])?;
            let url = fields.string("url")?.to_owned();
            if lock.files.insert(url, fields.digest()?).is_some() {
                return Err(wrong(node.mark, "this file is locked twice"));
            }
        }
        Ok(lock)
    }

    /// The text of the file.
    pub fn to_text(&self) -> String {
        let mut text = format!("# Written by `terrace lock`.\nversion: {VERSION}\n");
        let empty = |is_empty| if is_empty { " []" } else { "" };
        text += &format!("repositories:{}\n", empty(self.repositories.is_empty()));
        for (key, pin) in &self.repositories {
            text += &format!("- url: {}\n  ref: {}\n", scalar(&key.url), scalar(&key.reference));
            if key.without_submodules {
                text += "  submodules: false\n";
            }
            text += &format!("  commit: {}\n", quoted(&pin.commit));
            if !pin.is_whole() {
                text += &format!("  paths:{}\n", empty(pin.paths.is_empty()));
                pin.paths
                    .iter()
                    .for_each(|path| text += &format!("  - {}\n", quoted(path)));
            }
            text += &format!("  digest: {}\n", pin.digest);
        }
        text += &format!("files:{}\n", empty(self.files.is_empty()));
        for (url, digest) in &self.files {
            text += &format!("- url: {}\n  digest: {digest}\n", scalar(url));
        }
        text
    }

    /// How many repositories and files are locked.
    pub fn len(&self) -> (usize, usize) {
        (self.repositories.len(), self.files.len())
    }

    pub(crate) fn repository(&self, spec: &RepoSpec) -> Option<&Pin> {
        self.repositories.get(&RepositoryKey::of(spec))
    }

    pub(crate) fn file(&self, url: &str) -> Option<&Digest> {
        self.files.get(&*without_password(url))
    }

    /// What must be said of this lock beside the one that would be written now, a line each.
    pub fn differences(&self, now: &Lock) -> Vec<String> {
        let mut lines = Vec::new();
        let name = |key: &RepositoryKey| format!("{} at {}", key.url, key.reference);
        for (key, pin) in &self.repositories {
            match now.repositories.get(key) {
                None => lines.push(format!("{} is locked and not used", name(key))),
                Some(new) if new.commit != pin.commit => {
                    lines.push(format!(
                        "{} is locked at {} and is at {}",
                        name(key),
                        pin.commit,
                        new.commit
                    ));
                }
                Some(new) if new.paths != pin.paths => {
                    let (old, new) = (paths(pin), paths(new));
                    lines.push(format!("of {} {old} is locked and {new} is used", name(key)));
                }
                Some(new) if new != pin => {
                    lines.push(format!(
                        "{} is locked as {} and is {}",
                        name(key),
                        pin.digest,
                        new.digest
                    ));
                }
                Some(_) => {}
            }
        }
        for (url, digest) in &self.files {
            match now.files.get(url) {
                None => lines.push(format!("{url} is locked and not used")),
                Some(new) if new != digest => lines.push(format!("{url} is locked as {digest} and is {new}")),
                Some(_) => {}
            }
        }
        let new = now
            .repositories
            .keys()
            .filter(|key| !self.repositories.contains_key(key));
        lines.extend(new.map(|key| format!("{} is used and not locked", name(key))));
        let new = now.files.keys().filter(|url| !self.files.contains_key(*url));
        lines.extend(new.map(|url| format!("{url} is used and not locked")));
        lines
    }
}

/// What is held of a repository.
fn paths(pin: &Pin) -> String {
    match pin.is_whole() {
        true => "everything".to_owned(),
        false => pin.paths.join(", "),
    }
}

/// The fields of a mapping, all of which are known.
struct Fields<'n> {
    mark: Mark,
    map: &'n Map,
}

impl<'n> Fields<'n> {
    fn of(node: &'n Node, known: &[&str]) -> Result<Fields<'n>, BuildError> {
        let Some(map) = node.as_map() else {
            return Err(wrong(node.mark, "a mapping is expected here"));
        };
        for entry in map.iter() {
            let key = entry.key.as_str().unwrap_or_default();
            if !known.contains(&key) {
                let message = format!("\"{key}\" is no field of a lock; known here: {}", known.join(", "));
                return Err(wrong(entry.key.mark, message));
            }
        }
        Ok(Fields { mark: node.mark, map })
    }

    fn get(&self, key: &str) -> Option<&'n Node> {
        self.map.get(key)
    }

    fn need(&self, key: &str) -> Result<&'n Node, BuildError> {
        self.get(key)
            .ok_or_else(|| wrong(self.mark, format!("{key} is missing here")))
    }

    fn list(&self, key: &str) -> Result<&'n [Node], BuildError> {
        match self.get(key) {
            None => Ok(&[]),
            Some(node) => node
                .as_seq()
                .map(|items| &items[..])
                .ok_or_else(|| wrong(node.mark, format!("{key} must be a list"))),
        }
    }

    fn string(&self, key: &str) -> Result<&'n str, BuildError> {
        let node = self.need(key)?;
        let is_string = matches!(yaml::typed(node), Ok(Typed::Str(_)));
        node.as_str()
            .filter(|text| is_string && !text.is_empty())
            .ok_or_else(|| wrong(node.mark, format!("{key} must be a string")))
    }

    /// Paths in a repository; without the field, all of it.
    fn paths(&self) -> Result<Vec<String>, BuildError> {
        let Some(node) = self.get("paths") else {
            return Ok(vec![String::new()]);
        };
        let mut paths = Vec::new();
        for node in self.list("paths")? {
            let path = node.as_str().filter(|_| matches!(yaml::typed(node), Ok(Typed::Str(_))));
            let path = path.ok_or_else(|| wrong(node.mark, "a path must be a string"))?;
            if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
                return Err(wrong(node.mark, format!("\"{path}\" is no path in a repository")));
            }
            paths.push(path.to_owned());
        }
        if !paths.is_sorted() {
            return Err(wrong(node.mark, "the paths must be sorted"));
        }
        Ok(paths)
    }

    fn digest(&self) -> Result<Digest, BuildError> {
        let text = self.string("digest")?;
        let mark = self.need("digest")?.mark;
        Digest::parse(text).ok_or_else(|| wrong(mark, format!("\"{text}\" is no digest")))
    }
}

fn wrong(mark: Mark, message: impl Into<String>) -> BuildError {
    BuildError::new(ErrorKind::Config, mark, message)
        .hint("run `terrace lock` to write it anew, or take it from version control again")
}

/// A string in YAML: plain where nothing can take it for something else, as words of YAML and numbers
/// can be, which hold none of the characters that URLs and versions do.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.contains(['/', '-', '.', '_'])
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "/-._@%+=~:?&".contains(c))
        && !text.ends_with(':');
    if is_plain || matches!(text, "HEAD" | "main" | "master") {
        return text.to_owned();
    }
    quoted(text)
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted += &format!("\\U{:08x}", u32::from(c)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::{Lock, Pin, RepositoryKey};
    use crate::digest::Digest;
    use yaml::Sources;

    fn read(text: &str) -> Result<Lock, String> {
        let sources = Sources::new();
        let source = sources.add("terrace.lock", text.to_owned());
        Lock::read(&source).map_err(|error| {
            let place = sources.place(error.mark).map(|place| (place.line, place.column));
            format!(
                "{}: {}",
                place.map_or(String::new(), |(line, column)| format!("{line}:{column}")),
                error.message
            )
        })
    }

    #[test]
    fn what_is_written_is_read() {
        let mut lock = Lock::default();
        assert_eq!(read(&lock.to_text()), Ok(lock.clone()));
        let digest = Digest::of_bytes(b"x");
        for reference in [
            "main",
            "1.0",
            "true",
            "a#b",
            "v1: x",
            "\u{1b}\"\\",
            "0x1f",
            "12:30",
            "-",
            "1e3",
            "null",
            "~",
        ] {
            let key = RepositoryKey {
                url: "git@host:a/b.git".to_owned(),
                reference: reference.to_owned(),
                without_submodules: reference.len() == 1,
            };
            let commit = "1234567890".repeat(4);
            let paths = match reference {
                "main" => vec![String::new()],
                "-" => Vec::new(),
                reference => vec!["a/b c".to_owned(), reference.replace("/", "x")],
            };
            let paths = if paths.is_sorted() {
                paths
            } else {
                vec!["\u{1b}\"".to_owned()]
            };
            lock.repositories.insert(key, Pin { commit, paths, digest });
        }
        lock.files.insert("https://h/a?b=c&d#e".to_owned(), digest);
        assert_eq!(read(&lock.to_text()), Ok(lock));
    }

    #[test]
    fn what_is_not_as_written_is_an_error_at_its_line() {
        let digest = Digest::of_bytes(b"");
        for (text, error) in [
            (
                "version: 2\n",
                "1:10: a lock of this version cannot be read, only version 1",
            ),
            ("files: []\n", "1:1: version is missing here"),
            (
                "version: 1\nmore: 1\n",
                "2:1: \"more\" is no field of a lock; known here: version, repositories, files",
            ),
            ("version: 1\nfiles: 3\n", "2:8: files must be a list"),
            ("version: 1\nfiles:\n- url: a\n", "3:3: digest is missing here"),
            (
                "version: 1\nfiles:\n- url: 1\n  digest: a\n",
                "3:8: url must be a string",
            ),
            (
                "version: 1\nfiles:\n- url: a\n  digest: sha256:ab\n",
                "4:11: \"sha256:ab\" is no digest",
            ),
            (
                &format!(
                    "version: 1\nfiles:\n- {{url: a, digest: \"{digest}\"}}\n- {{url: a, digest: \"{digest}\"}}\n"
                ),
                "4:3: this file is locked twice",
            ),
            (
                &format!("version: 1\nrepositories:\n- {{url: a, ref: b, commit: --x, digest: \"{digest}\"}}\n"),
                "3:28: \"--x\" is no full commit hash",
            ),
        ] {
            assert_eq!(read(text).unwrap_err(), error, "{text}");
        }
    }
}
