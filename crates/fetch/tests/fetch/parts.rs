//! Parts of repositories: what is asked for is fetched, kept, locked and given again, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use crate::servers::{GitServer, Repository};
use build::{Extent, Fetch, FetchError, FetchErrorKind, RepoSpec};
use fetch::{Fetcher, HttpLimits, Lock, TreeLimits};

/// A repository behind a server, and a cache.
struct Place {
    directory: tempfile::TempDir,
    server: GitServer,
    repository: Repository,
}

/// Whether a server can leave files out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filter {
    On,
    Off,
}

impl Place {
    fn new(filter: Filter) -> Place {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("www/repo.git");
        let files = [
            ("base/file", "base"),
            ("base/deep/file", "deep"),
            ("other/file", "other"),
            ("with [odd] *names/file", "odd"),
            ("top", "top"),
        ];
        let repository = Repository::new(path, &files);
        fs::create_dir(repository.path.join("data")).unwrap();
        fs::write(repository.path.join("data/big"), noise(3 << 20)).unwrap();
        std::os::unix::fs::symlink("other", repository.path.join("link")).unwrap();
        repository.commit(&[]);
        let is_on = if filter == Filter::On { "true" } else { "false" };
        repository.git(&["config", "uploadpack.allowFilter", is_on]);
        let server = GitServer::start(directory.path().join("www"));
        Place {
            directory,
            server,
            repository,
        }
    }

    fn fetcher(&self, offline: bool, lock: Option<&Lock>) -> Fetcher {
        Fetcher::new(self.directory.path().join("cache"), offline).with_lock(lock.cloned())
    }

    fn spec(&self) -> RepoSpec {
        RepoSpec::parse(&self.server.url("repo.git?ref=main")).unwrap()
    }

    /// Bytes of the files that the cache holds.
    fn kept(&self) -> u64 {
        let blobs = fs::read_dir(self.directory.path().join("cache/blobs")).unwrap();
        blobs.map(|blob| blob.unwrap().metadata().unwrap().len()).sum()
    }
}

/// Bytes that cannot be compressed.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn need(fetcher: &Fetcher, spec: &RepoSpec, path: &str) -> Result<PathBuf, FetchError> {
    let top = fetcher.repository(spec)?;
    for above in Path::new(path)
        .ancestors()
        .skip(1)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
    {
        if above != Path::new("") {
            fetcher.need(&top.join(above), Extent::Entry)?;
        }
    }
    fetcher.need(&top.join(path), Extent::Whole)?;
    Ok(top.join(path))
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn only_what_is_asked_for_is_fetched() {
    let place = Place::new(Filter::On);
    let spec = place.spec();
    let fetcher = place.fetcher(false, None);
    let base = need(&fetcher, &spec, "base").unwrap();
    assert_eq!(read(base.join("file")) + &read(base.join("deep/file")), "basedeep");
    let top = base.parent().unwrap();
    assert!(!top.join("other").exists() && !top.join("top").exists() && !top.join("data").exists());
    assert_eq!(place.kept(), 8);
    // More of it is fetched when it is asked for.
    assert_eq!(read(need(&fetcher, &spec, "with [odd] *names/file").unwrap()), "odd");
    assert_eq!(read(need(&fetcher, &spec, "top").unwrap()), "top");
    assert_eq!(
        fs::read_link(need(&fetcher, &spec, "link").unwrap()).unwrap(),
        Path::new("other")
    );
    assert!(!need(&fetcher, &spec, "nothing/at/all").unwrap().exists());
    assert!(!top.join("other").exists() && !top.join("data").exists());
    drop(fetcher);
    // All of that is kept, and nothing else.
    let asked = place.server.http.asked();
    let fetcher = place.fetcher(true, None);
    for (path, is_there) in [
        ("base", true),
        ("base/deep/file", true),
        ("top", true),
        ("nothing/at/all", false),
    ] {
        assert_eq!(need(&fetcher, &spec, path).unwrap().exists(), is_there, "{path}");
    }
    let error = need(&fetcher, &spec, "other").unwrap_err();
    assert!(error.message.contains("--offline forbids"), "{}", error.message);
    assert_eq!(place.server.http.asked(), asked);
}

#[test]
fn what_will_be_asked_for_is_fetched_at_once() {
    let place = Place::new(Filter::On);
    let fetcher = place.fetcher(false, None);
    let spec = |path: &str| RepoSpec::parse(&place.server.url(&format!("repo.git//{path}?ref=main"))).unwrap();
    fetcher.expect(&[spec("base"), spec("other"), spec("nothing")]);
    need(&fetcher, &place.spec(), "base").unwrap();
    let asked = place.server.http.asked();
    assert_eq!(
        read(need(&fetcher, &place.spec(), "other").unwrap().join("file")),
        "other"
    );
    assert_eq!(place.server.http.asked(), asked);
    // A lock names what was used, not what was expected.
    let lock = fetcher.given().to_text();
    assert!(
        lock.contains("  paths:\n  - \"base\"\n  - \"other\"\n  digest"),
        "{lock}"
    );
}

