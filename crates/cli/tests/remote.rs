//! The real program and real servers: what a user sees of remote repositories and files.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stderr, reason = "what is skipped is said")]
#![expect(dead_code, reason = "not every server is needed with all it can do")]

#[path = "../../fetch/tests/fetch/servers/mod.rs"]
mod servers;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use servers::{Answer, GitServer, HttpServer, Repository, SshServer};

const TERRACE: &str = env!("CARGO_BIN_EXE_terrace");

/// A directory with a kustomization, repositories and a cache.
struct Place {
    directory: tempfile::TempDir,
}

struct Ran {
    out: String,
    error: String,
    code: Option<i32>,
}

impl Place {
    fn new() -> Place {
        let place = Place {
            directory: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(place.path("root")).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join(name)
    }

    /// A kustomization with some resources.
    fn resources(&self, urls: &[&str]) {
        let lines: String = urls.iter().map(|url| format!("- {url}\n")).collect();
        fs::write(self.path("root/kustomization.yaml"), format!("resources:\n{lines}")).unwrap();
    }

    fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env("XDG_CACHE_HOME", self.path("caches"))
            .env("HOME", self.path("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env_remove("GIT_SSH_COMMAND")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        ran(&mut self.command(Path::new(TERRACE), arguments))
    }

    /// A run that must end well; its standard output.
    fn done(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}", ran.error);
        ran.out
    }

    /// A run that must fail with an exit code and some words.
    fn fails(&self, arguments: &[&str], code: i32, words: &str) -> String {
        let ran = self.run(arguments);
        assert!(ran.error.contains(words), "{arguments:?}: {}", ran.error);
        assert_eq!((ran.code, ran.out.as_str()), (Some(code), ""), "{}", ran.error);
        ran.error
    }

    fn cache(&self) -> PathBuf {
        self.path("caches/terrace")
    }

    fn forget(&self) {
        let _ = fs::remove_dir_all(self.cache());
    }
}

fn ran(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        out: String::from_utf8(output.stdout).unwrap(),
        error: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code(),
    }
}

fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n")
}

/// A repository of bases, each with one ConfigMap of its name.
fn bases(path: PathBuf, names: &[&str]) -> Repository {
    let mut files = Vec::new();
    for name in names {
        files.push((
            format!("{name}/kustomization.yaml"),
            "resources: [map.yaml]\n".to_owned(),
        ));
        files.push((format!("{name}/map.yaml"), config_map(name)));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
    Repository::new(path, &files)
}

#[test]
fn one_repository_is_fetched_once_for_all_its_bases() {
    let place = Place::new();
    bases(
        place.path("www/repo.git"),
        &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"],
    );
    let server = GitServer::start(place.path("www"));
    let urls: Vec<String> = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]
        .iter()
        .map(|name| server.url(&format!("repo.git/{name}?ref=main")))
        .collect();
    place.resources(&urls.iter().map(String::as_str).collect::<Vec<_>>());
    let out = place.done(&["build", "root"]);
    assert_eq!(out.matches("kind: ConfigMap").count(), 10);
    assert_eq!(server.http.asked(), 3);
    assert_eq!(place.done(&["build", "root", "--offline"]), out);
    assert_eq!(server.http.asked(), 3);
    let explained = place.done(&["explain", "--offline", "root", "ConfigMap/a", "metadata.name"]);
    assert!(explained.contains("map.yaml"), "{explained}");
}

