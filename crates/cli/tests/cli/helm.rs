//! Charts, inflated by the real helm, for this program and for kustomize itself: `tests/helm/<case>/` with
//! `tests/helm/charts/` in it. Both must say the same. Where helm or kustomize is missing, nothing is
//! compared, and that is told.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};

use crate::cases::{compare, compare_trees, sorted};
use crate::peer::kustomize;
use crate::run::{Answer, TERRACE, copy_tree, on_path, run};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("peer kustomize makes the same of charts", charts),
        Trial::test("peer kustomize pulls the same charts", pulled),
    ]
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/helm")
}

/// helm and kustomize, where both are here.
fn programs() -> Option<(PathBuf, PathBuf)> {
    let Some(helm) = on_path("helm") else {
        eprintln!("peer: helm is not on PATH, no chart is inflated");
        return None;
    };
    Some((helm, kustomize()?))
}

fn build(program: &Path, root: &Path) -> Answer {
    let arguments = ["build", "--enable-helm", "."].map(str::to_owned);
    run(program, &arguments, root, &[])
}

fn charts() -> Result<(), Failed> {
    let Some((_, kustomize)) = programs() else {
        return Ok(());
    };
    let temporary = tempfile::tempdir().unwrap();
    let mut differences = String::new();
    let mut compared = 0;
    for case in sorted(&folder()).iter().filter(|case| !case.ends_with("charts")) {
        let name = case.file_name().unwrap().to_string_lossy();
        let root = temporary.path().join(&*name);
        copy_tree(case, &root);
        copy_tree(&folder().join("charts"), &root.join("charts"));
        let (ours, theirs) = (build(Path::new(TERRACE), &root), build(&kustomize, &root));
        let mut difference = String::new();
        compare("standard output", &theirs.out, &ours.out, &mut difference);
        if ours.code != theirs.code {
            let error = String::from_utf8_lossy(&ours.error);
            let _ = writeln!(
                difference,
                "exit code {:?} instead of {:?}: {error}",
                ours.code, theirs.code
            );
        }
        if !difference.is_empty() {
            let _ = writeln!(differences, "chart {name}: {difference}");
        }
        compared += 1;
    }
    eprintln!("peer: {compared} kustomizations with charts compared with kustomize");
    match differences.is_empty() {
        true => Ok(()),
        false => Err(differences.into()),
    }
}

/// Serves the files of a directory over HTTP on loopback, until this process ends.
fn serve(directory: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut request = String::new();
            reader.read_line(&mut request).unwrap();
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap() > 2 {
                line.clear();
            }
            let path = request
                .split(' ')
                .nth(1)
                .unwrap_or("/")
                .trim_start_matches('/')
                .to_owned();
            let answer = match fs::read(directory.join(path)) {
                Ok(bytes) => [
                    format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len()).into(),
                    bytes,
                ]
                .concat(),
                Err(_) => b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
            };
            stream.write_all(&answer).unwrap();
        }
    });
    url
}

fn pulled() -> Result<(), Failed> {
    let Some((helm, kustomize)) = programs() else {
        return Ok(());
    };
    let temporary = tempfile::tempdir().unwrap();
    let repository = temporary.path().join("repository");
    fs::create_dir(&repository).unwrap();
    let made_by_helm = |arguments: &[&str]| {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let answer = run(&helm, &arguments, &repository, &[]);
        assert_eq!(answer.code, Some(0), "{}", String::from_utf8_lossy(&answer.error));
    };
    made_by_helm(&["package", &folder().join("charts/app").display().to_string()]);
    let url = serve(repository.clone());
    made_by_helm(&["repo", "index", ".", "--url", &url]);
    let kustomization = format!(
        "helmCharts:\n- {{name: app, repo: '{url}', version: 1.2.3, releaseName: a}}\n- {{name: app, repo: '{url}', releaseName: b}}\n"
    );
    let mut answers = Vec::new();
    for (name, program) in [("ours", Path::new(TERRACE)), ("theirs", &kustomize)] {
        let root = temporary.path().join(name);
        fs::create_dir(&root).unwrap();
        fs::write(root.join("kustomization.yaml"), &kustomization).unwrap();
        answers.push((build(program, &root), root));
    }
    let [(ours, our_root), (theirs, their_root)] = &answers[..] else {
        panic!("there are two programs");
    };
    let mut differences = String::new();
    compare("standard output", &theirs.out, &ours.out, &mut differences);
    if ours.code != Some(0) || theirs.code != Some(0) {
        for answer in [ours, theirs] {
            let _ = writeln!(
                differences,
                "{:?} {}",
                answer.code,
                String::from_utf8_lossy(&answer.error)
            );
        }
    }
    compare_trees(their_root, our_root, &mut differences);
    assert!(our_root.join("charts/app-1.2.3/app/Chart.yaml").is_file());
    match differences.is_empty() {
        true => Ok(()),
        false => Err(differences.into()),
    }
}
