//! The graph for programs.

use identity::graph::{Edge, Graph, Need, Node};
use serde::Serialize;
use yaml::{Mark, Sources};

#[derive(Serialize)]
pub(super) struct GraphRecord<'g> {
    nodes: Vec<NodeRecord<'g>>,
    edges: Vec<EdgeRecord<'g>>,
}

#[derive(Serialize)]
struct NodeRecord<'g> {
    id: &'g str,
    kind: &'static str,
    name: &'g str,
    detail: &'g str,
    environments: Vec<&'g str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    faults: &'g [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    places: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EdgeRecord<'g> {
    from: &'g str,
    to: &'g str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'g str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<&'g str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    too_broad: Option<&'g str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'g str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    doubt: Option<&'g str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    needs: Vec<NeedRecord<'g>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    places: Vec<String>,
}

#[derive(Serialize)]
struct NeedRecord<'g> {
    permission: &'g str,
    reason: &'g str,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
}

pub(super) fn record<'g>(graph: &'g Graph, sources: &Sources) -> GraphRecord<'g> {
    GraphRecord {
        nodes: graph.nodes.iter().map(|node| of_node(node, sources)).collect(),
        edges: graph.edges.iter().map(|edge| of_edge(graph, edge, sources)).collect(),
    }
}

fn of_node<'g>(node: &'g Node, sources: &Sources) -> NodeRecord<'g> {
    NodeRecord {
        id: &node.id,
        kind: node.kind.word(),
        name: &node.name,
        detail: &node.detail,
        environments: node.environments.iter().map(String::as_str).collect(),
        faults: &node.faults,
        places: places(&node.places, sources),
    }
}

fn of_edge<'g>(graph: &'g Graph, edge: &'g Edge, sources: &Sources) -> EdgeRecord<'g> {
    let need = |need: &'g Need| NeedRecord {
        permission: need.permission,
        reason: &need.reason,
        place: sources.place(need.mark).map(|place| place.to_string()),
    };
    EdgeRecord {
        from: &graph.nodes[edge.from].id,
        to: &graph.nodes[edge.to].id,
        kind: edge.kind.word(),
        role: edge.role.as_deref(),
        condition: edge.condition.as_deref(),
        too_broad: edge.too_broad.as_deref(),
        fault: edge.fault.as_deref(),
        doubt: edge.doubt.as_deref(),
        needs: edge.needs.iter().map(need).collect(),
        places: places(&edge.places, sources),
    }
}

/// Lines, each once: environments share their bases.
fn places(marks: &[Mark], sources: &Sources) -> Vec<String> {
    let mut places: Vec<String> = Vec::new();
    for place in marks.iter().filter_map(|mark| sources.place(*mark)) {
        let place = place.to_string();
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}
