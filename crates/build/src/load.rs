//! From paths in a kustomization to files, directories and objects: what may be read, and what the
//! documents of a file become.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use resource::{Resource, Schema};
use yaml::{Documents, Layer, Mark, Node, Value};

use crate::config::Str;
use crate::error::{BuildError, ErrorKind, Result};
use crate::fetch::{FetchError, without_password};
use crate::files::{FileKind, clean_join};
use crate::repo_spec::{RepoSpec, is_certain, is_http, is_http_file};
use crate::session::{Session, YamlFile, fetch_error, unresolved};

/// Where files of a kustomization may lie.
#[derive(std::clone::Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadRestrictor {
    /// In the directory of the kustomization, or below it.
    #[default]
    RootOnly,
    /// Anywhere.
    None,
}

/// The directory of a kustomization, and the ones that led to it.
#[derive(std::clone::Clone, Debug)]
pub(crate) struct Root {
    pub(crate) directory: PathBuf,
    pub(crate) parent: Option<Arc<Root>>,
    /// The repository it was fetched from, if it was named by a URL.
    pub(crate) clone: Option<Clone>,
}

/// A repository that was fetched.
#[derive(std::clone::Clone, Debug)]
pub(crate) struct Clone {
    /// Its URL as it was named.
    pub(crate) url: String,
    /// The directory that holds its tree; nothing in it may lead out.
    pub(crate) top: PathBuf,
    /// Whether it was named by a path on this machine.
    pub(crate) is_local: bool,
}

/// The names a kustomization file can have.
pub(crate) const KUSTOMIZATION_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// A path in a kustomization: what is there.
pub(crate) enum Entry {
    File(PathBuf),
    Directory(PathBuf),
    Repository(RepoSpec),
    /// An HTTP URL: of a file, or else of a repository if it can be one.
    Remote(Option<RepoSpec>),
}

impl Root {
    /// Whether a directory is this one or above it (`contains` in the sense of paths).
    fn is_in(&self, directory: &Path) -> bool {
        self.directory.starts_with(directory)
    }

    /// Whether files outside may be read: never those outside of a clone.
    fn may_leave(&self, restrictor: LoadRestrictor) -> bool {
        restrictor == LoadRestrictor::None && self.containing_clone().is_none()
    }

    /// The clone this directory lies in.
    fn containing_clone(&self) -> Option<&Clone> {
        self.clone.as_ref().or_else(|| self.parent.as_ref()?.containing_clone())
    }

    /// A directory as a root below this one. Bases of a clone stay in the clone.
    pub(crate) fn below(self: &Arc<Root>, directory: PathBuf, mark: Mark) -> Result<Root> {
        if let Some(clone) = self.containing_clone()
            && !directory.starts_with(&clone.top)
        {
            let message = "security; bases in kustomizations found in cloned git repos must be within the repo";
            return Err(BuildError::new(
                ErrorKind::Config,
                mark,
                format!("{message}, but this one is outside of {}", without_password(&clone.url)),
            ));
        }
        let parent = Some(self.clone());
        Ok(Root {
            directory,
            parent,
            clone: None,
        })
    }

    fn refuse_clone_cycle(&self, spec: &RepoSpec, mark: Mark) -> Result<()> {
        if let Some(clone) = &self.clone
            && clone.url.starts_with(&spec.raw)
        {
            let message = format!(
                "cycle detected: URI '{}' referenced by previous URI '{}'",
                without_password(&spec.raw),
                without_password(&clone.url)
            );
            return Err(BuildError::new(ErrorKind::Config, mark, message));
        }
        self.parent
            .as_ref()
            .map_or(Ok(()), |parent| parent.refuse_clone_cycle(spec, mark))
    }

