//! The recorded answers of kustomize, where they are at hand: `../shared/conformance` beside the
//! repository, or the folder that `TERRACE_CONFORMANCE` names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::run::{Answer, TERRACE, copy_tree, make_executable, replace, run};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("conformance kustomize", kustomize),
        Trial::test("conformance yaml", yaml),
    ]
}

fn folder(suite: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance");
    let folder = std::env::var_os("TERRACE_CONFORMANCE")
        .map_or(beside, PathBuf::from)
        .join(suite);
    if folder.exists() {
        return Some(folder);
    }
    eprintln!("conformance {suite}: the recorded cases are not here, skipped");
    None
}

/// Runs every case on all processors and says how many agree and which do not.
fn agree<T: Sync>(suite: &str, cases: &[T], check: impl Fn(&T) -> Result<(), String> + Sync) -> Result<(), Failed> {
    let next = AtomicUsize::new(0);
    let differing = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(at) else { break };
                    if let Err(why) = check(case) {
                        differing.lock().unwrap().insert(at, why);
                    }
                }
            });
        }
    });
    let differing = differing.into_inner().unwrap();
    let line = format!(
        "conformance {suite}: {} of {} agree",
        cases.len() - differing.len(),
        cases.len()
    );
    eprintln!("{line}");
    for why in differing.values() {
        eprintln!("  differs: {why}");
    }
    if differing.is_empty() { Ok(()) } else { Err(line.into()) }
}

struct Recorded {
    name: String,
    directory: PathBuf,
    case: Value,
}

impl Recorded {
    fn strings(&self, key: &str) -> Vec<String> {
        let values = self.case[key].as_array().into_iter().flatten();
        values.filter_map(|value| value.as_str().map(str::to_owned)).collect()
    }

