use build::{MemoryFiles, Session};
use std::path::Path;

use super::*;

const FILE: &str = "\
apiVersion: terrace.dev/v1alpha1
kind: Platform
metadata: {name: iris}
spec:
  kubernetesVersions: [1.30]
  environments:
  - name: dev
    path: models/{model}/overlays/{env}/{cluster}
    namespace: '{model}-dev'
  - name: prod
    path: overlays/prod
    failOn: warning
    rules:
      image_without_digest: error
      image_from_other_registry: {severity: error, registries: [a, b]}
  waivers:
  - {rule: image_without_digest, object: Deployment/iris, environments: [dev], reason: r, owner: o, expires: 2027-01-31}
";

fn read_text(text: &str, others: &[&str]) -> Result<Platform, (u32, String, Option<String>)> {
    let mut files = MemoryFiles::new();
    files.insert("terrace.yaml", text);
    others.iter().for_each(|path| files.insert(path, ""));
    let session = Session::new(&files);
    read(&session, Path::new("/")).map_err(|error| {
        let line = session.sources().place(error.mark).map_or(0, |place| place.line);
        (line, error.message, error.hint)
    })
}

#[test]
fn a_platform_is_read_with_places() {
    let platform = read_text(FILE, &[]).unwrap();
    let prod = &platform.spec.environments[1];
    assert_eq!((prod.name.as_str(), prod.fail_on), ("prod", Some(Level::Warning)));
    assert_eq!(platform.spec.kubernetes_versions[0].value, "1.30");
    assert_eq!(prod.rules["image_without_digest"].value.0, serde_json::json!("error"));
    let setting = &prod.rules["image_from_other_registry"];
    assert_eq!(
        setting.value.0,
        serde_json::json!({"severity": "error", "registries": ["a", "b"]})
    );
    assert_eq!(platform.spec.waivers[0].expires.value, "2027-01-31");
}

#[test]
fn every_directory_that_fits_is_a_target() {
    let mut files = MemoryFiles::new();
    files.insert("terrace.yaml", FILE);
    for path in [
        "a/overlays/dev/eu",
        "a/overlays/dev/us",
        "b/overlays/dev/eu",
        "b/overlays/prod/eu",
        "c/overlays/dev",
    ] {
        files.insert(format!("models/{path}/kustomization.yaml"), "");
    }
    files.insert("models/a/overlays/dev/notes/README.md", "");
    let session = Session::new(&files);
    let platform = read(&session, Path::new("/")).unwrap();
    let targets = platform.targets(&session, &platform.spec.environments[0]).unwrap();
    let shown: Vec<String> = targets
        .iter()
        .map(|target| {
            format!(
                "{} {}",
                target.directory.display(),
                target.expand("{model}-{cluster}-{env}")
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "/models/a/overlays/dev/eu a-eu-dev",
            "/models/a/overlays/dev/us a-us-dev",
            "/models/b/overlays/dev/eu b-eu-dev",
        ]
    );
    let error = platform.targets(&session, &platform.spec.environments[1]).unwrap_err();
    assert_eq!(
        error.message,
        "no kustomization of the environment prod is at \"overlays/prod\""
    );
}

#[test]
fn what_is_wrong_has_its_line() {
    let table = [
        ("failOn", "failsOn", 12, "unknown field `failsOn`"),
        ("warning\n", "warn\n", 12, "\"warn\" is not known here"),
        ("name: prod", "name: dev", 10, "the environment dev is there twice"),
        ("name: prod", "nam: prod", 10, "unknown field `nam`"),
        (
            "overlays/prod",
            "../prod",
            11,
            "the path \"../prod\" must lead to a directory below this file",
        ),
        ("{cluster}", "{clus ter}", 8, "\"{clus ter}\" is no part of a path"),
        (
            "kind: Platform",
            "kind: Platfrom",
            2,
            "kind must be Platform, not \"Platfrom\"",
        ),
        ("[dev]", "[dve]", 17, "there is no environment \"dve\""),
        ("[1.30]", "1.30", 5, "a list is expected here, not `1.30`"),
        ("owner: o, ", "", 17, "the field `owner` is missing"),
        (
            "  - name: dev\n",
            "  - name: dev\n    name: dev\n",
            8,
            "the key `name` is there twice",
        ),
    ];
    for (old, new, line, message) in table {
        assert!(FILE.contains(old), "{old}");
        let error = read_text(&FILE.replacen(old, new, 1), &[]).unwrap_err();
        assert_eq!((error.0, error.1.as_str()), (line, message), "{old} -> {new}");
    }
}

#[test]
fn the_schema_names_every_field() {
    let schema = json_schema().to_string();
    for field in ["environments", "kubernetesVersions", "failOn", "waivers", "expires"] {
        assert!(schema.contains(&format!("\"{field}\"")), "{field}");
    }
}
