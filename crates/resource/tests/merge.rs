//! Merges what `merge/<case>/target.yaml` and `patch.yaml` hold (with `schema.yaml`, if there is one) and
//! compares with `expected.yaml`, recorded from kustomize v5.8.1, or with `expected_error.txt`.

#![expect(clippy::disallowed_methods, reason = "tests read their cases from files")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use resource::{Schema, strategic_merge};
use yaml::{Layer, Mark, Node, Sources, emit, read_config, read_documents};

fn read(dir: &Path, name: &str, sources: &Sources) -> Vec<Node> {
    let text = fs::read_to_string(dir.join(name)).unwrap();
    read_documents(&sources.add(name, text)).unwrap().nodes
}

fn merge(dir: &Path) -> Result<String, String> {
    let sources = Sources::new();
    let schema = match fs::read_to_string(dir.join("schema.yaml")) {
        Ok(text) => Schema::from_openapi(&read_config(&sources.add("schema.yaml", text)).unwrap().node).unwrap(),
        Err(_) => Schema::builtin(),
    };
    let mut target = read(dir, "target.yaml", &sources).remove(0);
    for patch in read(dir, "patch.yaml", &sources) {
        let layer = Layer::new("kustomization.yaml".into(), "patches[0]".into(), Mark::NONE);
        let merged = strategic_merge(&mut target, &patch, &schema, &Arc::new(layer));
        let merged = merged.map_err(|error| {
            let place = sources
                .place(error.mark)
                .map(|place| format!("{place}: "))
                .unwrap_or_default();
            let hint = error
                .hint
                .as_ref()
                .map(|hint| format!("hint: {hint}\n"))
                .unwrap_or_default();
            format!("{place}{error}\n{hint}")
        })?;
        if merged.deleted {
            return Ok(String::new());
        }
    }
    let mut out = Vec::new();
    emit(&target, &mut out).unwrap();
    Ok(String::from_utf8(out).unwrap())
}

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/merge");
    let mut cases: Vec<_> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() > 40);
    cases
}

#[test]
fn cases_as_kustomize() {
    let mut wrong = String::new();
    for dir in cases() {
        let expected = match fs::read_to_string(dir.join("expected.yaml")) {
            Ok(text) => Ok(text),
            Err(_) => Err(fs::read_to_string(dir.join("expected_error.txt")).unwrap()),
        };
        let found = merge(&dir);
        if found != expected {
            wrong.push_str(&format!(
                "{}\n--- expected\n{expected:?}\n--- found\n{found:?}\n",
                dir.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
#[ignore = "writes expected_error.txt anew: cargo test -p resource --test merge -- --ignored"]
fn update_errors() {
    for dir in cases() {
        if let (Err(text), true) = (merge(&dir), dir.join("expected_error.txt").exists()) {
            fs::write(dir.join("expected_error.txt"), text).unwrap();
        }
    }
}
