//! `RemoveFields`: removes fields and list elements.

use resource::ResourceSet;
use yaml::{Node, Value};

use super::target::Target;
use crate::config::decode::{field, structure};
use crate::error::Result;
use crate::field_path::descend;

#[derive(Clone, Debug, Default)]
pub(crate) struct RemoveFields {
    targets: Vec<Target>,
}

structure!(RemoveFields, [field!("targets", targets)]);

impl RemoveFields {
    pub(super) fn apply(&self, set: &mut ResourceSet) -> Result<()> {
        for target in &self.targets {
            target.each_field(set, None, |root, fields| {
                // From the last to the first: what goes away moves nothing that is still to go.
                for location in fields.locations.iter().rev() {
                    remove(root, location.steps());
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

fn remove(root: &mut Node, steps: &[usize]) {
    let Some((&last, parents)) = steps.split_last() else {
        return;
    };
    match &mut descend(root, parents).value {
        Value::Map(map) => {
            let mut at = 0;
            map.retain(|_| {
                at += 1;
                at - 1 != last
            });
        }
        Value::Seq(items) => drop(items.remove(last)),
        Value::Scalar(_) => {}
    }
}
