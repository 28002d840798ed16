//! What a case directory cannot say: pipes, links, man pages, completions, many directories.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use libtest_mimic::{Failed, Trial};

use crate::run::{Answer, TERRACE, run};

type Test = fn() -> Result<(), Failed>;

pub(crate) fn trials() -> Vec<Trial> {
    let all: [(&str, Test); 10] = [
        ("a reader that goes away is no error", closed_pipe),
        ("completions for every shell", completions),
        ("man pages for every command", man_pages),
        ("help has examples everywhere", help),
        ("the README shows what the program prints", readme),
        ("colour only where it is asked for", colour),
        ("many directories, the same bytes with any number of jobs", jobs),
        ("a file that is replaced keeps its permissions", replaced_file),
        ("control characters do not reach the terminal", control_characters),
        ("the deepest tree fits the stack", deepest_tree),
    ];
    all.into_iter()
        .map(|(name, test)| Trial::test(format!("shell {name}"), test))
        .collect()
}

fn terrace(arguments: &[&str], directory: &Path) -> Answer {
    terrace_with(arguments, directory, &[])
}

fn terrace_with(arguments: &[&str], directory: &Path, variables: &[(&str, &str)]) -> Answer {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    run(Path::new(TERRACE), &arguments, directory, &variables)
}

fn ensure(holds: bool, what: impl Into<String>) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(what.into().into()) }
}

fn config_maps(count: usize) -> String {
    let one =
        |at: usize| format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: map-{at}\ndata:\n  key: value\n");
    (0..count).map(one).collect::<Vec<_>>().join("---\n")
}

fn write_kustomization(directory: &Path, objects: &str) {
    fs::create_dir_all(directory).unwrap();
    fs::write(directory.join("objects.yaml"), objects).unwrap();
    fs::write(directory.join("kustomization.yaml"), "resources:\n- objects.yaml\n").unwrap();
}

fn closed_pipe() -> Result<(), Failed> {
    let temporary = tempfile::tempdir().unwrap();
    // More than a pipe holds.
    write_kustomization(temporary.path(), &config_maps(5000));
    let mut child = Command::new(TERRACE)
        .arg("build")
        .current_dir(temporary.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    ensure(
        output.status.code() == Some(0) && output.stderr.is_empty(),
        format!("{output:?}"),
    )
}

fn completions() -> Result<(), Failed> {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let answer = terrace(&["completions", shell], Path::new("."));
        let script = String::from_utf8_lossy(&answer.out);
        let has = |word: &str| script.contains(word);
        let has_values = ["elvish", "powershell"].contains(&shell) || has("LoadRestrictionsNone");
        let complete = has("build") && has("explain") && has("load-restrictor") && has_values;
        ensure(
            answer.code == Some(0) && complete,
            format!("the script for {shell} lacks something"),
        )?;
    }
    Ok(())
}

fn man_pages() -> Result<(), Failed> {
    let temporary = tempfile::tempdir().unwrap();
    let answer = terrace(&["man", "new/man1"], temporary.path());
    ensure(answer.code == Some(0), format!("{answer:?}"))?;
    for name in ["", "-build", "-explain", "-completions", "-man", "-version"] {
        let page = fs::read_to_string(temporary.path().join(format!("new/man1/terrace{name}.1"))).unwrap();
        ensure(
            page.contains(".TH") && page.contains("terrace"),
            format!("terrace{name}.1:\n{page}"),
        )?;
    }
    Ok(())
}

fn help() -> Result<(), Failed> {
    for command in ["build", "explain", "completions", "man", "version"] {
        for flag in ["-h", "--help"] {
            let answer = terrace(&[command, flag], Path::new("."));
            let text = String::from_utf8_lossy(&answer.out);
            ensure(
                answer.code == Some(0) && text.contains("Examples:\n"),
                format!("{command} {flag}:\n{text}"),
            )?;
        }
    }
    let answer = terrace(&["--help"], Path::new("."));
    let text = String::from_utf8_lossy(&answer.out);
    ensure(text.contains("Exit codes:\n  0  done\n"), text)
}

fn colour() -> Result<(), Failed> {
    let temporary = tempfile::tempdir().unwrap();
    let has_colour = |variables: &[(&str, &str)]| {
        terrace_with(&["build", "nowhere"], temporary.path(), variables)
            .error
            .contains(&0x1b)
    };
    ensure(!has_colour(&[]), "colour in a pipe")?;
    ensure(has_colour(&[("CLICOLOR_FORCE", "1")]), "no colour where it is forced")?;
    ensure(
        !has_colour(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]),
        "NO_COLOR is not honoured",
    )
}

