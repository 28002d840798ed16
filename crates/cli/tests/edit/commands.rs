//! `edit` and `create` on files with comments and odd layout: the whole result, that taking a change back gives
//! the same bytes, and, where a `kustomize` is on the PATH, that its result means the same.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::{meaning, run};

const FILE: &str = "\
# The shop.
kind: Kustomization   # as always
apiVersion: kustomize.config.k8s.io/v1beta1

resources:
  - a.yaml   # first
  # - off.yaml
  - 'b.yaml'

images:   # pinned
  - name: nginx
    newTag: \"1.25\"  # by hand
  - {name: redis, newTag: old}
replicas: [{name: web, count: 1}]
commonLabels: {team: core}
commonAnnotations:
    note: hi   # why
namePrefix: \"dev-\"
labels:
- pairs:
    tier: front
configMapGenerator:
- name: settings
  literals: [A=1, 'B=two words']
secretGenerator:
- name: keys
  literals:
  - T=x
  type: Opaque
patches:
- path: p.yaml
  target:
    kind: Deployment
- patch: |-
    - op: remove
      path: /spec
  target: {name: x}
transformers: [t.yaml]
buildMetadata: [originAnnotations]
# end
";

const OLD: &str = "\
bases: [base]   # old
resources:
- a.yaml
patchesStrategicMerge:
- p.yaml
- |-
  kind: Deployment
  metadata:
    name: x
patchesJson6902:
- path: b.yaml
  target: {kind: Deployment, name: x, version: v1}
commonLabels:
  team: core # mine
imageTags:
- {name: nginx, newTag: v1}
configMapGenerator:
- name: settings
  env: app.env
";

fn directory(text: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in [
        "a.yaml", "b.yaml", "c.yaml", "d.yaml", "p.yaml", "t.yaml", "u.yaml", "app.env", "more.env",
    ] {
        let id = name.split('.').next().unwrap();
        let object = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {id}\n");
        fs::write(
            directory.path().join(name),
            if name.ends_with("env") {
                "K=v\n".to_owned()
            } else {
                object
            },
        )
        .unwrap();
    }
    fs::create_dir_all(directory.path().join("base")).unwrap();
    fs::write(directory.path().join("base/kustomization.yaml"), "resources: []\n").unwrap();
    fs::write(directory.path().join("kustomization.yaml"), text).unwrap();
    directory
}

fn terrace(directory: &Path, line: &str) -> Output {
    let arguments: Vec<&str> = line.split(' ').collect();
    run(env!("CARGO_BIN_EXE_terrace"), directory, &arguments)
}

fn text(directory: &Path) -> String {
    fs::read_to_string(directory.join("kustomization.yaml")).unwrap()
}

const COMMANDS: &[&str] = &[
    "edit add resource c.yaml a.yaml",
    "edit add resource *.yaml",
    "edit add resource missing.yaml",
    "edit add resource --no-verify missing.yaml",
    "edit add component base",
    "edit add base base",
    "edit add base nowhere",
    "edit add patch --path c.yaml --kind Deployment --name web",
    "edit add patch --path p.yaml --kind Deployment",
    "edit add patch --patch {}",
    "edit add label owner:me,x:y",
    "edit add label owner:me size:\"big\"",
    "edit add label team:other",
    "edit add label -f team:other",
    "edit add label --without-selector owner:me",
    "edit add label --without-selector --include-templates owner:me a:b",
    "edit add label --include-templates owner:me",
    "edit add label :x",
    "edit add annotation a:b c:true",
    "edit add configmap fresh --from-literal=k=v --from-literal=n=1",
    "edit add configmap settings --from-literal=C=3 --behavior=merge",
    "edit add configmap settings --from-file=key=c.yaml --disableNameSuffixHash",
    "edit add configmap settings --from-literal=A=3",
    "edit add configmap more --from-env-file=more.env --namespace=x",
    "edit add configmap more",
    "edit add configmap settings --from-literal=C=3 --behavior=odd",
    "edit add secret fresh --from-literal=k=v",
    "edit add secret keys --from-file=*.env",
    "edit add generator u.yaml",
    "edit add transformer u.yaml t.yaml",
    "edit add buildmetadata managedByLabel",
    "edit add buildmetadata originAnnotations",
    "edit add buildmetadata odd",
    "edit remove resource a.yaml",
    "edit remove resource *.yaml",
    "edit remove resource none",
    "edit remove patch --path p.yaml --kind Deployment",
    "edit remove patch --path p.yaml",
    "edit remove label team",
    "edit remove label none",
    "edit remove label -i none",
    "edit remove annotation note",
    "edit remove configmap settings",
    "edit remove configmap none",
    "edit remove secret keys,none",
    "edit remove transformer t.yaml",
    "edit remove buildmetadata originAnnotations",
    "edit set image nginx:1.27 app=registry:5000/app@sha256:abc redis=*:new",
    "edit set image nginx=other redis=x:*",
    "edit set image nginx=*:v2@sha256:0",
    "edit set image nginx",
    "edit set image",
    "edit set nameprefix -- prod-",
    "edit set namesuffix -- -v1",
    "edit set namespace staging",
    "edit set namespace a b",
    "edit set replicas web=3 db=2",
    "edit set replicas web",
    "edit set label team:x new:1",
    "edit set annotation note:x",
    "edit set buildmetadata managedByLabel,originAnnotations",
    "edit set configmap settings --from-literal=A=9",
    "edit set configmap settings --from-literal=Z=9",
    "edit set configmap settings --new-namespace=z",
    "edit set secret keys --from-literal=T=y",
    "edit set secret none --from-literal=T=y",
    "edit fix",
];

