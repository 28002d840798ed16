//! JSON patches (RFC 6902) as kustomize applies them: with `evanphx/json-patch` v4, on the JSON of the
//! object, which is then read back.
//!
//! [`parse`] reads the text of a patch, [`apply`] changes a tree in place, so that what a patch does not
//! touch keeps its origin. What the way through JSON does to an object is done here too: a repeated key
//! is an error, every number becomes a float and is printed as Go prints floats, timestamps become
//! strings. [`apply_to`] adds what holds for whole objects.
//!
//! Where this library differs from the RFC, so does this: `replace` of a field that is not there adds it,
//! `copy` from a field that is not there copies null, a path need not begin with a slash, a list index may
//! count from the end, `-1` being the last element (for `add`: behind it).

use std::borrow::Cow;
use std::sync::Arc;

use resource::Resource;
use yaml::{Layer, Mark, Node, Source, Tag, Text, Value};

use crate::error::{BuildError, ErrorKind, Result};
use crate::field_path::{descend, there_instead};
use crate::json;
use crate::through_json::{normalise, refuse_repeated_keys};

/// A patch, ready to be applied to any number of objects.
#[derive(Clone, Debug)]
pub(crate) struct JsonPatch {
    pub(crate) operations: Vec<Operation>,
    /// The text, if the patch was written in JSON: `test` compares numbers and strings as written there.
    json: Option<Arc<Source>>,
}

/// One operation, whose fields may still turn out to be unusable.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) mark: Mark,
    op: Option<Node>,
    path: Option<Node>,
    from: Option<Node>,
    value: Option<Node>,
}

/// Reads the text of a patch: strict JSON if it begins with `[`, YAML otherwise.
pub(crate) fn parse(source: &Arc<Source>) -> Result<JsonPatch> {
    if source.text().starts_with('[') {
        let mut patch = from_node(&json::parse(source)?)?;
        patch.json = Some(source.clone());
        return Ok(patch);
    }
    if source.text().is_empty() {
        return Err(BuildError::new(
            ErrorKind::Config,
            source.mark(0),
            "a JSON patch without operations",
        ));
    }
    let config = yaml::read_config(source)?;
    from_node(&config.node)
}

/// Takes a parsed patch, a list of operations. Null is a patch without any.
pub(crate) fn from_node(node: &Node) -> Result<JsonPatch> {
    let list = match &node.value {
        Value::Seq(items) => items.as_slice(),
        _ if node.is_null() => &[],
        _ => {
            let error = BuildError::new(
                ErrorKind::Config,
                node.mark,
                "a JSON patch must be a list of operations",
            );
            return Err(error.hint("write each operation as \"- op: …\""));
        }
    };
    let operations = list.iter().map(operation).collect::<Result<_>>()?;
    Ok(JsonPatch { operations, json: None })
}

fn operation(node: &Node) -> Result<Operation> {
    if node.as_map().is_none() && !node.is_null() {
        let error = BuildError::new(
            ErrorKind::Config,
            node.mark,
            "an operation of a JSON patch must be a mapping",
        );
        return Err(error.hint("an operation has the fields op, path, and value or from"));
    }
    let field = |name: &str| node.get(name).cloned();
    Ok(Operation {
        mark: node.mark,
        op: field("op"),
        path: field("path"),
        from: field("from"),
        value: field("value"),
    })
}

/// Applies the operations in order. `layer` is the patch; on an error the tree is left half patched.
pub(crate) fn apply(patch: &JsonPatch, node: &mut Node, layer: &Arc<Layer>) -> Result<()> {
    refuse_repeated_keys(node)?;
    for operation in &patch.operations {
        let run = Run {
            patch,
            operation,
            layer,
        };
        run.apply(node).map_err(|failure| failure.into_error(operation, node))?;
    }
    if !node.is_null() && node.as_map().is_none() {
        let error = BuildError::new(
            ErrorKind::Transform,
            node.mark,
            "a JSON patch made the object something else",
        );
        return Err(error.related(layer.mark, "the patch"));
    }
    normalise(node)
}

