//! Objects of Config Connector.

use identity::State;
use yaml::Sources;

use crate::{facts, objects};

fn read(text: &str, project: Option<&str>) -> Vec<String> {
    let sources = Sources::new();
    facts(
        &State::from_config_connector(&objects(text, &sources), project),
        &sources,
    )
}

#[test]
fn references_are_followed() {
    let text = "\
apiVersion: v1
kind: Namespace
metadata:
  name: ml
  annotations:
    cnrm.cloud.google.com/project-id: acme
---
apiVersion: iam.cnrm.cloud.google.com/v1beta1
kind: IAMServiceAccount
metadata:
  name: trainer
  namespace: ml
---
apiVersion: storage.cnrm.cloud.google.com/v1beta1
kind: StorageBucket
metadata:
  name: models
  namespace: ml
spec:
  resourceID: acme-models
---
apiVersion: iam.cnrm.cloud.google.com/v1beta1
kind: IAMPolicyMember
metadata:
  name: write
  namespace: ml
spec:
  memberFrom:
    serviceAccountRef:
      name: trainer
  role: roles/storage.objectUser
  condition:
    title: iris
    expression: resource.name.startsWith('x')
  resourceRef:
    kind: StorageBucket
    name: models
---
apiVersion: iam.cnrm.cloud.google.com/v1beta1
kind: IAMPartialPolicy
metadata:
  name: link
  namespace: other
spec:
  resourceRef:
    apiVersion: iam.cnrm.cloud.google.com/v1beta1
    kind: IAMServiceAccount
    name: trainer
    namespace: ml
  bindings:
  - role: roles/iam.workloadIdentityUser
    members:
    - member: serviceAccount:acme.svc.id.goog[ml/trainer]
    - memberFrom:
        serviceAccountRef:
          name: trainer
          namespace: ml
---
apiVersion: iam.cnrm.cloud.google.com/v1beta1
kind: IAMServiceAccountKey
metadata:
  name: laptop
  namespace: ml
spec:
  serviceAccountRef:
    name: trainer
---
apiVersion: kms.cnrm.cloud.google.com/v1beta1
kind: KMSKeyRing
metadata:
  name: ring
  namespace: ml
spec:
  location: europe
---
apiVersion: kms.cnrm.cloud.google.com/v1beta1
kind: KMSCryptoKey
metadata:
  name: key
  namespace: ml
spec:
  keyRingRef:
    name: ring
---
apiVersion: iam.cnrm.cloud.google.com/v1beta1
kind: IAMPolicy
metadata:
  name: key
  namespace: ml
spec:
  resourceRef:
    kind: KMSCryptoKey
    name: key
  bindings:
  - role: roles/cloudkms.cryptoKeyDecrypter
    members:
    - user:ann@acme.com
";
    let account = "//iam.googleapis.com/projects/acme/serviceAccounts/trainer@acme.iam.gserviceaccount.com";
    let trainer = "serviceAccount:trainer@acme.iam.gserviceaccount.com";
    let bucket = "//storage.googleapis.com/projects/_/buckets/acme-models";
    assert_eq!(
        read(text, None),
        [
            format!("{account} is there"),
            format!("31: roles/storage.objectUser to {trainer} on {bucket} if iris: resource.name.startsWith('x')"),
            format!(
                "51: roles/iam.workloadIdentityUser to serviceAccount:acme.svc.id.goog[ml/trainer] {trainer} on {account}"
            ),
            "95: roles/cloudkms.cryptoKeyDecrypter to user:ann@acme.com on \
             //cloudkms.googleapis.com/projects/acme/locations/europe/keyRings/ring/cryptoKeys/key"
                .to_owned(),
            format!("{bucket} in //cloudresourcemanager.googleapis.com/projects/acme"),
            "66: key laptop of trainer@acme.iam.gserviceaccount.com".to_owned(),
        ]
    );
}

