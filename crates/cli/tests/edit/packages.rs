//! `cfg` and `fn run`: the objects of directories and streams, shown, searched and changed as kustomize does it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::{as_kustomize, has_kustomize, run, write};

const DEPLOYMENT: &str = "# top
apiVersion: apps/v1
kind: Deployment # kind
spec:
  # replicas
  replicas: 2 # two
  template:
    spec:
      containers:
      - image: x:1 # image
        name: z
        command: [\"sh\", \"-c\", \"a\\nb\"]
      - name: a
        image: y
metadata:
  name: d
---
kind: Service
apiVersion: v1
metadata: {name: s, namespace: n, annotations: {config.kubernetes.io/local-config: \"true\"}}
spec: {ports: [{port: 80}]}
";
const OWNED: &str = "kind: RS
apiVersion: v1
metadata: {name: rs, namespace: n, ownerReferences: [{kind: D, name: d}]}
---
{kind: D, apiVersion: v1, metadata: {name: d, namespace: n}}
";
const LIST: &str =
    "apiVersion: v1\nkind: List\nitems:\n- {kind: A, apiVersion: v1, metadata: {name: x}}\n# c\n- kind: B\n";
const CONFIG: &str = "kind: C\napiVersion: v1\nmetadata: {name: c}\n";

fn tree() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    write(
        directory.path(),
        &[
            ("p/a.yaml", DEPLOYMENT),
            ("p/.krmignore", "ignored/\n*.skip.yaml\n"),
            ("p/ignored/a.yaml", CONFIG),
            ("p/b.skip.yaml", CONFIG),
            ("p/sub/Krmfile", "kind: Krmfile\n"),
            ("p/sub/x/c.yaml", CONFIG),
            ("p/sub/owned.yml", OWNED),
            ("o/owned.yml", OWNED),
            ("o/c.yaml", CONFIG),
            ("p/sub/list/Krmfile", "kind: Krmfile\n"),
            ("p/sub/list/no_mapping.yaml", "- a\n"),
            ("list.yaml", LIST),
            ("config.yaml", CONFIG),
        ],
    );
    directory
}

/// Runs a line with something on its standard input.
fn piped(program: &Path, directory: &Path, line: &str, input: &str) -> Output {
    let mut child = Command::new(program)
        .args(line.split_whitespace())
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may not read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn objects_are_shown_as_by_kustomize() {
    if !has_kustomize() {
        return;
    }
    let directory = tree();
    let mut wrong = Vec::new();
    let flags = [
        "cfg cat DIR",
        "cfg cat DIR --annotate",
        "cfg cat DIR --format=false",
        "cfg cat DIR --strip-comments",
        "cfg cat DIR --include-local",
        "cfg cat DIR --include-local --exclude-non-local",
        "cfg cat DIR --style FlowStyle",
        "cfg cat DIR --style TaggedStyle,DoubleQuotedStyle",
        "cfg cat DIR -R=false",
        "cfg cat DIR --wrap-kind ResourceList --wrap-version v1 --function-config config.yaml",
        "cfg cat DIR --function-config p/a.yaml",
        "cfg count DIR",
        "cfg count DIR --kind=false",
        "cfg count DIR -R=false",
        "cfg grep kind=Deployment DIR",
        "cfg grep kind=Deployment DIR --annotate=false",
        "cfg grep metadata.name=d DIR --invert-match",
        "cfg grep spec.replicas>1 DIR",
        "cfg grep spec.replicas<=x DIR",
        "cfg grep spec.template.spec.containers[name=z].image=x DIR",
        "cfg grep spec.template.spec.containers[name].image=x DIR",
        "cfg grep spec.replicas.deeper=1 DIR",
        "cfg grep a=b=c DIR",
        "cfg grep a[b[c DIR",
        "cfg tree DIR",
        "cfg tree DIR --all",
        "cfg tree DIR --all --command=false --field metadata.labels,spec.replicas",
        "cfg tree DIR --image --name --graph-structure directory",
        "cfg tree DIR --graph-structure owners",
        "cfg cat DIR DIR",
        "cfg cat DIR --nothing",
    ];
    let places = ["p", "p/", "./p/sub", "p/a.yaml", "p/sub/list", "o", "nowhere"];
    for (flags, place) in flags.iter().flat_map(|flags| places.map(|place| (flags, place))) {
        let line = flags.replace("DIR", place);
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let ours = run(as_kustomize(), directory.path(), &arguments);
        let theirs = run("kustomize", directory.path(), &arguments);
        if (stdout(&ours), ours.status.code()) != (stdout(&theirs), theirs.status.code()) {
            wrong.push(format!(
                "{line}\n{}\n---- kustomize:\n{}",
                stdout(&ours),
                stdout(&theirs)
            ));
        }
    }
    for line in [
        "cfg cat",
        "cfg cat --annotate",
        "cfg cat --wrap-kind List --wrap-version v1",
        "cfg count",
        "cfg grep kind=.",
        "cfg grep",
        "cfg tree -",
        "cfg tree - --all",
    ] {
        for input in [DEPLOYMENT, OWNED, LIST, "- a\n", "a: [\n", ""] {
            let ours = piped(&as_kustomize(), directory.path(), line, input);
            let theirs = piped(Path::new("kustomize"), directory.path(), line, input);
            if (stdout(&ours), ours.status.code()) != (stdout(&theirs), theirs.status.code()) {
                wrong.push(format!(
                    "{line} < {input}\n{}\n---- kustomize:\n{}",
                    stdout(&ours),
                    stdout(&theirs)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn objects_are_shown_with_their_layout() {
    let directory = tree();
    let answer = |line: &str| {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let answer = run(env!("CARGO_BIN_EXE_terrace"), directory.path(), &arguments);
        assert!(
            answer.status.success(),
            "{line}: {}",
            String::from_utf8_lossy(&answer.stderr)
        );
        stdout(&answer)
    };
    assert_eq!(
        answer("cfg cat p -R=false"),
        "# top
apiVersion: apps/v1
kind: Deployment # kind
metadata:
  name: d
spec:
  # replicas
  replicas: 2 # two
  template:
    spec:
      containers:
      - name: a
        image: y
      - name: z
        image: x:1 # image
        command: [\"sh\", \"-c\", \"a\\nb\"]
"
    );
    assert_eq!(answer("cfg count p -R=false"), "p/\nDeployment: 1\nService: 1\n");
    assert_eq!(
        answer("cfg tree o --graph-structure owners"),
        ".\n├── [Resource]  C c\n└── [Resource]  D n/d\n    └── [Resource]  RS n/rs\n"
    );
}

const CHANGES: &str = "#!/bin/sh\necho told >&2\nsed -e 's/replicas: 2/replicas: 9/' -e 's/#.*//'\n";
const ADDS: &str = "#!/bin/sh
sed '/^functionConfig/,$d'
printf -- '- {apiVersion: v1, kind: ConfigMap, metadata: {name: added, namespace: n}}\\n'
printf 'results:\\n- {message: hello, severity: info}\\n'
";
const FAILS: &str = "#!/bin/sh\necho bad >&2\ncat\nexit 3\n";

fn function(path: &Path) -> String {
    let annotation = "config.kubernetes.io/function";
    let path = path.display();
    format!(
        "apiVersion: v1\nkind: F\nmetadata:\n  name: f\n  annotations:\n    {annotation}: |\n      exec: {{path: {path}}}\n"
    )
}

/// A package with functions, in a directory with the programs that they are.
fn functions() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let top = directory.path();
    let programs = [("changes.sh", CHANGES), ("adds.sh", ADDS), ("fails.sh", FAILS)];
    write(top, &programs);
    for (name, _) in programs {
        fs::set_permissions(top.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::create_dir(top.join("results")).unwrap();
    write(
        top,
        &[
            ("p/a/d.yaml", DEPLOYMENT),
            ("p/b/d.yaml", DEPLOYMENT),
            (
                "p/b/j.json",
                "{\"apiVersion\":\"v1\",\"kind\":\"J\",\"metadata\":{\"name\":\"j<\"},\"n\":[1,true,null]}",
            ),
            ("p/a/functions/f.yaml", &function(&top.join("changes.sh"))),
            ("p/b/f.yaml", &function(&top.join("adds.sh"))),
        ],
    );
    directory
}

fn contents(directory: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            let text = fs::read_to_string(&path).unwrap();
            let name = path
                .components()
                .rev()
                .take(2)
                .map(|part| part.as_os_str().to_string_lossy().into_owned());
            found.push((name.collect::<Vec<_>>().join(" < "), text));
        }
    }
    found.sort();
    found
}

#[test]
fn functions_do_what_they_do_for_kustomize() {
    if !has_kustomize() {
        return;
    }
    for line in [
        "fn run p --enable-exec",
        "fn run p --enable-exec --dry-run",
        "fn run p --enable-exec --log-steps --dry-run",
        "fn run p --enable-exec --global-scope",
        "fn run p --enable-exec --results-dir results",
        "fn run p --enable-exec --exec-path ./changes.sh -- Kind a=b c=1 d=true",
        "fn run p --enable-exec --exec-path ./adds.sh --dry-run -- a=b",
        "fn run p --enable-exec --exec-path ./fails.sh",
        "fn run p --enable-exec --fn-path p/a/functions",
        "fn run p --exec-path ./changes.sh",
        "fn run p -- a=b",
        "fn run p p",
        "fn run nowhere",
        "fn run --enable-exec --exec-path ./changes.sh",
    ] {
        let (ours, theirs) = (functions(), functions());
        let our = piped(&as_kustomize(), ours.path(), line, DEPLOYMENT);
        let their = piped(Path::new("kustomize"), theirs.path(), line, DEPLOYMENT);
        let here = |text: String, top: &Path| text.replace(&top.display().to_string(), "TOP");
        assert_eq!(
            here(stdout(&our), ours.path()),
            here(stdout(&their), theirs.path()),
            "{line}"
        );
        assert_eq!(our.status.code(), their.status.code(), "{line}");
        let files = |top: &Path| {
            let files = contents(&top.join("p"))
                .into_iter()
                .chain(contents(&top.join("results")));
            files.map(|(name, text)| (name, here(text, top))).collect::<Vec<_>>()
        };
        assert_eq!(files(ours.path()), files(theirs.path()), "{line}");
    }
}

#[test]
fn a_function_that_fails_changes_no_file() {
    let directory = functions();
    let before = contents(&directory.path().join("p"));
    let arguments = ["fn", "run", "p", "--enable-exec", "--exec-path", "./fails.sh"];
    let answer = run(env!("CARGO_BIN_EXE_terrace"), directory.path(), &arguments);
    let said = String::from_utf8_lossy(&answer.stderr).into_owned();
    assert_eq!(answer.status.code(), Some(1), "{said}");
    assert!(said.contains("bad\n") && said.contains("exit status 3"), "{said}");
    assert_eq!(contents(&directory.path().join("p")), before);
    // Without leave to run programs, nothing is run and nothing is left in the files.
    let answer = run(env!("CARGO_BIN_EXE_terrace"), directory.path(), &["fn", "run", "p"]);
    assert!(answer.status.success());
    let after = contents(&directory.path().join("p"));
    assert!(
        after.iter().all(|(_, text)| !text.contains("internal.config")),
        "{after:?}"
    );
}
