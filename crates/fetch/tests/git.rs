//! Fetches from real repositories on this disk with the real `git` program.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails as a test does")]

use std::path::Path;
use std::process::Command;

use build::{Fetch, RepoSpec};
use fetch::Fetcher;

fn git(directory: &Path, arguments: &[&str]) -> bool {
    let who = [
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.com",
        "-c",
        "protocol.file.allow=always",
    ];
    let status = Command::new("git")
        .args(who)
        .args(arguments)
        .current_dir(directory)
        .status();
    status.is_ok_and(|status| status.success())
}

fn commit(directory: &Path, text: &str) {
    std::fs::write(directory.join("file"), text).unwrap();
    assert!(git(directory, &["add", "."]) && git(directory, &["commit", "-qm", "a change"]));
}

/// A repository with one file, and an empty cache; nothing where there is no git.
fn repository() -> Option<(tempfile::TempDir, std::path::PathBuf)> {
    let directory = tempfile::tempdir().unwrap();
    let repository = directory.path().join("repo");
    std::fs::create_dir(&repository).unwrap();
    if !git(&repository, &["init", "-q", "-b", "main"]) {
        return None;
    }
    commit(&repository, "one");
    Some((directory, repository))
}

fn spec(repository: &Path, query: &str) -> RepoSpec {
    RepoSpec::parse(&format!("file://{}{query}", repository.display())).unwrap()
}

#[test]
fn follows_branches_and_keeps_the_last_for_offline() {
    let Some((directory, repository)) = repository() else {
        return;
    };
    let cache = directory.path().join("cache");
    let online = Fetcher::new(cache.clone(), false);
    let offline = Fetcher::new(cache.clone(), true);
    let spec = spec(&repository, "?ref=main");
    assert!(
        offline
            .repository(&spec)
            .unwrap_err()
            .message
            .contains("--offline forbids")
    );
    let read = |fetcher: &Fetcher| std::fs::read_to_string(fetcher.repository(&spec).unwrap().join("file")).unwrap();
    assert_eq!(read(&online), "one");
    commit(&repository, "two");
    assert_eq!(read(&offline), "one");
    assert_eq!(read(&online), "two");
    std::fs::remove_dir_all(&repository).unwrap();
    assert_eq!(read(&offline), "two");
    assert!(online.repository(&spec).is_err());
    assert_eq!(std::fs::read_dir(cache.join("tmp")).unwrap().count(), 0);
}

#[test]
fn refuses_what_git_would_run() {
    let Some((directory, repository)) = repository() else {
        return;
    };
    let fetcher = Fetcher::new(directory.path().join("cache"), false);
    for query in ["?ref=--upload-pack=touch%20x", "?ref=%2Bmain", "?ref=a:b", "?ref=a%0Ab"] {
        let error = fetcher.repository(&spec(&repository, query)).unwrap_err();
        assert!(error.message.contains("is no name of a branch"), "{}", error.message);
    }
    for url in [
        "ssh://-oProxyCommand=x/org/repo",
        "git@ext::sh/a/b.git",
        "ssh://git@-oProxyCommand=x/org/repo",
    ] {
        let error = fetcher.repository(&RepoSpec::parse(url).unwrap()).unwrap_err();
        assert!(error.message.contains("is no safe URL"), "{}", error.message);
    }
}

#[test]
fn ends_git_at_the_timeout() {
    let Some((directory, _)) = repository() else { return };
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/org/repo.git?timeout=1", server.local_addr().unwrap());
    let fetcher = Fetcher::new(directory.path().join("cache"), false);
    let error = fetcher.repository(&RepoSpec::parse(&url).unwrap()).unwrap_err();
    assert!(error.message.contains("hit 1s timeout"), "{}", error.message);
}
