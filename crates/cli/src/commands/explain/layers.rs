//! The order of the layers of an object, from the chains of its values.

use std::sync::Arc;

use yaml::Layer;

/// The steps of a kustomization in the order they run, by the first word of their name
/// (`configureBuiltinTransformers` of kustomize). What is not here runs after all of them.
const STEPS: [&str; 20] = [
    "resources",
    "bases",
    "configMapGenerator",
    "secretGenerator",
    "helmCharts",
    "generators",
    "components",
    "patchesStrategicMerge",
    "patches",
    "namespace",
    "namePrefix",
    "nameSuffix",
    "labels",
    "commonLabels",
    "commonAnnotations",
    "patchesJson6902",
    "replicas",
    "images",
    "replacements",
    "transformers",
];

/// All layers of the chains, each once, so that none stands before one that came before it in a chain.
/// What the chains leave open is ordered as kustomize works: the first layer of the first chain, which brought
/// the object, as early as it can be; the kustomization that was built last; the steps of one kustomization in
/// the order they run.
pub(super) fn in_order(chains: &[Vec<Arc<Layer>>], is_root: &dyn Fn(&str) -> bool) -> Vec<Arc<Layer>> {
    let mut all: Vec<Arc<Layer>> = Vec::new();
    let mut before: Vec<Vec<usize>> = Vec::new();
    for chain in chains {
        let mut last: Option<usize> = None;
        for layer in chain {
            let at = all.iter().position(|known| known == layer).unwrap_or_else(|| {
                all.push(layer.clone());
                before.push(Vec::new());
                all.len() - 1
            });
            if let Some(last) = last.replace(at)
                && last != at
                && !before[at].contains(&last)
            {
                before[at].push(last);
            }
        }
    }
    let mut names: Vec<&str> = all.iter().map(|layer| &*layer.kustomization).collect();
    names.sort_unstable();
    names.dedup();
    let root = names.into_iter().find(|name| is_root(name));
    let key = |at: usize| {
        let (step, index) = split(&all[at].step);
        let is_of_root = root == Some(&*all[at].kustomization);
        (at != 0, is_of_root, rank(step), index, at)
    };
    let mut order: Vec<usize> = Vec::new();
    let mut open: Vec<usize> = (0..all.len()).collect();
    while !open.is_empty() {
        let is_ready = |at: &usize| before[*at].iter().all(|before| order.contains(before));
        // Chains that contradict each other have no order: the steps alone decide.
        let ready = open.iter().copied().filter(is_ready).min_by_key(|at| key(*at));
        let next = ready.or_else(|| open.iter().copied().min_by_key(|at| key(*at)));
        let Some(next) = next else { break };
        open.retain(|at| *at != next);
        order.push(next);
    }
    order.into_iter().map(|at| all[at].clone()).collect()
}

fn rank(step: &str) -> usize {
    STEPS.iter().position(|known| *known == step).unwrap_or(STEPS.len())
}

/// `images[2]` is `images` and 2.
fn split(step: &str) -> (&str, usize) {
    let Some((name, rest)) = step.split_once('[') else {
        return (step, 0);
    };
    (
        name,
        rest.split(']').next().and_then(|index| index.parse().ok()).unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(kustomization: &str, step: &str) -> Arc<Layer> {
        Arc::new(Layer::new(kustomization.into(), step.into(), yaml::Mark::NONE))
    }

    #[test]
    fn layers_come_in_the_order_of_the_chains_and_of_kustomize() {
        let (load, label) = (layer("base", "resources[0]"), layer("base", "labels[0]"));
        let (prefix, images) = (
            layer("prod", "namePrefix"),
            [layer("prod", "images[10]"), layer("prod", "images[9]")],
        );
        let chains = [
            vec![load.clone()],
            vec![images[0].clone()],
            vec![prefix.clone()],
            vec![label.clone(), prefix.clone()],
            vec![images[1].clone()],
        ];
        let ordered = in_order(&chains, &|name| name == "prod");
        let steps: Vec<&str> = ordered.iter().map(|layer| layer.step.as_str()).collect();
        assert_eq!(
            steps,
            ["resources[0]", "labels[0]", "namePrefix", "images[9]", "images[10]"]
        );
    }

    #[test]
    fn contradicting_chains_still_end() {
        let (a, b) = (layer("k", "images[0]"), layer("k", "namespace"));
        let ordered = in_order(&[vec![a.clone(), b.clone()], vec![b, a]], &|_| false);
        assert_eq!(ordered.len(), 2);
    }
}
