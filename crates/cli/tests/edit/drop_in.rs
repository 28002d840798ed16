//! The calls that Argo CD, Flux' users and CI jobs make, run in turn by both programs: exit codes, standard output,
//! what standard error begins with, and the files that they leave.
//!
//! The calls are those of Argo CD's `util/kustomize`, of published workflows for GitHub and Jenkins, of Helm
//! post-renderers and of Flux' validation scripts.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;

use crate::{as_kustomize, has_kustomize, meaning_of, run, write};

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: main, image: nginx}
      - {name: side, image: 'registry.example:5000/team/side:1.0'}
";

const KUSTOMIZATION: &str = "\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
- deployment.yaml
commonAnnotations: {owner: us}
labels:
- pairs: {tier: web}
";

const FILES: &[(&str, &str)] = &[
    ("app/deployment.yaml", DEPLOYMENT),
    ("app/kustomization.yaml", KUSTOMIZATION),
    (
        "app/patch.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {paused: true}\n",
    ),
    (
        "app/component/kustomization.yaml",
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: c-\n",
    ),
    (
        "shared/config.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared}\n",
    ),
    (
        "over/kustomization.yaml",
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../app, ../shared/config.yaml]\n",
    ),
    ("old/kustomization.yaml", "bases: [../app]\ncommonLabels: {a: b}\n"),
    ("bad/kustomization.yaml", "resources: [missing.yaml]\n"),
    ("out/keep", ""),
];

/// Sessions of calls; `DIR: ARGUMENTS`, one a line, each after the other in one tree.
const SESSIONS: &[(&str, &str)] = &[
    (
        "Argo CD with everything it sets",
        "app: edit set nameprefix -- prod-
         app: edit set namesuffix -- -v1
         app: edit set image nginx:1.27 registry.example:5000/team/side=ghcr.io/o/side@sha256:24a0c4b4a4c0eb97a1aabb8e29f18e917d05abfe1b7a7c07857230879ce7d3d3
         app: edit set replicas web=3 db=2
         app: edit add label --force --without-selector --include-templates app.kubernetes.io/instance:shop env:prod
         app: edit add annotation --force owner:them note:x
         app: edit set namespace -- prod
         app: edit add component component
         .: build app
         .: build app --enable-helm --helm-kube-version 1.31 --helm-api-versions v1 --helm-api-versions apps/v1
         .: build over --load-restrictor LoadRestrictionsNone",
    ),
    (
        "Argo CD without force",
        "app: edit add label --without-selector tier:db
         app: edit add label app.kubernetes.io/instance:shop
         app: edit add label app.kubernetes.io/instance:other
         app: edit add label --force app.kubernetes.io/instance:other
         app: edit add annotation owner:them
         .: build app",
    ),
    (
        "Argo CD again and again",
        "app: edit set image nginx=registry.example/nginx
         app: edit set image nginx:1.27
         app: edit set image nginx=nginx@sha256:24a0c4b4a4c0eb97a1aabb8e29f18e917d05abfe1b7a7c07857230879ce7d3d3
         app: edit set image nginx=*:1.28
         app: edit set image nginx=other:*
         app: edit set image nginx:1@sha256:24a0c4b4a4c0eb97a1aabb8e29f18e917d05abfe1b7a7c07857230879ce7d3d3
         app: edit set image nginx
         app: edit set image
         app: edit set replicas web=3
         app: edit set replicas web=x
         app: edit set nameprefix -- -
         app: edit set nameprefix
         .: build app",
    ),
    (
        "a deployment job",
        "app: edit set image registry.example:5000/team/side=registry.example:5000/team/side:main-0a1b2c
         app: edit set namespace main
         app: edit add annotation appVersion:main-0a1b2c
         app: build .",
    ),
    (
        "a job that makes its kustomization",
        "shared: create --resources config.yaml
         shared: edit add label deploy:v2 -f
         shared: edit set namesuffix -- -v2
         shared: edit add configmap settings --from-literal=a=b --from-literal=c=d
         shared: edit set configmap settings --from-literal=a=e
         shared: edit add secret keys --from-literal=t=x --disableNameSuffixHash
         shared: build",
    ),
    (
        "autodetect",
        "shared: create --autodetect --recursive --namespace x
         shared: create --autodetect
         shared: build .
         app: create --autodetect",
    ),
    (
        "patches and removals",
        "app: edit add patch --path patch.yaml --kind Deployment --name web
         app: edit add patch --path patch.yaml --kind Deployment --name web
         app: build
         app: edit remove patch --path patch.yaml --kind Deployment --name web
         app: edit remove resource *.yaml
         app: edit remove resource deployment.yaml
         app: edit add resource deployment.yaml patch.yaml nothing.yaml
         app: edit add resource deployment.yaml
         app: edit remove annotation owner
         app: edit set label a:b c:d
         app: edit set annotation e:f
         app: edit add buildmetadata originAnnotations,managedByLabel
         app: edit remove buildmetadata managedByLabel
         app: build
         app: edit add base component
         app: build",
    ),
    (
        "a validation script",
        ".: build app --load-restrictor=LoadRestrictionsNone --reorder=legacy
         .: build old --load-restrictor LoadRestrictionsNone
         .: build bad --load-restrictor=LoadRestrictionsNone
         .: build nowhere
         .: build
         .: build shared
         .: build over",
    ),
    (
        "files",
        ".: build app -o out
         .: build app -o out/all.yaml
         .: build app --output=out/again.yaml
         .: build app -o no/where.yaml",
    ),
    (
        "usage",
        ".: frobnicate
         .: build --frobnicate
         .: build -z
         .: build app over
         .: build app --load-restrictor Odd
         .: build app --enable-helm=odd
         .: build app --load-restrictor
         .: version --odd
         .: version more
         app: edit
         app: edit odd
         app: edit set
         app: edit set odd
         app: edit add
         app: edit add odd
         app: edit remove
         app: edit set image --odd
         app: edit add resource
         app: edit add label
         app: edit add label --odd
         app: edit fix more
         app: edit set namespace
         app: edit set namespace a b
         app: create more
         .: localize a b c
         .: completion
         .: completion odd
         .: --version",
    ),
    (
        "help",
        ".: --help
         .: -h
         .: help
         .: help build
         .: build --help
         .: build -h
         .: edit --help
         .: edit set --help
         .: edit set image --help
         .: edit add label -h
         .: create --help
         .: localize --help
         .: version --help
         .: completion bash
         app: edit alpha-list-builtin-plugin",
    ),
];

