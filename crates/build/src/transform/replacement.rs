//! `replacements`: copies the value of one field into fields of other objects (kustomize's
//! `filters/replacement`).
//!
//! A path of a target may lead into the text of a field, if that text is YAML or JSON: then the text is
//! written anew with the value in it.

use std::borrow::Cow;
use std::sync::Arc;

use hashbrown::HashMap;
use resource::{ResId, Resource, ResourceSet, Schema, SelectorError, SelectorMatcher, nearest};
use yaml::{Layer, Mark, Node, Tag, Text, Value};

use crate::config::{FieldOptions, Replacement, Selector, SourceSelector, TargetSelector};
use crate::error::{BuildError, ErrorKind, Result};
use crate::field_path::{Kind, Location, PathError, Route, descend, locate, split_bracketed, there_instead};
use crate::json;
use crate::yaml_text;

const DEFAULT_FIELD_PATH: &str = "metadata.name";

/// Does all replacements, in order; a later one sees what an earlier one changed. `layer` is the field of
/// the kustomization that holds them.
pub(crate) fn apply(
    set: &mut ResourceSet,
    replacements: &[Replacement],
    schema: &Schema,
    layer: &Arc<Layer>,
) -> Result<()> {
    let mut names = Names::default();
    for (at, replacement) in replacements.iter().enumerate() {
        let step = format!("{}[{at}]", layer.step);
        let layer = Arc::new(Layer::new(layer.kustomization.clone(), step, replacement.mark));
        let mut source = source(set, replacement, &mut names)?;
        for target in &replacement.targets {
            Copying {
                source: &mut source,
                target,
                layer: &layer,
            }
            .run(set, schema, &mut names)?;
        }
    }
    Ok(())
}

/// Positions of objects by each name they have or had; made when first needed.
#[derive(Default)]
struct Names {
    positions: Option<HashMap<Text, Vec<usize>>>,
}

impl Names {
    /// The objects that have or had a name, in order; all, if any name will do.
    fn with(&mut self, set: &ResourceSet, name: Option<&str>) -> Vec<usize> {
        let Some(name) = name else {
            return (0..set.len()).collect();
        };
        let positions = self.positions.get_or_insert_with(|| {
            let mut positions: HashMap<Text, Vec<usize>> = HashMap::new();
            for (position, resource) in set.iter().enumerate() {
                for id in ids(resource) {
                    let list = positions.entry(id.name).or_default();
                    if list.last() != Some(&position) {
                        list.push(position);
                    }
                }
            }
            positions
        });
        positions.get(name).cloned().unwrap_or_default()
    }

    /// To be called when names changed.
    fn forget(&mut self) {
        self.positions = None;
    }
}

/// The id an object has and those it had. Whether its type is in a namespace does not count here.
fn ids(resource: &Resource) -> impl Iterator<Item = ResId> {
    let now = ResId {
        cluster_scoped: false,
        ..resource.id()
    };
    std::iter::once(now).chain(resource.previous_ids())
}

fn config_error(mark: Mark, message: impl Into<String>) -> BuildError {
    BuildError::new(ErrorKind::Config, mark, message)
}

fn transform_error(mark: Mark, message: impl Into<String>) -> BuildError {
    BuildError::new(ErrorKind::Transform, mark, message)
}

/// The value to be copied, with the place it comes from.
struct Source {
    value: Node,
    /// The object it is in, and the steps there: if that node is a target too, what is copied next is what
    /// it has become.
    field: Option<(usize, Vec<usize>)>,
}

impl Source {
    /// Takes the value anew after the object at `position` changed.
    fn refresh(&mut self, position: usize, root: &Node) {
        let Some((_, steps)) = self.field.as_ref().filter(|(owner, _)| *owner == position) else {
            return;
        };
        let mut node = root;
        for &step in steps {
            let child = match &node.value {
                Value::Map(map) => map.as_slice().get(step).map(|entry| &entry.value),
                Value::Seq(items) => items.get(step),
                Value::Scalar(_) => None,
            };
            let Some(child) = child else { return };
            node = child;
        }
        self.value = node.clone();
    }
}

