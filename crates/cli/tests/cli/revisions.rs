//! `terrace diff` between revisions of a real repository: what is committed, not what lies in the directory.

use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::{Failed, Trial};

use crate::run::{Answer, TERRACE, run};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("diff of revisions", revisions),
        Trial::test("diff of a revision that is not there", missing),
    ]
}

fn git(directory: &Path, arguments: &[&str]) {
    let names = ["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), format!("GIT_{who}_EMAIL")));
    let mut command = Command::new("git");
    command.arg("-C").arg(directory).args(arguments);
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null");
    for (name, mail) in names {
        command.env(name, "Iris").env(mail, "iris@example.com");
    }
    assert!(command.status().unwrap().success());
}

/// A repository below `directory` with two commits, a link, a name with a space, and a change that is not committed.
fn repository(directory: &Path) {
    let write = |name: &str, text: &str| {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let config =
        |level: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: iris\ndata:\n  level: {level}\n");
    git(directory, &["init", "--quiet", "--initial-branch=main"]);
    let platform = "apiVersion: terrace.dev/v1alpha1\nkind: Platform\nmetadata: {name: iris}\nspec:\n  environments:\n  - {name: prod, path: my models/prod}\n";
    write("ml/terrace.yaml", platform);
    write("ml/my models/prod/kustomization.yaml", "resources:\n- ../base\n");
    write("ml/my models/base/kustomization.yaml", "resources:\n- linked.yaml\n");
    write("ml/my models/base/config.yaml", &config("info"));
    #[cfg(unix)]
    std::os::unix::fs::symlink("config.yaml", directory.join("ml/my models/base/linked.yaml")).unwrap();
    #[cfg(not(unix))]
    write("ml/my models/base/linked.yaml", &config("info"));
    git(directory, &["add", "--all"]);
    git(directory, &["commit", "--quiet", "--message", "one"]);
    git(directory, &["tag", "v1"]);
    write("ml/my models/base/config.yaml", &config("warn"));
    git(directory, &["commit", "--quiet", "--all", "--message", "two"]);
    write("ml/my models/base/config.yaml", &config("error"));
}

fn terrace(directory: &Path, arguments: &[&str]) -> Answer {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    run(Path::new(TERRACE), &arguments, directory, &[])
}

fn expected(before: &str, after: &str) -> String {
    format!("~ ConfigMap/iris\n  data.level\n    - {before}\n    + {after}\n\n1 changed, 0 the same\n")
}

fn revisions() -> Result<(), Failed> {
    let temporary = tempfile::tempdir().unwrap();
    let top = temporary.path().canonicalize().unwrap();
    repository(&top);
    let side = |revision: &str, level: &str| {
        let file = |name: &str| match revision {
            "" => format!("my models/base/{name}"),
            revision => format!("{revision}:ml/my models/base/{name}"),
        };
        let (file, kustomization) = (file("config.yaml"), file("kustomization.yaml"));
        format!("{level}  {file}:6:10, resources[0] of {kustomization}")
    };
    let (old, new, now) = (side("v1", "info"), side("main", "warn"), side("", "error"));
    let table: [(&[&str], String); 5] = [
        (&["diff", "--rev", "v1..main", "prod"], expected(&old, &new)),
        (&["diff", "v1:my models/prod", "main:prod"], expected(&old, &new)),
        (&["diff", "--rev", "main", "my models/prod"], expected(&new, &now)),
        (&["diff", "v1:prod", "prod"], expected(&old, &now)),
        (
            &["diff", "--rev", "main..main", "prod"],
            "no difference, 1 the same\n".to_owned(),
        ),
    ];
    for (arguments, expected) in table {
        let answer = terrace(&top.join("ml"), arguments);
        let found = String::from_utf8(answer.out).unwrap();
        if found != expected || answer.code != Some(0) {
            let error = String::from_utf8_lossy(&answer.error).into_owned();
            return Err(format!("{arguments:?}\n{found}{error}instead of\n{expected}").into());
        }
    }
    Ok(())
}

fn missing() -> Result<(), Failed> {
    let temporary = tempfile::tempdir().unwrap();
    repository(temporary.path());
    for (arguments, expected) in [
        (
            ["diff", "v2:prod", "prod"],
            "error: the repository has no revision \"v2\"\nhelp: a branch, a tag or a commit; `git fetch` may be needed\n",
        ),
        (
            ["diff", "v1:staging", "prod"],
            "error: \"v1:staging\" is neither a directory nor an environment\nhelp: the environments are prod\n",
        ),
    ] {
        let answer = terrace(&temporary.path().join("ml"), &arguments);
        let error = String::from_utf8(answer.error).unwrap();
        if error != expected || answer.code != Some(1) || !answer.out.is_empty() {
            return Err(format!("{arguments:?}\n{error}instead of\n{expected}").into());
        }
    }
    Ok(())
}