    /// A directory may not be used by what is in it: that would never end.
    pub(crate) fn refuse_cycle(&self, session: &Session<'_>, candidate: &Path, mark: Mark) -> Result<()> {
        let mut root = self;
        let mut same_clone = true;
        loop {
            // Two visits of one clone are two trees: only the same directory again would never end.
            if (same_clone && root.is_in(candidate)) || root.directory == candidate {
                let (there, here) = (session.display(candidate), session.display(&root.directory));
                let message = format!("cycle detected: candidate root '{there}' contains visited root '{here}'");
                return Err(BuildError::new(ErrorKind::Config, mark, message)
                    .hint("a kustomization cannot be built from a directory that it is in"));
            }
            same_clone &= root.clone.is_none();
            match &root.parent {
                Some(parent) => root = parent,
                None => return Ok(()),
            }
        }
    }
}

/// What a path leads to, seen from a root.
pub(crate) fn find(session: &Session<'_>, root: &Root, path: &Str) -> Result<Entry> {
    if path.is_empty() {
        return Err(BuildError::new(ErrorKind::Config, path.mark, "a path cannot be empty"));
    }
    let full = clean_join(&root.directory, path);
    let found = session.resolve(&full);
    if !matches!(found, Ok((_, FileKind::File))) {
        let spec = RepoSpec::parse(path).filter(|_| !is_http_file(path));
        match spec {
            Some(spec) if !is_http(path) || is_certain(path) => return Ok(Entry::Repository(spec)),
            spec if is_http(path) => return Ok(Entry::Remote(spec)),
            _ => {}
        }
    }
    match found {
        Ok((full, FileKind::File)) => Ok(Entry::File(full)),
        Ok((full, FileKind::Directory)) => Ok(Entry::Directory(full)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(climbs_out(root, &full, path).unwrap_or_else(|| session.missing(&full, path.mark, path)))
        }
        Err(error) if fetch_error(&error).is_some() => Err(unresolved(&error, path.mark)),
        Err(error) => Err(BuildError::new(
            ErrorKind::File,
            path.mark,
            format!("cannot read \"{}\": {error}", path.text),
        )),
    }
}

/// The error for a path that leads out of a fetched repository, where there is nothing.
fn climbs_out(root: &Root, full: &Path, path: &Str) -> Option<BuildError> {
    let clone = root.containing_clone().filter(|clone| !full.starts_with(&clone.top))?;
    let url = without_password(&clone.url);
    let message = format!("security; \"{}\" leads out of the repository {url}", path.text);
    let error = BuildError::new(ErrorKind::File, path.mark, message);
    Some(error.hint("what a repository needs must be in it, or have a URL"))
}

/// Fetches a repository: the root in it that its URL names.
pub(crate) fn clone_root(
    session: &Session<'_>,
    parent: Option<&Arc<Root>>,
    spec: &RepoSpec,
    mark: Mark,
) -> Result<Root> {
    let fail = |message: String| BuildError::new(ErrorKind::File, mark, message);
    let is_local = spec.is_local();
    if let Some(parent) = parent {
        parent.refuse_clone_cycle(spec, mark)?;
        if is_local && let Some(clone) = parent.containing_clone().filter(|clone| !clone.is_local) {
            let message = format!(
                "security; \"{}\" names a repository on this machine, and is named by one from elsewhere, {}",
                spec.raw,
                without_password(&clone.url)
            );
            return Err(fail(message).hint("what comes from elsewhere may not read this machine: fetch its source too"));
        }
    }
    let top = session.repository(spec).map_err(|error: FetchError| error.at(mark))?;
    let full = clean_join(&top, &spec.path);
    let (directory, kind) = session.resolve(&full).map_err(|error| {
        if fetch_error(&error).is_some() {
            return unresolved(&error, mark);
        }
        let url = without_password(&spec.clone_url);
        fail(format!("cannot find \"{}\" in {url}: {error}", spec.path))
    })?;
    if kind == FileKind::File {
        return Err(fail(format!(
            "'{}' refers to a file; expecting directory",
            without_password(&spec.raw)
        )));
    }
    if !directory.starts_with(&top) {
        return Err(fail(format!(
            "\"{}\" refers to directory outside of repo {}",
            spec.path,
            without_password(&spec.clone_url)
        )));
    }
    let mut root = parent;
    while let Some(visited) = root {
        if visited.directory == directory {
            let url = without_password(&spec.raw);
            return Err(fail(format!("cycle detected: '{url}' leads to itself")));
        }
        root = visited.parent.as_ref();
    }
    let clone = Some(Clone {
        url: spec.raw.clone(),
        top,
        is_local,
    });
    Ok(Root {
        directory,
        parent: parent.cloned(),
        clone,
    })
}

