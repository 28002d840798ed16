//! `ValueAddTransformer`: writes one value into fields of many objects (kustomize's `filters/valueadd`).
//!
//! The field is made where it is missing. With a `filePathPosition`, the value becomes one more part of
//! the file path that the field holds.

use std::sync::Arc;

use resource::{Resource, ResourceSet};
use yaml::{Layer, Mark, Tag, Text};

use crate::config::{FieldSpec, RoleBindingSubjects, ValueAddTarget, ValueAddTransformer};
use crate::error::{BuildError, ErrorKind, Result};
use crate::field_path;
use crate::transform::fieldspec::set_scalar;
use crate::transform::namespace::NamespaceChange;
use crate::transform::patch::select;

const NAMESPACE_PATH: &str = "metadata/namespace";

/// Writes the value to all targets. `directory` is the name of the kustomization's directory, the value
/// where none is given.
pub(crate) fn apply(
    set: &mut ResourceSet,
    config: &ValueAddTransformer,
    directory: &str,
    layer: &Arc<Layer>,
) -> Result<()> {
    let (value, mark) = match &config.value {
        Some(value) => (value.text.clone(), value.mark),
        None => (Text::from(directory), layer.mark),
    };
    check(config, layer)?;
    for target in &config.targets {
        let parts = field_path::split(&target.field_path, '/');
        for position in selected(set, target)? {
            set.update(position, |resource| {
                if &*target.field_path == NAMESPACE_PATH {
                    return set_namespace(resource, &value, mark, layer);
                }
                set_field(resource, &parts, target, &value, mark, layer)
            })?;
        }
    }
    Ok(())
}

fn check(config: &ValueAddTransformer, layer: &Arc<Layer>) -> Result<()> {
    let fail = |mark: Mark, message: String| Err(BuildError::new(ErrorKind::Config, mark, message));
    if config.targets.is_empty() {
        return fail(layer.mark, "must specify at least one target".to_owned());
    }
    for target in &config.targets {
        if target.field_path.is_empty() {
            return fail(target.mark, "fieldPath cannot be empty".to_owned());
        }
        if target.file_path_position < 0 {
            let message = format!("filePathPosition ({}) cannot be negative", target.file_path_position);
            return fail(target.mark, message);
        }
    }
    Ok(())
}

/// Positions of the objects that a target selects; all, if it does not say.
fn selected(set: &ResourceSet, target: &ValueAddTarget) -> Result<Vec<usize>> {
    match &target.selector {
        Some(selector) => select(set, selector),
        None => Ok((0..set.len()).collect()),
    }
}

fn set_namespace(resource: &mut Resource, value: &Text, mark: Mark, layer: &Arc<Layer>) -> Result<()> {
    let subjects = RoleBindingSubjects::default();
    let change = NamespaceChange {
        namespace: value,
        mark,
        specs: &[],
        unset_only: false,
        subjects,
    };
    let own = FieldSpec {
        path: NAMESPACE_PATH.into(),
        create: true,
        ..FieldSpec::default()
    };
    change.set_all(resource, &own, layer)
}

fn set_field(
    resource: &mut Resource,
    parts: &[String],
    target: &ValueAddTarget,
    value: &Text,
    mark: Mark,
    layer: &Arc<Layer>,
) -> Result<()> {
    let failed = |error: field_path::PathError| {
        let message = format!("the field \"{}\" cannot be set: {}", target.field_path, error.message);
        BuildError {
            hint: error.hint,
            ..BuildError::new(ErrorKind::Transform, target.mark, message)
        }
    };
    let Some(node) = field_path::lookup_create(&mut resource.node, parts, layer).map_err(failed)? else {
        return Ok(());
    };
    let text = match usize::try_from(target.file_path_position) {
        Ok(position @ 1..) => insert_part(node.as_str().unwrap_or_default(), position - 1, value).into(),
        _ => value.clone(),
    };
    if text.is_empty() {
        return Ok(());
    }
    set_scalar(node, text, Tag::Unset, mark, layer)
}

