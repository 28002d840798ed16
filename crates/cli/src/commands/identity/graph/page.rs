//! The graph as a page of its own: moved, zoomed, searched, filtered; what is clicked says where it is declared.

use identity::graph::{EdgeKind, Graph};
use serde::Serialize;
use yaml::Sources;

use super::drawing::Drawing;
use super::record::{GraphRecord, record};
use super::svg;
use crate::report::escape::markup;

const STYLE: &str = include_str!("graph.css");
const PAGE_STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

#[derive(Serialize)]
struct Data<'g> {
    environments: &'g [&'g str],
    #[serde(flatten)]
    graph: GraphRecord<'g>,
}

pub(super) fn page(graph: &Graph, environments: &[&str], sources: &Sources) -> String {
    let drawing = Drawing::new(graph, environments);
    let data = Data {
        environments,
        graph: record(graph, sources),
    };
    // Only texts and lists are in the data: writing it cannot fail. No text of it may end the script.
    let data = serde_json::to_string(&data).unwrap_or_default().replace('<', "\\u003c");
    let chooser = |name: &str, value: &str, words: &str| {
        format!(
            "<label><input type=\"checkbox\" name=\"{name}\" value=\"{}\" checked> {}</label>\n",
            markup(value),
            markup(words)
        )
    };
    let of_environments: String = environments
        .iter()
        .map(|name| chooser("environment", name, name))
        .collect();
    // What is part of what has no line.
    let is_drawn = |kind: &&EdgeKind| **kind != EdgeKind::Holds && graph.edges.iter().any(|edge| edge.kind == **kind);
    let kinds = EdgeKind::ALL.iter().filter(is_drawn);
    let of_kinds: String = kinds.map(|kind| chooser("kind", kind.word(), words(*kind))).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Identities</title>\n<style>\n{STYLE}{PAGE_STYLE}</style>\n</head>\n<body class=\"graph\">\n<header>\n<h1>Identities</h1>\n\
         <span class=\"sum\">{}</span>\n<input type=\"search\" id=\"search\" placeholder=\"Search names and roles ( / )\" aria-label=\"Search\">\n\
         <output id=\"found\" for=\"search\"></output>\n<span><button id=\"out\" aria-label=\"Smaller\">−</button> \
         <button id=\"in\" aria-label=\"Larger\">+</button> <button id=\"fit\">All</button></span>\n\
         <fieldset><legend>Environments</legend>\n{of_environments}</fieldset>\n<fieldset><legend>Edges</legend>\n{of_kinds}\
         <label><input type=\"checkbox\" id=\"marked\"> only what is marked</label>\n</fieldset>\n</header>\n<main>\n\
         <svg id=\"stage\" tabindex=\"0\" role=\"application\" aria-label=\"The graph\"><g id=\"world\" class=\"graph\">\n{}</g></svg>\n\
         <aside id=\"details\" aria-live=\"polite\"></aside>\n</main>\n<script type=\"application/json\" id=\"data\">{data}</script>\n\
         <script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        markup(&svg::summary(graph)),
        svg::body(&drawing),
    )
}

fn words(kind: EdgeKind) -> &'static str {
    match kind {
        EdgeKind::RunsAs => "runs as",
        EdgeKind::Link => "links",
        EdgeKind::ActsAs => "acts as",
        EdgeKind::Grant => "roles",
        EdgeKind::Denied => "denials",
        EdgeKind::Missing => "missing",
        EdgeKind::Unverified => "not verified",
        EdgeKind::MemberOf => "groups",
        EdgeKind::Holds => "parts",
    }
}
