//! `RemoveResources`: removes objects. As a validator it says that there are none.

use std::sync::Arc;

use resource::ResourceSet;
use yaml::Layer;

use super::target::Target;
use crate::config::decode::{field, structure};
use crate::error::{BuildError, ErrorKind, Result};

#[derive(Clone, Debug, Default)]
pub(crate) struct RemoveResources {
    targets: Vec<Target>,
}

structure!(RemoveResources, [field!("targets", targets)]);

impl RemoveResources {
    pub(super) fn apply(&self, set: &mut ResourceSet, layer: &Arc<Layer>) -> Result<()> {
        if self.targets.is_empty() {
            let message = "RemoveResources without `targets` would remove nothing";
            return Err(BuildError::new(ErrorKind::Config, layer.mark, message)
                .hint("say what to remove: `targets: [{select: {kind: Ingress}}]`"));
        }
        let mut removed = vec![false; set.len()];
        for target in &self.targets {
            target.expect_no_paths()?;
            for position in target.objects(set)? {
                removed[position] = true;
            }
        }
        let mut removed = removed.into_iter();
        set.retain(|_| !removed.next().unwrap_or_default());
        Ok(())
    }
}
