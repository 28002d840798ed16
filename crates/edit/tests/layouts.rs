//! Every sub-command on files of every layout. `tests/cases/LAYOUT/` holds a kustomization as its author wrote it
//! (`kustomization.yaml`) and, for each command of [`COMMANDS`], what it is then, to the byte (`NAME.yaml`).
//!
//! `UPDATE=1 cargo test -p edit` writes what came out; read the difference before you commit it.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails as a test does")]

mod command;

use std::fs;
use std::path::{Path, PathBuf};

use command::run;

/// A name, and the command.
const COMMANDS: [(&str, &str); 33] = [
    ("add_resource", "add resource c.yaml"),
    ("add_component", "add component part"),
    ("add_base", "add base base"),
    ("add_patch", "add patch --path q.yaml --kind Job"),
    ("add_label", "add label owner:me"),
    ("add_label_without_selector", "add label --without-selector owner:me"),
    ("add_annotation", "add annotation owner:1.0"),
    ("add_configmap", "add configmap fresh --literal k=v"),
    ("add_to_configmap", "add configmap settings --literal k=v"),
    ("add_secret", "add secret fresh --literal k=v"),
    ("add_generator", "add generator u.yaml"),
    ("add_transformer", "add transformer u.yaml"),
    ("add_buildmetadata", "add buildmetadata managedByLabel"),
    ("remove_resource", "remove resource a.yaml"),
    ("remove_patch", "remove patch --path p.yaml"),
    ("remove_label", "remove label team"),
    ("remove_annotation", "remove annotation note"),
    ("remove_configmap", "remove configmap settings"),
    ("remove_secret", "remove secret keys"),
    ("remove_transformer", "remove transformer t.yaml"),
    ("remove_buildmetadata", "remove buildmetadata originAnnotations"),
    ("set_image", "set image nginx:1.27 new=other:v1"),
    ("set_nameprefix", "set nameprefix prod-"),
    ("set_namesuffix", "set namesuffix -v1"),
    ("set_namespace", "set namespace live"),
    ("set_replicas", "set replicas web=3 db=2"),
    ("set_label", "set label team:other new:x"),
    ("set_annotation", "set annotation note:other"),
    ("set_buildmetadata", "set buildmetadata managedByLabel"),
    ("set_configmap", "set configmap settings A=9"),
    ("set_secret", "set secret keys T=y"),
    ("fix", "fix"),
    ("fix_vars", "fix --vars"),
];

#[test]
fn nothing_but_what_was_asked_for_changes() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = String::new();
    let mut layouts: Vec<PathBuf> = fs::read_dir(&top).unwrap().map(|entry| entry.unwrap().path()).collect();
    layouts.sort();
    assert!(layouts.len() >= 8, "{layouts:?}");
    for layout in layouts {
        let before = fs::read(layout.join("kustomization.yaml")).unwrap();
        for (name, line) in COMMANDS {
            let directory = command::directory(&before);
            let answer = run(directory.path(), line);
            let mut after = fs::read(directory.path().join("kustomization.yaml")).unwrap();
            if let Err(error) = answer {
                assert_eq!(
                    after,
                    before,
                    "{}: {line}: what fails changes nothing",
                    layout.display()
                );
                after = format!("error: {error}\n")
                    .replace(&directory.path().display().to_string(), "")
                    .into_bytes();
            }
            let path = layout.join(format!("{name}.yaml"));
            if update {
                fs::write(&path, &after).unwrap();
            } else if fs::read(&path).ok().as_deref() != Some(&after) {
                let (path, after) = (path.display(), String::from_utf8_lossy(&after));
                wrong += &format!("{path}: {line}:\n{after}\n");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
