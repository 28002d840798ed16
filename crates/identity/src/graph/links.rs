//! What runs as whom, and the two halves of links: the annotation of a Kubernetes service account, and the grant that
//! lets it be the Google service account.

use std::collections::BTreeSet;

use super::EdgeKind;
use super::make::{Key, Maker};
use crate::landscape::{Doubt, NeedVerdict};
use crate::member::{Member, Pool};
use crate::tree::{RunsAs, Tree};
use yaml::Mark;

/// Workloads, whom they run as, and what annotations say.
pub(super) fn runs_and_annotations(maker: &mut Maker<'_, '_>) {
    let landscape = maker.landscape;
    for (at, tree) in landscape.trees.iter().enumerate() {
        for run in &tree.runs {
            let from = maker.workload(&tree.place, &run.object, run.declared);
            let to = maker.identity(at, &run.runs_as);
            maker.edge(from, to, EdgeKind::RunsAs, None).places.push(run.mark);
            if maker.graph.nodes[to].places.is_empty() && matches!(run.runs_as, crate::tree::RunsAs::Google(_)) {
                maker.graph.nodes[to].places.push(run.mark);
            }
        }
        for account in &tree.accounts {
            let from = maker.identity(at, &account.runs_as());
            let places = &mut maker.graph.nodes[from].places;
            if !places.contains(&account.mark) {
                places.push(account.mark);
            }
        }
        for (runs_as, email, mark) in said(tree) {
            let from = maker.identity(at, &runs_as);
            let to = maker.member(&Member::ServiceAccount(email.to_owned()));
            maker.belongs(to, &tree.place);
            maker.graph.nodes[to].places.push(mark);
            let edge = maker.edge(from, to, EdgeKind::Link, None);
            if !edge.places.contains(&mark) {
                edge.places.push(mark);
            }
        }
    }
    for tree in landscape.trees {
        for node in [&tree.place.launcher, &tree.place.nodes].into_iter().flatten() {
            if let crate::tree::RunsAs::Google(member) = node {
                let at = maker.member(member);
                maker.belongs(at, &tree.place);
            }
        }
    }
}

/// Who says that it is which Google service account: accounts by their annotation, where that counts, and pods by
/// their configuration.
fn said(tree: &Tree) -> Vec<(RunsAs, &str, Mark)> {
    let is_of_gke = tree.place.pool.as_ref().is_none_or(|pool| pool.gke_project().is_some());
    let accounts = tree.accounts.iter().filter(|_| is_of_gke);
    let annotated = accounts.filter_map(|account| {
        let (email, mark) = account.google.as_ref()?;
        Some((account.runs_as(), email.as_str(), *mark))
    });
    let configured = tree.runs.iter().filter_map(|run| match &run.runs_as {
        RunsAs::Federated { credential, .. } => {
            Some((run.runs_as.clone(), credential.impersonates.as_deref()?, run.mark))
        }
        _ => None,
    });
    annotated.chain(configured).collect()
}

/// Says of each link which half is missing, and of accounts that no tree has them.
pub(super) fn judge(maker: &mut Maker<'_, '_>) {
    let landscape = maker.landscape;
    let mut annotated = BTreeSet::new();
    for (at, tree) in landscape.trees.iter().enumerate() {
        for (runs_as, email, _) in said(tree) {
            let from = maker.identity(at, &runs_as);
            let to = maker.member(&Member::ServiceAccount(email.to_owned()));
            if !annotated.insert((from, to)) {
                continue;
            }
            let identity = landscape.identity(at, &runs_as);
            let verdict = match (identity.kubernetes, identity.doubt) {
                (Some(kubernetes), _) if !landscape.state().policies.is_empty() => {
                    landscape.link(&kubernetes, &identity.attributes, email)
                }
                (Some(_), _) => NeedVerdict::Unknown(vec!["no grants are known".to_owned()]),
                (None, Some(Doubt::Refused(why) | Doubt::Unknown(why))) => NeedVerdict::Unknown(vec![why]),
                (None, None) => NeedVerdict::Unknown(vec!["the pool of the cluster is not known".to_owned()]),
            };
            let edge = maker.edge(from, to, EdgeKind::Link, None);
            match verdict {
                NeedVerdict::Held(_) => {}
                NeedVerdict::Missing(_) => {
                    edge.fault = Some("only the annotation: no grant lets it be this".to_owned())
                }
                NeedVerdict::Denied { on, .. } => {
                    edge.fault = Some(format!("a deny policy on {} keeps it from being this", on.short()));
                }
                NeedVerdict::Disabled(account) => edge.fault = Some(format!("{} is disabled", account.short())),
                NeedVerdict::Unknown(reasons) => edge.doubt = Some(reasons.join("; ")),
            }
        }
    }
    let pools: Vec<&Pool> = landscape
        .trees
        .iter()
        .filter_map(|tree| tree.place.pool.as_ref())
        .collect();
    let namespaces: BTreeSet<&str> = landscape
        .trees
        .iter()
        .flat_map(|tree| tree.accounts.iter().map(|account| account.namespace.as_str()))
        .collect();
    let granted: Vec<(usize, usize)> = maker
        .graph
        .edges
        .iter()
        .filter(|edge| edge.kind == EdgeKind::Link && !annotated.contains(&(edge.from, edge.to)))
        .map(|edge| (edge.from, edge.to))
        .collect();
    for (from, to) in granted {
        let Some((pool, namespace, name)) = maker.kubernetes(from) else {
            continue;
        };
        if !pools.contains(&&pool) || !namespaces.contains(namespace.as_str()) {
            continue;
        }
        let trees = landscape
            .trees
            .iter()
            .filter(|tree| tree.place.pool.as_ref() == Some(&pool));
        let mut accounts = trees.flat_map(|tree| &tree.accounts);
        let account = accounts.find(|account| account.namespace == namespace && account.name == name);
        let fault = match account.map(|account| &account.google) {
            None => {
                let node = &mut maker.graph.nodes[from];
                node.faults.push("no tree has this service account".to_owned());
                node.faults.dedup();
                "only the grant: no tree has this service account".to_owned()
            }
            Some(None) => "only the grant: the account has no annotation that says so".to_owned(),
            Some(Some((says, _))) => format!("only the grant: the account says that it is {says}"),
        };
        maker.edge(from, to, EdgeKind::Link, None).fault = Some(fault);
    }
}

impl Maker<'_, '_> {
    /// The pool, namespace and name of a Kubernetes service account.
    fn kubernetes(&self, at: usize) -> Option<(Pool, String, String)> {
        let member = self.graph.nodes[at].id.parse::<Member>();
        let Ok(member) = member;
        let (namespace, name) = member.as_kubernetes()?;
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        debug_assert_eq!(self.number(&Key::Member(member.clone())), Some(at));
        match member {
            Member::Federated { pool, .. } => Some((pool, namespace, name)),
            _ => None,
        }
    }
}
