//! What is found in objects, where, and in which versions.

#![expect(clippy::unwrap_used, reason = "a test fails where something is not as it must be")]

mod bundled;
mod objects;
mod workloads;

use std::sync::Arc;

use resource::{Finding, Resource, Schema};
use schema::{Catalog, versions};
use yaml::{Layer, Mark, Sources};

fn objects(text: &str) -> (Vec<Resource>, Sources) {
    let sources = Sources::new();
    let source = sources.add("objects.yaml", text.to_owned());
    let layer = Arc::new(Layer::new("".into(), String::new(), Mark::NONE));
    let documents = yaml::read_documents(&source).unwrap();
    let schema = Schema::builtin();
    let resource = |node| Resource::new(node, layer.clone(), &schema);
    (documents.nodes.into_iter().map(resource).collect(), sources)
}

/// What is found, as `line:column rule field: message [hint]`.
fn found_in(asked: &[&str], text: &str) -> Vec<String> {
    let (objects, sources) = objects(text);
    let asked = versions(asked.iter().copied()).unwrap();
    let findings = Catalog::new(&objects, asked, None).check(&objects);
    let line = |finding: &Finding| {
        let place = sources.place(finding.mark).unwrap();
        let hint = finding
            .hint
            .as_deref()
            .map_or(String::new(), |hint| format!(" [{hint}]"));
        let (rule, field, message) = (&finding.rule, &finding.field, &finding.message);
        format!("{}:{} {rule} {field}: {message}{hint}", place.line, place.column)
    };
    findings.iter().map(line).collect()
}

fn found(text: &str) -> Vec<String> {
    found_in(&["1.37"], text)
}
