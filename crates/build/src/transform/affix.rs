//! `namePrefix` and `nameSuffix`: add text before or behind names (kustomize's `PrefixTransformer`
//! and `SuffixTransformer`).

use std::sync::Arc;

use resource::{Gvk, ResourceSet};
use yaml::{Layer, Mark, Node, Tag, Text};

use crate::config::FieldSpec;
use crate::error::Result;
use crate::parallel;
use crate::transform::fieldspec::{Create, set_scalar, visit};

/// On which side the text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Affix {
    Prefix,
    Suffix,
}

/// Objects whose names are never changed, because other things depend on their form.
fn keeps_its_name(gvk: &Gvk) -> bool {
    matches!(&*gvk.kind, "CustomResourceDefinition" | "Namespace")
        || (&*gvk.kind == "APIService" && &*gvk.group == "apiregistration.k8s.io")
}

pub(crate) fn apply(
    set: &mut ResourceSet,
    affix: Affix,
    text: &str,
    mark: Mark,
    specs: &[FieldSpec],
    layer: &Arc<Layer>,
    threads: fn() -> usize,
) -> Result<()> {
    parallel::change_each(set.iter_mut().into_slice(), threads, |_, resource| {
        let original = resource.original_id().gvk;
        if keeps_its_name(&original) {
            return Ok(());
        }
        for spec in specs {
            if !original.is_selected_by(&spec.gvk) {
                continue;
            }
            if spec.path == "metadata/name" && !text.is_empty() {
                match affix {
                    Affix::Prefix => resource.prefixes.push(text.into()),
                    Affix::Suffix => resource.suffixes.push(text.into()),
                }
                resource.remember_id();
            }
            if !spec.is_for(&resource.gvk()) {
                continue;
            }
            visit(
                &mut resource.node,
                spec,
                Some(Create::Scalar(Tag::Str)),
                layer,
                &mut |node: &mut Node| {
                    let old = node.as_str().unwrap_or_default();
                    let new = match affix {
                        Affix::Prefix => format!("{text}{old}"),
                        Affix::Suffix => format!("{old}{text}"),
                    };
                    set_scalar(node, Text::from(new), Tag::Unset, mark, layer)
                },
            )?;
        }
        Ok(())
    })
}
