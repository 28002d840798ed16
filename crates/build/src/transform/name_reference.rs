//! Follows objects whose names changed: fields that named them get their new names (kustomize's
//! `nameReferenceTransformer` and `filters/nameref`).
//!
//! All names are final when this runs, so the possible targets are read once into a table, found by
//! the names they had.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use resource::{Gvk, NOT_NAMESPACED, ResId, Resource, ResourceSet};
use yaml::{Layer, Mark, Node, Tag, Text, Value};

use crate::config::{FieldSpec, NameReference};
use crate::error::{BuildError, ErrorKind, Result};
use crate::parallel;
use crate::transform::fieldspec::{set_entry_text, set_scalar, visit};

pub(crate) fn apply(
    set: &mut ResourceSet,
    references: &[NameReference],
    layer: &Arc<Layer>,
    threads: fn() -> usize,
) -> Result<()> {
    let targets = Targets::new(set);
    let specs = Specs::new(set, references);
    parallel::change_each(set.iter_mut().into_slice(), threads, |position, resource| {
        let specs = specs.of(&resource.original_id().gvk);
        if specs.is_empty() {
            return Ok(());
        }
        let referrer = Referrer::new(position, resource, &targets)?;
        for &(spec, target) in specs {
            let mentions = |node: &Node| targets.might_be_named_in(node);
            if !spec.any(&resource.node, &mentions) {
                continue;
            }
            let select = Select {
                spec,
                target,
                referrer: &referrer,
                targets: &targets,
                layer,
            };
            visit(&mut resource.node, spec, None, layer, &mut |node| select.set(node)).map_err(|error| {
                error.related(
                    referrer.mark,
                    format!("while updating \"{}\" of this object", spec.path),
                )
            })?;
        }
        Ok(())
    })
}

/// The field specs by the type of the object that holds the reference.
struct Specs<'a> {
    by_type: HashMap<Gvk, Vec<(&'a FieldSpec, &'a Gvk)>>,
}

impl<'a> Specs<'a> {
    /// For the types of the objects.
    fn new(set: &ResourceSet, references: &'a [NameReference]) -> Specs<'a> {
        let mut by_type = HashMap::new();
        for resource in set.iter() {
            let gvk = resource.original_id().gvk;
            let make = |gvk: &Gvk| {
                let all = references
                    .iter()
                    .flat_map(|reference| reference.referrers.iter().map(|spec| (spec, &reference.gvk)));
                all.filter(|(spec, _)| gvk.is_selected_by(&spec.gvk)).collect()
            };
            by_type.entry(gvk).or_insert_with_key(make);
        }
        Specs { by_type }
    }

    fn of(&self, gvk: &Gvk) -> &[(&'a FieldSpec, &'a Gvk)] {
        self.by_type.get(gvk).map_or(&[], Vec::as_slice)
    }
}

/// What can be referred to.
struct Targets {
    all: Vec<Target>,
    /// Positions of the objects that once had a name, in order.
    by_previous_name: HashMap<Text, Vec<u32>>,
    /// For each namespace that objects came from: the namespaces they are in now.
    moved: HashMap<Text, HashSet<Text>>,
}

struct Target {
    id: ResId,
    original_namespace: Text,
    previous: Vec<ResId>,
    prefixes: Vec<Text>,
    suffixes: Vec<Text>,
    /// Where its name stands.
    name_mark: Mark,
}

impl Targets {
    fn new(set: &ResourceSet) -> Targets {
        let mut targets = Targets {
            all: Vec::with_capacity(set.len()),
            by_previous_name: HashMap::new(),
            moved: HashMap::new(),
        };
        for (position, resource) in set.iter().enumerate() {
            let previous: Vec<ResId> = resource.previous_ids().collect();
            for id in &previous {
                let positions = targets.by_previous_name.entry(id.name.clone()).or_default();
                if positions.last() != Some(&(position as u32)) {
                    positions.push(position as u32);
                }
            }
            let id = resource.id();
            let original_namespace = Text::from(previous.first().unwrap_or(&id).effective_namespace());
            if original_namespace != NOT_NAMESPACED {
                let now = Text::from(id.effective_namespace());
                targets.moved.entry(original_namespace.clone()).or_default().insert(now);
            }
            targets.all.push(Target {
                name_mark: resource
                    .node
                    .get_path(["metadata", "name"])
                    .map_or(Mark::NONE, |name| name.mark),
                id,
                original_namespace,
                previous,
                prefixes: resource.prefixes.clone(),
                suffixes: resource.suffixes.clone(),
            });
        }
        targets
    }

