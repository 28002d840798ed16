//! Configuration: what kustomization files and transformer configurations say.

mod check;
mod crds;
pub(crate) mod decode;
mod defaults;
mod fields;
mod go_sort;
pub(crate) mod ignored;
mod kustomization;
mod loaded;
mod order;
mod plugin;
mod plugin_decode;
mod scalar;
pub(crate) mod shape;
mod spelling;
mod transformer_config;
mod types;

#[cfg(test)]
mod tests;

pub use kustomization::{
    COMPONENT_KIND, COMPONENT_VERSION, KUSTOMIZATION_KIND, KUSTOMIZATION_VERSION, kustomization_shape,
};
pub use loaded::LoadedKustomization;
pub(crate) use order::{FIRST, LAST};
pub use plugin::*;
pub use plugin_decode::decode_replacements;
pub(crate) use plugin_decode::{ignored_in_plugin, ignored_in_replacements, ignored_in_targets};
pub use shape::Shape;
pub use transformer_config::merge_specs;
pub use types::*;
