//! The case directories, checked against kustomize itself where it is on the search path.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use libtest_mimic::Trial;

use crate::cases::{all, compare, compare_trees};
use crate::run::{copy_tree, on_path, run};

const VERSION: &str = "v5.8.1";

/// kustomize, if it is on the search path in the version that is reproduced.
pub(crate) fn kustomize() -> Option<PathBuf> {
    let Some(kustomize) = on_path("kustomize") else {
        eprintln!("peer: kustomize is not on PATH, nothing is compared with it");
        return None;
    };
    let version = run(&kustomize, &["version".to_owned()], Path::new("."), &[]);
    if String::from_utf8_lossy(&version.out).trim() != VERSION {
        eprintln!("peer: the kustomize on PATH is not {VERSION}, nothing is compared with it");
        return None;
    }
    Some(kustomize)
}

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("peer kustomize says the same of every case", || {
        let Some(kustomize) = kustomize() else { return Ok(()) };
        let temporary = tempfile::tempdir().unwrap();
        let mut differences = String::new();
        let mut compared = 0;
        for case in all() {
            if case.is_own || case.arguments.first().is_none_or(|command| command != "build") {
                continue;
            }
            compared += 1;
            let root = temporary.path().join(compared.to_string());
            copy_tree(&case.directory.join("input"), &root);
            let answer = run(&kustomize, &case.arguments, &root, &case.variables);
            let mut difference = String::new();
            if case.fails() != (answer.code != Some(0)) {
                let _ = writeln!(difference, "exit code {:?}", answer.code);
            } else if !case.fails() {
                let expected = case.expected().map_or_else(Vec::new, |(_, bytes)| bytes);
                compare("standard output", &answer.out, &expected, &mut difference);
                compare_trees(
                    &root.join("out"),
                    &case.directory.join("expected_files"),
                    &mut difference,
                );
            }
            if !difference.is_empty() {
                let _ = writeln!(differences, "case {}: {difference}", case.name);
            }
        }
        eprintln!("peer: {compared} cases compared with kustomize {VERSION}");
        if differences.is_empty() {
            Ok(())
        } else {
            Err(differences.into())
        }
    })]
}
