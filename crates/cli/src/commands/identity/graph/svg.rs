//! The graph as a picture: an SVG that needs nothing else, for light and dark pages.

use std::fmt::Write as _;

use identity::graph::Graph;
use layered::{Line, Step};

use super::drawing::{Drawing, TIERS, band_title, class, detail, name};
use crate::report::escape::markup;

const STYLE: &str = include_str!("graph.css");

/// Above the bands, for the names of columns; below them, for the legend.
const HEAD: f64 = 24.0;
const FOOT: f64 = 34.0;

/// A picture with its legend.
pub(super) fn picture(graph: &Graph, environments: &[&str]) -> String {
    let drawing = Drawing::new(graph, environments);
    let legend = legend();
    let width = drawing.layout.width.max(legend.1 + 40.0);
    let height = drawing.layout.height + HEAD + FOOT;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"graph\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" \
         role=\"img\" aria-label=\"Identities\">\n<title>Identities</title>\n<desc>{2}</desc>\n<style>\n{STYLE}</style>\n\
         <rect class=\"page\" width=\"{0}\" height=\"{1}\"/>\n",
        number(width),
        number(height),
        markup(&summary(graph)),
    );
    let _ = writeln!(out, "<g transform=\"translate(0 {})\">", number(HEAD));
    out.push_str(&body(&drawing));
    out.push_str("</g>\n");
    let _ = writeln!(
        out,
        "<g class=\"legend\" transform=\"translate(20 {})\">",
        number(height - FOOT + 8.0)
    );
    out.push_str(&legend.0);
    out.push_str("</g>\n</svg>\n");
    out
}

/// What is in a graph, in a sentence.
pub(super) fn summary(graph: &Graph) -> String {
    let broad = graph.edges.iter().filter(|edge| edge.too_broad.is_some()).count();
    let missing = graph
        .edges
        .iter()
        .filter(|edge| edge.kind == identity::graph::EdgeKind::Missing)
        .count();
    let broken = graph
        .edges
        .iter()
        .filter(|edge| edge.kind == identity::graph::EdgeKind::Link && edge.fault.is_some())
        .count();
    let many = |count: usize, one: &str, more: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {more}"),
    };
    format!(
        "{}, {}; {}, {}, {}",
        many(graph.nodes.len(), "node", "nodes"),
        many(graph.edges.len(), "edge", "edges"),
        many(broad, "role that is too broad", "roles that are too broad"),
        many(broken, "half link", "half links"),
        many(missing, "edge of missing permissions", "edges of missing permissions"),
    )
}

