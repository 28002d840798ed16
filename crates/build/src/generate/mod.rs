//! The generators, one a file, and how what they make joins what is there.

pub(crate) mod config_map;
pub(crate) mod helm;
pub(crate) mod iam_policy;
mod key_values;

use std::sync::Arc;

use resource::{Behavior, Resource, ResourceSet};
use yaml::{Map, Node, Style, Tag, Text, Value};

use crate::accumulate::{Context, Target, id_taken};
use crate::config::{GeneratorOptions, Pairs};
use crate::error::{BuildError, ErrorKind, Result};
use crate::origin;

pub(crate) use config_map::{Generated, generate, object};
pub(crate) use key_values::{Data, KeyValue, env_file};

/// What the generators of a kustomization file make, in kustomize's order.
pub(crate) fn from_kustomization(cx: &Context<'_>, target: &Target) -> Result<Vec<Resource>> {
    let kustomization = target.kustomization();
    let mut made = Vec::new();
    let kinds = [
        (
            Generated::ConfigMap,
            "configMapGenerator",
            "ConfigMapGenerator",
            &kustomization.config_map_generator,
        ),
        (
            Generated::Secret,
            "secretGenerator",
            "SecretGenerator",
            &kustomization.secret_generator,
        ),
    ];
    for (kind, field, builtin, all) in kinds {
        for (at, args) in all.iter().enumerate() {
            let mut args = args.clone();
            args.options = merge_options(args.options, kustomization.generator_options.as_ref());
            let layer = target.layer(format!("{field}[{at}]"), args.mark);
            let mut resource = generate(cx, target, kind, &args, &layer)?;
            if cx.track_origins {
                origin::note(&mut resource, Some(target.configured_here(builtin)));
            }
            made.push(resource);
        }
    }
    let globals = kustomization.helm_globals.clone().unwrap_or_default();
    for (at, chart) in kustomization.helm_charts.iter().enumerate() {
        let layer = target.layer(format!("helmCharts[{at}]"), chart.mark);
        let mut chart = chart.clone();
        if let Some(namespace) = target.helm_namespace().filter(|_| chart.namespace.is_empty()) {
            chart.namespace = namespace.clone();
        }
        for mut resource in helm::generate(cx, target, &globals, &chart, &layer)? {
            if cx.track_origins {
                origin::note(
                    &mut resource,
                    Some(target.configured_here("HelmChartInflationGenerator")),
                );
            }
            made.push(resource);
        }
    }
    Ok(made)
}

/// `generatorOptions` behind the options of one generator: its own labels and annotations win, but it
/// cannot take back a `true`.
fn merge_options(local: Option<GeneratorOptions>, global: Option<&GeneratorOptions>) -> Option<GeneratorOptions> {
    let Some(global) = global else { return local };
    let mut options = local.unwrap_or_default();
    let add = |own: &mut Pairs, more: &Pairs| {
        for (key, value) in more {
            if let Err(at) = own.binary_search_by(|(other, _)| other.text.cmp(&key.text)) {
                own.insert(at, (key.clone(), value.clone()));
            }
        }
    };
    add(&mut options.labels, &global.labels);
    add(&mut options.annotations, &global.annotations);
    options.disable_name_suffix_hash |= global.disable_name_suffix_hash;
    options.immutable |= global.immutable;
    Some(options)
}