/// The forms of external references that the reference of `IAMPolicyMember` lists.
#[test]
fn external_references() {
    let table = [
        (
            "Project",
            "projects/acme",
            "//cloudresourcemanager.googleapis.com/projects/acme",
        ),
        ("Folder", "folders/3", "//cloudresourcemanager.googleapis.com/folders/3"),
        (
            "Organization",
            "\"1\"",
            "//cloudresourcemanager.googleapis.com/organizations/1",
        ),
        (
            "StorageBucket",
            "models",
            "//storage.googleapis.com/projects/_/buckets/models",
        ),
        (
            "IAMServiceAccount",
            "projects/acme/serviceAccounts/t@acme.iam.gserviceaccount.com",
            "//iam.googleapis.com/projects/acme/serviceAccounts/t@acme.iam.gserviceaccount.com",
        ),
        (
            "ArtifactRegistryRepository",
            "projects/acme/locations/europe/repositories/images",
            "//artifactregistry.googleapis.com/projects/acme/locations/europe/repositories/images",
        ),
        (
            "SecretManagerSecret",
            "projects/acme/secrets/s",
            "//secretmanager.googleapis.com/projects/acme/secrets/s",
        ),
        (
            "PubSubTopic",
            "projects/acme/topics/t",
            "//pubsub.googleapis.com/projects/acme/topics/t",
        ),
        (
            "KMSCryptoKey",
            "projects/acme/locations/l/keyRings/r/cryptoKeys/k",
            "//cloudkms.googleapis.com/projects/acme/locations/l/keyRings/r/cryptoKeys/k",
        ),
    ];
    for (kind, external, on) in table {
        let text = format!(
            "apiVersion: iam.cnrm.cloud.google.com/v1beta1\nkind: IAMPolicyMember\nmetadata:\n  name: m\nspec:\n  \
             member: allUsers\n  role: roles/viewer\n  resourceRef:\n    kind: {kind}\n    external: {external}\n"
        );
        assert_eq!(
            read(&text, None),
            [format!("7: roles/viewer to allUsers on {on}")],
            "{kind}"
        );
    }
}

#[test]
fn what_an_object_is_part_of() {
    let text = "\
apiVersion: resourcemanager.cnrm.cloud.google.com/v1beta1
kind: Folder
metadata:
  name: ml
spec:
  resourceID: \"3\"
  organizationRef:
    external: \"1\"
---
apiVersion: resourcemanager.cnrm.cloud.google.com/v1beta1
kind: Project
metadata:
  name: acme
spec:
  folderRef:
    name: ml
---
apiVersion: iam.cnrm.cloud.google.com/v1beta1
kind: IAMCustomRole
metadata:
  name: reader
  annotations:
    cnrm.cloud.google.com/organization-id: \"1\"
spec:
  permissions:
  - storage.objects.get
---
apiVersion: iam.cnrm.cloud.google.com/v1beta1
kind: IAMCustomRole
metadata:
  name: writer
  annotations:
    cnrm.cloud.google.com/project-id: acme
spec:
  permissions:
  - storage.objects.create
---
apiVersion: iam.cnrm.cloud.google.com/v1beta1
kind: IAMWorkloadIdentityPool
metadata:
  name: ci
spec:
  projectRef:
    external: projects/acme
---
apiVersion: iam.cnrm.cloud.google.com/v1beta1
kind: IAMWorkloadIdentityPoolProvider
metadata:
  name: github
spec:
  projectRef:
    external: projects/acme
  workloadIdentityPoolRef:
    name: ci
  attributeMapping:
    google.subject: assertion.sub
  attributeCondition: assertion.repository_owner == 'acme'
  oidc:
    issuerUri: https://token.actions.githubusercontent.com
    allowedAudiences:
    - acme
---
apiVersion: iam.cnrm.cloud.google.com/v1beta1
kind: IAMDenyPolicy
metadata:
  name: no-keys
spec:
  projectRef:
    external: projects/acme
  rules:
  - denyRule:
      deniedPrincipals:
      - principalSet://goog/public:all
      deniedPermissions:
      - iam.googleapis.com/serviceAccountKeys.create
";
    let acme = "//cloudresourcemanager.googleapis.com/projects/acme";
    let folder = "//cloudresourcemanager.googleapis.com/folders/3";
    assert_eq!(
        read(text, None),
        [
            format!("72: iam.googleapis.com/serviceAccountKeys.create but  denied to allUsers but  on {acme}"),
            format!("{folder} in //cloudresourcemanager.googleapis.com/organizations/1"),
            format!("{acme} in {folder}"),
            "organizations/1/roles/reader has storage.objects.get".to_owned(),
            "projects/acme/roles/writer has storage.objects.create".to_owned(),
            "59: github of iam.googleapis.com/projects/acme/locations/global/workloadIdentityPools/ci trusts \
             https://token.actions.githubusercontent.com for acme as [(\"google.subject\", \"assertion.sub\")] if \
             assertion.repository_owner == 'acme'"
                .to_owned(),
        ]
    );
}

