//! Programs that a build runs, beyond what a case directory can say: containers (with a stand-in for docker,
//! which makes a ConfigMap of its command line), and what is left when the build is interrupted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};

use crate::peer::kustomize;
use crate::run::{Answer, TERRACE, make_executable, replace, run};

pub(crate) fn trials() -> Vec<Trial> {
    if cfg!(not(unix)) {
        return Vec::new();
    }
    vec![
        Trial::test("programs docker is told what kustomize tells it", containers),
        Trial::test("programs an interrupt ends a function and what it started", || {
            stopped("INT")
        }),
        Trial::test("programs a kill ends a function and what it started", || {
            stopped("KILL")
        }),
        Trial::test(
            "programs a container that hangs is ended, though a daemon runs it",
            hanging_container,
        ),
        Trial::test("programs that fail in a base are not run again", once),
    ]
}

/// Says what it was told. The name of the container, which kustomize gives none, is left out.
const DOCKER: &str = r#"#!/bin/sh
cat > /dev/null
[ "$2" = --name ] && { shift 3; set -- run "$@"; }
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: told\ndata:\n  arguments: |\n'
for word; do printf '    %s\n' "$word"; done
"#;

const FUNCTION: &str = r#"apiVersion: example.com/v1
kind: Fn
metadata:
  name: it
  annotations:
    config.kubernetes.io/function: |
      container:
        image: example.com/fn:v1
        network: true
        mounts:
        - {type: bind, src: ./data/../data, dst: /data}
        - {type: volume, src: kept, dst: /kept, rw: true}
        envs: [LEVEL=info, TOKEN, LOG_TO_STDERR=no, "A=b=c"]
"#;

/// A directory with a kustomization, files and executable files.
fn tree(files: &[(&str, &str)], programs: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let root = temporary.path().canonicalize().unwrap();
    for (name, text) in files.iter().chain(programs) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    for (name, _) in programs {
        make_executable(&root.join(name));
    }
    (temporary, root)
}

fn with_docker(program: &Path, root: &Path, flags: &str) -> Answer {
    let path = format!("{}:{}", root.join("bin").display(), std::env::var("PATH").unwrap());
    let arguments: Vec<String> = flags.split(' ').map(str::to_owned).collect();
    run(program, &arguments, root, &[("PATH".to_owned(), path)])
}

fn containers() -> Result<(), Failed> {
    let (_temporary, root) = tree(
        &[("kustomization.yaml", "generators: [fn.yaml]\n"), ("fn.yaml", FUNCTION)],
        &[("bin/docker", DOCKER)],
    );
    let all = "build . --enable-alpha-plugins --network --network-name other --mount type=bind,src=x,dst=/x \
               -e LEVEL=debug -e HOME --env B=2";
    let ours = with_docker(Path::new(TERRACE), &root, all);
    let expected = "apiVersion: v1\ndata:\n  arguments: |\n    run\n    --rm\n    -i\n    -a\n    STDIN\n    -a\n    STDOUT\n    \
                    -a\n    STDERR\n    --network\n    host\n    --user\n    nobody\n    --security-opt=no-new-privileges\n    \
                    --mount\n    type=bind,source=${ROOT}/data,target=/data,readonly\n    \
                    --mount\n    type=volume,source=${ROOT}/kept,target=/kept\n    \
                    --mount\n    type=bind,source=${ROOT}/x,target=/x,readonly\n    \
                    -e\n    A=b=c\n    -e\n    B=2\n    -e\n    LEVEL=debug\n    -e\n    LOG_TO_STDERR=true\n    \
                    -e\n    STRUCTURED_RESULTS=true\n    -e\n    TOKEN\n    -e\n    HOME\n    \
                    example.com/fn:v1\nkind: ConfigMap\nmetadata:\n  name: told\n";
    assert_eq!(String::from_utf8_lossy(&ours.error), "");
    let out = replace(&ours.out, &root.display().to_string(), "${ROOT}");
    assert_eq!(String::from_utf8_lossy(&out), expected);
    let as_current_user = "build . --enable-alpha-plugins --network --as-current-user";
    let ours_as_user = with_docker(Path::new(TERRACE), &root, as_current_user);
    assert_eq!(ours_as_user.code, Some(0));
    assert_ne!(ours.out, ours_as_user.out);
    if let Some(kustomize) = kustomize() {
        assert_eq!(with_docker(&kustomize, &root, all).out, ours.out);
        assert_eq!(with_docker(&kustomize, &root, as_current_user).out, ours_as_user.out);
    }
    Ok(())
}

const HANGING: &str = r#"apiVersion: example.com/v1
kind: Hangs
metadata:
  name: it
  annotations:
    config.kubernetes.io/function: "{exec: {path: ./hangs.sh}}"
"#;

