//! `edit fix` and `edit fix --vars`: whole files before and after, and the same input through kustomize.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::{as_kustomize, has_kustomize, meaning_of, run, write};

type Tree = &'static [(&'static str, &'static str)];

const SECRET: (&str, &str) = (
    "secret.yaml",
    "apiVersion: v1\nkind: Secret\nmetadata: {name: keys, namespace: x}\n",
);

/// A pod whose only environment variable has this value.
const POD_HEAD: &str = "apiVersion: v1   # a pod\nkind: Pod\nmetadata:\n    name: pod   # odd\nspec:\n    containers:\n    -   name: main\n        env:\n        -   {name: A, value: \"";

fn pod(value: &str) -> String {
    format!("{POD_HEAD}{value}\"}}\n")
}

const VARS: &str = "vars:\n- name: KEYS   # of the shop\n  objref: {apiVersion: v1, kind: Secret, name: keys}\n";

/// Trees for `edit fix --vars`.
const TREES: &[(&str, Tree)] = &[
    (
        "a_patch_with_a_target",
        &[
            SECRET,
            (
                "pod.yaml",
                "apiVersion: v1\nkind: Pod\nmetadata: {name: pod, labels: {a: $(KEYS)}}\n",
            ),
            (
                "p.yaml",
                "apiVersion: v1\nkind: Pod\nmetadata: {name: other, annotations: {b: x/$(KEYS)}}\n",
            ),
            (
                "kustomization.yaml",
                "resources: [secret.yaml, pod.yaml]\npatches:\n- path: p.yaml\n  target: {kind: Pod}\nvars:\n- name: KEYS\n  objref: {apiVersion: v1, kind: Secret, name: keys}\n",
            ),
        ],
    ),
    (
        "a_patch_that_may_change_the_name",
        &[
            SECRET,
            ("pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: pod}\n"),
            (
                "p.yaml",
                "apiVersion: v1\nkind: Pod\nmetadata: {name: other, annotations: {b: $(KEYS)}}\n",
            ),
            (
                "kustomization.yaml",
                "resources: [secret.yaml, pod.yaml]\npatches:\n- path: p.yaml\n  target: {kind: Pod}\n  options: {allowNameChange: true}\nvars:\n- name: KEYS\n  objref: {apiVersion: v1, kind: Secret, name: keys}\n",
            ),
        ],
    ),
    (
        "a_patch_that_may_change_name_and_kind",
        &[
            SECRET,
            ("pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: pod}\n"),
            (
                "p.yaml",
                "apiVersion: v1\nkind: Job\nmetadata: {name: other, annotations: {b: $(KEYS)}}\n",
            ),
            (
                "kustomization.yaml",
                "resources: [secret.yaml, pod.yaml]\npatches:\n- path: p.yaml\n  target: {kind: Pod}\n  options: {allowNameChange: true, allowKindChange: true}\nvars:\n- name: KEYS\n  objref: {apiVersion: v1, kind: Secret, name: keys}\n",
            ),
        ],
    ),
    (
        "a_strategic_merge_patch_and_a_field",
        &[
            SECRET,
            (
                "d.yaml",
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: x}\n",
            ),
            (
                "p.yaml",
                "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: d\n  namespace: x\n  annotations: {b: $(SPACE)}\n",
            ),
            (
                "kustomization.yaml",
                "resources: [secret.yaml, d.yaml]\npatchesStrategicMerge: [p.yaml]\nvars:\n- name: SPACE\n  objref: {kind: Secret, name: keys}\n  fieldref: {fieldpath: metadata.namespace}\n",
            ),
        ],
    ),
    (
        "a_base_several_documents_and_two_variables",
        &[
            ("base/kustomization.yaml", "resources: [all.yaml]\n"),
            (
                "base/all.yaml",
                "# one\napiVersion: v1\nkind: Secret\nmetadata: {name: keys}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: d\n  annotations:\n    a.b/c: $(KEYS)-$(OTHER)-$(KEYS)   # both\n    d: $(OTHER)\n",
            ),
            (
                "kustomization.yaml",
                "resources: [base]\nvars:\n- name: KEYS\n  objref: {apiVersion: v1, kind: Secret, name: keys}\n- name: OTHER\n  objref: {apiVersion: apps/v1, kind: Deployment, name: d}\n",
            ),
        ],
    ),
    (
        "a_list",
        &[
            SECRET,
            (
                "list.yaml",
                "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a, labels: {x: $(KEYS)}}\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: b, labels: {x: $(KEYS)}}\n",
            ),
            (
                "kustomization.yaml",
                "resources: [secret.yaml, list.yaml]\nvars:\n- name: KEYS\n  objref: {apiVersion: v1, kind: Secret, name: keys}\n",
            ),
        ],
    ),
    (
        "nobody_uses_it",
        &[
            SECRET,
            (
                "kustomization.yaml",
                "resources: [secret.yaml]\nvars:\n- name: KEYS\n  objref: {apiVersion: v1, kind: Secret, name: keys}\n",
            ),
        ],
    ),
    (
        "not_delimited",
        &[
            SECRET,
            (
                "pod.yaml",
                "apiVersion: v1\nkind: Pod\nmetadata: {name: pod, labels: {a: x$(KEYS).y}}\n",
            ),
            (
                "kustomization.yaml",
                "resources: [pod.yaml, secret.yaml]\nvars:\n- name: KEYS\n  objref: {apiVersion: v1, kind: Secret, name: keys}\n",
            ),
        ],
    ),
    ("no_file", &[SECRET]),
    ("unknown_field", &[("kustomization.yaml", "suffix: a\n")]),
    (
        "a_component",
        &[("kustomization.yaml", "kind: Component\nnamePrefix: a-\n")],
    ),
    (
        "empty_fields",
        &[(
            "kustomization.yaml",
            "bases: []\nimageTags:\nvars: []\nnamePrefix: a-\n",
        )],
    ),
];