/// Applies a patch to an object. Its annotations are a mapping of texts afterwards, and are there before
/// if kustomize keeps notes about the object in them: a patch may add to them even if the
/// object itself has none.
pub(crate) fn apply_to(patch: &JsonPatch, resource: &mut Resource, layer: &Arc<Layer>) -> Result<()> {
    let notes = notes(resource);
    if !notes.is_empty() {
        add_notes(resource, &notes);
    }
    apply(patch, &mut resource.node, layer)?;
    let Some(metadata) = resource.metadata_mut() else {
        return Ok(());
    };
    let Some(annotations) = metadata.get("annotations") else {
        return Ok(());
    };
    let is_note = |key: &Node| {
        key.as_str()
            .is_some_and(|key| notes.iter().any(|(note, _)| note == key))
    };
    let kept = annotations
        .as_map()
        .map_or(0, |map| map.iter().filter(|entry| !is_note(&entry.key)).count());
    if kept == 0 {
        metadata.remove("annotations");
        return Ok(());
    }
    let is_text = |node: &Node| node.is_scalar() && node.tag == Tag::Str;
    let settled = annotations.as_map().into_iter().flatten();
    if settled
        .clone()
        .all(|entry| is_text(&entry.value) && !is_note(&entry.key))
    {
        return Ok(());
    }
    let Some(map) = metadata.get_mut("annotations").and_then(Node::as_map_mut) else {
        return Ok(());
    };
    map.retain(|entry| !is_note(&entry.key));
    for entry in map.iter_mut().filter(|entry| !is_text(&entry.value)) {
        let text = entry.value.text().cloned().unwrap_or_default();
        entry.value.value = Value::Scalar(text);
        entry.value.tag = Tag::Str;
    }
    Ok(())
}

const NOTES: &str = "internal.config.kubernetes.io";

/// The annotations in which kustomize keeps its notes about an object (`api/internal/utils`).
fn notes(resource: &Resource) -> Vec<(String, String)> {
    let mut notes = Vec::new();
    let mut note = |name: &str, value: String| notes.push((format!("{NOTES}/{name}"), value));
    let join = |texts: &mut dyn Iterator<Item = &Text>| texts.map(Text::as_str).collect::<Vec<_>>().join(",");
    if !resource.previous.is_empty() {
        note(
            "previousKinds",
            join(&mut resource.previous.iter().map(|previous| &previous.kind)),
        );
        note(
            "previousNames",
            join(&mut resource.previous.iter().map(|previous| &previous.name)),
        );
        note(
            "previousNamespaces",
            join(&mut resource.previous.iter().map(|previous| &previous.namespace)),
        );
    }
    if !resource.prefixes.is_empty() {
        note("prefixes", join(&mut resource.prefixes.iter()));
    }
    if !resource.suffixes.is_empty() {
        note("suffixes", join(&mut resource.suffixes.iter()));
    }
    let behavior = match resource.behavior {
        resource::Behavior::Unspecified => None,
        resource::Behavior::Create => Some("create"),
        resource::Behavior::Replace => Some("replace"),
        resource::Behavior::Merge => Some("merge"),
    };
    if let Some(behavior) = behavior {
        note("generatorBehavior", behavior.to_owned());
    }
    if resource.needs_hash {
        note("needsHashSuffix", "enabled".to_owned());
    }
    notes
}

fn add_notes(resource: &mut Resource, notes: &[(String, String)]) {
    let Some(metadata) = resource.metadata_mut() else {
        return;
    };
    if metadata.get("annotations").is_none_or(Node::is_null) {
        metadata.insert("annotations", Node::map(yaml::Map::new()));
    }
    let Some(annotations) = metadata.get_mut("annotations").and_then(Node::as_map_mut) else {
        return;
    };
    for (key, value) in notes {
        annotations.insert(key.as_str(), Node::string(value.as_str()));
    }
}

/// Why an operation cannot be applied.
struct Failure {
    message: String,
    /// The field of the operation that says so.
    mark: Mark,
    /// A path that was not there.
    missing: Option<String>,
}

impl Failure {
    fn new(mark: Mark, message: impl Into<String>) -> Failure {
        Failure {
            message: message.into(),
            mark,
            missing: None,
        }
    }

    fn into_error(self, operation: &Operation, target: &Node) -> BuildError {
        let op = operation.op.as_ref().and_then(Node::as_str).unwrap_or("?");
        let mark = if self.mark.is_some() { self.mark } else { operation.mark };
        let message = format!("the operation \"{op}\" cannot be applied: {}", self.message);
        let mut error = BuildError::new(ErrorKind::Transform, mark, message);
        error.hint = self.missing.and_then(|path| {
            let parts: Vec<String> = path.split('/').skip(1).map(|part| decode(part).into_owned()).collect();
            there_instead(target, &parts)
        });
        if target.mark.is_some() {
            error = error.related(target.mark, "the object to be patched");
        }
        error
    }
}