#[test]
fn files_come_from_http_wherever_files_may_be_named() {
    let place = Place::new();
    let server = HttpServer::start(|request| match request.target.as_str() {
        "/map.yaml" => Answer::ok(&config_map("a")),
        "/no/extension/at-all?ref=x" => Answer::ok(&config_map("b")),
        "/patch" => Answer::ok(r#"[{"op": "add", "path": "/data", "value": {"patched": "by http"}}]"#),
        "/env" => Answer::ok("KEY=from http\n"),
        "/page" => Answer::status("200 OK", "content-type: text/html\r\n", "<html>\n"),
        "/replacements" => Answer::ok(
            "source: {kind: ConfigMap, name: a, fieldPath: metadata.name}\n\
             targets: [{select: {name: b}, fieldPaths: [data.replaced], options: {create: true}}]\n",
        ),
        "/prefix" => Answer::ok(
            "{apiVersion: builtin, kind: PrefixTransformer, metadata: {name: p}, prefix: p-, \
             fieldSpecs: [{path: metadata/name}]}",
        ),
        _ => Answer::status("404 Not Found", "", ""),
    });
    let url = |path: &str| server.url(path);
    let text = format!(
        "resources:\n- {}\n- {}\npatches:\n- {{path: {}, target: {{name: a}}}}\nreplacements:\n- path: {}\n\
         configMapGenerator:\n- {{name: g, envs: [{}], files: [page={}]}}\ntransformers:\n- {}\n\
         generatorOptions: {{disableNameSuffixHash: true}}\n",
        url("map.yaml"),
        url("no/extension/at-all?ref=x"),
        url("patch"),
        url("replacements"),
        url("env"),
        url("page"),
        url("prefix"),
    );
    fs::write(place.path("root/kustomization.yaml"), text).unwrap();
    let expected = "\
apiVersion: v1
data:
  patched: by http
kind: ConfigMap
metadata:
  name: p-a
---
apiVersion: v1
data:
  replaced: a
kind: ConfigMap
metadata:
  name: p-b
---
apiVersion: v1
data:
  KEY: from http
  page: |
    <html>
kind: ConfigMap
metadata:
  name: p-g
";
    assert_eq!(place.done(&["build", "root"]), expected);
    assert_eq!(server.asked(), 7);
    assert_eq!(
        place.done(&["lock", "root"]),
        "root/terrace.lock: 0 repositories, 7 files\n"
    );
    assert_eq!(place.done(&["build", "root", "--offline"]), expected);
    if let Some(kustomize) = kustomize() {
        assert_eq!(ran(&mut place.command(&kustomize, &["build", "root"])).out, expected);
    }
}

/// The program whose behaviour is followed, where it is installed.
fn kustomize() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path)
        .map(|directory| directory.join("kustomize"))
        .find(|file| file.is_file());
    if found.is_none() {
        eprintln!("not compared with kustomize: it is not on PATH");
    }
    found
}

#[test]
fn a_url_that_gives_no_objects_may_be_a_repository() {
    let place = Place::new();
    bases(place.path("www/org/repo"), &["a"]);
    let root = place.path("www");
    let server = HttpServer::start(move |request| match request.target.split('?').next() {
        Some("/org/repo/a") => Answer::status("200 OK", "content-type: text/html\r\n", "<html>a repository</html>"),
        Some("/other/repo/file") => Answer::status("200 OK", "content-type: text/html\r\n", "<html>a page</html>"),
        Some("/broken/repo/file") => Answer::ok("a: [\n"),
        _ => servers::answer(&root, request),
    });
    place.resources(&[&server.url("org/repo/a?ref=main")]);
    assert_eq!(place.done(&["build", "root"]), config_map("a"));
    place.done(&["lock", "root"]);
    let lock = fs::read_to_string(place.path("root/terrace.lock")).unwrap();
    assert!(lock.contains("/org/repo\n") && lock.contains("files: []"), "{lock}");
    assert_eq!(place.done(&["build", "root", "--offline"]), config_map("a"));
    fs::remove_file(place.path("root/terrace.lock")).unwrap();
    place.resources(&[&server.url("other/repo/file")]);
    let error = place.fails(&["build", "root"], 3, "not found; and as a file: ");
    assert!(error.contains("is a web page"), "{error}");
    place.resources(&[&server.url("broken/repo/file")]);
    place.fails(&["build", "root"], 1, "/broken/repo/file:1:6");
}

#[test]
fn errors_name_the_line_and_the_exit_says_whose_fault_it_is() {
    let place = Place::new();
    bases(place.path("www/repo.git"), &["a"]);
    let server = GitServer::start(place.path("www"));
    let closed = GitServer::start_with_password(place.path("www"), "Basic bWU6c2VjcmV0");
    let (refused, failed) = (3, 4);
    for (url, code, words) in [
        (server.url("none.git"), refused, "not found"),
        (server.url("repo.git/a?ref=none"), refused, "find remote ref none"),
        (closed.url("repo.git/a"), refused, "give git credentials for it"),
        (server.url("none.yaml"), refused, "status code 404"),
        ("http://127.0.0.1:1/a.yaml".to_owned(), failed, "Connection refused"),
        ("http://127.0.0.1:1/a/b.git".to_owned(), failed, "Failed to connect"),
        (server.url("repo.git/none"), 1, "No such file"),
        (server.url("repo.git/a/map.yaml"), 3, "status code 404"),
    ] {
        place.resources(&[&url]);
        let error = place.fails(&["build", "root"], code, words);
        assert!(error.contains("--> root/kustomization.yaml:2:3"), "{error}");
        // Among several directories as well.
        place.fails(&["build", "root", "root/../root"], code, words);
    }
    // Under the name kustomize every failure is 1.
    let program = place.path("kustomize");
    fs::hard_link(TERRACE, &program)
        .or_else(|_| fs::copy(TERRACE, &program).map(drop))
        .unwrap();
    let ran = ran(&mut place.command(&program, &["build", "root"]));
    assert_eq!(ran.code, Some(1), "{}", ran.error);
}