/// Bands, lines, nodes and labels, in that order.
pub(super) fn body(drawing: &Drawing<'_>) -> String {
    let mut out = String::new();
    let layout = &drawing.layout;
    for (band, area) in &layout.bands {
        let title = markup(band_title(*band, drawing.environments));
        let _ = writeln!(
            out,
            "<g class=\"band\" data-band=\"{title}\"><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"8\"/>\
             <text x=\"{}\" y=\"{}\">{title}</text></g>",
            number(area.x),
            number(area.y),
            number(area.width),
            number(area.height),
            number(area.x + 10.0),
            number(area.y + 16.0)
        );
    }
    let mut last = None;
    for column in &layout.columns {
        if last.replace(column.tier) != Some(column.tier) {
            let _ = writeln!(
                out,
                "<text class=\"head\" x=\"{}\" y=\"-6\">{}</text>",
                number(column.x),
                TIERS[column.tier]
            );
        }
    }
    out.push_str("<g class=\"edges\">\n");
    for (at, line) in drawing.drawn.iter().zip(&layout.lines) {
        let class = class(&drawing.graph.edges[*at], drawing.labels[*at].as_ref());
        let path = path(line);
        let _ = writeln!(
            out,
            "<g class=\"edge {class}\" data-edge=\"{at}\"><path d=\"{path}\"/>{}</g>",
            head(line)
        );
    }
    out.push_str("</g>\n<g class=\"labels\">\n");
    for label in &layout.labels {
        let of_label: Vec<usize> = label.arrows.iter().map(|arrow| drawing.drawn[*arrow]).collect();
        let Some((first, text)) = of_label
            .first()
            .and_then(|at| Some((*at, drawing.labels[*at].as_ref()?)))
        else {
            continue;
        };
        let edges: Vec<String> = of_label.iter().map(usize::to_string).collect();
        let edge = &drawing.graph.edges[first];
        let why = [&edge.too_broad, &edge.fault, &edge.doubt, &edge.condition];
        let why = why.into_iter().find_map(Option::as_ref);
        let title = why.map_or_else(String::new, |why| format!("<title>{}</title>", markup(why)));
        let area = label.area;
        let _ = writeln!(
            out,
            "<g class=\"label {}\" data-edges=\"{}\">{title}<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"8\"/>\
             <text x=\"{}\" y=\"{}\">{}</text></g>",
            text.class,
            edges.join(" "),
            number(area.x),
            number(area.y),
            number(area.width),
            number(area.height),
            number(area.x + area.width / 2.0),
            number(area.y + 12.2),
            markup(&text.text)
        );
    }
    out.push_str("</g>\n<g class=\"nodes\">\n");
    for (at, node) in drawing.graph.nodes.iter().enumerate() {
        let area = layout.boxes[at];
        let faulty = if node.faults.is_empty() { "" } else { " faulty" };
        let mark = match node.faults.is_empty() {
            true => String::new(),
            false => format!(
                "<text class=\"mark\" x=\"{}\" y=\"{}\">!</text>",
                number(area.x + area.width - 12.0),
                number(area.y + 16.0)
            ),
        };
        let mut title = vec![node.id.clone()];
        title.extend(node.faults.iter().cloned());
        let _ = writeln!(
            out,
            "<g class=\"node {}{faulty}\" data-node=\"{at}\"><title>{}</title><rect x=\"{x}\" y=\"{}\" width=\"{}\" \
             height=\"{}\" rx=\"5\"/><rect class=\"bar\" x=\"{x}\" y=\"{}\" width=\"5\" height=\"{}\" rx=\"2\"/>\
             <text class=\"name\" x=\"{text}\" y=\"{}\">{}</text><text class=\"detail\" x=\"{text}\" y=\"{}\">{}</text>{mark}</g>",
            node.kind.word(),
            markup(&title.join("\n")),
            number(area.y),
            number(area.width),
            number(area.height),
            number(area.y),
            number(area.height),
            number(area.y + 16.5),
            markup(&name(node)),
            number(area.y + 30.0),
            markup(&detail(node)),
            x = number(area.x),
            text = number(area.x + 13.0),
        );
    }
    out.push_str("</g>\n");
    out
}

/// A sample of each sort of edge, and the width of all of them.
fn legend() -> (String, f64) {
    const SAMPLES: [(&str, &str); 9] = [
        ("runsAs", "runs as"),
        ("link", "is linked with"),
        ("link fault", "half a link"),
        ("actsAs", "acts as"),
        ("grant", "has a role"),
        ("grant broad", "! too broad"),
        ("missing", "✗ lacks what it needs"),
        ("unverified", "? nobody can tell"),
        ("memberOf", "is part of"),
    ];
    let mut out = String::new();
    let mut x = 0.0;
    for (class, words) in SAMPLES {
        let end = x + 30.0;
        let _ = writeln!(
            out,
            "<g class=\"edge {class}\"><path d=\"M{} 8H{}\"/></g><text x=\"{}\" y=\"12\">{words}</text>",
            number(x),
            number(end),
            number(end + 6.0)
        );
        x = end + 6.0 + words.chars().count() as f64 * 6.0 + 20.0;
    }
    (out, x)
}

fn path(line: &Line) -> String {
    let point = |(x, y): (f64, f64)| format!("{} {}", number(x), number(y));
    let mut out = format!("M{}", point(line.start));
    for step in &line.steps {
        let _ = match step {
            Step::Straight(end) => write!(out, "L{}", point(*end)),
            Step::Curve(first, second, end) => {
                write!(out, "C{} {} {}", point(*first), point(*second), point(*end))
            }
        };
    }
    out
}

/// The tip of a line, which ends at the left or right edge of a box.
fn head(line: &Line) -> String {
    let Some(last) = line.steps.last() else {
        return String::new();
    };
    let (before, (x, y)) = match *last {
        Step::Straight(end) => {
            let before = match line.steps.len().checked_sub(2).map(|at| line.steps[at]) {
                Some(Step::Straight(point) | Step::Curve(_, _, point)) => point,
                None => line.start,
            };
            (before, end)
        }
        Step::Curve(_, second, end) => (second, end),
    };
    let back = if before.0 <= x { x - 6.0 } else { x + 6.0 };
    format!(
        "<path class=\"tip\" d=\"M{} {}L{} {}L{} {}Z\"/>",
        number(back),
        number(y - 3.2),
        number(x),
        number(y),
        number(back),
        number(y + 3.2)
    )
}

/// With one digit behind the point, where it has any.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".to_owned(),
        Some(whole) => whole.to_owned(),
        None => text,
    }
}