/// The files below a directory; kustomizations in meaning.
fn tree(directory: &Path) -> BTreeMap<String, String> {
    fn walk(top: &Path, directory: &Path, out: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(top, &path, out);
                continue;
            }
            let name = path.strip_prefix(top).unwrap().display().to_string();
            let text = fs::read_to_string(&path).unwrap();
            let is_top = name == "kustomization.yaml";
            out.insert(name, if is_top { meaning_of(&text) } else { text });
        }
    }
    let mut out = BTreeMap::new();
    walk(directory, directory, &mut out);
    out
}

/// Runs both programs under the name `kustomize` on the same files; their trees, exit codes and, where `output`
/// says so, standard output must agree.
fn compare(name: &str, files: &[(&str, &str)], flags: &[&str], output: bool) {
    if !has_kustomize() {
        return;
    }
    let ours = as_kustomize();
    let answers = [ours.as_os_str(), "kustomize".as_ref()].map(|program| {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), files);
        let arguments = [&["edit", "fix"], flags].concat();
        let answer = run(program, directory.path(), &arguments);
        let succeeded = answer.status.success();
        let before = tempfile::tempdir().unwrap();
        write(before.path(), files);
        // kustomize may stop halfway; here nothing is changed by what fails.
        let tree = if succeeded || program == ours.as_os_str() {
            tree(directory.path())
        } else {
            tree(before.path())
        };
        let text = String::from_utf8(answer.stdout).unwrap();
        // The words of a failing build are each program's own.
        let text = text
            .split_inclusive("produces the error when running `kustomize build`: ")
            .next()
            .unwrap_or_default();
        (
            answer.status.code(),
            tree,
            if output { text.to_owned() } else { String::new() },
        )
    });
    assert_eq!(answers[0], answers[1], "{name}");
}

#[test]
fn variables_become_what_kustomize_makes_of_them() {
    for (name, files) in TREES {
        compare(
            name,
            files,
            &["--vars"],
            !name.starts_with("un") && *name != "a_component",
        );
        compare(name, files, &[], !name.starts_with("un") && *name != "a_component");
    }
    for value in [
        "$(KEYS)",
        "$(KEYS)/b",
        "a/$(KEYS)",
        "a/b/$(KEYS)/c",
        "a.$(KEYS).b.c",
        "$(KEYS) $(KEYS)",
        "a$(KEYS)a$(KEYS)a",
        "$(KEYS)$(OTHER)",
        "$(OTHER)",
        "a/$(KEYS).c",
        "no",
        "xSx$(KEYS)xSx",
    ] {
        let pod = pod(value);
        let kustomization = format!("# c\nresources: [pod.yaml, secret.yaml]\n{VARS}");
        let files = [("pod.yaml", &*pod), SECRET, ("kustomization.yaml", &*kustomization)];
        compare(value, &files, &["--vars"], true);
    }
}