/// Where an operation acts: the steps to a mapping or list, and the key there.
struct Spot<'p> {
    container: Vec<usize>,
    key: Cow<'p, str>,
}

struct Run<'a> {
    patch: &'a JsonPatch,
    operation: &'a Operation,
    layer: &'a Arc<Layer>,
}

type Applied<T = ()> = Result<T, Failure>;

impl<'a> Run<'a> {
    fn apply(&self, root: &mut Node) -> Applied {
        let op = self.operation.op.as_ref();
        match op
            .filter(|op| op.tag == Tag::Str)
            .and_then(Node::as_str)
            .unwrap_or("unknown")
        {
            "add" => {
                let path = self.path()?;
                let spot = self.find(root, path)?;
                self.add(root, &spot, self.value())
            }
            "remove" => {
                let path = self.path()?;
                let spot = self.find(root, path)?;
                self.remove(root, &spot).map(|_| ())
            }
            "replace" => self.replace(root),
            "move" => {
                let from = self.from()?;
                let spot = self.find(root, from)?;
                if self.get(root, &spot)?.is_none() {
                    return Err(self.missing(from));
                }
                let removed = self.remove(root, &spot)?;
                let spot = self.find(root, self.path()?)?;
                self.add(root, &spot, self.moved(removed))
            }
            "copy" => {
                let from = self.from()?;
                let spot = self.find(root, from)?;
                let copy = self.get(root, &spot)?.cloned().unwrap_or_else(Node::null);
                let spot = self.find(root, self.path()?)?;
                self.add(root, &spot, self.moved(copy))
            }
            "test" => self.test(root),
            unknown => {
                let mark = op.map_or(Mark::NONE, |op| op.mark);
                let known = "add, remove, replace, move, copy and test";
                Err(Failure::new(
                    mark,
                    format!("\"{unknown}\" is none of the operations {known}"),
                ))
            }
        }
    }

    fn pointer(&self, field: Option<&'a Node>, name: &str) -> Applied<&'a str> {
        let Some(node) = field.filter(|node| !node.is_null()) else {
            return Err(Failure::new(Mark::NONE, format!("its field \"{name}\" is missing")));
        };
        let text = node.as_str().filter(|_| node.tag == Tag::Str);
        text.ok_or_else(|| Failure::new(node.mark, format!("its field \"{name}\" must be a string")))
    }

    fn path(&self) -> Applied<&'a str> {
        self.pointer(self.operation.path.as_ref(), "path")
    }

