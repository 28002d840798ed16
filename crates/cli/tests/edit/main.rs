//! The commands that change files, run as programs: `edit`, `create`, `localize`, and the calls that other programs
//! make. Where a `kustomize` is on the PATH, it runs on the same input and its result must mean the same.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails as a test does")]

mod commands;
mod drop_in;
mod fix;
mod localize;
mod packages;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use yaml::{Node, Sources, Value};

fn run(program: impl AsRef<std::ffi::OsStr>, directory: &Path, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap()
}

/// Whether there is a kustomize to compare with.
fn has_kustomize() -> bool {
    Command::new("kustomize").arg("version").output().is_ok()
}

/// The program under the name `kustomize`.
fn as_kustomize() -> PathBuf {
    static LINK: OnceLock<PathBuf> = OnceLock::new();
    let link = LINK.get_or_init(|| {
        let link = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kustomize");
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_terrace"), &link).unwrap();
        link
    });
    link.clone()
}

/// Writes files below a directory.
fn write(directory: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// What a file says, in one order, without what is empty and with what kustomize fills in.
fn meaning(directory: &Path) -> String {
    meaning_of(&fs::read_to_string(directory.join("kustomization.yaml")).unwrap())
}

/// The same of a text.
fn meaning_of(text: &str) -> String {
    fn write(node: &Node, key: &str, out: &mut String) {
        match &node.value {
            // A plugin in place is a text that is YAML.
            Value::Scalar(text) if text.starts_with("apiVersion:") && text.contains('\n') => {
                out.push_str(&meaning_of(text));
            }
            Value::Scalar(text) => out.push_str(&format!("{text:?}")),
            Value::Seq(items) => {
                let mut items: Vec<String> = items.iter().map(|item| shown(item, "")).collect();
                if ["images", "imageTags", "literals", "replicas"].contains(&key) {
                    items.sort();
                }
                out.push_str(&format!("{items:#?}"));
            }
            Value::Map(map) => {
                let said = map
                    .iter()
                    .filter(|entry| !entry.value.is_null_or_empty() && entry.value.as_str() != Some("false"));
                let mut entries: Vec<_> = said
                    .map(|entry| {
                        (
                            // kustomize does not mind the case of a field, and writes its own.
                            entry.key.as_str().unwrap().to_lowercase(),
                            shown(&entry.value, entry.key.as_str().unwrap()),
                        )
                    })
                    .collect();
                entries.sort();
                out.push_str(&format!("{entries:#?}"));
            }
        }
    }
    fn shown(node: &Node, key: &str) -> String {
        let mut out = String::new();
        write(node, key, &mut out);
        out
    }
    let source = Sources::new().add("kustomization.yaml", text.to_owned());
    match yaml::read_config(&source) {
        Ok(config) => shown(&config.node, ""),
        Err(_) => text.to_owned(),
    }
}
