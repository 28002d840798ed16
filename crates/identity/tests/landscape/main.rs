//! Trees beside what is granted: what workloads need, whether they have it, and the plan that gives it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod graph;
mod intents;
mod matrix;
mod needs;
mod plan;

use std::sync::Arc;

use identity::{Place, Pool, State, Tree};
use resource::{Resource, Schema};
use yaml::{Layer, Mark, Sources};

/// The tree of some objects in the project `acme` (number 17).
fn tree(text: &str, place: &Place) -> Tree {
    let source = Sources::new().add("objects.yaml", text.to_owned());
    let layer = Arc::new(Layer::new("k".into(), "resources[0]".into(), Mark::NONE));
    let nodes = yaml::read_documents(&source).unwrap().nodes;
    let resource = |node| Resource::new(node, layer.clone(), &Schema::builtin());
    let objects: Vec<Resource> = nodes.into_iter().map(resource).collect();
    Tree::new(&objects, place, &State::default())
}

fn place() -> Place {
    Place {
        environment: "prod".to_owned(),
        target: "overlays/prod".to_owned(),
        project: Some("acme".to_owned()),
        project_number: Some("17".to_owned()),
        location: Some("europe-west4".to_owned()),
        namespace: Some("ml".to_owned()),
        pool: Some(Pool::of_gke("acme")),
        ..Place::default()
    }
}
