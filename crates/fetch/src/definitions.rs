//! The custom resource definitions of a cluster, through the user's `kubectl`, as files.
//!
//! `kubectl` knows the user's kubeconfig, credentials and programs that make them. What it prints is cut down to
//! what a schema is read from, so that the same definitions give the same bytes: `metadata` has the name alone, and
//! there is no `status`. The directory is there with all of them, or as it was before.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use process::{Failure, Limits};
use yaml::{Map, Node, Sources};

/// As much as a cluster may send: the definitions of a large one are some 30 MB.
const OUTPUT_LIMIT: usize = 512 << 20;
/// The first line of every file. A directory with other files is not replaced.
const HEADER: &str = "# Written by `terrace schema pull`: edits are lost.\n";

/// How `kubectl` is asked.
#[derive(Clone, Debug)]
pub struct Kubectl {
    /// The program.
    pub program: PathBuf,
    pub kubeconfig: Option<PathBuf>,
    pub context: Option<String>,
    pub timeout: Duration,
}

/// Why definitions were not pulled.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    #[error("`{program}` {failure}")]
    Program {
        program: String,
        #[source]
        failure: Failure,
    },
    /// The cluster said no.
    #[error("the cluster refuses its definitions: {0}")]
    Refused(String),
    /// `kubectl` failed for another reason.
    #[error("`kubectl` failed: {0}")]
    Failed(String),
    #[error("`kubectl` printed no list of definitions: {0}")]
    Unreadable(String),
    /// A directory of the user's.
    #[error("{} holds files that are no definitions pulled before: {}", .0.display(), .1)]
    Occupied(PathBuf, String),
    #[error("cannot write {}: {error}", .path.display())]
    Write { path: PathBuf, error: std::io::Error },
}

/// Writes every definition of a cluster into a directory, one file each, and gives their number. What was pulled
/// into the directory before is replaced.
///
/// # Errors
/// [`PullError`]; the directory is as it was before.
pub fn pull_definitions(kubectl: &Kubectl, directory: &Path) -> Result<usize, PullError> {
    refuse_occupied(directory)?;
    let files = files(&ask(kubectl)?)?;
    replace(directory, &files).map_err(|error| PullError::Write {
        path: directory.to_owned(),
        error,
    })?;
    Ok(files.len())
}

fn ask(kubectl: &Kubectl) -> Result<Vec<u8>, PullError> {
    let mut command = Command::new(&kubectl.program);
    command.args(["get", "customresourcedefinitions.apiextensions.k8s.io", "--output=json"]);
    if let Some(context) = &kubectl.context {
        command.arg(format!("--context={context}"));
    }
    if let Some(kubeconfig) = &kubectl.kubeconfig {
        command.arg("--kubeconfig").arg(kubeconfig);
    }
    let limits = Limits {
        time: kubectl.timeout,
        output: OUTPUT_LIMIT,
    };
    let output = process::run(&mut command, None, &limits).map_err(|failure| PullError::Program {
        program: kubectl.program.display().to_string(),
        failure,
    })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let is_refused = ["Forbidden", "Unauthorized", "forbidden", "must be logged in"];
    match is_refused.iter().any(|word| said.contains(word)) {
        true => Err(PullError::Refused(said)),
        false if said.is_empty() => Err(PullError::Failed(output.status.to_string())),
        false => Err(PullError::Failed(said)),
    }
}

/// The files of a list of definitions, by name.
fn files(list: &[u8]) -> Result<Vec<(String, Vec<u8>)>, PullError> {
    let unreadable = |message: &str| PullError::Unreadable(message.to_owned());
    let text = String::from_utf8(list.to_vec()).map_err(|_| unreadable("it is no UTF-8"))?;
    let sources = Sources::new();
    let source = sources.add("kubectl", text);
    let documents = yaml::read_documents(&source).map_err(|error| unreadable(&error.to_string()))?;
    let items = documents
        .nodes
        .first()
        .and_then(|list| list.get("items"))
        .and_then(Node::as_seq);
    let items = items.ok_or_else(|| unreadable("it has no items"))?;
    let mut files = Vec::with_capacity(items.len());
    for item in items {
        let name = item
            .get_path(["metadata", "name"])
            .and_then(Node::as_str)
            .unwrap_or_default();
        let kind = item.get("kind").and_then(Node::as_str);
        let is_plain = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
        if kind != Some("CustomResourceDefinition") || name.is_empty() || name.starts_with('.') || !is_plain {
            return Err(unreadable(&format!("\"{}\" is no definition", name.escape_debug())));
        }
        let mut bytes = HEADER.as_bytes().to_vec();
        yaml::emit(&definition(item, name), &mut bytes).map_err(|error| unreadable(&error.to_string()))?;
        files.push((format!("{name}.yaml"), bytes));
    }
    files.sort();
    Ok(files)
}

