//! What one environment has and the next lacks.

use std::collections::BTreeMap;

use build::{Built, Component};
use hashbrown::{HashMap, HashSet};
use resource::{Finding, ResId, Resource};
use yaml::Mark;

use crate::rule::missing_in_next_environment::{RULE, Settings as Told};
use crate::settings::Settings;

/// What is compared of one target.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    environment: String,
    /// The words of the path but for the environment: model, cluster.
    words: BTreeMap<String, String>,
    /// None if it could not be built.
    items: Option<Items>,
}

#[derive(Clone, Debug)]
struct Items {
    objects: Vec<Item>,
    components: Vec<Component>,
}

#[derive(Clone, Debug)]
struct Item {
    id: ResId,
    /// Kind, group and the first name.
    key: (String, String, String),
    mark: Mark,
    labels: Vec<(String, Mark)>,
}

impl Inventory {
    /// Of what a target was built to; of nothing if it could not be built.
    pub fn new(environment: &str, words: &BTreeMap<String, String>, built: Option<&Built>) -> Inventory {
        let mut words = words.clone();
        words.remove("env");
        Inventory {
            environment: environment.to_owned(),
            words,
            items: built.map(|built| Items {
                objects: built.objects.iter().map(Item::new).collect(),
                components: built.components.clone(),
            }),
        }
    }
}

impl Item {
    fn new(object: &Resource) -> Item {
        let gvk = object.gvk();
        let labels = object
            .node
            .get_path(["metadata", "labels"])
            .and_then(yaml::Node::as_map);
        let labels = labels.into_iter().flatten();
        Item {
            id: object.id(),
            key: (
                gvk.kind.to_string(),
                gvk.group.to_string(),
                object.original_id().name.to_string(),
            ),
            mark: object.node.mark,
            labels: labels
                .filter_map(|entry| Some((entry.key.as_str()?.to_owned(), entry.value.mark)))
                .collect(),
        }
    }
}

const HINT: &str = "add it there, or declare under `allow` that it is meant";

/// Findings for each inventory, in their order. The inventories come in the order of promotion.
pub fn parity(inventories: &[Inventory], settings: &[&Settings]) -> Vec<Vec<Finding>> {
    let mut findings = vec![Vec::new(); inventories.len()];
    for (at, inventory) in inventories.iter().enumerate() {
        let Some(severity) = settings[at].severity(&RULE) else {
            continue;
        };
        let later = inventories[at + 1..]
            .iter()
            .filter(|other| other.environment != inventory.environment);
        let Some(next_name) = later.clone().map(|other| &other.environment).next() else {
            continue;
        };
        let next = later
            .filter(|other| other.environment == *next_name)
            .find(|other| other.words == inventory.words);
        // A model or cluster that the next environment does not have at all is no drift.
        let Some(next) = next else { continue };
        let told: Told = settings[at].of(&RULE);
        compare(inventory, next, &told, &mut findings[at]);
        for finding in &mut findings[at] {
            finding.severity = severity;
        }
    }
    findings
}

fn compare(inventory: &Inventory, next: &Inventory, told: &Told, findings: &mut Vec<Finding>) {
    let (Some(here), Some(there)) = (&inventory.items, &next.items) else {
        return;
    };
    let components: HashSet<&str> = there
        .components
        .iter()
        .map(|component| &*component.kustomization)
        .collect();
    let there: HashMap<_, &Item> = there.objects.iter().map(|item| (&item.key, item)).collect();
    let is_allowed = |kind: &str, name: &str| {
        told.allow.iter().any(|allowed| {
            allowed
                .split_once('/')
                .is_some_and(|(of, allowed)| of == kind && (allowed == "*" || allowed == name))
        })
    };
    let finding = |item: &Item, field: String, mark: Mark, message: String| {
        Finding::new(RULE.name, resource::Severity::Note, mark, message)
            .on(item.id.clone(), field)
            .hint(HINT)
    };
    for Component { kustomization, mark } in &here.components {
        let directory = kustomization.rsplit_once('/').map_or("", |(directory, _)| directory);
        if !components.contains(&**kustomization) && !is_allowed("component", directory) {
            let message = format!(
                "{} has the component {directory}, {} has not",
                inventory.environment, next.environment
            );
            findings.push(Finding::new(RULE.name, resource::Severity::Note, *mark, message).hint(HINT));
        }
    }
    for item in &here.objects {
        let (kind, _, name) = &item.key;
        let Some(other) = there.get(&item.key) else {
            // Namespaces have the name of their environment.
            if kind != "Namespace" && !is_allowed(kind, name) {
                let message = format!(
                    "{} has {kind} {name}, {} has not",
                    inventory.environment, next.environment
                );
                findings.push(finding(item, String::new(), item.mark, message));
            }
            continue;
        };
        for (label, mark) in &item.labels {
            if other.labels.iter().any(|(known, _)| known == label) || is_allowed("label", label) {
                continue;
            }
            let message = format!(
                "{kind} {name} has the label {label} in {}, but not in {}",
                inventory.environment, next.environment
            );
            let mark = if mark.is_some() { *mark } else { item.mark };
            findings.push(finding(item, format!("metadata.labels[\"{label}\"]"), mark, message));
        }
    }
}