fn source(set: &ResourceSet, replacement: &Replacement, names: &mut Names) -> Result<Source> {
    let mark = replacement.mark;
    if replacement.targets.is_empty() || (replacement.source.is_none() && replacement.source_value.is_none()) {
        return Err(config_error(
            mark,
            "replacements must specify a source and at least one target",
        ));
    }
    let source = match (&replacement.source, &replacement.source_value) {
        (Some(_), Some(value)) => {
            let error = config_error(value.mark, "sourceValue and source are mutually exclusive");
            return Err(error.hint("keep one of them"));
        }
        (_, Some(value)) => {
            let value = Node::scalar(value.text.clone(), Tag::Unset).at(value.mark);
            return Ok(Source { value, field: None });
        }
        (None, None) => {
            return Err(config_error(
                mark,
                "replacements must specify a source and at least one target",
            ));
        }
        (Some(source), None) => source,
    };
    let mark = if source.mark.is_some() { source.mark } else { mark };
    let (position, owner) = source_object(set, source, mark, names)?;
    let field_path = if source.field_path.is_empty() {
        DEFAULT_FIELD_PATH
    } else {
        &source.field_path
    };
    let path = split_bracketed(field_path, '.');
    let steps = locate(&owner.node, &path).map_err(|error| {
        let message = format!(
            "the source field \"{field_path}\" cannot be looked up: {}",
            error.message
        );
        BuildError {
            hint: error.hint,
            ..transform_error(mark, message).related(owner.node.mark, "the source object")
        }
    })?;
    let found = steps.as_ref().map(|steps| descend_ref(&owner.node, steps));
    let Some(value) = found.filter(|node| !node.is_null_or_empty()) else {
        let state = if found.is_some() { "is empty" } else { "is missing" };
        let message = format!(
            "fieldPath \"{field_path}\" {state} for replacement source {}",
            source.id
        );
        let error = transform_error(mark, message).related(owner.node.mark, "the source object");
        return Err(BuildError {
            hint: there_instead(&owner.node, &path),
            ..error
        });
    };
    let options = source.options.as_ref().filter(|options| !options.delimiter.is_empty());
    match options {
        None => Ok(Source {
            value: value.clone(),
            field: steps.map(|steps| (position, steps)),
        }),
        Some(options) => Ok(Source {
            value: refined(value, options, mark)?,
            field: None,
        }),
    }
}

/// The one object that a source means, and its position.
fn source_object<'s>(
    set: &'s ResourceSet,
    source: &SourceSelector,
    mark: Mark,
    names: &mut Names,
) -> Result<(usize, &'s Resource)> {
    let name = Some(&*source.id.name).filter(|name| !name.is_empty());
    let is_meant = |resource: &&Resource| ids(resource).any(|id| id.is_selected_by(&source.id));
    let mut matches = names
        .with(set, name)
        .into_iter()
        .filter_map(|position| Some((position, set.get(position).filter(is_meant)?)));
    let Some(found) = matches.next() else {
        let error = transform_error(
            mark,
            format!("nothing selected by the replacement source {}", source.id),
        );
        return Err(error.hint(objects_there(set, &source.id)));
    };
    if let Some(other) = matches.next() {
        let message = format!("multiple matches for the replacement source {}", source.id);
        return Err(transform_error(mark, message)
            .related(found.1.node.mark, "matches")
            .related(other.1.node.mark, "matches")
            .hint("add what tells them apart: kind, name, namespace, group or version"));
    }
    Ok(found)
}

/// A sentence about the objects there are, those like `wanted` first.
fn objects_there(set: &ResourceSet, wanted: &ResId) -> String {
    let of_kind = |resource: &&Resource| wanted.gvk.kind.is_empty() || resource.kind() == &*wanted.gvk.kind;
    let name = |resource: &Resource| resource.original_id().name;
    let same_name: Vec<Text> = set
        .iter()
        .filter(|resource| name(resource) == wanted.name && !of_kind(resource))
        .map(|r| r.kind().into())
        .collect();
    let names: Vec<Text> = set.iter().filter(of_kind).map(name).collect();
    let kind = &wanted.gvk.kind;
    let near = nearest(&wanted.name, names.iter().map(Text::as_str));
    match (near.as_slice(), same_name.as_slice()) {
        (_, [same, ..]) => format!("\"{}\" is the name of a {same}", wanted.name),
        ([], _) => {
            let kinds: Vec<Text> = set.iter().map(|resource| resource.kind().into()).collect();
            let kinds = nearest(kind, kinds.iter().map(Text::as_str));
            format!("there is no object of kind \"{kind}\"; there are {}", kinds.join(", "))
        }
        (near, _) if names.contains(&wanted.name) => {
            format!("there is {}, but not in this namespace, group or version", near[0])
        }
        (near, _) => format!("the objects of this kind are {}", near.join(", ")),
    }
}

