//! Variables become replacements, as `kustomize edit fix --vars` makes them: one replacement for each
//! variable, one target for each field that uses it. Where the variable stood in a file, a placeholder stands
//! then; nothing else in the file changes.
//!
//! Two things differ from kustomize on purpose: replacements that are there stay, and the directories of
//! nested bases are found from the base that names them.

use std::fs;
use std::path::{Component, Path, PathBuf};

use yaml::{Map, Node, Sources, Step, Tag, Value};

use super::spelled;
use crate::error::{Error, Result};
use crate::file::{Kustomization, NAMES};

/// A file that may use variables.
struct Used {
    path: PathBuf,
    /// As it is told to the user.
    shown: String,
    text: String,
    is_changed: bool,
    /// The entry of `patches` that names it, if it is a patch.
    patch: Option<Node>,
}

/// Makes the change in the kustomization; gives back the other files that change and their new texts.
pub(super) fn to_replacements(file: &mut Kustomization, directory: &Path) -> Result<Vec<(PathBuf, String)>> {
    let vars = file.items("vars");
    let key = file.spelled("vars");
    if file.root().get(&key).is_none() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    touched(file.root(), directory, Path::new(""), &mut Vec::new(), &mut files)?;
    let mut replacements = Vec::new();
    for var in &vars {
        let name = text(var, &["name"]);
        let mut targets = Vec::new();
        for used in &files {
            targets.extend(targets_in(used, &name)?);
        }
        let (wanted, placeholder) = (format!("$({name})"), format!("{name}_PLACEHOLDER"));
        for used in files.iter_mut().filter(|used| used.text.contains(&wanted)) {
            used.text = used.text.replace(&wanted, &placeholder);
            used.is_changed = true;
        }
        replacements.push(replacement(var, targets));
    }
    file.remove(&[Step::Key("vars")])?;
    replacements
        .iter()
        .try_for_each(|item| file.push(&[Step::Key("replacements")], item))?;
    let changed = files.into_iter().filter(|used| used.is_changed);
    Ok(changed.map(|used| (used.path, used.text)).collect())
}

/// Collects the files of `resources` and `patches`, those of bases first.
fn touched(
    kustomization: &Node,
    directory: &Path,
    below: &Path,
    visited: &mut Vec<PathBuf>,
    files: &mut Vec<Used>,
) -> Result<()> {
    for field in ["resources", "bases"] {
        for resource in items(kustomization, field) {
            let path = clean(&below.join(resource.as_str().unwrap_or_default()));
            let base = directory.join(&path);
            if !base.is_dir() {
                use_file(directory, path, None, files);
                continue;
            }
            let base = fs::canonicalize(&base).unwrap_or(base);
            if visited.contains(&base) {
                continue;
            }
            visited.push(base.clone());
            for name in NAMES {
                let Ok(bytes) = fs::read(base.join(name)) else { continue };
                let shown = path.join(name).display().to_string();
                let invalid = |error: String| Error::Invalid(format!("{shown}: {error}"));
                let source = Sources::new().add(
                    &*shown,
                    yaml::decode(bytes).map_err(|error| invalid(error.to_string()))?,
                );
                let config = yaml::read_config(&source).map_err(|error| invalid(error.to_string()))?;
                touched(&config.node, directory, &path, visited, files)?;
            }
        }
    }
    for field in ["patches", "patchesJson6902"] {
        for patch in items(kustomization, field) {
            let path = text(&patch, &["path"]);
            if !path.is_empty() {
                use_file(directory, clean(&below.join(path)), Some(patch), files);
            }
        }
    }
    // Those of the kustomization itself are patches already.
    for patch in items(kustomization, "patchesStrategicMerge") {
        let path = clean(&below.join(patch.as_str().unwrap_or_default()));
        use_file(directory, path, Some(Node::map(Map::new())), files);
    }
    Ok(())
}

fn use_file(directory: &Path, path: PathBuf, patch: Option<Node>, files: &mut Vec<Used>) {
    let full = directory.join(&path);
    let text = fs::read(&full).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    // What is remote, or no file, cannot be changed here.
    let Some(text) = text else { return };
    if patch.is_none() && files.iter().any(|used| used.path == full && used.patch.is_none()) {
        return;
    }
    files.push(Used {
        shown: path.display().to_string(),
        path: full,
        text,
        is_changed: false,
        patch,
    });
}

/// A target for each field of a file that uses a variable.
fn targets_in(used: &Used, name: &str) -> Result<Vec<Node>> {
    let wanted = format!("$({name})");
    if !used.text.contains(&wanted) {
        return Ok(Vec::new());
    }
    let source = Sources::new().add(&*used.shown, used.text.clone());
    let Ok(documents) = yaml::read_documents(&source) else {
        return Ok(Vec::new());
    };
    let mut targets = Vec::new();
    for document in &documents.nodes {
        for object in objects(document, documents.chunks == 1) {
            let mut fields = Vec::new();
            find(object, &wanted, &mut Vec::new(), &mut fields)
                .map_err(|message| Error::Refused(format!("error with {}: {message}", used.shown)))?;
            let select = select(used.patch.as_ref(), object);
            targets.extend(fields.into_iter().map(|field| field.target(&select)));
        }
    }
    Ok(targets)
}

/// A document, or the items of a list that is alone in its file.
fn objects(document: &Node, alone: bool) -> Vec<&Node> {
    let kind = document.get("kind").and_then(Node::as_str).unwrap_or_default();
    match document.get("items").and_then(Node::as_seq) {
        Some(items) if alone && matches!(kind, "List" | "ResourceList") => items.iter().collect(),
        _ => vec![document],
    }
}

