//! Pods: what their containers name in arguments and variables, and the buckets that are mounted.

use hashbrown::HashMap;
use resource::{Pod, Resource, items};
use yaml::{Mark, Node};

use super::{Collector, arguments};
use crate::name::ResourceName;

/// ConfigMaps by namespace and name, for the variables that are taken from them.
pub(crate) type ConfigMaps<'a> = HashMap<(&'a str, &'a str), &'a Resource>;

/// What the containers of a pod need.
pub(crate) fn of_pod(collector: &mut Collector<'_>, pod: &Pod<'_>, namespace: &str, config_maps: &ConfigMaps<'_>) {
    let config_map = |name: &str| config_maps.get(&(namespace, name)).copied();
    for container in pod.containers() {
        arguments(collector, container.node, |field| container.field(field));
        for variable in items(container.node, &["env"]) {
            let name = text(variable, &["name"]).unwrap_or_default();
            let field = || container.field(&format!("env[name={name}].value"));
            if let Some(value) = variable.get("value") {
                collector.text(name, value.as_str().unwrap_or_default(), field, value.mark);
            }
            let reference = variable.get_path(["valueFrom", "configMapKeyRef"]);
            let of_map = reference.and_then(|it| {
                config_map(text(it, &["name"])?)?
                    .node
                    .get_path(["data", text(it, &["key"])?])
            });
            if let Some(value) = of_map {
                collector.text(name, value.as_str().unwrap_or_default(), field, value.mark);
            }
        }
        for (at, source) in items(container.node, &["envFrom"]).enumerate() {
            let map = text(source, &["configMapRef", "name"]).and_then(config_map);
            let data = map.and_then(|map| map.node.get("data")).and_then(Node::as_map);
            for entry in data.into_iter().flat_map(|data| data.iter()) {
                if let (Some(name), Some(value)) = (entry.key.as_str(), entry.value.as_str()) {
                    let field = || container.field(&format!("envFrom[{at}]"));
                    collector.text(name, value, field, entry.value.mark);
                }
            }
        }
    }
    for volume in items(pod.spec, &["volumes"]) {
        bucket_volume(collector, pod, volume);
    }
    // KServe and Seldon fetch the model for the server.
    for (path, node) in models(pod) {
        collector.text(
            "the model",
            node.as_str().unwrap_or_default(),
            || path.clone(),
            node.mark,
        );
    }
}

/// A bucket that the driver of GKE mounts.
fn bucket_volume(collector: &mut Collector<'_>, pod: &Pod<'_>, volume: &Node) {
    let csi = volume.get("csi");
    let Some(csi) = csi.filter(|csi| text(csi, &["driver"]) == Some("gcsfuse.csi.storage.gke.io")) else {
        return;
    };
    let Some(bucket) = csi.get_path(["volumeAttributes", "bucketName"]) else {
        return;
    };
    let Some(name) = bucket.as_str().filter(|name| *name != "_" && !name.contains('$')) else {
        return;
    };
    let field = pod.field(&format!(
        "volumes[name={}]",
        text(volume, &["name"]).unwrap_or_default()
    ));
    let resource = ResourceName::bucket(name);
    let is_read_only = csi
        .get("readOnly")
        .and_then(Node::text)
        .is_some_and(|text| text.as_str() == "true");
    let mut permissions = vec!["storage.objects.get", "storage.objects.list"];
    if !is_read_only {
        permissions.extend(["storage.objects.create", "storage.objects.delete"]);
    }
    for permission in permissions {
        collector.needs(
            permission,
            resource.clone(),
            "mounts the bucket",
            field.clone(),
            bucket.mark,
        );
    }
}

/// The locations of models that an inference server is given.
fn models<'p>(pod: &Pod<'p>) -> Vec<(String, &'p Node)> {
    let mut found = Vec::new();
    let node = &pod.object.node;
    match (&*pod.object.gvk().group, pod.object.kind()) {
        ("serving.kserve.io", "InferenceService") => {
            for component in [
                "model",
                "sklearn",
                "xgboost",
                "tensorflow",
                "pytorch",
                "triton",
                "onnx",
                "lightgbm",
                "pmml",
            ] {
                let uri = node.get_path(["spec", "predictor", component, "storageUri"]);
                found.extend(uri.map(|uri| (format!("spec.predictor.{component}.storageUri"), uri)));
            }
        }
        ("machinelearning.seldon.io", "SeldonDeployment") => {
            for (at, predictor) in items(node, &["spec", "predictors"]).enumerate() {
                graph(
                    predictor.get("graph"),
                    &format!("spec.predictors[{at}].graph"),
                    &mut found,
                    0,
                );
            }
        }
        _ => {}
    }
    found
}

fn graph<'p>(node: Option<&'p Node>, path: &str, found: &mut Vec<(String, &'p Node)>, depth: usize) {
    let Some(node) = node.filter(|_| depth < 32) else {
        return;
    };
    found.extend(node.get("modelUri").map(|uri| (format!("{path}.modelUri"), uri)));
    for (at, child) in items(node, &["children"]).enumerate() {
        graph(Some(child), &format!("{path}.children[{at}]"), found, depth + 1);
    }
}

fn text<'n>(node: &'n Node, path: &[&str]) -> Option<&'n str> {
    node.get_path(path.iter().copied()).and_then(Node::as_str)
}

/// The service account of a pod, and where it is named.
pub(crate) fn account_of<'p>(pod: &Pod<'p>) -> (&'p str, Mark) {
    for field in ["serviceAccountName", "serviceAccount"] {
        if let Some(name) = pod
            .spec
            .get(field)
            .filter(|name| name.as_str().is_some_and(|name| !name.is_empty()))
        {
            return (name.as_str().unwrap_or_default(), name.mark);
        }
    }
    ("default", pod.mark(["containers"]))
}
