//! Fetches from real repositories, on this disk and from `git http-backend`, with the real `git` program.

use std::fs;
use std::path::{Path, PathBuf};

use crate::servers::{Answer, GitServer, HttpServer, Repository};
use build::{Extent, Fetch, FetchError, FetchErrorKind, RepoSpec};
use fetch::{Fetcher, HttpLimits, TreeLimits};

/// A place for repositories and a cache.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        Place {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn online(&self) -> Fetcher {
        Fetcher::new(self.path("cache"), false)
    }

    fn offline(&self) -> Fetcher {
        Fetcher::new(self.path("cache"), true)
    }
}

fn spec(url: &str) -> RepoSpec {
    RepoSpec::parse(url).unwrap()
}

fn local(repository: &Repository, query: &str) -> RepoSpec {
    spec(&format!("file://{}{query}", repository.path.display()))
}

/// The tree of a repository, with all that is in it.
fn tree(fetcher: &Fetcher, spec: &RepoSpec) -> Result<PathBuf, FetchError> {
    need(fetcher, spec, "")
}

/// A path in the tree of a repository.
fn need(fetcher: &Fetcher, spec: &RepoSpec, path: &str) -> Result<PathBuf, FetchError> {
    let path = fetcher.repository(spec)?.join(path);
    fetcher.need(&path, Extent::Whole)?;
    Ok(path)
}

fn read(fetcher: &Fetcher, spec: &RepoSpec) -> String {
    fs::read_to_string(tree(fetcher, spec).unwrap().join("file")).unwrap()
}

fn count(directory: &Path) -> usize {
    fs::read_dir(directory).map_or(0, Iterator::count)
}

#[test]
fn follows_branches_and_keeps_the_last_for_offline() {
    let place = Place::new();
    let repository = Repository::new(place.path("repo"), &[("file", "one")]);
    let spec = local(&repository, "?ref=main");
    let error = tree(&place.offline(), &spec).unwrap_err();
    assert!(error.message.contains("--offline forbids"), "{}", error.message);
    assert_eq!(read(&place.online(), &spec), "one");
    repository.commit(&[("file", "two")]);
    assert_eq!(read(&place.offline(), &spec), "one");
    assert_eq!(read(&place.online(), &spec), "two");
    fs::remove_dir_all(&repository.path).unwrap();
    assert_eq!(read(&place.offline(), &spec), "two");
    assert!(place.online().repository(&spec).is_err());
    assert_eq!(count(&place.path("cache/tmp")), 0);
}

#[test]
fn finds_tags_commits_and_the_default_branch() {
    let place = Place::new();
    let repository = Repository::new(place.path("repo"), &[("file", "first")]);
    let first = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["tag", "light"]);
    repository.git(&["tag", "--annotate", "--message", "x", "heavy"]);
    repository.commit(&[("file", "second")]);
    for _ in ["cold", "warm"] {
        for (query, text) in [
            ("", "second"),
            ("?ref=light", "first"),
            ("?ref=heavy", "first"),
            ("?ref=refs/heads/main", "second"),
            (&format!("?ref={first}"), "first"),
        ] {
            assert_eq!(read(&place.online(), &local(&repository, query)), text, "{query}");
        }
    }
    // Two commits, two trees, however they are named.
    assert_eq!(count(&place.path("cache/manifests")), 2);
    // A moved tag is seen.
    repository.git(&["tag", "--force", "light"]);
    assert_eq!(read(&place.online(), &local(&repository, "?ref=light")), "second");
}

#[test]
fn what_was_fetched_is_not_fetched_again() {
    let place = Place::new();
    Repository::new(place.path("www/repo.git"), &[("file", "one")]);
    let server = GitServer::start(place.path("www"));
    let spec = spec(&server.url("repo.git?ref=main"));
    assert_eq!(read(&place.online(), &spec), "one");
    let cold = server.http.asked();
    assert_eq!(read(&place.online(), &spec), "one");
    let warm = server.http.asked() - cold;
    // The capabilities, and the list of references; no pack.
    assert_eq!((cold, warm), (3, 2));
    assert_eq!(read(&place.offline(), &spec), "one");
    assert_eq!(server.http.asked(), cold + warm);
}

