//! `replicas`: sets the number of replicas of the objects of a name (kustomize's
//! `ReplicaCountTransformer`).

use std::sync::Arc;

use resource::{Resource, ResourceSet, nearest};
use yaml::{Layer, Tag, Text};

use crate::config::{FieldSpec, Replica};
use crate::error::{BuildError, ErrorKind, Result};
use crate::transform::fieldspec::{Create, set_scalar, visit};

pub(crate) fn apply(set: &mut ResourceSet, replica: &Replica, specs: &[FieldSpec], layer: &Arc<Layer>) -> Result<()> {
    let count = Text::from(replica.count.to_string());
    let mut found = false;
    for spec in specs {
        for resource in set.iter_mut().filter(|resource| is_meant(resource, replica, spec)) {
            found = true;
            if spec.is_for(&resource.gvk()) {
                visit(
                    &mut resource.node,
                    spec,
                    Some(Create::Scalar(Tag::Int)),
                    layer,
                    &mut |node| set_scalar(node, count.clone(), Tag::Int, replica.mark, layer),
                )?;
            }
        }
    }
    if found {
        Ok(())
    } else {
        Err(no_such_object(set, replica, specs))
    }
}

fn is_meant(resource: &Resource, replica: &Replica, spec: &FieldSpec) -> bool {
    if resource.is_empty() {
        return false;
    }
    // Kinds and names the object had before count as well.
    let is = |name: &str, gvk: &resource::Gvk| *name == *replica.name && gvk.is_selected_by(&spec.gvk);
    is(resource.name(), &resource.gvk()) || resource.previous_ids().any(|id| is(&id.name, &id.gvk))
}

fn no_such_object(set: &ResourceSet, replica: &Replica, specs: &[FieldSpec]) -> BuildError {
    let kinds: Vec<String> = specs.iter().map(|spec| spec.gvk.to_string()).collect();
    let message = format!(
        "resource with name {} does not match a config with the following GVK [{}]",
        replica.name,
        kinds.join(" ")
    );
    let scalable = set
        .iter()
        .filter(|resource| specs.iter().any(|spec| spec.is_for(&resource.gvk())));
    let names = nearest(&replica.name, scalable.map(Resource::name));
    let error = BuildError::new(ErrorKind::Transform, replica.mark, message);
    if names.is_empty() {
        error.hint("no object of this build has replicas")
    } else {
        error.hint(format!("objects that have replicas: {}", names.join(", ")))
    }
}
