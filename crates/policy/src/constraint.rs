//! Constraints: what they match, what they tell their template, how severe they are.

use resource::Severity;
use yaml::{Map, Mark, Node};

use crate::Defect;
use crate::data::{items, text};
use crate::matching::Match;
use crate::schema;

pub(crate) const GROUP: &str = "constraints.gatekeeper.sh";

/// A constraint.
#[derive(Clone, Debug)]
pub(crate) struct Constraint {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) mark: Mark,
    pub(crate) subject: Match,
    /// The whole object, its parameters with their defaults.
    pub(crate) node: Node,
    /// `None` where its actions are for other places than admission.
    pub(crate) severity: Option<Severity>,
}

/// Places of enforcement that stand for what happens to an object on its way into the cluster.
const POINTS: [&str; 5] = [
    "*",
    "validation.gatekeeper.sh",
    "gator.gatekeeper.sh",
    "vap.k8s.io",
    "audit.gatekeeper.sh",
];

impl Constraint {
    /// Reads a constraint; `parameters` is the schema of its template.
    ///
    /// # Errors
    /// [`Defect`] where it says what its template does not allow, or matches in a way that is not known.
    pub(crate) fn read(node: &Node, parameters: Option<&Node>) -> Result<Constraint, Defect> {
        let mut node = node.clone();
        let subject = match node.get_path(["spec", "match"]) {
            Some(subject) if !subject.is_null() => Match::read(subject)?,
            _ => Match::default(),
        };
        if let Some(parameters) = parameters {
            if let Some(given) = node.get_path(["spec", "parameters"])
                && let Some(defect) = schema::validate(given, parameters, "spec.parameters")
            {
                return Err(defect);
            }
            fill_in(&mut node, parameters);
        }
        let severity = severity(&node)?;
        Ok(Constraint {
            kind: text(&node, &["kind"]).unwrap_or_default().to_owned(),
            name: text(&node, &["metadata", "name"]).unwrap_or_default().to_owned(),
            mark: node.get("kind").map_or(node.mark, |kind| kind.mark),
            subject,
            severity,
            node,
        })
    }

    /// The name of the rule that it is: `KIND/NAME`.
    pub(crate) fn rule(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }

    /// What it tells its template.
    pub(crate) fn parameters(&self) -> Option<&Node> {
        self.node
            .get_path(["spec", "parameters"])
            .filter(|node| !node.is_null())
    }
}

/// Defaults are filled in where there are any, also where nothing was said.
fn fill_in(node: &mut Node, parameters: &Node) {
    let Some(map) = node.as_map_mut() else { return };
    if !map.contains_key("spec") {
        map.insert("spec", Node::map(Map::new()));
    }
    let Some(spec) = map.get_mut("spec").and_then(Node::as_map_mut) else {
        return;
    };
    match spec.get_mut("parameters") {
        Some(given) => schema::with_defaults(given, parameters),
        None => {
            let mut given = Node::map(Map::new());
            schema::with_defaults(&mut given, parameters);
            if given.as_map().is_some_and(|map| !map.is_empty()) {
                spec.insert("parameters", given);
            }
        }
    }
}

fn severity(node: &Node) -> Result<Option<Severity>, Defect> {
    let of = |action: Option<&Node>| match action.map(|action| (action, action.as_str())) {
        None | Some((_, Some("deny"))) => Ok(Severity::Error),
        Some((_, Some("warn"))) => Ok(Severity::Warning),
        Some((_, Some("dryrun"))) => Ok(Severity::Note),
        Some((action, word)) => {
            let message = format!("\"{}\" is no enforcement action", word.unwrap_or_default());
            Err(Defect::new(action.mark, message))
        }
    };
    let action = node.get_path(["spec", "enforcementAction"]);
    if action.and_then(Node::as_str) != Some("scoped") {
        return of(action).map(Some);
    }
    let mut highest = None;
    for scoped in items(node, &["spec", "scopedEnforcementActions"]) {
        let mut points = items(scoped, &["enforcementPoints"]).filter_map(|point| text(point, &["name"]));
        if points.any(|point| POINTS.contains(&point)) {
            highest = highest.max(Some(of(scoped.get("action"))?));
        }
    }
    Ok(highest)
}