#[test]
fn means_what_kustomize_means() {
    if Command::new("kustomize").arg("version").output().is_err() {
        return;
    }
    let mut wrong = String::new();
    for (name, file) in [("FILE", FILE), ("OLD", OLD)] {
        for command in COMMANDS {
            let (ours, theirs) = (directory(file), directory(file));
            let arguments: Vec<&str> = command.split(' ').collect();
            let our = terrace(ours.path(), command);
            let their = run("kustomize", theirs.path(), &arguments);
            // Any other edit of kustomize's moves deprecated fields; where it does not run, ours fixes alike.
            for directory in [&ours, &theirs] {
                run("kustomize", directory.path(), &["edit", "set", "namespace", "same"]);
            }
            if our.status.success() != their.status.success() {
                wrong += &format!("{name}: {command}: {our:?}, kustomize {their:?}\n");
            } else if meaning(ours.path()) != meaning(theirs.path()) {
                wrong += &format!(
                    "{name}: {command}:\n{}\nkustomize:\n{}\n",
                    text(ours.path()),
                    text(theirs.path())
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn taking_an_edit_back_gives_the_same_bytes() {
    let pairs = [
        ("edit add resource c.yaml", "edit remove resource c.yaml"),
        ("edit add label owner:me", "edit remove label owner"),
        ("edit add annotation owner:me", "edit remove annotation owner"),
        (
            "edit add configmap fresh --from-literal=k=v",
            "edit remove configmap fresh",
        ),
        ("edit add secret fresh --from-literal=k=v", "edit remove secret fresh"),
        ("edit add transformer u.yaml", "edit remove transformer u.yaml"),
        (
            "edit add buildmetadata managedByLabel",
            "edit remove buildmetadata managedByLabel",
        ),
        (
            "edit add patch --path c.yaml --kind Job",
            "edit remove patch --path c.yaml --kind Job",
        ),
        ("edit set image nginx:2.0", "edit set image nginx:1.25"),
        ("edit set nameprefix x-", "edit set nameprefix dev-"),
        ("edit set replicas web=3", "edit set replicas web=1"),
        ("edit set namespace x", "edit set namespace "),
        (
            "edit set configmap settings --from-literal=A=2",
            "edit set configmap settings --from-literal=A=1",
        ),
    ];
    for file in [FILE.to_owned(), FILE.replace('\n', "\r\n"), FILE.trim_end().to_owned()] {
        for (change, back) in pairs {
            let directory = directory(&file);
            assert!(terrace(directory.path(), change).status.success(), "{change}");
            assert_ne!(text(directory.path()), file, "{change}");
            assert!(terrace(directory.path(), back).status.success(), "{back}");
            assert_eq!(text(directory.path()), file, "{change}");
        }
    }
}

#[test]
fn only_what_was_asked_for_changes() {
    let check = |command: &str, old: &str, new: &str| {
        let directory = directory(FILE);
        let output = terrace(directory.path(), command);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(FILE.matches(old).count(), 1, "{old}");
        assert_eq!(text(directory.path()), FILE.replace(old, new), "{command}");
    };
    check(
        "edit add resource c.yaml",
        "  - 'b.yaml'\n",
        "  - 'b.yaml'\n  - c.yaml\n",
    );
    check("edit set image nginx:1.27", "\"1.25\"", "\"1.27\"");
    check("edit set image redis:new", "newTag: old", "newTag: new");
    check(
        "edit set image new:1.0",
        "newTag: old}\n",
        "newTag: old}\n  - name: new\n    newTag: \"1.0\"\n",
    );
    check(
        "edit set replicas db=2",
        "count: 1}]",
        "count: 1}, {name: db, count: 2}]",
    );
    check("edit set label a:b", "{team: core}", "{team: core, a: b}");
    check(
        "edit remove annotation note",
        "commonAnnotations:\n    note: hi   # why\n",
        "",
    );
    check(
        "edit set namespace live",
        "  target: {name: x}\ntransformers: [t.yaml]\nbuildMetadata: [originAnnotations]\n",
        "  target: {name: x}\ntransformers: [t.yaml]\nbuildMetadata: [originAnnotations]\nnamespace: live\n",
    );
    check("edit remove resource a.yaml", "  - a.yaml   # first\n", "");
}

#[test]
fn create_writes_what_kustomize_writes() {
    let lines = [
        "create",
        "create --autodetect",
        "create --autodetect --recursive",
        "create --resources a.yaml,base --namespace x --nameprefix p --namesuffix s --labels b:1,a:2 --annotations c:d",
        "create --resources none.yaml",
    ];
    let kustomize = Command::new("kustomize").arg("version").output().is_ok();
    for line in lines {
        let (ours, theirs) = (directory(FILE), directory(FILE));
        assert_eq!(
            terrace(ours.path(), "create").status.code(),
            Some(1),
            "there is one already"
        );
        for directory in [&ours, &theirs] {
            fs::remove_file(directory.path().join("kustomization.yaml")).unwrap();
            fs::write(directory.path().join("README.md"), "# Notes\n\ntext: [\n").unwrap();
        }
        let our = terrace(ours.path(), line);
        assert_eq!(our.status.success(), !line.contains("none"), "{line}: {our:?}");
        if kustomize {
            let arguments: Vec<&str> = line.split(' ').collect();
            let their = run("kustomize", theirs.path(), &arguments);
            assert_eq!(our.status.success(), their.status.success(), "{line}");
            if our.status.success() {
                assert_eq!(text(ours.path()), text(theirs.path()), "{line}");
            }
        }
    }
}