fn not_a_file(path: &Str) -> BuildError {
    let message = format!("\"{}\" names a repository, a file is needed here", path.text);
    BuildError::new(ErrorKind::File, path.mark, message).hint("name a file in the tree, or one behind HTTP")
}

/// The resolved path of a file that a kustomization may read.
pub(crate) fn find_file(session: &Session<'_>, root: &Root, restrictor: LoadRestrictor, path: &Str) -> Result<PathBuf> {
    match find(session, root, path)? {
        Entry::Repository(_) | Entry::Remote(_) => Err(not_a_file(path)),
        Entry::Directory(_) => {
            let message = format!("\"{}\" is a directory, a file is needed here", path.text);
            Err(BuildError::new(ErrorKind::File, path.mark, message))
        }
        Entry::File(file) => {
            allow(session, root, restrictor, &file, path)?;
            Ok(file)
        }
    }
}

/// Refuses files outside the root, unless that is allowed.
pub(crate) fn allow(
    session: &Session<'_>,
    root: &Root,
    restrictor: LoadRestrictor,
    file: &Path,
    path: &Str,
) -> Result<()> {
    if root.may_leave(restrictor) || file.starts_with(&root.directory) {
        return Ok(());
    }
    let (file, directory) = (session.display(file), session.display(&root.directory));
    let message = format!("security; file '{file}' is not in or below '{directory}'");
    Err(BuildError::new(ErrorKind::File, path.mark, message)
        .hint("move the file below the kustomization, or allow it with --load-restrictor LoadRestrictionsNone"))
}

/// The kustomization file of a directory.
pub(crate) fn find_kustomization(
    session: &Session<'_>,
    root: &Root,
    restrictor: LoadRestrictor,
    mark: Mark,
) -> Result<Arc<YamlFile>> {
    let mut found: Option<PathBuf> = None;
    let mut unreadable = None;
    for name in KUSTOMIZATION_NAMES {
        match session.resolve(&root.directory.join(name)) {
            Ok((file, FileKind::File)) if root.may_leave(restrictor) || file.starts_with(&root.directory) => {
                if found.is_some() {
                    let message = format!(
                        "found multiple kustomization files under: {}",
                        session.display(&root.directory)
                    );
                    return Err(BuildError::new(ErrorKind::File, mark, message).hint("keep one of them"));
                }
                found = Some(file);
            }
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => unreadable = Some(error),
            _ => {}
        }
    }
    if let Some(file) = found {
        return session.yaml_file(&file, mark, &session.display(&file));
    }
    let directory = session.display(&root.directory);
    if let Some(error) = unreadable {
        return Err(BuildError::new(
            ErrorKind::File,
            mark,
            format!("cannot read '{directory}': {error}"),
        ));
    }
    let message = format!(
        "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{directory}'"
    );
    let names = session.files().list(&root.directory).unwrap_or_default();
    let near = resource::nearest(
        "kustomization.yaml",
        names.iter().map(String::as_str).filter(|name| name.ends_with("ml")),
    );
    let error = BuildError::new(ErrorKind::File, mark, message);
    Err(match near.first() {
        Some(near) => error.hint(format!("did you mean {near}? It needs one of the three names")),
        None if names
            .iter()
            .any(|name| name.ends_with(".yaml") || name.ends_with(".yml")) =>
        {
            error.hint(
                "name a directory that holds a kustomization, or make one here of plain manifests: create --autodetect",
            )
        }
        None => error.hint("name a directory that holds a kustomization"),
    })
}

