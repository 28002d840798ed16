//! Running the program in a directory of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) const TERRACE: &str = env!("CARGO_BIN_EXE_terrace");

/// What a run printed and how it ended.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) out: Vec<u8>,
    pub(crate) error: Vec<u8>,
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
}

impl Answer {
    pub(crate) fn crashed(&self) -> bool {
        self.code.is_none_or(|code| code == 101)
    }
}

/// What a run printed on its output and its errors, if it ended with a code.
pub(crate) fn ends(answer: &Answer, code: i32) -> Result<(String, String), String> {
    let out = String::from_utf8_lossy(&answer.out).into_owned();
    let error = String::from_utf8_lossy(&answer.error).into_owned();
    match answer.code == Some(code) {
        true => Ok((out, error)),
        false => Err(format!("it ended with {:?}, not {code}:\n{out}\n{error}", answer.code)),
    }
}

/// Runs a program with nothing of this environment that could change what it prints.
pub(crate) fn run(program: &Path, arguments: &[String], directory: &Path, variables: &[(String, String)]) -> Answer {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR")
        .env_remove("CLICOLOR_FORCE")
        .env_remove("KUSTOMIZE_ENABLE_MANAGEDBY_LABEL")
        .env_remove("COLUMNS")
        .env("XDG_CACHE_HOME", directory.join("../.cache"))
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("cannot run {}: {error}", program.display()));
    Answer {
        out: output.stdout,
        error: output.stderr,
        code: output.status.code(),
    }
}

/// Copies a tree; links stay links.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy_tree(&source, &target);
        } else if kind.is_symlink() {
            link(&fs::read_link(&source).unwrap(), &target);
        } else {
            fs::copy(&source, &target).unwrap();
        }
    }
}

#[cfg(unix)]
fn link(to: &Path, at: &Path) {
    std::os::unix::fs::symlink(to, at).unwrap();
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) {}

/// Lets a file be run.
#[cfg(unix)]
pub(crate) fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(not(unix))]
pub(crate) fn make_executable(_: &Path) {}

/// The files of a tree, sorted, relative to it.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    fn collect(directory: &Path, top: &Path, found: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(directory) else { return };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, top, found);
            } else {
                found.push(path.strip_prefix(top).unwrap().to_owned());
            }
        }
    }
    let mut found = Vec::new();
    collect(directory, directory, &mut found);
    found.sort();
    found
}

/// Replaces bytes everywhere.
pub(crate) fn replace(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let from = from.as_bytes();
    let mut result = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(from) {
            result.extend_from_slice(to.as_bytes());
            at += from.len();
        } else {
            result.push(bytes[at]);
            at += 1;
        }
    }
    result
}

/// The program of a name on the search path.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}