fn jobs() -> Result<(), Failed> {
    let temporary = tempfile::tempdir().unwrap();
    for at in 0..40 {
        let directory = temporary.path().join(format!("tree/overlays/{at:02}"));
        fs::create_dir_all(&directory).unwrap();
        let text = format!("namePrefix: p{at}-\nresources:\n- ../../base\n");
        fs::write(directory.join("kustomization.yaml"), text).unwrap();
    }
    write_kustomization(&temporary.path().join("tree/base"), &config_maps(20));
    let build = |jobs: &str| terrace(&["build", "--all", "tree", "--jobs", jobs], temporary.path());
    let (one, many) = (build("1"), build("8"));
    ensure(one.code == Some(0) && one.error.is_empty(), format!("{one:?}"))?;
    ensure(
        one.out
            .split(|&byte| byte == b'\n')
            .filter(|line| line == b"---")
            .count()
            == 41 * 20 - 1,
        "objects are missing",
    )?;
    ensure(one.out == many.out, "the result depends on the number of jobs")?;
    let answer = terrace(&["build", "--all", "tree", "--output-dir", "out"], temporary.path());
    ensure(answer.code == Some(0) && answer.out.is_empty(), format!("{answer:?}"))?;
    let single = terrace(&["build", "tree/overlays/07"], temporary.path());
    ensure(
        fs::read(temporary.path().join("out/tree/overlays/07.yaml")).unwrap() == single.out,
        "a file differs",
    )
}

/// Runs every `$ terrace ...` of the README in the repository, and compares what stands below it.
fn readme() -> Result<(), Failed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs::read_to_string(root.join("README.md")).unwrap();
    let mut parts = text.split("```");
    let mut found = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        found.push_str("```");
        let Some((command, _)) = part
            .strip_prefix("console\n$ terrace ")
            .and_then(|rest| rest.split_once('\n'))
        else {
            found.push_str(part);
            continue;
        };
        let arguments = crate::cases::words(command);
        let answer = run(Path::new(TERRACE), &arguments, &root, &[]);
        let printed = [answer.out, answer.error]
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .concat();
        found.push_str(&format!("console\n$ terrace {command}\n{printed}"));
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(root.join("README.md"), &found).unwrap();
        return Ok(());
    }
    let mut difference = String::new();
    crate::cases::compare("README.md", text.as_bytes(), found.as_bytes(), &mut difference);
    ensure(difference.is_empty(), difference)
}

#[cfg(unix)]
fn replaced_file() -> Result<(), Failed> {
    use std::os::unix::fs::PermissionsExt;
    let temporary = tempfile::tempdir().unwrap();
    write_kustomization(temporary.path(), &config_maps(1));
    let path = temporary.path().join("out.yaml");
    fs::write(&path, "before").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let answer = terrace(&["build", "-o", "out.yaml"], temporary.path());
    ensure(answer.code == Some(0), format!("{answer:?}"))?;
    ensure(
        fs::read(&path).unwrap() == terrace(&["build"], temporary.path()).out,
        "the content differs",
    )?;
    ensure(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777 == 0o600,
        "the permissions changed",
    )
}

#[cfg(not(unix))]
fn replaced_file() -> Result<(), Failed> {
    Ok(())
}

fn control_characters() -> Result<(), Failed> {
    let temporary = tempfile::tempdir().unwrap();
    let text = "resources:\n- \"\\e]0;title\\a\\u202e.yaml\"\n# \u{1b}[2J\n";
    fs::write(temporary.path().join("kustomization.yaml"), text).unwrap();
    let answer = terrace(&["build"], temporary.path());
    ensure(answer.code == Some(1), format!("{answer:?}"))?;
    let shown = String::from_utf8(answer.error).unwrap();
    let is_harmless = |c: char| c == '\n' || (!c.is_control() && c != '\u{202e}');
    ensure(shown.chars().all(is_harmless), format!("{shown:?}"))
}

/// Every transformer walks down to the image, on the stack the program has made for itself.
fn deepest_tree() -> Result<(), Failed> {
    const PAIRS: usize = 4_990;
    let folder = tempfile::tempdir()?;
    let kustomization = "namePrefix: p-\nnamespace: far\nimages: [{name: a, newTag: b}]\nresources: [deep.yaml]\n";
    let (open, close) = ("{containers: [".repeat(PAIRS), "]}".repeat(PAIRS));
    let object = format!("apiVersion: v1\nkind: Deep\nmetadata: {{name: deep}}\nspec: {open}{{image: a}}{close}\n");
    std::fs::write(folder.path().join("kustomization.yaml"), kustomization)?;
    std::fs::write(folder.path().join("deep.yaml"), object)?;
    let answer = terrace(&["build"], folder.path());
    let out = String::from_utf8(answer.out)?;
    if answer.code == Some(0) && out.contains("image: a:b") && out.contains("name: p-deep") {
        return Ok(());
    }
    Err(format!("{:?}: {}", answer.code, String::from_utf8_lossy(&answer.error)).into())
}
