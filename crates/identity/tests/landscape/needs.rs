//! What each kind of object needs, and the field that says so.

use identity::{Member, Place, RunsAs};

use crate::{place, tree};

/// One need in a line: who, what, where, which field.
fn needs(text: &str, place: &Place) -> Vec<String> {
    let who = |runs_as: &RunsAs| match runs_as {
        RunsAs::Kubernetes { namespace, name } => format!("{namespace}/{name}"),
        RunsAs::Google(member) => member.short(),
        RunsAs::Federated { credential, .. } => format!("{credential:?}"),
    };
    let tree = tree(text, place);
    let line = |need: &identity::Need| {
        format!(
            "{} {} {} {}",
            who(&need.subject),
            need.permission,
            need.resource.short(),
            need.field
        )
    };
    tree.needs.iter().map(line).collect()
}

#[test]
fn pods_need_what_their_containers_name() {
    let text = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {MODEL_URI: gs://models/iris/model.pkl, OTHER: x}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  jobTemplate:
    spec:
      template:
        spec:
          serviceAccountName: trainer
          containers:
          - name: main
            args: [--data=gs://data/iris.csv, --output, gs://out/run, gs://data/iris.csv]
            env:
            - {name: CHECKPOINT_DIR, value: gs://out/checkpoints}
            - {name: TOKEN, value: projects/acme/secrets/token/versions/latest}
            - {name: ENDPOINT, value: projects/acme/locations/europe-west4/endpoints/7}
            - name: MODEL
              valueFrom: {configMapKeyRef: {name: settings, key: MODEL_URI}}
          volumes:
          - name: data
            csi: {driver: gcsfuse.csi.storage.gke.io, readOnly: true, volumeAttributes: {bucketName: mounted}}
";
    let pod = "spec.jobTemplate.spec.template.spec";
    let expected = [
        format!("ml/trainer storage.objects.get gs://data/iris.csv {pod}.containers[name=main].args[0]"),
        format!("ml/trainer storage.objects.create gs://out/run/ {pod}.containers[name=main].args[2]"),
        format!(
            "ml/trainer storage.objects.create gs://out/checkpoints/ {pod}.containers[name=main].env[name=CHECKPOINT_DIR].value"
        ),
        format!(
            "ml/trainer secretmanager.versions.access projects/acme/secrets/token/versions/latest {pod}.containers[name=main].env[name=TOKEN].value"
        ),
        format!(
            "ml/trainer aiplatform.endpoints.predict projects/acme/locations/europe-west4/endpoints/7 {pod}.containers[name=main].env[name=ENDPOINT].value"
        ),
        format!(
            "ml/trainer storage.objects.get gs://models/iris/model.pkl {pod}.containers[name=main].env[name=MODEL].value"
        ),
        format!("ml/trainer storage.objects.get gs://mounted {pod}.volumes[name=data]"),
        format!("ml/trainer storage.objects.list gs://mounted {pod}.volumes[name=data]"),
    ];
    assert_eq!(needs(text, &place()), expected);
}

#[test]
fn secrets_need_what_fetches_them() {
    let text = "\
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: gsm}
spec:
  provider: {gcpsm: {projectID: acme, auth: {workloadIdentity: {serviceAccountRef: {name: fetcher}}}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: db}
spec:
  secretStoreRef: {name: gsm}
  data: [{secretKey: password, remoteRef: {key: db-password}}]
---
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: class}
spec:
  provider: gke
  parameters:
    secrets: |
      - resourceName: projects/acme/secrets/api-key/versions/3
        path: key
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  serviceAccountName: server
  containers: [{name: main}]
  volumes: [{name: s, csi: {driver: secrets-store-gke.csi.k8s.io, volumeAttributes: {secretProviderClass: class}}}]
";
    let access = "secretmanager.versions.access projects/acme/secrets";
    let expected = [
        format!("ml/fetcher {access}/db-password spec.data[0].remoteRef.key"),
        format!("ml/server {access}/api-key/versions/3 spec.parameters.secrets"),
    ];
    assert_eq!(needs(text, &place()), expected);
}

#[test]
fn jobs_of_vertex_ai_need_a_launcher_an_account_and_agents() {
    let text = "\
apiVersion: vertex.terrace.dev/v1alpha1
kind: CustomJob
metadata: {name: train}
spec:
  template:
    encryptionSpec: {kmsKeyName: projects/acme/locations/europe-west4/keyRings/r/cryptoKeys/k}
    jobSpec:
      serviceAccount: trainer@acme.iam.gserviceaccount.com
      baseOutputDirectory: {outputUriPrefix: gs://models/iris}
      workerPoolSpecs:
      - containerSpec:
          imageUri: europe-docker.pkg.dev/shared/iris/train@sha256:0
          args: [--data, gs://data/iris.csv]
";
    let place = Place {
        launcher: Some(RunsAs::Kubernetes {
            namespace: "ml".to_owned(),
            name: "launcher".to_owned(),
        }),
        ..place()
    };
    let trainer = "trainer@acme.iam.gserviceaccount.com";
    let agent = "service-17@gcp-sa-aiplatform.iam.gserviceaccount.com";
    let spec = "spec.template.jobSpec";
    let expected = [
        "ml/launcher aiplatform.customJobs.create projects/acme/locations/europe-west4 kind".to_owned(),
        "ml/launcher aiplatform.customJobs.get projects/acme/locations/europe-west4 kind".to_owned(),
        "ml/launcher aiplatform.customJobs.cancel projects/acme/locations/europe-west4 kind".to_owned(),
        format!("ml/launcher iam.serviceAccounts.actAs {trainer} {spec}.serviceAccount"),
        "ml/launcher logging.logEntries.list projects/acme kind".to_owned(),
        format!("{trainer} logging.logEntries.create projects/acme {spec}.serviceAccount"),
        format!("{trainer} storage.objects.get gs://data/iris.csv {spec}.workerPoolSpecs[0].containerSpec.args[1]"),
        format!("{trainer} storage.objects.create gs://models/iris/ {spec}.baseOutputDirectory.outputUriPrefix"),
        format!(
            "{agent} artifactregistry.repositories.downloadArtifacts projects/shared/locations/europe/repositories/iris {spec}.workerPoolSpecs[0].containerSpec.imageUri"
        ),
        format!(
            "{agent} cloudkms.cryptoKeyVersions.useToEncrypt projects/acme/locations/europe-west4/keyRings/r/cryptoKeys/k spec.template.encryptionSpec.kmsKeyName"
        ),
        format!(
            "{agent} cloudkms.cryptoKeyVersions.useToDecrypt projects/acme/locations/europe-west4/keyRings/r/cryptoKeys/k spec.template.encryptionSpec.kmsKeyName"
        ),
    ];
    assert_eq!(needs(text, &place), expected);
}

#[test]
fn an_annotation_says_what_fields_do_not() {
    let text = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: server
  annotations:
    identity.terrace.dev/needs: |
      # the training data
      bigquery.tables.getData projects/acme
      storage.object.get gs://data
      nonsense
spec: {template: {spec: {containers: [{name: main}]}}}
";
    let expected = ["ml/default bigquery.tables.getData projects/acme metadata.annotations.identity.terrace.dev/needs"];
    assert_eq!(needs(text, &place()), expected);
    let messages: Vec<String> = tree(text, &place())
        .malformed
        .into_iter()
        .map(|it| it.message)
        .collect();
    assert_eq!(
        messages,
        [
            "no role that is known has the permission \"storage.object.get\", and no method that is known has the name",
            "\"nonsense\" is no permission and resource"
        ]
    );
}

#[test]
fn nodes_fetch_images() {
    let text = "\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {containers: [{name: main, image: 'europe-docker.pkg.dev/acme/iris/server:v1'}, {name: side, image: 'nginx:1'}]}
";
    let nodes = Member::ServiceAccount("nodes@acme.iam.gserviceaccount.com".to_owned());
    let place = Place {
        nodes: Some(RunsAs::Google(nodes)),
        ..place()
    };
    let expected = [
        "nodes@acme.iam.gserviceaccount.com artifactregistry.repositories.downloadArtifacts \
         projects/acme/locations/europe/repositories/iris spec.containers[name=main].image",
    ];
    assert_eq!(needs(text, &place), expected);
}