/// The part of a source value that its options ask for.
fn refined(value: &Node, options: &FieldOptions, mark: Mark) -> Result<Node> {
    let Some(text) = value.as_str() else {
        let message = "delimiter option can only be used with scalar nodes";
        return Err(transform_error(mark, message).related(value.mark, "the source value"));
    };
    let part = usize::try_from(options.index)
        .ok()
        .and_then(|index| text.split(&*options.delimiter).nth(index));
    let Some(part) = part else {
        let message = format!("options.index {} is out of bounds for value \"{text}\"", options.index);
        let count = text.split(&*options.delimiter).count();
        let hint = format!("\"{}\" divides it into {count}, counted from 0", options.delimiter);
        return Err(transform_error(mark, message)
            .related(value.mark, "the source value")
            .hint(hint));
    };
    Ok(Node {
        value: Value::Scalar(part.into()),
        ..value.clone()
    })
}

/// A text as scalars are compared and joined: that of null is empty.
fn value_text(node: &Node) -> &str {
    if node.is_null() {
        ""
    } else {
        node.as_str().unwrap_or_default()
    }
}

/// A selector of a target, compiled.
struct Matcher {
    matcher: SelectorMatcher,
    mark: Mark,
    by_id: bool,
    by_labels: bool,
}

impl Matcher {
    fn new(selector: &Selector) -> Result<Matcher> {
        let matcher = SelectorMatcher::new(&selector.id, &selector.label_selector, &selector.annotation_selector);
        let matcher = matcher.map_err(|error| config_error(selector.mark, error.to_string()))?;
        let by_labels = !selector.label_selector.is_empty() || !selector.annotation_selector.is_empty();
        Ok(Matcher {
            matcher,
            mark: selector.mark,
            by_id: selector.id != ResId::default(),
            by_labels,
        })
    }

    fn matches_labels(&self, resource: &Resource) -> Result<bool> {
        let failed = |error: SelectorError| config_error(self.mark, error.to_string());
        Ok(self.matcher.matches_annotations(resource).map_err(failed)?
            && self.matcher.matches_labels(resource).map_err(failed)?)
    }
}

/// One target, and what is copied there.
struct Copying<'a> {
    source: &'a mut Source,
    target: &'a TargetSelector,
    layer: &'a Arc<Layer>,
}

