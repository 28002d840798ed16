//! Who runs this, and why, as the record has it: a pod by its token, a run of CI, or somebody at a machine.

use std::path::Path;

use deliver::Actor;
use platform::Platform;
use record::{Claims, Who, Why};

/// Where Kubernetes puts the token of a pod's service account.
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Who runs a command, for a platform.
pub(crate) fn actor(command: &str, impersonate: Option<&str>, platform: Option<&Platform>) -> Actor {
    let environments = platform.iter().flat_map(|platform| &platform.spec.environments);
    Actor {
        who: who(),
        as_whom: impersonate.map(str::to_owned),
        why: Why {
            trigger: Some(trigger(command)),
            commit: commit(platform.map(|platform| platform.root.as_path())),
            ..Why::default()
        },
        environments: environments
            .filter_map(|environment| Some((environment.project.clone()?, environment.name.clone())))
            .collect(),
    }
}

fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn who() -> Who {
    let token = std::fs::read_to_string(TOKEN).ok();
    if let Some(claims) = token.as_deref().and_then(Claims::of_token) {
        let subject = claims.get(["sub"]).unwrap_or_default();
        let name = subject
            .strip_prefix("system:serviceaccount:")
            .unwrap_or(subject)
            .replacen(':', "/", 1);
        return Who::Pod { name, claims };
    }
    let name = ["GITHUB_ACTOR", "GITLAB_USER_LOGIN", "USER", "LOGNAME"]
        .into_iter()
        .find_map(set);
    let host = set("CI").is_none().then(host).flatten();
    let name = name.unwrap_or_else(|| "nobody known".to_owned());
    Who::User {
        name: match host {
            Some(host) => format!("{name}@{host}"),
            None => name,
        },
    }
}

fn host() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    name.map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .or_else(|| set("HOSTNAME"))
}

/// The command, and the run of CI that it is a part of.
fn trigger(command: &str) -> String {
    let github = || {
        let (server, repository, run) = (
            set("GITHUB_SERVER_URL")?,
            set("GITHUB_REPOSITORY")?,
            set("GITHUB_RUN_ID")?,
        );
        Some(format!("{server}/{repository}/actions/runs/{run}"))
    };
    match github().or_else(|| set("CI_JOB_URL")) {
        Some(run) => format!("{command}, in {run}"),
        None => command.to_owned(),
    }
}

/// The commit that the platform's directory stands on.
fn commit(root: Option<&Path>) -> Option<String> {
    let output = std::process::Command::new("git")
        .args(["rev-parse", "--verify", "--quiet", "HEAD"])
        .current_dir(root?)
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .output();
    let commit = String::from_utf8(output.ok().filter(|output| output.status.success())?.stdout).ok()?;
    Some(commit.trim().to_owned())
}