/// Inserts a part into a file path, before the part at `position` or at the end. The slash at the
/// beginning of an absolute path is no part (kyaml's `InsertPathPart`).
fn insert_part(path: &str, position: usize, part: &str) -> String {
    if part.is_empty() {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    parts.insert(position.min(parts.len()), part);
    clean(path.starts_with('/'), &parts)
}

/// The parts of a path joined as Go's `filepath.Join` does it: `.` goes away, `..` takes one part back.
fn clean(absolute: bool, parts: &[&str]) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for part in parts.iter().flat_map(|part| part.split('/')) {
        match part {
            "" | "." => {}
            ".." if kept.last().is_some_and(|last| *last != "..") => drop(kept.pop()),
            ".." if absolute => {}
            _ => kept.push(part),
        }
    }
    let joined = kept.join("/");
    match (absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use resource::Schema;
    use yaml::Style;

    use super::*;
    use crate::config::{Selector, Str};

    const OBJECTS: &str = "\
apiVersion: v1
kind: Thing
metadata: {name: a}
spec: {path: /data/raw, list: [{name: x}]}
---
apiVersion: v1
kind: Other
metadata: {name: b}
";

    fn layer() -> Arc<Layer> {
        Arc::new(Layer::new(
            "kustomization.yaml".into(),
            "transformers[0]".into(),
            Mark::NONE,
        ))
    }

    fn target(kind: &str, field_path: &str, file_path_position: i64) -> ValueAddTarget {
        let mut selector = Selector::default();
        selector.id.gvk.kind = kind.into();
        let selector = (!kind.is_empty()).then_some(selector);
        ValueAddTarget {
            mark: Mark::NONE,
            selector,
            field_path: field_path.into(),
            file_path_position,
        }
    }

    /// The objects after a value was written to a target.
    fn added(value: Option<&str>, target: ValueAddTarget) -> Result<Vec<String>, String> {
        let source = yaml::Sources::new().add("objects.yaml", OBJECTS.to_owned());
        let nodes = yaml::read_documents(&source).unwrap().nodes;
        let list = nodes
            .into_iter()
            .map(|node| Resource::new(node, layer(), &Schema::default()))
            .collect();
        let mut set = ResourceSet::from_vec(list);
        let value = value.map(|value| Str {
            text: value.into(),
            mark: Mark::NONE,
            style: Style::Plain,
        });
        let config = ValueAddTransformer {
            mark: Mark::NONE,
            value,
            targets: vec![target],
            target_file_path: None,
        };
        apply(&mut set, &config, "overlay", &layer()).map_err(|error| error.to_string())?;
        Ok(set
            .iter()
            .map(|resource| crate::json::compact(&resource.node).unwrap())
            .collect())
    }

    #[test]
    fn a_value_is_written_to_every_target() {
        let other = r#"{"apiVersion":"v1","kind":"Other","metadata":{"name":"b"}}"#;
        let thing = |metadata: &str, spec: &str| {
            let objects = [
                format!(r#"{{"apiVersion":"v1","kind":"Thing","metadata":{metadata},"spec":{spec}}}"#),
                other.to_owned(),
            ];
            Ok(objects.to_vec())
        };
        const NAMED: &str = r#"{"name":"a"}"#;
        let spec = r#"{"list":[{"name":"x"}],"path":"/data/raw"}"#;
        let table = [
            (
                Some("new"),
                target("Thing", "spec/path", 0),
                thing(NAMED, r#"{"list":[{"name":"x"}],"path":"new"}"#),
            ),
            (
                Some("new"),
                target("Thing", "spec/path", 2),
                thing(NAMED, r#"{"list":[{"name":"x"}],"path":"/data/new/raw"}"#),
            ),
            (
                Some("ns"),
                target("Thing", "metadata/namespace", 0),
                thing(r#"{"name":"a","namespace":"ns"}"#, spec),
            ),
            (
                None,
                target("Thing", "metadata/labels/a\\/b", 0),
                thing(r#"{"labels":{"a/b":"overlay"},"name":"a"}"#, spec),
            ),
            (
                Some("7"),
                target("Thing", "/spec/list/[name=x]/n", 0),
                thing(NAMED, r#"{"list":[{"n":7,"name":"x"}],"path":"/data/raw"}"#),
            ),
            (Some("7"), target("Thing", "spec/list/3", 0), thing(NAMED, spec)),
            (
                Some("7"),
                target("Thing", "spec/path/x", 0),
                Err(
                    "the field \"spec/path/x\" cannot be set: expected a mapping for \"x\", found a single value"
                        .to_owned(),
                ),
            ),
            (
                Some("7"),
                target("", "", 0),
                Err("fieldPath cannot be empty".to_owned()),
            ),
            (
                Some("7"),
                target("", "a", -1),
                Err("filePathPosition (-1) cannot be negative".to_owned()),
            ),
        ];
        for (value, target, expected) in table {
            let field_path = target.field_path.clone();
            assert_eq!(added(value, target), expected, "{field_path}");
        }
    }

    /// The table of `InsertPathPart`'s documentation.
    #[test]
    fn a_part_is_inserted_into_a_path() {
        let table = [
            ("", 0, "PEACH"),
            ("/", 0, "/PEACH"),
            ("pie", 0, "PEACH/pie"),
            ("/pie", 0, "/PEACH/pie"),
            ("raw", 1, "raw/PEACH"),
            ("/raw", 1, "/raw/PEACH"),
            ("/raw", 9999, "/raw/PEACH"),
            ("a/nice/warm/pie", 3, "a/nice/warm/PEACH/pie"),
            ("/a/nice/warm/pie", 3, "/a/nice/warm/PEACH/pie"),
            ("a//b/./c", 1, "a/PEACH/b/c"),
        ];
        for (path, position, expected) in table {
            assert_eq!(insert_part(path, position, "PEACH"), expected, "{path} {position}");
        }
    }
}