    fn from(&self) -> Applied<&'a str> {
        self.pointer(self.operation.from.as_ref(), "from")
    }

    fn value(&self) -> Node {
        self.operation
            .value
            .clone()
            .unwrap_or_else(|| Node::null().at(self.operation.mark))
    }

    fn missing(&self, path: &str) -> Failure {
        let named = [&self.operation.path, &self.operation.from].into_iter().flatten();
        let mark = named
            .filter(|node| node.as_str() == Some(path))
            .map(|node| node.mark)
            .next_back();
        let missing = Some(path.to_owned());
        Failure {
            message: format!("there is no \"{path}\""),
            mark: mark.unwrap_or(Mark::NONE),
            missing,
        }
    }

    /// The container that a path leads to. What stands before the first slash does not count.
    fn find<'p>(&self, root: &Node, path: &'p str) -> Applied<Spot<'p>> {
        let Some((_, path_inside)) = path.split_once('/') else {
            return Err(self.missing(path));
        };
        let (parents, key) = path_inside
            .rsplit_once('/')
            .map_or((None, path_inside), |(parents, key)| (Some(parents), key));
        let mut container = Vec::new();
        let mut node = root;
        for part in parents.into_iter().flat_map(|parents| parents.split('/')) {
            let part = decode(part);
            let step = match &node.value {
                Value::Map(map) => map.position(&part),
                Value::Seq(items) => existing(&part, items.len()),
                Value::Scalar(_) => None,
            };
            let next = step.map(|step| match &node.value {
                Value::Map(map) => (step, &map.as_slice()[step].value),
                Value::Seq(items) => (step, &items[step]),
                Value::Scalar(_) => (step, node),
            });
            let Some((step, next)) = next else {
                return Err(self.missing(path));
            };
            container.push(step);
            node = next;
        }
        if node.is_scalar() {
            return Err(self.missing(path));
        }
        Ok(Spot {
            container,
            key: decode(key),
        })
    }

    fn container<'n>(&self, root: &'n Node, spot: &Spot<'_>) -> &'n Node {
        spot.container.iter().fold(root, |node, &step| match &node.value {
            Value::Map(map) => &map.as_slice()[step].value,
            Value::Seq(items) => &items[step],
            Value::Scalar(_) => node,
        })
    }

    /// The node that is there; `None` for a key that a mapping does not have.
    fn get<'n>(&self, root: &'n Node, spot: &Spot<'_>) -> Applied<Option<&'n Node>> {
        match &self.container(root, spot).value {
            Value::Map(map) => Ok(map.get(&spot.key)),
            Value::Seq(items) => Ok(Some(&items[self.index(&spot.key, items.len())?])),
            Value::Scalar(_) => Ok(None),
        }
    }

    fn index(&self, key: &str, len: usize) -> Applied<usize> {
        existing(key, len).ok_or_else(|| self.bad_index(key, len))
    }

    fn bad_index(&self, key: &str, len: usize) -> Failure {
        let mark = self.operation.path.as_ref().map_or(Mark::NONE, |path| path.mark);
        let message = match key.parse::<i64>() {
            Ok(_) => format!("the list index {key} is out of bounds: there are {len} elements"),
            Err(_) => format!("\"{key}\" is not the index of a list"),
        };
        Failure::new(mark, message)
    }

    fn add(&self, root: &mut Node, spot: &Spot<'_>, mut value: Node) -> Applied {
        let path_mark = self.operation.path.as_ref().map_or(Mark::NONE, |path| path.mark);
        match &mut descend(root, &spot.container).value {
            Value::Map(map) => match map.get_mut(&spot.key) {
                Some(old) => old.replace(value, self.layer),
                None => {
                    let mut key = Node::string(&*spot.key).at(path_mark);
                    key.stamp(self.layer);
                    if value.origin.is_none() {
                        value.stamp(self.layer);
                    }
                    map.push(key, value);
                }
            },
            Value::Seq(items) => {
                let len = items.len();
                let at = if spot.key == "-" {
                    Some(len)
                } else {
                    existing(&spot.key, len + 1)
                };
                let at = at.ok_or_else(|| self.bad_index(&spot.key, len))?;
                if value.origin.is_none() {
                    value.stamp(self.layer);
                }
                items.insert(at, value);
            }
            Value::Scalar(_) => {}
        }
        Ok(())
    }

    fn remove(&self, root: &mut Node, spot: &Spot<'_>) -> Applied<Node> {
        let path = || {
            let from = self.operation.op.as_ref().and_then(Node::as_str) == Some("move");
            if from { self.from() } else { self.path() }
        };
        match &self.container(root, spot).value {
            Value::Map(map) if !map.contains_key(&spot.key) => return Err(self.missing(path()?)),
            Value::Seq(items) => drop(self.index(&spot.key, items.len())?),
            _ => {}
        }
        match &mut descend(root, &spot.container).value {
            Value::Map(map) => Ok(map.remove(&spot.key).map_or_else(Node::null, |entry| entry.value)),
            Value::Seq(items) => {
                let at = self.index(&spot.key, items.len())?;
                Ok(items.remove(at))
            }
            Value::Scalar(_) => Ok(Node::null()),
        }
    }

    fn replace(&self, root: &mut Node) -> Applied {
        let path = self.path()?;
        if path.is_empty() {
            let value = self.value();
            if value.is_scalar() {
                return Err(Failure::new(
                    value.mark,
                    "the value of the whole object must be a mapping",
                ));
            }
            root.replace(value, self.layer);
            return Ok(());
        }
        let spot = self.find(root, path)?;
        self.get(root, &spot)?;
        let index = match &self.container(root, &spot).value {
            Value::Seq(items) => self.index(&spot.key, items.len())?,
            _ => return self.add(root, &spot, self.value()),
        };
        if let Value::Seq(items) = &mut descend(root, &spot.container).value {
            items.make_mut()[index].replace(self.value(), self.layer);
        }
        Ok(())
    }

    /// A node that was elsewhere before.
    fn moved(&self, mut node: Node) -> Node {
        let before = node.clone();
        node.replace(before, self.layer);
        node
    }

    fn test(&self, root: &Node) -> Applied {
        let path = self.path()?;
        let value = self.operation.value.as_ref();
        let found = if path.is_empty() {
            Some(root)
        } else {
            let spot = self.find(root, path)?;
            self.get(root, &spot)?
        };
        let holds = match (
            found.filter(|node| !node.is_null()),
            value.filter(|node| !node.is_null()),
        ) {
            (None, None) => true,
            (Some(found), Some(value)) => self.is_equal(found, value),
            _ => false,
        };
        if holds {
            return Ok(());
        }
        let print = |node: &Node| json::compact(node).unwrap_or_default();
        let found = found.map_or("missing".to_owned(), print);
        let expected = value.map_or("no value".to_owned(), print);
        let mark = value.map_or(Mark::NONE, |value| value.mark);
        Err(Failure::new(mark, format!("\"{path}\" is {found}, not {expected}")))
    }

    fn is_equal(&self, found: &Node, value: &Node) -> bool {
        match (&found.value, &value.value) {
            (Value::Map(found), Value::Map(value)) => {
                found.len() == value.len()
                    && found.iter().all(|entry| {
                        let other = entry.key.as_str().and_then(|key| value.get(key));
                        other.is_some_and(|other| match (entry.value.is_null(), other.is_null()) {
                            (false, false) => self.is_equal(&entry.value, other),
                            (one, two) => one && two,
                        })
                    })
            }
            (Value::Seq(found), Value::Seq(value)) => {
                let pairs = || found.iter().zip(value.iter());
                // The library dies of a null in a list.
                found.len() == value.len()
                    && pairs().all(|(one, two)| !one.is_null() && !two.is_null() && self.is_equal(one, two))
            }
            (Value::Scalar(_), Value::Scalar(_)) => self.raw(found) == self.raw(value),
            _ => false,
        }
    }

    /// The JSON of a scalar: as it stands in the patch if it came from there, else as Go prints it.
    fn raw<'n>(&'n self, node: &Node) -> Cow<'n, str> {
        match &self.patch.json {
            Some(source) if source.id() == node.mark.source => scalar_at(source.text(), node.mark.offset).into(),
            _ => json::compact(node).unwrap_or_default().into(),
        }
    }
}