/// Adds a generated object, or lets it replace or join the one it names (kustomize's `AbsorbAll`).
pub(crate) fn absorb(set: &mut ResourceSet, new: Resource) -> Result<()> {
    let id = new.id();
    let mark = new.layer.mark;
    match *set.with_any_id(&id) {
        [] if matches!(new.behavior, Behavior::Merge | Behavior::Replace) => {
            let message = format!("id {id} does not exist; cannot merge or replace");
            let names: Vec<String> = set
                .iter()
                .filter(|other| other.kind() == &*id.gvk.kind)
                .map(|other| other.name().to_owned())
                .collect();
            let error = BuildError::new(ErrorKind::Object, mark, message);
            Err(if names.is_empty() {
                error.hint(format!("there is no {} yet: use `behavior: create`", id.gvk.kind))
            } else {
                error.hint(format!("there is {} {}", id.gvk.kind, names.join(", ")))
            })
        }
        [] => set.push(new).map_err(|taken| id_taken(taken, mark)),
        [position] => {
            let position = position as usize;
            if !matches!(new.behavior, Behavior::Merge | Behavior::Replace) {
                let old = set.get(position).map_or(yaml::Mark::NONE, |old| old.node.mark);
                let message = format!(
                    "id {id} exists; can not use behavior: '{}', behavior must be merge or replace",
                    behavior_name(new.behavior)
                );
                return Err(BuildError::new(ErrorKind::Object, mark, message).related(old, "the object that is there"));
            }
            set.update(position, |old| join(old, new));
            Ok(())
        }
        _ => {
            let message = format!("found multiple objects that could accept merge of {id}");
            Err(BuildError::new(ErrorKind::Object, mark, message))
        }
    }
}

fn behavior_name(behavior: Behavior) -> &'static str {
    match behavior {
        Behavior::Unspecified => "unspecified",
        Behavior::Create => "create",
        Behavior::Replace => "replace",
        Behavior::Merge => "merge",
    }
}

/// Puts a generated object in the place of an old one: it keeps the old identity and metadata, and with
/// `merge` the old data, where it does not say otherwise itself.
fn join(old: &mut Resource, mut new: Resource) {
    let layer = new.layer.clone();
    let merge = new.behavior == Behavior::Merge;
    for field in ["labels", "annotations"] {
        let previous = old.node.get_path(["metadata", field]).cloned();
        if let Some(metadata) = new.metadata_mut() {
            merge_texts(metadata, field, previous.as_ref(), &layer);
        }
    }
    if merge {
        for field in ["data", "binaryData"] {
            let previous = old.node.get(field).cloned();
            if let Some(map) = new.node.as_map_mut() {
                merge_texts(map, field, previous.as_ref(), &layer);
            }
        }
    }
    let (name, namespace) = (Text::from(old.name()), Text::from(old.namespace()));
    new.set_metadata_text("name", name, &layer);
    if namespace.is_empty() {
        if let Some(metadata) = new.metadata_mut() {
            metadata.remove("namespace");
        }
    } else {
        new.set_metadata_text("namespace", namespace, &layer);
    }
    new.previous = std::mem::take(&mut old.previous);
    new.prefixes = std::mem::take(&mut old.prefixes);
    new.suffixes = std::mem::take(&mut old.suffixes);
    new.var_names = std::mem::take(&mut old.var_names);
    new.needs_hash &= old.needs_hash;
    new.behavior = old.behavior;
    if merge || new.origin.is_none() {
        new.origin = old.origin.take().or(new.origin);
    }
    if new.transformations.is_empty() {
        new.transformations = std::mem::take(&mut old.transformations);
    }
    *old = new;
}

/// The entries of `field` of an old mapping under those of the new one. All become strings; nothing is
/// left of the field where there are none.
fn merge_texts(map: &mut Map, field: &str, old: Option<&Node>, layer: &Arc<yaml::Layer>) {
    let old = old.and_then(Node::as_map);
    let new = map.remove(field).map(|entry| entry.value);
    let new = new.as_ref().and_then(Node::as_map);
    let mut merged = Map::new();
    for entry in old.into_iter().flatten() {
        if let Some(key) = entry.key.text() {
            merged.insert(key.clone(), as_string(&entry.value));
        }
    }
    for entry in new.into_iter().flatten() {
        let Some(key) = entry.key.text() else { continue };
        let value = as_string(&entry.value);
        match merged.get_mut(key) {
            Some(there) if there.text() == value.text() => {}
            Some(there) => there.replace(value, layer),
            None => {
                merged.insert(key.clone(), value);
            }
        }
    }
    if !merged.is_empty() {
        map.insert(field, Node::map(merged));
    }
}

fn as_string(node: &Node) -> Node {
    let mut string = node.clone();
    if !string.is_scalar() {
        string.value = Value::Scalar(Text::default());
        string.style = Style::Plain;
    }
    string.tag = Tag::Str;
    string
}
