//! `localize`: the trees that it makes, those that kustomize makes of the same, and that nothing is left by what
//! fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Output;

use crate::{as_kustomize, has_kustomize, meaning_of, run, write};

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n";
const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: pod}\nspec: {containers: [{name: main, image: a}]}\n";
const PATCH: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: pod, labels: {x: y}}\n";

/// Everything below a directory: files, and empty directories with a slash. Kustomizations in meaning.
fn tree(top: &Path) -> BTreeMap<String, String> {
    fn walk(top: &Path, directory: &Path, out: &mut BTreeMap<String, String>) {
        let mut is_empty = true;
        for entry in fs::read_dir(directory).unwrap() {
            is_empty = false;
            let path = entry.unwrap().path();
            let name = path.strip_prefix(top).unwrap().display().to_string();
            if path.is_symlink() {
                out.insert(name, format!("-> {}", fs::read_link(&path).unwrap().display()));
            } else if path.is_dir() {
                walk(top, &path, out);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                let is_kustomization = name.to_lowercase().contains("kustomization");
                let is_yaml = is_kustomization || text.starts_with("apiVersion: builtin");
                out.insert(name, if is_yaml { meaning_of(&text) } else { text });
            }
        }
        if is_empty {
            out.insert(
                format!("{}/", directory.strip_prefix(top).unwrap().display()),
                String::new(),
            );
        }
    }
    let mut out = BTreeMap::new();
    walk(top, top, &mut out);
    out
}

fn localize(program: &Path, directory: &Path, line: &str) -> Output {
    let arguments: Vec<&str> = ["localize"].into_iter().chain(line.split_whitespace()).collect();
    run(program, directory, &arguments)
}

fn terrace() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_terrace"))
}

/// Runs both programs on the same tree, links included; what differs of exit codes and files.
fn compare(name: &str, files: &[(&str, &str)], links: &[(&str, &str)], line: &str) -> String {
    let answers = |program: &Path| {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), files);
        for (link, to) in links {
            symlink(to, directory.path().join(link)).unwrap();
        }
        let answer = localize(program, directory.path(), line);
        (answer.status.code(), tree(directory.path()), answer)
    };
    let ours = answers(&as_kustomize());
    let mut wrong = String::new();
    if ours.0 != Some(0) && ours.1.len() != files.len() + links.len() {
        wrong += &format!("{name}: something is left\n");
    }
    if !has_kustomize() {
        return wrong;
    }
    let theirs = answers(Path::new("kustomize"));
    if ours.0 != theirs.0 {
        wrong += &format!("{name}:\n{:?}\nkustomize: {:?}\n", ours.2, theirs.2);
    }
    let names: BTreeSet<&String> = ours.1.keys().chain(theirs.1.keys()).collect();
    for file in names {
        let (our, their) = (ours.1.get(file), theirs.1.get(file));
        if our != their {
            wrong += &format!("{name}: {file}: {our:?}, kustomize {their:?}\n");
        }
    }
    wrong
}