impl Copying<'_> {
    fn run(mut self, set: &mut ResourceSet, schema: &Schema, names: &mut Names) -> Result<()> {
        let Some(select) = &self.target.select else {
            return Err(config_error(
                self.target.mark,
                "target must specify resources to select",
            ));
        };
        let selected = Matcher::new(select)?;
        let rejected: Vec<Matcher> = self.target.reject.iter().map(Matcher::new).collect::<Result<_>>()?;
        let fields = self.fields();
        for position in names.with(set, exact_name(&selected, &rejected)) {
            let Some(resource) = set.get(position) else { continue };
            if !is_target(resource, &selected, &rejected)? {
                continue;
            }
            let renamed = set.update(position, |resource| -> Result<bool> {
                let before = resource.id();
                for (path, written, mark) in &fields {
                    self.copy_to(position, &mut resource.node, path, (written, *mark))?;
                }
                resource.refresh_scope(schema);
                Ok(before.name != resource.id().name)
            })?;
            if renamed {
                names.forget();
            }
        }
        Ok(())
    }

    /// The paths of the fields: their parts, how they are written, where.
    fn fields(&self) -> Vec<(Vec<String>, String, Mark)> {
        let field = |text: &str, mark: Mark| (split_bracketed(text, '.'), text.to_owned(), mark);
        if self.target.field_paths.is_empty() {
            return vec![field(DEFAULT_FIELD_PATH, self.target.mark)];
        }
        self.target
            .field_paths
            .iter()
            .map(|path| field(path, path.mark))
            .collect()
    }

    fn copy_to(&mut self, position: usize, root: &mut Node, path: &[String], written: (&str, Mark)) -> Result<()> {
        let (written, mark) = written;
        let create = self.target.options.as_ref().filter(|options| options.create);
        let create = create.map(|_| Kind::of(&self.source.value));
        if self.copy_into_text(root, path, create) {
            self.source.refresh(position, root);
            return Ok(());
        }
        let missing = |error: Option<PathError>, root: &Node| {
            let or_create = if create.is_some() { " or create" } else { "" };
            let cause = error
                .as_ref()
                .map(|error| format!(": {}", error.message))
                .unwrap_or_default();
            let message = format!("unable to find{or_create} field \"{written}\" in replacement target{cause}");
            let built = transform_error(mark, message).related(root.mark, "the target");
            BuildError {
                hint: error.and_then(|error| error.hint).or_else(|| there_instead(root, path)),
                ..built
            }
        };
        let route = Route {
            path,
            create,
            parse: &yaml_text::parse,
        };
        let find = |root: &Node| route.find(root).map_err(|error| missing(Some(error), root));
        let mut found = find(root)?;
        if found.is_empty() {
            return Err(missing(None, root));
        }
        // All that is missing is made before anything is set.
        if found.iter().any(Location::is_missing) {
            for location in &found {
                if let Err(error) = route.reach(location, root, self.layer) {
                    return Err(missing(Some(error), root));
                }
            }
            self.source.refresh(position, root);
            found = find(root)?;
        }
        for location in &found {
            match route.reach(location, root, self.layer) {
                Ok(Some(node)) => self.set(node, mark)?,
                Ok(None) => {}
                Err(error) => return Err(missing(Some(error), root)),
            }
            self.source.refresh(position, root);
        }
        Ok(())
    }

    fn set(&self, node: &mut Node, mark: Mark) -> Result<()> {
        let text: Cow<'_, str> = match self
            .target
            .options
            .as_ref()
            .filter(|options| !options.delimiter.is_empty())
        {
            None => self.source.value.as_str().unwrap_or_default().into(),
            Some(options) => {
                let Some(old) = node.as_str() else {
                    let message = "delimiter option can only be used with scalar nodes";
                    return Err(transform_error(mark, message).related(node.mark, "the target field"));
                };
                joined(old, value_text(&self.source.value), options).into()
            }
        };
        self.set_text_or_node(node, &text);
        Ok(())
    }

    /// A single value gets the text and stays what it is; anything else gives way to the value.
    fn set_text_or_node(&self, node: &mut Node, text: &str) {
        match &node.value {
            Value::Scalar(old) if old.as_str() == text => {}
            Value::Scalar(_) => {
                let new = Node {
                    value: Value::Scalar(text.into()),
                    origin: None,
                    ..node.clone()
                };
                node.replace(new.at(self.source.value.mark), self.layer);
            }
            _ => node.replace(self.source.value.clone(), self.layer),
        }
    }

    /// Sets the value inside a text that is YAML or JSON, if the path leads into one and all goes well.
    fn copy_into_text(&self, root: &mut Node, path: &[String], create: Option<Kind>) -> bool {
        let Some((steps, at)) = text_on_the_way(root, path) else {
            return false;
        };
        let holder = descend_ref(root, &steps);
        let old = holder.as_str().unwrap_or_default();
        let Some(mut inner) = yaml_text::parse(old) else {
            return false;
        };
        let route = Route {
            path: &path[at..],
            create,
            parse: &yaml_text::parse,
        };
        let Ok(found) = route.find(&inner) else { return false };
        if found.is_empty() {
            return false;
        }
        for location in &found {
            match route.reach(location, &mut inner, self.layer) {
                Ok(Some(node)) => self.set_text_or_node(node, self.source.value.as_str().unwrap_or_default()),
                Ok(None) => {}
                Err(_) => return false,
            }
        }
        let Some(text) = written_like(old, &inner) else {
            return false;
        };
        if text != old {
            let new = Node {
                value: Value::Scalar(text.into()),
                origin: None,
                ..holder.clone()
            };
            descend(root, &steps).replace(new.at(self.source.value.mark), self.layer);
        }
        true
    }
}

/// The name that all targets have, unless labels have to be looked at first: a selector that cannot decide
/// about labels is an error for any object.
fn exact_name<'m>(selected: &'m Matcher, rejected: &[Matcher]) -> Option<&'m str> {
    let decides = |matcher: &Matcher| matcher.matcher.label_error().is_none();
    if decides(selected) && rejected.iter().all(decides) {
        selected.matcher.exact_name()
    } else {
        None
    }
}