#[test]
fn what_is_damaged_is_fetched_again() {
    let place = Place::new();
    let repository = Repository::new(place.path("repo"), &[("file", "one"), ("more/file", "x")]);
    let spec = local(&repository, "?ref=main");
    assert_eq!(read(&place.online(), &spec), "one");
    let of = |kind: &str| fs::read_dir(place.path("cache").join(kind)).unwrap();
    for kind in ["blobs", "manifests", "parts"] {
        for damage in [
            &|path: &Path| fs::remove_file(path).unwrap() as (),
            &|path: &Path| fs::write(path, "other").unwrap(),
            &|path: &Path| fs::write(path, "").unwrap(),
        ] as [&dyn Fn(&Path); 3]
        {
            of(kind).for_each(|file| damage(&file.unwrap().path()));
            let error = tree(&place.offline(), &spec).unwrap_err();
            assert!(
                error.message.contains("is not in the cache"),
                "{kind}: {}",
                error.message
            );
            assert_eq!(read(&place.online(), &spec), "one", "{kind}");
            assert_eq!(read(&place.offline(), &spec), "one", "{kind}");
        }
    }
    // What a program writes to the tree it sees is not there for the next one.
    let fetcher = place.online();
    fs::write(tree(&fetcher, &spec).unwrap().join("file"), "other").unwrap();
    assert_eq!(read(&place.offline(), &spec), "one");
    drop(fetcher);
    assert_eq!(count(&place.path("cache/tmp")), 0);
}

#[test]
fn rooms_of_killed_processes_are_removed() {
    let place = Place::new();
    let repository = Repository::new(place.path("repo"), &[("file", "one")]);
    let room = |name: &str| {
        let room = place.path("cache/tmp").join(name);
        fs::create_dir_all(room.join("tree/.git")).unwrap();
        let lock = fs::File::create(room.join("lock")).unwrap();
        let hours_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
        fs::File::open(&room).unwrap().set_modified(hours_ago).unwrap();
        (room, lock)
    };
    let (dead, _) = room("dead");
    let (alive, lock) = room("alive");
    lock.lock().unwrap();
    tree(&place.online(), &local(&repository, "")).unwrap();
    assert!(!dead.exists());
    assert!(alive.exists());
}

#[test]
fn refuses_what_git_would_run() {
    let place = Place::new();
    let repository = Repository::new(place.path("repo"), &[("file", "one")]);
    for query in ["?ref=--upload-pack=touch%20x", "?ref=%2Bmain", "?ref=a:b", "?ref=a%0Ab"] {
        let error = place.online().repository(&local(&repository, query)).unwrap_err();
        assert!(error.message.contains("is no name of a branch"), "{}", error.message);
    }
    for url in [
        "ssh://-oProxyCommand=x/org/repo",
        "git@ext::sh/a/b.git",
        "ssh://git@-oProxyCommand=x/org/repo",
    ] {
        let error = place.online().repository(&spec(url)).unwrap_err();
        assert!(error.message.contains("is no safe URL"), "{}", error.message);
    }
}

#[test]
fn says_who_refuses() {
    let place = Place::new();
    Repository::new(place.path("www/repo.git"), &[("file", "one")]);
    let server = GitServer::start(place.path("www"));
    let closed = GitServer::start_with_password(place.path("www"), "Basic bWU6c2VjcmV0");
    for (url, words) in [
        (server.url("none.git"), "not found"),
        (server.url("repo.git?ref=none"), "find remote ref none"),
        (
            server.url("repo.git?ref=0123456789012345678901234567890123456789"),
            "not our ref",
        ),
        (closed.url("repo.git"), "could not read Username"),
        (
            closed.url("repo.git").replace("127", "me:wrong@127"),
            "Authentication failed",
        ),
        (
            "file:///no/such/repo".to_owned(),
            "does not appear to be a git repository",
        ),
    ] {
        let error = place.online().repository(&spec(&url)).unwrap_err();
        assert!(error.message.contains(words), "{}", error.message);
        assert_eq!(error.kind, FetchErrorKind::Refused, "{}", error.message);
        assert!(!error.message.contains("wrong"), "{}", error.message);
    }
    let with_password = spec(&closed.url("repo.git").replace("127", "me:secret@127"));
    assert_eq!(read(&place.online(), &with_password), "one");
    assert!(!place.online().given().to_text().contains("secret"));
}