#[test]
fn every_field_is_localized_as_in_kustomize() {
    let mut wrong = String::new();
    let files: &[(&str, &str)] = &[
        ("t/pod.yaml", POD),
        ("t/p.yaml", PATCH),
        ("t/j.yaml", "- {op: add, path: /metadata/labels/z, value: z}\n"),
        ("t/a.env", "A=b\n"),
        ("t/sub/a.txt", "text"),
        ("t/config.yaml", "namePrefix: []\n"),
        ("t/crd.json", "{}"),
        ("t/schema.json", "{\"definitions\": {}}"),
        ("t/r.yaml", "[]\n"),
        ("t/values.yaml", "a: b\n"),
        ("t/charts/one/Chart.yaml", "name: one\n"),
        ("t/home/two/Chart.yaml", "name: two\n"),
        ("t/base/kustomization.yml", "resources: [c.yaml]\n"),
        ("t/base/c.yaml", CONFIG),
        (
            "t/part/kustomization.yaml",
            "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\nnamePrefix: a-\n",
        ),
        (
            "t/plugin.yaml",
            "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: x}\npath: sub/../p.yaml\n",
        ),
        ("t/unused.yaml", POD),
    ];
    for text in [
        "resources: [pod.yaml, base]\nbases: [./base]\n",
        "resources: [./sub/../pod.yaml, base/]\n",
        "components: [part]\nresources: [pod.yaml]\n",
        "resources: [pod.yaml]\nconfigurations: [config.yaml]\ncrds: [crd.json]\nopenapi: {path: schema.json}\n",
        "configMapGenerator:\n- {name: a, env: a.env, envs: [./a.env], files: [sub/a.txt, k=sub/a.txt], literals: [x=y]}\n",
        "secretGenerator:\n- {name: a, env: a.env}\n- {name: b, files: [sub/./a.txt]}\n",
        "resources: [pod.yaml]\npatches:\n- path: p.yaml\n- patch: '{apiVersion: v1, kind: Pod, metadata: {name: pod}}'\n",
        "resources: [pod.yaml]\npatchesJson6902:\n- {path: j.yaml, target: {kind: Pod, name: pod, version: v1}}\n",
        "resources: [pod.yaml]\npatchesStrategicMerge:\n- p.yaml\n- |\n  apiVersion: v1\n  kind: Pod\n  metadata: {name: pod}\n",
        "resources: [pod.yaml]\nreplacements:\n- path: r.yaml\n- source: {kind: Pod}\n  targets: []\n",
        "resources: [pod.yaml]\ntransformers: [plugin.yaml]\n",
        "resources: [pod.yaml]\ntransformers:\n- |\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: x}\n  path: sub/../p.yaml\n",
        "generators:\n- |\n  apiVersion: builtin\n  kind: ConfigMapGenerator\n  metadata: {name: x}\n  env: a.env\n  files: [k=sub/a.txt]\n",
        "validators:\n- |\n  apiVersion: builtin\n  kind: ReplacementTransformer\n  metadata: {name: x}\n  replacements:\n  - path: ./r.yaml\n",
        "transformers:\n- |\n  apiVersion: builtin\n  kind: PatchStrategicMergeTransformer\n  metadata: {name: x}\n  paths: [./p.yaml]\n",
        "helmCharts:\n- {name: one, valuesFile: ./values.yaml, additionalValuesFiles: [values.yaml]}\n",
        "helmGlobals: {chartHome: ./home}\nhelmCharts:\n- {name: two}\n",
        "helmGlobals: {chartHome: nowhere/../later}\n",
        "helmChartInflationGenerator:\n- {chartName: one, values: values.yaml}\n- {chartName: two, chartHome: home}\n",
        "nameprefix: x-\nResources: [pod.yaml]\n",
        "resources: ['']\n",
        "{}\n",
        "resources: [missing.yaml]\n",
        "resources: [sub]\n",
        "resources: [values.yaml]\n",
        "resources: [../outside.yaml]\n",
        "resources: [.]\n",
        "resources: [/]\n",
        "bases: [pod.yaml]\n",
        "suffix: x\n",
        "resources: [\n",
        "transformers: [a.env]\n",
        "openapi: {path: sub}\n",
        "helmGlobals: {chartHome: /x}\n",
    ] {
        let files = [files, &[("t/kustomization.yaml", text), ("outside.yaml", POD)]].concat();
        wrong += &compare(text, &files, &[], "t copy --no-verify");
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn scopes_destinations_and_links_are_those_of_kustomize() {
    let mut wrong = String::new();
    let files: &[(&str, &str)] = &[
        ("over/kustomization.yaml", "resources: [../base, file]\n"),
        ("over/real/pod.yaml", POD),
        ("base/kustomization.yaml", "resources: [c.yaml]\n"),
        ("base/c.yaml", CONFIG),
        ("over/home/x.yaml", "a: b\n"),
    ];
    let links = [
        ("over/file", "real/pod.yaml"),
        ("link", "over"),
        ("over/home/link", "../real"),
    ];
    for line in [
        "over copy",
        "over copy --scope .",
        "over copy --scope . --no-verify",
        // Verifying, kustomize looks for the copy under the name of the link.
        "link copy --scope . --no-verify",
        "over --scope . --no-verify",
        "over over/copy --scope . --no-verify",
        "over base --scope .",
        "over no/copy --scope .",
        "over copy --scope base",
        "over copy --scope nowhere",
        "nowhere copy",
        "base/c.yaml copy",
        "base",
        "base copy",
        "base copy more",
        "base copy --no-verify=false",
    ] {
        wrong += &compare(line, files, &links, line);
    }
    let files: &[(&str, &str)] = &[
        (
            "t/kustomization.yaml",
            "helmCharts:\n- name: a\nhelmGlobals: {chartHome: home-link}\n",
        ),
        ("home/a/Chart.yaml", "name: a\n"),
        ("t/real/b/Chart.yaml", "name: b\n"),
    ];
    let links = [
        ("t/home-link", "../home"),
        ("t/charts", "real"),
        ("home/a/link", "Chart.yaml"),
    ];
    wrong += &compare("a linked home", files, &links, "t copy --scope . --no-verify");
    let files = [&files[1..], &[("t/kustomization.yaml", "helmCharts:\n- name: b\n")]].concat();
    wrong += &compare("a linked default home", &files, &links, "t copy --no-verify");
    assert!(wrong.is_empty(), "{wrong}");
}

/// A repository with two branches of one kustomization, and one that names a base beside it.
fn repository(directory: &Path) -> String {
    let git = |arguments: &[&str]| {
        let answer = run("git", directory, arguments);
        assert!(answer.status.success(), "{answer:?}");
    };
    let config = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
    write(
        directory,
        &[
            (
                "app/kustomization.yaml",
                "# of the repository\nresources: [../base]   # beside\n",
            ),
            ("base/kustomization.yaml", "resources: [c.yaml]\n"),
            ("base/c.yaml", CONFIG),
        ],
    );
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "."]);
    git(&[&config[..], &["commit", "-qm", "one"]].concat());
    git(&["branch", "release/1"]);
    format!("file://{}", directory.display())
}

