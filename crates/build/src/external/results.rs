//! What a function has to say of the objects: the `results` of its ResourceList.

use resource::{Finding, ResId, Resource, ResourceSet, Severity};
use yaml::{Mark, Node};

use crate::error::{BuildError, ErrorKind};
use crate::field_path::{lookup, split_bracketed};

/// The rule of findings that a function made.
const RULE: &str = "function_result";

/// The results of one run, at the places of the user's files that they are about.
pub(crate) struct Results {
    pub(crate) errors: Vec<Finding>,
    /// Warnings and notes.
    pub(crate) others: Vec<Finding>,
}

impl Results {
    /// Reads the list that a function named `name`, configured at `mark`, gave. Where it does not say how bad
    /// something is, that depends on how the function ended.
    pub(crate) fn read(list: Option<&Node>, set: &ResourceSet, failed: bool, name: &str, mark: Mark) -> Results {
        let mut results = Results {
            errors: Vec::new(),
            others: Vec::new(),
        };
        for result in list.and_then(Node::as_seq).into_iter().flatten() {
            let severity = match text(result, &["severity"]) {
                "error" => Severity::Error,
                "warning" => Severity::Warning,
                "info" => Severity::Note,
                _ if failed => Severity::Error,
                _ => Severity::Warning,
            };
            let (object, place) = place(result, set).unzip();
            // An error of a build names the object in its words; so does what is about none of them.
            let about = match (severity, &object) {
                (Severity::Error, _) | (_, None) => about(result),
                _ => String::new(),
            };
            let message = format!("{name}: {}{about}", message(result));
            let mut finding = Finding::new(RULE, severity, place.unwrap_or(mark), message);
            finding.hint = hint(result);
            if let Some(object) = object {
                finding = finding.on(object, text(result, &["field", "path"]));
            }
            match severity {
                Severity::Error => results.errors.push(finding),
                Severity::Warning | Severity::Note => results.others.push(finding),
            }
        }
        results
    }

    /// The failure of a build that has errors here; `mark` is where the function is configured.
    pub(crate) fn failure(&self, mark: Mark) -> Option<BuildError> {
        let (first, others) = self.errors.split_first()?;
        let mut error = BuildError::new(ErrorKind::Program, first.mark, first.message.clone());
        error.hint = first.hint.clone();
        for other in others {
            error = error.related(other.mark, other.message.clone());
        }
        Some(match first.mark == mark {
            true => error,
            false => error.related(mark, "found by this function"),
        })
    }
}

fn text<'n>(node: &'n Node, path: &[&str]) -> &'n str {
    node.get_path(path.iter().copied())
        .and_then(Node::as_str)
        .unwrap_or_default()
}

fn message(result: &Node) -> &str {
    match text(result, &["message"]) {
        "" => "a result without a message",
        message => message.trim_end(),
    }
}

/// The object and the field that a result is about.
fn about(result: &Node) -> String {
    let mut about = String::new();
    let object = [
        text(result, &["resourceRef", "kind"]),
        text(result, &["resourceRef", "name"]),
    ];
    if object.iter().any(|part| !part.is_empty()) {
        about = format!(" ({})", object.join(" ").trim());
    }
    match text(result, &["field", "path"]) {
        "" => about,
        field => format!("{about}, in {field}"),
    }
}

fn hint(result: &Node) -> Option<String> {
    let proposed = result.get_path(["field", "proposedValue"])?;
    let value = proposed.as_str()?;
    Some(format!("it proposes {value}"))
}

/// The object that a result is about, and the place of its field, or of as much of the way there as there is.
fn place(result: &Node, set: &ResourceSet) -> Option<(ResId, Mark)> {
    let wanted = ["apiVersion", "kind", "name", "namespace"].map(|part| text(result, &["resourceRef", part]));
    if wanted[1].is_empty() || wanted[2].is_empty() {
        return None;
    }
    let is_meant = |resource: &&Resource| {
        let [api_version, kind, name, namespace] = wanted;
        resource.kind() == kind
            && resource.name() == name
            && (api_version.is_empty() || resource.api_version() == api_version)
            && (namespace.is_empty() || resource.namespace() == namespace)
    };
    let object = set.iter().find(is_meant)?;
    // `containers[name=main]` is what is written `containers.[name=main]` elsewhere.
    let field = text(result, &["field", "path"]).replace('[', ".[").replace("..[", ".[");
    let path: Vec<String> = split_bracketed(&field, '.')
        .into_iter()
        .map(|part| unbracketed_index(&part).unwrap_or(part))
        .filter(|part| !part.is_empty())
        .collect();
    let ends = (1..=path.len()).map_while(|end| lookup(&object.node, &path[..end]).ok().flatten());
    let place = ends.map(|node| node.mark).filter(|mark| mark.is_some()).last();
    Some((object.id(), place.unwrap_or(object.node.mark)))
}

/// The number in `[0]`.
fn unbracketed_index(part: &str) -> Option<String> {
    let index = part.strip_prefix('[')?.strip_suffix(']')?;
    index
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| index.to_owned())
}
