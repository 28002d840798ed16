//! One kustomization: its file is found and read, everything that it names is localized, and it is kept with
//! the paths that lead there.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use build::{
    BuildError, ErrorKind, Extent, Fetch, FileKind, FileRequest, Files, RepoSpec, Result, clean_join, relative_to,
};
use yaml::{Mark, Sources};

use super::changes::Changes;
use super::names;
use super::tree::Tree;
use crate::file::NAMES;

/// What all roots share.
pub(super) struct Work<'f> {
    pub(super) files: &'f dyn Files,
    fetch: Option<&'f dyn Fetch>,
    pub(super) sources: Arc<Sources>,
    pub(super) scope: PathBuf,
    pub(super) tree: Tree,
    fetched: HashMap<String, Vec<u8>>,
    /// The roots that are localized, and where.
    done: HashSet<(PathBuf, PathBuf)>,
}

/// A kustomization that is being localized, and the ones that led to it.
#[derive(Clone, Debug)]
pub(super) struct Root {
    /// Absolute, links resolved.
    pub(super) directory: PathBuf,
    /// Where it comes to be, relative to the destination.
    pub(super) place: PathBuf,
    /// The URL that named it, and the top of its repository.
    clone: Option<(String, PathBuf)>,
    parent: Option<Arc<Root>>,
}

impl Root {
    pub(super) fn top(directory: PathBuf, place: PathBuf, clone: Option<(String, PathBuf)>) -> Root {
        Root {
            directory,
            place,
            clone,
            parent: None,
        }
    }

    fn ancestors(&self) -> impl Iterator<Item = &Root> {
        std::iter::successors(Some(self), |root| root.parent.as_deref())
    }

    /// The top of the repository that it lies in.
    fn repository(&self) -> Option<&Path> {
        self.ancestors().find_map(|root| Some(root.clone.as_ref()?.1.as_path()))
    }
}

pub(super) fn without_reference(url: &str, mark: Mark) -> BuildError {
    let message = format!("localize remote root \"{url}\" missing ref query string parameter");
    BuildError::new(ErrorKind::Config, mark, message).hint("say which state of it is meant, such as ?ref=v1.0.0")
}

fn failed(mark: Mark, message: impl Into<String>) -> BuildError {
    BuildError::new(ErrorKind::File, mark, message)
}

