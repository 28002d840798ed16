//! The kustomization file of a directory: found, read, changed, and written in one step.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use yaml::{Editor, Node, Sources, Step};

use crate::error::{Error, Result, refused};

pub(crate) const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// A kustomization file that is being changed.
#[derive(Debug)]
pub struct Kustomization {
    path: PathBuf,
    editor: Editor,
    original: String,
}

impl Kustomization {
    /// Opens the one kustomization file of a directory.
    ///
    /// # Errors
    /// If there is none, or several, or it is no kustomization.
    pub fn open(directory: &Path) -> Result<Kustomization> {
        let found: Vec<&str> = NAMES.into_iter().filter(|name| directory.join(name).exists()).collect();
        let path = match found[..] {
            [] => return refused("Missing kustomization file 'kustomization.yaml'."),
            [name] => directory.join(name),
            _ => return refused(format!("Found multiple kustomization file: [{}]", found.join(" "))),
        };
        if path.is_dir() {
            return refused(format!("{} should be a file", found[0]));
        }
        let bytes = fs::read(&path).map_err(|cause| Error::Io {
            action: "read",
            path: path.clone(),
            cause,
        })?;
        let text = yaml::decode(bytes).map_err(|error| Error::Invalid(error.to_string()))?;
        Kustomization::from_text(path, text)
    }

    pub(crate) fn from_text(path: PathBuf, text: String) -> Result<Kustomization> {
        let editor = Editor::new(text.clone()).map_err(|cause| match cause {
            yaml::EditError::Syntax(error) => {
                let place = Sources::new()
                    .add(path.display().to_string(), text.clone())
                    .place(error.mark.offset);
                Error::Invalid(format!("{place}: {error}"))
            }
            cause => Error::Edit {
                path: path.clone(),
                cause,
            },
        })?;
        let file = Kustomization {
            path,
            editor,
            original: text,
        };
        if !file.editor.node().is_null() {
            let source = Sources::new().add(file.name(), file.original.clone());
            let config = yaml::read_config(&source).map_err(|error| Error::Invalid(error.to_string()))?;
            match build::config::Kustomization::decode(&config.node, &file.name()) {
                Err(error) if !error.message.ends_with(" is empty") => return Err(Error::Invalid(error.message)),
                _ => {}
            }
        }
        Ok(file)
    }

    /// The name of the file in its directory.
    pub fn name(&self) -> String {
        self.path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default()
    }

    /// The text as it is now.
    pub fn text(&self) -> &str {
        self.editor.text()
    }

    pub(crate) fn root(&self) -> &Node {
        self.editor.node()
    }

    /// The name of a field as the file spells it; kustomize does not mind the case.
    pub(crate) fn spelled(&self, field: &str) -> String {
        let entries = || {
            self.root()
                .as_map()
                .into_iter()
                .flatten()
                .filter_map(|entry| entry.key.as_str())
        };
        let exact = entries().find(|key| *key == field);
        let found = exact.or_else(|| entries().find(|key| key.eq_ignore_ascii_case(field)));
        found.unwrap_or(field).to_owned()
    }

    pub(crate) fn get(&self, field: &str) -> Option<&Node> {
        self.root().get(&self.spelled(field)).filter(|node| !node.is_null())
    }