/// A field that uses a variable.
struct Field {
    path: String,
    /// What the value is split at, and the number of the part; none where it is the whole value.
    part: Option<(char, usize)>,
}

impl Field {
    fn target(self, select: &Node) -> Node {
        let mut target = Map::new();
        target.insert("select", select.clone());
        target.insert("fieldPaths", Node::seq([Node::string(self.path)].as_slice()));
        if let Some((delimiter, index)) = self.part {
            let mut options = Map::new();
            options.insert("delimiter", Node::string(delimiter.to_string()));
            if index > 0 {
                options.insert("index", Node::scalar(index.to_string(), Tag::Int));
            }
            target.insert("options", Node::map(options));
        }
        Node::map(target)
    }
}

fn find(node: &Node, wanted: &str, path: &mut Vec<String>, fields: &mut Vec<Field>) -> Result<(), String> {
    match &node.value {
        Value::Scalar(value) => {
            if value.contains(wanted) {
                let part = part(value, wanted)?;
                let path = path.join(".");
                fields.push(Field { path, part });
            }
        }
        Value::Seq(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(index.to_string());
                find(item, wanted, path, fields)?;
                path.pop();
            }
        }
        Value::Map(map) => {
            for entry in map {
                let key = entry.key.as_str().unwrap_or_default().trim();
                path.push(if key.contains('.') {
                    format!("[{key}]")
                } else {
                    key.to_owned()
                });
                find(&entry.value, wanted, path, fields)?;
                path.pop();
            }
        }
    }
    Ok(())
}

/// Which part of a value a variable is: it must stand at an end, or between two equal characters.
fn part(value: &str, wanted: &str) -> Result<Option<(char, usize)>, String> {
    let at = value.find(wanted).unwrap_or_default();
    let (before, after) = (&value[..at], &value[at + wanted.len()..]);
    Ok(match (before.chars().next_back(), after.chars().next()) {
        (None, None) => None,
        (None, Some(delimiter)) => Some((delimiter, 0)),
        (Some(delimiter), None) => Some((delimiter, value.split(delimiter).count() - 1)),
        (Some(left), Some(right)) if left != right => {
            return Err(format!(
                "cannot convert all vars to replacements; {wanted} is not delimited"
            ));
        }
        (Some(delimiter), Some(_)) => {
            let index = value.split(delimiter).position(|part| part == wanted);
            let index = index.ok_or_else(|| format!("the name of {wanted} holds its delimiter '{delimiter}'"))?;
            Some((delimiter, index))
        }
    })
}

/// What a target selects: the object itself, or, for a patch, what the patch is applied to.
fn select(patch: Option<&Node>, object: &Node) -> Node {
    let own = |path: &[&str]| text(object, path);
    let mut select = Map::new();
    let mut put = |field: &str, value: String| {
        if !value.is_empty() {
            select.insert(field.to_owned(), Node::string(value));
        }
    };
    let allows = |field: &str| {
        let options = patch.and_then(|patch| patch.get("options"));
        options.and_then(|options| options.get(field)?.as_str()) == Some("true")
    };
    let both = allows("allowNameChange") && allows("allowKindChange");
    let Some(patch) = patch.filter(|_| !both) else {
        let version = own(&["apiVersion"]);
        let (group, version) = version.split_once('/').unwrap_or(("", &version));
        put("group", group.to_owned());
        put("version", version.to_owned());
        put("kind", own(&["kind"]));
        put("name", own(&["metadata", "name"]));
        put("namespace", own(&["metadata", "namespace"]));
        return Node::map(select);
    };
    for entry in patch.get("target").and_then(Node::as_map).into_iter().flatten() {
        let key = entry.key.as_str().unwrap_or_default();
        put(key, entry.value.as_str().unwrap_or_default().to_owned());
    }
    if allows("allowNameChange") {
        put("name", own(&["metadata", "name"]));
    }
    if allows("allowKindChange") {
        put("kind", own(&["kind"]));
    }
    put("namespace", own(&["metadata", "namespace"]));
    Node::map(select)
}

fn replacement(var: &Node, targets: Vec<Node>) -> Node {
    let version = text(var, &["objref", "apiVersion"]);
    let (group, version) = version.split_once('/').unwrap_or(("", &version));
    let fields = [
        ("group", group.to_owned()),
        ("version", version.to_owned()),
        ("kind", text(var, &["objref", "kind"])),
        ("name", text(var, &["objref", "name"])),
        ("namespace", text(var, &["objref", "namespace"])),
        ("fieldPath", text(var, &["fieldref", "fieldPath"])),
    ];
    let mut source = Map::new();
    for (field, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
        source.insert(field, Node::string(value));
    }
    let mut replacement = Map::new();
    replacement.insert("source", Node::map(source));
    if !targets.is_empty() {
        replacement.insert("targets", Node::seq(targets.as_slice()));
    }
    Node::map(replacement)
}

/// The text at a path whose keys may be spelled in another case; empty if there is none.
fn text(node: &Node, path: &[&str]) -> String {
    let found = path.iter().try_fold(node, |node, key| node.get(&spelled(node, key)?));
    let found = found.filter(|node| !node.is_null()).and_then(Node::as_str);
    found.unwrap_or_default().to_owned()
}

fn items(kustomization: &Node, field: &str) -> Vec<Node> {
    let list = spelled(kustomization, field).and_then(|key| kustomization.get(&key));
    list.and_then(Node::as_seq).into_iter().flatten().cloned().collect()
}

/// `a/../b` is `b`; what leads up stays.
fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if out
                    .components()
                    .next_back()
                    .is_some_and(|last| last != Component::ParentDir) =>
            {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}