impl<'f> Work<'f> {
    pub(super) fn new(files: &'f dyn Files, fetch: Option<&'f dyn Fetch>, sources: Arc<Sources>) -> Work<'f> {
        Work {
            files,
            fetch,
            sources,
            scope: PathBuf::new(),
            tree: Tree::default(),
            fetched: HashMap::new(),
            done: HashSet::new(),
        }
    }

    /// Localizes a root and all that it names.
    pub(super) fn root(&mut self, root: &Root) -> Result<()> {
        if !self.done.insert((root.directory.clone(), root.place.clone())) {
            return Ok(());
        }
        let (name, path) = self.kustomization(root)?;
        let shown = self.files.display(&path);
        let bytes = self.read(&path, Mark::NONE, &shown)?;
        let text = self.text(&shown, bytes)?;
        let source = self.sources.add(shown, text);
        let node = yaml::read_config(&source).map_err(BuildError::from)?.node;
        match build::config::Kustomization::decode(&node, name) {
            // An empty one is for the build to refuse.
            Err(error) if !error.message.ends_with(" is empty") => return Err(error),
            _ => {}
        }
        let mut changes = Changes::new(node);
        self.fields(root, &mut changes)?;
        let text = changes.apply(source.text());
        let text = text.map_err(|error| BuildError::new(ErrorKind::Config, error.mark, error.to_string()))?;
        self.keep(root, Path::new(name), text.into_bytes(), Mark::NONE)
    }

    fn kustomization(&self, root: &Root) -> Result<(&'static str, PathBuf)> {
        let directory = self.files.display(&root.directory);
        let mut found = None;
        for name in NAMES {
            let Ok((path, FileKind::File)) = self.files.resolve(&root.directory.join(name)) else {
                continue;
            };
            if !path.starts_with(&root.directory) {
                continue;
            }
            if found.is_some() {
                let message = format!("found multiple kustomization files under: {directory}");
                return Err(failed(Mark::NONE, message).hint("keep one of them"));
            }
            found = Some((name, path));
        }
        found.ok_or_else(|| {
            let message = format!(
                "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{directory}'"
            );
            failed(Mark::NONE, message).hint("name a directory that holds a kustomization")
        })
    }

    pub(super) fn text(&self, shown: &str, bytes: Vec<u8>) -> Result<String> {
        yaml::decode(bytes).map_err(|error| {
            let message = format!("{shown}: {error}");
            BuildError::new(ErrorKind::Syntax, Mark::NONE, message).hint("save the file as UTF-8")
        })
    }

    fn read(&self, path: &Path, mark: Mark, asked: &str) -> Result<Vec<u8>> {
        self.files
            .read(path, build::DEFAULT_FILE_LIMIT)
            .map_err(|error| failed(mark, format!("cannot read \"{asked}\": {error}")))
    }

    /// The bytes of a file that a root names, and its place relative to the root. Where objects are wanted, a
    /// page for people that a server answers with is an error.
    pub(super) fn load(
        &mut self,
        root: &Root,
        path: &str,
        mark: Mark,
        are_objects: bool,
    ) -> Result<(PathBuf, Vec<u8>)> {
        if is_http(path) {
            self.refuse_taken(root, path, mark)?;
            let known = self.fetched.get(path).cloned();
            let bytes = match known {
                Some(bytes) => bytes,
                None => {
                    let request = FileRequest {
                        url: path,
                        limit: build::DEFAULT_FILE_LIMIT,
                        refuse_pages: are_objects,
                    };
                    let fetched = self.fetcher(path, mark)?.file(&request);
                    fetched.map_err(|error| error.at(mark))?
                }
            };
            self.fetched.insert(path.to_owned(), bytes.clone());
            return Ok((names::remote_file(path), bytes));
        }
        let full = clean_join(&root.directory, path);
        let file = match self.files.resolve(&full) {
            Ok((file, FileKind::File)) => file,
            Ok(_) => {
                let message = format!("\"{path}\" is a directory, a file is needed here");
                return Err(failed(mark, message));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(failed(mark, format!("no such file or directory: \"{path}\"")));
            }
            Err(error) => return Err(unreadable(path, mark, &error)),
        };
        if !file.starts_with(&root.directory) {
            let (file, directory) = (self.files.display(&file), self.files.display(&root.directory));
            let message = format!("security; file '{file}' is not in or below '{directory}'");
            return Err(failed(mark, message).hint("move the file below the kustomization that names it"));
        }
        let bytes = self.read(&file, mark, path)?;
        Ok((relative_to(&file, &root.directory), bytes))
    }

    /// Keeps a file of a root.
    pub(super) fn keep(&mut self, root: &Root, place: &Path, bytes: Vec<u8>, mark: Mark) -> Result<()> {
        let place = root.place.join(place);
        if self.tree.insert(place.clone(), bytes) {
            return Ok(());
        }
        let message = format!("two different files would both be kept as \"{}\"", place.display());
        Err(failed(mark, message).hint("rename one of them"))
    }

    /// Localizes a file; the path it has then.
    pub(super) fn file(&mut self, root: &Root, path: &str, mark: Mark) -> Result<String> {
        if path.is_empty() {
            return Ok(String::new());
        }
        let (place, bytes) = self.load(root, path, mark, false)?;
        self.keep(root, &place, bytes, mark)?;
        Ok(written(&place))
    }

    /// Localizes what an entry of `resources` names, a file of objects or a root.
    pub(super) fn resource(&mut self, root: &Root, path: &str, mark: Mark) -> Result<String> {
        if is_http(path) && !has_yaml_name(path) && RepoSpec::parse(path).is_some() {
            return self.base(root, path, mark).or_else(|error| {
                // What looks like a repository can still be a file behind a URL without a telling name.
                self.objects(root, path, mark).map_err(|_| error)
            });
        }
        let is_local_file = || {
            let found = self.files.resolve(&clean_join(&root.directory, path));
            matches!(found, Ok((_, FileKind::File)))
        };
        if is_http(path) || is_local_file() {
            return self.objects(root, path, mark);
        }
        if path.is_empty() || RepoSpec::parse(path).is_some() {
            return self.base(root, path, mark);
        }
        match self.files.resolve(&clean_join(&root.directory, path)) {
            Ok(_) => self.base(root, path, mark),
            Err(_) => self.load(root, path, mark, true).map(|(place, _)| written(&place)),
        }
    }

    fn objects(&mut self, root: &Root, path: &str, mark: Mark) -> Result<String> {
        let (place, bytes) = self.load(root, path, mark, true)?;
        let text = self.text(path, bytes.clone())?;
        let source = self.sources.add(path, text);
        build::read_objects(&source)?;
        self.keep(root, &place, bytes, mark)?;
        Ok(written(&place))
    }

    /// Localizes a root that another one names; the path it has then.
    pub(super) fn base(&mut self, root: &Root, path: &str, mark: Mark) -> Result<String> {
        if path.is_empty() {
            return Ok(String::new());
        }
        let (directory, place, clone) = match RepoSpec::parse(path) {
            None => {
                let directory = self.local_root(root, path, mark)?;
                let place = relative_to(&directory, &root.directory);
                (directory, place, None)
            }
            Some(spec) => {
                let urls = root.ancestors().filter_map(|root| root.clone.as_ref());
                if let Some((url, _)) = urls.into_iter().find(|(url, _)| url.starts_with(&spec.raw)) {
                    let message = format!("cycle detected: URI '{path}' referenced by previous URI '{url}'");
                    return Err(BuildError::new(ErrorKind::Config, mark, message));
                }
                if spec.reference.is_empty() {
                    return Err(without_reference(path, mark));
                }
                self.refuse_taken(root, path, mark)?;
                let (directory, top) = self.repository(&spec, mark)?;
                if root.ancestors().any(|visited| visited.directory == directory) {
                    let message = format!("cycle detected: '{path}' leads to itself");
                    return Err(BuildError::new(ErrorKind::Config, mark, message));
                }
                let place = names::remote_root(&spec, &relative_to(&directory, &top));
                (directory, place, Some((spec.raw, top)))
            }
        };
        let child = Root {
            directory,
            place: clean_below(&root.place, &place),
            clone,
            parent: Some(Arc::new(root.clone())),
        };
        self.root(&child)?;
        Ok(written(&place))
    }

    /// The directory of a local root, if it may be used from here.
    pub(super) fn local_root(&self, root: &Root, path: &str, mark: Mark) -> Result<PathBuf> {
        let refused = |message: String| Err(BuildError::new(ErrorKind::Config, mark, message));
        if Path::new(path).is_absolute() {
            return refused(format!("new root '{path}' cannot be absolute"));
        }
        let directory = match self.files.resolve(&clean_join(&root.directory, path)) {
            Ok((directory, FileKind::Directory)) => directory,
            Ok(_) => {
                return Err(failed(
                    mark,
                    format!("\"{path}\" is a file, a directory is needed here"),
                ));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(failed(mark, format!("no such file or directory: \"{path}\"")));
            }
            Err(error) => return Err(unreadable(path, mark, &error)),
        };
        let shown = self.files.display(&directory);
        match root.repository() {
            Some(top) if !directory.starts_with(top) => {
                return refused(format!(
                    "security; bases in kustomizations found in cloned git repos must be within the repo, but \"{path}\" is outside"
                ));
            }
            None if !directory.starts_with(&self.scope) => {
                let scope = self.files.display(&self.scope);
                let error = refused(format!("root \"{shown}\" outside localize scope \"{scope}\""));
                return error.map_err(|error| error.hint("name a directory with --scope that holds all of them"));
            }
            _ => {}
        }
        for visited in root.ancestors() {
            if visited.directory.starts_with(&directory) {
                let visited = self.files.display(&visited.directory);
                return refused(format!(
                    "cycle detected: candidate root '{shown}' contains visited root '{visited}'"
                ));
            }
        }
        Ok(directory)
    }

    /// Fetches a repository: the directory that is meant, and the top.
    pub(super) fn repository(&self, spec: &RepoSpec, mark: Mark) -> Result<(PathBuf, PathBuf)> {
        let fetcher = self.fetcher(&spec.raw, mark)?;
        let top = fetcher.repository(spec).and_then(|top| {
            // What of it will be copied, only the files in it say.
            fetcher.need(&top, Extent::Whole)?;
            Ok(top)
        });
        let top = top.map_err(|error| error.at(mark))?;
        match self.files.resolve(&clean_join(&top, &spec.path)) {
            Ok((directory, FileKind::Directory)) if directory.starts_with(&top) => Ok((directory, top)),
            Ok((_, FileKind::File)) => Err(failed(
                mark,
                format!("'{}' refers to a file; expecting directory", spec.raw),
            )),
            Ok(_) => Err(failed(
                mark,
                format!(
                    "\"{}\" refers to directory outside of repo {}",
                    spec.path, spec.clone_url
                ),
            )),
            Err(error) => Err(failed(
                mark,
                format!("cannot find \"{}\" in {}: {error}", spec.path, spec.clone_url),
            )),
        }
    }

    fn fetcher(&self, url: &str, mark: Mark) -> Result<&'f dyn Fetch> {
        self.fetch
            .ok_or_else(|| failed(mark, format!("\"{url}\" is remote, and nothing remote may be fetched")))
    }

    /// What is remote is kept in a directory of its own, which must not be there.
    fn refuse_taken(&self, root: &Root, path: &str, mark: Mark) -> Result<()> {
        if self.files.entry_kind(&root.directory.join(names::REMOTE)).is_err() {
            return Ok(());
        }
        let directory = self.files.display(&root.directory);
        let message = format!(
            "{directory} already contains {} needed to store \"{path}\"",
            names::REMOTE
        );
        Err(failed(mark, message).hint("rename that directory"))
    }
}

/// The error for what cannot be found or read.
fn unreadable(path: &str, mark: Mark, error: &io::Error) -> BuildError {
    let command = build::refuse_command(path, mark).filter(|_| error.kind() == io::ErrorKind::NotFound);
    command.unwrap_or_else(|| failed(mark, format!("cannot read \"{path}\": {error}")))
}

fn is_http(path: &str) -> bool {
    let scheme = path.split_once("://").map_or("", |(scheme, _)| scheme);
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

fn has_yaml_name(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    [".yaml", ".yml", ".json"].iter().any(|end| path.ends_with(end))
}

/// A path as it is written in a kustomization.
pub(super) fn written(place: &Path) -> String {
    place.display().to_string()
}

/// Joins relative paths: `a/b` and `../c` are `a/c`.
pub(super) fn clean_below(top: &Path, below: &Path) -> PathBuf {
    let full = clean_join(&Path::new("/").join(top), &below.to_string_lossy());
    full.strip_prefix("/").unwrap_or(&full).to_owned()
}
