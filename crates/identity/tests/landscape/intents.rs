//! Secret intents: who reads them, told once, and the same as of what they are written out as.

use std::sync::Arc;

use identity::{Place, RunsAs, Tree};
use resource::{Resource, Schema};
use secret::{Destination, Intent};
use yaml::{Layer, Mark, Sources};

use crate::{place, tree};

/// An intent, with pods that mount it and a store that reads for the cluster.
const INTENT: &str = "\
apiVersion: secrets.terrace.dev/v1alpha1
kind: SecretIntent
metadata: {name: database, namespace: ml}
spec:
  path: ml/{env}/database
  keys:
  - {name: password, version: 3}
  - {name: user}
";
const AROUND: &str = "\
---
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: gsm}
spec: {provider: {gcpsm: {projectID: acme, auth: {workloadIdentity: {serviceAccountRef: {name: reader, namespace: es}}}}}}
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: ml}
spec:
  serviceAccountName: server
  containers: [{name: main, image: nginx}]
  volumes: [{name: s, csi: {driver: secrets-store.csi.k8s.io, volumeAttributes: {secretProviderClass: database}}}]
";

/// What is written of an intent needs what the intent needs, and nobody is told twice.
#[test]
fn what_an_intent_is_written_as_needs_the_same() {
    let external = "{backend: secretManager, form: externalSecret, store: {kind: ClusterSecretStore, name: gsm}}";
    let properties = "{backend: secretManager, form: csi, layout: properties}";
    let table = [
        ("{backend: secretManager, form: csi}", 2, "ml/server"),
        (properties, 2, "ml/server"),
        (external, 2, "es/reader"),
        (
            "{backend: vault, form: externalSecret, store: {kind: ClusterSecretStore, name: vault}}",
            0,
            "",
        ),
    ];
    for (delivery, count, reader) in table {
        let place = Place {
            secrets: Some(destination(delivery)),
            ..place()
        };
        let short = |tree: &Tree| -> Vec<String> {
            let needs = tree.needs.iter();
            let mut short: Vec<String> = needs
                .map(|need| format!("{:?} {} {}", need.subject, need.permission, need.resource.as_str()))
                .collect();
            short.sort();
            short
        };
        let of_intent = tree(&format!("{INTENT}{AROUND}"), &place);
        assert_eq!(of_intent.needs.len(), count, "{delivery}: {:#?}", of_intent.needs);
        assert!(
            of_intent
                .needs
                .iter()
                .all(|need| need.object.name.as_str() == "database"),
            "{delivery}"
        );
        if let Some((namespace, name)) = reader.split_once('/') {
            let reader = RunsAs::Kubernetes {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            };
            assert!(of_intent.needs.iter().all(|need| need.subject == reader), "{delivery}");
        }
        let source = Sources::new().add("intent.yaml", INTENT.to_owned());
        let node = yaml::read_documents(&source).unwrap().nodes.remove(0);
        let layer = Arc::new(Layer::new("k".into(), "resources[0]".into(), Mark::NONE));
        let intent = Intent::read(&Resource::new(node, layer, &Schema::builtin())).unwrap();
        let written = place.secrets.as_ref().unwrap().write(&intent, &|_| Err(String::new()));
        let secret::Written::Object(written) = written.unwrap() else {
            panic!("{delivery}");
        };
        let of_written = tree(&format!("{written}{AROUND}"), &place);
        assert_eq!(short(&of_written), short(&of_intent), "{delivery}");
        let of_both = tree(&format!("{written}---\n{INTENT}{AROUND}"), &place);
        assert_eq!(of_both.needs, {
            // The marks of the intent are further down.
            let mut needs = of_intent.needs.clone();
            for (need, other) in needs.iter_mut().zip(&of_both.needs) {
                need.mark = other.mark;
            }
            needs
        });
    }
}

fn destination(delivery: &str) -> Destination {
    let source = Sources::new().add("delivery.yaml", delivery.to_owned());
    let node = yaml::read_documents(&source).unwrap().nodes.remove(0);
    Destination {
        delivery: decode::decode(&node).unwrap(),
        words: [("env".to_owned(), "prod".to_owned())].into(),
        project: Some("acme".to_owned()),
        namespace: Some("ml".to_owned()),
    }
}