fn runs(pid: &str) -> bool {
    let asked = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap();
    let state = String::from_utf8(asked.stdout).unwrap();
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

fn wait_until(what: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !what() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    what()
}

fn stopped(signal: &str) -> Result<(), Failed> {
    let (_temporary, root) = tree(
        &[
            ("kustomization.yaml", "generators: [hangs.yaml]\n"),
            ("hangs.yaml", HANGING),
            ("tmp/.keep", ""),
        ],
        &[(
            "hangs.sh",
            "#!/bin/sh\nsleep 300 &\necho $! > pids.new\necho $$ >> pids.new\nmv pids.new pids\nsleep 300\n",
        )],
    );
    let mut build = Command::new(TERRACE)
        .args(["build", ".", "--enable-alpha-plugins", "--enable-exec"])
        .current_dir(&root)
        .env("TMPDIR", root.join("tmp"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert!(wait_until(|| root.join("pids").exists()));
    let pids = fs::read_to_string(root.join("pids")).unwrap();
    assert!(pids.lines().count() == 2 && pids.lines().all(runs));
    assert!(fs::read_dir(root.join("tmp")).unwrap().count() > 1);
    let interrupted = Command::new("kill")
        .args(["-s", signal, &build.id().to_string()])
        .status();
    assert!(interrupted.unwrap().success());
    assert!(!build.wait().unwrap().success());
    assert!(wait_until(|| !pids.lines().any(runs)));
    // After a kill, another process tidies up, in its own time.
    assert!(wait_until(|| fs::read_dir(root.join("tmp")).unwrap().count() == 1));
    Ok(())
}

/// Runs what it is told in a session of its own, as a daemon does, and stays until that ends.
const DAEMON: &str = r#"#!/bin/sh
case $1 in
run) setsid sh -c 'echo $$ > pid.new; mv pid.new "$0"; exec sleep 300' "$3" & wait ;;
kill) kill -KILL "$(cat "$2")" ;;
esac
"#;

fn hanging_container() -> Result<(), Failed> {
    for signal in [None, Some("TERM"), Some("KILL")] {
        let (_temporary, root) = tree(
            &[("kustomization.yaml", "generators: [fn.yaml]\n"), ("fn.yaml", FUNCTION)],
            &[("bin/docker", DAEMON)],
        );
        let path = format!("{}:{}", root.join("bin").display(), std::env::var("PATH").unwrap());
        let time = if signal.is_some() { "1h" } else { "2s" };
        let mut build = Command::new(TERRACE)
            .args([
                "build",
                ".",
                "--enable-alpha-plugins",
                "--network",
                "--program-timeout",
                time,
            ])
            .current_dir(&root)
            .env("PATH", path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let container = || {
            let mut names = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path());
            names.find(|path| {
                path.file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with("terrace-"))
            })
        };
        assert!(wait_until(|| container().is_some()), "{signal:?}");
        let pid = fs::read_to_string(container().unwrap()).unwrap();
        assert!(runs(pid.trim()), "{signal:?}");
        if let Some(signal) = signal {
            let sent = Command::new("kill")
                .args(["-s", signal, &build.id().to_string()])
                .status();
            assert!(sent.unwrap().success());
        }
        assert!(!build.wait().unwrap().success());
        assert!(wait_until(|| !runs(pid.trim())), "{signal:?}");
    }
    Ok(())
}

/// Long lists of bases are built ahead, and what fails there is built again in its turn: not so programs that
/// ran into a limit.
fn once() -> Result<(), Failed> {
    let names: Vec<String> = (0..9).map(|at| format!("base{at}")).collect();
    let list: String = names.iter().map(|name| format!("- {name}\n")).collect();
    let mut files = vec![("kustomization.yaml".to_owned(), format!("resources:\n{list}"))];
    for name in &names {
        files.push((
            format!("{name}/kustomization.yaml"),
            "generators: [hangs.yaml]\n".to_owned(),
        ));
        files.push((format!("{name}/hangs.yaml"), HANGING.to_owned()));
    }
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let script = "#!/bin/sh\necho run >> ../runs\nsleep 300\n";
    let programs: Vec<(String, &str)> = names.iter().map(|name| (format!("{name}/hangs.sh"), script)).collect();
    let programs: Vec<(&str, &str)> = programs.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    let (_temporary, root) = tree(&files, &programs);
    let arguments = "build . --enable-alpha-plugins --enable-exec --program-timeout 1s".split(' ');
    let arguments: Vec<String> = arguments.map(str::to_owned).collect();
    let answer = run(Path::new(TERRACE), &arguments, &root, &[]);
    assert_eq!(answer.code, Some(1));
    let error = String::from_utf8_lossy(&answer.error).into_owned();
    assert!(
        error.contains("base0/hangs.yaml") && error.contains("did not end within 1s"),
        "{error}"
    );
    let runs = fs::read_to_string(root.join("runs")).unwrap().lines().count();
    assert!((1..=names.len()).contains(&runs), "{runs} runs");
    Ok(())
}