    /// The texts of a list.
    pub(crate) fn texts(&self, field: &str) -> Vec<String> {
        self.items(field)
            .iter()
            .map(|item| item.as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// The items of a list.
    pub(crate) fn items(&self, field: &str) -> Vec<Node> {
        self.get(field)
            .and_then(Node::as_seq)
            .map(|items| items.to_vec())
            .unwrap_or_default()
    }

    pub(crate) fn push(&mut self, path: &[Step<'_>], item: &Node) -> Result<()> {
        self.with(path, |editor, path| editor.push(path, item))
    }

    pub(crate) fn push_text(&mut self, field: &str, text: &str) -> Result<()> {
        self.push(&[Step::Key(field)], &Node::string(text))
    }

    pub(crate) fn set(&mut self, path: &[Step<'_>], value: &Node) -> Result<()> {
        self.with(path, |editor, path| editor.set(path, value))
    }

    pub(crate) fn remove(&mut self, path: &[Step<'_>]) -> Result<()> {
        self.with(path, |editor, path| editor.remove(path))
    }

    /// Takes the items away that are not to be kept, last first, so that places stay what they are.
    pub(crate) fn remove_items(&mut self, field: &str, is_meant: impl Fn(&Node) -> bool) -> Result<()> {
        let items = self.items(field);
        for (index, _) in items.iter().enumerate().rev().filter(|(_, item)| is_meant(item)) {
            self.remove(&[Step::Key(field), Step::Index(index)])?;
        }
        Ok(())
    }

    /// Moves the items of a deprecated list to the end of the one that replaces it.
    pub(crate) fn move_items(&mut self, from: &str, to: &str) -> Result<()> {
        let (from, to) = (self.spelled(from), self.spelled(to));
        match self.root().get(&from).map(Node::is_null_or_empty) {
            None => Ok(()),
            Some(true) => self.remove(&[Step::Key(&from)]),
            Some(false) => self.change(|editor| editor.append_list(&from, &to)),
        }
    }

    /// Gives the entry at a path another key.
    pub(crate) fn rename(&mut self, path: &[Step<'_>], key: &str) -> Result<()> {
        self.with(path, |editor, path| editor.rename(path, key))
    }

    /// Makes a mapping a part of a new item, see [`Editor::nest`].
    pub(crate) fn nest(&mut self, from: &str, to: &str, head: (&str, &Node), key: &str) -> Result<()> {
        let (from, to) = (self.spelled(from), self.spelled(to));
        self.change(|editor| editor.nest(&from, &to, head, key))
    }

    /// Writes a text before all other entries, or where an empty one stands.
    pub(crate) fn set_first(&mut self, field: &str, text: &str) -> Result<()> {
        let key = self.spelled(field);
        if self.root().get(&key).is_some() {
            return self.set(&[Step::Key(&key)], &Node::string(text));
        }
        self.change(|editor| editor.set_first(field, &Node::string(text)))
    }

    fn change(&mut self, change: impl FnOnce(&mut Editor) -> Result<(), yaml::EditError>) -> Result<()> {
        change(&mut self.editor).map_err(|cause| Error::Edit {
            path: self.path.clone(),
            cause,
        })
    }

    pub(crate) fn with(
        &mut self,
        path: &[Step<'_>],
        change: impl FnOnce(&mut Editor, &[Step<'_>]) -> Result<(), yaml::EditError>,
    ) -> Result<()> {
        let first = match path.first() {
            Some(Step::Key(field)) => self.spelled(field),
            _ => String::new(),
        };
        let mut path = path.to_vec();
        if let Some(Step::Key(key)) = path.first_mut() {
            *key = &first;
        }
        change(&mut self.editor, &path).map_err(|cause| Error::Edit {
            path: self.path.clone(),
            cause,
        })
    }

    /// Writes the file if it has changed: beside it first and then in its place, with its permissions.
    ///
    /// # Errors
    /// If the directory or the file cannot be written.
    pub fn save(&self) -> Result<()> {
        if self.text() == self.original && self.path.exists() {
            return Ok(());
        }
        replace(&self.path, self.text().as_bytes())
    }
}

/// Writes a file so that nobody ever sees half of it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    // The file a link points to is written, the link stays.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let beside = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file = fs::File::create(&beside)?;
        if let Ok(metadata) = fs::metadata(&path) {
            file.set_permissions(metadata.permissions())?;
        }
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, &path)
    };
    write().map_err(|cause| {
        let _ = fs::remove_file(&beside);
        Error::Io {
            action: "write",
            path: path.clone(),
            cause,
        }
    })
}
