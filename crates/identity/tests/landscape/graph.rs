//! The graph of a tree and of grants: which edges there are, and what is said of them.

use identity::graph::{EdgeKind, Graph, NodeKind};
use identity::{Landscape, Reasoner, ResourceName, State};
use serde_json::json;

use super::{place, tree};

const TREE: &str = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: server, annotations: {iam.gke.io/gcp-service-account: server@acme.iam.gserviceaccount.com}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: half, annotations: {iam.gke.io/gcp-service-account: server@acme.iam.gserviceaccount.com}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: silent}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  serviceAccountName: server
  containers:
  - {name: web, image: x, args: [--model=gs://models/a, --output=gs://models/b]}
";

fn state() -> State {
    let mut state = State::default();
    let server = "serviceAccount:server@acme.iam.gserviceaccount.com";
    let policies = [
        (
            "projects/acme",
            json!([{"role": "roles/editor", "members": ["group:ml@acme.com"]},
                {"role": "roles/run.viewer", "members": ["user:eve@acme.com"]}]),
        ),
        (
            "server@acme.iam.gserviceaccount.com",
            json!([{"role": "roles/iam.workloadIdentityUser", "members": ["serviceAccount:acme.svc.id.goog[ml/server]",
                "serviceAccount:acme.svc.id.goog[ml/silent]", "serviceAccount:acme.svc.id.goog[ml/nobody]",
                "serviceAccount:acme.svc.id.goog[other/far]"]}]),
        ),
        (
            "gs://models",
            json!([{"role": "roles/storage.objectViewer", "members": [server, "allUsers"]}]),
        ),
        // Nobody of the tree is concerned.
        (
            "gs://elsewhere",
            json!([{"role": "roles/storage.objectViewer", "members": ["user:eve@acme.com"]}]),
        ),
    ];
    for (on, bindings) in policies {
        let text = json!({"bindings": bindings}).to_string();
        let source = yaml::Sources::new().add("policy.json", text);
        state.read(&source, Some(&ResourceName::parse(on).unwrap())).unwrap();
    }
    state
        .groups
        .insert("ml@acme.com".to_owned(), vec!["user:ann@acme.com".parse().unwrap()]);
    state
        .parents
        .push((ResourceName::bucket("models"), ResourceName::project("acme")));
    state
}

fn lines(graph: &Graph) -> Vec<String> {
    let line = |edge: &identity::graph::Edge| {
        let of = |at: usize| graph.nodes[at].name.as_str();
        let mut line = format!("{} {} {}", of(edge.from), edge.kind.word(), of(edge.to));
        let more = [&edge.role, &edge.too_broad, &edge.fault];
        more.into_iter()
            .flatten()
            .for_each(|text| line.push_str(&format!(" | {text}")));
        edge.needs
            .iter()
            .for_each(|need| line.push_str(&format!(" | for {}", need.permission)));
        line
    };
    graph.edges.iter().map(line).collect()
}

#[test]
fn edges_say_what_holds_and_what_is_wrong() {
    let (state, trees) = (state(), [tree(TREE, &place())]);
    let reasoner = Reasoner::new(&state);
    let graph = Graph::new(&Landscape::new(&trees, &reasoner, None));
    let basic = "a basic role, with most permissions of all services";
    let expected = [
        "web runsAs ml/server".to_owned(),
        "ann@acme.com memberOf ml@acme.com".to_owned(),
        "eve@acme.com grant acme | roles/run.viewer".to_owned(),
        "ml/half link server | only the annotation: no grant lets it be this".to_owned(),
        "ml/nobody link server | roles/iam.workloadIdentityUser | only the grant: no tree has this service account".to_owned(),
        "ml/server link server | roles/iam.workloadIdentityUser".to_owned(),
        "ml/silent link server | roles/iam.workloadIdentityUser | only the grant: the account has no annotation that says so"
            .to_owned(),
        // A namespace that no tree has is somebody else's.
        "other/far link server | roles/iam.workloadIdentityUser".to_owned(),
        "allUsers grant models | roles/storage.objectViewer | anybody on the internet has it".to_owned(),
        format!("ml@acme.com grant acme | roles/editor | {basic}"),
        "server grant models | roles/storage.objectViewer | for storage.objects.get".to_owned(),
        "server missing models | for storage.objects.create".to_owned(),
        "acme holds models".to_owned(),
    ];
    assert_eq!(lines(&graph), expected);
    assert!(graph.nodes.iter().all(|node| node.environments.contains("prod")));
    let kinds: Vec<NodeKind> = graph.nodes.iter().map(|node| node.kind).collect();
    assert!(kinds.is_sorted());
    assert!(graph.edges.iter().all(|edge| edge.kind == EdgeKind::Holds
        || edge.kind == EdgeKind::MemberOf
        || edge.role.is_some()
        || !edge.places.is_empty()
        || !edge.needs.is_empty()));
}

#[test]
fn around_a_node_is_what_leads_to_it_and_where_it_leads() {
    let (state, trees) = (state(), [tree(TREE, &place())]);
    let reasoner = Reasoner::new(&state);
    let graph = Graph::new(&Landscape::new(&trees, &reasoner, None));
    let around = graph.around(&graph.find("ml/half").unwrap());
    let names: Vec<&str> = around.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["ml/half", "server", "models"]);
    for name in [
        "web",
        "gs://models",
        "models",
        "server@acme.iam.gserviceaccount.com",
        "ann@acme.com",
    ] {
        let found = graph.find(name);
        assert_eq!(
            found.map(|found| found.len()).unwrap_or(0),
            usize::from(name != "gs://models"),
            "{name}"
        );
    }
    assert_eq!(graph.find("modles").unwrap_err()[0], "models");
}