/// What a schema is read from.
fn definition(item: &Node, name: &str) -> Node {
    let mut metadata = Map::new();
    metadata.push(Node::string("name"), Node::string(name));
    let mut map = Map::new();
    for field in ["apiVersion", "kind", "metadata", "spec"] {
        let value = match field {
            "metadata" => Some(Node::map(std::mem::take(&mut metadata))),
            _ => item.get(field).cloned(),
        };
        if let Some(value) = value {
            map.push(Node::string(field), value);
        }
    }
    Node::map(map)
}

/// Refuses a directory that holds something else.
fn refuse_occupied(directory: &Path) -> Result<(), PullError> {
    let read = |error| PullError::Write {
        path: directory.to_owned(),
        error,
    };
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other.map_err(read)?,
    };
    for entry in entries {
        let path = entry.map_err(read)?.path();
        let is_ours = fs::read(&path).is_ok_and(|bytes| bytes.starts_with(HEADER.as_bytes()));
        if !is_ours {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Err(PullError::Occupied(directory.to_owned(), name));
        }
    }
    Ok(())
}

/// Puts a directory with these files in the place of the one that is there.
fn replace(directory: &Path, files: &[(String, Vec<u8>)]) -> std::io::Result<()> {
    let parent = match directory.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent)?;
    let room = process::Scratch::below(parent, ".terrace-schemas-")?;
    let new = room.path().join("new");
    fs::create_dir(&new)?;
    for (name, bytes) in files {
        fs::write(new.join(name), bytes)?;
    }
    let old = room.path().join("old");
    let was_there = match fs::rename(directory, &old) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    fs::rename(&new, directory).inspect_err(|_| {
        if was_there {
            let _ = fs::rename(&old, directory);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"{"apiVersion":"v1","kind":"List","items":[
        {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
         "metadata":{"name":"widgets.example.com","uid":"1","resourceVersion":"5"},
         "spec":{"group":"example.com","names":{"kind":"Widget","plural":"widgets"},"versions":[{"name":"v1","schema":{"openAPIV3Schema":{"type":"object"}}}]},
         "status":{"conditions":[]}}]}"#;

    /// A program that does what a script says. The program itself is not written here: one that is open for writing
    /// in another test cannot be started.
    fn kubectl(directory: &Path, script: &str) -> Kubectl {
        let kubeconfig = directory.join("config");
        fs::write(&kubeconfig, script).unwrap();
        Kubectl {
            program: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubectl.sh"),
            kubeconfig: Some(kubeconfig),
            context: Some("dev".to_owned()),
            timeout: Duration::from_secs(20),
        }
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn definitions_become_files_that_are_the_same_each_time() {
        let room = tempfile::tempdir().unwrap();
        let list = room.path().join("list.json");
        fs::write(&list, LIST).unwrap();
        let kubectl = kubectl(room.path(), &format!("cat '{}'", list.display()));
        let crds = room.path().join("deep/crds");
        assert_eq!(pull_definitions(&kubectl, &crds).unwrap(), 1);
        assert_eq!(names(&crds), ["widgets.example.com.yaml"]);
        let first = fs::read_to_string(crds.join("widgets.example.com.yaml")).unwrap();
        assert_eq!(
            first,
            "# Written by `terrace schema pull`: edits are lost.
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.example.com
spec:
  group: example.com
  names:
    kind: Widget
    plural: widgets
  versions:
  - name: v1
    schema:
      openAPIV3Schema:
        type: object
"
        );
        // What is gone from the cluster goes from the directory.
        fs::write(&list, LIST.replace("widgets.example.com", "gadgets.example.com")).unwrap();
        assert_eq!(pull_definitions(&kubectl, &crds).unwrap(), 1);
        assert_eq!(names(&crds), ["gadgets.example.com.yaml"]);
        assert_eq!(names(&room.path().join("deep")), ["crds"]);
    }

    #[test]
    fn a_failure_leaves_the_directory_as_it_was() {
        let room = tempfile::tempdir().unwrap();
        let crds = room.path().join("crds");
        fs::create_dir(&crds).unwrap();
        fs::write(crds.join("old.yaml"), HEADER).unwrap();
        let outcomes = [
            (
                "echo 'Error from server (Forbidden): no' >&2; exit 1",
                "the cluster refuses",
            ),
            ("echo 'connection refused' >&2; exit 1", "connection refused"),
            ("echo '{}'", "it has no items"),
            (
                "echo '{\"items\": [{\"kind\": \"CustomResourceDefinition\", \"metadata\": {\"name\": \"../../a\"}}]}'",
                "is no definition",
            ),
            ("echo '{'", "printed no list"),
        ];
        for (script, expected) in outcomes {
            let error = pull_definitions(&kubectl(room.path(), script), &crds).unwrap_err();
            assert!(error.to_string().contains(expected), "{script}: {error}");
            assert_eq!(names(&crds), ["old.yaml"], "{script}");
        }
        fs::write(crds.join("mine.yaml"), "a: b\n").unwrap();
        let error = pull_definitions(&kubectl(room.path(), "exit 7"), &crds).unwrap_err();
        assert!(
            matches!(error, PullError::Occupied(_, ref name) if name == "mine.yaml"),
            "{error}"
        );
    }
}
