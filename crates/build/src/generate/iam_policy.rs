//! `IAMPolicyGenerator`: the Kubernetes service account that stands for a Google service account
//! (kustomize's `filters/iampolicygenerator`).

use std::sync::Arc;

use resource::{Resource, Schema};
use yaml::{Layer, Map, Mark, Node, Tag, Text};

use crate::config::IamPolicyArgs;
use crate::error::{BuildError, ErrorKind, Result};

/// The objects of one generator; `mark` is the place of its configuration.
pub(crate) fn generate(args: &IamPolicyArgs, mark: Mark, layer: &Arc<Layer>, schema: &Schema) -> Result<Vec<Resource>> {
    if &*args.cloud != "gke" {
        let message = format!("cloud provider {} not supported yet", args.cloud);
        return Err(BuildError::new(ErrorKind::Config, mark, message).hint("the one that is supported is gke"));
    }
    let account = &args.service_account;
    let member = format!("{}@{}.iam.gserviceaccount.com", account.name, account.project_id);
    // kustomize writes the texts into YAML that it reads, so a number stays a number.
    let text = |text: Text| Node::scalar(text, Tag::Unset);
    let mut metadata = mapping([
        (
            "annotations",
            mapping([("iam.gke.io/gcp-service-account", text(member.into()))]),
        ),
        ("name", text(args.kubernetes_service.name.clone())),
    ]);
    let namespace = &args.kubernetes_service.namespace;
    if !namespace.is_empty()
        && let Some(metadata) = metadata.as_map_mut()
    {
        metadata.insert("namespace", text(namespace.clone()));
    }
    let mut node = mapping([
        ("apiVersion", Node::string("v1")),
        ("kind", Node::string("ServiceAccount")),
        ("metadata", metadata),
    ])
    .at(mark);
    node.stamp(layer);
    Ok(vec![Resource::new(node, layer.clone(), schema)])
}

fn mapping<const N: usize>(entries: [(&str, Node); N]) -> Node {
    let mut map = Map::new();
    for (key, value) in entries {
        map.insert(key, value);
    }
    Node::map(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{KubernetesService, ServiceAccount};

    fn generated(cloud: &str, namespace: &str) -> Result<String, String> {
        let args = IamPolicyArgs {
            cloud: cloud.into(),
            kubernetes_service: KubernetesService {
                name: "k8s-sa".into(),
                namespace: namespace.into(),
            },
            service_account: ServiceAccount {
                name: "gsa".into(),
                project_id: "project".into(),
            },
        };
        let layer = Layer::new("kustomization.yaml".into(), "generators[0]".into(), Mark::NONE);
        let made =
            generate(&args, Mark::NONE, &Arc::new(layer), &Schema::default()).map_err(|error| error.to_string())?;
        let mut out = Vec::new();
        made.iter()
            .for_each(|resource| yaml::emit(&resource.node, &mut out).unwrap());
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn makes_a_service_account() {
        let expected = "\
apiVersion: v1
kind: ServiceAccount
metadata:
  annotations:
    iam.gke.io/gcp-service-account: gsa@project.iam.gserviceaccount.com
  name: k8s-sa
";
        assert_eq!(generated("gke", ""), Ok(expected.to_owned()));
        assert_eq!(generated("gke", "ns"), Ok(format!("{expected}  namespace: ns\n")));
        assert_eq!(
            generated("eks", ""),
            Err("cloud provider eks not supported yet".to_owned())
        );
    }
}
