//! The matrix on Google Cloud: accounts of GKE's pool, of a pool of another cluster, pods with a credential configuration,
//! and what is reached by launching something that runs as another account.

use identity::matrix::{Matrix, Reach};
use identity::{Acting, Landscape, Member, Place, Pool, Provider, Reasoner, ResourceName, State, Tree};
use serde_json::json;
use yaml::Mark;

use super::{place, tree};

const POOL: &str = "iam.googleapis.com/projects/17/locations/global/workloadIdentityPools/clusters";
const ISSUER: &str = "https://oidc.example.com/one";

const ACCOUNT: &str = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: trainer}
---
apiVersion: v1
kind: Pod
metadata: {name: trainer}
spec: {serviceAccountName: trainer, containers: [{name: main, image: x, args: [--data=gs://data/x]}]}
";

/// A pod of GKE that signs in with a credential configuration, too.
const CONFIGURED: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: google}
data:
  credentials.json: |
    {\"type\": \"external_account\",
     \"audience\": \"//iam.googleapis.com/projects/17/locations/global/workloadIdentityPools/clusters/providers/one\",
     \"credential_source\": {\"file\": \"/var/run/token\"}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: trainer}
---
apiVersion: v1
kind: Pod
metadata: {name: trainer}
spec:
  serviceAccountName: trainer
  containers:
  - name: main
    image: x
    env: [{name: GOOGLE_APPLICATION_CREDENTIALS, value: /etc/google/credentials.json}]
    volumeMounts: [{name: google, mountPath: /etc/google}, {name: token, mountPath: /var/run}]
  volumes:
  - {name: google, configMap: {name: google}}
  - name: token
    projected:
      sources:
      - serviceAccountToken:
          path: token
          audience: https://iam.googleapis.com/projects/17/locations/global/workloadIdentityPools/clusters/providers/one
";

fn state(policies: &[(&str, serde_json::Value)]) -> State {
    let mut state = State::default();
    for (on, bindings) in policies {
        let source = yaml::Sources::new().add("policy.json", json!({"bindings": bindings}).to_string());
        state.read(&source, Some(&ResourceName::parse(on).unwrap())).unwrap();
    }
    let (pool, id) = Pool::parse(&format!("{POOL}/providers/one")).unwrap();
    let mapping = [
        ("google.subject", "assertion.sub"),
        ("attribute.namespace", "assertion['kubernetes.io']['namespace']"),
    ];
    state.providers.push(Provider {
        pool,
        id: id.unwrap(),
        issuer: Some(ISSUER.to_owned()),
        audiences: Vec::new(),
        mapping: mapping.map(|(name, text)| (name.to_owned(), text.to_owned())).into(),
        condition: None,
        mark: Mark::NONE,
    });
    state
}

/// How far the only namespace gets, and by whom; of one thing that is reached.
fn reached(state: &State, tree: Tree, name: &str) -> (Reach, String) {
    let reasoner = Reasoner::new(state);
    let trees = [tree];
    let matrix = Matrix::new(&Landscape::new(&trees, &reasoner, None));
    assert_eq!(matrix.rows.len(), 1);
    let at = matrix.columns.iter().position(|column| column.name == name).unwrap();
    let cell = &matrix.cells[0][at];
    let Some(by) = &cell.by else {
        return (cell.reach, cell.doubts.join("; "));
    };
    let links = by.links.iter().map(|link| match link.acting {
        Acting::Token => format!(" as {}", link.account.short()),
        Acting::Launch => format!(" launching as {}", link.account.short()),
        Acting::Delegation => format!(" asking through {}", link.account.short()),
    });
    let links: String = links.collect();
    (cell.reach, format!("{}{links}", by.account.short()))
}

fn of_other_cluster() -> Place {
    Place {
        pool: Some(Pool::parse(POOL).unwrap().0),
        issuer: Some(ISSUER.to_owned()),
        ..place()
    }
}

fn viewer(member: &str) -> serde_json::Value {
    json!([{"role": "roles/storage.objectViewer", "members": [member]}])
}

#[test]
fn accounts_of_another_cluster_are_principals_of_its_pool() {
    let principal = format!("principal://{POOL}/subject/system:serviceaccount:ml:trainer");
    let by_attribute = format!("principalSet://{POOL}/attribute.namespace/ml");
    for member in [&principal, &by_attribute] {
        let found = reached(
            &state(&[("gs://data", viewer(member))]),
            tree(ACCOUNT, &of_other_cluster()),
            "gs://data",
        );
        assert_eq!(found, (Reach::Read, principal.clone()), "{member}");
    }
    let elsewhere = format!("principalSet://{POOL}/attribute.namespace/web");
    let found = reached(
        &state(&[("gs://data", viewer(&elsewhere))]),
        tree(ACCOUNT, &of_other_cluster()),
        "gs://data",
    );
    assert_eq!(found.0, Reach::Unknown, "{}", found.1);
    // Not as GKE's account of that name.
    let of_gke = viewer("serviceAccount:acme.svc.id.goog[ml/trainer]");
    let mut state = state(&[("gs://data", of_gke)]);
    state.whole_projects.insert(ResourceName::project("acme"));
    state
        .parents
        .push((ResourceName::bucket("data"), ResourceName::project("acme")));
    let found = reached(&state, tree(ACCOUNT, &of_other_cluster()), "gs://data");
    assert_eq!(found, (Reach::Denied, String::new()));
    state.providers.clear();
    let found = reached(&state, tree(ACCOUNT, &of_other_cluster()), "gs://data");
    assert_eq!(
        found,
        (
            Reach::Unknown,
            "no provider of the pool clusters is in any file".to_owned()
        )
    );
}

#[test]
fn pods_with_a_credential_configuration_are_principals_too() {
    let by_attribute = format!("principalSet://{POOL}/attribute.namespace/ml");
    let place = Place {
        issuer: Some(ISSUER.to_owned()),
        ..place()
    };
    let both = json!([
        {"role": "roles/storage.objectViewer", "members": ["serviceAccount:acme.svc.id.goog[ml/trainer]"]},
        {"role": "roles/storage.objectUser", "members": [by_attribute]}]);
    let found = reached(&state(&[("gs://data", both)]), tree(CONFIGURED, &place), "gs://data");
    let principal = format!("principal://{POOL}/subject/system:serviceaccount:ml:trainer");
    assert_eq!(found, (Reach::Write, principal));
}

#[test]
fn what_is_launched_reaches_what_its_account_reaches() {
    let runner = "serviceAccount:runner@acme.iam.gserviceaccount.com";
    let pod = "serviceAccount:acme.svc.id.goog[ml/trainer]";
    let on_runner = |role: &str| json!([{"role": role, "members": [pod]}]);
    let found = |role: &str| {
        let policies = [
            ("gs://data", viewer(runner)),
            ("runner@acme.iam.gserviceaccount.com", on_runner(role)),
        ];
        reached(&state(&policies), tree(ACCOUNT, &place()), "gs://data")
    };
    let runner = "runner@acme.iam.gserviceaccount.com";
    let pod = "acme.svc.id.goog[ml/trainer]";
    assert_eq!(
        found("roles/iam.serviceAccountUser"),
        (Reach::Read, format!("{pod} launching as {runner}"))
    );
    // To take its token is nearer than to launch something.
    assert_eq!(
        found("roles/iam.workloadIdentityUser"),
        (Reach::Read, format!("{pod} as {runner}"))
    );
    assert_eq!(found("roles/iam.serviceAccountViewer").0, Reach::Unknown);
    let Ok(member) = format!("serviceAccount:{runner}").parse::<Member>();
    assert_eq!(member.short(), runner);
}
