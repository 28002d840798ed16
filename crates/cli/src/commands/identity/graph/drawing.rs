//! The graph laid out: columns by kind, a band for each environment, a pill on each edge that has something to say.

use std::collections::BTreeMap;

use identity::graph::{Edge, EdgeKind, Graph, Node, NodeKind};
use layered::{Arrow, Layout, Shape, Spacing};

/// The width of a character of names, of labels and of details, at their sizes.
const NAME_CHARACTER: f64 = 7.25;
const LABEL_CHARACTER: f64 = 6.35;
const DETAIL_CHARACTER: f64 = 5.7;

/// Around the text of a node and of a label.
const NODE_PADDING: f64 = 26.0;
const LABEL_PADDING: f64 = 14.0;

/// Longer texts are cut in their middle.
const MOST_NAME: usize = 30;
const MOST_DETAIL: usize = 38;
const MOST_LABEL: usize = 34;

const NODE_HEIGHT: f64 = 38.0;

const SPACING: Spacing = Spacing {
    boxes: 10.0,
    lines: 9.0,
    label_height: 17.0,
    columns: 52.0,
    band: 20.0,
    title: 22.0,
};

/// What an edge says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EdgeLabel {
    pub(super) text: String,
    /// For its colour and line.
    pub(super) class: String,
}

/// A graph with its places.
pub(super) struct Drawing<'g> {
    pub(super) graph: &'g Graph,
    pub(super) environments: &'g [&'g str],
    pub(super) layout: Layout,
    /// The edges whose lines are in the layout, in their order.
    pub(super) drawn: Vec<usize>,
    /// One for each edge, as far as it says anything.
    pub(super) labels: Vec<Option<EdgeLabel>>,
}

impl<'g> Drawing<'g> {
    pub(super) fn new(graph: &'g Graph, environments: &'g [&'g str]) -> Drawing<'g> {
        let mut widths = [0.0; TIERS.len()];
        for node in &graph.nodes {
            let width = &mut widths[tier(node.kind)];
            *width = f64::max(*width, node_width(node));
        }
        let shapes: Vec<Shape> = graph
            .nodes
            .iter()
            .map(|node| Shape {
                tier: tier(node.kind),
                group: band_of(node, environments),
                width: widths[tier(node.kind)],
                height: NODE_HEIGHT,
            })
            .collect();
        let labels: Vec<Option<EdgeLabel>> = graph.edges.iter().map(label).collect();
        // Edges that look and say the same share their ends. What is part of what is said at the nodes.
        let mut bundles = BTreeMap::new();
        let mut arrows = Vec::new();
        let mut drawn = Vec::new();
        for (at, (edge, label)) in graph.edges.iter().zip(&labels).enumerate() {
            if edge.kind == EdgeKind::Holds {
                continue;
            }
            let next = bundles.len();
            arrows.push(Arrow {
                from: edge.from,
                to: edge.to,
                bundle: *bundles.entry((label, edge.kind, &edge.condition)).or_insert(next),
                label: label.as_ref().map(|label| label_width(&label.text)),
            });
            drawn.push(at);
        }
        let layout = layered::layout(&shapes, &arrows, &SPACING);
        Drawing {
            graph,
            environments,
            layout,
            drawn,
            labels,
        }
    }
}

/// What the columns of a tier hold.
pub(super) const TIERS: [&str; 4] = [
    "what runs, and people",
    "accounts and groups",
    "Google accounts",
    "projects and resources",
];

fn tier(kind: NodeKind) -> usize {
    match kind {
        NodeKind::Workload | NodeKind::Person => 0,
        NodeKind::KubernetesAccount | NodeKind::Group => 1,
        NodeKind::GoogleAccount => 2,
        NodeKind::Container | NodeKind::Resource => 3,
    }
}

/// The band of a node: one for each environment, one for what several share, one for what belongs to none.
pub(super) fn band_of(node: &Node, environments: &[&str]) -> usize {
    let mut of_node = node.environments.iter();
    match (of_node.next(), of_node.next()) {
        (Some(name), None) => environments.iter().position(|known| known == name).unwrap_or(0),
        (Some(_), Some(_)) => environments.len(),
        (None, _) => environments.len() + 1,
    }
}

pub(super) fn band_title<'e>(band: usize, environments: &[&'e str]) -> &'e str {
    match environments.get(band) {
        Some(name) => name,
        None if band == environments.len() => "several environments",
        None => "elsewhere",
    }
}

fn node_width(node: &Node) -> f64 {
    let count = |text: &str, most: usize| text.chars().count().min(most) as f64;
    let name = count(&node.name, MOST_NAME) * NAME_CHARACTER;
    let detail = count(&node.detail, MOST_DETAIL) * DETAIL_CHARACTER;
    (f64::max(name, detail) + NODE_PADDING).max(100.0)
}

pub(super) fn name(node: &Node) -> String {
    cut(&node.name, MOST_NAME)
}

pub(super) fn detail(node: &Node) -> String {
    cut(&node.detail, MOST_DETAIL)
}

fn label_width(text: &str) -> f64 {
    text.chars().count() as f64 * LABEL_CHARACTER + LABEL_PADDING
}

/// A text that is too long without its middle.
fn cut(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    let kept = most - 1;
    let start: String = text.chars().take(kept / 2).collect();
    let end: String = text.chars().skip(count - (kept - kept / 2)).collect();
    format!("{start}…{end}")
}

/// What an edge says, if anything.
pub(super) fn label(edge: &Edge) -> Option<EdgeLabel> {
    let role = edge
        .role
        .as_deref()
        .map(|role| role.rsplit("roles/").next().unwrap_or(role));
    let needed = || match &edge.needs[..] {
        [] => String::new(),
        [one] => one.permission.to_owned(),
        [one, others @ ..] if others.iter().all(|other| other.permission == one.permission) => {
            one.permission.to_owned()
        }
        [one, ..] => {
            let mut all: Vec<&str> = edge.needs.iter().map(|need| need.permission).collect();
            all.sort_unstable();
            all.dedup();
            format!("{} +{}", one.permission, all.len() - 1)
        }
    };
    let conditional = if edge.condition.is_some() { " if…" } else { "" };
    let mut class = edge.kind.word().to_owned();
    let text = match edge.kind {
        EdgeKind::Missing => format!("✗ {}", needed()),
        EdgeKind::Unverified => format!("? {}", needed()),
        EdgeKind::Denied => format!("denied {}", role.unwrap_or_default()),
        EdgeKind::Link => match (&edge.fault, &edge.doubt) {
            (Some(fault), _) => {
                class.push_str(" fault");
                format!("✗ {}", fault.split(':').next().unwrap_or(fault))
            }
            (None, Some(_)) => {
                class.push_str(" doubt");
                "? the grant".to_owned()
            }
            (None, None) => return None,
        },
        EdgeKind::Grant | EdgeKind::ActsAs => {
            if edge.too_broad.is_some() {
                class.push_str(" broad");
            }
            if edge.condition.is_some() {
                class.push_str(" conditional");
            }
            let mark = if edge.too_broad.is_some() { "! " } else { "" };
            format!("{mark}{}{conditional}", role.unwrap_or_default())
        }
        EdgeKind::RunsAs | EdgeKind::MemberOf | EdgeKind::Holds => return None,
    };
    Some(EdgeLabel {
        text: cut(&text, MOST_LABEL),
        class,
    })
}

/// The classes of an edge, with and without a label.
pub(super) fn class(edge: &Edge, label: Option<&EdgeLabel>) -> String {
    label.map_or_else(|| edge.kind.word().to_owned(), |label| label.class.clone())
}