#[test]
fn says_who_fails() {
    let place = Place::new();
    let broken = HttpServer::start(|_| Answer::status("503 Service Unavailable", "", ""));
    for (url, words) in [
        (broken.url("a/b.git"), "returned error: 503"),
        ("http://127.0.0.1:1/a/b.git".to_owned(), "Failed to connect"),
    ] {
        let error = place.online().repository(&spec(&url)).unwrap_err();
        assert!(error.message.contains(words), "{}", error.message);
        assert_eq!(error.kind, FetchErrorKind::Failed, "{}", error.message);
    }
    assert_eq!(broken.asked(), 3);
}

#[test]
fn ends_git_at_the_timeout() {
    let place = Place::new();
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/org/repo.git?timeout=1", server.local_addr().unwrap());
    let error = place.online().repository(&spec(&url)).unwrap_err();
    assert!(error.message.contains("hit 1s timeout"), "{}", error.message);
    assert_eq!(error.kind, FetchErrorKind::Failed);
    assert_eq!(count(&place.path("cache/tmp")), 0);
}

#[test]
fn a_redirect_to_another_scheme_is_refused() {
    let place = Place::new();
    let repository = Repository::new(place.path("repo"), &[("file", "one")]);
    let target = format!("file://{}", repository.path.display());
    let server = HttpServer::start(move |request| {
        let (_, rest) = request.target.split_once("/a/b.git").unwrap();
        Answer::redirect(&format!("{target}{rest}"))
    });
    let error = place.online().repository(&spec(&server.url("a/b.git"))).unwrap_err();
    assert!(error.message.contains("cannot fetch"), "{}", error.message);
    assert_eq!(count(&place.path("cache/manifests")), 0);
}

#[test]
fn a_tree_that_is_too_large_never_reaches_the_disk() {
    let place = Place::new();
    let repository = Repository::new(place.path("repo"), &[("a", "12345"), ("b", "12345")]);
    let spec = local(&repository, "");
    let limited = |files, bytes| {
        let limits = TreeLimits { files, bytes };
        place.online().with_limits(limits, HttpLimits::default())
    };
    for (files, bytes) in [(1, 100), (10, 9)] {
        let error = tree(&limited(files, bytes), &spec).unwrap_err();
        assert!(error.message.contains("holds more than"), "{}", error.message);
        assert_eq!(error.kind, FetchErrorKind::Input);
    }
    tree(&limited(2, 10), &spec).unwrap();
}

#[test]
fn submodules_come_along_and_loops_end() {
    let place = Place::new();
    let www = place.path("www");
    Repository::new(www.join("inner.git"), &[("file", "inner")]);
    let server = GitServer::start(www.clone());
    let outer = Repository::new(www.join("outer.git"), &[("file", "outer")]);
    outer.git(&["submodule", "--quiet", "add", &server.url("inner.git"), "below"]);
    outer.commit(&[]);
    let fetcher = place.online();
    let top = tree(&fetcher, &spec(&server.url("outer.git"))).unwrap();
    assert_eq!(fs::read_to_string(top.join("below/file")).unwrap(), "inner");
    assert!(!top.join(".git").exists() && !top.join("below/.git").exists());
    let top = tree(&fetcher, &spec(&server.url("outer.git?submodules=false"))).unwrap();
    assert!(!top.join("below/file").exists());
    // A chain of repositories that is as long as its author likes, as one that holds its own past.
    let mut last = "inner.git".to_owned();
    for level in 0..12 {
        let name = format!("level{level}.git");
        let next = Repository::new(www.join(&name), &[("file", "x")]);
        let modules = format!("[submodule \"m\"]\n\tpath = m\n\turl = ../{last}\n");
        let commit = Repository { path: www.join(&last) }.git(&["rev-parse", "HEAD"]);
        fs::write(next.path.join(".gitmodules"), modules).unwrap();
        next.git(&["add", ".gitmodules"]);
        next.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},m")]);
        next.git(&["commit", "--quiet", "--message", "a submodule"]);
        last = name;
    }
    let error = tree(&place.online(), &spec(&server.url(&last))).unwrap_err();
    assert!(error.message.contains("submodules"), "{}", error.message);
    assert_eq!(error.kind, FetchErrorKind::Input);
}