#[test]
fn a_lock_is_what_is_built() {
    let place = Place::new();
    let repository = bases(place.path("www/repo.git"), &["a"]);
    let server = GitServer::start(place.path("www"));
    place.resources(&[&server.url("repo.git/a?ref=main")]);
    place.fails(&["lock", "--check", "root"], 1, "there is no \"root/terrace.lock\"");
    assert_eq!(
        place.done(&["lock", "root"]),
        "root/terrace.lock: 1 repository, 0 files\n"
    );
    assert_eq!(place.done(&["lock", "--check", "root"]), "");
    let lock = fs::read_to_string(place.path("root/terrace.lock")).unwrap();
    // The branch goes on; the lock does not.
    let commit = repository.commit(&[("a/map.yaml", &config_map("moved"))]);
    assert_eq!(place.done(&["build", "root"]), config_map("a"));
    let error = place.fails(&["lock", "--check", "root"], 1, "\"root/terrace.lock\" is stale");
    assert!(error.contains(&format!("and is at {commit}")), "{error}");
    place.forget();
    place.fails(&["build", "root", "--offline"], 1, "--offline forbids");
    assert_eq!(place.done(&["build", "root"]), config_map("a"));
    place.done(&["lock", "root"]);
    assert_eq!(place.done(&["build", "root"]), config_map("moved"));
    // A digest that is not the one that was locked.
    let text = fs::read_to_string(place.path("root/terrace.lock")).unwrap();
    let digest = |text: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix("  digest: "))
            .unwrap()
            .to_owned()
    };
    let forged = text.replace(&digest(&text), &digest(&lock));
    assert_ne!(forged, text);
    fs::write(place.path("root/terrace.lock"), &forged).unwrap();
    place.forget();
    let error = place.fails(&["build", "root"], 1, "and terrace.lock says sha256:");
    assert!(error.contains("--> root/kustomization.yaml:2:3"), "{error}");
    // A URL that nobody locked; and a lock that is not one, at its line.
    fs::write(place.path("root/terrace.lock"), text).unwrap();
    place.resources(&[&server.url("repo.git/a?ref=main"), &server.url("repo.git/a?ref=other")]);
    let error = place.fails(&["build", "root"], 1, "is not in terrace.lock");
    assert!(
        error.contains("run `terrace lock`") && error.contains("kustomization.yaml:3:3"),
        "{error}"
    );
    fs::write(place.path("root/terrace.lock"), "version: 1\nrepositores: []\n").unwrap();
    place.fails(&["build", "root"], 1, "--> root/terrace.lock:2:1");
    place.fails(&["explain", "root", "ConfigMap/a"], 1, "--> root/terrace.lock:2:1");
}

#[test]
fn directories_with_locks_of_their_own_are_built_side_by_side() {
    let place = Place::new();
    let repository = bases(place.path("www/repo.git"), &["a"]);
    let server = GitServer::start(place.path("www"));
    let url = server.url("repo.git/a?ref=main");
    // Both take the remote base through one that is local.
    fs::create_dir_all(place.path("base")).unwrap();
    fs::write(place.path("base/kustomization.yaml"), format!("resources:\n- {url}\n")).unwrap();
    for name in ["old", "new", "free"] {
        fs::create_dir_all(place.path(name)).unwrap();
        let text = format!("resources: [../base]\nnamePrefix: {name}-\n");
        fs::write(place.path(name).join("kustomization.yaml"), text).unwrap();
    }
    place.done(&["lock", "old"]);
    repository.commit(&[("a/map.yaml", &config_map("b"))]);
    place.done(&["lock", "new"]);
    repository.commit(&[("a/map.yaml", &config_map("c"))]);
    let out = place.done(&["build", "old", "new", "free"]);
    let expected = ["old-a", "new-b", "free-c"].map(config_map).join("---\n");
    assert_eq!(out, expected);
}

