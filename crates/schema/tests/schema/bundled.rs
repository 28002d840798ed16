//! Custom resources that platforms are built with, whose definitions are not in the tree.

use schema::bundled;

use super::found;

const APPLICATION: &str = "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: iris}
spec:
  project: default
  destination: {server: https://kubernetes.default.svc, namespace: iris}
  source: {repoURL: https://git.example.com/iris, path: overlays/prod, targetRevision: main}
";

#[test]
fn kinds_of_every_project_are_known() {
    let kinds = [
        ("argoproj.io/v1alpha1", "Application"),
        ("argoproj.io/v1alpha1", "ApplicationSet"),
        ("argoproj.io/v1alpha1", "AppProject"),
        ("argoproj.io/v1alpha1", "CronWorkflow"),
        ("argoproj.io/v1alpha1", "WorkflowTemplate"),
        ("bitnami.com/v1alpha1", "SealedSecret"),
        ("cert-manager.io/v1", "Certificate"),
        ("external-secrets.io/v1", "ClusterSecretStore"),
        ("external-secrets.io/v1", "ExternalSecret"),
        ("external-secrets.io/v1beta1", "SecretStore"),
        ("iam.cnrm.cloud.google.com/v1beta1", "IAMPartialPolicy"),
        ("iam.cnrm.cloud.google.com/v1beta1", "IAMPolicyMember"),
        ("storage.cnrm.cloud.google.com/v1beta1", "StorageBucket"),
        ("machinelearning.seldon.io/v1", "SeldonDeployment"),
        ("mlops.seldon.io/v1alpha1", "Model"),
        ("monitoring.coreos.com/v1", "PrometheusRule"),
        ("monitoring.coreos.com/v1", "ServiceMonitor"),
        ("mutations.gatekeeper.sh/v1", "Assign"),
        ("serving.kserve.io/v1beta1", "InferenceService"),
        ("templates.gatekeeper.sh/v1", "ConstraintTemplate"),
        ("tekton.dev/v1", "PipelineRun"),
        ("triggers.tekton.dev/v1beta1", "EventListener"),
    ];
    for (api_version, kind) in kinds {
        assert_eq!(
            bundled().kinds_named(api_version, kind).count(),
            1,
            "{kind} of {api_version}"
        );
    }
    assert_eq!(found(APPLICATION), Vec::<String>::new());
}

#[test]
fn a_finding_names_the_project_and_its_version() {
    let text = APPLICATION
        .replace("destination:", "destinaton:")
        .replace("path: overlays/prod", "path: 5");
    let project = bundled()
        .versions
        .iter()
        .find(|name| name.starts_with("Argo CD "))
        .unwrap();
    assert_eq!(
        found(&text),
        [
            format!(
                "6:3 unknown_field spec.destinaton: unknown field `destinaton` ({project}) [fields here are destination, ignoreDifferences, info, project, revisionHistoryLimit]"
            ),
            format!(
                "7:57 wrong_type spec.source.path: a text is expected here, not `5` ({project}) [put it in quotes: \"5\"]"
            ),
            format!("5:3 missing_field spec: the field `destination` is missing ({project}) [add destination]"),
        ]
    );
}

#[test]
fn another_version_of_a_kind_is_not_checked() {
    let lines = found(&APPLICATION.replace("v1alpha1", "v9"));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].starts_with("2:7 missing_schema kind: there is no schema of Application of argoproj.io/v9"),
        "{lines:?}"
    );
    assert!(
        lines[0].contains("known are argoproj.io/v1alpha1 of Argo CD "),
        "{lines:?}"
    );
}

#[test]
fn a_definition_in_the_tree_comes_first() {
    let definition = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: applications.argoproj.io}
spec:
  group: argoproj.io
  scope: Namespaced
  names: {kind: Application, plural: applications}
  versions:
  - name: v1alpha1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}
---
";
    let text = APPLICATION.replace("destination:", "destinaton:");
    assert_eq!(found(&format!("{definition}{text}")), Vec::<String>::new());
}

#[test]
fn rules_in_cel_are_kept() {
    let text = "apiVersion: generators.external-secrets.io/v1alpha1
kind: GitlabDeployToken
metadata: {name: iris}
spec:
  projectID: '1'
  groupID: '2'
";
    let lines = found(text);
    let broken: Vec<&String> = lines.iter().filter(|line| line.contains("failed_validation")).collect();
    assert_eq!(broken.len(), 1, "{lines:?}");
    let expected = "5:3 failed_validation spec: exactly one of projectID or groupID must be set (External Secrets ";
    assert!(broken[0].starts_with(expected), "{broken:?}");
}
