//! Case directories: `tests/cases/<area>/<case>/`.
//!
//! | file | holds |
//! |---|---|
//! | `input/` | the files; the working directory of the run |
//! | `cmd` | its first line: the arguments (`build .` without this file); more lines: `as kustomize` (the name of the program), `exit N`, `env NAME=VALUE`, `own` (kustomize cannot do it) |
//! | `expected.yaml`, `.txt`, `.json`, `.html`, `.md` | standard output, to the byte; without such a file there is none |
//! | `expected_error.txt` | standard error, to the byte; without it there is none |
//! | `expected_files/` | what is in `out/` afterwards |
//!
//! The exit code is 0, or 1 where there is an error text and no output, or what `exit` says.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};

use crate::run::{Answer, TERRACE, copy_tree, files, replace, run};

const EXPECTED: [&str; 5] = [
    "expected.yaml",
    "expected.txt",
    "expected.json",
    "expected.html",
    "expected.md",
];

/// A case as it is written down.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) directory: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) variables: Vec<(String, String)>,
    program: String,
    exit: Option<i32>,
    /// Only this program can do it.
    pub(crate) is_own: bool,
}

/// Every case directory.
pub(crate) fn all() -> Vec<Case> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases = Vec::new();
    for area in sorted(&top) {
        for case in sorted(&area) {
            cases.push(Case::read(&top, &case));
        }
    }
    cases
}

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |case: Case| Trial::test(format!("case {}", case.name), move || case.check());
    all().into_iter().map(trial).collect()
}

pub(crate) fn sorted(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    paths.sort();
    paths
}

impl Case {
    fn read(top: &Path, directory: &Path) -> Case {
        let mut case = Case {
            name: directory.strip_prefix(top).unwrap().display().to_string(),
            directory: directory.to_owned(),
            arguments: vec!["build".to_owned(), ".".to_owned()],
            variables: Vec::new(),
            program: "terrace".to_owned(),
            exit: None,
            is_own: false,
        };
        let text = fs::read_to_string(directory.join("cmd")).unwrap_or_default();
        let mut lines = text.lines();
        if let Some(first) = lines.next() {
            case.arguments = words(first);
        }
        for line in lines.filter(|line| !line.is_empty()) {
            match line.split_once(' ').unwrap_or((line, "")) {
                ("as", program) => case.program = program.to_owned(),
                ("exit", code) => case.exit = Some(code.parse().unwrap()),
                ("env", variable) => {
                    let (name, value) = variable.split_once('=').unwrap();
                    case.variables.push((name.to_owned(), value.to_owned()));
                }
                ("own", _) => case.is_own = true,
                _ => panic!("{}: what is \"{line}\"?", case.name),
            }
        }
        case
    }

    pub(crate) fn expected(&self) -> Option<(PathBuf, Vec<u8>)> {
        let paths = EXPECTED.iter().map(|name| self.directory.join(name));
        paths
            .filter(|path| path.exists())
            .map(|path| (path.clone(), fs::read(&path).unwrap()))
            .next()
    }

    pub(crate) fn fails(&self) -> bool {
        self.exit.map_or(
            self.expected().is_none() && self.directory.join("expected_error.txt").exists(),
            |exit| exit != 0,
        )
    }

    fn check(&self) -> Result<(), Failed> {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path().canonicalize().unwrap().join("work");
        copy_tree(&self.directory.join("input"), &root);
        let program = temporary.path().join(&self.program);
        fs::hard_link(TERRACE, &program)
            .or_else(|_| fs::copy(TERRACE, &program).map(drop))
            .unwrap();
        let answer = run(&program, &self.arguments, &root, &self.variables);
        let shown = |bytes: &[u8]| replace(bytes, &root.display().to_string(), "${ROOT}");
        let answer = Answer {
            out: shown(&answer.out),
            error: shown(&answer.error),
            code: answer.code,
        };
        if std::env::var_os("UPDATE").is_some() {
            self.update(&answer, &root.join("out"));
        }
        let mut differences = String::new();
        let expected = self.expected().map_or_else(Vec::new, |(_, bytes)| bytes);
        compare("standard output", &expected, &answer.out, &mut differences);
        let expected = fs::read(self.directory.join("expected_error.txt")).unwrap_or_default();
        compare("standard error", &expected, &answer.error, &mut differences);
        let code = self.exit.unwrap_or(i32::from(self.fails()));
        if answer.code != Some(code) {
            let _ = writeln!(differences, "exit code {:?} instead of {code}", answer.code);
        }
        compare_trees(
            &self.directory.join("expected_files"),
            &root.join("out"),
            &mut differences,
        );
        if differences.is_empty() {
            Ok(())
        } else {
            Err(differences.into())
        }
    }

    fn update(&self, answer: &Answer, out: &Path) {
        let is = |argument: &str| self.arguments.iter().any(|other| other == argument);
        let kind = if is("json") {
            "expected.json"
        } else if answer.out.starts_with(b"<!DOCTYPE html>") {
            "expected.html"
        } else if is("markdown") {
            "expected.md"
        } else if is("build") {
            "expected.yaml"
        } else {
            "expected.txt"
        };
        let name = self
            .expected()
            .map_or_else(|| self.directory.join(kind), |(path, _)| path);
        for (path, bytes) in [
            (name, &answer.out),
            (self.directory.join("expected_error.txt"), &answer.error),
        ] {
            match bytes.is_empty() {
                true => drop(fs::remove_file(path)),
                false => fs::write(path, bytes).unwrap(),
            }
        }
        let kept = self.directory.join("expected_files");
        let _ = fs::remove_dir_all(&kept);
        if out.exists() && !files(out).is_empty() {
            copy_tree(out, &kept);
        }
    }
}

/// Words, split as a shell splits them; quotes hold words together.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

pub(crate) fn compare(what: &str, expected: &[u8], found: &[u8], differences: &mut String) {
    if expected == found {
        return;
    }
    let (expected, found) = (String::from_utf8_lossy(expected), String::from_utf8_lossy(found));
    let _ = writeln!(
        differences,
        "{what} differs\n--- expected\n{expected}\n--- found\n{found}"
    );
}

pub(crate) fn compare_trees(expected: &Path, found: &Path, differences: &mut String) {
    let names = [files(expected), files(found)];
    if names[0] != names[1] {
        let _ = writeln!(differences, "files {:?} instead of {:?}", names[1], names[0]);
        return;
    }
    for name in &names[0] {
        let bytes = |top: &Path| fs::read(top.join(name)).unwrap();
        compare(
            &name.display().to_string(),
            &bytes(expected),
            &bytes(found),
            differences,
        );
    }
}
