//! Functions that need no container: objects of `terrace.dev/v1alpha1` under `transformers`, `generators`
//! and `validators`.
//!
//! | kind | does |
//! |---|---|
//! | `SetEnvironment` | writes declared, typed inputs of a file into declared fields; under `generators`, makes a ConfigMap of them |
//! | `RemoveFields` | removes fields |
//! | `RemoveResources` | removes objects |
//! | `UpsertListItem` | adds an element to lists, or changes the one that is there |
//! | `SetMergeKeys` | says how patches merge the lists of custom resources |
//!
//! They are functions of the tree alone: no clock, no environment, no network. Unlike kustomize's own
//! transformers, what they say is read strictly, and a target that is not there is an error unless it is
//! `optional`.

mod merge_keys;
mod remove_fields;
mod remove_resources;
mod set_environment;
mod target;
mod upsert_list_item;

use std::sync::Arc;

use resource::{Resource, ResourceSet, nearest};
use yaml::{Layer, Node};

use crate::accumulate;
use crate::accumulate::Context;
use crate::config::decode::{Decode, Rules, decode_root};
use crate::error::{BuildError, ErrorKind, Result};

pub(crate) use merge_keys::{ListKeys, extended};

/// The `apiVersion` of these functions.
const API_VERSION: &str = "terrace.dev/v1alpha1";

const KINDS: [&str; 5] = [
    "RemoveFields",
    "RemoveResources",
    "SetEnvironment",
    "SetMergeKeys",
    "UpsertListItem",
];

/// A function with all it needs.
pub(crate) enum Function {
    RemoveFields(remove_fields::RemoveFields),
    RemoveResources(remove_resources::RemoveResources),
    SetEnvironment(set_environment::SetEnvironment),
    SetMergeKeys(Vec<ListKeys>),
    UpsertListItem(upsert_list_item::UpsertListItem),
}

/// Whether an object configures one of these functions.
pub(crate) fn is_function(object: &Node) -> bool {
    object.get("apiVersion").and_then(Node::as_str) == Some(API_VERSION)
}

/// Whether an object is of Terrace's own kinds, but configures nothing: those are resources.
pub(crate) fn is_resource(object: &Resource) -> bool {
    object.gvk().group.ends_with(".terrace.dev")
}

/// Such an object stands where configurations do.
pub(crate) fn no_plugin(object: &Resource) -> BuildError {
    let kind = object.kind();
    let hint = match kind {
        "SecretIntent" => {
            "list it under resources, and run `terrace secrets render --write`: it writes beside each kustomization what \
             the environment is given, so that kustomize builds it too"
        }
        _ => "list it under resources",
    };
    let place = object.node.get("kind").unwrap_or(&object.node);
    invalid(place, format!("{kind} is a resource, and makes or changes no objects")).hint(hint)
}

impl Function {
    /// Reads the object that configures a function, and the files it names.
    pub(crate) fn read(cx: &Context<'_>, target: &accumulate::Target, object: &Node) -> Result<Function> {
        let kind = object.get("kind").and_then(Node::as_str).unwrap_or_default();
        Ok(match kind {
            "RemoveFields" => Function::RemoveFields(spec(object)?),
            "RemoveResources" => Function::RemoveResources(spec(object)?),
            "SetEnvironment" => Function::SetEnvironment(set_environment::read(cx, target, object)?),
            "SetMergeKeys" => Function::SetMergeKeys(merge_keys::read(object)?),
            "UpsertListItem" => Function::UpsertListItem(upsert_list_item::read(object)?),
            _ => {
                let message = format!("{API_VERSION} has no function \"{kind}\"");
                let near = nearest(kind, KINDS.into_iter());
                return Err(invalid(object.get("kind").unwrap_or(object), message)
                    .hint(format!("there are {}", near.join(", "))));
            }
        })
    }

    /// Changes the objects. `SetMergeKeys` changes none: it says how patches do.
    pub(crate) fn apply(&self, set: &mut ResourceSet, layer: &Arc<Layer>) -> Result<()> {
        match self {
            Function::RemoveFields(function) => function.apply(set),
            Function::RemoveResources(function) => function.apply(set, layer),
            Function::SetEnvironment(function) => function.apply(set, layer),
            Function::SetMergeKeys(_) => Ok(()),
            Function::UpsertListItem(function) => function.apply(set, layer),
        }
    }

    /// The object that it makes under `generators`.
    pub(crate) fn generate(&self, cx: &Context<'_>, object: &Node, layer: &Arc<Layer>) -> Result<Resource> {
        match self {
            Function::SetEnvironment(function) => function.generate(cx, object, layer),
            _ => {
                let kind = object.get("kind").unwrap_or(object);
                let name = kind.as_str().unwrap_or_default();
                Err(invalid(kind, format!("{name} makes no objects")).hint("list it under transformers"))
            }
        }
    }
}

/// What the `spec` of a function says. The object has nothing else but a name.
fn spec<T: Decode>(object: &Node) -> Result<T> {
    for entry in object.as_map().into_iter().flatten() {
        let key = entry.key.as_str().unwrap_or_default();
        if !matches!(key, "apiVersion" | "kind" | "metadata" | "spec") {
            let message = format!("unknown field `{key}` in a function");
            return Err(BuildError::new(ErrorKind::Config, entry.key.mark, message)
                .hint("what a function is to do stands under `spec`"));
        }
    }
    match object.get("spec") {
        Some(spec) => decode_root(spec, Rules::Configuration, "`spec`"),
        None => Err(invalid(object, "the function has no `spec`").hint("say under `spec` what it is to do")),
    }
}

fn invalid(node: &Node, message: impl Into<String>) -> BuildError {
    BuildError::new(ErrorKind::Config, node.mark, message)
}
