//! Which environments nodes belong to that no tree names: the one whose project has them, or those that they reach.

use hashbrown::HashMap;

use super::EdgeKind;
use super::make::{Key, Maker};
use crate::member::Member;
use crate::name::{ResourceName, project_of_account};

/// Gives every node its environments, as far as they can be told.
pub(super) fn spread(maker: &mut Maker<'_, '_>) {
    let mut of_project: HashMap<ResourceName, Vec<&str>> = HashMap::new();
    for tree in maker.landscape.trees {
        if let Some(project) = &tree.place.project {
            let homes = of_project.entry(ResourceName::project(project)).or_default();
            if !homes.contains(&tree.place.home()) {
                homes.push(tree.place.home());
            }
        }
    }
    let mut found: Vec<(usize, Vec<&str>)> = Vec::new();
    for (key, at) in maker.keys() {
        let project = match key {
            Key::Resource(name) => {
                let lineage = maker.landscape.reasoner.lineage(name);
                lineage.into_iter().find(|name| of_project.contains_key(name))
            }
            Key::Member(Member::ServiceAccount(email)) => project_of_account(email).map(ResourceName::project),
            Key::Member(Member::Federated { pool, .. } | Member::FederatedSet { pool, .. }) => {
                pool.gke_project().map(ResourceName::project)
            }
            _ => None,
        };
        // What trees name belongs to those trees.
        let is_open = maker.graph.nodes[at].environments.is_empty();
        if let Some(homes) = project.and_then(|project| of_project.get(&project)).filter(|_| is_open) {
            found.push((at, homes.clone()));
        }
    }
    for (at, homes) in found {
        maker.graph.nodes[at]
            .environments
            .extend(homes.into_iter().map(str::to_owned));
    }
    // The rest belongs to what it reaches, and then to what reaches it.
    for towards in [false, true] {
        let is_open: Vec<bool> = maker
            .graph
            .nodes
            .iter()
            .map(|node| node.environments.is_empty())
            .collect();
        let mut next = vec![Vec::new(); maker.graph.nodes.len()];
        for edge in maker.graph.edges.iter().filter(|edge| edge.kind != EdgeKind::Holds) {
            let (from, to) = if towards {
                (edge.to, edge.from)
            } else {
                (edge.from, edge.to)
            };
            next[to].push(from);
        }
        // In rounds, since groups are in groups.
        for _ in 0..4 {
            let mut changes = Vec::new();
            for (at, node) in maker
                .graph
                .nodes
                .iter()
                .enumerate()
                .filter(|(_, node)| !node.environments.is_empty())
            {
                changes.extend(
                    next[at]
                        .iter()
                        .filter(|from| is_open[**from])
                        .map(|from| (*from, node.environments.clone())),
                );
            }
            let mut is_changed = false;
            for (at, environments) in changes {
                let before = maker.graph.nodes[at].environments.len();
                maker.graph.nodes[at].environments.extend(environments);
                is_changed |= maker.graph.nodes[at].environments.len() > before;
            }
            if !is_changed {
                break;
            }
        }
    }
}