#[test]
fn old_fields_move_as_in_kustomize() {
    let files: &[(&str, &str)] = &[
        SECRET,
        (
            "d.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {replicas: 1}\n",
        ),
        (
            "p.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {replicas: 2}\n",
        ),
        ("j.yaml", "- {op: add, path: /spec/paused, value: true}\n"),
        ("base/kustomization.yaml", "resources: [c.yaml]\n"),
        ("base/c.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"),
        ("a.env", "A=b\n"),
    ];
    for text in [
        "resources: [d.yaml]\nbases: [base]\n",
        "resources: [d.yaml]\npatchesStrategicMerge: [p.yaml, \"apiVersion: apps/v1\\nkind: Deployment\\nmetadata: {name: d, labels: {a: b}}\"]\n",
        "resources: [d.yaml]\npatches:\n- path: p.yaml\npatchesJson6902:\n- path: j.yaml\n  target: {kind: Deployment, name: d}\n",
        "resources: [d.yaml]\ncommonLabels: {a: b}\n",
        "resources: [d.yaml]\ncommonLabels: {a: b}\nlabels:\n- pairs: {c: d}\n",
        "resources: [d.yaml]\ncommonLabels: {a: b}\nlabels:\n- pairs: {a: d}\n",
        "resources: [d.yaml]\nimageTags:\n- {name: a, newTag: b}\nimages:\n- {name: c, newTag: d}\n",
        "configMapGenerator:\n- {name: a, env: a.env}\n- {name: b, env: a.env, envs: []}\nsecretGenerator:\n- {name: a, env: a.env}\n",
        "nameprefix: some-\nResources: [d.yaml]\n",
        "kind: Kustomization\nresources: [d.yaml]\n",
        "apiVersion: kustomize.config.k8s.io/v1beta1\nresources: [d.yaml]\n",
    ] {
        let files = [files, &[("kustomization.yaml", text)]].concat();
        compare(text, &files, &[], true);
    }
    for text in [
        "helmChartInflationGenerator:\n- chartName: a\n  chartHome: h\n  chartRepoUrl: https://x\n  chartVersion: \"1\"\n  values: v.yaml\n  valuesLocal: {a: b}\n  valuesMerge: merge\n  releaseName: r\n  helmBin: x\n  extraArgs: [a]\n- chartName: b\n  chartHome: i\n  helmHome: j\n",
        "helmChartInflationGenerator:\n- chartName: a\n  chartHome: h\nhelmGlobals: {configHome: x}\nhelmCharts:\n- name: z\n",
        "helmChartInflationGenerator:\n- chartHome: h\n",
    ] {
        compare(text, &[("kustomization.yaml", text)], &[], false);
    }
}

/// Fixes files; the texts of all that changed.
#[track_caller]
fn fixed(files: &[(&str, &str)], flags: &[&str], expected: &[(&str, &str)]) {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), files);
    let answer = run(
        env!("CARGO_BIN_EXE_terrace"),
        directory.path(),
        &[&["edit", "fix"], flags].concat(),
    );
    assert!(answer.status.success(), "{answer:?}");
    for (name, text) in expected {
        assert_eq!(
            fs::read_to_string(directory.path().join(name)).unwrap(),
            *text,
            "{name}"
        );
    }
    let names = fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(names, files.len(), "nothing else is left");
}

