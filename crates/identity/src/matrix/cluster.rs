//! The rows: namespaces of clusters, and their pods by the labels that policies select by; and what these reach in the
//! cluster.

use std::collections::BTreeMap;

use super::{Cell, Column, ColumnKind, Reach, Row, Target};
use crate::landscape::Landscape;
use crate::network::{Labels, Network, Passage, Pod};
use crate::tree::{RunsAs, Tree};

/// The network of each cluster, by its place.
pub(super) type Clusters = BTreeMap<(bool, String), Network>;

/// Trees of one cluster, or for want of its name of one environment, are in one place.
fn place_of(tree: &Tree) -> (bool, String) {
    let name = tree.place.cluster.as_deref().unwrap_or(tree.place.home());
    (tree.place.cluster.is_some(), name.to_owned())
}

pub(super) fn clusters(landscape: &Landscape<'_>) -> Clusters {
    let mut clusters = Clusters::new();
    for tree in landscape.trees {
        clusters.entry(place_of(tree)).or_default().merge(&tree.network);
    }
    clusters
}

/// One row for each namespace with accounts or pods, and one for each sort of its pods that policies tell apart.
pub(super) fn rows(landscape: &Landscape<'_>, clusters: &Clusters) -> Vec<Row> {
    let mut rows: BTreeMap<(usize, (bool, String), &str), Row> = BTreeMap::new();
    // In the order of the platform file.
    let mut order: Vec<(bool, String)> = Vec::new();
    for (at, tree) in landscape.trees.iter().enumerate() {
        let place = place_of(tree);
        if !order.contains(&place) {
            order.push(place.clone());
        }
        let position = order.iter().position(|known| *known == place).unwrap_or_default();
        let accounts = tree
            .accounts
            .iter()
            .map(|account| (account.namespace.as_str(), account.name.as_str()));
        let runs = tree.runs.iter().filter_map(|run| match &run.runs_as {
            RunsAs::Kubernetes { namespace, name } => Some((namespace.as_str(), name.as_str())),
            RunsAs::Federated { namespace, name, .. } => Some((namespace.as_str(), name.as_str())),
            RunsAs::Google(_) => None,
        });
        for (namespace, name) in accounts.chain(runs) {
            let row = rows.entry((position, place.clone(), namespace)).or_insert_with(|| Row {
                cluster: tree.place.cluster.clone(),
                namespace: namespace.to_owned(),
                place: place.clone(),
                ..Row::default()
            });
            push(&mut row.environments, tree.place.home());
            push(&mut row.accounts, name);
            if !row.trees.contains(&at) {
                row.trees.push(at);
            }
        }
    }
    let mut all = Vec::new();
    for mut row in rows.into_values() {
        row.accounts.sort_unstable();
        let parts = clusters
            .get(&row.place)
            .map_or_else(Vec::new, |network| parts(&row, network));
        all.push(row);
        all.extend(parts);
    }
    all
}

fn push(list: &mut Vec<String>, name: &str) {
    if !list.iter().any(|known| known == name) {
        list.push(name.to_owned());
    }
}

/// The pods of a namespace by the labels that policies select by, where there are several sorts.
fn parts(row: &Row, network: &Network) -> Vec<Row> {
    let names = network.selecting_labels();
    let mut parts: BTreeMap<Labels, Vec<String>> = BTreeMap::new();
    for pod in network.pods.iter().filter(|pod| pod.namespace == row.namespace) {
        push(parts.entry(told_by(pod, &names)).or_default(), &pod.account);
    }
    if parts.len() < 2 {
        return Vec::new();
    }
    let part = |(labels, mut accounts): (Labels, Vec<String>)| {
        accounts.sort_unstable();
        let labels = match labels.is_empty() {
            true => vec![(String::new(), String::new())],
            false => labels,
        };
        Row {
            labels,
            accounts,
            ..row.clone()
        }
    };
    parts.into_iter().map(part).collect()
}

/// The labels of a pod that policies select by.
fn told_by(pod: &Pod, names: &[&str]) -> Labels {
    let mut labels: Labels = pod
        .labels
        .iter()
        .filter(|(name, _)| names.contains(&name.as_str()))
        .cloned()
        .collect();
    labels.sort_unstable();
    labels
}

impl Row {
    /// Whether two rows are in one cluster.
    pub fn is_beside(&self, other: &Row) -> bool {
        self.place == other.place
    }

    /// Whether these are the pods of a namespace that have none of the labels that policies select by.
    pub fn is_unlabelled(&self) -> bool {
        matches!(&self.labels[..], [(name, _)] if name.is_empty())
    }

    fn has(&self, pod: &Pod, names: &[&str]) -> bool {
        let of_pod = told_by(pod, names);
        pod.namespace == self.namespace
            && (self.labels.is_empty() || self.labels == of_pod || self.is_unlabelled() && of_pod.is_empty())
    }
}

pub(super) fn columns(clusters: &Clusters) -> Vec<Column> {
    let mut columns = Vec::new();
    for (place, network) in clusters {
        for (at, service) in network.services.iter().enumerate() {
            columns.push(Column {
                kind: ColumnKind::Service,
                name: format!("{}/{}", service.namespace, service.name),
                cluster: (clusters.len() > 1).then(|| place.1.clone()),
                target: Target::Service {
                    place: place.clone(),
                    at,
                },
            });
        }
    }
    columns
}

/// Whether any of the row's pods reaches any pod behind a service.
pub(super) fn cell(clusters: &Clusters, row: &Row, place: &(bool, String), at: usize) -> Cell {
    let Some(network) = clusters.get(place) else {
        return Cell::default();
    };
    if row.place != *place {
        return Cell {
            reach: Reach::Apart,
            why: Some("it is in another cluster".to_owned()),
            ..Cell::default()
        };
    }
    let service = &network.services[at];
    let names = network.selecting_labels();
    // A namespace without pods could have one without labels.
    let bare = Pod::bare(&row.namespace);
    let mut sources: Vec<&Pod> = network.pods.iter().filter(|pod| row.has(pod, &names)).collect();
    if sources.is_empty() {
        sources.push(&bare);
    }
    let behind: Vec<&Pod> = network.behind(service).collect();
    if behind.is_empty() {
        return Cell {
            reach: Reach::Unknown,
            doubts: vec!["no pods of the trees are behind it".to_owned()],
            ..Cell::default()
        };
    }
    let mut cell = Cell::default();
    for from in sources {
        for to in &behind {
            let ports = service
                .ports
                .iter()
                .map(Some)
                .chain(service.ports.is_empty().then_some(None));
            for port in ports {
                let (reach, why, doubt) = match network.passage(from, to, port) {
                    Passage::Open(why) => (Reach::Call, Some(why), None),
                    Passage::Closed(why) => (Reach::Denied, Some(why), None),
                    Passage::Unknown(why) => (Reach::Unknown, None, Some(why)),
                };
                let why = why.map(|why| {
                    if from.object.is_empty() {
                        why
                    } else {
                        format!("{}: {why}", from.object)
                    }
                });
                if cell.why.is_none() && cell.doubts.is_empty() || reach > cell.reach {
                    cell = Cell {
                        reach,
                        why,
                        doubts: doubt.into_iter().collect(),
                        ..Cell::default()
                    };
                }
            }
        }
    }
    cell
}
