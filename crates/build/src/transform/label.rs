//! `labels`, `commonLabels` and `commonAnnotations`: set entries of mappings wherever the field specs
//! say (kustomize's `LabelTransformer` and `AnnotationsTransformer`).

use std::sync::Arc;

use resource::ResourceSet;
use yaml::Layer;

use crate::config::{FieldSpec, Pairs};
use crate::error::Result;
use crate::parallel;
use crate::transform::fieldspec::{Create, set_entry, visit};

pub(crate) fn apply(
    set: &mut ResourceSet,
    pairs: &Pairs,
    specs: &[FieldSpec],
    layer: &Arc<Layer>,
    threads: fn() -> usize,
) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    parallel::change_each(set.iter_mut().into_slice(), threads, |_, resource| {
        let gvk = resource.gvk();
        let specs: Vec<&FieldSpec> = specs.iter().filter(|spec| spec.is_for(&gvk)).collect();
        for (key, value) in pairs {
            for spec in &specs {
                visit(&mut resource.node, spec, Some(Create::Map), layer, &mut |node| {
                    set_entry(node, &key.text, &value.text, value.mark, layer)
                })?;
            }
        }
        Ok(())
    })
}