#[test]
fn comments_and_layout_stay() {
    let old = "\
# The shop.

# what it is made of
bases:
- base   # b
# about a
resources:
  - a.yaml
patchesStrategicMerge:
  # the patch
  - p.yaml   # pp
  - |-
    kind: Deployment   # inner
    metadata:
      name: x
patches:
- path: z.yaml
patchesJson6902:
- path: b.yaml   # j
  target: {kind: Deployment, name: x, version: v1}
commonLabels:
    team: core # mine
    # more
    x: z
configMapGenerator:
- name: settings
  env: app.env   # e
helmChartInflationGenerator:
- chartName: nginx   # the chart
  chartHome: home
  chartVersion: \"1.5\"
";
    let new = "\
# The shop.

apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
# what it is made of
# about a
resources:
  - a.yaml
  - base   # b
patches:
- path: z.yaml
- path: b.yaml   # j
  target: {kind: Deployment, name: x, version: v1}
# the patch
- path: p.yaml   # pp
- patch: |-
    kind: Deployment   # inner
    metadata:
      name: x
labels:
- includeSelectors: true
  pairs:
    team: core # mine
    # more
    x: z
configMapGenerator:
- name: settings
  envs: [app.env]   # e
helmCharts:
- name: nginx   # the chart
  version: \"1.5\"
helmGlobals:
  chartHome: home
";
    let patch = ("p.yaml", "");
    fixed(
        &[("kustomization.yaml", old), patch],
        &[],
        &[("kustomization.yaml", new)],
    );
    let (old, new) = (old.replace('\n', "\r\n"), new.replace('\n', "\r\n"));
    fixed(
        &[("kustomization.yaml", &*old), patch],
        &[],
        &[("kustomization.yaml", &*new)],
    );
}

#[test]
fn files_that_use_variables_keep_their_layout() {
    let (old, new) = (pod("a/$(KEYS)"), pod("a/KEYS_PLACEHOLDER"));
    let kustomization = format!("# c\nresources:   # all\n  - pod.yaml\n  - secret.yaml\n{VARS}\n# end\n");
    let expected = "\
# c
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:   # all
  - pod.yaml
  - secret.yaml
replacements:
  - source:
      version: v1
      kind: Secret
      name: keys
    targets:
      - select:
          version: v1
          kind: Pod
          name: pod
        fieldPaths:
          - spec.containers.0.env.0.value
        options:
          delimiter: /
          index: 1

# end
";
    fixed(
        &[("pod.yaml", &*old), SECRET, ("kustomization.yaml", &*kustomization)],
        &["--vars"],
        &[("pod.yaml", &*new), ("kustomization.yaml", expected)],
    );
}

#[test]
fn what_cannot_be_converted_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (good, bad) = (pod("$(KEYS)"), pod("a$(KEYS)b"));
    let kustomization = format!("resources: [good.yaml, bad.yaml]\n{VARS}");
    let files = [
        ("good.yaml", &*good),
        ("bad.yaml", &*bad),
        ("kustomization.yaml", &*kustomization),
    ];
    write(directory.path(), &files);
    let answer = run(
        env!("CARGO_BIN_EXE_terrace"),
        directory.path(),
        &["edit", "fix", "--vars"],
    );
    assert_eq!(answer.status.code(), Some(1));
    let told = String::from_utf8(answer.stderr).unwrap();
    assert!(
        told.contains("error with bad.yaml: cannot convert all vars to replacements; $(KEYS) is not delimited"),
        "{told}"
    );
    for (name, text) in files {
        assert_eq!(fs::read_to_string(directory.path().join(name)).unwrap(), text, "{name}");
    }
}

/// kustomize drops replacements that are there when it converts variables, and looks for the bases of a base in
/// the directory it runs in.
#[test]
fn nothing_is_lost_that_kustomize_loses() {
    let mine = "replacements:\n- path: mine.yaml   # mine\n";
    let kustomization = format!(
        "kind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\nresources: [mid, secret.yaml]\n{mine}{VARS}"
    );
    let pod_file = pod("$(KEYS)");
    let directory = tempfile::tempdir().unwrap();
    write(
        directory.path(),
        &[
            SECRET,
            ("mine.yaml", "[]\n"),
            ("mid/kustomization.yaml", "resources: [../base]\n"),
            ("base/kustomization.yaml", "resources: [pod.yaml]\n"),
            ("base/pod.yaml", &*pod_file),
            ("kustomization.yaml", &*kustomization),
        ],
    );
    let answer = run(
        env!("CARGO_BIN_EXE_terrace"),
        directory.path(),
        &["edit", "fix", "--vars"],
    );
    assert!(answer.status.success(), "{answer:?}");
    let told = String::from_utf8(answer.stdout).unwrap();
    assert!(!told.contains("Warning: 'Fixed'"), "{told}");
    let text = fs::read_to_string(directory.path().join("kustomization.yaml")).unwrap();
    assert!(text.contains(mine), "{text}");
    let text = fs::read_to_string(directory.path().join("base/pod.yaml")).unwrap();
    assert_eq!(text, pod("KEYS_PLACEHOLDER"));
}