    /// Whether a node at the end of a path could name one of the targets, or is of no use there.
    fn might_be_named_in(&self, node: &Node) -> bool {
        match &node.value {
            Value::Scalar(text) => self.by_previous_name.contains_key(text),
            Value::Map(map) => map.get("name").is_none_or(|name| {
                name.as_str()
                    .is_none_or(|name| self.by_previous_name.contains_key(name))
            }),
            Value::Seq(items) => items
                .iter()
                .any(|item| self.might_be_named_in(item) || item.as_seq().is_some()),
        }
    }
}

/// The object that holds a reference.
struct Referrer {
    id: ResId,
    prefixes: Vec<Text>,
    suffixes: Vec<Text>,
    /// Namespaces of the service accounts a role binding names.
    binding_namespaces: Vec<Text>,
    role: Option<Gvk>,
    mark: Mark,
}

impl Referrer {
    fn new(position: usize, resource: &Resource, targets: &Targets) -> Result<Referrer> {
        let mut binding_namespaces = Vec::new();
        let subjects = resource.node.get("subjects").and_then(Node::as_seq);
        for subject in subjects
            .into_iter()
            .flatten()
            .filter(|_| resource.kind() == "RoleBinding")
        {
            if subject.get("kind").and_then(Node::as_str) != Some("ServiceAccount") {
                continue;
            }
            match subject.get("namespace") {
                None => {}
                Some(namespace) if !namespace.is_scalar() || is_not_text(namespace.tag) => {
                    let message = format!("the namespace of a subject is blank in {}", resource.id());
                    return Err(BuildError::new(ErrorKind::Object, namespace.mark, message)
                        .hint("name the namespace of the service account, or leave the field out"));
                }
                Some(namespace) => binding_namespaces.extend(namespace.text().cloned()),
            }
        }
        let role = resource.node.get("roleRef").and_then(|role| {
            let text = |field: &str| {
                role.get(field)
                    .filter(|node| !node.is_null())
                    .and_then(Node::text)
                    .cloned()
            };
            Some(Gvk {
                group: text("apiGroup")?,
                version: Text::default(),
                kind: text("kind")?,
            })
        });
        Ok(Referrer {
            id: targets.all[position].id.clone(),
            prefixes: resource.prefixes.clone(),
            suffixes: resource.suffixes.clone(),
            binding_namespaces,
            role,
            mark: resource.node.mark,
        })
    }

    /// Whether an object in that namespace can be meant at all. What is in no namespace can be named by
    /// all and can name all; role bindings can name service accounts of other namespaces.
    fn sees(&self, target: &Target) -> bool {
        self.id.cluster_scoped
            || target.id.cluster_scoped
            || target.id.same_namespace(&self.id)
            || self.binding_namespaces.contains(&target.id.namespace)
    }

    fn sees_namespace(&self, namespace: &str) -> bool {
        self.id.cluster_scoped
            || namespace == NOT_NAMESPACED
            || namespace == self.id.effective_namespace()
            || self.binding_namespaces.iter().any(|other| other == namespace)
    }
}

fn is_not_text(tag: Tag) -> bool {
    matches!(tag, Tag::Null | Tag::Bool | Tag::Int | Tag::Float)
}

struct Select<'a> {
    spec: &'a FieldSpec,
    target: &'a Gvk,
    referrer: &'a Referrer,
    targets: &'a Targets,
    layer: &'a Arc<Layer>,
}