#[test]
fn processes_share_a_cold_cache() {
    let place = Place::new();
    bases(place.path("www/repo.git"), &["a", "b"]);
    let server = GitServer::start(place.path("www"));
    place.resources(&[&server.url("repo.git/a?ref=main"), &server.url("repo.git/b?ref=main")]);
    for _ in 0..5 {
        place.forget();
        let start = || place.command(Path::new(TERRACE), &["build", "root"]).spawn().unwrap();
        let children: Vec<_> = (0..4).map(|_| start()).collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{error}");
            let expected = format!("{}---\n{}", config_map("a"), config_map("b"));
            assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
        }
        assert_eq!(fs::read_dir(place.cache().join("manifests")).unwrap().count(), 1);
        assert_eq!(fs::read_dir(place.cache().join("tmp")).unwrap().count(), 0);
    }
}

/// The program is killed at different moments of its work. Whatever is in the cache is whole, and the
/// next run works.
#[test]
fn a_killed_run_leaves_nothing_that_is_half() {
    let place = Place::new();
    let names: Vec<String> = (0..60).map(|at| format!("base{at}")).collect();
    bases(
        place.path("www/repo.git"),
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let server = GitServer::start(place.path("www"));
    place.resources(&[&server.url("repo.git/base1?ref=main")]);
    let start = Instant::now();
    let expected = place.done(&["build", "root"]);
    let whole = start.elapsed();
    let kept = || -> Vec<(PathBuf, Vec<u8>)> {
        let files = ["blobs", "manifests", "parts", "commits", "refs"]
            .into_iter()
            .flat_map(|kind| fs::read_dir(place.cache().join(kind)).into_iter().flatten());
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        files
            .into_iter()
            .map(|file| (file.clone(), fs::read(&file).unwrap()))
            .collect()
    };
    let all = kept();
    let mut rounds = [0; 3];
    for round in 0..24_u32 {
        place.forget();
        let mut child = place.command(Path::new(TERRACE), &["build", "root"]).spawn().unwrap();
        std::thread::sleep(whole * round / 20);
        child.kill().unwrap();
        child.wait().unwrap();
        // Every file that is there is whole, the same as after a run that was left in peace.
        let now = kept();
        assert!(now.iter().all(|file| all.contains(file)), "round {round}");
        let share = if now.is_empty() {
            0
        } else if now.len() < all.len() {
            1
        } else {
            2
        };
        rounds[share] += 1;
        // And what it worked in goes, though it could not remove it itself.
        let deadline = Instant::now() + Duration::from_secs(20);
        let rooms = || fs::read_dir(place.cache().join("tmp")).into_iter().flatten().count();
        while rooms() > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(rooms(), 0, "round {round}");
        assert_eq!(place.done(&["build", "root"]), expected, "round {round}");
    }
    eprintln!(
        "killed 24 times: {} with nothing, {} with a part, {} with all in the cache",
        rounds[0], rounds[1], rounds[2]
    );
}

#[test]
fn nothing_leads_out_of_a_clone() {
    let place = Place::new();
    fs::create_dir_all(place.path("www")).unwrap();
    fs::write(place.path("secret.yaml"), config_map("secret")).unwrap();
    fs::create_dir_all(place.path("elsewhere")).unwrap();
    fs::write(
        place.path("elsewhere/kustomization.yaml"),
        "resources: [../secret.yaml]\n",
    )
    .unwrap();
    let repository = bases(place.path("www/repo.git"), &["a"]);
    let here = place.directory.path().canonicalize().unwrap();
    for (name, kustomization) in [
        (
            "climbs",
            format!(
                "resources: [../../../../../../../../../..{}/elsewhere]\n",
                here.display()
            ),
        ),
        ("nowhere", "resources: [../../../nothing.yaml]\n".to_owned()),
        ("file", "resources: [link.yaml]\n".to_owned()),
        ("env", "configMapGenerator: [{name: g, envs: [link.yaml]}]\n".to_owned()),
        (
            "local",
            format!("resources: [\"file://{}\"]\n", place.path("www/repo.git//a").display()),
        ),
    ] {
        repository.commit(&[(&format!("{name}/kustomization.yaml"), &kustomization)]);
    }
    #[cfg(unix)]
    {
        let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, repository.path.join(name)).unwrap();
        link(&place.path("secret.yaml"), "file/link.yaml");
        link(&place.path("secret.yaml"), "env/link.yaml");
        link(&place.path("elsewhere"), "out");
    }
    repository.commit(&[]);
    let server = GitServer::start(place.path("www"));
    for (path, words) in [
        ("climbs", "must be within the repo"),
        ("nowhere", "leads out of the repository"),
        ("file", "is not in or below"),
        ("env", "is not in or below"),
        ("local", "names a repository on this machine"),
        ("out", "refers to directory outside of repo"),
    ] {
        place.resources(&[&server.url(&format!("repo.git/{path}?ref=main"))]);
        let error = place.fails(
            &["build", "--load-restrictor", "LoadRestrictionsNone", "root"],
            1,
            words,
        );
        assert!(!error.contains("name: secret"), "{error}");
    }
    // A path in the URL that climbs is no URL of a repository; behind HTTP it may still be one of a file.
    place.resources(&[&server.url("repo.git//../../x?ref=main")]);
    assert_ne!(place.run(&["build", "root"]).code, Some(0));
    place.resources(&[&format!("file://{}//../x", place.path("www/repo.git").display())]);
    place.fails(&["build", "root"], 1, "of this URL leads out of the repository");
}