#[test]
fn a_server_that_sends_everything_is_asked_once() {
    let place = Place::new(Filter::Off);
    let fetcher = place.fetcher(false, None);
    let base = need(&fetcher, &place.spec(), "base").unwrap();
    assert!(!base.parent().unwrap().join("other").exists());
    let asked = place.server.http.asked();
    drop(fetcher);
    let fetcher = place.fetcher(true, None);
    assert_eq!(read(need(&fetcher, &place.spec(), "other/file").unwrap()), "other");
    assert_eq!(place.server.http.asked(), asked);
}

#[test]
fn a_lock_is_the_same_from_every_server_and_holds_what_was_used() {
    let mut locks = Vec::new();
    for filter in [Filter::On, Filter::Off] {
        let place = Place::new(filter);
        let spec = place.spec();
        let fetcher = place.fetcher(false, None);
        need(&fetcher, &spec, "base/deep").unwrap();
        need(&fetcher, &spec, "base").unwrap();
        need(&fetcher, &spec, "top").unwrap();
        let lock = fetcher.given();
        drop(fetcher);
        let text = lock.to_text();
        let (_, held) = text.split_once("  paths:").unwrap();
        locks.push(held.to_owned());
        // From the cache, without the network; from the server, with nothing in the cache.
        for offline in [true, false] {
            let fetcher = place.fetcher(offline, Some(&lock));
            assert_eq!(read(need(&fetcher, &spec, "base/deep/file").unwrap()), "deep");
            assert_eq!(read(need(&fetcher, &spec, "top").unwrap()), "top");
            assert_eq!(read(need(&fetcher, &spec, "base/file").unwrap()), "base");
            let error = need(&fetcher, &spec, "other").unwrap_err();
            assert!(error.message.contains("\"other\" of "), "{}", error.message);
            assert_eq!(error.kind, FetchErrorKind::Input);
            drop(fetcher);
            fs::remove_dir_all(place.directory.path().join("cache")).unwrap();
        }
    }
    assert_eq!(locks[0], locks[1]);
}

#[test]
fn what_is_not_as_it_was_locked_is_refused() {
    let place = Place::new(Filter::On);
    let spec = place.spec();
    let fetcher = place.fetcher(false, None);
    need(&fetcher, &spec, "base").unwrap();
    let lock = fetcher.given().to_text();
    drop(fetcher);
    let (before, digest) = lock.split_once("digest: sha256:").unwrap();
    let wrong = format!("{before}digest: sha256:{}{}", "0".repeat(64), &digest[64..]);
    let sources = yaml::Sources::new();
    let lock = Lock::read(&sources.add("terrace.lock", wrong)).unwrap();
    for is_cached in [true, false] {
        let error = need(&place.fetcher(false, Some(&lock)), &spec, "base").unwrap_err();
        assert!(
            error.message.contains("and terrace.lock says sha256:0000"),
            "{is_cached}: {}",
            error.message
        );
        fs::remove_dir_all(place.directory.path().join("cache")).unwrap();
    }
}

#[test]
fn a_lock_of_everything_names_no_paths() {
    let place = Place::new(Filter::On);
    let fetcher = place.fetcher(false, None);
    need(&fetcher, &place.spec(), "").unwrap();
    let lock = fetcher.given();
    drop(fetcher);
    assert!(!lock.to_text().contains("paths"), "{}", lock.to_text());
    fs::remove_dir_all(place.directory.path().join("cache")).unwrap();
    let fetcher = place.fetcher(false, Some(&lock));
    assert_eq!(read(need(&fetcher, &place.spec(), "other/file").unwrap()), "other");
    assert_eq!(fetcher.given().to_text().matches("digest").count(), 1);
}

#[test]
fn a_transfer_that_is_too_large_is_ended() {
    for filter in [Filter::On, Filter::Off] {
        let place = Place::new(filter);
        fs::write(place.repository.path.join("data/huge"), noise(80 << 20)).unwrap();
        place.repository.commit(&[]);
        let limits = TreeLimits {
            files: 100,
            bytes: 1 << 20,
        };
        let fetcher = place.fetcher(false, None).with_limits(limits, HttpLimits::default());
        let error = need(&fetcher, &place.spec(), "data").unwrap_err();
        assert!(error.message.contains("holds more than"), "{}", error.message);
        assert_eq!(error.kind, FetchErrorKind::Input);
        // What is small beside it can still be had, where the server leaves the rest out.
        let small = need(&fetcher, &place.spec(), "base");
        assert_eq!(small.is_ok(), filter == Filter::On);
        drop(fetcher);
        assert_eq!(
            fs::read_dir(place.directory.path().join("cache/tmp")).unwrap().count(),
            0
        );
    }
}

#[test]
fn many_small_steps_end_in_one_large_one() {
    let place = Place::new(Filter::On);
    let paths: Vec<String> = (0..30).map(|at| format!("many/dir{at}/file")).collect();
    let files: Vec<(&str, &str)> = paths.iter().map(|path| (&**path, "x")).collect();
    place.repository.commit(&files);
    let fetcher = place.fetcher(false, None);
    need(&fetcher, &place.spec(), "base").unwrap();
    for path in &paths[..20] {
        assert_eq!(read(need(&fetcher, &place.spec(), path).unwrap()), "x");
    }
    let asked = place.server.http.asked();
    for path in &paths {
        assert_eq!(read(need(&fetcher, &place.spec(), path).unwrap()), "x");
    }
    assert_eq!(place.server.http.asked(), asked);
}
