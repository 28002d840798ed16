//! `namespace`: puts every object that can have one into a namespace (kustomize's
//! `NamespaceTransformer`).

use std::sync::Arc;

use resource::{Resource, ResourceSet};
use yaml::{Layer, Map, Mark, Node, Tag, Text, Value};

use crate::config::{FieldSpec, RoleBindingSubjects};
use crate::error::{BuildError, ErrorKind, Result};
use crate::transform::fieldspec::{Create, set_scalar, visit};

/// What to set where.
#[derive(Clone, Debug)]
pub(crate) struct NamespaceChange<'a> {
    pub(crate) namespace: &'a Text,
    pub(crate) mark: Mark,
    pub(crate) specs: &'a [FieldSpec],
    /// Only where there is none yet.
    pub(crate) unset_only: bool,
    pub(crate) subjects: RoleBindingSubjects,
}

pub(crate) fn apply(set: &mut ResourceSet, change: &NamespaceChange<'_>, layer: &Arc<Layer>) -> Result<()> {
    if change.namespace.is_empty() {
        return Ok(());
    }
    let own = FieldSpec {
        path: "metadata/namespace".into(),
        create: true,
        ..FieldSpec::default()
    };
    for position in 0..set.len() {
        let skip = set.get(position).is_none_or(|resource| {
            resource.is_empty() || resource.annotation("internal.config.kubernetes.io/helm-generated") == Some("true")
        });
        if skip {
            continue;
        }
        set.update(position, |resource| -> Result<()> {
            resource.remember_id();
            change.set_all(resource, &own, layer)
        })?;
        if let [first, second, ..] = set.with_id_of(position)[..] {
            let id = set.get(position).map(Resource::id).unwrap_or_default();
            let mark = |at: u32| set.get(at as usize).map_or(Mark::NONE, |resource| resource.node.mark);
            let message = format!("namespace transformation produces ID conflict: two objects are now {id}");
            return Err(BuildError::new(ErrorKind::Object, change.mark, message)
                .related(mark(first), "the first")
                .related(mark(second), "the second")
                .hint("rename one of them, or set their namespaces in their own files"));
        }
    }
    Ok(())
}

impl NamespaceChange<'_> {
    /// Sets the namespace of one object and of what it says about others.
    pub(crate) fn set_all(&self, resource: &mut Resource, own: &FieldSpec, layer: &Arc<Layer>) -> Result<()> {
        let gvk = resource.gvk();
        if !resource.is_cluster_scoped() {
            // What is made here has no tag of its own: kustomize gives none either.
            visit(
                &mut resource.node,
                own,
                Some(Create::Scalar(Tag::Unset)),
                layer,
                &mut |node| self.set(node, layer),
            )?;
        }
        let is_binding = matches!(&*gvk.kind, "RoleBinding" | "ClusterRoleBinding");
        if is_binding {
            self.set_subjects(resource, layer)?;
        }
        let api_version = resource.api_version().to_owned();
        for spec in self.specs.iter().filter(|spec| spec.is_for(&gvk)) {
            let handled = match &*spec.path {
                "metadata/namespace" => true,
                "metadata/name" => api_version != "v1",
                "subjects/namespace" => is_binding && matches!(&*spec.gvk.kind, "RoleBinding" | "ClusterRoleBinding"),
                _ => false,
            };
            if !handled {
                let create = Some(Create::Scalar(Tag::Str));
                visit(&mut resource.node, spec, create, layer, &mut |node| {
                    self.set(node, layer)
                })?;
            }
        }
        Ok(())
    }

    fn set(&self, node: &mut Node, layer: &Arc<Layer>) -> Result<()> {
        if self.unset_only && !node.is_null_or_empty() && node.as_str().is_some_and(|text| !text.is_empty()) {
            return Ok(());
        }
        set_scalar(node, self.namespace.clone(), Tag::Str, self.mark, layer)
    }

    fn set_subjects(&self, resource: &mut Resource, layer: &Arc<Layer>) -> Result<()> {
        let is_meant = |subject: &Node| match self.subjects {
            RoleBindingSubjects::None => false,
            RoleBindingSubjects::DefaultOnly => subject.get("name").and_then(Node::as_str) == Some("default"),
            RoleBindingSubjects::AllServiceAccounts => {
                subject.get("kind").and_then(Node::as_str) == Some("ServiceAccount")
            }
        };
        let Some(subjects) = resource.node.get("subjects").filter(|subjects| !subjects.is_null()) else {
            return Ok(());
        };
        let Some(items) = subjects.as_seq() else {
            let message = "expected a list of subjects here";
            return Err(BuildError::new(ErrorKind::Transform, subjects.mark, message));
        };
        if !items.iter().any(is_meant) {
            return Ok(());
        }
        let Some(Value::Seq(items)) = resource.node.get_mut("subjects").map(|subjects| &mut subjects.value) else {
            return Ok(());
        };
        for subject in items.make_mut().iter_mut().filter(|subject| is_meant(subject)) {
            let Some(subject) = subject.as_map_mut() else { continue };
            self.set_field(subject, layer)?;
        }
        Ok(())
    }

    fn set_field(&self, subject: &mut Map, layer: &Arc<Layer>) -> Result<()> {
        if !subject.contains_key("namespace") {
            let mut made = Node::scalar("", Tag::Unset);
            made.stamp(layer);
            subject.insert("namespace", made);
        }
        match subject.get_mut("namespace") {
            Some(node) => self.set(node, layer),
            None => Ok(()),
        }
    }
}