/// The JSON scalar that begins at an offset of a valid text.
fn scalar_at(text: &str, offset: u32) -> &str {
    let rest = text.get(offset as usize..).unwrap_or_default();
    if rest.starts_with('"') {
        return &rest[..json::string_len(rest)];
    }
    rest.split([',', ']', '}', ' ', '\n', '\t', '\r'])
        .next()
        .unwrap_or_default()
}

/// The position of a list element that is there; negative indices count from the end.
fn existing(key: &str, len: usize) -> Option<usize> {
    let index = key.parse::<i64>().ok()?;
    let index = if index < 0 {
        index + i64::try_from(len).ok()?
    } else {
        index
    };
    usize::try_from(index).ok().filter(|&index| index < len)
}

/// `~1` is a slash, `~0` a tilde.
fn decode(part: &str) -> Cow<'_, str> {
    if !part.contains('~') {
        return part.into();
    }
    let mut out = String::with_capacity(part.len());
    let mut rest = part;
    while let Some(at) = rest.find('~') {
        out.push_str(&rest[..at]);
        let (decoded, len) = match rest.as_bytes().get(at + 1) {
            Some(b'1') => ('/', 2),
            Some(b'0') => ('~', 2),
            _ => ('~', 1),
        };
        out.push(decoded);
        rest = &rest[at + len..];
    }
    out.push_str(rest);
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &str = "\
apiVersion: v1
kind: Thing
metadata: {name: a}
spec:
  n: 0x1F
  big: 1000000
  day: 2020-01-01
  text: \"x<y\"
  nil: ~
  list: [a, {b: 1}]
  a/b: {m~n: 1}