#[test]
fn repositories_are_kept_where_kustomize_keeps_them() {
    let mut wrong = String::new();
    let repository_directory = tempfile::tempdir().unwrap();
    let url = repository(repository_directory.path());
    for (text, line) in [
        (format!("resources: ['{url}//app?ref=main']\n"), "t copy"),
        (
            format!("bases: ['{url}//base?ref=release/1']\ncomponents: []\n"),
            "t copy",
        ),
        (format!("resources: ['{url}//app']\n"), "t copy"),
        (format!("resources: ['{url}//app?ref=nowhere']\n"), "t copy"),
        (format!("resources: ['{url}//nowhere?ref=main']\n"), "t copy"),
        (
            "namePrefix: a-\n".to_owned(),
            &*format!("{url}//app?ref=release/1 --no-verify"),
        ),
        (
            "namePrefix: a-\n".to_owned(),
            &*format!("{url}//app?ref=main copy --no-verify"),
        ),
        ("namePrefix: a-\n".to_owned(), &*format!("{url}//app copy")),
        (
            "namePrefix: a-\n".to_owned(),
            &*format!("{url}//app?ref=main copy --scope ."),
        ),
    ] {
        wrong += &compare(&text, &[("t/kustomization.yaml", &*text)], &[], line);
    }
    let text = format!("resources: ['{url}//app?ref=main']\n");
    let files = [("t/kustomization.yaml", &*text), ("t/localized-files/x", "taken")];
    wrong += &compare("the place is taken", &files, &[], "t copy");
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn comments_and_layout_stay() {
    let repository_directory = tempfile::tempdir().unwrap();
    let url = repository(repository_directory.path());
    let old = format!(
        "# The shop.\r\nresources:   # all of it\r\n  - './pod.yaml'   # first\r\n  - \"{url}//app?ref=main\"   # theirs\r\ntransformers: [plugins.yaml]\r\n"
    );
    let plugins = "# one\napiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: one}\npath:  sub/../p.yaml   # the patch\n--- # two\napiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: two}\npatch: |\n  # nothing\n  apiVersion: v1\n  kind: Pod\n  metadata: {name: pod}\n";
    let directory = tempfile::tempdir().unwrap();
    let files = [
        ("kustomization.yaml", &*old),
        ("pod.yaml", POD),
        ("p.yaml", PATCH),
        ("sub/x", ""),
        ("plugins.yaml", plugins),
    ];
    write(directory.path(), &files);
    let answer = localize(terrace(), directory.path(), ". copy");
    assert!(answer.status.success(), "{answer:?}");
    let told = String::from_utf8(answer.stderr).unwrap();
    assert!(
        told.contains("VERIFICATION SUCCESS") && told.contains("SUCCESS: localized \".\" to directory"),
        "{told}"
    );
    let read = |name: &str| fs::read_to_string(directory.path().join("copy").join(name)).unwrap();
    let place = format!(
        "localized-files/file-schemed{}/main",
        repository_directory.path().display()
    );
    let new = old
        .replace("./pod.yaml", "pod.yaml")
        .replace(&format!("{url}//app?ref=main"), &format!("{place}/app"));
    assert_eq!(read("kustomization.yaml"), new);
    assert_eq!(read("plugins.yaml"), plugins.replace("sub/../p.yaml", "p.yaml"));
    assert_eq!(
        read(&format!("{place}/app/kustomization.yaml")),
        "# of the repository\nresources: [../base]   # beside\n"
    );
}

#[test]
fn a_path_behind_an_alias_is_localized_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let text = "patches:\n- path: &p ./p.yaml\nresources: [pod.yaml]\nreplacements:\n- path: &r ./r.yaml\n- path: *r\n";
    write(
        directory.path(),
        &[
            ("kustomization.yaml", text),
            ("pod.yaml", POD),
            ("p.yaml", PATCH),
            ("r.yaml", "[]\n"),
        ],
    );
    let answer = localize(terrace(), directory.path(), ". copy");
    assert!(answer.status.success(), "{answer:?}");
    let text = fs::read_to_string(directory.path().join("copy/kustomization.yaml")).unwrap();
    assert_eq!(
        meaning_of(&text),
        meaning_of(
            "patches: [{path: p.yaml}]\nresources: [pod.yaml]\nreplacements: [{path: r.yaml}, {path: r.yaml}]\n"
        )
    );
}