#[test]
fn repositories_that_name_each_other_are_a_cycle() {
    let place = Place::new();
    let server = GitServer::start(place.path("www"));
    for (name, other) in [("one", "two"), ("two", "one")] {
        let text = format!("resources:\n- {}\n", server.url(&format!("{other}.git?ref=main")));
        Repository::new(
            place.path("www").join(format!("{name}.git")),
            &[("kustomization.yaml", &text)],
        );
    }
    place.resources(&[&server.url("one.git?ref=main")]);
    place.fails(&["build", "root"], 1, "cycle detected");
}

/// Runs `openssl` in a directory; whether it did what was asked.
fn openssl(directory: &Path, arguments: &str) -> bool {
    let mut command = Command::new("openssl");
    command.args(arguments.split(' ')).current_dir(directory);
    command.output().is_ok_and(|output| output.status.success())
}

#[test]
fn https_trusts_the_authorities_that_the_user_names() {
    let place = Place::new();
    let tls = place.path("tls");
    fs::create_dir_all(&tls).unwrap();
    fs::write(
        tls.join("names"),
        "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n",
    )
    .unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    let made = openssl(
        &tls,
        &format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=authority"),
    ) && openssl(
        &tls,
        &format!("req {key} -keyout key.pem -out request.pem -subj /CN=server"),
    ) && openssl(
        &tls,
        "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out cert.pem",
    );
    if !made {
        eprintln!("skipped: there is no openssl here");
        return;
    }
    fs::write(tls.join("map.yaml"), config_map("encrypted")).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut server = Command::new("openssl")
        .args([
            "s_server", "-quiet", "-WWW", "-cert", "cert.pem", "-key", "key.pem", "-accept",
        ])
        .arg(format!("127.0.0.1:{port}"))
        .current_dir(&tls)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..200 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    place.resources(&[&format!("https://127.0.0.1:{port}/map.yaml")]);
    let stranger = place.run(&["build", "root"]);
    let mut command = place.command(Path::new(TERRACE), &["build", "root"]);
    let trusted = ran(command.env("SSL_CERT_FILE", tls.join("ca.pem")));
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(
        (trusted.code, trusted.out),
        (Some(0), config_map("encrypted")),
        "{}",
        trusted.error
    );
    assert_eq!(stranger.code, Some(4));
    assert!(
        stranger.error.contains("invalid peer certificate"),
        "{}",
        stranger.error
    );
    assert!(stranger.error.contains("SSL_CERT_FILE"), "{}", stranger.error);
}

#[test]
fn repositories_come_over_ssh_and_nobody_is_asked() {
    let place = Place::new();
    let repository = bases(place.path("www/repo.git"), &["a"]);
    fs::create_dir_all(place.path("ssh")).unwrap();
    let Some(server) = SshServer::start(&place.path("ssh")) else {
        return;
    };
    place.resources(&[&server.url(&repository.path.join("a"))]);
    let build = |ssh: Option<String>| {
        let mut command = place.command(Path::new(TERRACE), &["build", "root"]);
        if let Some(ssh) = ssh {
            command.env("GIT_SSH_COMMAND", ssh);
        }
        let start = Instant::now();
        let ran = ran(&mut command);
        assert!(start.elapsed() < Duration::from_secs(20), "{}", ran.error);
        ran
    };
    let answer = build(Some(server.command_with_key()));
    assert_eq!(
        (answer.code, answer.out),
        (Some(0), config_map("a")),
        "{}",
        answer.error
    );
    let answer = build(Some(server.command_without_key()));
    assert!(answer.error.contains("Permission denied"), "{}", answer.error);
    assert_eq!(answer.code, Some(3));
    // With no word of the user's about ssh, an unknown host is refused without a question.
    let answer = build(None);
    assert!(
        answer.error.contains("Host key verification failed"),
        "{}",
        answer.error
    );
    assert_eq!(answer.code, Some(3));
}