/// The objects in a YAML text, as resources are read.
///
/// # Errors
/// If it is no YAML, or holds something else than objects.
pub fn read_objects(source: &Arc<yaml::Source>) -> Result<Vec<Node>> {
    objects(&yaml::read_documents(source)?)
}

/// The objects that documents hold: empty ones dropped, lists taken apart.
///
/// kustomize takes lists apart twice (`kio.ByteReader` for a `List` that is alone in its file, the
/// resource factory for every kind that ends in `List`); the items come behind all other objects.
pub(crate) fn objects(documents: &Documents) -> Result<Vec<Node>> {
    let mut objects = Vec::with_capacity(documents.nodes.len());
    for node in &documents.nodes {
        unwrap_list(node, documents.chunks == 1, &mut objects)?;
    }
    for node in &objects {
        validate(node)?;
    }
    let mut at = 0;
    let mut result = Vec::with_capacity(objects.len());
    while at < objects.len() {
        let node = objects[at].clone();
        at += 1;
        if !kind(&node).ends_with("List") {
            result.push(node);
            continue;
        }
        match node.get("items").map(|items| (&items.value, items)) {
            None => result.push(node),
            Some((_, items)) if items.is_null() => {}
            Some((Value::Seq(items), _)) => {
                for item in items {
                    let mut inner = Vec::new();
                    unwrap_list(item, true, &mut inner)?;
                    for node in inner {
                        validate(&node)?;
                        objects.push(node);
                    }
                }
            }
            Some((_, items)) => {
                let message = format!("expected a list in items of {}", kind(&node));
                return Err(BuildError::new(ErrorKind::Object, items.mark, message));
            }
        }
    }
    Ok(result)
}

fn kind(node: &Node) -> &str {
    node.get("kind").and_then(Node::as_str).unwrap_or_default()
}

fn unwrap_list(node: &Node, alone: bool, out: &mut Vec<Node>) -> Result<()> {
    let is_list = alone && matches!(kind(node), "List" | "ResourceList");
    if is_list && (node.get("items").is_some() || node.get("functionConfig").is_some()) {
        let items = node.get("items").and_then(Node::as_seq);
        out.extend(
            items
                .into_iter()
                .flatten()
                .filter(|item| !item.is_null_or_empty())
                .cloned(),
        );
        return Ok(());
    }
    if !node.is_null_or_empty() {
        if node.as_map().is_none() {
            return Err(not_an_object(node));
        }
        out.push(node.clone());
    }
    Ok(())
}

fn not_an_object(node: &Node) -> BuildError {
    BuildError::new(
        ErrorKind::Object,
        node.mark,
        "missing Resource metadata: this is not a Kubernetes object",
    )
    .hint("an object is a mapping with apiVersion, kind and metadata.name")
}

/// Every object has a kind, and all but lists have a name.
pub(crate) fn validate(node: &Node) -> Result<()> {
    if node.as_map().is_none() {
        return Err(not_an_object(node));
    }
    let text = |node: Option<&Node>| {
        node.filter(|node| !node.is_null())
            .and_then(Node::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let kind = text(node.get("kind"));
    if kind.is_empty() {
        return Err(
            BuildError::new(ErrorKind::Object, node.mark, "missing kind in this object")
                .hint("an object is a mapping with apiVersion, kind and metadata.name"),
        );
    }
    let name = text(node.get_path(["metadata", "name"]));
    if name.is_empty() && !kind.ends_with("List") {
        let message = format!("missing metadata.name in this object of kind \"{kind}\"");
        return Err(BuildError::new(ErrorKind::Object, node.mark, message));
    }
    Ok(())
}

/// Objects as resources that a layer brought in.
pub(crate) fn resources(nodes: Vec<Node>, layer: &Arc<Layer>, schema: &Schema) -> Vec<Resource> {
    nodes
        .into_iter()
        .map(|node| Resource::new(node, layer.clone(), schema))
        .collect()
}