#[test]
fn errors_name_the_line_and_the_way() {
    let directory = tempfile::tempdir().unwrap();
    write(
        directory.path(),
        &[
            ("kustomization.yaml", "resources:\n- mid\n"),
            (
                "mid/kustomization.yaml",
                "namePrefix: a-\npatches:\n- path: gone.yaml\n",
            ),
        ],
    );
    let answer = localize(terrace(), directory.path(), ". copy");
    assert_eq!(answer.status.code(), Some(1));
    let told = String::from_utf8(answer.stderr).unwrap();
    for part in [
        "unable to localize target \".\"",
        "\"gone.yaml\"",
        "mid/kustomization.yaml:3:9",
        "resources[0]",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
}

/// Answers every request with a file of objects, or with nothing of that name.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().and_then(Result::ok).unwrap_or_default();
            // The rest of the request must be read before it is answered.
            for line in lines {
                if line.is_ok_and(|line| line.is_empty()) {
                    break;
                }
            }
            let (status, body) = match first.contains("nowhere") {
                true => ("404 Not Found", ""),
                false => ("200 OK", POD),
            };
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    format!("http://{address}")
}

#[test]
fn remote_files_are_kept_where_kustomize_keeps_them() {
    let mut wrong = String::new();
    let server = serve();
    for text in [
        format!("resources: ['{server}/o/r/main/pod.yaml']\n"),
        format!("resources: ['{server}/a%20b/../c/pod.yaml?token=x#part']\n"),
        format!("resources: ['{server}/nowhere.yaml']\n"),
        format!("resources: [pod.yaml]\npatches:\n- path: {server}/p.yaml\n"),
    ] {
        let files = [("t/kustomization.yaml", &*text), ("t/pod.yaml", POD)];
        wrong += &compare(&text, &files, &[], "t copy");
    }
    let text = format!("resources: ['{server}/pod.yaml']\n");
    let files = [("t/kustomization.yaml", &*text), ("t/localized-files/x", "taken")];
    wrong += &compare("the place is taken", &files, &[], "t copy");
    assert!(wrong.is_empty(), "{wrong}");
}

/// A file behind a server that never answers.
fn stalls() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let held: Vec<_> = listener.incoming().collect();
        drop(held);
    });
    format!("http://{address}/pod.yaml")
}

#[test]
fn a_copy_that_cannot_be_verified_is_not_left() {
    let directory = tempfile::tempdir().unwrap();
    write(
        directory.path(),
        &[
            (
                "kustomization.yaml",
                "resources: [config.yaml]\ngenerators: [fn.yaml]\n",
            ),
            ("config.yaml", CONFIG),
            (
                "fn.yaml",
                "apiVersion: v1\nkind: F\nmetadata:\n  name: f\n  annotations:\n    \
                 config.kubernetes.io/function: |\n      exec: {path: ./f.sh}\n",
            ),
        ],
    );
    let before = tree(directory.path());
    let answer = localize(terrace(), directory.path(), ". copy");
    let said = String::from_utf8_lossy(&answer.stderr).into_owned();
    assert_eq!(answer.status.code(), Some(1), "{said}");
    assert!(said.contains("--no-verify"), "{said}");
    assert_eq!(tree(directory.path()), before);
    assert!(
        localize(terrace(), directory.path(), ". copy --no-verify")
            .status
            .success()
    );
    assert!(directory.path().join("copy/kustomization.yaml").is_file());
}

#[test]
fn an_interrupt_leaves_nothing() {
    for signal in ["INT", "TERM", "KILL"] {
        let directory = tempfile::tempdir().unwrap();
        let kustomization = format!("resources: [config.yaml, '{}']\n", stalls());
        write(
            directory.path(),
            &[("kustomization.yaml", &kustomization), ("config.yaml", CONFIG)],
        );
        let before = tree(directory.path());
        let cache = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new(terrace())
            .args(["localize", ".", "copy"])
            .current_dir(directory.path())
            .env("XDG_CACHE_HOME", cache.path())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(700));
        let mut kill = std::process::Command::new("kill");
        kill.args(["-s", signal, &child.id().to_string()]);
        assert!(kill.status().unwrap().success());
        assert!(!child.wait().unwrap().success(), "{signal}");
        assert_eq!(tree(directory.path()), before, "{signal}");
    }
}