#[test]
fn the_project_of_an_object() {
    let account = |metadata: &str| {
        format!(
            "apiVersion: iam.cnrm.cloud.google.com/v1beta1\nkind: IAMServiceAccount\nmetadata:\n  name: t\n{metadata}"
        )
    };
    let annotated = "  annotations:\n    cnrm.cloud.google.com/project-id: own\n";
    let table = [
        (annotated, Some("given"), "t@own.iam.gserviceaccount.com"),
        ("", Some("given"), "t@given.iam.gserviceaccount.com"),
        ("  namespace: ml\n", Some("given"), "t@given.iam.gserviceaccount.com"),
        ("  namespace: ml\n", None, "t@ml.iam.gserviceaccount.com"),
        ("", Some("acme.com:old"), "t@old.acme.com.iam.gserviceaccount.com"),
    ];
    for (metadata, given, email) in table {
        let read = read(&account(metadata), given);
        assert!(
            read[0].ends_with(&format!("/serviceAccounts/{email} is there")),
            "{read:?}"
        );
    }
    assert_eq!(
        read(&account(""), None),
        [
            "4: ? IAMServiceAccount.iam.cnrm.cloud.google.com/t: its project is not known: it has no annotation \
          cnrm.cloud.google.com/project-id, and no namespace"
        ]
    );
}

#[test]
fn what_cannot_be_resolved_is_said() {
    let head = "apiVersion: iam.cnrm.cloud.google.com/v1beta1\nkind: IAMPolicyMember\nmetadata:\n  name: m\n  namespace: ml\nspec:\n";
    let rest = "  role: roles/viewer\n  resourceRef:\n    kind: Project\n    external: projects/acme\n";
    let table = [
        (
            format!("  memberFrom:\n    serviceAccountRef:\n      name: trianer\n{rest}"),
            "9: ? IAMPolicyMember.iam.cnrm.cloud.google.com/m.ml: the IAMServiceAccount \"trianer\" it refers to is not among the objects",
        ),
        (
            format!("  memberFrom:\n    sqlInstanceRef:\n      name: db\n{rest}"),
            "8: ? IAMPolicyMember.iam.cnrm.cloud.google.com/m.ml: whom sqlInstanceRef means is known to Google only",
        ),
        (
            "  member: allUsers\n  role: roles/viewer\n  resourceRef:\n    kind: StorageBucket\n    name: models\n"
                .to_owned(),
            "11: ? IAMPolicyMember.iam.cnrm.cloud.google.com/m.ml: the StorageBucket \"models\" it refers to is not among the objects",
        ),
        (
            "  member: allUsers\n  role: roles/viewer\n  resourceRef:\n    kind: BillingAccount\n    external: 0-0-0\n"
                .to_owned(),
            "11: ? IAMPolicyMember.iam.cnrm.cloud.google.com/m.ml: grants on a BillingAccount are not read",
        ),
        (
            "  member: allUsers\n  resourceRef:\n    kind: Project\n    external: projects/acme\n".to_owned(),
            "7: ? IAMPolicyMember.iam.cnrm.cloud.google.com/m.ml: role is missing",
        ),
        (
            rest.to_owned(),
            "7: ? IAMPolicyMember.iam.cnrm.cloud.google.com/m.ml: member is missing",
        ),
    ];
    for (spec, expected) in table {
        assert_eq!(read(&format!("{head}{spec}"), None), [expected]);
    }
}