/// Files below a directory, kustomizations in meaning.
fn tree(top: &Path) -> BTreeMap<String, String> {
    fn walk(top: &Path, directory: &Path, out: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(top, &path, out);
                continue;
            }
            let name = path.strip_prefix(top).unwrap().display().to_string();
            let text = fs::read_to_string(&path).unwrap();
            let is_kustomization = name.ends_with("kustomization.yaml");
            out.insert(name, if is_kustomization { meaning_of(&text) } else { text });
        }
    }
    let mut out = BTreeMap::new();
    walk(top, top, &mut out);
    out
}

/// What a caller goes by: the exit code, the output where it is no help, and what standard error begins with.
fn answer(line: &str, output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    let is_prose = ["help", "-h", "completion", "alpha-list"]
        .iter()
        .any(|word| line.contains(word));
    let is_group = output.status.success() && line.contains("edit") && !text.is_empty();
    let shown = if is_prose || is_group {
        format!("{} of text", if text.is_empty() { "nothing" } else { "lines" })
    } else {
        text.into_owned()
    };
    let told = String::from_utf8_lossy(&output.stderr);
    // Of a build that fails, only kustomize tells what is deprecated.
    let is_told = |line: &&str| output.status.success() && line.starts_with("# Warning: '");
    let warnings = told.lines().filter(is_told);
    let is_error = told.lines().any(|line| line.starts_with("Error: "));
    format!(
        "{:?}, error {is_error}, {:?}\n{shown}",
        output.status.code(),
        warnings.collect::<Vec<_>>()
    )
}

#[test]
fn callers_of_kustomize_get_the_same_answers() {
    if !has_kustomize() {
        return;
    }
    let ours = as_kustomize();
    let mut wrong = String::new();
    for (name, lines) in SESSIONS {
        let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        for directory in &directories {
            write(directory.path(), FILES);
        }
        for line in lines.lines().map(str::trim) {
            let (below, arguments) = line.split_once(": ").unwrap();
            let arguments: Vec<&str> = arguments.split_whitespace().collect();
            let outputs = [ours.as_path(), Path::new("kustomize")]
                .into_iter()
                .zip(&directories)
                .map(|(program, directory)| run(program, &directory.path().join(below), &arguments));
            let outputs: Vec<Output> = outputs.collect();
            if answer(line, &outputs[0]) != answer(line, &outputs[1]) {
                wrong += &format!("{name}: {line}: {:?}\nkustomize: {:?}\n", outputs[0], outputs[1]);
            }
        }
        let (ours, theirs) = (tree(directories[0].path()), tree(directories[1].path()));
        for file in ours.keys().chain(theirs.keys()) {
            if ours.get(file) != theirs.get(file) {
                wrong += &format!(
                    "{name}: {file}: {:?}\nkustomize: {:?}\n",
                    ours.get(file),
                    theirs.get(file)
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The version is read by programs: Argo CD takes the short form apart, others read JSON and YAML.
#[test]
fn the_version_has_kustomizes_shapes() {
    if !has_kustomize() {
        return;
    }
    let here = tempfile::tempdir().unwrap();
    let text = |program: &Path, flags: &[&str]| {
        let output = run(program, here.path(), &[&["version"], flags].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let both = |flags: &[&str]| [as_kustomize().as_path(), Path::new("kustomize")].map(|program| text(program, flags));
    let [ours, theirs] = both(&[]);
    assert_eq!(ours, theirs);
    // What Argo CD does with it.
    let [ours, theirs] = both(&["--short"]).map(|text| {
        let text = text
            .trim()
            .trim_start_matches('{')
            .trim_end_matches('}')
            .trim()
            .replace("  ", " ");
        let text = text.trim_start_matches("kustomize/").to_owned();
        text.split(' ').next().unwrap().to_owned()
    });
    assert_eq!(ours, theirs);
    let [ours, theirs] = both(&["-o", "json"]).map(|text| {
        let fields: BTreeMap<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
        (fields.keys().cloned().collect::<Vec<_>>(), fields["version"].clone())
    });
    assert_eq!(ours, theirs);
    let [ours, theirs] = both(&["--output=yaml"]).map(|text| {
        text.lines()
            .map(|line| line.split(':').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    });
    assert_eq!(ours, theirs);
}

/// A Helm post-renderer: what it is given goes to a file whose absolute path is added, and all is built.
#[test]
fn a_post_renderer_adds_what_it_is_given() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let given = here.join("given.yaml");
    fs::write(&given, DEPLOYMENT).unwrap();
    let call = |arguments: &[&str]| {
        let output = run(as_kustomize(), here, arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    call(&["create", "--namespace", "post"]);
    call(&["edit", "add", "resource", given.to_str().unwrap()]);
    assert!(call(&["build", "."]).contains("namespace: post"));
}