fn is_target(resource: &Resource, selected: &Matcher, rejected: &[Matcher]) -> Result<bool> {
    if !selected.matches_labels(resource)? {
        return Ok(false);
    }
    for reject in rejected {
        if reject.by_labels && reject.matches_labels(resource)? {
            return Ok(false);
        }
    }
    let is_rejected = |id: &ResId| {
        rejected
            .iter()
            .any(|reject| reject.by_id && reject.matcher.matches_id(id))
    };
    Ok(!ids(resource).any(|id| is_rejected(&id)) && ids(resource).any(|id| selected.matcher.matches_id(&id)))
}

/// The text with the part at the index of the options replaced; before or behind it, if the index is out
/// of bounds.
fn joined(old: &str, part: &str, options: &FieldOptions) -> String {
    let mut parts: Vec<&str> = old.split(&*options.delimiter).collect();
    match usize::try_from(options.index) {
        Err(_) => parts.insert(0, part),
        Ok(index) if index < parts.len() => parts[index] = part,
        Ok(_) => parts.push(part),
    }
    parts.join(&options.delimiter)
}

/// The first scalar on the way of a path that goes on after it: the steps there, and the part that comes
/// next.
fn text_on_the_way(root: &Node, path: &[String]) -> Option<(Vec<usize>, usize)> {
    for at in 1..path.len() {
        let steps = locate(root, &path[..at]).ok()??;
        if descend_ref(root, &steps).is_scalar() {
            return Some((steps, at));
        }
    }
    None
}

fn descend_ref<'n>(root: &'n Node, steps: &[usize]) -> &'n Node {
    steps.iter().fold(root, |node, &step| match &node.value {
        Value::Map(map) => &map.as_slice()[step].value,
        Value::Seq(items) => &items[step],
        Value::Scalar(_) => node,
    })
}

/// The text of a tree in the format of the text it came from.
fn written_like(old: &str, tree: &Node) -> Option<String> {
    if !old.trim_start().starts_with(['{', '[']) {
        return yaml_text::print(tree, old);
    }
    let compact = json::compact(tree).ok()?;
    let is_pretty = old.contains('\n') && old.contains("  ");
    Some(if is_pretty { json::indent(&compact) } else { compact })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECTS: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: source, labels: {app: web}}
data:
  host: db.example.com:5432
  port: '5432'
  empty: ''
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: prod, labels: {app: web}}
spec:
  replicas: 3
  containers: [{name: a, image: 'a:1'}, {name: ab, image: 'ab:1'}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: target}
data:
  text: keep
  json: '{\"b\": {\"c\": \"x<\", \"n\": 1.50}, \"a\": []}'
  pretty: |
    {
      \"b\": 1
    }
  yaml: |-
    z: {k: 'v'}
    a:
        - one