    /// What of the outside it needs.
    fn needs(&self) -> Option<&'static str> {
        ["git", "network"]
            .into_iter()
            .find(|what| self.case[format!("needs_{what}")] == true)
    }

    /// Runs the case. `tools` holds what stands in for the outside.
    fn check(&self, tools: &Tools) -> Result<(), String> {
        let git_root = tools.git_root().display().to_string();
        let temporary = tempfile::tempdir().map_err(|error| error.to_string())?;
        let above = temporary.path().canonicalize().map_err(|error| error.to_string())?;
        let root = above.join("in");
        match self.directory.join("input") {
            input if input.exists() => copy_tree(&input, &root),
            // An empty folder is lost on the way.
            _ => fs::create_dir_all(&root).unwrap(),
        }
        for path in self.strings("empty_dirs") {
            fs::create_dir_all(root.join(path)).unwrap();
        }
        for path in self.strings("templated_files") {
            let path = root.join(path);
            let text = replace(&fs::read(&path).unwrap(), "${ROOT}", &root.display().to_string());
            let text = replace(&text, "${GIT_ROOT}", &git_root);
            fs::write(path, text).unwrap();
        }
        for path in self.strings("executable_files") {
            make_executable(&root.join(path));
        }
        let flags = self.strings("cli_flags");
        let recorded = if self.directory.join("cli_output.yaml").exists() {
            "cli_output.yaml"
        } else {
            "expected.yaml"
        };
        let build = |flags: &[String]| {
            let mut answer = self.build(flags, &root, tools);
            answer.out = replace(&answer.out, &git_root, "${GIT_ROOT}");
            answer
        };
        let answer = build(&flags);
        if self.case["outcome"] != "yaml" {
            return match answer.code {
                Some(0) => Err(format!("{}: should fail", self.name)),
                _ => Ok(()),
            };
        }
        self.compare(&answer, recorded, &root, &above)?;
        let in_default_order = "expected_default_order.yaml";
        if let Some(at) = flags.iter().position(|flag| flag == "--reorder")
            && self.directory.join(in_default_order).exists()
        {
            let flags = [&flags[..at], &flags[at + 2..]].concat();
            self.compare(&build(&flags), in_default_order, &root, &above)?;
        }
        Ok(())
    }

    fn build(&self, flags: &[String], root: &Path, tools: &Tools) -> Answer {
        let mut arguments = vec!["build".to_owned(), self.case["path"].as_str().unwrap_or(".").to_owned()];
        arguments.extend_from_slice(flags);
        let path = std::env::var("PATH").unwrap_or_default();
        let variables = [
            ("HOME", root.display().to_string()),
            ("PATH", format!("{}:{path}", tools.directory().display())),
            ("FAKEHELM_ROOT", root.display().to_string()),
            // The stand-in for helm knows temporary files by their place.
            ("TMPDIR", "/tmp".to_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        let variables = [&variables[..], &tools.git_variables()].concat();
        run(Path::new(TERRACE), &arguments, root, &variables)
    }

    fn compare(&self, answer: &Answer, recorded: &str, root: &Path, above: &Path) -> Result<(), String> {
        if answer.code != Some(0) {
            let error = String::from_utf8_lossy(&answer.error);
            let crashed = if answer.crashed() { "crashed, " } else { "" };
            let first = error.lines().find(|line| line.starts_with("error")).unwrap_or_default();
            return Err(format!("{}: {crashed}{first}", self.name));
        }
        let out = replace(&answer.out, &root.display().to_string(), "${ROOT}");
        let out = replace(&out, &format!("{}/", above.display()), "${ROOT}/../");
        if out == fs::read(self.directory.join(recorded)).unwrap() {
            Ok(())
        } else {
            Err(format!("{}: output is not {recorded}", self.name))
        }
    }
}

fn kustomize() -> Result<(), Failed> {
    let Some(folder) = folder("kustomize") else {
        return Ok(());
    };
    let mut cases = Vec::new();
    find(&folder, &mut cases);
    cases.sort_by(|a: &Recorded, b: &Recorded| a.directory.cmp(&b.directory));
    let tools = Tools::make(&folder);
    let has_git = tools.make_repositories(&folder);
    let mut skipped: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    cases.retain(|case| match case.needs() {
        None => true,
        Some("git") if has_git => true,
        Some(what) => {
            skipped.entry(what).or_default().push(case.name.clone());
            false
        }
    });
    for (what, names) in skipped {
        eprintln!(
            "conformance kustomize: {} skipped, they need {what}: {}",
            names.len(),
            names.join(" ")
        );
    }
    let with_git = cases.iter().filter(|case| case.needs() == Some("git")).count();
    eprintln!("conformance kustomize: {with_git} of them with git");
    agree("kustomize", &cases, |case| case.check(&tools))
}

/// What stands in for the outside of the recorded cases: a helm, and Git repositories.
struct Tools(tempfile::TempDir);

impl Tools {
    fn make(folder: &Path) -> Tools {
        let tools = Tools(tempfile::tempdir().unwrap());
        let helm = tools.directory().join("helmV3");
        // It knows kustomize's temporary files by their place, and ours stand one directory deeper.
        let script = fs::read(folder.join("_fixtures/fakehelm.sh")).unwrap();
        let script = replace(
            &script,
            "/tmp/kustomize-helm-",
            "/tmp/terrace-scratch-[0-9]+/kustomize-helm-",
        );
        fs::write(&helm, script).unwrap();
        make_executable(&helm);
        tools
    }

    fn directory(&self) -> &Path {
        self.0.path()
    }

    fn git_root(&self) -> PathBuf {
        self.directory().canonicalize().unwrap().join("git")
    }

    /// Makes the repositories by the script that is recorded beside the cases; not where there is no git.
    fn make_repositories(&self, folder: &Path) -> bool {
        let settings =
            "[safe]\n directory=*\n[protocol \"file\"]\n allow=always\n[user]\n name=t\n email=t@example.com\n";
        fs::write(self.directory().join("gitconfig"), settings).unwrap();
        let output = Command::new("sh")
            .arg(folder.join("_fixtures/make-git-repos.sh"))
            .arg(self.git_root())
            .envs(self.git_variables())
            .output();
        match output {
            Ok(output) if output.status.success() => true,
            Ok(output) => {
                let error = String::from_utf8_lossy(&output.stderr);
                eprintln!("conformance kustomize: the repositories cannot be made: {error}");
                false
            }
            Err(error) => {
                eprintln!("conformance kustomize: the repositories cannot be made: {error}");
                false
            }
        }
    }

    fn git_variables(&self) -> [(String, String); 2] {
        let settings = self.directory().join("gitconfig").display().to_string();
        [("GIT_CONFIG_GLOBAL", settings), ("GIT_CONFIG_NOSYSTEM", "1".to_owned())]
            .map(|(name, value)| (name.to_owned(), value))
    }
}

fn find(directory: &Path, cases: &mut Vec<Recorded>) {
    if let Ok(text) = fs::read(directory.join("case.json")) {
        let case: Value = serde_json::from_slice(&text).unwrap();
        let name = case["name"].as_str().unwrap_or_default().to_owned();
        cases.push(Recorded {
            name,
            directory: directory.to_owned(),
            case,
        });
        return;
    }
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, cases);
        }
    }
}

fn yaml() -> Result<(), Failed> {
    let Some(folder) = folder("yaml-roundtrip") else {
        return Ok(());
    };
    let text = fs::read_to_string(folder.join("cases.jsonl")).unwrap();
    let cases: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    agree("yaml", &cases, |case| {
        let named = |why: &str| format!("{} {}: {why}", case["id"], case["name"]);
        let temporary = tempfile::tempdir().map_err(|error| error.to_string())?;
        fs::write(temporary.path().join("in.yaml"), bytes(case, "in")).unwrap();
        fs::write(temporary.path().join("kustomization.yaml"), "resources:\n- in.yaml\n").unwrap();
        let answer = run(
            Path::new(TERRACE),
            &["build".to_owned(), ".".to_owned()],
            temporary.path(),
            &[],
        );
        if answer.crashed() {
            return Err(named("crashed"));
        }
        match (case["outcome"] == "yaml", answer.code) {
            (true, Some(0)) if answer.out == bytes(case, "out") => Ok(()),
            (true, Some(0)) => Err(named("output differs")),
            (true, _) => Err(named(&String::from_utf8_lossy(&answer.error))),
            (false, Some(0)) => Err(named("should fail")),
            (false, _) => Ok(()),
        }
    })
}

fn bytes(case: &Value, key: &str) -> Vec<u8> {
    match case[format!("{key}_base64")].as_str() {
        Some(encoded) => decode_base64(encoded),
        None => case[key].as_str().unwrap_or_default().as_bytes().to_vec(),
    }
}

fn decode_base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for value in text
        .bytes()
        .filter_map(|byte| ALPHABET.iter().position(|&known| known == byte))
    {
        bits = bits << 6 | value as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