impl Select<'_> {
    fn set(&self, node: &mut Node) -> Result<()> {
        match &node.value {
            _ if node.is_null() => Ok(()),
            Value::Scalar(_) => self.set_name(node),
            Value::Map(_) => self.set_name_and_namespace(node),
            Value::Seq(_) => {
                let Value::Seq(items) = &mut node.value else {
                    return Ok(());
                };
                for at in 0..items.len() {
                    match &items[at].value {
                        _ if items[at].is_null() => {}
                        Value::Scalar(text) if !self.targets.by_previous_name.contains_key(text) => {}
                        Value::Scalar(_) => self.set_name(&mut items.make_mut()[at])?,
                        Value::Map(_) => self.set_name_and_namespace(&mut items.make_mut()[at])?,
                        Value::Seq(_) => {
                            let message = "expected a name or a mapping with a name here, found a list";
                            return Err(BuildError::new(ErrorKind::Transform, items[at].mark, message));
                        }
                    }
                }
                Ok(())
            }
        }
    }

    fn set_name(&self, node: &mut Node) -> Result<()> {
        let name = node.text().cloned().unwrap_or_default();
        let Some(target) = self.referral(&name, |_| true, false, node.mark)? else {
            return Ok(());
        };
        if target.id.name == name {
            return Ok(());
        }
        set_scalar(node, target.id.name.clone(), Tag::Unset, target.name_mark, self.layer)
    }

    fn set_name_and_namespace(&self, node: &mut Node) -> Result<()> {
        let Some(name) = node.get("name") else {
            let message = format!(
                "path config error; no 'name' field in the mapping at \"{}\"",
                self.spec.path
            );
            return Err(BuildError::new(ErrorKind::Transform, node.mark, message));
        };
        let mark = name.mark;
        let name = name.text().cloned().unwrap_or_default();
        let namespace = node
            .get("namespace")
            .map(|namespace| namespace.text().cloned().unwrap_or_default());
        let by_origin = namespace.as_ref().is_some_and(|namespace| {
            self.targets
                .moved
                .get(namespace)
                .is_some_and(|now| now.iter().any(|now| self.referrer.sees_namespace(now)))
        });
        let in_namespace = |target: &Target| match &namespace {
            None => true,
            Some(namespace) if by_origin => target.original_namespace == *namespace,
            Some(namespace) => !target.id.cluster_scoped && target.id.effective_namespace() == namespace.as_str(),
        };
        let Some(target) = self.referral(&name, in_namespace, true, mark)? else {
            return Ok(());
        };
        let id = &target.id;
        if id.name == name && id.namespace.is_empty() {
            return Ok(());
        }
        set_entry_text(node, "name", &id.name, target.name_mark, self.layer)?;
        if id.namespace.is_empty() {
            return Ok(());
        }
        set_entry_text(node, "namespace", &id.namespace, target.name_mark, self.layer)
    }

    /// The object that a name means, if it is one of the build.
    fn referral(
        &self,
        name: &Text,
        accept: impl Fn(&Target) -> bool,
        with_namespace: bool,
        mark: Mark,
    ) -> Result<Option<&Target>> {
        let role = self
            .referrer
            .role
            .as_ref()
            .filter(|_| self.spec.path.ends_with("roleRef/name"));
        let positions = self.targets.by_previous_name.get(name).map_or(&[][..], Vec::as_slice);
        let mut candidates: Vec<&Target> = positions
            .iter()
            .map(|&position| &self.targets.all[position as usize])
            .filter(|target| self.referrer.sees(target) && accept(target))
            .filter(|target| target.previous.iter().any(|id| id.gvk.is_selected_by(self.target)))
            .filter(|target| role.is_none_or(|role| target.previous.iter().any(|id| id.gvk.is_selected_by(role))))
            .filter(|target| self.is_near(target))
            .collect();
        if candidates.len() == 1 {
            return Ok(candidates.pop());
        }
        candidates.retain(|target| self.same_affixes(target, true));
        if candidates.len() > 1 {
            candidates.retain(|target| self.same_affixes(target, false));
        }
        let Some((first, rest)) = candidates.split_first() else {
            return Ok(None);
        };
        let same = |other: &&Target| {
            other.id.name == first.id.name && (!with_namespace || other.id.namespace == first.id.namespace)
        };
        if rest.iter().all(same) {
            return Ok(Some(first));
        }
        let message = format!("found multiple possible referrals for \"{name}\"");
        let error = BuildError::new(ErrorKind::Transform, mark, message)
            .hint("give the objects different names, or different prefixes or suffixes");
        Err(candidates.iter().fold(error, |error, target| {
            error.related(target.name_mark, target.id.to_string())
        }))
    }

    /// Whether the object is in the referrer's namespace, or of a type that may be in another.
    fn is_near(&self, target: &Target) -> bool {
        self.referrer.id.cluster_scoped
            || target.id.cluster_scoped
            || &*target.id.gvk.kind == "ServiceAccount"
            || self.referrer.id.same_namespace(&target.id)
    }

    fn same_affixes(&self, target: &Target, allow_empty: bool) -> bool {
        let same = |a: &[Text], b: &[Text]| {
            (allow_empty && (a.is_empty() || b.is_empty()))
                || a.is_empty() == b.is_empty() && (a.ends_with(b) || b.ends_with(a))
        };
        same(&target.prefixes, &self.referrer.prefixes) && same(&target.suffixes, &self.referrer.suffixes)
    }
}