";

    fn layer() -> Arc<Layer> {
        Arc::new(Layer::new("kustomization.yaml".into(), "patches[0]".into(), Mark::NONE))
    }

    fn object(sources: &yaml::Sources, text: &str) -> Resource {
        let source = sources.add("object.yaml", text.to_owned());
        let node = yaml::read_documents(&source).unwrap().nodes.remove(0);
        let mut resource = Resource::new(node, layer(), &resource::Schema::default());
        resource.remember_id();
        resource
    }

    /// The `spec` after a patch, or the error with its place and hint.
    fn patched(patch: &str) -> Result<String, String> {
        let sources = yaml::Sources::new();
        let mut resource = object(&sources, OBJECT);
        let patch =
            parse(&sources.add("patch", patch.to_owned())).and_then(|patch| apply_to(&patch, &mut resource, &layer()));
        match patch {
            Ok(()) => Ok(resource
                .node
                .get("spec")
                .map(|spec| json::compact(spec).unwrap())
                .unwrap_or_default()),
            Err(error) => {
                let place = sources
                    .place(error.mark)
                    .map(|place| place.to_string())
                    .unwrap_or_default();
                Err(format!(
                    "{place}: {error} ({})",
                    error.hint.as_deref().unwrap_or_default()
                ))
            }
        }
    }

    #[test]
    fn operations_do_what_the_library_does() {
        let rest = r#""list":["a",{"b":1}],"n":31,"nil":null,"text":"x\u003cy"}"#;
        let same = format!(r#"{{"a/b":{{"m~n":1}},"big":1000000,"day":"2020-01-01T00:00:00Z",{rest}"#);
        let replaced = |from: &str, to: &str| same.replace(from, to);
        let table = [
            ("[]", same.clone()),
            ("- {op: test, path: /spec/n, value: 31}", same.clone()),
            ("- {op: test, path: /spec/nil, value: ~}", same.clone()),
            ("- {op: test, path: /spec/gone}", same.clone()),
            ("- {op: test, path: /spec/text, value: x<y}", same.clone()),
            ("- {op: add, path: /spec/n, value: yes}", replaced("31", "true")),
            (
                "- {op: add, path: /spec/list/0, value: z}",
                replaced(r#"["a","#, r#"["z","a","#),
            ),
            (
                "- {op: add, path: /spec/list/-, value: z}",
                replaced("}],", r#"},"z"],"#),
            ),
            (
                "- {op: add, path: /spec/list/-1, value: z}",
                replaced("}],", r#"},"z"],"#),
            ),
            (
                "- {op: replace, path: /spec/list/-2, value: z}",
                replaced(r#"["a","#, r#"["z","#),
            ),
            (
                "- {op: replace, path: /spec/zz, value: [1]}",
                replaced("y\"}", "y\",\"zz\":[1]}"),
            ),
            (
                "- {op: copy, from: /spec/gone, path: /spec/zz}",
                replaced("y\"}", "y\",\"zz\":null}"),
            ),
            (
                "- {op: move, from: /spec/n, path: /spec/zz}",
                replaced("\"n\":31,", "").replace("y\"}", "y\",\"zz\":31}"),
            ),
            ("- {op: remove, path: /spec/list/1/b}", replaced(r#"{"b":1}"#, "{}")),
            (
                "- {op: add, path: /spec/a~1b/m~0n, value: 12345678901234567}",
                replaced("n\":1", "n\":12345678901234568"),
            ),
            (
                r#"[{"op":"add","path":"/spec/n","value":1.50},{"op":"test","path":"/spec/n","value":1.50}]"#,
                replaced("31", "1.5"),
            ),
        ];
        for (patch, expected) in table {
            assert_eq!(patched(patch), Ok(expected), "{patch}");
        }
    }

    #[test]
    fn errors_say_where_and_what_there_is() {
        let table = [
            (
                "- {op: remove, path: /spec/tetx}",
                "patch:1:22: the operation \"remove\" cannot be applied: there is no \"/spec/tetx\" (\"spec\" has the fields text, n, big, day, nil)",
            ),
            (
                "- {op: add, path: /spec/n/x, value: 1}",
                "patch:1:19: the operation \"add\" cannot be applied: there is no \"/spec/n/x\" ()",
            ),
            (
                "- {op: test, path: /spec/n, value: 30}",
                "patch:1:36: the operation \"test\" cannot be applied: \"/spec/n\" is 31, not 30 ()",
            ),
            (
                r#"[{"op":"test","path":"/spec/n","value":31.0}]"#,
                "patch:1:40: the operation \"test\" cannot be applied: \"/spec/n\" is 31, not 31 ()",
            ),
            (
                "- {op: add, path: /spec/list/3, value: 1}",
                "patch:1:19: the operation \"add\" cannot be applied: the list index 3 is out of bounds: there are 2 elements ()",
            ),
            (
                "- {op: add, path: /spec/list/x, value: 1}",
                "patch:1:19: the operation \"add\" cannot be applied: \"x\" is not the index of a list ()",
            ),
            (
                "- {op: ad, path: /spec/n, value: 1}",
                "patch:1:8: the operation \"ad\" cannot be applied: \"ad\" is none of the operations add, remove, replace, move, copy and test ()",
            ),
            (
                "- {op: add, value: 1}",
                "patch:1:3: the operation \"add\" cannot be applied: its field \"path\" is missing ()",
            ),
            (
                "op: add",
                "patch:1:1: a JSON patch must be a list of operations (write each operation as \"- op: …\")",
            ),
            (
                "- add",
                "patch:1:3: an operation of a JSON patch must be a mapping (an operation has the fields op, path, and value or from)",
            ),
            (
                "[{op: add}]",
                "patch:1:3: not JSON: invalid character 'o' looking for beginning of object key string ()",
            ),
        ];
        for (patch, expected) in table {
            assert_eq!(patched(patch), Err(expected.to_owned()), "{patch}");
        }
    }

    #[test]
    fn annotations_are_there_while_an_object_has_a_history() {
        let sources = yaml::Sources::new();
        let add = "- {op: add, path: /metadata/annotations/k, value: 1}";
        let patch = parse(&sources.add("patch", add.to_owned())).unwrap();
        let mut resource = object(&sources, OBJECT);
        apply_to(&patch, &mut resource, &layer()).unwrap();
        assert_eq!(
            json::compact(resource.node.get("metadata").unwrap()).unwrap(),
            r#"{"annotations":{"k":"1"},"name":"a"}"#
        );

        let mut young = object(&sources, OBJECT);
        young.previous.clear();
        assert!(apply_to(&patch, &mut young, &layer()).is_err());

        let mut resource = object(&sources, OBJECT);
        apply_to(
            &parse(&sources.add("patch", "[]".to_owned())).unwrap(),
            &mut resource,
            &layer(),
        )
        .unwrap();
        assert_eq!(
            json::compact(resource.node.get("metadata").unwrap()).unwrap(),
            r#"{"name":"a"}"#
        );
    }

    #[test]
    fn a_repeated_key_is_an_error() {
        let sources = yaml::Sources::new();
        let patch = parse(&sources.add("patch", "[]".to_owned())).unwrap();
        let mut resource = object(&sources, "kind: A\nspec:\n  a: 1\n  b: 2\n  a: 3\n");
        let error = apply(&patch, &mut resource.node, &layer()).unwrap_err();
        assert_eq!(error.to_string(), "the key \"a\" repeats");
        assert_eq!(sources.place(error.mark).unwrap().to_string(), "object.yaml:5:3");
    }

    #[test]
    fn what_is_set_knows_the_patch_and_what_is_not_keeps_its_origin() {
        let sources = yaml::Sources::new();
        let text = "- {op: replace, path: /spec/text, value: new}\n- {op: add, path: /spec/more, value: {x: 1}}";
        let patch = parse(&sources.add("patch.yaml", text.to_owned())).unwrap();
        let mut resource = object(&sources, OBJECT);
        apply(&patch, &mut resource.node, &layer()).unwrap();
        let at = |path: [&str; 2]| resource.node.get_path(path).unwrap();
        let place = |node: &Node| sources.place(node.mark).unwrap().to_string();
        let replaced = at(["spec", "text"]);
        assert_eq!(place(replaced), "patch.yaml:1:42");
        let change = replaced.origin.as_ref().unwrap();
        assert_eq!(
            (
                change.layer.step.as_str(),
                place(change.previous.as_ref().unwrap()).as_str()
            ),
            ("patches[0]", "object.yaml:8:9")
        );
        let added = at(["spec", "more"]);
        assert_eq!(place(added.get("x").unwrap()), "patch.yaml:2:42");
        assert!(added.get("x").unwrap().origin.is_some());
        assert!(at(["spec", "n"]).origin.is_none());
        assert_eq!(place(at(["spec", "n"])), "object.yaml:5:6");
    }
}
