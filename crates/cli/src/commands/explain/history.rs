//! The values that one field of an object had.

use std::sync::Arc;

use resource::Resource;
use yaml::{Layer, Mark, Node};

use super::field::Step;

/// A value that a field had, and the layer that set it.
pub(super) struct Setting<'n> {
    pub(super) node: &'n Node,
    pub(super) layer: &'n Arc<Layer>,
}

impl Setting<'_> {
    /// Where the value stands, or else the line that asked for it.
    pub(super) fn marks(&self) -> [Mark; 2] {
        [self.node.mark, self.layer.mark]
    }
}

/// The values at a path, newest first. `path` leads somewhere in `object`.
///
/// A value that was never changed alone came with what it is in: the change of the nearest mapping or list
/// around it says who brought it, and what stood at the same path before.
pub(super) fn history<'n>(object: &'n Resource, path: &[Step]) -> Vec<Setting<'n>> {
    let mut settings = Vec::new();
    let mut levels: Vec<&Node> = vec![&object.node];
    if !descend(&mut levels, path) {
        return settings;
    }
    while let Some(&node) = levels.last() {
        let changed = levels
            .iter()
            .enumerate()
            .rev()
            .find_map(|(level, node)| Some((level, node.origin.as_deref()?)));
        let Some((level, change)) = changed else {
            settings.push(Setting {
                node,
                layer: &object.layer,
            });
            break;
        };
        settings.push(Setting {
            node,
            layer: &change.layer,
        });
        let Some(previous) = &change.previous else { break };
        levels.truncate(level);
        levels.push(previous);
        if !descend(&mut levels, &path[level..]) {
            break;
        }
    }
    settings
}

/// Adds the nodes on a path below the last one; false if it leads nowhere.
fn descend(levels: &mut Vec<&Node>, path: &[Step]) -> bool {
    path.iter()
        .all(|step| match levels.last().and_then(|node| step.of(node)) {
            Some(node) => {
                levels.push(node);
                true
            }
            None => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use resource::Schema;
    use yaml::Map;

    fn layer(step: &str) -> Arc<Layer> {
        Arc::new(Layer::new("k".into(), step.into(), Mark::NONE))
    }

    fn map(key: &str, node: Node) -> Node {
        let mut map = Map::new();
        map.insert(key, node);
        Node::map(map)
    }

    #[test]
    fn what_is_in_a_mapping_came_and_went_with_it() {
        let mut inner = map("c", Node::string("old"));
        inner.replace(map("c", Node::string("new")), &layer("patch"));
        if let Some(node) = inner.get_mut("c") {
            node.replace(Node::string("newest"), &layer("image"));
        }
        let object = Resource::new(map("a", inner), layer("file"), &Schema::builtin());
        let path = ["a", "c"].map(|key| Step::Key(key.to_owned()));
        let settings = history(&object, &path);
        let shown: Vec<_> = settings
            .iter()
            .map(|set| (set.node.as_str().unwrap(), set.layer.step.as_str()))
            .collect();
        assert_eq!(shown, [("newest", "image"), ("new", "patch"), ("old", "file")]);
    }
}
