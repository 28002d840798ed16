//! The graph in the language of Graphviz: a cluster for each environment, edges styled by kind.

use std::fmt::Write as _;

use identity::graph::{EdgeKind, Graph, NodeKind};

use super::drawing::{band_of, band_title, label};

pub(super) fn render(graph: &Graph, environments: &[&str]) -> String {
    // Writing to a text cannot fail.
    let mut out = String::from(
        "digraph identities {\n  rankdir=LR\n  node [fontname=\"sans-serif\", fontsize=11, style=\"filled,rounded\", \
         fillcolor=\"#f6f8fa\", shape=box]\n  edge [fontname=\"sans-serif\", fontsize=9]\n",
    );
    for band in 0..environments.len() + 2 {
        let nodes: Vec<usize> = (0..graph.nodes.len())
            .filter(|at| band_of(&graph.nodes[*at], environments) == band)
            .collect();
        if nodes.is_empty() {
            continue;
        }
        let title = quoted(band_title(band, environments));
        let _ = writeln!(
            out,
            "  subgraph cluster_{band} {{\n    label={title}\n    color=\"#8c959f\""
        );
        for at in nodes {
            let node = &graph.nodes[at];
            let (shape, colour) = match node.kind {
                NodeKind::Workload => ("box", "#0969da"),
                NodeKind::Person => ("ellipse", "#bc4c00"),
                NodeKind::KubernetesAccount => ("box", "#0f7b8c"),
                NodeKind::Group => ("ellipse", "#9a6700"),
                NodeKind::GoogleAccount => ("box", "#8250df"),
                NodeKind::Container => ("folder", "#57606a"),
                NodeKind::Resource => ("cylinder", "#1a7f37"),
            };
            let mut lines = vec![node.name.as_str(), node.detail.as_str()];
            lines.extend(node.faults.iter().map(String::as_str));
            let width = if node.faults.is_empty() { 1 } else { 3 };
            let _ = writeln!(
                out,
                "    n{at} [label={}, tooltip={}, shape={shape}, color=\"{colour}\", penwidth={width}]",
                quoted(&lines.join("\n")),
                quoted(&node.id)
            );
        }
        out.push_str("  }\n");
    }
    for edge in &graph.edges {
        let is_bad = edge.fault.is_some() || edge.kind == EdgeKind::Missing;
        let (style, colour) = match edge.kind {
            _ if is_bad => ("dashed", "#cf222e"),
            _ if edge.too_broad.is_some() => ("bold", "#bc4c00"),
            EdgeKind::Link => ("solid", "#0f7b8c"),
            EdgeKind::ActsAs => ("solid", "#8250df"),
            EdgeKind::Grant => ("solid", "#1a7f37"),
            EdgeKind::Denied => ("dotted", "#cf222e"),
            EdgeKind::Unverified => ("dotted", "#57606a"),
            EdgeKind::Holds | EdgeKind::MemberOf => ("solid", "#8c959f"),
            EdgeKind::RunsAs | EdgeKind::Missing => ("solid", "#57606a"),
        };
        let label = label(edge).map_or_else(String::new, |label| format!(", label={}", quoted(&label.text)));
        let _ = writeln!(
            out,
            "  n{} -> n{} [style={style}, color=\"{colour}\"{label}]",
            edge.from, edge.to
        );
    }
    out.push_str("}\n");
    out
}

/// A text in quotes; lines stay lines.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