#[test]
fn a_lock_holds_what_it_names() {
    let place = Place::new();
    Repository::new(place.path("www/repo.git"), &[("file", "one")]);
    let repository = Repository {
        path: place.path("www/repo.git"),
    };
    let server = GitServer::start(place.path("www"));
    let branch = spec(&server.url("repo.git?ref=main"));
    let first = place.online();
    assert_eq!(read(&first, &branch), "one");
    let lock = first.given();
    repository.commit(&[("file", "two")]);
    let locked = || place.online().with_lock(Some(lock.clone()));
    let asked = server.http.asked();
    assert_eq!(read(&locked(), &branch), "one");
    assert_eq!(
        server.http.asked(),
        asked,
        "what is there by its digest needs no network"
    );
    // With nothing in the cache, the commit is fetched by its name, though the branch has gone on.
    fs::remove_dir_all(place.path("cache")).unwrap();
    assert_eq!(read(&locked(), &branch), "one");
    let error = locked()
        .repository(&spec(&server.url("repo.git?ref=other")))
        .unwrap_err();
    assert!(error.message.contains("is not in terrace.lock"), "{}", error.message);
    // A history that was written anew.
    fs::remove_dir_all(place.path("cache")).unwrap();
    fs::remove_dir_all(&repository.path).unwrap();
    Repository::new(repository.path.clone(), &[("file", "one, but not the same commit")]);
    let error = tree(&locked(), &branch).unwrap_err();
    assert!(error.message.contains("has no commit"), "{}", error.message);
    assert_eq!(error.kind, FetchErrorKind::Refused);
}

#[test]
fn what_is_not_used_is_pruned() {
    let place = Place::new();
    let used = Repository::new(place.path("used"), &[("file", "used")]);
    let unused = Repository::new(place.path("unused"), &[("file", "unused")]);
    for repository in [&used, &unused] {
        tree(&place.online(), &local(repository, "")).unwrap();
    }
    let cache = place.path("cache");
    let days = |days: u64| std::time::Duration::from_secs(days * 24 * 3600);
    let all = || -> Vec<_> {
        let kinds = ["blobs", "manifests", "parts", "commits", "refs"].into_iter();
        kinds.flat_map(|kind| fs::read_dir(cache.join(kind)).unwrap()).collect()
    };
    for file in all() {
        let then = std::time::SystemTime::now() - days(40);
        fs::File::open(file.unwrap().path())
            .unwrap()
            .set_modified(then)
            .unwrap();
    }
    // A use is noted, offline too.
    tree(&place.offline(), &local(&used, "")).unwrap();
    let before = all().len();
    let removed = fetch::prune_cache(&cache, days(30)).unwrap();
    assert_eq!((removed.files, removed.bytes > 6), (before as u64 / 2, true));
    assert_eq!(read(&place.offline(), &local(&used, "")), "used");
    assert!(tree(&place.offline(), &local(&unused, "")).is_err());
    // A build that runs is not disturbed, whatever is taken away.
    let fetcher = place.online();
    let top = tree(&fetcher, &local(&used, "")).unwrap();
    fetch::prune_cache(&cache, days(0)).unwrap();
    assert!(
        fetch::cache_sizes(&cache)
            .unwrap()
            .iter()
            .all(|(_, size)| size.files == 0)
    );
    assert_eq!(fs::read_to_string(top.join("file")).unwrap(), "used");
    assert_eq!(read(&fetcher, &local(&unused, "")), "unused");
    assert_eq!(read(&place.online(), &local(&used, "")), "used");
}