";

    struct Fixture {
        sources: yaml::Sources,
        set: ResourceSet,
    }

    impl Fixture {
        fn new() -> Fixture {
            let sources = yaml::Sources::new();
            let source = sources.add("objects.yaml", OBJECTS.to_owned());
            let layer = layer("resources[0]");
            let nodes = yaml::read_documents(&source).unwrap().nodes;
            let list = nodes
                .into_iter()
                .map(|node| Resource::new(node, layer.clone(), &Schema::default()))
                .collect();
            Fixture {
                sources,
                set: ResourceSet::from_vec(list),
            }
        }

        fn apply(&mut self, replacements: &str) -> Result<()> {
            let source = self.sources.add("r.yaml", replacements.to_owned());
            let config = yaml::read_config(&source).unwrap();
            let replacements = crate::config::decode_replacements(&config.node)?;
            apply(&mut self.set, &replacements, &Schema::default(), &layer("replacements"))
        }

        fn place(&self, mark: Mark) -> String {
            self.sources
                .place(mark)
                .map(|place| place.to_string())
                .unwrap_or_default()
        }
    }

    fn layer(step: &str) -> Arc<Layer> {
        Arc::new(Layer::new("kustomization.yaml".into(), step.to_owned(), Mark::NONE))
    }

    /// A replacement with this source and this target.
    fn replacement(source: &str, target: &str) -> String {
        format!("- source: {{{source}}}\n  targets:\n  - {{{target}}}\n")
    }

    const HOST: &str = "kind: ConfigMap, name: source, fieldPath: data.host";

    /// What is in a field afterwards, in JSON, or the error with its place and hint.
    fn replaced(source: &str, target: &str, object: usize, path: &[&str]) -> Result<String, String> {
        let mut fixture = Fixture::new();
        match fixture.apply(&replacement(source, target)) {
            Ok(()) => {
                let node = fixture
                    .set
                    .get(object)
                    .and_then(|resource| resource.node.get_path(path.iter().copied()));
                Ok(node.map(|node| json::compact(node).unwrap()).unwrap_or_default())
            }
            Err(error) => {
                let hint = error.hint.as_deref().unwrap_or_default();
                Err(format!("{}: {error} ({hint})", fixture.place(error.mark)))
            }
        }
    }

    #[test]
    fn values_are_copied() {
        let text = |path: &'static str| (2, vec!["data", path]);
        let image = r#"[{"image":"db","name":"a"},{"image":"ab:1","name":"ab"}]"#;
        let table = [
            (
                HOST,
                "select: {name: target}, fieldPaths: [data.text]",
                text("text"),
                r#""db.example.com:5432""#,
            ),
            (
                "kind: ConfigMap, name: source, fieldPath: data.host, options: {delimiter: ':', index: 1}",
                "select: {name: web}, fieldPaths: [spec.replicas]",
                (1, vec!["spec", "replicas"]),
                "5432",
            ),
            (
                "kind: ConfigMap, name: source, fieldPath: data.host, options: {delimiter: ., index: 0}",
                "select: {kind: Deploy.*}, fieldPaths: ['spec.containers.[name=^a$].image']",
                (1, vec!["spec", "containers"]),
                image,
            ),
            (
                "kind: Deployment, fieldPath: spec.replicas",
                "select: {name: target}, fieldPaths: [data.text], options: {delimiter: '-', index: -1}",
                text("text"),
                r#""3-keep""#,
            ),
            (
                "kind: Deployment, fieldPath: spec.replicas",
                "select: {name: target}, fieldPaths: [data.new], options: {create: true}",
                text("new"),
                "3",
            ),
            (
                "kind: ConfigMap, name: source, fieldPath: metadata.labels",
                "select: {name: target}, fieldPaths: [metadata.labels], options: {create: true}",
                (2, vec!["metadata", "labels"]),
                r#"{"app":"web"}"#,
            ),
            (
                "kind: ConfigMap, name: source",
                "select: {kind: ConfigMap}, reject: [{labelSelector: app}], fieldPaths: [data.text]",
                text("text"),
                r#""source""#,
            ),
            (
                HOST,
                "select: {labelSelector: app!=web}, fieldPaths: [data.json.b.c]",
                text("json"),
                r#""{\"a\":[],\"b\":{\"c\":\"db.example.com:5432\",\"n\":1.5}}""#,
            ),
            (
                "kind: Deployment, fieldPath: spec.replicas",
                "select: {name: target}, fieldPaths: [data.json.a.0], options: {create: true}",
                text("json"),
                r#""{\"a\":[3],\"b\":{\"c\":\"x\\u003c\",\"n\":1.5}}""#,
            ),
            (
                HOST,
                "select: {name: target}, fieldPaths: [data.json.b]",
                text("json"),
                r#""{\"a\":[],\"b\":\"db.example.com:5432\"}""#,
            ),
            (
                "kind: Deployment, fieldPath: spec.replicas",
                "select: {name: target}, fieldPaths: [data.pretty.b]",
                text("pretty"),
                r#""{\n  \"b\": 3\n}""#,
            ),
            (
                HOST,
                "select: {name: target}, fieldPaths: [data.yaml.z.k]",
                text("yaml"),
                r#""z: {k: 'db.example.com:5432'}\na:\n- one""#,
            ),
        ];
        for (source, target, (object, path), expected) in table {
            assert_eq!(
                replaced(source, target, object, &path),
                Ok(expected.to_owned()),
                "{source} to {target}"
            );
        }
    }

    #[test]
    fn errors_say_where_and_what_there_is() {
        let target = "select: {name: target}, fieldPaths: [data.text]";
        let table = [
            (
                "kind: ConfigMap, name: sorce",
                target,
                "r.yaml:1:11: nothing selected by the replacement source ConfigMap.[noVer].[noGrp]/sorce.[noNs] (the objects of this kind are source, target)",
            ),
            (
                "kind: ConfigMap",
                target,
                "r.yaml:1:11: multiple matches for the replacement source ConfigMap.[noVer].[noGrp]/[noName].[noNs] (add what tells them apart: kind, name, namespace, group or version)",
            ),
            (
                "kind: Deployment, fieldPath: spec.replica",
                target,
                "r.yaml:1:11: fieldPath \"spec.replica\" is missing for replacement source Deployment.[noVer].[noGrp]/[noName].[noNs] (\"spec\" has the fields replicas, containers)",
            ),
            (
                "kind: ConfigMap, name: source, fieldPath: data.host, options: {delimiter: ':', index: 2}",
                target,
                "r.yaml:1:11: options.index 2 is out of bounds for value \"db.example.com:5432\" (\":\" divides it into 2, counted from 0)",
            ),
            (
                HOST,
                "select: {name: target}, fieldPaths: [data.txet]",
                "r.yaml:3:43: unable to find field \"data.txet\" in replacement target (\"data\" has the fields text, json, pretty, yaml)",
            ),
            (
                HOST,
                "select: {name: target}, fieldPaths: [data.text.x], options: {create: true}",
                "r.yaml:3:43: unable to find or create field \"data.text.x\" in replacement target: expected a mapping for \"x\", found a single value ()",
            ),
            (
                HOST,
                "select: {name: web}, fieldPaths: [spec.containers], options: {delimiter: ':'}",
                "r.yaml:3:40: delimiter option can only be used with scalar nodes ()",
            ),
            (
                HOST,
                "select: {name: 'a('}",
                "r.yaml:3:14: \"a(\" is not a regular expression: unclosed group ()",
            ),
            (
                HOST,
                "fieldPaths: [a]",
                "r.yaml:3:5: target must specify resources to select ()",
            ),
        ];
        for (source, target, expected) in table {
            assert_eq!(
                replaced(source, target, 0, &[]),
                Err(expected.to_owned()),
                "{source} to {target}"
            );
        }
        let both = "- {sourceValue: x, source: {kind: A}, targets: [{select: {kind: B}}]}";
        assert_eq!(
            Fixture::new().apply(both).unwrap_err().to_string(),
            "sourceValue and source are mutually exclusive"
        );
    }

    #[test]
    fn a_later_replacement_sees_the_earlier_one_and_former_names_count() {
        let mut fixture = Fixture::new();
        fixture.set.update(1, |resource| {
            resource.remember_id();
            resource.set_metadata_text("name", "web-2".into(), &layer("nameSuffix"));
        });
        let first = replacement(
            "kind: Deployment, name: web",
            "select: {name: target}, fieldPaths: [data.text]",
        );
        let second = replacement(
            "kind: ConfigMap, name: target, fieldPath: data.text",
            "select: {name: source}, fieldPaths: [data.port]",
        );
        fixture.apply(&(first + &second)).unwrap();
        assert_eq!(
            fixture
                .set
                .get(0)
                .unwrap()
                .node
                .get_path(["data", "port"])
                .unwrap()
                .as_str(),
            Some("web-2")
        );
    }

    #[test]
    fn a_source_that_is_a_target_too_is_copied_as_it_has_become() {
        let mut fixture = Fixture::new();
        let target = "select: {kind: ConfigMap}, fieldPaths: [metadata.name], options: {delimiter: '-', index: 1}";
        fixture
            .apply(&replacement("kind: ConfigMap, name: source", target))
            .unwrap();
        let name = |at: usize| fixture.set.get(at).map(|resource| resource.name().to_owned()).unwrap();
        assert_eq!(
            (name(0), name(2)),
            ("source-source".to_owned(), "target-source-source".to_owned())
        );
    }

    #[test]
    fn a_copied_value_knows_where_it_comes_from() {
        let mut fixture = Fixture::new();
        fixture
            .apply(&replacement(HOST, "select: {name: target}, fieldPaths: [data.text]"))
            .unwrap();
        let node = fixture.set.get(2).unwrap().node.get_path(["data", "text"]).unwrap();
        assert_eq!(fixture.place(node.mark), "objects.yaml:5:9");
        let change = node.origin.as_ref().unwrap();
        let previous = change.previous.as_ref().unwrap();
        assert_eq!(
            (change.layer.step.as_str(), previous.as_str()),
            ("replacements[0]", Some("keep"))
        );
        assert_eq!(fixture.place(change.layer.mark), "r.yaml:1:3");
        assert_eq!(fixture.place(previous.mark), "objects.yaml:20:9");
    }
}
